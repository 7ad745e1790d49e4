"""The page on agreement says what the runs gave: ``make agreement`` writes its tables anew."""

from collections.abc import Callable

import pytest

from ml4t.backtest import BacktestResult

from .replay import ENGINES, agreement_of
from .scenarios import oracle_files
from .tables import PAGE, is_to_be_written, line_of, lines_in, rendered

RunEngine = Callable[..., BacktestResult]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_table_of_an_engine_is_what_its_files_gave(engine: str, run_engine: RunEngine) -> None:
    paths = [path for parameter in oracle_files(engine) for path in parameter.values if path]
    found = {path.stem: agreement_of(path, run_engine) for path in paths}
    lines = {name: line_of(name, made) for name, made in sorted(found.items()) if made.cases}
    if not lines or not PAGE.is_file():
        pytest.skip(f"there is no file of {engine}, or no page")
    page = PAGE.read_text()
    if is_to_be_written():
        PAGE.write_text(rendered(page, engine, lines))
        return

    written = lines_in(page, engine)

    # Other files of the same engine may lie there instead: they are none of the page's.
    known = lines.keys() & written.keys()
    assert {name: written[name] for name in known} == {name: lines[name] for name in known}
    assert known == written.keys() or not known
