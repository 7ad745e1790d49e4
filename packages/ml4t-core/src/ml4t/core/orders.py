"""Orders: what a strategy asks for, and what has become of it.

One status machine serves simulation and live trading::

    NEW -> PENDING -> ACCEPTED -> PARTIALLY_FILLED -> FILLED
                          \\-> CANCELLED | REJECTED | EXPIRED

``UNKNOWN`` is a status of its own: the order was sent and nobody can say what became of it. It
counts as working until evidence arrives. A fill that arrives after ``CANCELLED`` or ``EXPIRED`` is
legal, since the venue may have traded before it took the order out; it changes the position.
"""

import math
from datetime import datetime
from enum import Enum

import attrs

from ml4t.core.errors import InvalidOrderError, InvalidValueError, TransitionError
from ml4t.core.times import require_aware

__all__ = [
    "LEGAL_TRANSITIONS",
    "OPEN_STATUSES",
    "Order",
    "OrderRequest",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "TimeInForce",
]


class _Constant(Enum):
    """An enumeration whose members hash by identity, as they compare.

    The inherited hash is Python code and takes a tenth of the time of a simulated order.
    """

    __hash__ = object.__hash__


class OrderSide(_Constant):
    """Whether an order adds to the position or takes from it."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is OrderSide.BUY else -1

    @property
    def opposite(self) -> "OrderSide":
        """The other side."""
        return OrderSide.SELL if self is OrderSide.BUY else OrderSide.BUY


class OrderType(_Constant):
    """What makes an order fill, and at which prices it may."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(_Constant):
    """How long an order works.

    ``DAY``: through the session of the first bar after it was submitted. ``GTC``: until cancelled.
    ``GTD``: up to and including the instant ``good_till``. ``IOC``: what fills at once, the rest is
    cancelled. ``FOK``: all at once or nothing. ``OPG``/``CLS``: in the opening/closing auction.
    """

    DAY = "day"
    GTC = "gtc"
    GTD = "gtd"
    IOC = "ioc"
    FOK = "fok"
    OPG = "opg"
    CLS = "cls"


class OrderStatus(_Constant):
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

_NEEDS_LIMIT = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_NEEDS_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
_TOLERANCE = 1e-9


@attrs.frozen
class OrderRequest:
    """What a strategy asks a venue to do.

    Attributes:
        asset: the symbol.
        side: buy or sell; the quantity has no sign.
        quantity: how much, positive and finite.
        order_type: what makes it fill.
        limit_price: the worst price of a limit or stop-limit order, else None.
        stop_price: the trigger of a stop or stop-limit order, else None.
        trail_amount: how far a trailing stop follows, in money per unit.
        trail_percent: how far a trailing stop follows, in percent of the price.
        time_in_force: how long it works.
        good_till: the last instant of a ``GTD`` order, timezone-aware, else None.
        tag: free text that comes back with the order, such as which rule placed it.

    Raises:
        InvalidOrderError: the fields make no order; the message names the field.
    """

    asset: str
    side: OrderSide
    quantity: float
    order_type: OrderType = OrderType.MARKET
    limit_price: float | None = None
    stop_price: float | None = None
    trail_amount: float | None = None
    trail_percent: float | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    good_till: datetime | None = None
    tag: str = ""

    def __attrs_post_init__(self) -> None:
        if not 0 < self.quantity < math.inf:
            msg = (
                f"quantity must be positive and finite, was {self.quantity} (sign belongs in side)"
            )
            raise InvalidOrderError(msg)
        if not self.asset:
            msg = "asset must be a symbol, was ''"
            raise InvalidOrderError(msg)
        if (
            self.order_type is not OrderType.MARKET
            or self.limit_price is not None
            or self.stop_price is not None
            or self.trail_amount is not None
            or self.trail_percent is not None
        ):
            self._check_prices()
        if self.time_in_force is TimeInForce.GTD:
            if self.good_till is None:
                msg = "good_till must say until when a GTD order works, was None"
                raise InvalidOrderError(msg)
            require_aware(self.good_till, "good_till")
        elif self.good_till is not None:
            msg = f"good_till belongs to GTD orders, time_in_force was {self.time_in_force.name}"
            raise InvalidOrderError(msg)

    def _check_prices(self) -> None:
        kind = self.order_type
        needed = {
            "limit_price": kind in _NEEDS_LIMIT,
            "stop_price": kind in _NEEDS_STOP,
        }
        for name, is_needed in needed.items():
            self._check_price(name, is_needed=is_needed)
        trails = (self.trail_amount, self.trail_percent)
        if kind is OrderType.TRAILING_STOP:
            if trails.count(None) != 1:
                msg = "a TRAILING_STOP needs one of trail_amount and trail_percent, not both"
                raise InvalidOrderError(msg)
            self._check_price("trail_amount", is_needed=self.trail_amount is not None)
            self._check_price("trail_percent", is_needed=self.trail_percent is not None)
        elif trails != (None, None):
            msg = f"trail_amount and trail_percent belong to TRAILING_STOP, type was {kind.name}"
            raise InvalidOrderError(msg)

    def _check_price(self, name: str, *, is_needed: bool) -> None:
        price = getattr(self, name)
        if is_needed and (price is None or not 0 < price < math.inf):
            msg = f"{name} of a {self.order_type.name} order must be positive, was {price}"
            raise InvalidOrderError(msg)
        if not is_needed and price is not None:
            msg = f"{name} does not belong to a {self.order_type.name} order, was {price}"
            raise InvalidOrderError(msg)

    @property
    def signed_quantity(self) -> float:
        """The quantity with the sign of its effect on the position."""
        return self.quantity if self.side is OrderSide.BUY else -self.quantity

    @classmethod
    def of(  # noqa: PLR0913 - one parameter for each field of an order
        cls,
        asset: str,
        quantity: float,
        side: OrderSide | None = None,
        order_type: OrderType = OrderType.MARKET,
        limit_price: float | None = None,
        stop_price: float | None = None,
        *,
        trail_amount: float | None = None,
        trail_percent: float | None = None,
        time_in_force: TimeInForce = TimeInForce.DAY,
        good_till: datetime | None = None,
        tag: str = "",
    ) -> "OrderRequest":
        """The request that the arguments of ``submit_order`` describe.

        Without a side the sign of ``quantity`` gives it: negative sells.

        Raises:
            InvalidOrderError: the arguments make no order, such as a negative quantity together
                with a side.

        >>> OrderRequest.of("SPY", -10).side
        <OrderSide.SELL: 'sell'>
        """
        if side is None:
            side = OrderSide.SELL if quantity < 0 else OrderSide.BUY
            quantity = abs(quantity)
        elif quantity < 0:
            msg = (
                f"quantity must not be negative together with side={side.name}, was {quantity}: "
                "give a sign or a side, not both"
            )
            raise InvalidOrderError(msg)
        return cls(
            asset,
            side,
            float(quantity),
            order_type,
            limit_price,
            stop_price,
            trail_amount,
            trail_percent,
            time_in_force,
            good_till,
            tag,
        )


@attrs.frozen
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
        return Order(
            self.id,
            self.request,
            status,
            self.submitted_at,
            at,
            self.filled_quantity,
            self.average_fill_price,
            self.triggered,
            reason or self.reason,
        )

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
        wanted = self.request.quantity
        filled = self.filled_quantity + quantity
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
        before = self.average_fill_price
        average = (
            price
            if before is None
            else before + (price - before) * (quantity / (self.filled_quantity + quantity))
        )
        return Order(
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
