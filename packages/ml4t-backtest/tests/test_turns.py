"""Orders that meet a bar one after the other: in the entry bar, and with the bar's volume."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from ml4t.backtest import BacktestConfig, BacktestResult, BrokerProtocol, DataFeed, Strategy
from ml4t.core import MarketSlice, OrderSide, OrderType, TimeInForce
from ml4t.simulation import (
    BarAfterEntry,
    EntryBar,
    EntryBarWhereClear,
    ForEachOrder,
    Participation,
    SubmissionOrder,
    UnitsPerBar,
    VolumeShare,
)

RunEngine = Callable[..., BacktestResult]
Action = Callable[[BrokerProtocol], object]


class Once(Strategy):
    """Acts on the first bar."""

    def __init__(self, action: Action) -> None:
        self.action = action

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        if not data.row:
            self.action(broker)


def feed_of(*bars: tuple[float, float, float, float, float]) -> DataFeed:
    """Daily bars of one symbol: open, high, low, close, volume."""
    days = np.datetime64("2024-01-02T21:00", "us") + np.arange(len(bars)) * np.timedelta64(1, "D")
    names = ("open", "high", "low", "close", "volume")
    columns = {name: np.array([[bar[i]] for bar in bars], float) for i, name in enumerate(names)}
    return DataFeed.from_arrays(days, ["SPY"], columns)


def fills_of(result: BacktestResult) -> list[tuple[Any, ...]]:
    """Day, side, quantity and price of each fill."""
    lines: list[Any] = list(result.fills.itertuples())
    return [(line.timestamp.day, line.side, line.quantity, line.price) for line in lines]


def bracket(broker: BrokerProtocol, **prices: Any) -> None:
    broker.submit_bracket("SPY", 10, take_profit=110, stop_loss=90, **prices)


FLAT = (100.0, 100.0, 100.0, 100.0, 1_000.0)
BOTH = (100.0, 120.0, 80.0, 100.0, 1_000.0)
UP = (100.0, 120.0, 95.0, 100.0, 1_000.0)


@pytest.mark.parametrize(
    ("children", "exit_day"),
    [(EntryBar(), 3), (EntryBarWhereClear(), 3), (BarAfterEntry(), 4)],
    ids=str,
)
def test_a_leg_meets_the_entry_bar_in_its_turn(
    children: Any, exit_day: int, run_engine: RunEngine
) -> None:
    config = BacktestConfig(path=SubmissionOrder(), children=children)

    result = run_engine(feed_of(FLAT, UP, UP), Once(bracket), config)

    assert fills_of(result) == [(3, "buy", 10, 100.0), (exit_day, "sell", 10, 110.0)]


@pytest.mark.parametrize(("bar", "exit_day"), [(UP, 3), (BOTH, 4)], ids=["clear", "not clear"])
def test_the_legs_of_a_stop_order_wait_where_it_is_not_clear_what_came_first(
    bar: Any, exit_day: int, run_engine: RunEngine
) -> None:
    config = BacktestConfig(path=SubmissionOrder(), children=EntryBarWhereClear())
    entry: dict[str, Any] = {"order_type": OrderType.STOP, "stop_price": 105}
    entry["time_in_force"] = TimeInForce.GTC

    result = run_engine(
        feed_of(FLAT, bar, UP), Once(lambda broker: bracket(broker, **entry)), config
    )

    assert fills_of(result) == [(3, "buy", 10, 105.0), (exit_day, "sell", 10, 110.0)]


def two_orders(broker: BrokerProtocol) -> None:
    for _ in range(2):
        broker.submit_order("SPY", 100, time_in_force=TimeInForce.GTC)


@pytest.mark.parametrize(
    ("participation", "first_day"),
    [(UnitsPerBar(60), [60]), (ForEachOrder(UnitsPerBar(60)), [60, 60])],
    ids=["shared", "each its own"],
)
def test_orders_share_what_a_bar_allows_unless_each_has_it_for_itself(
    participation: Participation, first_day: list[float], run_engine: RunEngine
) -> None:
    config = BacktestConfig(participation=participation)

    result = run_engine(feed_of(FLAT, FLAT, FLAT), Once(two_orders), config)

    assert [quantity for day, _, quantity, _ in fills_of(result) if day == 3] == first_day


def test_a_bar_without_a_trade_touches_no_stop(run_engine: RunEngine) -> None:
    untraded = (100.0, 120.0, 95.0, 100.0, 0.0)

    def send(broker: BrokerProtocol) -> None:
        broker.submit_order(
            "SPY", 10, OrderSide.BUY, OrderType.STOP, None, 105, time_in_force=TimeInForce.GTC
        )

    config = BacktestConfig(participation=VolumeShare(0.5))
    result = run_engine(feed_of(FLAT, untraded, FLAT, UP), Once(send), config)

    # Neither in the bar nor at the open after it: the stop has not been touched yet.
    assert fills_of(result) == [(5, "buy", 10, 105.0)]
