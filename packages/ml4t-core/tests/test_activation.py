"""From when on target and stop of a bracket work, and what that does in the entry bar."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ml4t.core import Bar, OrderRequest, OrderSide, OrderType
from ml4t.simulation import BarAfterEntry, ChildActivation, EntryBar, EntryBarWhereClear

NOW = datetime(2024, 1, 2, 21, tzinfo=UTC)


def request(kind: OrderType, side: OrderSide = OrderSide.SELL, **prices: Any) -> OrderRequest:
    return OrderRequest(asset="SPY", side=side, quantity=1.0, order_type=kind, **prices)


TARGET = request(OrderType.LIMIT, limit_price=110.0)
STOP = request(OrderType.STOP, stop_price=90.0)
AT_MARKET = request(OrderType.MARKET, OrderSide.BUY)
AT_STOP = request(OrderType.STOP, OrderSide.BUY, stop_price=100.0)
AT_LIMIT = request(OrderType.LIMIT, OrderSide.BUY, limit_price=100.0)


def bar(low: float, high: float) -> Bar:
    return Bar(timestamp=NOW, asset="SPY", open=99.0, high=high, low=low, close=99.0)


@pytest.mark.parametrize(
    ("activation", "expected"), [(EntryBar(), True), (BarAfterEntry(), False)], ids=str
)
@pytest.mark.parametrize("parent", [AT_MARKET, AT_STOP, AT_LIMIT])
def test_the_entry_bar_counts_always_or_never(
    activation: ChildActivation, expected: bool, parent: OrderRequest
) -> None:
    assert activation.wakes(parent, [STOP, TARGET], bar(80.0, 120.0)) is expected
    assert activation.in_entry_bar is expected


@pytest.mark.parametrize(
    ("parent", "low", "high", "expected"),
    [
        (AT_MARKET, 80.0, 120.0, True),
        (AT_LIMIT, 80.0, 120.0, False),
        (AT_LIMIT, 95.0, 120.0, False),
        # A stop order, and the target beyond it: the price went that way.
        (AT_STOP, 95.0, 120.0, True),
        (AT_STOP, 95.0, 110.0, True),
        (AT_STOP, 90.0, 120.0, False),
        (AT_STOP, 80.0, 120.0, False),
        (AT_STOP, 95.0, 105.0, False),
    ],
)
def test_the_entry_bar_counts_where_it_is_clear_what_came_first(
    parent: OrderRequest, low: float, high: float, expected: bool
) -> None:
    wakes: Any = EntryBarWhereClear().wakes(parent, [STOP, TARGET], bar(low, high))

    assert wakes is expected
