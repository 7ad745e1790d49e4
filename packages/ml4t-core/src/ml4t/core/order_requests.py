"""What a strategy asks a venue to do: side, type, prices and time in force."""

import math
from datetime import datetime
from enum import Enum

import attrs

from ml4t.core.drafts import draft_of
from ml4t.core.errors import InvalidOrderError

__all__ = ["Constant", "OrderRequest", "OrderSide", "OrderType", "TimeInForce"]


class Constant(Enum):
    """An enumeration whose members hash by identity, as they compare.

    The inherited hash is Python code and takes a tenth of the time of a simulated order.
    """

    __hash__ = object.__hash__


class OrderSide(Constant):
    """Whether an order adds to the position or takes from it."""

    BUY = "buy"
    SELL = "sell"

    sign: int
    """+1 for a buy, -1 for a sell."""

    def __init__(self, value: str) -> None:
        self.sign = 1 if value == "buy" else -1

    @property
    def opposite(self) -> "OrderSide":
        """The other side."""
        return OrderSide.SELL if self is OrderSide.BUY else OrderSide.BUY


class OrderType(Constant):
    """What makes an order fill, and at which prices it may."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(Constant):
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


_NEEDS_LIMIT = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_WHOLE = 100.0
_NEEDS_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})


@attrs.frozen(weakref_slot=False)
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
            if getattr(self.good_till, "tzinfo", None) is None:
                msg = (
                    "good_till must be the timezone-aware datetime until which a GTD order works, "
                    f"was {self.good_till!r}"
                )
                raise InvalidOrderError(msg)
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
            if self.trail_percent is not None and self.trail_percent >= _WHOLE:
                msg = f"trail_percent must be below 100, was {self.trail_percent}"
                raise InvalidOrderError(msg)
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

    @staticmethod
    def of(  # noqa: PLR0913, PLR0917 - one parameter for each field of an order
        asset: str,
        quantity: float,
        side: OrderSide | None = None,
        order_type: OrderType = OrderType.MARKET,
        limit_price: float | None = None,
        stop_price: float | None = None,
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
        request = _draft(
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
        request.__class__ = OrderRequest
        request.__attrs_post_init__()
        return request


_draft = draft_of(OrderRequest)
