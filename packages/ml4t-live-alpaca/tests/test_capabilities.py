"""What is said about a request before it is translated."""

from datetime import UTC, datetime

import pytest

from ml4t.core import OrderRequest, OrderType, TimeInForce
from ml4t.live_alpaca.capabilities import objection


@pytest.mark.parametrize(
    "request_",
    [
        OrderRequest.of("SPY", 1),
        OrderRequest.of("SPY", 0.25),
        OrderRequest.of("SPY", -1, time_in_force=TimeInForce.CLS),
        OrderRequest.of("SPY", 1.5, order_type=OrderType.LIMIT, limit_price=9.5),
        OrderRequest.of("SPY", 1, order_type=OrderType.TRAILING_STOP, trail_percent=2.5),
    ],
)
def test_what_the_venue_takes_meets_no_objection(request_: OrderRequest) -> None:
    assert objection(request_) is None


def test_a_last_instant_is_refused() -> None:
    request = OrderRequest.of(
        "SPY", 1, time_in_force=TimeInForce.GTD, good_till=datetime(2027, 1, 4, tzinfo=UTC)
    )

    assert objection(request) == "the venue does not offer time in force GTD"


def test_fractions_are_for_the_day_only() -> None:
    assert objection(OrderRequest.of("SPY", 1.5, time_in_force=TimeInForce.GTC)) == (
        "Alpaca takes fractions of a share with DAY only, was GTC"
    )


def test_a_trailing_stop_has_no_fractions() -> None:
    request = OrderRequest.of("SPY", 1.5, order_type=OrderType.TRAILING_STOP, trail_percent=2.5)

    assert objection(request) == "Alpaca takes no TRAILING_STOP orders for fractions of a share"


@pytest.mark.parametrize("name", ["IOC", "FOK", "OPG", "CLS"])
def test_an_order_that_waits_for_a_trigger_is_refused_where_it_may_not_wait(name: str) -> None:
    request = OrderRequest.of(
        "SPY", -1, order_type=OrderType.STOP, stop_price=9.5, time_in_force=TimeInForce[name]
    )

    assert objection(request) == f"Alpaca does not take STOP orders with {name}"


@pytest.mark.parametrize("quantity", [0.0, float("nan"), float("inf")])
def test_a_number_that_no_venue_takes_is_refused(quantity: float) -> None:
    said = f"quantity must be positive and finite, was {quantity}"

    assert objection(OrderRequest.of("SPY", quantity)) == said


def test_a_condition_that_the_venue_does_not_know_is_never_dropped() -> None:
    request = OrderRequest.of("SPY", -1, reduce_only=True)

    assert objection(request) == "Alpaca has no orders that only reduce a position"


@pytest.mark.parametrize("time", TimeInForce)
@pytest.mark.parametrize("kind", ["OPEN", "CLOSE"])
def test_an_order_for_an_auction_has_no_other_time(kind: str, time: TimeInForce) -> None:
    own = TimeInForce.OPG if kind == "OPEN" else TimeInForce.CLS
    last = datetime(2027, 1, 4, tzinfo=UTC) if time is TimeInForce.GTD else None
    request = OrderRequest.of(
        "SPY", 1, order_type=OrderType["MARKET_ON_" + kind], time_in_force=time, good_till=last
    )

    said = f"Alpaca takes MARKET_ON_{kind} orders with DAY or {own.name}, was {time.name}"
    assert objection(request) == (None if time in {TimeInForce.DAY, own} else said)


@pytest.mark.parametrize("kind", [OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE])
def test_the_auctions_have_no_fractions(kind: OrderType) -> None:
    said = objection(OrderRequest.of("SPY", 1.5, order_type=kind))

    assert said is not None
    assert said.startswith("Alpaca takes fractions of a share with DAY only, was ")


def test_orders_that_wait_for_a_touch_are_refused() -> None:
    request = OrderRequest.of("SPY", 1, order_type=OrderType.MARKET_IF_TOUCHED, stop_price=9.5)

    assert objection(request) == "the venue does not trade MARKET_IF_TOUCHED orders"
