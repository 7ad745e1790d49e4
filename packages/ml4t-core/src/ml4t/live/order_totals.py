"""How much of each order has filled: what the venue named, and what is booked."""

from datetime import datetime

import attrs

from ml4t.core.fills import Fill
from ml4t.core.orders import Order, OrderStatus

__all__ = ["OrderTotals"]

_TOLERANCE = 1e-9


class OrderTotals:
    """The executions of each order against the total that the venue named for it.

    Where the venue named a total and its executions stay away, a stand-in is booked. Executions
    that come later take its place: together they are never more than the total. Since executions
    do not say which part of the total they are, the sums alone decide how much of a stand-in is
    still needed, so that any order of arrival ends in the same place.
    """

    def __init__(self) -> None:
        self._named: dict[str, float] = {}
        self._reports: dict[str, Order] = {}
        self._fills: dict[str, list[Fill]] = {}
        self._stand_ins: dict[str, list[Fill]] = {}
        self._made: dict[str, int] = {}
        self._latest: dict[str, datetime] = {}

    def named(self, order_id: str) -> float:
        """The total that the venue named; 0 where it named none."""
        return self._named.get(order_id, 0.0)

    def report(self, order_id: str) -> Order | None:
        """The report that named the total; None where none did."""
        return self._reports.get(order_id)

    def made(self, order_id: str) -> int:
        """How many stand-ins were ever booked for an order."""
        return self._made.get(order_id, 0)

    def booked(self, order_id: str) -> tuple[Fill, ...]:
        """What is booked of an order, stand-ins too."""
        stand_ins = self._stand_ins.get(order_id, ())
        return (*self._fills.get(order_id, ()), *stand_ins)

    @property
    def orders(self) -> list[str]:
        """The ids of the orders for which a total was named."""
        return list(self._named)

    @property
    def stood_in_for(self) -> list[str]:
        """The ids of the orders of which executions are missing that a stand-in is booked for."""
        return [order_id for order_id, fills in self._stand_ins.items() if fills]

    def is_more(self, report: Order) -> bool:
        """Whether a report names a greater total than was known."""
        return report.filled_quantity > self.named(report.id) + _TOLERANCE

    def is_less(self, report: Order) -> bool:
        """Whether an answer of the venue takes back a total that it named before.

        An answer that is older than the report that named it says nothing.
        """
        known = self._reports.get(report.id)
        if known is None or report.filled_quantity >= self.named(report.id) - _TOLERANCE:
            return False
        if known.updated_at is None or report.updated_at is None:
            return True
        return report.updated_at >= known.updated_at

    def is_late(self, report: Order) -> bool:
        """Whether a report is older than another that came before it."""
        latest = self._latest.get(report.id)
        return latest is not None and report.updated_at is not None and report.updated_at < latest

    def take(self, report: Order, *, is_answer: bool) -> None:
        """Take in the total that a report names; only an answer to a question makes it less."""
        at = report.updated_at
        # That nothing is known is said by this program, whose clock is another one.
        if at is not None and report.status is not OrderStatus.UNKNOWN and not self.is_late(report):
            self._latest[report.id] = at
        is_as_much = report.filled_quantity >= self.named(report.id) and report.filled_quantity > 0
        if is_as_much or (is_answer and self.is_less(report)):
            self._named[report.id] = report.filled_quantity
            self._reports[report.id] = report

    def add(self, fill: Fill, *, is_stand_in: bool) -> None:
        """Count an execution, or what stands in for some."""
        kept = self._stand_ins if is_stand_in else self._fills
        kept.setdefault(fill.order_id, []).append(fill)
        if is_stand_in:
            self._made[fill.order_id] = self.made(fill.order_id) + 1

    def remove(self, fill: Fill) -> None:
        """Count an execution no more, since the venue took it back."""
        order_id = fill.order_id
        kept = self._fills if fill in self._fills.get(order_id, ()) else self._stand_ins
        kept[order_id].remove(fill)
        if order_id in self._named:
            self._named[order_id] = max(self._named[order_id] - fill.quantity, 0.0)

    def change(self, old: Fill, new: Fill) -> None:
        """Put an execution in the place of the same one as it was known before."""
        kept = self._fills if old in self._fills.get(old.order_id, ()) else self._stand_ins
        same = kept[old.order_id]
        same[same.index(old)] = new

    def covers(self, fill: Fill) -> bool:
        """Whether a stand-in would make room for all of an execution that is not counted yet."""
        surplus = self._surplus(fill.order_id, fill.quantity)
        return surplus >= fill.quantity * (1 - _TOLERANCE)

    def take_surplus(self, order_id: str) -> list[tuple[Fill, Fill | None]]:
        """Shorten stand-ins to what is missing still; gives what each one was and now is."""
        surplus, changes = self._surplus(order_id), []
        stand_ins = self._stand_ins.get(order_id, [])
        while surplus > _TOLERANCE and stand_ins:
            old = stand_ins.pop()
            left = old.quantity - surplus
            surplus -= old.quantity
            new = None
            if left > _TOLERANCE * old.quantity:
                new = attrs.evolve(old, quantity=left)
                stand_ins.append(new)
            changes.append((old, new))
        return changes

    def _surplus(self, order_id: str, extra: float = 0.0) -> float:
        standing = sum(fill.quantity for fill in self._stand_ins.get(order_id, ()))
        if not standing:
            return 0.0
        seen = sum(fill.quantity for fill in self._fills.get(order_id, ())) + extra
        return standing - min(max(self.named(order_id) - seen, 0.0), standing)
