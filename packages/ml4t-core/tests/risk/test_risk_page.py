"""The page on the controls says what they are."""

import os
from pathlib import Path

import attrs
import pytest

from ml4t.core.risk import CONTROLS, MANDATORY, Control, LiveRiskConfig

PAGE = next(
    (path for path in Path(__file__).parents if (path / "uv.lock").is_file()), Path()
).joinpath("docs", "reference", "risk-controls.md")
DEFAULTS = LiveRiskConfig().as_text()


def field_of(name: str) -> str:
    """A field with its default, as a cell of the table shows it."""
    if name in MANDATORY:
        return f"`{name}` (must be set)"
    default = DEFAULTS[name]
    return f"`{name}`" if default in {"None", ""} else f"`{name}` = {default}"


def row_of(control: Control) -> str:
    fields = "<br>".join(field_of(name) for name in control.fields) or "–"
    return (
        f"| {control.number} | {control.name} | {fields} | {control.sentence} "
        f"| {control.enforced_by} |"
    )


@pytest.mark.skipif(not PAGE.is_file(), reason="the documents are not beside the tests")
def test_the_page_on_controls_is_up_to_date():
    """``ML4T_WRITE_CONTROLS=1`` rewrites it."""
    head = ["| # | control | fields and defaults | what it does | by |", "|---|---|---|---|---|"]
    table = "\n".join([*head, *map(row_of, CONTROLS)])
    begin, end = "<!-- begin controls -->\n", "<!-- end controls -->"
    before, _, rest = PAGE.read_text().partition(begin)
    written, _, after = rest.partition(end)
    if os.environ.get("ML4T_WRITE_CONTROLS"):
        written = f"{table}\n"
        PAGE.write_text(f"{before}{begin}{written}{end}{after}")

    assert written == f"{table}\n"


def test_every_field_is_explained_where_it_is_defined():
    explained = LiveRiskConfig.__doc__ or ""
    missing = [f.name for f in attrs.fields(LiveRiskConfig) if f.name not in explained]
    assert missing == []
