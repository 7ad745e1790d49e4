"""A request becomes the alpaca-py request that says the same, field by field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.errors import InvalidOrderError
from ml4t.live_alpaca.capabilities import objection
from ml4t.live_alpaca.translate import to_vendor


def said(request: OrderRequest) -> dict[str, object]:
    """What would be sent, less what every order says."""
    fields: dict[str, object] = to_vendor("run1-000001", request).to_request_fields()
    common = {"symbol": "SPY", "client_order_id": "run1-000001"}
    assert common.items() <= fields.items()
    return {name: value for name, value in fields.items() if name not in common}


def test_a_market_order_is_for_the_day_unless_told_otherwise() -> None:
    assert said(OrderRequest.of("SPY", -0.5)) == {
        "side": "sell",
        "qty": 0.5,
        "type": "market",
        "time_in_force": "day",
    }


@pytest.mark.parametrize(
    ("request_", "prices"),
    [
        (
            OrderRequest.of("SPY", 1, order_type=OrderType.LIMIT, limit_price=9.5),
            {"type": "limit", "limit_price": 9.5},
        ),
        (
            OrderRequest.of("SPY", 1, order_type=OrderType.STOP, stop_price=9.5),
            {"type": "stop", "stop_price": 9.5},
        ),
        (
            OrderRequest.of(
                "SPY", 1, order_type=OrderType.STOP_LIMIT, limit_price=9.75, stop_price=9.5
            ),
            {"type": "stop_limit", "limit_price": 9.75, "stop_price": 9.5},
        ),
        (
            OrderRequest.of("SPY", 1, order_type=OrderType.TRAILING_STOP, trail_amount=0.5),
            {"type": "trailing_stop", "trail_price": 0.5},
        ),
        (
            OrderRequest.of("SPY", 1, order_type=OrderType.TRAILING_STOP, trail_percent=2.5),
            {"type": "trailing_stop", "trail_percent": 2.5},
        ),
        (
            OrderRequest.of("SPY", 1, order_type=OrderType.MARKET_ON_OPEN),
            {"type": "market", "time_in_force": "opg"},
        ),
        (
            OrderRequest.of("SPY", 1, order_type=OrderType.MARKET_ON_CLOSE),
            {"type": "market", "time_in_force": "cls"},
        ),
    ],
)
def test_each_price_goes_to_its_own_field(
    request_: OrderRequest, prices: dict[str, object]
) -> None:
    assert said(request_) == {"side": "buy", "qty": 1.0, "time_in_force": "day", **prices}


@pytest.mark.parametrize("time", [t for t in TimeInForce if t is not TimeInForce.GTD])
def test_a_time_in_force_keeps_its_name(time: TimeInForce) -> None:
    fields = said(OrderRequest.of("SPY", 1, time_in_force=time))

    assert fields["time_in_force"] == time.value


def test_what_the_venue_cannot_take_is_not_translated() -> None:
    request = OrderRequest.of("SPY", 1.5, time_in_force=TimeInForce.GTC)

    with pytest.raises(InvalidOrderError, match="DAY only, was GTC"):
        to_vendor("run1-000001", request)


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

    fields = said(request)

    assert (fields["side"], fields["qty"]) == (side.value, quantity)
