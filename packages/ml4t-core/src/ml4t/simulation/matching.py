"""Whether one order by itself fills in one bar, and at which price: a pure function.

The rules use the bar's four prices and assume nothing about the path between them:

* a market order fills at the price that the timing names;
* a limit order fills at the open where the open is at least as good, else at its limit where the
  bar reached it;
* a stop order fills at the open where the open is through the stop, else at its stop where the bar
  reached it; a trailing stop likewise at the stop with which it went into the bar;
* a market-if-touched order fills at the open where the open is through its touch price, else at its
  touch price where the bar reached it;
* a stop-limit or limit-if-touched order becomes a limit order when its trigger is touched. If the
  open is through the trigger, the limit is tested against the whole bar. If the trigger is touched
  later, a limit beyond it fills at the trigger; a limit on the near side fills only if the close,
  the one price known to come after, is at least as good.

The limit rule may ask that the price goes beyond a limit, and the stop-limit rule for other
evidence than the close.

Where several orders of an asset meet one bar, :mod:`ml4t.simulation.walk` says what came first.
"""

from collections.abc import Callable
from typing import NamedTuple

from ml4t.core.bars import PriceBar
from ml4t.core.order_requests import OrderSide, OrderType
from ml4t.core.orders import Order
from ml4t.simulation.limits import LimitRule, TouchFills
from ml4t.simulation.stops import CloseConfirms, StopLimitRule
from ml4t.simulation.timing import Timing

__all__ = ["TRIGGERED", "Match", "PriceRules", "match"]


class Match(NamedTuple):
    """That an order meets the market.

    Attributes:
        price: where, before slippage; within the bar's range.
        rule: by which rule, and by which branch of it: at the ``open``, on ``touch`` later, or at
            the ``close``. ``"triggered"`` is no fill: the stop was touched, the limit was not.
    """

    price: float
    rule: str


# A named tuple's own constructor is Python code.
_made = tuple.__new__

TRIGGERED = Match(0.0, "triggered")


class PriceRules(NamedTuple):
    """What the prices of orders ask of a bar.

    Attributes:
        limits: when a limit counts as reached.
        stop_limits: whether a stop-limit order fills in the bar that touched its stop.
    """

    limits: LimitRule = TouchFills()
    stop_limits: StopLimitRule = CloseConfirms()


_USUAL = PriceRules()


def match(order: Order, bar: PriceBar, timing: Timing, rules: PriceRules = _USUAL) -> Match | None:
    """How ``order`` meets ``bar``.

    Args:
        order: a working order of the bar's asset.
        bar: a bar that began after the order was submitted.
        timing: at which price a market order fills.
        rules: what the prices of orders ask of a bar.

    Returns:
        The match; :data:`TRIGGERED` where an order with a trigger only became a limit order; None
        where nothing happens. An order for an auction meets every bar here: whether the bar holds
        the auction is for the caller to know.
    """
    kind = order.request.order_type
    if kind is OrderType.MARKET:
        return _made(Match, (timing.market_price(bar), timing.rule))
    return _RULES[kind](order, bar, rules)


def _limit(order: Order, bar: PriceBar, rules: PriceRules) -> Match | None:
    limit = order.request.limit_price
    assert limit is not None  # noqa: S101 - an order request cannot be built without it
    buys = order.request.side is OrderSide.BUY
    opened = bar.open
    if rules.limits.strict and not (bar.low < limit if buys else bar.high > limit):
        return None
    if opened <= limit if buys else opened >= limit:
        return Match(opened, "limit_open")
    if bar.low <= limit if buys else bar.high >= limit:
        return Match(limit, "limit_touch")
    return None


def _stop(order: Order, bar: PriceBar, rules: PriceRules) -> Match | None:  # noqa: ARG001
    stop = order.request.stop_price
    assert stop is not None  # noqa: S101 - an order request cannot be built without it
    return _at_market(order, bar) if order.triggered else _through(order, bar, stop, "stop")


def _trailing(order: Order, bar: PriceBar, rules: PriceRules) -> Match | None:  # noqa: ARG001
    if order.triggered:
        return _at_market(order, bar)
    return None if order.trail_stop is None else _through(order, bar, order.trail_stop, "trail")


def _touched(order: Order, bar: PriceBar, rules: PriceRules) -> Match | None:  # noqa: ARG001
    touch = order.request.stop_price
    assert touch is not None  # noqa: S101 - an order request cannot be built without it
    return _at_market(order, bar) if order.triggered else _reached(order, bar, touch)


def _through(order: Order, bar: PriceBar, stop: float, name: str) -> Match | None:
    buys = order.request.side is OrderSide.BUY
    opened = bar.open
    if opened >= stop if buys else opened <= stop:
        return Match(opened, f"{name}_open")
    if bar.high >= stop if buys else bar.low <= stop:
        return Match(stop, f"{name}_touch")
    return None


def _reached(order: Order, bar: PriceBar, touch: float) -> Match | None:
    buys = order.request.side is OrderSide.BUY
    opened = bar.open
    if opened <= touch if buys else opened >= touch:
        return Match(opened, "touched_open")
    if bar.low <= touch if buys else bar.high >= touch:
        return Match(touch, "touched_touch")
    return None


def _at_market(order: Order, bar: PriceBar) -> Match:  # noqa: ARG001 - one of the rules
    """What is left of an order that has been triggered and is now a market order."""
    return Match(bar.open, "market_open")


def _stop_limit(order: Order, bar: PriceBar, rules: PriceRules) -> Match | None:
    stop = order.request.stop_price
    assert stop is not None  # noqa: S101 - an order request cannot be built without it
    if rules.stop_limits.at_close:
        touched = order.triggered or _through(order, bar, stop, "stop") is not None
        return _closing(order, bar, rules) if touched else None
    if order.triggered:
        return _limit(order, bar, rules)
    return _then_limit(order, bar, rules, _through(order, bar, stop, "stop"))


def _closing(order: Order, bar: PriceBar, rules: PriceRules) -> Match:
    """How a stop-limit order fares in a bar whose close alone may reach its limit."""
    limit = order.request.limit_price
    assert limit is not None  # noqa: S101 - an order request cannot be built without it
    buys = order.request.side is OrderSide.BUY
    if not rules.stop_limits.confirms(bar, limit, buys=buys):
        return TRIGGERED
    price = min(bar.high, limit) if buys else max(bar.low, limit)
    return Match(price, "stop_limit_close")


def _limit_if_touched(order: Order, bar: PriceBar, rules: PriceRules) -> Match | None:
    if order.triggered:
        return _limit(order, bar, rules)
    touch = order.request.stop_price
    assert touch is not None  # noqa: S101 - an order request cannot be built without it
    return _then_limit(order, bar, rules, _reached(order, bar, touch))


def _then_limit(
    order: Order, bar: PriceBar, rules: PriceRules, trigger: Match | None
) -> Match | None:
    if trigger is None:
        return None
    limit, touch = order.request.limit_price, order.request.stop_price
    assert limit is not None  # noqa: S101 - an order request cannot be built without it
    assert touch is not None  # noqa: S101 - an order request cannot be built without it
    buys = order.request.side is OrderSide.BUY
    if not rules.stop_limits.same_bar and (limit <= touch if buys else limit >= touch):
        return TRIGGERED
    if trigger.rule.endswith("_open"):
        return _limit(order, bar, rules) or TRIGGERED
    name = order.request.order_type.value
    if trigger.price <= limit if buys else trigger.price >= limit:
        return Match(trigger.price, f"{name}_touch")
    if rules.stop_limits.confirms(bar, limit, buys=buys):
        return Match(limit, f"{name}_close")
    return TRIGGERED


def _at_open(order: Order, bar: PriceBar, rules: PriceRules) -> Match | None:  # noqa: ARG001
    return Match(bar.open, "auction_open")


def _at_close(order: Order, bar: PriceBar, rules: PriceRules) -> Match | None:  # noqa: ARG001
    return Match(bar.close, "auction_close")


_RULES: dict[OrderType, Callable[[Order, PriceBar, PriceRules], Match | None]] = {
    OrderType.LIMIT: _limit,
    OrderType.STOP: _stop,
    OrderType.STOP_LIMIT: _stop_limit,
    OrderType.TRAILING_STOP: _trailing,
    OrderType.MARKET_IF_TOUCHED: _touched,
    OrderType.LIMIT_IF_TOUCHED: _limit_if_touched,
    OrderType.MARKET_ON_OPEN: _at_open,
    OrderType.MARKET_ON_CLOSE: _at_close,
}
