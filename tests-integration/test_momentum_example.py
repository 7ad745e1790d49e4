"""The example of ``make demo``, on the real prices it ships with and on synthetic bars."""

import importlib.util
import os
from datetime import datetime
from pathlib import Path
from types import ModuleType

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


def best_by_month(closes: pd.DataFrame, count: int) -> dict[datetime, set[str]]:
    """The strongest stocks on each first day of a month, by pandas and nothing of ours."""
    months = pd.DatetimeIndex(closes.index).strftime("%Y-%m")
    firsts = closes[~months.duplicated()]
    strength = (firsts.shift(1) / firsts.shift(12) - 1).dropna(how="all")
    return {day: set(strength.loc[day].nlargest(count).index) for day in strength.index}


def held_after(result: BacktestResult, day: datetime) -> set[str]:
    """What is held after the bar that follows ``day``, in which decisions of ``day`` fill."""
    row = list(result.positions.index).index(day) + 1
    held = result.positions.iloc[row]
    return set(held.index[held > 0])


def test_each_month_the_five_strongest_stocks_are_held(demo: BacktestResult) -> None:
    closes = pd.read_parquet(PRICES).pivot_table("close", "timestamp", "symbol", observed=True)
    expected = best_by_month(closes, 5)
    assert len(expected) == 384  # 33 years less the first twelve months
    assert {day: held_after(demo, day) for day in expected} == expected


def test_no_order_filled_before_the_bar_after_its_decision(demo: BacktestResult) -> None:
    fills = demo.fills.merge(demo.orders[["order_id", "submitted_at"]], on="order_id")
    number = {instant: row for row, instant in enumerate(demo.equity.index)}
    waited = fills["timestamp"].map(number) - fills["submitted_at"].map(number)
    assert set(waited) == {1}


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
    assert {day: held_after(result, day) for day in expected} == expected
    fills = result.fills.assign(date=result.fills["timestamp"].dt.strftime("%Y-%m-%d"))
    with_bars = fills.merge(prices, left_on=["date", "asset"], right_on=["date", "symbol"])
    assert len(with_bars) == len(fills) > 0
    assert (with_bars["reference_price"] == with_bars["open"]).all()
    gained = result.equity.iloc[-1] - config.initial_cash
    assert result.trades["profit"].sum() == pytest.approx(gained, rel=1e-9)
