"""Which orders hang together in one simulated account, and what one does to the others."""

from collections.abc import Callable, Iterator
from datetime import datetime

import attrs

from ml4t.core.orders import Order, OrderStatus
from ml4t.core.positions import DUST
from ml4t.simulation.order_book import OrderBook
from ml4t.simulation.trailing import trail_stop

__all__ = ["OrderGroups"]


class OrderGroups:
    """The rules of :mod:`ml4t.core.groups`, applied to an order book.

    Args:
        book: the orders.
        put: sets the new state of one, and tells this object when it has ended.

    Attributes:
        exist: whether there are any.
    """

    __slots__ = ("_book", "_children", "_groups", "_put", "_wholes", "exist")

    def __init__(self, book: OrderBook, put: Callable[[Order], None]) -> None:
        self._book = book
        self._put = put
        self._children: dict[str, tuple[str, ...]] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self._wholes: dict[str, float] = {}
        self.exist = False

    def bind(self, group: str, orders: tuple[Order, ...], parent: str | None = None) -> None:
        """Take note of a group of which only one may fill, perhaps waiting for a parent."""
        ids = tuple(order.id for order in orders)
        self.exist = True
        self._groups[group] = ids
        self._wholes[group] = orders[0].quantity
        if parent is not None:
            self._children[parent] = ids

    def family(self, parent_id: str) -> tuple[Order, ...]:
        """All orders that wait for this one, or did."""
        return tuple(self._book[child] for child in self._children.get(parent_id, ()))

    def children(self, parent_id: str) -> tuple[Order, ...]:
        """The orders that sleep until this one fills."""
        return tuple(c for c in self.family(parent_id) if c.status is OrderStatus.HELD)

    def after_fill(self, order: Order, price: float, now: datetime) -> None:
        """What a fill at ``price`` does to the orders that hang on ``order``."""
        for child_id in self._children.get(order.id, ()):
            child = self._book[child_id]
            if child.is_open:
                self._wake(child, order, price, now)
        if order.status is OrderStatus.FILLED:
            self._end_parent(order, now)
        if order.group not in self._groups:
            return
        whole = self._whole(order)
        filled = self._filled(order.group)
        for sibling in self._siblings(order):
            quantity = whole - filled + sibling.filled_quantity
            if quantity - sibling.filled_quantity <= DUST * whole:
                reason = f"order {order.id} of its group has filled"
                self._put(sibling.to(OrderStatus.CANCELLED, now, reason))
            else:
                self._put(_resized(sibling, quantity, now))

    def after_end(self, order: Order, now: datetime | None) -> None:
        """What the end of ``order`` without having filled in full does to the others."""
        if order.status is OrderStatus.FILLED:
            return
        if not order.filled_quantity:
            for child in self.children(order.id):
                reason = f"its parent, order {order.id}, ended without a fill"
                self._put(child.to(OrderStatus.CANCELLED, now, reason))
        self._end_parent(order, now)
        for sibling in self._siblings(order):
            reason = f"order {order.id} of its group has ended"
            self._put(sibling.to(OrderStatus.CANCELLED, now, reason))

    def close_exits(self, asset: str, before: float, now: datetime) -> None:
        """Cancel what could only have reduced a position of ``before`` units that is gone."""
        for order in tuple(self._book.working_in(asset).values()):
            current = self._book[order.id]
            reduces = order.request.reduce_only and order.side.sign * before < 0
            if reduces and current.is_open:
                reason = "the position that it would reduce is closed"
                self._put(current.to(OrderStatus.CANCELLED, now, reason))

    def _end_parent(self, child: Order, now: datetime | None) -> None:
        """Cancel what is left of a parent, which would open a position without this exit."""
        parent = self._book.orders.get(child.parent or "")
        if parent is not None and parent.is_open:
            reason = f"its exit, order {child.id}, has ended"
            self._put(parent.to(OrderStatus.CANCELLED, now, reason))

    def _wake(self, child: Order, parent: Order, price: float, now: datetime) -> None:
        assert child.group is not None  # noqa: S101 - children are bound as a group
        quantity = parent.filled_quantity - self._filled(child.group) + child.filled_quantity
        if quantity <= child.filled_quantity:
            return
        request = child.request
        trails = request.trail_amount is not None or request.trail_percent is not None
        if trails and child.trail_stop is None:
            child = attrs.evolve(child, trail_stop=trail_stop(request, price))
        if child.status is OrderStatus.HELD:
            child = child.to(OrderStatus.ACCEPTED, now)
        self._put(_resized(child, quantity, now))

    def _whole(self, order: Order) -> float:
        """What the group may fill together."""
        if order.parent is None:
            assert order.group is not None  # noqa: S101 - asked of members only
            return self._wholes[order.group]
        return self._book[order.parent].filled_quantity

    def _filled(self, group: str) -> float:
        return sum(self._book[order_id].filled_quantity for order_id in self._groups[group])

    def _siblings(self, order: Order) -> Iterator[Order]:
        if order.group is None:
            return
        for order_id in self._groups.get(order.group, ()):
            sibling = self._book[order_id]
            if order_id != order.id and sibling.is_open:
                yield sibling


def _resized(order: Order, quantity: float, now: datetime) -> Order:
    if quantity == order.quantity:
        return attrs.evolve(order, updated_at=now)
    return attrs.evolve(
        order, request=attrs.evolve(order.request, quantity=quantity), updated_at=now
    )
