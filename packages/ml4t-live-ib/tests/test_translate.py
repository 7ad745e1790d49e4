"""A request becomes the ib_async order that says the same, field by field."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_async import Order

from ml4t.core import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.errors import InvalidOrderError
from ml4t.live_ib.capabilities import objection
from ml4t.live_ib.translate import to_vendor


def said(request: OrderRequest) -> dict[str, object]:
    """What the vendor's order says beyond its defaults, less what every order says."""
    order, nothing = to_vendor("run1-000001", request, account="DU1234567"), Order()
    assert (order.orderRef, order.account) == ("run1-000001", "DU1234567")
    return {
        name: value
        for name, value in vars(order).items()
        if value != getattr(nothing, name) and name not in {"orderRef", "account"}
    }


def test_a_market_order_is_for_the_day_unless_told_otherwise() -> None:
    assert said(OrderRequest.of("SPY", -100)) == {
        "action": "SELL",
        "totalQuantity": 100.0,
        "orderType": "MKT",
        "tif": "DAY",
    }


@pytest.mark.parametrize(
    ("request_", "prices"),
    [
        (
            OrderRequest.of("SPY", 1, order_type=OrderType.LIMIT, limit_price=9.5),
            {"orderType": "LMT", "lmtPrice": 9.5},
        ),
        (
            OrderRequest.of("SPY", 1, order_type=OrderType.STOP, stop_price=9.5),
            {"orderType": "STP", "auxPrice": 9.5},
        ),
        (
            OrderRequest.of(
                "SPY", 1, order_type=OrderType.STOP_LIMIT, limit_price=9.75, stop_price=9.5
            ),
            {"orderType": "STP LMT", "lmtPrice": 9.75, "auxPrice": 9.5},
        ),
        (
            OrderRequest.of("SPY", 1, order_type=OrderType.TRAILING_STOP, trail_amount=0.5),
            {"orderType": "TRAIL", "auxPrice": 0.5},
        ),
        (
            OrderRequest.of("SPY", 1, order_type=OrderType.TRAILING_STOP, trail_percent=2.5),
            {"orderType": "TRAIL", "trailingPercent": 2.5},
        ),
        (
            OrderRequest.of("SPY", 1, order_type=OrderType.MARKET_IF_TOUCHED, stop_price=9.5),
            {"orderType": "MIT", "auxPrice": 9.5},
        ),
        (
            OrderRequest.of(
                "SPY", 1, order_type=OrderType.LIMIT_IF_TOUCHED, limit_price=9.75, stop_price=9.5
            ),
            {"orderType": "LIT", "lmtPrice": 9.75, "auxPrice": 9.5},
        ),
        (OrderRequest.of("SPY", 1, order_type=OrderType.MARKET_ON_CLOSE), {"orderType": "MOC"}),
        (
            OrderRequest.of(
                "SPY", 1, order_type=OrderType.MARKET_ON_CLOSE, time_in_force=TimeInForce.CLS
            ),
            {"orderType": "MOC"},
        ),
        (
            OrderRequest.of("SPY", 1, order_type=OrderType.MARKET_ON_OPEN),
            {"orderType": "MKT", "tif": "OPG"},
        ),
    ],
)
def test_each_price_goes_to_its_own_field(
    request_: OrderRequest, prices: dict[str, object]
) -> None:
    assert said(request_) == {"action": "BUY", "totalQuantity": 1.0, "tif": "DAY", **prices}


@pytest.mark.parametrize("time", [t for t in TimeInForce if t.name not in {"CLS", "GTD"}])
def test_a_time_in_force_keeps_its_name(time: TimeInForce) -> None:
    assert said(OrderRequest.of("SPY", 1, time_in_force=time))["tif"] == time.name


@pytest.mark.parametrize(
    ("request_", "vendor_type"),
    [
        (OrderRequest.of("SPY", 1, time_in_force=TimeInForce.CLS), "MOC"),
        (
            OrderRequest.of(
                "SPY",
                1,
                order_type=OrderType.LIMIT,
                limit_price=9.5,
                time_in_force=TimeInForce.CLS,
            ),
            "LOC",
        ),
    ],
)
def test_the_closing_auction_is_an_order_type(request_: OrderRequest, vendor_type: str) -> None:
    fields = said(request_)

    assert (fields["orderType"], fields["tif"]) == (vendor_type, "DAY")


def test_a_last_instant_is_told_in_utc() -> None:
    fields = said(
        OrderRequest.of(
            "SPY",
            1,
            time_in_force=TimeInForce.GTD,
            good_till=datetime(2027, 1, 4, 15, 30, tzinfo=ZoneInfo("America/New_York")),
        )
    )

    assert (fields["tif"], fields["goodTillDate"]) == ("GTD", "20270104-20:30:00")


def test_what_the_venue_cannot_take_is_not_translated() -> None:
    with pytest.raises(InvalidOrderError, match="whole units only"):
        to_vendor("run1-000001", OrderRequest.of("SPY", 1.5), account="DU1234567")


@given(
    quantity=st.one_of(st.integers(1, 10**6).map(float), st.floats(0.001, 10**6, allow_nan=False)),
    side=st.sampled_from(OrderSide),
    time=st.sampled_from([time for time in TimeInForce if time is not TimeInForce.GTD]),
)
def test_side_and_quantity_always_arrive(
    quantity: float, side: OrderSide, time: TimeInForce
) -> None:
    request = OrderRequest.of("SPY", quantity, side, time_in_force=time)
    if objection(request):
        return

    order = to_vendor("run1-000001", request, account="DU1234567")

    assert (order.action, order.totalQuantity) == (side.name, quantity)
    assert order.tif
