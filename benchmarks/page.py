"""The page of the documentation that holds the tables."""

import re

from benchmarks.children import ROOT
from benchmarks.records import Record
from benchmarks.tables import TABLES

__all__ = ["PAGE", "rendered", "write_page"]

PAGE = ROOT / "docs" / "reference" / "speed.md"


def rendered(page: str, record: Record) -> str:
    """The text of a page with its tables made anew from the record.

    A table stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; one of which nothing
    is recorded yet stays as it is.
    """
    for name, table in TABLES.items():
        if name in record:
            between = re.compile(f"(<!-- begin {name} -->\n).*(<!-- end {name} -->)", re.DOTALL)
            # Doubled, since a backslash means something in what replaces.
            text = table(record).replace("\\", r"\\")
            page = between.sub(rf"\g<1>{text}\n\g<2>", page)
    return page


def write_page(record: Record) -> None:
    """Make the tables of the page anew."""
    PAGE.write_text(rendered(PAGE.read_text(), record))
