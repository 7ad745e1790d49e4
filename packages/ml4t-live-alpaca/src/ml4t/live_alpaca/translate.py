"""From this project's orders to alpaca-py's: the only module that knows alpaca-py's field names."""

from alpaca.trading import enums, requests

from ml4t.core.errors import InvalidOrderError
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.live_alpaca.capabilities import objection

__all__ = ["to_vendor"]

_SIDES = {OrderSide.BUY: enums.OrderSide.BUY, OrderSide.SELL: enums.OrderSide.SELL}
_REQUESTS: dict[OrderType, type[requests.OrderRequest]] = {
    OrderType.MARKET: requests.MarketOrderRequest,
    OrderType.LIMIT: requests.LimitOrderRequest,
    OrderType.STOP: requests.StopOrderRequest,
    OrderType.STOP_LIMIT: requests.StopLimitOrderRequest,
    OrderType.TRAILING_STOP: requests.TrailingStopOrderRequest,
    OrderType.MARKET_ON_OPEN: requests.MarketOrderRequest,
    OrderType.MARKET_ON_CLOSE: requests.MarketOrderRequest,
}
_TIMES = {
    TimeInForce.DAY: enums.TimeInForce.DAY,
    TimeInForce.GTC: enums.TimeInForce.GTC,
    TimeInForce.IOC: enums.TimeInForce.IOC,
    TimeInForce.FOK: enums.TimeInForce.FOK,
    TimeInForce.OPG: enums.TimeInForce.OPG,
    TimeInForce.CLS: enums.TimeInForce.CLS,
}
# The auctions are times in force there.
_AUCTIONS = {
    OrderType.MARKET_ON_OPEN: TimeInForce.OPG,
    OrderType.MARKET_ON_CLOSE: TimeInForce.CLS,
}


def to_vendor(order_id: str, request: OrderRequest) -> requests.OrderRequest:
    """The request that asks Alpaca for ``request``.

    ``order_id`` travels as the client's order id, which comes back with every report and which
    Alpaca takes once only.

    Raises:
        InvalidOrderError: Alpaca cannot take the request; see `objection()`.
    """
    if reason := objection(request):
        raise InvalidOrderError(reason)
    fields = {
        "symbol": request.asset,
        "qty": request.quantity,
        "side": _SIDES[request.side],
        "time_in_force": _TIMES[_AUCTIONS.get(request.order_type, request.time_in_force)],
        "client_order_id": order_id,
        "limit_price": request.limit_price,
        "stop_price": request.stop_price,
        "trail_price": request.trail_amount,
        "trail_percent": request.trail_percent,
    }
    return _REQUESTS[request.order_type].model_validate(fields)
