"""What a strategy asks a venue to do: side, type, prices and time in force."""

import math
from datetime import datetime
from enum import Enum
from numbers import Real

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
    """What makes an order fill, and at which prices it may.

    ``MARKET``: at the next price. ``LIMIT``: at its limit or better. ``STOP``: a market order once
    the price has moved against the side as far as the stop (up for a buy). ``STOP_LIMIT``: the same
    with a limit. ``TRAILING_STOP``: a stop that follows the price at a distance and never goes
    back. ``MARKET_ON_OPEN``, ``MARKET_ON_CLOSE``: in the auction of the next opening or close.
    ``MARKET_IF_TOUCHED``, ``LIMIT_IF_TOUCHED``: once the price has moved in favour of the side as
    far as ``stop_price`` (down for a buy).
    """

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"
    MARKET_ON_OPEN = "market_on_open"
    MARKET_ON_CLOSE = "market_on_close"
    LIMIT_IF_TOUCHED = "limit_if_touched"
    MARKET_IF_TOUCHED = "market_if_touched"


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


_NEEDS_LIMIT = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED})
_NEEDS_STOP = frozenset(
    {
        OrderType.STOP,
        OrderType.STOP_LIMIT,
        OrderType.LIMIT_IF_TOUCHED,
        OrderType.MARKET_IF_TOUCHED,
    }
)
_WHOLE = 100.0
_NOTHING_MORE = (None,) * 5
# What every simulated order asks for: Python 3.11 takes as long to look up a member of an
# enumeration as to call a function.
_BUY, _SELL, _MARKET, _GTD = OrderSide.BUY, OrderSide.SELL, OrderType.MARKET, TimeInForce.GTD


@attrs.frozen(weakref_slot=False)
class OrderRequest:
    """What a strategy asks a venue to do.

    A request whose fields do not belong together cannot be made. One whose numbers no venue takes
    (a quantity of 0, a price of NaN) can: venues refuse it with its :attr:`fault` as the reason, so
    that the refusal stands among the orders of the run.

    Attributes:
        asset: the symbol.
        side: buy or sell; the quantity has no sign.
        quantity: how much.
        order_type: what makes it fill.
        limit_price: the worst price of an order with a limit, else None.
        stop_price: the trigger of an order with a stop or a touch, else None.
        trail_amount: how far a trailing stop follows, in money per unit.
        trail_percent: how far a trailing stop follows, in percent of the price.
        time_in_force: how long it works.
        good_till: the last instant of a ``GTD`` order, timezone-aware, else None.
        tag: free text that comes back with the order, such as which rule placed it.
        reduce_only: whether it may only make a position smaller: it fills up to what is held, and
            ends when nothing is held.

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
    reduce_only: bool = False

    def __attrs_post_init__(self) -> None:
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
        self._check_price("limit_price", is_needed=kind in _NEEDS_LIMIT)
        self._check_price("stop_price", is_needed=kind in _NEEDS_STOP)
        trails = (self.trail_amount, self.trail_percent)
        if kind is OrderType.TRAILING_STOP:
            if trails.count(None) != 1:
                msg = "a TRAILING_STOP needs one of trail_amount and trail_percent, not both"
                raise InvalidOrderError(msg)
        elif trails != (None, None):
            msg = f"trail_amount and trail_percent belong to TRAILING_STOP, type was {kind.name}"
            raise InvalidOrderError(msg)

    def _check_price(self, name: str, *, is_needed: bool) -> None:
        price = getattr(self, name)
        if is_needed and not isinstance(price, Real):
            msg = f"{name} of a {self.order_type.name} order must be a price, was {price!r}"
            raise InvalidOrderError(msg)
        if not is_needed and price is not None:
            msg = f"{name} does not belong to a {self.order_type.name} order, was {price}"
            raise InvalidOrderError(msg)

    @property
    def fault(self) -> str | None:
        """Which number no venue takes, in words; None where all can be.

        >>> OrderRequest.of("SPY", 0).fault
        'quantity must be positive and finite, was 0.0'
        """
        if not 0 < self.quantity < math.inf:
            return f"quantity must be positive and finite, was {self.quantity}"
        if self.order_type is OrderType.MARKET:
            return None
        for name in ("limit_price", "stop_price", "trail_amount", "trail_percent"):
            number = getattr(self, name)
            if number is not None and not 0 < number < math.inf:
                return f"{name} must be positive and finite, was {number}"
        if self.trail_percent is not None and self.trail_percent >= _WHOLE:
            return f"trail_percent must be below 100, was {self.trail_percent}"
        return None

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
        reduce_only: bool = False,  # noqa: FBT001, FBT002 - a field like the others
    ) -> "OrderRequest":
        """The request that the arguments of ``submit_order`` describe.

        Without a side the sign of ``quantity`` gives it: negative sells.

        Raises:
            InvalidOrderError: the arguments make no order, such as a negative quantity together
                with a side.

        >>> OrderRequest.of("SPY", -10).side
        <OrderSide.SELL: 'sell'>
        """
        try:
            sells = quantity < 0
        except TypeError:
            msg = f"quantity must be a number, was {quantity!r}"
            raise InvalidOrderError(msg) from None
        if side is None:
            side = _SELL if sells else _BUY
            quantity = abs(quantity)
        elif sells:
            msg = f"quantity {quantity} has a sign and side={side.name}: give one of the two"
            raise InvalidOrderError(msg)
        request = _Draft()
        request.asset = asset
        request.side = side
        request.quantity = float(quantity)
        request.order_type = order_type
        request.limit_price = limit_price
        request.stop_price = stop_price
        request.trail_amount = trail_amount
        request.trail_percent = trail_percent
        request.time_in_force = time_in_force
        request.good_till = good_till
        request.tag = tag
        request.reduce_only = reduce_only
        request.__class__ = OrderRequest
        if (
            order_type is not _MARKET
            or not asset
            or time_in_force is _GTD
            or (limit_price, stop_price, trail_amount, trail_percent, good_till) != _NOTHING_MORE
        ):
            request.__attrs_post_init__()
        return request  # type: ignore[no-any-return]


_Draft = draft_of(OrderRequest)
