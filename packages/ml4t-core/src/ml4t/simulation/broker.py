"""A venue in memory, fed bar by bar."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

import attrs

from ml4t.core.assets import Asset
from ml4t.core.capabilities import Capabilities
from ml4t.core.errors import InvalidOrderError, UnknownAssetError
from ml4t.core.fills import Fill
from ml4t.core.ledger import Ledger
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.panel import MarketSlice
from ml4t.core.positions import DUST, Position
from ml4t.simulation.accounts import AccountRules, Trade
from ml4t.simulation.commission import Commission
from ml4t.simulation.exposure import Exposure
from ml4t.simulation.matching import TRIGGERED, Match, match
from ml4t.simulation.order_book import OrderBook
from ml4t.simulation.slippage import Slippage
from ml4t.simulation.timing import Timing

__all__ = ["MarketAssumptions", "SimulatedBroker"]

_ORDER_TYPES = (OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT)
_TIMES_IN_FORCE = (TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD)
_LOT_ROUNDING = 1e-9

# A named tuple's own constructor is Python code.
_made = tuple.__new__


@attrs.frozen(kw_only=True)
class MarketAssumptions:
    """What the simulated market does, one object for each question.

    Attributes:
        timing: when a market order fills.
        slippage: how much worse than the bar's price a fill is.
        commission: what a fill costs.
        account: what the account may hold and owe.
    """

    timing: Timing
    slippage: Slippage
    commission: Commission
    account: AccountRules


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

    Attributes:
        bars: the bars known now; None before the first.
        now: the instant at which they were complete; None before the first.
        book: the orders.
        fills: every execution so far.
        outbox: changes of orders, and fills, that nobody was told yet; None, the default, keeps
            none.
    """

    __slots__ = (
        "_assets", "_capabilities", "_commission", "_exposure", "_fee", "_first_session", "_ledger",
        "_mark", "_review", "_slipped", "_timing", "bars", "book", "fills", "now", "outbox",
    )  # fmt: skip

    def __init__(self, cash: float, assets: Mapping[str, Asset], market: MarketAssumptions) -> None:
        self._assets = dict(assets)
        # One look-up instead of three for what every fill asks.
        self._timing = market.timing
        self._slipped = market.slippage.slipped
        self._commission = market.commission
        self._fee = market.commission.fee
        self._review = market.account.review
        self._ledger = Ledger(cash, {a.symbol: a.multiplier for a in self._assets.values()})
        self._capabilities = Capabilities(
            order_types=_ORDER_TYPES,
            times_in_force=_TIMES_IN_FORCE,
            fractional=True,
            short_selling=market.account.allows_short,
            replace_orders=True,
        )
        self._first_session: dict[str, date] = {}
        self._exposure: Exposure | None = None
        self._mark: Callable[[str], float | None] = lambda _: None
        self.bars: MarketSlice | None = None
        self.now: datetime | None = None
        self.book = OrderBook()
        self.fills: list[Fill] = []
        self.outbox: list[Order | Fill] | None = None

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
        """The orders that may still fill, in the order of submission."""
        return tuple(self.book.working.values())

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
        )
        book = self.book
        number = str(len(book) + 1)
        order = Order.submitted(number, request, self.now, self._objection(request))
        book.put(order)
        if self.outbox is not None:
            self.outbox.append(order)
        return order

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
        old = order.request
        request = attrs.evolve(
            old,
            quantity=old.quantity if quantity is None else quantity,
            limit_price=old.limit_price if limit_price is None else limit_price,
            stop_price=old.stop_price if stop_price is None else stop_price,
        )
        if request.quantity <= order.filled_quantity:
            msg = (
                f"quantity of order {order_id} must exceed the {order.filled_quantity:g} that "
                f"filled, was {request.quantity:g}: cancel it instead"
            )
            raise InvalidOrderError(msg)
        reason = self._objection(request)
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
        reverses.
        """
        held = self._ledger.positions.get(asset)
        if held is None:
            return None
        left = held.quantity
        for order in self.book.working.values():
            if order.asset == asset and order.order_type is OrderType.MARKET:
                change = order.side.sign * order.remaining
                left += change if change * held.quantity < 0 else 0.0
        if left * held.quantity <= 0 or abs(left) <= DUST * abs(held.quantity):
            return None
        return self.submit_order(asset, -left)

    def match(self) -> None:
        """Let every working order meet the current bars, in order of submission."""
        bars, now = self.bars, self.now
        assert bars is not None and now is not None  # noqa: S101, PT018 - the driver's duty
        self._exposure, self._mark = None, bars.previous_mark
        timing, first_session, working = self._timing, self._first_session, self.book.working
        for order in tuple(working.values()):
            request = order.request
            may_end = order.id in first_session or request.good_till is not None
            if may_end and self._is_over(order, now):
                self._put(order.to(OrderStatus.EXPIRED, now, "its time in force is over"))
                continue
            bar = bars.get(request.asset)
            met = None if bar is None else match(order, bar, timing)
            if met is TRIGGERED:
                self._put(attrs.evolve(order, triggered=True, updated_at=now))
            elif met is not None:
                self._execute(order, met, now)
        if working:
            session = now.date()
            for order in working.values():
                if order.request.time_in_force is TimeInForce.DAY:
                    first_session.setdefault(order.id, session)

    def match_same_bar(self) -> None:
        """Fill market orders at the close the strategy has just seen, if the timing says so."""
        bars, now = self.bars, self.now
        assert bars is not None and now is not None  # noqa: S101, PT018 - the driver's duty
        timing = self._timing
        if not timing.same_bar:
            return
        self._exposure, self._mark = None, bars.mark
        for order in tuple(self.book.working.values()):
            bar = bars.get(order.asset) if order.order_type is OrderType.MARKET else None
            if bar is not None:
                self._execute(order, Match(timing.market_price(bar), timing.rule), now)

    def _objection(self, request: OrderRequest) -> str | None:
        terms = self._assets.get(request.asset)
        if terms is None:
            return f"the venue does not list {request.asset!r}"
        if terms.lot_size:
            lots = request.quantity / terms.lot_size
            if abs(lots - round(lots)) > _LOT_ROUNDING * max(lots, 1.0):
                return f"quantity {request.quantity:g} is no multiple of lot {terms.lot_size:g}"
        if request.good_till is not None and self.now is not None and request.good_till <= self.now:
            return f"good_till {request.good_till.isoformat()} has passed"
        return self._capabilities.objection(request)

    def _is_over(self, order: Order, now: datetime) -> bool:
        time_in_force = order.request.time_in_force
        if time_in_force is TimeInForce.DAY:
            first = self._first_session.get(order.id)
            return first is not None and now.date() > first
        good_till = order.request.good_till
        return good_till is not None and now > good_till

    def _execute(self, order: Order, met: Match, now: datetime) -> None:
        request, ledger = order.request, self._ledger
        terms = self._assets[request.asset]
        price = self._slipped(met.price, request.side)
        if request.limit_price is not None:
            price = _within_limit(price, request.limit_price, request.side)
        quantity = request.quantity - order.filled_quantity
        fee = self._fee(quantity, price, terms.multiplier)
        before = ledger.position(request.asset)
        change = quantity if request.side is OrderSide.BUY else -quantity
        trade = _made(Trade, (change, price, terms, before.quantity, fee, self._commission))
        verdict = self._review(trade, ledger.cash, self._exposure_now)
        if verdict is not None:
            quantity = verdict.quantity
            fee = trade.fee_of(quantity)
        if quantity > 0:
            number = str(len(self.fills) + 1)
            fill = Fill.of(number, order, quantity, price, now, fee, met.rule, met.price)
            after = ledger.apply(fill)
            self.fills.append(fill)
            if self._exposure is not None:
                self._exposure.after(before, after, fill)
            if self.outbox is not None:
                self.outbox.append(fill)
            order = order.after_fill(quantity, price, now)
            self._put(order)
        if verdict is not None and order.is_open:
            # What was trimmed by no more than rounding has filled after all.
            end = OrderStatus.CANCELLED if order.filled_quantity else OrderStatus.REJECTED
            self._put(order.to(end, now, verdict.reason))

    def _exposure_now(self) -> Exposure:
        if self._exposure is None:
            self._exposure = Exposure(self._ledger.cash, self._ledger.positions, self._mark)
        return self._exposure

    def _put(self, order: Order) -> None:
        self.book.put(order)
        if self._first_session and not order.is_open:
            self._first_session.pop(order.id, None)
        if self.outbox is not None:
            self.outbox.append(order)


def _within_limit(price: float, limit: float, side: OrderSide) -> float:
    """``price``, but never beyond ``limit``."""
    return min(price, limit) if side is OrderSide.BUY else max(price, limit)
