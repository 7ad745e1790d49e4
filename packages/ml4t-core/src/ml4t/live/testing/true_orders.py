"""An order as the venue has it, whatever anybody was told about it."""

from datetime import datetime

from ml4t.core.order_requests import Constant, OrderRequest, OrderSide
from ml4t.core.orders import OPEN_STATUSES, Order, OrderStatus

__all__ = ["Owner", "TrueOrder"]

_ALMOST_ALL = 1 - 1e-9


class Owner(Constant):
    """Who placed an order.

    ``ENGINE``: the program under test. ``OTHER``: another program on the same account. ``HAND``: a
    person at a terminal. ``VENUE``: the venue itself, which closes a position.
    """

    ENGINE = "engine"
    OTHER = "other"
    HAND = "hand"
    VENUE = "venue"


class TrueOrder:
    """An order as the venue has it.

    Attributes:
        key: the venue's own number for it; two orders under one reference have two.
        id: the reference that it was sent under.
        filled: units that traded, busted ones too.
        value: the sum of quantity times price of what traded.
        is_busy: whether its next trade is on its way.
        reports: every state it was in, and when, in the agenda's seconds.
        may_exceed: whether the venue traded too much of it.
    """

    __slots__ = (
        "fees", "filled", "id", "is_busy", "key", "may_exceed", "owner", "reason",
        "reports", "request", "status", "submitted_at", "triggered", "value",
    )  # fmt: skip

    def __init__(
        self, key: int, order_id: str, request: OrderRequest, owner: Owner, at: datetime
    ) -> None:
        self.key = key
        self.id = order_id
        self.request = request
        self.owner = owner
        self.submitted_at = at
        self.status = OrderStatus.PENDING
        self.filled = 0.0
        self.value = 0.0
        self.fees = 0.0
        self.reason = ""
        self.triggered = False
        self.is_busy = False
        self.may_exceed = False
        self.reports: list[tuple[float, Order]] = []

    @property
    def is_working(self) -> bool:
        """Whether it can still trade."""
        return self.status in OPEN_STATUSES

    @property
    def remaining(self) -> float:
        """Units that may still trade, without sign."""
        return max(self.request.quantity - self.filled, 0.0)

    @property
    def signed_remaining(self) -> float:
        """The same with the sign of its effect on the position."""
        return self.remaining if self.request.side is OrderSide.BUY else -self.remaining

    @property
    def latest(self) -> Order:
        """Its latest state as an adapter would give it."""
        return self.reports[-1][1]

    def as_of(self, moment: float) -> Order | None:
        """Its state at an earlier time; None if it had not arrived."""
        for at, report in reversed(self.reports):
            if at <= moment:
                return report
        return None

    def traded(self, quantity: float, price: float) -> None:
        """Count a trade."""
        self.filled += quantity
        self.value += quantity * price
        if self.filled >= self.request.quantity * _ALMOST_ALL:
            self.status = OrderStatus.FILLED
        elif self.status in OPEN_STATUSES:
            self.status = OrderStatus.PARTIALLY_FILLED

    def note(self, moment: float, at: datetime) -> Order:
        """Keep the state it is in now, and give it."""
        report = Order(
            id=self.id,
            request=self.request,
            status=self.status,
            submitted_at=self.submitted_at,
            updated_at=at,
            filled_quantity=self.filled,
            average_fill_price=self.value / self.filled if self.filled else None,
            triggered=self.triggered,
            reason=self.reason,
            fees=self.fees,
        )
        self.reports.append((moment, report))
        return report
