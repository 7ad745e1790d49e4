"""Whether one order fills in one bar, and at which price: a pure function.

The rules use the bar's four prices and assume nothing about the path between them:

* a market order fills at the price that the timing names;
* a limit order fills at the open where the open is at least as good, else at its limit where the
  bar reached it;
* a stop order fills at the open where the open is through the stop, else at its stop where the bar
  reached it;
* a stop-limit order becomes a limit order when its stop is touched. If the open is through the
  stop, the limit is tested against the whole bar. If the stop is touched later, a limit beyond the
  stop fills at the stop; a limit on the near side fills only if the close, the one price known to
  come after, is at least as good.
"""

from typing import NamedTuple

from ml4t.core.bars import PriceBar
from ml4t.core.order_requests import OrderSide, OrderType
from ml4t.core.orders import Order
from ml4t.simulation.timing import Timing

__all__ = ["TRIGGERED", "Match", "match"]


class Match(NamedTuple):
    """That an order meets the market.

    Attributes:
        price: where, before slippage; within the bar's range.
        rule: by which rule. ``"stop_limit_triggered"`` is no fill: the stop was touched, the limit
            was not.
    """

    price: float
    rule: str


# A named tuple's own constructor is Python code.
_made = tuple.__new__

TRIGGERED = Match(0.0, "stop_limit_triggered")


def match(order: Order, bar: PriceBar, timing: Timing) -> Match | None:
    """How ``order`` meets ``bar``.

    Args:
        order: a working order of the bar's asset.
        bar: a bar that began after the order was submitted.
        timing: at which price a market order fills.

    Returns:
        The match; :data:`TRIGGERED` where a stop-limit order only became a limit order; None where
        nothing happens.
    """
    kind = order.request.order_type
    if kind is OrderType.MARKET:
        return _made(Match, (timing.market_price(bar), timing.rule))
    side = order.side
    if kind is OrderType.LIMIT or order.triggered:
        return _limit(side, order.request.limit_price, bar)
    if kind is OrderType.STOP:
        return _stop(side, order.request.stop_price, bar)
    if kind is OrderType.STOP_LIMIT:
        return _stop_limit(order, bar)
    return None


def _limit(side: OrderSide, limit: float | None, bar: PriceBar) -> Match | None:
    assert limit is not None  # noqa: S101 - an order request cannot be built without it
    buys = side is OrderSide.BUY
    opened = bar.open
    if opened <= limit if buys else opened >= limit:
        return Match(opened, "limit_open")
    if bar.low <= limit if buys else bar.high >= limit:
        return Match(limit, "limit_touch")
    return None


def _stop(side: OrderSide, stop: float | None, bar: PriceBar) -> Match | None:
    assert stop is not None  # noqa: S101 - an order request cannot be built without it
    buys = side is OrderSide.BUY
    opened = bar.open
    if opened >= stop if buys else opened <= stop:
        return Match(opened, "stop_open")
    if bar.high >= stop if buys else bar.low <= stop:
        return Match(stop, "stop_touch")
    return None


def _stop_limit(order: Order, bar: PriceBar) -> Match | None:
    triggered = _stop(order.side, order.request.stop_price, bar)
    if triggered is None:
        return None
    limit = order.request.limit_price
    if triggered.rule == "stop_open":
        return _limit(order.side, limit, bar) or TRIGGERED
    assert limit is not None  # noqa: S101 - an order request cannot be built without it
    sign = order.side.sign
    if (limit - triggered.price) * sign >= 0:
        return Match(triggered.price, "stop_limit_touch")
    if (limit - bar.close) * sign >= 0:
        return Match(limit, "stop_limit_close")
    return TRIGGERED
