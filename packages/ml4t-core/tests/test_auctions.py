"""Orders that trade only when a session opens or closes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ml4t.core import Bar, OrderRequest, OrderSide, OrderType, Session, TimeInForce
from ml4t.simulation.auctions import CLOSE, OPEN, Auctions, is_for_auction

BUY, SELL = OrderSide.BUY, OrderSide.SELL
MARKET, LIMIT = OrderType.MARKET, OrderType.LIMIT
MOO, MOC = OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE
OPG, CLS, DAY = TimeInForce.OPG, TimeInForce.CLS, TimeInForce.DAY
FIRST = datetime(2024, 1, 2, 14, 31, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BAR = (100.0, 110.0, 90.0, 105.0)


def request(
    kind: OrderType, time: TimeInForce = DAY, limit: float | None = None, side: OrderSide = BUY
) -> OrderRequest:
    return OrderRequest("SPY", side, 1.0, kind, limit_price=limit, time_in_force=time)


@pytest.mark.parametrize(
    ("order", "auction"),
    [
        (request(MOO), OPEN),
        (request(MOC), CLOSE),
        (request(MARKET, OPG), OPEN),
        (request(LIMIT, CLS, 100.0), CLOSE),
        (request(MARKET), None),
        (request(LIMIT, TimeInForce.IOC, 100.0), None),
    ],
)
def test_which_auction_an_order_is_for(order: OrderRequest, auction: str | None) -> None:
    assert Auctions.of(order) == auction
    assert is_for_auction(order) is (auction is not None)


@pytest.mark.parametrize(
    ("order", "opens", "closes", "price"),
    [
        (request(MOO), True, False, 100.0),
        (request(MOO), False, True, None),
        (request(MOC), False, True, 105.0),
        (request(MOC), True, False, None),
        (request(MARKET), True, True, None),
        (request(LIMIT, OPG, 100.0), True, True, 100.0),
        (request(LIMIT, OPG, 99.0), True, True, None),
        (request(LIMIT, CLS, 105.0, SELL), True, True, 105.0),
        (request(LIMIT, CLS, 106.0, SELL), True, True, None),
    ],
)
def test_how_an_order_meets_a_bar(
    order: OrderRequest, opens: bool, closes: bool, price: float | None
) -> None:
    bar = Bar(timestamp=FIRST, asset="SPY", open=100, high=110, low=90, close=105)
    met = Auctions(opens, closes).match(order, bar)

    assert (None if met is None else met.price) == price
    assert met is None or met.rule == f"auction_{Auctions.of(order)}"


class TwoBars:
    """A calendar whose sessions have two bars of a minute each; a gap follows the second."""

    def session_of(self, instant: datetime) -> Session | None:
        number = (instant - FIRST) // MINUTE
        if number % 3 == 2:
            return None
        opens = FIRST + MINUTE * (number // 3 * 3 - 1)
        label = date(2024, 1, 2) + timedelta(days=number // 3)
        return Session(label=label, opens=opens, closes=opens + 2 * MINUTE)


def test_with_a_calendar_the_auctions_are_in_the_first_and_the_last_bar(
    market_of: Callable[..., Any],
) -> None:
    market = market_of({"SPY": [BAR] * 6}, calendar=TwoBars())
    broker = market.broker
    opening = broker.submit_order("SPY", 1, BUY, MOO)
    closing = broker.submit_order("SPY", 1, BUY, MOC)

    # The second bar of the first session, then one of no session, then the next session.
    assert market.next() == [(closing.id, 1.0, 105.0, "auction_close")]
    assert market.next() == []
    assert market.next() == [(opening.id, 1.0, 100.0, "auction_open")]


def test_of_daily_bars_each_holds_both(market_of: Callable[..., Any]) -> None:
    market = market_of({"SPY": [BAR] * 2}, daily=True)
    opening = market.broker.submit_order("SPY", 1, BUY, MOO)
    closing = market.broker.submit_order("SPY", -1, order_type=MOC)

    assert market.next() == [
        (opening.id, 1.0, 100.0, "auction_open"),
        (closing.id, -1.0, 105.0, "auction_close"),
    ]


@pytest.mark.parametrize("time", [OPG, CLS])
def test_a_limit_that_the_auction_does_not_meet_is_cancelled(
    market_of: Callable[..., Any], time: TimeInForce
) -> None:
    market = market_of({"SPY": [BAR] * 2}, daily=True)
    order = market.broker.submit_order("SPY", 1, BUY, LIMIT, 95.0, time_in_force=time)

    # The bar reaches 95, its auctions do not.
    assert market.next() == []
    assert market.status(order) == ["CANCELLED"]
    assert market.broker.book[order.id].reason == "its only chance to fill has passed"


def test_who_does_not_know_the_sessions_refuses_orders_for_auctions(
    market_of: Callable[..., Any],
) -> None:
    broker = market_of({"SPY": [BAR]}).broker

    for order in (
        broker.submit_order("SPY", 1, BUY, MOO),
        broker.submit_order("SPY", 1, BUY, time_in_force=CLS),
    ):
        assert order.status.name == "REJECTED"
        assert "give the feed a calendar" in order.reason


def test_a_stop_cannot_wait_for_an_auction(market_of: Callable[..., Any]) -> None:
    broker = market_of({"SPY": [BAR]}, daily=True).broker

    order = broker.submit_order("SPY", 1, BUY, OrderType.STOP, stop_price=120.0, time_in_force=OPG)

    assert order.reason == "a STOP order cannot wait for an auction"
