"""What is said about a request before it is translated."""

from datetime import UTC, datetime

import pytest

from ml4t.core import OrderRequest, OrderType, TimeInForce
from ml4t.live_ib.capabilities import objection


@pytest.mark.parametrize(
    "request_",
    [
        OrderRequest.of("SPY", 1),
        OrderRequest.of("SPY", -1, time_in_force=TimeInForce.CLS),
        OrderRequest.of("SPY", 1, order_type=OrderType.LIMIT, limit_price=9.5),
        OrderRequest.of(
            "SPY", 1, time_in_force=TimeInForce.GTD, good_till=datetime(2027, 1, 4, tzinfo=UTC)
        ),
    ],
)
def test_what_the_venue_takes_meets_no_objection(request_: OrderRequest) -> None:
    assert objection(request_) is None


def test_fractions_are_refused() -> None:
    assert objection(OrderRequest.of("SPY", 1.5)) == (
        "the venue trades whole units only, quantity was 1.5"
    )


@pytest.mark.parametrize("name", ["IOC", "FOK", "OPG", "CLS"])
def test_an_order_that_waits_for_a_trigger_is_refused_where_it_may_not_wait(name: str) -> None:
    request = OrderRequest.of(
        "SPY", -1, order_type=OrderType.STOP, stop_price=9.5, time_in_force=TimeInForce[name]
    )

    assert objection(request) == f"Interactive Brokers does not take STOP orders with {name}"
