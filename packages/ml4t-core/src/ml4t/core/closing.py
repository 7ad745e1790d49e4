"""How much is left to close of a position, so that closing twice never reverses it."""

from collections.abc import Iterable

from ml4t.core.order_requests import OrderType
from ml4t.core.orders import Order
from ml4t.core.positions import DUST

__all__ = ["left_to_close"]


def left_to_close(held: float, orders: Iterable[Order]) -> float:
    """What of a position no market order closes yet, with the sign of the position.

    Resting stops and targets do not count: whoever calls this sees to it that the closing order and
    they together do not reverse the position.

    Args:
        held: the position, with sign.
        orders: the open orders of the same asset.
    """
    left = held
    for order in orders:
        if order.order_type is OrderType.MARKET:
            change = order.side.sign * order.remaining
            left += change if change * held < 0 else 0.0
    return 0.0 if left * held <= 0 or abs(left) <= DUST * abs(held) else left
