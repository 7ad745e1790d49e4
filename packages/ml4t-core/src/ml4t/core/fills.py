"""Fills: the events that change an account."""

import math
from datetime import datetime

import attrs

from ml4t.core.drafts import draft_of
from ml4t.core.errors import InvalidValueError
from ml4t.core.order_requests import OrderSide
from ml4t.core.orders import Order
from ml4t.core.times import require_aware

__all__ = ["Fill"]


@attrs.frozen(weakref_slot=False)
class Fill:
    """One execution of (part of) an order.

    Attributes:
        id: the venue's name for the execution, unique within an account.
        order_id: the order that it belongs to.
        asset: the symbol.
        side: buy or sell.
        quantity: how much traded, positive.
        price: money per unit, positive.
        timestamp: when it traded, timezone-aware. In a simulation the instant at which the bar
            that filled it was complete.
        fee: what the venue charged, in the account's currency; negative for a rebate.
        rule: the rule of the venue that filled it, such as ``"market_open"``; "" if not known.
        reference_price: the price before slippage and impact; None if not known.
        impact: the part of the price that the order's own size caused, money per unit, worse for
            the order where positive.
        volume_left: units that other orders could still fill in the same bar; None for any number.
        path: which way between its prices the bar is taken to have gone, ``"high_first"`` or
            ``"low_first"``, where the outcome depended on it; else "".

    Raises:
        InvalidValueError: a field cannot be what was given.
    """

    id: str
    order_id: str
    asset: str
    side: OrderSide
    quantity: float
    price: float
    timestamp: datetime
    fee: float = 0.0
    rule: str = ""
    reference_price: float | None = None
    impact: float = 0.0
    volume_left: float | None = None
    path: str = ""

    def __attrs_post_init__(self) -> None:
        if not 0 < self.quantity < math.inf:
            msg = f"quantity of fill {self.id} must be positive and finite, was {self.quantity}"
            raise InvalidValueError(msg)
        if not 0 < self.price < math.inf:
            msg = f"price of fill {self.id} must be positive and finite, was {self.price}"
            raise InvalidValueError(msg)
        if not -math.inf < self.fee < math.inf:
            msg = f"fee of fill {self.id} must be finite, was {self.fee}"
            raise InvalidValueError(msg)
        if self.timestamp.tzinfo is None:
            require_aware(self.timestamp, "timestamp")

    @property
    def signed_quantity(self) -> float:
        """The change of the position."""
        return self.quantity if self.side is OrderSide.BUY else -self.quantity

    @property
    def slippage(self) -> float:
        """How much worse than reference and impact the price was, per unit; never negative."""
        if self.reference_price is None:
            return 0.0
        return (self.price - self.reference_price) * self.side.sign - self.impact

    @staticmethod
    def of(  # noqa: PLR0913, PLR0917 - one parameter for each field that is not the order's
        number: str,
        order: Order,
        quantity: float,
        price: float,
        timestamp: datetime,
        fee: float,
        rule: str,
        reference_price: float,
        impact: float = 0.0,
        volume_left: float | None = None,
        path: str = "",
    ) -> "Fill":
        """The fill of ``quantity`` units of ``order`` at a timezone-aware ``timestamp``.

        Raises:
            InvalidValueError: a field cannot be what was given.
        """
        request = order.request
        fill = _Draft()
        fill.id = number
        fill.order_id = order.id
        fill.asset = request.asset
        fill.side = request.side
        fill.quantity = quantity
        fill.price = price
        fill.timestamp = timestamp
        fill.fee = fee
        fill.rule = rule
        fill.reference_price = reference_price
        fill.impact = impact
        fill.volume_left = volume_left
        fill.path = path
        fill.__class__ = Fill
        if not (0 < quantity < math.inf and 0 < price < math.inf and -math.inf < fee < math.inf):
            fill.__attrs_post_init__()
        return fill  # type: ignore[no-any-return]


_Draft = draft_of(Fill)
