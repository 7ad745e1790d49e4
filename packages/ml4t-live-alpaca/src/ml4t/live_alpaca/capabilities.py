"""What this adapter can ask of Alpaca: orders for listed shares."""

import attrs

from ml4t.core.capabilities import Capabilities
from ml4t.core.order_requests import OrderRequest, OrderType, TimeInForce

__all__ = ["CAPABILITIES", "objection"]

_AT_ONCE_OR_IN_AUCTION = frozenset(
    {TimeInForce.IOC, TimeInForce.FOK, TimeInForce.OPG, TimeInForce.CLS}
)
_WITHOUT_TRIGGER = frozenset({OrderType.MARKET, OrderType.LIMIT})
_OWN_AUCTION = {
    OrderType.MARKET_ON_OPEN: TimeInForce.OPG,
    OrderType.MARKET_ON_CLOSE: TimeInForce.CLS,
}


@attrs.frozen(kw_only=True)
class _Alpaca(Capabilities):
    """The fields, and what depends on several of them."""

    def objection(self, request: OrderRequest) -> str | None:
        if fault := request.fault:
            return fault
        if request.reduce_only:
            # Sent without the condition it could open a position.
            return "Alpaca has no orders that only reduce a position"
        return _of_time(request) or super().objection(request)


def _of_time(request: OrderRequest) -> str | None:
    """Why the order's type and its time in force do not go together, in words."""
    kind, time = request.order_type, request.time_in_force
    auction = _OWN_AUCTION.get(kind)
    if auction is not None:
        if time is not TimeInForce.DAY and time is not auction:
            named = f"DAY or {auction.name}, was {time.name}"
            return f"Alpaca takes {kind.name} orders with {named}"
        time = auction
    elif time in _AT_ONCE_OR_IN_AUCTION and kind not in _WITHOUT_TRIGGER:
        return f"Alpaca does not take {kind.name} orders with {time.name}"
    if not request.quantity.is_integer():
        if time is not TimeInForce.DAY:
            return f"Alpaca takes fractions of a share with DAY only, was {time.name}"
        if kind is OrderType.TRAILING_STOP:
            return "Alpaca takes no TRAILING_STOP orders for fractions of a share"
    return None


CAPABILITIES = _Alpaca(
    order_types=[kind for kind in OrderType if not kind.name.endswith("_IF_TOUCHED")],
    times_in_force=[time for time in TimeInForce if time is not TimeInForce.GTD],
    fractional=True,
    short_selling=True,
    replace_orders=True,
)
"""What Alpaca takes from this adapter, one field at a time; see `objection()`."""


def objection(request: OrderRequest) -> str | None:
    """Why Alpaca cannot take this request, in words; None where it can."""
    return CAPABILITIES.objection(request)
