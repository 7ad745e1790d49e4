"""Target weights that bt 1.4.1 rebalanced to: every transaction and the value after every bar.

bt trades at the close it decides on, which is ``SameBarClose``, in fractions of shares or in whole
ones, and without costs, so no head-room is kept. Its daily strategy rests on the last day.
Quantities, prices, cash and values agree within 1e-9. Nothing is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from ml4t.backtest import (
    BacktestConfig,
    BacktestResult,
    BrokerProtocol,
    CashAccount,
    DataFeed,
    RebalanceConfig,
    SameBarClose,
    Strategy,
    TargetWeightExecutor,
)
from ml4t.core import MarketSlice

RunEngine = Callable[..., BacktestResult]
Schedule = Callable[[MarketSlice], Mapping[str, float] | None]

SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE")
BARS = 757


class Scheduled(Strategy):
    """Rebalances to what a schedule says of each bar."""

    def __init__(self, schedule: Schedule, config: RebalanceConfig) -> None:
        self.schedule = schedule
        self.executor = TargetWeightExecutor(config)

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        weights = self.schedule(data)
        if weights is not None:
            self.executor.execute(weights, data, broker)


def when_a_month_begins(weights: Mapping[str, float]) -> Schedule:
    months: set[tuple[int, int]] = set()

    def schedule(data: MarketSlice) -> Mapping[str, float] | None:
        month = (data.timestamp.year, data.timestamp.month)
        if month in months:
            return None
        months.add(month)
        return weights

    return schedule


def on_days(table: Mapping[str, Mapping[str, float]]) -> Schedule:
    return lambda data: table.get(data.timestamp.date().isoformat())


def on_all_but_the_last_day(data: MarketSlice) -> Mapping[str, float] | None:
    return dict.fromkeys(data, 1 / len(data)) if data.row < BARS - 1 else None


def assert_same_transactions(
    result: BacktestResult, transactions: Sequence[Mapping[str, Any]]
) -> None:
    fills: list[Any] = list(result.fills.itertuples())
    sign = {"buy": 1, "sell": -1}
    ours = {
        (fill.timestamp.date().isoformat(), fill.asset): (
            sign[fill.side] * fill.quantity,
            fill.price,
        )
        for fill in fills
    }
    theirs = {
        (line["date"], line["symbol"]): (line["quantity"], line["price"]) for line in transactions
    }
    assert len(fills) == len(ours), "one fill of an asset a day"
    assert ours.keys() == theirs.keys()
    for key, (quantity, price) in theirs.items():
        assert ours[key] == (pytest.approx(quantity, rel=1e-9, abs=1e-9), price), key


FRACTIONS = RebalanceConfig(allow_fractional=True, fee_headroom=0)
WHOLE_SHARES = RebalanceConfig(fee_headroom=0)


@pytest.mark.parametrize(
    ("name", "rebalance"),
    [
        ("monthly_fixed_frac", FRACTIONS),
        ("monthly_fixed_int", WHOLE_SHARES),
        ("daily_equal_frac", FRACTIONS),
        ("buyhold_frac", FRACTIONS),
        ("target_weights_frac", FRACTIONS),
    ],
)
def test_rebalances_are_those_of_bt(
    name: str,
    rebalance: RebalanceConfig,
    oracle: Callable[[str], Any],
    oracle_table: Callable[[str], list[dict[str, str]]],
    synthetic_feed: Callable[[Sequence[str], int], DataFeed],
    run_engine: RunEngine,
) -> None:
    scenario = oracle(f"bt/{name}.json")
    schedules: dict[str, Callable[[], Schedule]] = {
        "monthly_fixed": lambda: when_a_month_begins(scenario["settings"]["weights"]),
        "daily_equal": lambda: on_all_but_the_last_day,
        "buyhold": lambda: on_days({"2019-01-02": dict.fromkeys(SYMBOLS, 0.2)}),
        "target_weights": lambda: on_days(
            {
                row["date"]: {symbol: float(row[symbol]) for symbol in SYMBOLS}
                for row in oracle_table("bt/target_weights.csv")
            }
        ),
    }
    strategy = Scheduled(schedules[name.rpartition("_")[0]](), rebalance)
    config = BacktestConfig(account=CashAccount(), timing=SameBarClose())

    result = run_engine(synthetic_feed(SYMBOLS, BARS), strategy, config)

    assert_same_transactions(result, scenario["transactions"])
    # The first value is that of the day before the data begin.
    values, cash = ([number for _, number in scenario[key]][1:] for key in ("values", "cash"))
    np.testing.assert_allclose(result.equity, values, rtol=1e-9)
    np.testing.assert_allclose(result.account["cash"], cash, rtol=1e-9, atol=1e-9 * 100_000)


def test_a_small_daily_rebalance_is_that_of_bt(
    oracle: Callable[[str], Any], run_engine: RunEngine
) -> None:
    scenario = oracle("bt/stored_turnover_micro.json")
    prices = scenario["prices"]
    days = np.array([f"{day}T21:00" for day in prices["dates"]], "M8[us]")
    closes = np.column_stack([prices["a"], prices["b"]])
    feed = DataFeed.from_arrays(days, ["a", "b"], {"close": closes})
    config = BacktestConfig(
        initial_cash=scenario["initial_capital"], account=CashAccount(), timing=SameBarClose()
    )

    result = run_engine(feed, Scheduled(lambda _: {"a": 0.5, "b": 0.5}, WHOLE_SHARES), config)

    assert_same_transactions(result, scenario["run_transactions"])
    np.testing.assert_allclose(result.equity, scenario["run_values"][1:], rtol=1e-9)
