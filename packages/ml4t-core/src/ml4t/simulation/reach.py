"""Which prices the orders of one asset wait for, so that a bar that has none is passed over."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from ml4t.core.order_requests import OrderSide, OrderType
from ml4t.core.orders import Order

__all__ = ["Reach"]

_BY_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
_BY_TOUCH = frozenset({OrderType.MARKET_IF_TOUCHED, OrderType.LIMIT_IF_TOUCHED})


class Reach(NamedTuple):
    """What a bar must trade for anything to happen to some orders: one price or the other.

    Attributes:
        below: at this price or lower; infinite where any bar will do.
        above: at this price or higher.
    """

    below: float
    above: float

    @classmethod
    def of(cls, orders: Iterable[Order]) -> "Reach":
        """The reach of working orders of one asset."""
        below, above = -math.inf, math.inf
        for order in orders:
            price, waits_below = _awaited(order)
            if waits_below:
                below = max(below, price)
            else:
                above = min(above, price)
        return cls(below, above)


def _awaited(order: Order) -> tuple[float, bool]:
    """The price without which nothing happens to an order, and whether it waits for it to fall."""
    request, kind = order.request, order.request.order_type
    buys = request.side is OrderSide.BUY
    if kind is OrderType.LIMIT:
        price, waits_below = request.limit_price, buys
    elif order.triggered:
        price, waits_below = math.inf, True
    elif kind in _BY_STOP:
        price, waits_below = request.stop_price, not buys
    elif kind in _BY_TOUCH:
        price, waits_below = request.stop_price, buys
    else:
        price, waits_below = math.inf, True
    assert price is not None  # noqa: S101 - an order request cannot be built without it
    return price, waits_below
