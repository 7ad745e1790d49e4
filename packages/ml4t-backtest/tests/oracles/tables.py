"""The page of the documentation that says how far ours agrees with other engines."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ml4t.backtest.profiles import load_profile

from .replay import Agreement

__all__ = ["PAGE", "Lines", "is_to_be_written", "lines_of", "rendered", "table_in"]

_ROOT = next(path for path in Path(__file__).parents if (path / "uv.lock").is_file())
PAGE = _ROOT / "docs" / "reference" / "agreement.md"
_HEAD = ("file", "runs", "fills", "values", "agrees", "not compared, and why")

Lines = Mapping[str, str]
"""The lines of a table by what is in the first column."""


def is_to_be_written() -> bool:
    """Whether the page is to be made anew, as `make agreement` asks for."""
    return bool(os.environ.get("ML4T_WRITE_AGREEMENT"))


def lines_of(agreements: Mapping[str, Agreement]) -> dict[str, str]:
    """A line for each file, in the order of the names."""
    lines = {}
    for name, found in sorted(agreements.items()):
        cells = [name, *(f"{number:,}" for number in found[:3])]
        cells += ["yes" if not found.differs else "in part", "; ".join(found.left_out)]
        lines[name] = _line(cells)
    return lines


def table_in(page: str, engine: str) -> dict[str, str]:
    """The lines that the page has for an engine."""
    found = re.search(f"<!-- begin {engine} -->\n(.*?)<!-- end {engine} -->", page, re.DOTALL)
    assert found, f"the page has no place for {engine}"
    rows = found[1].strip().splitlines()[2:]
    return {row.split("|")[1].strip(): row for row in rows if row.startswith("|")}


def rendered(page: str, tables: Mapping[str, Lines]) -> str:
    """The text of the page with the tables of some engines made anew."""
    for engine, lines in tables.items():
        between = re.compile(f"(<!-- begin {engine} -->\n).*(<!-- end {engine} -->)", re.DOTALL)
        body = "\n".join([_line(_HEAD), _line(["---"] * len(_HEAD)), *lines.values()])
        page = between.sub(lambda found, body=body: f"{found[1]}{body}\n{found[2]}", page)
    return page


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def title_of(engine: str) -> str:
    """What people call an engine."""
    return load_profile(engine).title
