"""Orders: requests, and what has become of them.

One status machine serves simulation and live trading::

    NEW -> PENDING -> ACCEPTED -> PARTIALLY_FILLED -> FILLED
               HELD -> ACCEPTED   \\-> CANCELLED | REJECTED | EXPIRED

A ``HELD`` order is the child of another: it sleeps until its parent has filled.
``UNKNOWN`` is a status of its own: the order was sent and nobody can say what became of it. It
counts as working until evidence arrives. A fill that arrives after ``CANCELLED`` or ``EXPIRED`` is
legal, since the venue may have traded before it took the order out; it changes the position.
"""

import math
from datetime import datetime

import attrs

from ml4t.core.drafts import draft_of
from ml4t.core.errors import InvalidOrderError, InvalidValueError, TransitionError
from ml4t.core.order_requests import (
    Constant,
    OrderRequest,
    OrderSide,
    OrderType,
    TimeInForce,
)

__all__ = ["LEGAL_TRANSITIONS", "OPEN_STATUSES", "Order", "OrderStatus"]


class OrderStatus(Constant):
    """Where an order stands in its life; see the module's docstring."""

    NEW = "new"
    PENDING = "pending"
    HELD = "held"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


_S = OrderStatus
_ENDS = frozenset({_S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.UNKNOWN})

LEGAL_TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    _S.NEW: frozenset({_S.PENDING, _S.HELD, _S.ACCEPTED, _S.REJECTED, _S.CANCELLED, _S.UNKNOWN}),
    _S.PENDING: _ENDS | {_S.HELD, _S.ACCEPTED, _S.PARTIALLY_FILLED, _S.REJECTED},
    _S.HELD: _ENDS | {_S.HELD, _S.ACCEPTED, _S.PARTIALLY_FILLED, _S.REJECTED},
    _S.ACCEPTED: _ENDS | {_S.ACCEPTED, _S.PARTIALLY_FILLED, _S.REJECTED},
    _S.PARTIALLY_FILLED: _ENDS | {_S.PARTIALLY_FILLED},
    _S.FILLED: frozenset(),
    _S.CANCELLED: frozenset({_S.CANCELLED, _S.FILLED}),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset({_S.EXPIRED, _S.FILLED}),
    _S.UNKNOWN: _ENDS | {_S.HELD, _S.ACCEPTED, _S.PARTIALLY_FILLED, _S.REJECTED},
}
"""From each status, the statuses that may come next (``CANCELLED`` to itself by a late fill)."""

OPEN_STATUSES = frozenset(
    {_S.NEW, _S.PENDING, _S.HELD, _S.ACCEPTED, _S.PARTIALLY_FILLED, _S.UNKNOWN}
)
"""The statuses in which an order may still fill as far as anybody knows."""

_TOLERANCE = 1e-9

# What every simulated order asks for: Python 3.11 takes as long to look up a member of an
# enumeration as to call a function.
_ACCEPTED, _FILLED, _HELD = _S.ACCEPTED, _S.FILLED, _S.HELD


@attrs.frozen(weakref_slot=False)
class Order:
    """A request and what has become of it at one moment.

    An order never changes: what happens to it gives a new value with the same ``id``. ``quantity``
    is what was asked for and stays so; ``remaining`` is what is left of it.

    Attributes:
        id: the venue's name for it, unique within an account.
        request: what was asked.
        status: where it stands.
        submitted_at: when the strategy asked, timezone-aware; None before the first bar of a run.
        updated_at: when the latest change happened, timezone-aware.
        filled_quantity: how much has filled, without sign.
        average_fill_price: the mean price of what has filled; None before the first fill.
        triggered: whether its stop or touch price has been reached.
        reason: why it was rejected, cancelled or expired, in words for a person.
        fees: what its executions have cost so far, in the account's currency.
        parent: the id of the order that it waits for or waited for; None without one.
        group: the name of the group of which only one may fill; None without one.
        trail_stop: where the stop of a trailing order stands; None for others and before the first
            bar.
    """

    id: str
    request: OrderRequest
    status: OrderStatus = OrderStatus.NEW
    submitted_at: datetime | None = None
    updated_at: datetime | None = None
    filled_quantity: float = 0.0
    average_fill_price: float | None = None
    triggered: bool = False
    reason: str = ""
    fees: float = 0.0
    parent: str | None = None
    group: str | None = None
    trail_stop: float | None = None

    @property
    def asset(self) -> str:
        """The symbol."""
        return self.request.asset

    @property
    def side(self) -> OrderSide:
        """Buy or sell."""
        return self.request.side

    @property
    def quantity(self) -> float:
        """How much was asked for, without sign."""
        return self.request.quantity

    @property
    def order_type(self) -> OrderType:
        """What makes it fill."""
        return self.request.order_type

    @property
    def limit_price(self) -> float | None:
        """The worst price it may fill at, if it has one."""
        return self.request.limit_price

    @property
    def stop_price(self) -> float | None:
        """The price that triggers it, if it has one."""
        return self.request.stop_price

    @property
    def time_in_force(self) -> TimeInForce:
        """How long it works."""
        return self.request.time_in_force

    @property
    def tag(self) -> str:
        """The free text that came with the request."""
        return self.request.tag

    @property
    def remaining(self) -> float:
        """How much has not filled, without sign."""
        return max(self.request.quantity - self.filled_quantity, 0.0)

    @property
    def is_open(self) -> bool:
        """Whether it may still fill as far as anybody knows; true for ``UNKNOWN``."""
        return self.status in OPEN_STATUSES

    def to(self, status: OrderStatus, at: datetime | None, reason: str = "") -> "Order":
        """This order in another status.

        Raises:
            TransitionError: no order goes from its status to ``status``.
        """
        if status not in LEGAL_TRANSITIONS[self.status]:
            msg = f"order {self.id} cannot go from {self.status.name} to {status.name}"
            raise TransitionError(msg)
        return attrs.evolve(self, status=status, updated_at=at, reason=reason or self.reason)

    def replacement(
        self, quantity: float | None, limit_price: float | None, stop_price: float | None
    ) -> OrderRequest:
        """The request with other numbers; what is None stays. ``quantity`` is the new total.

        Raises:
            InvalidOrderError: the result makes no order, or asks for no more than has filled.
        """
        old = self.request
        request = attrs.evolve(
            old,
            quantity=old.quantity if quantity is None else quantity,
            limit_price=old.limit_price if limit_price is None else limit_price,
            stop_price=old.stop_price if stop_price is None else stop_price,
        )
        if self.filled_quantity and request.quantity <= self.filled_quantity:
            msg = (
                f"quantity of order {self.id} must exceed the {self.filled_quantity:g} that "
                f"filled, was {request.quantity:g}: cancel it instead"
            )
            raise InvalidOrderError(msg)
        return request

    def after_fill(self, quantity: float, price: float, at: datetime, fee: float = 0.0) -> "Order":
        """This order after ``quantity`` of it filled at ``price`` for ``fee``.

        A late fill leaves ``CANCELLED`` or ``EXPIRED`` as it is unless it completes the order.

        Raises:
            InvalidValueError: ``quantity`` or ``price`` is not positive and finite.
            TransitionError: more filled than was asked for, or the order cannot fill any more.
        """
        if not (0 < quantity < math.inf and 0 < price < math.inf):
            msg = f"a fill of order {self.id} must be positive, was {quantity} at {price}"
            raise InvalidValueError(msg)
        wanted = self.request.quantity
        if quantity == wanted and self.status is _ACCEPTED:
            # Most orders fill at once.
            filled, status, average, fees = wanted, _FILLED, price, fee
        else:
            filled, status, average = self._advanced(quantity, price)
            fees = self.fees + fee
        order = _Draft()
        order.id = self.id
        order.request = self.request
        order.status = status
        order.submitted_at = self.submitted_at
        order.updated_at = at
        order.filled_quantity = filled
        order.average_fill_price = average
        order.triggered = self.triggered
        order.reason = self.reason
        order.fees = fees
        order.parent = self.parent
        order.group = self.group
        order.trail_stop = self.trail_stop
        order.__class__ = Order
        return order  # type: ignore[no-any-return]

    def _advanced(self, quantity: float, price: float) -> tuple[float, OrderStatus, float]:
        """Filled quantity, status and average price after one more fill."""
        wanted, before = self.request.quantity, self.average_fill_price
        filled = self.filled_quantity + quantity
        average = price if before is None else before + (price - before) * (quantity / filled)
        if filled > wanted * (1 + _TOLERANCE):
            msg = f"order {self.id} asks for {wanted} and cannot fill {filled}"
            raise TransitionError(msg)
        if filled >= wanted * (1 - _TOLERANCE):
            filled, status = wanted, OrderStatus.FILLED
        elif self.status is OrderStatus.CANCELLED or self.status is OrderStatus.EXPIRED:
            status = self.status
        else:
            status = OrderStatus.PARTIALLY_FILLED
        if status not in LEGAL_TRANSITIONS[self.status]:
            msg = f"order {self.id} is {self.status.name} and cannot fill"
            raise TransitionError(msg)
        return filled, status, average

    @staticmethod
    def submitted(
        order_id: str,
        request: OrderRequest,
        at: datetime | None,
        objection: str | None,
        parent: str | None = None,
        group: str | None = None,
    ) -> "Order":
        """A new order as a venue that decides at once answers it.

        Its status is ``REJECTED`` where the venue has an ``objection``, else ``HELD`` with a
        ``parent`` and ``ACCEPTED`` without.
        """
        status = _ACCEPTED if parent is None else _HELD
        if objection:
            status = OrderStatus.REJECTED
        order = _Draft()
        order.id = order_id
        order.request = request
        order.status = status
        order.submitted_at = at
        order.updated_at = at
        order.filled_quantity = 0.0
        order.average_fill_price = None
        order.triggered = False
        order.reason = objection or ""
        order.fees = 0.0
        order.parent = parent
        order.group = group
        order.trail_stop = None
        order.__class__ = Order
        return order  # type: ignore[no-any-return]


_Draft = draft_of(Order)
