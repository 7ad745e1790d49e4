"""From this project's orders to ib_async's: the only module that knows ib_async's field names."""

from datetime import UTC

from ib_async import Order

from ml4t.core.errors import InvalidOrderError
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.live_ib.capabilities import objection

__all__ = ["to_vendor"]

_ACTIONS = {OrderSide.BUY: "BUY", OrderSide.SELL: "SELL"}
_TYPES = {
    OrderType.MARKET: "MKT",
    OrderType.LIMIT: "LMT",
    OrderType.STOP: "STP",
    OrderType.STOP_LIMIT: "STP LMT",
    OrderType.TRAILING_STOP: "TRAIL",
    OrderType.MARKET_ON_OPEN: "MKT",
    OrderType.MARKET_ON_CLOSE: "MOC",
    OrderType.MARKET_IF_TOUCHED: "MIT",
    OrderType.LIMIT_IF_TOUCHED: "LIT",
}
_TYPES_AT_CLOSE = {**_TYPES, OrderType.MARKET: "MOC", OrderType.LIMIT: "LOC"}
_TIMES = {
    TimeInForce.DAY: "DAY",
    TimeInForce.GTC: "GTC",
    TimeInForce.GTD: "GTD",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
    TimeInForce.OPG: "OPG",
    # The closing auction is an order type there, good for the day.
    TimeInForce.CLS: "DAY",
}


def to_vendor(order_id: str, request: OrderRequest, *, account: str) -> Order:
    """The order that asks Interactive Brokers for ``request``.

    ``order_id`` travels as the order's reference, which comes back with every report; the numeric
    id is left to the session, since those numbers start over.

    Raises:
        InvalidOrderError: Interactive Brokers cannot take the request; see `objection()`.
    """
    if reason := objection(request):
        raise InvalidOrderError(reason)
    opens = request.order_type is OrderType.MARKET_ON_OPEN
    types = _TYPES_AT_CLOSE if request.time_in_force is TimeInForce.CLS else _TYPES
    order = Order(
        action=_ACTIONS[request.side],
        totalQuantity=request.quantity,
        orderType=types[request.order_type],
        # Never left empty: the presets of TWS would fill it in.
        tif=_TIMES[TimeInForce.OPG if opens else request.time_in_force],
        orderRef=order_id,
        account=account,
    )
    if request.limit_price is not None:
        order.lmtPrice = request.limit_price
    if request.stop_price is not None:
        order.auxPrice = request.stop_price
    if request.trail_amount is not None:
        order.auxPrice = request.trail_amount
    if request.trail_percent is not None:
        order.trailingPercent = request.trail_percent
    if request.good_till is not None:
        order.goodTillDate = f"{request.good_till.astimezone(UTC):%Y%m%d-%H:%M:%S}"
    return order
