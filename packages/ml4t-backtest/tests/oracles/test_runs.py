"""What other engines made of an order program comes out here under their profile.

Bars and quantities are equal, prices and fees within 1e-8, and every value after every bar within
1e-9 of it. docs/reference/agreement.md lists the files and says what is not compared.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from ml4t.backtest import BacktestResult

from .replay import agreement_of
from .scenarios import oracle_files

RunEngine = Callable[..., BacktestResult]


@pytest.mark.parametrize("path", oracle_files("backtrader"))
def test_a_program_gives_the_fills_ends_and_curves_of_backtrader(
    path: Path, run_engine: RunEngine
) -> None:
    assert agreement_of(path, run_engine).fills


@pytest.mark.parametrize("path", oracle_files("zipline"))
def test_a_program_gives_the_fills_ends_and_curves_of_zipline(
    path: Path, run_engine: RunEngine
) -> None:
    assert agreement_of(path, run_engine).fills


@pytest.mark.parametrize("path", oracle_files("vectorbt"))
def test_sizes_and_signals_give_the_fills_and_curves_of_vectorbt(
    path: Path, run_engine: RunEngine
) -> None:
    assert agreement_of(path, run_engine).fills


@pytest.mark.parametrize("path", oracle_files("bt"))
def test_rebalances_give_the_fills_and_curves_of_bt(path: Path, run_engine: RunEngine) -> None:
    assert agreement_of(path, run_engine).fills


@pytest.mark.parametrize("path", oracle_files("lean", lambda path: "fill" in path.stem))
def test_an_order_and_a_bar_give_the_fill_of_lean(path: Path, run_engine: RunEngine) -> None:
    assert agreement_of(path, run_engine).cases


@pytest.mark.parametrize("path", oracle_files("backtesting_py"))
def test_a_program_gives_the_trades_and_equity_of_backtesting_py(
    path: Path, run_engine: RunEngine
) -> None:
    assert agreement_of(path, run_engine).fills
