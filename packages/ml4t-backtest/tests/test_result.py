"""What a run gives: tables, figures, notes, a digest, and a folder that keeps them."""

import json
import math
import statistics
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ml4t.backtest import (
    Asset,
    BacktestConfig,
    BacktestResult,
    BasisPoints,
    BrokerProtocol,
    CashAccount,
    DataFeed,
    MarginAccount,
    OrderType,
    PerShare,
    RejectOrder,
    SameBarClose,
    Strategy,
)
from ml4t.backtest.results.result import TABLES
from ml4t.core import DataError, MarketSlice

RunEngine = Callable[..., BacktestResult]
Floats = NDArray[np.float64]

ZONE = "America/New_York"
BARS = 120
CONFIG = BacktestConfig(
    initial_cash=50_000,
    account=MarginAccount(),
    slippage=BasisPoints(10),
    commission=PerShare(0.01, minimum=1.0),
)

COLUMNS = {
    "account": {"cash": "float64", "equity": "float64", "gross": "float64"},
    "orders": {
        "order_id": "str",
        "asset": "str",
        "side": "str",
        "quantity": "float64",
        "order_type": "str",
        "limit_price": "float64",
        "stop_price": "float64",
        "trail_amount": "float64",
        "trail_percent": "float64",
        "time_in_force": "str",
        "status": "str",
        "filled_quantity": "float64",
        "average_fill_price": "float64",
        "fees": "float64",
        "submitted_at": "time",
        "updated_at": "time",
        "reason": "str",
        "tag": "str",
        "parent": "str",
        "group": "str",
        "reduce_only": "bool",
    },
    "fills": {
        "fill_id": "str",
        "order_id": "str",
        "timestamp": "time",
        "asset": "str",
        "side": "str",
        "quantity": "float64",
        "price": "float64",
        "reference_price": "float64",
        "slippage": "float64",
        "impact": "float64",
        "value": "float64",
        "fee": "float64",
        "volume_left": "float64",
        "rule": "str",
        "path": "str",
    },
    "trades": {
        "asset": "str",
        "side": "str",
        "quantity": "float64",
        "entry_time": "time",
        "entry_price": "float64",
        "exit_time": "time",
        "exit_price": "float64",
        "fees": "float64",
        "profit": "float64",
        "is_open": "bool",
    },
    "positions": {"FUT": "float64", "SPY": "float64"},
    "charges": {"timestamp": "time", "asset": "str", "amount": "float64"},
    "ambiguous_bars": {
        "timestamp": "time",
        "asset": "str",
        "path": "str",
        "gain": "float64",
        "worst": "float64",
        "best": "float64",
    },
}


class Mixed(Strategy):
    """Goes long and short, holds at the end, and has orders rejected and expired."""

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        if data.row % 10 == 1:
            broker.submit_order("SPY", 100, tag="swing")
        if data.row % 10 == 6:
            broker.submit_order("SPY", -150)
        if data.row % 25 == 3:
            broker.submit_order("FUT", 2 if data.row < 60 else -1)
        if data.row == 4:
            broker.submit_order("SPY", 1, None, OrderType.LIMIT, 1.0)
            broker.submit_order("QQQ", 1)


def feed(count: int = BARS) -> DataFeed:
    """Two assets, one of them a future, over some days in New York."""
    waves = np.arange(count) / 5
    closes = np.column_stack([20 + 3 * np.cos(waves * 1.7), 100 + 10 * np.sin(waves)])
    opens = np.vstack([closes[:1], closes[:-1] * 1.001])
    times = np.datetime64("2024-01-02T16:00", "us") + np.arange(count) * np.timedelta64(1, "D")
    columns = {
        "open": opens,
        "high": np.maximum(opens, closes),
        "low": np.minimum(opens, closes),
        "close": closes,
    }
    terms = [Asset(symbol="FUT", multiplier=50)]
    return DataFeed.from_arrays(times, ["FUT", "SPY"], columns, timezone=ZONE, assets=terms)


@pytest.fixture
def result(run_engine: RunEngine) -> BacktestResult:
    return run_engine(feed(), Mixed(), CONFIG)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_its_columns_types_and_timezone(name: str, result: BacktestResult) -> None:
    table = getattr(result, name)

    assert {
        column: "time" if isinstance(kind, pd.DatetimeTZDtype) else str(kind)
        for column, kind in table.dtypes.items()
    } == COLUMNS[name]
    times = [table[column] for column, kind in COLUMNS[name].items() if kind == "time"]
    if name in ("account", "positions"):
        assert table.index.name == "timestamp"
        times.append(table.index.to_series())
    for column in times:
        assert str(column.dt.tz) == ZONE
        assert column.dropna().isin(list(result.account.index)).all()


@pytest.mark.parametrize("name", TABLES)
def test_a_run_without_orders_has_the_same_columns_and_types(
    name: str, result: BacktestResult, run_engine: RunEngine
) -> None:
    class Idle(Strategy):
        def on_data(self, *_: object) -> None:
            pass

    empty = getattr(run_engine(feed(), Idle(), CONFIG), name)

    assert empty.dtypes.to_dict() == getattr(result, name).dtypes.to_dict()


def test_the_tables_hold_what_happened(result: BacktestResult) -> None:
    assert set(result.fills["rule"]) == {"market_open"}
    assert set(result.trades["side"]) == {"long", "short"}
    assert result.trades["is_open"].any()
    assert result.orders["order_id"].tolist() == [str(n + 1) for n in range(len(result.orders))]
    assert result.fills["fill_id"].tolist() == [str(n + 1) for n in range(len(result.fills))]
    assert set(result.orders["tag"]) == {"", "swing"}
    (rejected,) = result.orders[result.orders["status"] == "rejected"].to_dict("records")
    assert (rejected["asset"], rejected["reason"]) == ("QQQ", "the venue does not list 'QQQ'")
    (expired,) = result.orders[result.orders["status"] == "expired"].to_dict("records")
    assert (expired["order_type"], expired["limit_price"]) == ("limit", 1.0)
    assert math.isnan(expired["average_fill_price"])


def test_the_value_of_a_fill_counts_the_multiplier(result: BacktestResult) -> None:
    multiplier = result.fills["asset"].map({"FUT": 50.0, "SPY": 1.0})

    expected = result.fills["quantity"] * result.fills["price"] * multiplier
    np.testing.assert_allclose(result.fills["value"], expected, rtol=1e-12)


@pytest.mark.parametrize("cells", [1, 2, 7, 100])
def test_the_account_does_not_depend_on_how_many_cells_are_worked_on_at_once(
    cells: int, result: BacktestResult, run_engine: RunEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml4t.backtest.results.equity._BLOCK_CELLS", cells)

    in_blocks = run_engine(feed(), Mixed(), CONFIG)

    assert in_blocks.digest == result.digest
    assert in_blocks.positions.equals(result.positions)


def test_returns_compound_to_the_equity_from_the_initial_cash(result: BacktestResult) -> None:
    first = result.equity.iloc[0] / CONFIG.initial_cash - 1

    assert result.returns.iloc[0] == first
    np.testing.assert_allclose(
        CONFIG.initial_cash * (1 + result.returns).cumprod(), result.equity, rtol=1e-12
    )


def test_the_first_return_counts_what_the_first_bar_did(run_engine: RunEngine) -> None:
    class AtOnce(Strategy):
        def on_data(
            self, timestamp: datetime, data: MarketSlice, _: object, broker: BrokerProtocol
        ) -> None:
            if data.row == 0:
                broker.submit_order("SPY", 100)

    config = BacktestConfig(timing=SameBarClose(), slippage=BasisPoints(100))

    returns = run_engine(feed(3), AtOnce(), config).returns

    assert returns.iloc[0] == pytest.approx(-100 / 100_000)


def test_drawdown_is_measured_from_the_highest_equity_or_the_initial_cash(
    result: BacktestResult,
) -> None:
    peak, expected = CONFIG.initial_cash, []
    for equity in result.equity:
        peak = max(peak, equity)
        expected.append(equity / peak - 1)

    np.testing.assert_allclose(result.drawdown, expected, rtol=0, atol=1e-12)
    assert result.drawdown.min() < 0


def test_the_summary_is_what_a_plain_recomputation_gives(result: BacktestResult) -> None:
    equity = [CONFIG.initial_cash, *result.equity]
    returns = [after / before - 1 for before, after in pairwise(equity)]
    index = pd.DatetimeIndex(result.account.index)
    per_year = (len(index) - 1) * 365.2425 / (index[-1] - index[0]).round("D").days
    years = len(returns) / per_year
    deviation = statistics.stdev(returns)
    downside = math.sqrt(statistics.fmean(min(r, 0.0) ** 2 for r in returns))
    annual = (equity[-1] / equity[0]) ** (1 / years) - 1
    closed = [profit for profit, held in zip(result.trades["profit"], result.trades["is_open"],
                                             strict=True) if not held]  # fmt: skip
    gross, values = result.account["gross"], result.fills["value"]
    fills = result.fills
    slips = (fills["price"] - fills["reference_price"]).abs() * values / fills["price"]

    expected = {
        "initial_cash": 50_000.0,
        "final_equity": equity[-1],
        "total_return": equity[-1] / equity[0] - 1,
        "annual_return": annual,
        "annual_volatility": deviation * math.sqrt(per_year),
        "sharpe_ratio": statistics.fmean(returns) / deviation * math.sqrt(per_year),
        "sortino_ratio": statistics.fmean(returns) / downside * math.sqrt(per_year),
        "max_drawdown": min(result.drawdown),
        "calmar_ratio": annual / -min(result.drawdown),
        "exposure": statistics.fmean(gross / result.equity),
        "turnover_per_year": sum(values) / statistics.fmean(equity[1:]) / years,
        "fills": len(result.fills),
        "round_trips": len(closed),
        "win_rate": sum(profit > 0 for profit in closed) / len(closed),
        "profit_factor": sum(p for p in closed if p > 0) / -sum(p for p in closed if p < 0),
        "fees": sum(result.fills["fee"]),
        "slippage": sum(slips),
    }
    assert list(result.summary.index) == list(expected)
    for name, figure in expected.items():
        assert result.summary[name] == pytest.approx(figure, rel=1e-9), name


def test_a_figure_that_the_run_cannot_give_is_nan(run_engine: RunEngine) -> None:
    class Idle(Strategy):
        def on_data(self, *_: object) -> None:
            pass

    summary = run_engine(feed(1), Idle()).summary

    assert summary["total_return"] == 0
    assert summary["fills"] == 0
    undefined = ["sharpe_ratio", "sortino_ratio", "calmar_ratio", "win_rate", "profit_factor"]
    assert summary[undefined].isna().all()


def test_an_account_that_loses_everything_still_has_a_summary(run_engine: RunEngine) -> None:
    closes = np.array([[100.0], [100.0], [10.0], [10.0]])
    days = np.array([f"2024-01-0{day}T21:00" for day in (2, 3, 4, 5)], "M8[us]")

    class Leveraged(Strategy):
        def on_data(
            self, timestamp: datetime, data: MarketSlice, _: object, broker: BrokerProtocol
        ) -> None:
            if data.row == 0:
                broker.submit_order("SPY", 2000)

    result = run_engine(
        DataFeed.from_arrays(days, ["SPY"], {"close": closes}),
        Leveraged(),
        BacktestConfig(account=MarginAccount(initial_margin=0.5)),
    )

    assert result.equity.iloc[-1] == -80_000
    assert result.summary["total_return"] == pytest.approx(-1.8)


def test_notes_say_that_nothing_was_charged(run_engine: RunEngine) -> None:
    notes = run_engine(feed(), Mixed(), BacktestConfig(account=MarginAccount())).notes

    assert notes[0] == "No costs were charged: neither slippage nor commission is assumed."


def test_notes_count_what_was_rejected_and_expired(result: BacktestResult) -> None:
    count = len(result.orders)

    assert result.notes == (
        f"1 of {count} orders were rejected; see `orders`.",
        f"1 of {count} orders were expired unfilled; see `orders`.",
    )


def test_notes_tell_of_a_fill_at_the_very_close_and_of_orders_filled_in_part(
    run_engine: RunEngine,
) -> None:
    class Greedy(Strategy):
        def on_data(
            self, timestamp: datetime, data: MarketSlice, _: object, broker: BrokerProtocol
        ) -> None:
            if data.row == 0:
                broker.submit_order("SPY", 1_000)

    config = BacktestConfig(timing=SameBarClose(), commission=PerShare(0.01))

    assert run_engine(feed(3), Greedy(), config).notes == (
        "Market orders filled at the very close they were decided on.",
        "1 orders filled in part only; see `orders`.",
    )


def test_a_note_counts_orders_that_the_account_rejected(run_engine: RunEngine) -> None:
    config = BacktestConfig(account=CashAccount(shortfall=RejectOrder()), slippage=BasisPoints(1))

    result = run_engine(feed(), Mixed(), config)

    rejected = (result.orders["status"] == "rejected").sum()
    assert rejected > 1
    assert f"{rejected} of {len(result.orders)} orders were rejected; see `orders`." in result.notes


def test_the_repr_says_the_essentials(result: BacktestResult) -> None:
    last = result.equity.iloc[-1]

    assert repr(result) == (
        f"BacktestResult(2024-01-02 to 2024-04-30, equity 50,000.00 -> {last:,.2f}, "
        f"{len(result.fills)} fills)"
    )


def test_equal_runs_have_equal_digests_and_others_have_not(run_engine: RunEngine) -> None:
    first, again = (run_engine(feed(), Mixed(), CONFIG).digest for _ in range(2))
    shorter = run_engine(feed(BARS - 1), Mixed(), CONFIG).digest
    free = run_engine(feed(), Mixed(), BacktestConfig(initial_cash=50_000)).digest

    assert first == again
    assert len({first, shorter, free}) == 3


def test_the_manifest_names_strategy_config_data_and_versions(result: BacktestResult) -> None:
    manifest = result.manifest

    assert manifest.strategy.endswith("test_result.Mixed")
    assert BacktestConfig.from_dict(manifest.config, source="manifest") == CONFIG
    assert manifest.data_digest == feed().digest
    assert manifest.result_digest == result.digest
    assert set(manifest.versions) == {"python", "ml4t-core", "ml4t-backtest", "numpy", "pandas"}


def test_a_result_comes_back_from_its_folder_as_it_was(
    result: BacktestResult, tmp_path: Path
) -> None:
    folder = result.to_parquet(tmp_path / "runs" / "first")

    back = BacktestResult.from_parquet(folder)

    assert folder == tmp_path / "runs" / "first"
    assert back.digest == result.digest
    assert back.manifest == result.manifest
    assert back.config == result.config
    assert back.notes == result.notes
    pd.testing.assert_series_equal(back.summary, result.summary)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(back, name), getattr(result, name), check_freq=False)


def test_a_result_without_orders_comes_back_too(run_engine: RunEngine, tmp_path: Path) -> None:
    class Idle(Strategy):
        def on_data(self, *_: object) -> None:
            pass

    result = run_engine(feed(), Idle(), CONFIG)

    assert BacktestResult.from_parquet(result.to_parquet(tmp_path)).digest == result.digest


@pytest.mark.parametrize("name", ["account", "orders", "fills", "trades", "positions"])
def test_a_table_that_was_changed_afterwards_is_refused(
    name: str, result: BacktestResult, tmp_path: Path
) -> None:
    path = result.to_parquet(tmp_path) / f"{name}.parquet"
    table = pd.read_parquet(path)
    column = table.dtypes.tolist().index(np.dtype("float64"))
    table.iloc[-1, column] = 123.0
    table.to_parquet(path)

    with pytest.raises(DataError, match=str(tmp_path)):
        getattr(BacktestResult.from_parquet(tmp_path), name)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_is_missing_or_broken_is_refused(
    name: str, result: BacktestResult, tmp_path: Path
) -> None:
    path = result.to_parquet(tmp_path) / f"{name}.parquet"

    path.write_bytes(b"no parquet")
    with pytest.raises(DataError, match=f"{name}.parquet"):
        getattr(BacktestResult.from_parquet(tmp_path), name)
    path.unlink()
    with pytest.raises(DataError, match=f"{name}.parquet"):
        getattr(BacktestResult.from_parquet(tmp_path), name)


def test_tables_that_are_not_those_of_the_digest_are_refused(
    result: BacktestResult, tmp_path: Path
) -> None:
    path = result.to_parquet(tmp_path) / "manifest.json"
    path.write_text(path.read_text().replace(result.digest, "0" * 64))

    with pytest.raises(DataError, match="not those its manifest was made of"):
        BacktestResult.from_parquet(tmp_path)


def test_a_folder_without_a_manifest_is_no_finished_result(
    result: BacktestResult, tmp_path: Path
) -> None:
    (result.to_parquet(tmp_path) / "manifest.json").unlink()

    with pytest.raises(DataError, match="holds no finished result"):
        BacktestResult.from_parquet(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "not of format 1"),
        ({"format": None}, "not of format 1"),
        ({"strategy": None}, "not the manifest of a result: .*strategy"),
        ({"surplus": "key"}, "not the manifest of a result: .*surplus"),
        ({"files": None}, "not the manifest of a result: .*files"),
        ({"files": {"account": ""}}, "not the manifest of a result: .*orders"),
        ({"files": 3}, "not the manifest of a result"),
    ],
)
def test_a_manifest_that_was_changed_is_refused(
    change: Mapping[str, object], said: str, result: BacktestResult, tmp_path: Path
) -> None:
    path = result.to_parquet(tmp_path) / "manifest.json"
    document = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps({key: value for key, value in document.items() if value}))

    with pytest.raises(DataError, match=said):
        BacktestResult.from_parquet(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "3"])
def test_a_manifest_that_is_none_is_refused(
    text: str, result: BacktestResult, tmp_path: Path
) -> None:
    (result.to_parquet(tmp_path) / "manifest.json").write_text(text)

    with pytest.raises(DataError, match=r"manifest\.json"):
        BacktestResult.from_parquet(tmp_path)


@pytest.mark.parametrize("bars", [1, BARS])
def test_a_plot_is_a_picture_in_a_file(bars: int, run_engine: RunEngine, tmp_path: Path) -> None:
    path = tmp_path / "pictures" / "equity.png"

    assert run_engine(feed(bars), Mixed(), CONFIG).plot(path) == path

    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert path.stat().st_size > 10_000
