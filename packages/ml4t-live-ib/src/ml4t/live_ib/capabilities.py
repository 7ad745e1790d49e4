"""What this adapter can ask of Interactive Brokers."""

from ml4t.core.capabilities import Capabilities
from ml4t.core.order_requests import OrderRequest, OrderType, TimeInForce

__all__ = ["CAPABILITIES", "objection"]

CAPABILITIES = Capabilities(
    order_types=OrderType,
    times_in_force=TimeInForce,
    # Fractions need a permission that an account may lack, so none are sent.
    fractional=False,
    short_selling=True,
    replace_orders=True,
)
"""What Interactive Brokers takes from this adapter, one field at a time; see `objection()`."""

_AT_ONCE_OR_IN_AUCTION = frozenset(
    {TimeInForce.IOC, TimeInForce.FOK, TimeInForce.OPG, TimeInForce.CLS}
)
_WITHOUT_TRIGGER = frozenset({OrderType.MARKET, OrderType.LIMIT})


def objection(request: OrderRequest) -> str | None:
    """Why Interactive Brokers cannot take this request, in words; None where it can."""
    kind, time = request.order_type, request.time_in_force
    if time in _AT_ONCE_OR_IN_AUCTION and kind not in _WITHOUT_TRIGGER:
        return f"Interactive Brokers does not take {kind.name} orders with {time.name}"
    return CAPABILITIES.objection(request)
