"""What one bar does to the working orders: which fill, in which order, what it depended on."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import attrs

from ml4t.core.assets import Asset
from ml4t.core.bars import PriceBar
from ml4t.core.order_requests import OrderType, TimeInForce
from ml4t.core.orders import Order
from ml4t.core.panel import BarView, MarketSlice
from ml4t.simulation.auctions import Auctions, is_for_auction
from ml4t.simulation.intrabar import ClosingPrice
from ml4t.simulation.lifetimes import AT_ONCE
from ml4t.simulation.market import MarketAssumptions
from ml4t.simulation.matching import TRIGGERED, Match, PriceRules, match
from ml4t.simulation.order_book import OrderBook
from ml4t.simulation.order_groups import OrderGroups
from ml4t.simulation.participation import ForEachOrder, Unlimited
from ml4t.simulation.position_exits import PositionExits
from ml4t.simulation.reach import Reach
from ml4t.simulation.trailing import trail_stop
from ml4t.simulation.walk import AT_CLOSE, AT_OPEN, BETWEEN, Walk, walk

__all__ = ["AmbiguousBar", "Planned", "TradingRound"]

HIGH_FIRST = "high_first"
LOW_FIRST = "low_first"

_ORDINARY_TIMES = frozenset({TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD})
_NEEDS_WALK = frozenset({OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED, OrderType.TRAILING_STOP})

# A named tuple's own constructor is Python code, and Python 3.11 takes as long to look up a member
# of an enumeration as to call a function.
_made = tuple.__new__
_MARKET = OrderType.MARKET


class Candidate(NamedTuple):
    """An order that would fill in the bar if it were alone, and how."""

    order: Order
    bar: BarView
    met: Match


class Planned(NamedTuple):
    """An order that is to fill, or whose trigger was touched, and by which way of the bar."""

    order_id: str
    met: Match
    path: str = ""


@attrs.frozen
class AmbiguousBar:
    """A bar in which the outcome depended on what came first, the high or the low.

    Attributes:
        timestamp: when the bar was complete.
        asset: its symbol.
        path: the way it was taken to have gone, ``"high_first"`` or ``"low_first"``.
        gain: what the fills of that way gain until the bar's close, in money, before costs.
        worst: the lesser of the two ways' gains.
        best: the greater of the two ways' gains.
    """

    timestamp: datetime
    asset: str
    path: str
    gain: float
    worst: float
    best: float


class TradingRound:
    """Finds what fills in each bar and puts it in order of time.

    Args:
        market: the market assumptions.
        assets: the terms of everything that can be traded, by symbol.
        book: the orders.
        groups: which of them hang together.
        held: units held of an asset.
        exits: the rules that close positions; None without any.

    Attributes:
        timing: when a market order fills.
        ambiguous: the bars whose outcome depended on the way, in order of time.
        planned: the ids of the working orders whose fills need a plan; those of all others are at
            the market and fill in order of submission.
        late: the ids of orders that let the current bar pass, since they reach the market late.
    """

    __slots__ = (
        "_assets", "_book", "_exits", "_groups", "_held", "_limited", "_market", "_plain",
        "_rules", "_shared", "_special", "_stops", "_trails", "_waiting", "ambiguous", "late",
        "planned", "timing",
    )  # fmt: skip

    def __init__(
        self,
        market: MarketAssumptions,
        assets: Mapping[str, Asset],
        book: OrderBook,
        groups: OrderGroups,
        held: Callable[[str], float],
        exits: PositionExits | None = None,
    ) -> None:
        self._market = market
        self._limited = not isinstance(market.participation, Unlimited)
        each = not self._limited or isinstance(market.participation, ForEachOrder)
        self._shared = None if each else market.participation
        self._assets = assets
        self._book = book
        self._groups = groups
        self._held = held
        self._exits = exits
        # Orders that need more than their type's own rule; most need no more.
        self._special: set[str] = set()
        self._trails: dict[str, None] = {}
        self._waiting: dict[str, int] = {}
        self._stops: dict[str, float] = {}
        self._rules = PriceRules(market.limits, market.stop_limits)
        self.timing = market.timing
        self.ambiguous: list[AmbiguousBar] = []
        self.late: set[str] = set()
        self.planned: set[str] = set()
        self._plain = not (self._limited or market.path.close_only or exits is not None)

    def entered(self, order: Order) -> None:
        """An order has come into the book."""
        request = order.request
        at_market = request.order_type is _MARKET and request.time_in_force in _ORDINARY_TIMES
        if at_market and not self.timing.delay:
            return
        self.planned.add(order.id)
        if request.order_type is OrderType.TRAILING_STOP:
            self._trails[order.id] = None
            if self._market.trailing.within_bar and not self._market.path.in_turn:
                self._special.add(order.id)
        if request.time_in_force in AT_ONCE or is_for_auction(request):
            self._special.add(order.id)
        # A child lies at the venue already when its parent fills.
        if self.timing.delay and order.parent is None:
            self._waiting[order.id] = self.timing.delay

    def ended(self, order_id: str) -> None:
        """A planned order has left the market."""
        self.planned.discard(order_id)
        self._trails.pop(order_id, None)
        self._special.discard(order_id)
        self._waiting.pop(order_id, None)

    def is_at_market(self) -> bool:
        """Whether nothing but market orders works, which fill in order of submission.

        Such orders do not depend on each other's prices and need no plan, and most bars of a
        backtest are such.
        """
        return self._plain and not self.planned and not self._groups.exist

    def plan(self, bars: MarketSlice, now: datetime, auctions: Auctions) -> Sequence[Planned]:
        """The fills of all assets, by time within the bar, and then by order of submission."""
        path = self._market.path
        self.late, self._stops = set(), {}
        with_care = self._special or self._waiting or path.close_only or self._limited
        candidates = self._met_with_care(bars, auctions) if with_care else self._met(bars)
        if self._limited:
            # Where nothing was traded, no price was touched either.
            candidates = [each for each in candidates if bars[each.order.asset].volume != 0]
        # Children begin to work later than orders that were submitted after them.
        candidates.sort(key=_number)
        if path.close_only:
            return [Planned(order.id, _at_close(met)) for order, _, met in candidates]
        if path.in_turn:
            return [_made(Planned, (order.id, met, "")) for order, _, met in candidates]
        return self._in_order_of_time(candidates, now, auctions)

    def _met(self, bars: MarketSlice) -> list[Candidate]:
        """The orders that would fill if each were alone, none of which needs care."""
        timing, rules, reaches = self.timing, self._rules, bars.reaches
        candidates: list[Candidate] = []
        for asset, orders in self._book.working_by_asset.items():
            if orders.reach is not None and not reaches(asset, *orders.reach):
                continue
            bar = bars.get(asset)
            if bar is None:
                continue
            before = len(candidates)
            for order in orders.values():
                met = match(order, bar, timing, rules)
                if met is not None:
                    candidates.append(_made(Candidate, (order, bar, met)))
            if orders.reach is None and len(candidates) == before:
                # Worth knowing of orders that rest for longer.
                orders.reach = Reach.of(orders.values())
        return candidates

    def _met_with_care(self, bars: MarketSlice, auctions: Auctions) -> list[Candidate]:
        """The same where some wait for an auction, a delay or one price only."""
        close_only = self._market.path.close_only
        candidates: list[Candidate] = []
        for order in self._book.working.values():
            bar = bars.get(order.request.asset)
            if bar is None or self._waits(order.id):
                continue
            shown = ClosingPrice.of(bar) if close_only else bar
            met = match(order, shown, self.timing, self._rules)
            if order.id in self._special:
                met = self._met_specially(order, shown, met, auctions)
            if met is not None:
                candidates.append(_made(Candidate, (order, bar, met)))
        return candidates

    def plan_woken(self, bars: MarketSlice, asleep: Collection[str]) -> Sequence[Planned]:
        """The fills of children that woke in these bars, where each order meets a bar by itself.

        Args:
            bars: those that have just filled their parents.
            asleep: the ids of the orders that slept before.
        """
        path, planned = self._market.path, list[Planned]()
        if not path.in_turn or not self._market.children.in_entry_bar:
            return planned
        if self._exits is not None:
            asleep = self._exits.fresh.union(asleep)
        for order_id in sorted(self._book.working.keys() & asleep, key=int):
            order = self._book.working[order_id]
            bar = bars.get(order.asset)
            # An auction that filled its parent is over for a child.
            if bar is None or is_for_auction(order.request) or not self._wakes(order, bar):
                continue
            shown = ClosingPrice.of(bar) if path.close_only else bar
            met = match(order, shown, self.timing, self._rules)
            if met is not None:
                planned.append(Planned(order.id, _at_close(met) if path.close_only else met))
        return planned

    def _wakes(self, child: Order, bar: PriceBar) -> bool:
        """Whether a child that is awake works in the bar that filled its parent."""
        parent = child.parent or ""
        family = self._groups.family(parent)
        if child not in family:
            same = self._book.working_in(child.asset).values()
            family = tuple(each for each in same if each.group == child.group)
        requests = [each.request for each in family]
        return self._market.children.wakes(self._book[parent].request, requests, bar)

    def follow(self, bars: MarketSlice, now: datetime) -> None:
        """Move the stops of trailing orders after the bar."""
        if not self._trails:
            return
        trailing = self._market.trailing
        if self._exits is not None and self._stops:
            self._stops = self._exits.known(self._stops)
        for order_id in self._trails:
            order = self._book.working.get(order_id)
            bar = None if order is None or order.triggered else bars.get(order.request.asset)
            if order is None or bar is None:
                continue
            # A child that woke in this bar knows none of its prices but the close.
            woken = order.parent is not None and order.updated_at == now
            knows_close = woken or self._market.path.close_only
            price = bar.close if knows_close else trailing.reference(order.request.side, bar)
            # What was walked is known better.
            stop = self._stops.get(order_id)
            if stop is None:
                stop = trail_stop(order.request, price, order.trail_stop)
            if stop != order.trail_stop:
                self._book.put(attrs.evolve(order, trail_stop=stop))

    def _waits(self, order_id: str) -> bool:
        """Count one bar off an order that reaches the market late."""
        left = self._waiting.get(order_id, 0)
        if left:
            self._waiting[order_id] = left - 1
            self.late.add(order_id)
        return left > 0

    def _met_specially(
        self, order: Order, bar: PriceBar, met: Match | None, auctions: Auctions
    ) -> Match | None:
        request = order.request
        if is_for_auction(request):
            return auctions.match(request, bar)
        if request.time_in_force in AT_ONCE:
            at_once = met is not None and met.rule.endswith(("open", self.timing.rule))
            return met if at_once else None
        # How a trailing stop fares is known only after the walk.
        return met or Match(bar.open, "trail_touch")

    def _in_order_of_time(
        self, candidates: Iterable[Candidate], now: datetime, auctions: Auctions
    ) -> list[Planned]:
        by_asset: dict[str, list[Candidate]] = {}
        for candidate in candidates:
            by_asset.setdefault(candidate.order.request.asset, []).append(candidate)
        moments: list[tuple[int, int, int, Planned]] = []
        for group in by_asset.values():
            first = group[0].order
            number = int(first.id)
            if len(group) == 1 and self._is_simple(first, group[0].bar):
                met = group[0].met
                moments.append((_part_of(met.rule), number, len(moments), Planned(first.id, met)))
                continue
            for part, planned in self._walked(group, now, auctions):
                # At the open all orders of all assets come by number; later the order of one
                # asset's own fills is all that is known.
                place = int(planned.order_id) if part == AT_OPEN else number
                moments.append((part, place, len(moments), planned))
        moments.sort()
        return [planned for *_, planned in moments]

    def _is_simple(self, order: Order, bar: PriceBar) -> bool:
        if order.request.order_type in _NEEDS_WALK:
            return False
        if self._exits is not None and not order.request.reduce_only:
            return not self._market.children.in_entry_bar
        return not self._woken_by(bar, order, 0.0, 0.0, 0.0)

    def _woken_by(
        self, bar: PriceBar, order: Order, price: float, before: float, after: float
    ) -> Sequence[Order]:
        """What works in the bar that fills this order because it does."""
        activation = self._market.children
        children = self._groups.children(order.id) if activation.in_entry_bar else ()
        if self._exits is not None and activation.in_entry_bar:
            children = (*children, *self._exits.foreseen(order, price, before, after))
        if not children:
            return ()
        requests = [child.request for child in children]
        return children if activation.wakes(order.request, requests, bar) else ()

    def _walked(
        self, group: Sequence[Candidate], now: datetime, auctions: Auctions
    ) -> list[tuple[int, Planned]]:
        asset, bar = group[0].order.request.asset, group[0].bar
        orders = [candidate.order for candidate in group]
        if self._exits is not None:
            orders = self._exits.unshared(orders)
        volume = self._shared.budget(bar.volume) if self._shared is not None else math.inf
        high_walk, low_walk = (
            walk(
                orders,
                bar,
                high_first=high_first,
                timing=self.timing,
                trailing=self._market.trailing,
                auctions=auctions,
                strict_limits=self._rules.limits.strict,
                held=self._held(asset),
                volume=volume,
                lot=self._assets[asset].lot_size,
                children_of=partial(self._woken_by, bar),
            )
            for high_first in (True, False)
        )
        scale = self._assets[asset].multiplier
        high_gain, low_gain = high_walk.gain * scale, low_walk.gain * scale
        high_first = self._market.path.high_first(bar, high_gain, low_gain)
        path, chosen = "", high_walk if high_first else low_walk
        self._stops |= chosen.stops
        if _outcome(high_walk) != _outcome(low_walk):
            path = HIGH_FIRST if high_first else LOW_FIRST
            worst, best = sorted((high_gain, low_gain))
            gain = chosen.gain * scale
            self.ambiguous.append(AmbiguousBar(now, asset, path, gain, worst, best))
        plan = [(step.part, Planned(step.order_id, step.met, path)) for step in chosen.steps]
        plan += [(AT_CLOSE, Planned(order_id, TRIGGERED, path)) for order_id in chosen.triggered]
        return plan


def _number(candidate: Candidate) -> int:
    return int(candidate.order.id)


def _at_close(met: Match) -> Match:
    if met is TRIGGERED:
        return met
    return Match(met.price, met.rule.replace("_open", "_close").replace("_touch", "_close"))


def _part_of(rule: str) -> int:
    if rule.endswith("open"):
        return AT_OPEN
    return AT_CLOSE if rule.endswith("close") else BETWEEN


def _outcome(way: Walk) -> list[tuple[str, float, float]]:
    return sorted((step.order_id, step.met.price, step.signed_quantity) for step in way.steps)
