"""A venue in memory, fed bar by bar."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Unpack

import attrs

from ml4t.core.assets import Asset
from ml4t.core.calendar import TradingCalendar
from ml4t.core.capabilities import Capabilities
from ml4t.core.errors import UnknownAssetError
from ml4t.core.fills import Fill
from ml4t.core.groups import Bracket, BracketLegs, BracketRequest, as_children, require_group
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import OPEN_STATUSES, Order, OrderStatus
from ml4t.core.panel import MarketSlice
from ml4t.core.positions import DUST, Position
from ml4t.simulation.auctions import is_for_auction
from ml4t.simulation.cash_previews import CashPreview
from ml4t.simulation.executions import Executions
from ml4t.simulation.holding_costs import HoldingCosts
from ml4t.simulation.lifetimes import NO_AUCTION, Lifetimes
from ml4t.simulation.market import MarketAssumptions
from ml4t.simulation.matching import TRIGGERED, Match
from ml4t.simulation.order_book import OrderBook
from ml4t.simulation.order_checks import OrderChecks
from ml4t.simulation.order_groups import OrderGroups
from ml4t.simulation.trading_round import TradingRound
from ml4t.simulation.trailing import trail_stop

__all__ = ["SimulatedBroker"]


class SimulatedBroker:
    """A broker whose venue is a stream of bars; implements ``BrokerProtocol``.

    Whoever drives it sets ``bars`` and ``now`` to the bars that have just become complete, calls
    :meth:`match` if orders are working, and only then lets the strategy act. An order therefore
    meets the first bar after the one it was decided on. With a same-bar timing the driver calls
    :meth:`match_same_bar` after the strategy.

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
        fills: every execution so far.
        holding_costs: what was charged for positions so far.
        lifetimes: how long orders work; its ``daily`` says that each session has one bar.
        round: what a bar does to the orders; its ``ambiguous`` lists the bars whose outcome
            depended on what came first in them.
        outbox: changes of orders, and fills, that nobody was told yet; None, the default, keeps
            none.
    """

    __slots__ = (
        "_assets",
        "_capabilities",
        "_checks",
        "_executions",
        "_groups",
        "_ledger",
        "_preview",
        "_previewed",
        "_reduces",
        "bars",
        "book",
        "fills",
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
        )
        self.bars: MarketSlice | None = None
        self.now: datetime | None = None
        self.book = OrderBook()
        self.outbox: list[Order | Fill] | None = None
        self.lifetimes = Lifetimes(self.book, calendar)
        self._executions = Executions(cash, self._assets, market, self._put)
        self._ledger = self._executions.ledger
        self.fills = self._executions.fills
        self.holding_costs = HoldingCosts(market.financing, self._ledger)
        preview = CashPreview(self.book, self._put, self._assets, market.commission)
        self._preview = preview if market.account.previews else None
        self._groups = OrderGroups(self.book, self._put)
        self._reduces = False
        self._checks = OrderChecks(
            self._assets,
            self._capabilities,
            market.account,
            self.lifetimes,
            self._ledger,
            self.get_account_value,
        )
        self.round = TradingRound(market, self._assets, self.book, self._groups, self._held)

    @property
    def capabilities(self) -> Capabilities:
        """What this venue accepts."""
        return self._capabilities

    @property
    def positions(self) -> Mapping[str, Position]:
        """The open positions by symbol, a read-only view that follows the account."""
        return self._ledger.positions

    @property
    def pending_orders(self) -> Sequence[Order]:
        """The orders that have not ended, in the order of submission."""
        return self.book.open

    def get_asset(self, asset: str) -> Asset:
        """The terms of an instrument; raises UnknownAssetError where it is not in the data."""
        try:
            return self._assets[asset]
        except KeyError:
            msg = f"the venue does not list {asset!r}"
            raise UnknownAssetError(msg) from None

    def get_position(self, asset: str) -> Position | None:
        """The open position in ``asset``; None when flat."""
        return self._ledger.positions.get(asset)

    def get_cash(self) -> float:
        """Money not invested; negative when borrowed."""
        return self._ledger.cash

    def get_account_value(self) -> float:
        """Cash and the market value of all positions at their last known closes."""
        value, positions, bars = self._ledger.cash, self._ledger.positions, self.bars
        if bars is None:
            return value + sum(p.market_value(p.average_price) for p in positions.values())
        for position, mark in zip(positions.values(), bars.marks(positions), strict=True):
            price = position.average_price if mark is None else mark
            value += position.quantity * price * position.multiplier
        return value

    def submit_order(  # noqa: PLR0913 - the signature of BrokerProtocol
        self,
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
        reduce_only: bool = False,
    ) -> Order:
        """Put an order into the book, or reject it with a reason; see ``BrokerProtocol``.

        Raises:
            InvalidOrderError: the arguments make no order at any venue.
        """
        request = OrderRequest.of(
            asset,
            quantity,
            side,
            order_type,
            limit_price,
            stop_price,
            trail_amount,
            trail_percent,
            time_in_force,
            good_till,
            tag,
            reduce_only,
        )
        return self._enter(request, self._checks.objection(request, self.now, self.bars))

    def submit_bracket(
        self,
        asset: str,
        quantity: float,
        side: OrderSide | None = None,
        order_type: OrderType = OrderType.MARKET,
        limit_price: float | None = None,
        stop_price: float | None = None,
        **legs: Unpack[BracketLegs],
    ) -> Bracket:
        """Put an order with its target and stop into the book; see ``BrokerProtocol``.

        Raises:
            InvalidOrderError: the arguments make no bracket at any venue.
        """
        request = BracketRequest.of(
            asset, quantity, side, order_type, limit_price, stop_price, **legs
        )
        parent, *children = self._enter_family(request.parent, request.children)
        target = children.pop(0) if request.take_profit is not None else None
        return Bracket(parent, target, children[0] if children else None)

    def submit_oco(self, requests: Sequence[OrderRequest]) -> tuple[Order, ...]:
        """Put orders of which only one may fill into the book; see ``BrokerProtocol``.

        Raises:
            InvalidOrderError: fewer than two orders, or they differ in asset or quantity.
        """
        require_group(requests)
        objection = self._first_objection(requests)
        group = f"oco-{len(self.book) + 1}"
        orders = tuple(self._enter(request, objection, group=group) for request in requests)
        if objection is None:
            self._groups.bind(group, orders)
        return orders

    def submit_oto(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        """Put an order and those that it wakes into the book; see ``BrokerProtocol``.

        Raises:
            InvalidOrderError: there are no children, or one does not close what the parent opens.
        """
        return self._enter_family(parent, as_children(parent, children))

    def cancel_order(self, order_id: str) -> bool:
        """Cancel an open order at once; False if it had ended before.

        Raises:
            UnknownOrderError: no order has that id.
        """
        order = self.book[order_id]
        if not order.is_open:
            return False
        self._put(order.to(OrderStatus.CANCELLED, self.now, "cancelled on request"))
        return True

    def replace_order(
        self,
        order_id: str,
        *,
        quantity: float | None = None,
        limit_price: float | None = None,
        stop_price: float | None = None,
    ) -> Order:
        """Change an open order in place; one that has ended comes back as it is.

        Raises:
            UnknownOrderError: no order has that id.
            InvalidOrderError: the result would make no order, or ask for less than has filled.
        """
        order = self.book[order_id]
        if not order.is_open:
            return order
        request = order.replacement(quantity, limit_price, stop_price)
        reason = self._checks.objection(request, self.now, self.bars)
        if order.group is not None and quantity not in {None, order.quantity}:
            reason = "its quantity follows the other orders of its group"
        if reason:
            return attrs.evolve(order, reason=f"not replaced: {reason}")
        # A new stop has not been touched yet, whatever became of the old one.
        triggered = order.triggered and stop_price is None
        changed = attrs.evolve(order, request=request, updated_at=self.now, triggered=triggered)
        self._put(changed)
        return changed

    def close_position(self, asset: str) -> Order | None:
        """Send the market order that leaves ``asset`` flat; None if nothing is left to close.

        Market orders that already reduce the position are counted, so closing twice never
        reverses, and the order itself only reduces: what a stop sells before it, it does not sell
        again.
        """
        held = self._ledger.positions.get(asset)
        if held is None:
            return None
        left = held.quantity
        for order in self.book.working_in(asset).values():
            if order.order_type is OrderType.MARKET:
                change = order.side.sign * order.remaining
                left += change if change * held.quantity < 0 else 0.0
        if left * held.quantity <= 0 or abs(left) <= DUST * abs(held.quantity):
            return None
        return self.submit_order(asset, -left, reduce_only=True)

    def accrue(self) -> None:
        """Charge for the positions held since the bars before; call it before :meth:`match`."""
        bars, now = self.bars, self.now
        assert bars is not None and now is not None  # noqa: S101, PT018 - the driver's duty
        self.holding_costs.accrue(now, bars.previous_mark)

    def match(self) -> None:
        """Let every working order meet the current bars."""
        bars, now = self.bars, self.now
        assert bars is not None and now is not None  # noqa: S101, PT018 - the driver's duty
        self._executions.begin(bars, now, bars.previous_mark)
        book, lifetimes = self.book, self.lifetimes
        if self._preview is not None:
            self._preview.reject(self._ledger.cash, bars, now)
        for order in lifetimes.ended(now) if lifetimes.may_end else ():
            # The end of another of its group may have ended it.
            if order.id in book.working:
                self._put(order.to(OrderStatus.EXPIRED, now, "its time in force is over"))
        auctions = (
            lifetimes.auctions(bars, now) if lifetimes.special or book.sleeping else NO_AUCTION
        )
        # What fills may change other orders.
        tied = self._reduces or self._groups.exist
        execute = self._execute if tied else self._executions.execute
        for order_id, met, path in self.round.plan(bars, now, auctions):
            # What filled before it may have ended or changed it.
            working = book.working.get(order_id)
            if working is None:
                continue
            if met is TRIGGERED:
                self._put(attrs.evolve(working, triggered=True, updated_at=now))
            else:
                execute(working, met, path)
        if not book.working:
            lifetimes.fresh.clear()
            return
        self.round.follow(bars, now)
        for order in lifetimes.after_bar(bars, now, auctions):
            if order.id in book.working and order.id not in self.round.late:
                reason = "its only chance to fill has passed"
                self._put(order.to(OrderStatus.CANCELLED, now, reason))

    def match_same_bar(self) -> None:
        """Fill market orders at the close the strategy has just seen, if the timing says so."""
        bars, now = self.bars, self.now
        assert bars is not None and now is not None  # noqa: S101, PT018 - the driver's duty
        timing = self.round.timing
        if not timing.same_bar:
            return
        self._executions.begin(bars, now, bars.mark)
        for order in tuple(self.book.working.values()):
            trades = order.order_type is OrderType.MARKET and not is_for_auction(order.request)
            bar = bars.get(order.asset) if trades else None
            if bar is not None and self.book[order.id].is_open:
                self._execute(order, Match(timing.market_price(bar), timing.rule))

    def _held(self, asset: str) -> float:
        held = self._ledger.positions.get(asset)
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
        order = Order.submitted(number, request, self.now, objection, parent, group)
        if request.order_type is OrderType.TRAILING_STOP and parent is None:
            mark = None if self.bars is None else self.bars.mark(request.asset)
            if mark is not None:
                order = attrs.evolve(order, trail_stop=trail_stop(request, mark))
        self._reduces = self._reduces or request.reduce_only
        if objection is None:
            if parent is None:
                self.lifetimes.begins(order)
            if request.order_type is not OrderType.MARKET or self.round.watches(request):
                self.round.entered(order)
        book.put(order)
        if self.outbox is not None:
            self.outbox.append(order)
        return order

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
        before = self._held(order.asset) if self._reduces else 0.0
        filled, now = self._executions.execute(order, met, path), self.now
        if filled is None or now is None:
            return
        if self._groups.exist:
            self._groups.after_fill(filled, met.price, now)
        if before and before * self._held(order.asset) <= 0:
            self._groups.close_exits(order.asset, before, now)

    def _put(self, order: Order, fill: Fill | None = None) -> None:
        """Set the new state of an order, perhaps after a fill."""
        book = self.book
        if book.sleeping and order.id in book.sleeping and order.status is OrderStatus.ACCEPTED:
            self.lifetimes.begins(order)
        book.put(order)
        if self.outbox is not None:
            if fill is not None:
                self.outbox.append(fill)
            self.outbox.append(order)
        if order.status not in OPEN_STATUSES:
            self.lifetimes.forget(order.id)
            self.round.ended(order.id)
            if self._groups.exist:
                self._groups.after_end(order, self.now)
