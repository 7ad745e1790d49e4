"""What the orders of one asset do while a bar goes one way between its prices: a pure function.

The way is four prices: the open, the two extremes in one order or the other, and the close. At the
open every order is asked in order of submission. On each stretch after it the order whose price
comes first is next; what it wakes or cancels is awake or gone from that price on. At the close the
orders for the close are asked.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ml4t.core.bars import PriceBar
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType
from ml4t.core.orders import Order
from ml4t.simulation.auctions import CLOSE, OPEN, Auctions
from ml4t.simulation.lifetimes import AT_ONCE
from ml4t.simulation.matching import Match
from ml4t.simulation.participation import within_volume
from ml4t.simulation.timing import Timing
from ml4t.simulation.trailing import Trailing, trail_stop

__all__ = ["AT_CLOSE", "AT_OPEN", "BETWEEN", "Step", "Walk", "walk"]

AT_OPEN, BETWEEN, AT_CLOSE = range(3)
"""The parts of a bar, in order of time."""

_TRIGGERS = frozenset({OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED})

ChildrenOf = Callable[[Order, float, float, float], Sequence[Order]]
"""Which orders begin to work when an order fills at a price, and takes the units held from one
number to another."""


class Step(NamedTuple):
    """One fill on the way.

    Attributes:
        part: :data:`AT_OPEN`, :data:`BETWEEN` or :data:`AT_CLOSE`.
        order_id: of the order that fills.
        met: where and by which rule.
        signed_quantity: what it would change in full, less where it may only reduce.
    """

    part: int
    order_id: str
    met: Match
    signed_quantity: float


class Walk(NamedTuple):
    """What happens on one way through a bar.

    Attributes:
        steps: the fills, in order of time.
        triggered: the ids of orders whose trigger was touched and that did not fill.
        gain: what the fills gain until the bar's close, in price times quantity.
        stops: where trailing stops stand at its end, by the ids of their orders, if they move
            along the way.
    """

    steps: list[Step]
    triggered: list[str]
    gain: float
    stops: dict[str, float]


class _Resting:
    """An order on the way through a bar."""

    __slots__ = ("buys", "limit", "order", "request", "stop", "triggered")

    def __init__(self, order: Order) -> None:
        request = order.request
        self.order = order
        self.request: OrderRequest = request
        self.buys = request.side is OrderSide.BUY
        self.limit = request.limit_price
        self.triggered = order.triggered
        trails = request.order_type is OrderType.TRAILING_STOP
        self.stop = order.trail_stop if trails else request.stop_price


def walk(  # noqa: PLR0913 - what one bar depends on
    orders: Sequence[Order],
    bar: PriceBar,
    *,
    high_first: bool,
    timing: Timing,
    trailing: Trailing,
    auctions: Auctions,
    strict_limits: bool = False,
    held: float,
    volume: float = math.inf,
    lot: float = 0.0,
    children_of: ChildrenOf,
) -> Walk:
    """Go one way through a bar.

    Args:
        orders: the working orders of the bar's asset, in order of submission.
        bar: a bar that began after they were submitted.
        high_first: whether the high comes before the low.
        timing: at which price a market order fills.
        trailing: from which price a trailing stop follows.
        auctions: which auctions the bar holds.
        strict_limits: whether the price must go beyond a limit.
        held: units of the asset held before, negative for short.
        volume: units that may fill in this bar, all orders taken together.
        lot: the lot size of the asset, 0 for any fraction.
        children_of: the orders that a fill wakes at once.
    """
    return _Walker(
        bar, high_first, timing, trailing, auctions, strict_limits, held, volume, lot, children_of
    ).through(orders)


class _Walker:
    def __init__(  # noqa: PLR0913, PLR0917 - see walk
        self,
        bar: PriceBar,
        high_first: bool,  # noqa: FBT001
        timing: Timing,
        trailing: Trailing,
        auctions: Auctions,
        strict_limits: bool,  # noqa: FBT001
        held: float,
        volume: float,
        lot: float,
        children_of: ChildrenOf,
    ) -> None:
        extremes = (bar.high, bar.low) if high_first else (bar.low, bar.high)
        self.bar = bar
        self.way = (*extremes, bar.close)
        self.timing = timing
        self.trailing = trailing
        self.auctions = auctions
        self.strict_limits = strict_limits
        self.held = held
        self.volume = volume
        self.lot = lot
        self.children_of = children_of
        self.here = bar.open
        self.part = AT_OPEN
        self.resting: list[_Resting] = []
        self.steps: list[Step] = []

    def through(self, orders: Sequence[Order]) -> Walk:
        for order in orders:
            self.resting.append(_Resting(order))
        # What is woken here is put at the end, and asked here too.
        self._each(self._ask)
        self.resting = [item for item in self.resting if not self._is_too_late(item)]
        self._follow(self.here)
        self.part = BETWEEN
        for there in self.way:
            self._stretch(there)
        self.part = AT_CLOSE
        self._each(self._ask_at_close)
        close = self.bar.close
        gain = sum(step.signed_quantity * (close - step.met.price) for step in self.steps)
        touched = [
            item.order.id
            for item in self.resting
            if item.triggered and not item.order.triggered and item.request.order_type in _TRIGGERS
        ]
        stops: dict[str, float] = {}
        if self.trailing.within_bar:
            for item in self.resting:
                if item.request.order_type is OrderType.TRAILING_STOP and item.stop is not None:
                    stops[item.order.id] = item.stop
        return Walk(self.steps, touched, gain, stops)

    def _each(self, ask: Callable[[_Resting], None]) -> None:
        """Ask every order that still rests when its turn comes."""
        for item in self.resting.copy():
            if item in self.resting:
                ask(item)

    def _stretch(self, there: float) -> None:
        """Move from here to ``there``."""
        rises = there > self.here
        while True:
            ahead = [
                (abs(price - self.here), int(item.order.id), price, item)
                for item in self.resting
                if (price := self._price_ahead(item, there, rises=rises)) is not None
            ]
            if not ahead:
                break
            _, _, price, item = min(ahead)
            self.here = price
            self._reach(item)
        self.here = there
        self._follow(there)

    def _follow(self, price: float) -> None:
        """Move the stops of trailing orders."""
        if self.trailing.within_bar:
            for item in self.resting:
                if item.request.order_type is OrderType.TRAILING_STOP and not item.triggered:
                    item.stop = trail_stop(item.request, price, item.stop)

    def _price_ahead(self, item: _Resting, there: float, *, rises: bool) -> float | None:
        """The price between here and ``there`` at which the order is next; None without one."""
        if self.auctions.of(item.request):
            return None
        kind = item.request.order_type
        if kind is OrderType.MARKET:
            return None
        if kind is OrderType.LIMIT or (item.triggered and kind in _TRIGGERS):
            price, on_rise = item.limit, not item.buys
            if self.strict_limits and price == there:
                return None
        elif kind is OrderType.MARKET_IF_TOUCHED or kind is OrderType.LIMIT_IF_TOUCHED:
            price, on_rise = item.stop, not item.buys
        else:
            price, on_rise = item.stop, item.buys
        if price is None or on_rise != rises:
            return None
        return price if min(self.here, there) <= price <= max(self.here, there) else None

    def _reach(self, item: _Resting) -> None:
        """The price has come to where ``item`` waits."""
        kind = item.request.order_type
        if kind in _TRIGGERS and not item.triggered:
            item.triggered = True
            if self._is_marketable(item):
                self._fill(item, f"{kind.value}_touch")
        else:
            self._fill(item, _RULES[kind] + "_touch")

    def _ask(self, item: _Resting) -> None:
        """Whether ``item`` fills at the price that holds when it is asked first."""
        kind = item.request.order_type
        if self.auctions.of(item.request) is not None:
            self._ask_in_auction(item, OPEN, is_held=self.auctions.opens and self.part == AT_OPEN)
        elif kind is OrderType.MARKET:
            if not self._waits_for_close or self.part == AT_CLOSE:
                self._fill(item, self.timing.rule)
        elif item.triggered and kind not in _TRIGGERS:
            self._fill(item, "market_open")
        elif kind is OrderType.LIMIT or item.triggered:
            self._fill_if_marketable(item)
        elif kind is OrderType.TRAILING_STOP and item.stop is None:
            item.stop = trail_stop(item.request, self.here)
        elif self._is_through(item):
            self._trigger(item)

    def _trigger(self, item: _Resting) -> None:
        """The price here is at or beyond the trigger of ``item``."""
        item.triggered = True
        kind = item.request.order_type
        if kind in _TRIGGERS:
            self._fill_if_marketable(item)
        else:
            self._fill(item, f"{_RULES[kind]}_{self._branch}")

    @property
    def _waits_for_close(self) -> bool:
        """Whether market orders fill at the close."""
        return self.timing.rule.endswith("close")

    def _is_too_late(self, item: _Resting) -> bool:
        """Whether the first moment of the bar was the only one at which ``item`` could fill."""
        request = item.request
        if request.time_in_force not in AT_ONCE or self.auctions.of(request) is not None:
            return False
        return not (self._waits_for_close and request.order_type is OrderType.MARKET)

    @property
    def _branch(self) -> str:
        return "open" if self.part == AT_OPEN else "touch"

    def _fill_if_marketable(self, item: _Resting) -> None:
        if self._is_marketable(item):
            self._fill(item, f"limit_{self._branch}")

    def _ask_in_auction(self, item: _Resting, auction: str, *, is_held: bool) -> None:
        takes = item.request.limit_price is None or self._is_marketable(item)
        if is_held and takes and self.auctions.of(item.request) is auction:
            self._fill(item, f"auction_{auction}")

    def _ask_at_close(self, item: _Resting) -> None:
        if self.auctions.of(item.request) is not None:
            self._ask_in_auction(item, CLOSE, is_held=self.auctions.closes)
        elif item.request.order_type is OrderType.MARKET:
            self._fill(item, self.timing.rule)

    def _is_marketable(self, item: _Resting) -> bool:
        limit = item.limit
        assert limit is not None  # noqa: S101 - an order request cannot be built without it
        if self.here == limit:
            return not self.strict_limits
        return self.here < limit if item.buys else self.here > limit

    def _is_through(self, item: _Resting) -> bool:
        """Whether the price here is at or beyond the trigger."""
        stop = item.stop
        assert stop is not None  # noqa: S101 - an order request cannot be built without it
        rising = item.buys
        if item.request.order_type in _IN_FAVOUR:
            rising = not rising
        return self.here >= stop if rising else self.here <= stop

    def _fill(self, item: _Resting, rule: str) -> None:
        self.resting.remove(item)
        change = item.order.remaining
        if item.request.reduce_only:
            room = self.held if not item.buys else -self.held
            change = min(change, max(room, 0.0))
        wanted = change
        change = within_volume(item.request, wanted, self.volume, self.lot)
        is_whole = change == wanted
        self.volume -= change
        # What has nothing to reduce is a step too, which ends it and its group.
        change = change if item.buys else -change
        before = self.held
        self.held += change
        self.steps.append(Step(self.part, item.order.id, Match(self.here, rule), change))
        group = item.order.group
        if group is not None and is_whole:
            self.resting = [other for other in self.resting if other.order.group != group]
        if not change:
            return
        children = self.children_of(item.order, self.here, before, self.held)
        woken = [_Resting(child) for child in children]
        self.resting += woken
        for child in woken:
            # The auction that filled its parent is over for a child.
            if child in self.resting and self.auctions.of(child.request) is None:
                self._ask(child)


_IN_FAVOUR = frozenset({OrderType.MARKET_IF_TOUCHED, OrderType.LIMIT_IF_TOUCHED})
_RULES = {
    OrderType.LIMIT: "limit",
    OrderType.STOP: "stop",
    OrderType.STOP_LIMIT: "limit",
    OrderType.TRAILING_STOP: "trail",
    OrderType.MARKET_IF_TOUCHED: "touched",
    OrderType.LIMIT_IF_TOUCHED: "limit",
}
