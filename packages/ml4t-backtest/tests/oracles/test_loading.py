"""Every oracle file can be read: its bars, its orders, and what came of them."""

import json
from pathlib import Path

import pytest

from . import backtesting_py, backtrader, bt, lean, vectorbt, zipline
from .scenarios import Scenario, oracle_files


def is_run(path: Path) -> bool:
    return "stored" not in path.stem


def assert_whole(scenario: Scenario) -> None:
    count = len(scenario.feed)
    assert all(0 <= fill.bar < count for fill in scenario.fills)
    rows = count if scenario.rows is None else len(scenario.rows)
    assert all(len(curve) == rows for curve in scenario.curves.values())


@pytest.mark.parametrize("path", oracle_files("backtrader"))
def test_backtrader_files_are_read(path: Path) -> None:
    assert_whole(backtrader.load(path))


@pytest.mark.parametrize("path", oracle_files("backtesting_py", is_run))
def test_backtesting_py_files_are_read(path: Path) -> None:
    assert_whole(backtesting_py.load(path))


@pytest.mark.parametrize("path", oracle_files("vectorbt"))
def test_vectorbt_files_are_read(path: Path) -> None:
    for scenario in vectorbt.load(path):
        assert_whole(scenario)


@pytest.mark.parametrize("path", oracle_files("zipline", is_run))
def test_zipline_files_are_read(path: Path) -> None:
    assert_whole(zipline.load(path))


@pytest.mark.parametrize("path", oracle_files("bt"))
def test_bt_files_are_read(path: Path) -> None:
    assert_whole(bt.load(path))


@pytest.mark.parametrize("path", oracle_files("lean", lambda path: "fill" in path.stem))
def test_lean_fill_tables_are_read(path: Path) -> None:
    for scenario in lean.fill_cases(path):
        assert_whole(scenario)


@pytest.mark.parametrize("path", oracle_files("zipline", lambda path: not is_run(path)))
def test_zipline_tables_are_read(path: Path) -> None:

    for scenario in zipline.small_cases(json.loads(path.read_text())):
        assert_whole(scenario)
