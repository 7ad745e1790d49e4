"""Orders: requests, and what has become of them.

One status machine serves simulation and live trading::

    NEW -> PENDING -> ACCEPTED -> PARTIALLY_FILLED -> FILLED
                          \\-> CANCELLED | REJECTED | EXPIRED

``UNKNOWN`` is a status of its own: the order was sent and nobody can say what became of it. It
counts as working until evidence arrives. A fill that arrives after ``CANCELLED`` or ``EXPIRED`` is
legal, since the venue may have traded before it took the order out; it changes the position.
"""

import math
from datetime import datetime

import attrs

from ml4t.core.drafts import draft_of
from ml4t.core.errors import InvalidValueError, TransitionError
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
    _S.NEW: frozenset({_S.PENDING, _S.ACCEPTED, _S.REJECTED, _S.CANCELLED, _S.UNKNOWN}),
    _S.PENDING: _ENDS | {_S.ACCEPTED, _S.PARTIALLY_FILLED, _S.REJECTED},
    _S.ACCEPTED: _ENDS | {_S.ACCEPTED, _S.PARTIALLY_FILLED, _S.REJECTED},
    _S.PARTIALLY_FILLED: _ENDS | {_S.PARTIALLY_FILLED},
    _S.FILLED: frozenset(),
    _S.CANCELLED: frozenset({_S.CANCELLED, _S.FILLED}),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset({_S.EXPIRED, _S.FILLED}),
    _S.UNKNOWN: _ENDS | {_S.ACCEPTED, _S.PARTIALLY_FILLED, _S.REJECTED},
}
"""From each status, the statuses that may come next (``CANCELLED`` to itself by a late fill)."""

OPEN_STATUSES = frozenset({_S.NEW, _S.PENDING, _S.ACCEPTED, _S.PARTIALLY_FILLED, _S.UNKNOWN})
"""The statuses in which an order may still fill as far as anybody knows."""

_TOLERANCE = 1e-9


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
        triggered: whether the stop of a stop-limit order has been touched.
        reason: why it was rejected, cancelled or expired, in words for a person.
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

    def after_fill(self, quantity: float, price: float, at: datetime) -> "Order":
        """This order after ``quantity`` of it filled at ``price``.

        A late fill leaves ``CANCELLED`` or ``EXPIRED`` as it is unless it completes the order.

        Raises:
            InvalidValueError: ``quantity`` or ``price`` is not positive and finite.
            TransitionError: more filled than was asked for, or the order cannot fill any more.
        """
        if not (0 < quantity < math.inf and 0 < price < math.inf):
            msg = f"a fill of order {self.id} must be positive, was {quantity} at {price}"
            raise InvalidValueError(msg)
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
        order = _draft(
            self.id,
            self.request,
            status,
            self.submitted_at,
            at,
            filled,
            average,
            self.triggered,
            self.reason,
        )
        order.__class__ = Order
        return order

    @classmethod
    def submitted(
        cls, order_id: str, request: OrderRequest, at: datetime | None, objection: str | None
    ) -> "Order":
        """A new order as a venue that decides at once answers it.

        Its status is ``ACCEPTED``, or ``REJECTED`` where the venue has an ``objection``.
        """
        status = OrderStatus.REJECTED if objection else OrderStatus.ACCEPTED
        order = _draft(order_id, request, status, at, at, 0.0, None, False, objection or "")  # noqa: FBT003
        order.__class__ = Order
        return order


_draft = draft_of(Order)
