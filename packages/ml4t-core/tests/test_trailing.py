"""From which price a trailing stop follows."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ml4t.core import Bar, OrderRequest, OrderSide, OrderType
from ml4t.simulation import (
    OpenHighLowClose,
    OpenLowHighClose,
    SimulatedBroker,
    TrailAlongPath,
    TrailFromClose,
    TrailFromExtreme,
    VolumeShare,
    WorstCase,
)
from ml4t.simulation.intrabar import IntrabarPath
from ml4t.simulation.trailing import Trailing, trail_stop

Played = Callable[..., SimulatedBroker]
BUY, SELL = OrderSide.BUY, OrderSide.SELL
BAR = Bar(
    timestamp=datetime(2024, 1, 2, tzinfo=UTC), asset="A", open=100, high=110, low=90, close=104
)


@pytest.mark.parametrize(
    ("trailing", "buy", "sell", "within_bar"),
    [
        (TrailAlongPath(), 90, 110, True),
        (TrailFromExtreme(), 90, 110, False),
        (TrailFromClose(), 104, 104, False),
    ],
)
def test_what_the_stop_follows(
    trailing: Trailing,
    buy: float,
    sell: float,
    within_bar: bool,
) -> None:
    assert (trailing.reference(BUY, BAR), trailing.reference(SELL, BAR)) == (buy, sell)
    assert trailing.within_bar is within_bar


def amount(side: OrderSide) -> OrderRequest:
    return OrderRequest("A", side, 1.0, OrderType.TRAILING_STOP, trail_amount=5.0)


@pytest.mark.parametrize(
    ("side", "price", "stop", "expected"),
    [
        (SELL, 100, None, 95),
        (SELL, 110, 95, 105),
        (SELL, 90, 95, 95),
        (BUY, 100, None, 105),
        (BUY, 90, 105, 95),
        (BUY, 110, 105, 105),
    ],
)
def test_the_stop_never_goes_back(
    side: OrderSide, price: float, stop: float | None, expected: float
) -> None:
    assert trail_stop(amount(side), price, stop) == expected


@pytest.mark.parametrize(("side", "expected"), [(SELL, 180.0), (BUY, 220.0)])
def test_a_percentage_is_of_the_price(side: OrderSide, expected: float) -> None:
    request = OrderRequest("A", side, 1.0, OrderType.TRAILING_STOP, trail_percent=10.0)

    assert trail_stop(request, 200.0) == expected


def trail(broker: SimulatedBroker) -> None:
    broker.submit_order("A", 10)
    broker.submit_order("A", 10, SELL, OrderType.TRAILING_STOP, trail_amount=5.0)


@pytest.mark.parametrize(
    ("trailing", "stop"),
    [(TrailAlongPath(), 99.0), (TrailFromExtreme(), 99.0), (TrailFromClose(), 98.0)],
)
def test_where_the_stop_stands_after_a_bar(played: Played, trailing: Trailing, stop: float) -> None:
    broker = played([100.0, (100.0, 104.0, 100.0, 103.0)], {0: trail}, trailing=trailing)

    assert broker.book["2"].trail_stop == stop
    assert broker.book["2"].is_open


@pytest.mark.parametrize(
    ("path", "sold_at"),
    [(OpenLowHighClose(), []), (OpenHighLowClose(), [105]), (WorstCase(), [105])],
)
def test_the_open_never_meets_the_stop_that_the_high_raised(
    played: Played, path: IntrabarPath, sold_at: list[float]
) -> None:
    """The high raises the stop to 105: what sells there came after it, and never at the open."""
    broker = played([100.0, (100.0, 110.0, 98.0, 110.0), 108.0], {0: trail}, path=path)

    assert [fill.price for fill in broker.fills if fill.side is SELL] == sold_at


def test_a_stop_follows_through_a_bar_that_its_asset_has_not(played: Played) -> None:
    broker = played({"A": [100.0, 104.0, None, 99.0], "B": [1.0] * 4}, {0: trail})

    assert (broker.fills[1].rule, broker.fills[1].price) == ("trail_open", 99)


def test_a_triggered_order_follows_no_more(played: Played) -> None:
    """What is left of a stop that filled in part is a market order."""

    def short_trail(broker: SimulatedBroker) -> None:
        broker.submit_order("A", 20, BUY, OrderType.TRAILING_STOP, trail_amount=5.0)

    broker = played(
        [100.0, 106.0, 90.0, 91.0],
        {0: short_trail},
        volume=[100.0] * 4,
        participation=VolumeShare(0.1),
    )

    assert [(fill.quantity, fill.price) for fill in broker.fills] == [(10, 106), (10, 90)]
    assert broker.fills[1].rule == "market_open"
