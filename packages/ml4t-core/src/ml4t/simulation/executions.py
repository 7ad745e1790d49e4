"""Turns matches into fills: quantity, price, fee, account, book."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import attrs

from ml4t.core.assets import Asset
from ml4t.core.fills import Fill
from ml4t.core.ledger import Ledger
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.panel import MarketSlice
from ml4t.simulation.accounts import Trade
from ml4t.simulation.exposure import Exposure
from ml4t.simulation.fill_record import FillRecord
from ml4t.simulation.market import MarketAssumptions
from ml4t.simulation.matching import Match
from ml4t.simulation.order_book import OrderBook
from ml4t.simulation.participation import ForEachOrder, Unlimited, within_volume
from ml4t.simulation.pricing import Priced, Pricing

__all__ = ["Executions"]

# A named tuple's own constructor is Python code, and Python 3.11 takes as long to look up a member
# of an enumeration, or a function in its class, as to call a function.
_made = tuple.__new__
_BUY = OrderSide.BUY
_ACCEPTED, _PARTIALLY_FILLED = OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED

_WITH_LIMIT = frozenset({OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED})
_WITH_STOP = frozenset({OrderType.STOP, OrderType.TRAILING_STOP, OrderType.MARKET_IF_TOUCHED})


class Executions:
    """Executes orders against one account.

    Args:
        cash: the money to start with.
        assets: the terms of everything that can be traded, by symbol.
        market: the market assumptions.
        book: the orders.
        put: sets the new state of an order, and is told of the fill that changed it.
        complete: is told that an order has filled as a whole; whether it took care of the order.
        bars: gives the bars that orders meet. They are not kept here, since the engine moves a
            slice on that nobody keeps.

    Attributes:
        ledger: cash and positions.
        records: every execution so far.
    """

    __slots__ = (
        "_assets", "_at_close", "_bars", "_book", "_budgets", "_commission", "_complete", "_done",
        "_exposure", "_fee", "_fills", "_free", "_left", "_now", "_pricing", "_put", "_review",
        "_simple", "_stay_triggered", "ledger", "records",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - what it works on, and whom it tells
        self,
        cash: float,
        assets: Mapping[str, Asset],
        market: MarketAssumptions,
        book: OrderBook,
        put: Callable[..., None],
        complete: Callable[[FillRecord], bool],
        bars: Callable[[], MarketSlice],
    ) -> None:
        limited = not isinstance(market.participation, Unlimited)
        self._assets = assets
        self._pricing = Pricing(market.slippage, market.impact, market.limit_costs)
        self._free = self._pricing.is_free
        self._simple = self._free and not limited
        self._stay_triggered = market.partial_stops.stay_triggered
        self._commission = market.commission
        # One look-up instead of two for what every fill asks.
        self._fee = market.commission.fee
        self._review = market.account.review
        self._budgets = market.participation if limited else None
        self._book = book
        self._put = put
        self._complete = complete
        self._bars = bars
        self._now: datetime
        self._at_close = False
        self._exposure: Exposure | None = None
        # Of the current bar, by asset: the units that volume allows yet, and those filled.
        self._left: dict[str, float] = {}
        self._done: dict[str, float] = {}
        self.ledger = Ledger(cash, {a.symbol: a.multiplier for a in assets.values()})
        self.records: list[FillRecord] = []
        self._fills: list[Fill] = []

    @property
    def fills(self) -> Sequence[Fill]:
        """Every execution so far as a fill."""
        made, records = self._fills, self.records
        for number in range(len(made), len(records)):
            made.append(records[number].fill(number + 1))
        return made

    def begin(self, now: datetime, *, at_close: bool = False) -> None:
        """Start with the bars complete at ``now``.

        Args:
            now: their instant.
            at_close: whether their closes are known already, so that margin is reviewed at them
                and not at the closes before.
        """
        # Fills at the very close share the volume of their bar.
        if (self._left or self._done) and now is not self._now:
            self._left, self._done = {}, {}
        self._now, self._at_close, self._exposure = now, at_close, None

    def execute(self, order: Order, met: Match, path: str = "") -> float:
        """Fill as much of an open order as position, volume and account allow.

        Returns:
            How much filled; 0 for nothing.
        """
        request = order.request
        quantity = request.quantity - order.filled_quantity
        wanted = quantity
        if request.reduce_only:
            wanted = self._reducible(order, quantity)
            if not wanted:
                return 0.0
        if self._simple and wanted == quantity:
            return self._trade(order, quantity, met, met.price, 0.0, None, path)
        quantity = wanted
        left = None
        if self._budgets is not None:
            left = self._left_of(request.asset)
            lot = self._assets[request.asset].lot_size
            quantity = within_volume(order.request, quantity, left, lot)
        priced = self._priced(met, request, quantity) if quantity else None
        if priced is None:
            self._carry_over(order, wants_volume=wanted > quantity)
            return 0.0
        traded = self._trade(order, quantity, met, priced.price, priced.impact, left, path)
        if traded:
            self._use_up(request.asset, traded, left)
            if request.reduce_only and traded >= wanted:
                self._end(self._book[order.id], "the rest is more than is held")
        return traded

    def _trade(  # noqa: PLR0913, PLR0917 - what a fill records
        self,
        order: Order,
        quantity: float,
        met: Match,
        price: float,
        impact: float,
        left: float | None,
        path: str,
    ) -> float:
        """Fill up to ``quantity`` at ``price`` as far as the account allows, and say how much."""
        request, ledger, now = order.request, self.ledger, self._now
        asset = request.asset
        terms, before = self._assets[asset], ledger.position(asset)
        # Called by the name of an attribute, what is no method takes twice as long to find.
        fee_of, review, complete = self._fee, self._review, self._complete
        fee = fee_of(quantity, price, terms.multiplier, order)
        change = quantity if request.side is _BUY else -quantity
        trade = _made(Trade, (change, price, terms, before.quantity, fee, self._commission, order))
        verdict = review(trade, ledger.cash, self._exposure_now)
        if verdict is not None:
            # All or nothing: a part that the account allows is not asked for.
            quantity = 0.0 if request.time_in_force is TimeInForce.FOK else verdict.quantity
            if quantity <= 0:
                self._end(order, verdict.reason)
                return 0.0
            fee = trade.fee_of(quantity)
            change = quantity if request.side is _BUY else -quantity
        if left is not None:
            left -= quantity
        record = _made(
            FillRecord,
            (order, quantity, price, now, fee, met.rule, met.price, impact, left, path),
        )
        if not (0 < quantity < math.inf and 0 < price < math.inf and -math.inf < fee < math.inf):
            # What cannot be booked says so, and nothing is booked.
            record.fill(len(self.records) + 1)
        after = ledger.trade(before, change, price, fee)
        self.records.append(record)
        if self._exposure is not None:
            self._exposure.after(before, after, price, fee)
        whole = quantity == request.quantity and order.status is _ACCEPTED
        if not (whole and complete(record)):
            self._advance(order.after_fill(quantity, price, now, fee), record)
            if verdict is not None:
                self._end(self._book[order.id], verdict.reason)
        return quantity

    def _advance(self, order: Order, record: FillRecord) -> None:
        """Set the new state of an order after a fill, of which perhaps more is to fill."""
        if order.status is _PARTIALLY_FILLED and self._stays_triggered(order.request):
            order = attrs.evolve(order, triggered=True)
        put = self._put
        put(order, record)

    def _end(self, order: Order, reason: str) -> None:
        """End what is left of an order that the account has no room for."""
        # What was trimmed by no more than rounding has filled after all.
        if order.is_open:
            end = OrderStatus.CANCELLED if order.filled_quantity else OrderStatus.REJECTED
            self._put(order.to(end, self._now, reason))

    def _use_up(self, asset: str, quantity: float, left: float | None) -> None:
        """Remember what a fill took of its bar."""
        if left is not None and not isinstance(self._budgets, ForEachOrder):
            self._left[asset] = left - quantity
        if not self._free:
            self._done[asset] = self._done.get(asset, 0.0) + quantity

    def _reducible(self, order: Order, quantity: float) -> float:
        """How much of ``quantity`` makes the position smaller; ends the order where none does."""
        held = self.ledger.position(order.request.asset).quantity
        room = -held if order.request.side is _BUY else held
        if room > 0:
            return min(quantity, room)
        reason = "nothing is left to reduce"
        self._put(order.to(OrderStatus.CANCELLED, self._now, reason))
        return 0.0

    def _left_of(self, asset: str) -> float:
        left = self._left.get(asset)
        if left is None:
            assert self._budgets is not None  # noqa: S101 - asked only where volume is limited
            left = self._left[asset] = self._budgets.budget(self._bars()[asset].volume)
        return left

    def _priced(self, met: Match, request: OrderRequest, quantity: float) -> Priced | None:
        if self._free:
            return _made(Priced, (met.price, 0.0))
        done = self._done.get(request.asset, 0.0)
        return self._pricing.of(met, request, quantity, self._bars(), done)

    def _carry_over(self, order: Order, *, wants_volume: bool) -> None:
        """An order that met the market without volume is a market or limit order from now on."""
        if wants_volume and self._stays_triggered(order.request) and not order.triggered:
            self._put(attrs.evolve(order, triggered=True, updated_at=self._now))

    def _stays_triggered(self, request: OrderRequest) -> bool:
        """Whether what is left of an order that met the market no longer waits for its trigger."""
        kind = request.order_type
        return kind in _WITH_LIMIT or (kind in _WITH_STOP and self._stay_triggered)

    def _exposure_now(self) -> Exposure:
        if self._exposure is None:
            bars = self._bars()
            mark = bars.mark if self._at_close else bars.previous_mark
            self._exposure = Exposure(self.ledger.cash, self.ledger.positions, mark)
        return self._exposure
