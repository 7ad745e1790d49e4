"""The orders of one simulated account: all of them, and those that still work."""

from collections.abc import Mapping
from types import MappingProxyType

from ml4t.core.errors import UnknownOrderError
from ml4t.core.orders import OPEN_STATUSES, Order

__all__ = ["OrderBook"]


class OrderBook:
    """Every order by id in its latest state, and the working ones in order of submission.

    Attributes:
        working: the orders that may still fill, by id; its truth value costs nothing to ask.
    """

    __slots__ = ("_orders", "_view", "working")

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._view: Mapping[str, Order] = MappingProxyType(self._orders)
        self.working: dict[str, Order] = {}

    @property
    def orders(self) -> Mapping[str, Order]:
        """Every order ever put, by id, in order of submission."""
        return self._view

    def put(self, order: Order) -> None:
        """Add an order, or set the new state of one."""
        self._orders[order.id] = order
        if order.status in OPEN_STATUSES:
            self.working[order.id] = order
        else:
            self.working.pop(order.id, None)

    def __getitem__(self, order_id: str) -> Order:
        try:
            return self._orders[order_id]
        except KeyError:
            msg = f"no order has the id {order_id!r}"
            raise UnknownOrderError(msg) from None

    def __len__(self) -> int:
        return len(self._orders)
