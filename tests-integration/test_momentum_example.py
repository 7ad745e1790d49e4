"""The example of ``make demo``, on the real prices it ships with and on synthetic bars."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from ml4t.backtest import BacktestConfig, BacktestResult, DataFeed, Engine
from ml4t.backtest.cli import main

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PRICES = EXAMPLES / "data" / "us_stocks_daily.parquet"
ORACLES = Path(os.environ.get("ML4T_ORACLES", ROOT.parent / "shared" / "oracles"))


@pytest.fixture(scope="module")
def momentum() -> ModuleType:
    """The module of the example."""
    spec = importlib.util.spec_from_file_location("momentum", EXAMPLES / "momentum.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    """What ``make demo`` leaves behind, by the same command."""
    folder = tmp_path_factory.mktemp("demo")
    arguments = ["--prices", str(PRICES), "--config", str(EXAMPLES / "momentum.toml")]
    assert main([str(EXAMPLES / "momentum.py"), *arguments, "--out", str(folder)]) == 0
    return BacktestResult.from_parquet(folder)


def best_by_month(closes: pd.DataFrame, count: int) -> dict[pd.Timestamp, set[str]]:
    """The strongest stocks on each first day of a month, by pandas and nothing of ours."""
    months = closes.index.tz_localize(None).to_period("M")
    firsts = closes[~months.duplicated()]
    strength = firsts.shift(1) / firsts.shift(12) - 1
    return {
        day: set(row.nlargest(count).index) for day, row in strength.dropna(how="all").iterrows()
    }


def test_each_month_the_five_strongest_stocks_are_held(demo: BacktestResult) -> None:
    closes = pd.read_parquet(PRICES).pivot_table("close", "timestamp", "symbol", observed=True)
    expected = best_by_month(closes, 5)
    held = demo.positions
    assert len(expected) == 384  # 33 years less the first twelve months
    for day, best in expected.items():
        row = held.index.get_loc(day) + 1  # decided on this close, filled in the next bar
        if row < len(held):
            assert set(held.columns[held.iloc[row] > 0]) == best, day


def test_no_order_filled_before_the_bar_after_its_decision(demo: BacktestResult) -> None:
    fills = demo.fills.merge(demo.orders[["order_id", "submitted_at"]], on="order_id")
    bars = pd.Series(np.arange(len(demo.equity)), index=demo.equity.index)
    assert (bars[fills["timestamp"]].to_numpy() - bars[fills["submitted_at"]].to_numpy() == 1).all()


def test_cash_profits_and_costs_add_up(demo: BacktestResult) -> None:
    gained = demo.equity.iloc[-1] - demo.config.initial_cash
    assert demo.trades["profit"].sum() == pytest.approx(gained, rel=1e-9)
    assert demo.trades["fees"].sum() == pytest.approx(demo.fills["fee"].sum(), rel=1e-9)
    assert demo.fills["fee"].sum() == pytest.approx(0.0005 * demo.fills["value"].sum(), rel=1e-9)
    assert demo.account["cash"].min() >= -1e-6
    assert (demo.positions >= 0).all(axis=None)


def test_the_same_input_gives_the_same_digest(demo: BacktestResult, momentum: ModuleType) -> None:
    config = BacktestConfig.from_toml(EXAMPLES / "momentum.toml")
    again = Engine(DataFeed(PRICES), momentum.Momentum(), config).run()
    assert again.digest == demo.digest
    assert again.manifest.data_digest == demo.manifest.data_digest


@pytest.mark.skipif(not ORACLES.is_dir(), reason=f"the oracle data is not at {ORACLES}")
def test_it_runs_on_synthetic_bars_with_gaps_and_halts(momentum: ModuleType) -> None:
    path = ORACLES / "data" / "synth_daily.csv"
    config = BacktestConfig.from_toml(EXAMPLES / "momentum.toml")
    feed = DataFeed(path, timezone="America/New_York")
    result = Engine(feed, momentum.Momentum(count=2), config).run()
    prices = pd.read_csv(path)
    closes = prices.pivot_table("close", "date", "symbol")
    closes.index = pd.DatetimeIndex(closes.index).tz_localize("America/New_York")
    expected = best_by_month(closes, 2)
    rows = {day: result.positions.index.get_loc(day) + 1 for day in expected}
    for day, best in expected.items():
        assert set(result.positions.columns[result.positions.iloc[rows[day]] > 0]) == best, day
    bars = prices.set_index([prices["date"], prices["symbol"]])
    for fill in result.fills.itertuples():
        bar = bars.loc[(str(fill.timestamp.date()), fill.asset)]
        assert fill.reference_price == bar["open"]
    gained = result.equity.iloc[-1] - config.initial_cash
    assert result.trades["profit"].sum() == pytest.approx(gained, rel=1e-9)
