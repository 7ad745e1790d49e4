"""The page of the documentation that says how far ours agrees with other engines."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .replay import Agreement

__all__ = ["PAGE", "is_to_be_written", "line_of", "lines_in", "rendered"]

_ROOT = next((path for path in Path(__file__).parents if (path / "uv.lock").is_file()), Path())
PAGE = _ROOT / "docs" / "reference" / "agreement.md"
_HEAD = ("file", "runs", "fills", "values", "agrees", "not compared, and why")


def is_to_be_written() -> bool:
    """Whether the page is to be made anew, as ``make agreement`` asks for."""
    return bool(os.environ.get("ML4T_WRITE_AGREEMENT"))


def line_of(name: str, found: Agreement) -> str:
    """The line of a file in the table of its engine."""
    counts = [f"{number:,}" for number in (found.cases, found.fills, found.values)]
    verdict = "yes, but for what is not compared" if found.left_out else "yes"
    return _line([f"`{name}`", *counts, verdict, "; ".join(found.left_out)])


def lines_in(page: str, engine: str) -> dict[str, str]:
    """The lines that the page has for an engine, by the name of the file."""
    found = re.search(f"<!-- begin {engine} -->\n(.*?)<!-- end {engine} -->", page, re.DOTALL)
    assert found, f"the page has no place for {engine}"
    rows = found[1].splitlines()[2:]
    return {row.split("`")[1]: row for row in rows if "`" in row}


def rendered(page: str, engine: str, lines: Mapping[str, str]) -> str:
    """The text of the page with the table of an engine made anew."""
    table = "\n".join([_line(_HEAD), _line(["---"] * len(_HEAD)), *lines.values()])
    begin, end = f"<!-- begin {engine} -->\n", f"<!-- end {engine} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{table}\n{end}{after}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
