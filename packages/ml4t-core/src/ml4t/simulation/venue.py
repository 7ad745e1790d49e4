"""A venue in memory: what it does with orders, bar by bar."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs

from ml4t.core.assets import Asset
from ml4t.core.calendar import TradingCalendar
from ml4t.core.capabilities import Capabilities
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderRequest, OrderType, TimeInForce
from ml4t.core.orders import OPEN_STATUSES, Order, OrderStatus
from ml4t.core.panel import MarketSlice
from ml4t.core.positions import Position
from ml4t.simulation.auctions import Auctions, is_for_auction
from ml4t.simulation.cash_previews import CashPreview
from ml4t.simulation.executions import Executions
from ml4t.simulation.fill_record import FillRecord
from ml4t.simulation.holding_costs import HoldingCosts
from ml4t.simulation.lifetimes import AT_ONCE, NO_AUCTION, Lifetimes
from ml4t.simulation.market import MarketAssumptions
from ml4t.simulation.matching import TRIGGERED, Match
from ml4t.simulation.order_book import OrderBook
from ml4t.simulation.order_checks import OrderChecks
from ml4t.simulation.order_groups import OrderGroups
from ml4t.simulation.position_exits import PositionExits
from ml4t.simulation.trading_round import TradingRound
from ml4t.simulation.trailing import trail_stop
from ml4t.simulation.weak_calls import weak_call

__all__ = ["SimulatedVenue"]

# A named tuple's own constructor is Python code, and Python 3.11 takes as long to look up a member
# of an enumeration, or a function in its class, as to call a function.
_made = tuple.__new__
_submitted = Order.submitted
_MARKET, _DAY = OrderType.MARKET, TimeInForce.DAY

_MISSED = "its only chance to fill has passed"


class SimulatedVenue:
    """An order book and an account whose market is a stream of bars.

    Whoever drives it sets ``bars`` and ``now`` to the bars that have just become complete, calls
    :meth:`match` if orders are working, and only then lets the strategy act. An order therefore
    meets the first bar after the one it was decided on. With a same-bar timing the driver calls
    :meth:`match_same_bar` after the strategy, and with a financing :meth:`accrue` before the match.
    Where rules close positions it calls :meth:`finish_bar` after the strategy instead.

    Args:
        cash: the money to start with.
        assets: the terms of everything that can be traded, by symbol.
        market: the market assumptions.
        calendar: the sessions of the venue; None where each date of the bars' own timestamps is
            one.

    Attributes:
        bars: the bars known now; None before the first.
        now: the instant at which they were complete; None before the first.
        book: the orders.
        holding_costs: what was charged for positions so far.
        lifetimes: how long orders work; its ``daily`` says that each session has one bar.
        round: what a bar does to the orders; its ``ambiguous`` lists the bars whose outcome
            depended on what came first in them.
        outbox: changes of orders, and fills, that nobody was told yet; None, the default, keeps
            none.
    """

    __slots__ = (
        "__weakref__",
        "_assets",
        "_capabilities",
        "_checks",
        "_executions",
        "_exits",
        "_groups",
        "_is_prompt",
        "_ledger",
        "_positions",
        "_preview",
        "_reducing",
        "bars",
        "book",
        "holding_costs",
        "lifetimes",
        "now",
        "outbox",
        "round",
    )  # fmt: skip

    def __init__(
        self,
        cash: float,
        assets: Mapping[str, Asset],
        market: MarketAssumptions,
        calendar: TradingCalendar | None = None,
    ) -> None:
        self._assets = dict(assets)
        self._capabilities = Capabilities(
            order_types=OrderType,
            times_in_force=TimeInForce,
            fractional=True,
            short_selling=market.account.allows_short,
            replace_orders=True,
            order_groups=True,
            reduce_only=True,
        )
        self.bars: MarketSlice | None = None
        self.now: datetime | None = None
        self.book = OrderBook()
        self.outbox: list[Order | Fill] | None = None
        self.lifetimes = Lifetimes(self.book, calendar)
        put, complete = weak_call(self._put), weak_call(self._complete)
        rest, enter = weak_call(self._rest), weak_call(self._enter)
        bars_now, held = weak_call(self._bars_now), weak_call(self._held)
        self._executions = Executions(
            cash, self._assets, market, self.book, put, complete, bars_now
        )
        self._ledger = self._executions.ledger
        self._positions = self._ledger.positions
        self.holding_costs = HoldingCosts(market.financing, self._ledger)
        preview = CashPreview(self.book, put, self._assets, market.commission)
        self._preview = preview if market.account.previews else None
        self._groups = OrderGroups(self.book, put)
        self._exits = PositionExits.of(market.exits, self._assets, self.book, put, rest, enter)
        # Orders that may outlive the position that they reduce.
        self._reducing: set[str] = set()
        self._is_prompt = not market.timing.delay
        self._checks = OrderChecks(
            self._assets,
            self._capabilities,
            market,
            self.lifetimes,
            self._ledger,
            weak_call(self._equity),
        )
        self.round = TradingRound(market, self._assets, self.book, self._groups, held, self._exits)

    def take_over(self, cash: float, positions: Mapping[str, Position]) -> None:
        """Begin with an account that exists already; call it before the first bar.

        Raises:
            InvalidValueError: ``cash`` is not finite.
        """
        self._ledger.adopt(cash, positions)

    def begin_bar(self) -> None:
        """Charge for the positions held since the bars before, then :meth:`match` what works."""
        self.accrue()
        if self.book.working:
            self.match()

    def accrue(self) -> None:
        """Charge for the positions held since the bars before; call it before :meth:`match`."""
        bars, now = self.bars, self.now
        assert bars is not None and now is not None  # noqa: S101, PT018 - the driver's duty
        self.holding_costs.accrue(now, bars.previous_mark)

    def match(self) -> None:
        """Let every working order meet the current bars."""
        bars, now = self.bars, self.now
        assert bars is not None and now is not None  # noqa: S101, PT018 - the driver's duty
        self._executions.begin(now)
        lifetimes, auctions = self.lifetimes, NO_AUCTION
        if lifetimes.first_sessions or lifetimes.deadlines or self._preview is not None:
            self._end_what_is_over(bars, now)
        if self.round.is_at_market():
            self._fill_at_market(bars)
        else:
            if lifetimes.special or self.book.sleeping:
                auctions = lifetimes.auctions(bars, now)
            self._fill_as_planned(bars, now, auctions)
        if self.book.working:
            self._after_bar(bars, now, auctions)
        else:
            lifetimes.fresh.clear()

    def _fill_at_market(self, bars: MarketSlice) -> None:
        """Fill the market orders whose asset has a bar, where no others work."""
        timing, working = self.round.timing, self.book.working
        execute = self._execute if self._reducing else self._executions.execute
        for order in tuple(working.values()):
            try:
                bar = bars[order.request.asset]
            except KeyError:
                continue
            # What filled before it may have ended it.
            if order.id in working:
                execute(order, _made(Match, (timing.market_price(bar), timing.rule)))

    def _fill_as_planned(self, bars: MarketSlice, now: datetime, auctions: Auctions) -> None:
        """Fill what meets the bars, in order of time within them."""
        book = self.book
        # What fills may change other orders.
        tied = self._reducing or self._groups.exist or self._exits is not None
        execute = self._execute if tied else self._executions.execute
        asleep = frozenset(book.sleeping) if tied else None
        find = book.working.get if self._exits is None else self._exits.begin(bars, now)
        plan = self.round.plan(bars, now, auctions)
        while plan:
            for order_id, met, path in plan:
                # What filled before it may have ended or changed it.
                order = find(order_id)
                if order is not None and met is not TRIGGERED:
                    execute(order, met, path)
                elif order is not None:
                    self._put(attrs.evolve(order, triggered=True, updated_at=now))
            plan = () if asleep is None else self.round.plan_woken(bars, asleep)
            asleep = None

    def _end_what_is_over(self, bars: MarketSlice, now: datetime) -> None:
        if self._preview is not None:
            self._preview.reject(self._ledger.cash, bars, now)
        for order in self.lifetimes.ended(now):
            # The end of another of its group may have ended it.
            if self.book[order.id].is_open:
                self._put(order.to(OrderStatus.EXPIRED, now, "its time in force is over"))

    def _after_bar(self, bars: MarketSlice, now: datetime, auctions: Auctions) -> None:
        self.round.follow(bars, now)
        for order in self.lifetimes.after_bar(bars, now, auctions):
            if order.id in self.book.working and order.id not in self.round.late:
                self._put(order.to(OrderStatus.CANCELLED, now, _MISSED))

    def match_same_bar(self) -> None:
        """Fill market orders at the close the strategy has just seen, if the timing says so."""
        bars, now = self.bars, self.now
        assert bars is not None and now is not None  # noqa: S101, PT018 - the driver's duty
        timing = self.round.timing
        if not timing.same_bar:
            return
        self._executions.begin(now, at_close=True)
        if self._exits is not None:
            self._exits.begin(bars, now)
        for order_id in tuple(self.book.working):
            # What filled before it may have ended or changed it.
            order = self.book[order_id]
            trades = order.order_type is OrderType.MARKET and not is_for_auction(order.request)
            bar = bars.get(order.asset) if trades and order.is_open else None
            if bar is not None:
                self._execute(order, Match(timing.market_price(bar), timing.rule))
                left = self.book[order_id]
                if left.is_open and left.request.time_in_force in AT_ONCE:
                    self._put(left.to(OrderStatus.CANCELLED, now, _MISSED))

    @property
    def fills(self) -> Sequence[Fill]:
        """Every execution so far; one that nobody has looked at becomes a fill now."""
        return self._executions.fills

    @property
    def fill_records(self) -> Sequence[FillRecord]:
        """What every execution so far was, from which fills are made."""
        return self._executions.records

    @property
    def has_exits(self) -> bool:
        """Whether rules close positions, so that :meth:`finish_bar` has something to do."""
        return self._exits is not None

    def finish_bar(self) -> None:
        """What happens at the close of the current bars after the strategy has acted.

        The rules that close positions look at the bars, and with a same-bar timing market orders
        fill.
        """
        bars, now = self.bars, self.now
        assert bars is not None and now is not None  # noqa: S101, PT018 - the driver's duty
        if self._exits is not None:
            self._exits.watch(bars, now)
        if self.book.working:
            self.match_same_bar()

    def _equity(self) -> float:
        """Cash and the market value of all positions at their last known closes."""
        value, positions, bars = self._ledger.cash, self._ledger.positions, self.bars
        if bars is None:
            return value + sum(p.market_value(p.average_price) for p in positions.values())
        for position, mark in zip(positions.values(), bars.marks(positions), strict=True):
            price = position.average_price if mark is None else mark
            value += position.quantity * price * position.multiplier
        return value

    def _bars_now(self) -> MarketSlice:
        assert self.bars is not None  # noqa: S101 - asked while they meet the orders
        return self.bars

    def _held(self, asset: str) -> float:
        held = self._positions.get(asset)
        return held.quantity if held is not None else 0.0

    def _first_objection(self, requests: Sequence[OrderRequest]) -> str | None:
        found = (self._checks.objection(request, self.now, self.bars) for request in requests)
        return next((objection for objection in found if objection is not None), None)

    def _enter(
        self,
        request: OrderRequest,
        objection: str | None,
        parent: str | None = None,
        group: str | None = None,
    ) -> Order:
        book = self.book
        number = str(len(book) + 1)
        order = _submitted(number, request, self.now, objection, parent, group)
        if objection is None:
            at_market = request.order_type is _MARKET
            if at_market and request.time_in_force is _DAY and self._is_prompt:
                # Most of the orders of a backtest need no more than this.
                self.lifetimes.fresh.append(order)
            else:
                order = self._prepare(order)
            if request.reduce_only:
                self._reducing.add(order.id)
        book.put(order)
        if self.outbox is not None:
            self.outbox.append(order)
        return order

    def _prepare(self, order: Order) -> Order:
        """An accepted order, made known to what follows orders until they end."""
        request = order.request
        if order.parent is None or request.time_in_force is TimeInForce.GTD:
            self.lifetimes.begins(order)
        trails = request.order_type is OrderType.TRAILING_STOP and order.parent is None
        mark = self.bars.mark(request.asset) if trails and self.bars is not None else None
        if mark is not None:
            order = attrs.evolve(order, trail_stop=trail_stop(request, mark))
        self.round.entered(order)
        return order

    def _rest(self, order: Order) -> None:
        """Add an order that works at once, beside the position that it closes."""
        self.round.entered(order)
        self._reducing.add(order.id)
        self._put(order)

    def _enter_family(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        objection = self._first_objection((parent, *children))
        first = self._enter(parent, objection)
        group = f"children-of-{first.id}"
        rest = tuple(self._enter(child, objection, first.id, group) for child in children)
        if objection is None:
            self._groups.bind(group, rest, first.id)
        return (first, *rest)

    def _execute(self, order: Order, met: Match, path: str = "") -> None:
        before = self._held(order.request.asset)
        traded, now = self._executions.execute(order, met, path), self.now
        if not traded or now is None:
            return
        if self._groups.exist:
            self._groups.after_fill(self.book[order.id], met.price, now)
        if not self._reducing and self._exits is None:
            return
        after = self._held(order.asset)
        if self._reducing and before and before * after <= 0:
            self._groups.close_exits(order.asset, before, now)
            if not after:
                # A bracket that has only closed what was held opened nothing to protect.
                self._groups.close_exits(order.asset, -before, now)
        if self._exits is not None:
            self._exits.after_fill(self.book[order.id], met.price, before, after)

    def _complete(self, record: FillRecord) -> bool:
        """Take note of an order that filled as a whole, where nothing waits to see it."""
        if self.outbox is not None or self._groups.exist or self._exits is not None:
            return False
        self.book.complete(record)
        self._forget(record.order.id)
        return True

    def _put(self, order: Order, record: FillRecord | None = None) -> None:
        """Set the new state of an order, perhaps after a fill."""
        book = self.book
        if book.sleeping and order.id in book.sleeping and order.status is OrderStatus.ACCEPTED:
            self.lifetimes.begins(order)
        book.put(order)
        if self.outbox is not None:
            if record is not None:
                self.outbox.append(record.fill(len(self.fill_records)))
            self.outbox.append(order)
        if order.status not in OPEN_STATUSES:
            self._forget(order.id)
            if self._groups.exist:
                self._groups.after_end(order, self.now)

    def _forget(self, order_id: str) -> None:
        """An order has ended: nobody follows it any more."""
        self.lifetimes.forget(order_id)
        if order_id in self.round.planned:
            self.round.ended(order_id)
        if self._reducing:
            self._reducing.discard(order_id)
