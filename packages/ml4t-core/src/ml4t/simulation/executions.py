"""Turns matches into fills: quantity, price, fee, account, book."""

from collections.abc import Callable, Mapping
from datetime import datetime

import attrs

from ml4t.core.assets import Asset
from ml4t.core.fills import Fill
from ml4t.core.ledger import Ledger
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.panel import MarketSlice
from ml4t.core.sizing import whole_lots
from ml4t.simulation.accounts import Trade, Verdict
from ml4t.simulation.exposure import Exposure
from ml4t.simulation.market import MarketAssumptions
from ml4t.simulation.matching import Match
from ml4t.simulation.participation import Unlimited
from ml4t.simulation.pricing import Priced, Pricing

__all__ = ["Executions"]

# A named tuple's own constructor is Python code.
_made = tuple.__new__

_WITH_LIMIT = frozenset({OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED})
_WITH_STOP = frozenset({OrderType.STOP, OrderType.TRAILING_STOP, OrderType.MARKET_IF_TOUCHED})


class Executions:
    """Executes orders against one account.

    Args:
        cash: the money to start with.
        assets: the terms of everything that can be traded, by symbol.
        market: the market assumptions.
        put: sets the new state of an order.
        tell: is told of each fill before its order changes.

    Attributes:
        ledger: cash and positions.
        fills: every execution so far.
    """

    __slots__ = (
        "_assets", "_bars", "_budgets", "_commission", "_done", "_exposure", "_fee", "_left",
        "_mark", "_now", "_pricing", "_put", "_review", "_stay_triggered", "_tell", "fills",
        "ledger",
    )  # fmt: skip

    def __init__(
        self,
        cash: float,
        assets: Mapping[str, Asset],
        market: MarketAssumptions,
        put: Callable[[Order], None],
        tell: Callable[[Fill], None],
    ) -> None:
        self._assets = assets
        self._pricing = Pricing(market.slippage, market.impact, market.limit_costs)
        self._stay_triggered = market.partial_stops.stay_triggered
        self._commission = market.commission
        # One look-up instead of two for what every fill asks.
        self._fee = market.commission.fee
        self._review = market.account.review
        limited = not isinstance(market.participation, Unlimited)
        self._budgets = market.participation if limited else None
        self._put = put
        self._tell = tell
        self._bars: MarketSlice
        self._now: datetime
        self._mark: Callable[[str], float | None]
        self._exposure: Exposure | None = None
        # Of the current bar, by asset: the units that volume allows yet, and those filled.
        self._left: dict[str, float] = {}
        self._done: dict[str, float] = {}
        self.ledger = Ledger(cash, {a.symbol: a.multiplier for a in assets.values()})
        self.fills: list[Fill] = []

    def begin(self, bars: MarketSlice, now: datetime, mark: Callable[[str], float | None]) -> None:
        """Start with the bars complete at ``now``, and the marks that margin is reviewed at."""
        self._bars, self._now, self._mark = bars, now, mark
        self._exposure = None
        if self._left:
            self._left = {}
        if self._done:
            self._done = {}

    def execute(self, order: Order, met: Match, path: str = "") -> Order | None:
        """Fill as much of an open order as position, volume and account allow.

        Returns:
            The order after a fill; None where nothing filled.
        """
        request = order.request
        wanted = quantity = request.quantity - order.filled_quantity
        if request.reduce_only:
            wanted = quantity = self._reducible(order, quantity)
            if not quantity:
                return None
        left = None
        if self._budgets is not None:
            left = self._left_of(request.asset)
            quantity = self._within_volume(order, quantity, left)
        priced = self._priced(met, request, quantity) if quantity else None
        if priced is None:
            self._carry_over(order, has_volume=quantity > 0)
            return None
        price, impact = priced
        terms = self._assets[request.asset]
        fee = self._fee(quantity, price, terms.multiplier, order)
        held = self.ledger.position(request.asset).quantity
        change = quantity if request.side is OrderSide.BUY else -quantity
        trade = _made(Trade, (change, price, terms, held, fee, self._commission, order))
        verdict = self._review(trade, self.ledger.cash, self._exposure_now)
        filled = None
        if verdict is None:
            filled = order = self._book(order, quantity, price, fee, met, impact, left, path)
        elif verdict.quantity > 0:
            fee = trade.fee_of(verdict.quantity)
            filled = order = self._book(
                order, verdict.quantity, price, fee, met, impact, left, path
            )
        if order.is_open:
            self._end_rest(order, verdict, all_reduced=quantity == wanted and request.reduce_only)
        return filled

    def _reducible(self, order: Order, quantity: float) -> float:
        """How much of ``quantity`` makes the position smaller; ends the order where none does."""
        held = self.ledger.position(order.request.asset).quantity
        room = -held if order.request.side is OrderSide.BUY else held
        if room > 0:
            return min(quantity, room)
        reason = "nothing is left to reduce"
        self._put(order.to(OrderStatus.CANCELLED, self._now, reason))
        return 0.0

    def _book(  # noqa: PLR0913, PLR0917 - what a fill records
        self,
        order: Order,
        quantity: float,
        price: float,
        fee: float,
        met: Match,
        impact: float,
        left: float | None,
        path: str,
    ) -> Order:
        """Book one fill; gives the order after it."""
        asset = order.request.asset
        if left is not None:
            left = self._left[asset] = left - quantity
        if not self._pricing.is_free:
            self._done[asset] = self._done.get(asset, 0.0) + quantity
        number = str(len(self.fills) + 1)
        fill = Fill.of(
            number, order, quantity, price, self._now, fee, met.rule, met.price, impact, left, path
        )
        before = self.ledger.position(asset)
        after = self.ledger.apply(fill)
        self.fills.append(fill)
        if self._exposure is not None:
            self._exposure.after(before, after, fill)
        self._tell(fill)
        order = order.after_fill(quantity, price, self._now, fee)
        if order.status is OrderStatus.PARTIALLY_FILLED and self._stays_triggered(order.request):
            order = attrs.evolve(order, triggered=True)
        self._put(order)
        return order

    def _end_rest(self, order: Order, verdict: Verdict | None, *, all_reduced: bool) -> None:
        """End what is left of an order where neither account nor position has room for it."""
        if verdict is not None:
            # What was trimmed by no more than rounding has filled after all.
            end = OrderStatus.CANCELLED if order.filled_quantity else OrderStatus.REJECTED
            self._put(order.to(end, self._now, verdict.reason))
        elif all_reduced:
            reason = "the rest is more than is held"
            self._put(order.to(OrderStatus.CANCELLED, self._now, reason))

    def _left_of(self, asset: str) -> float:
        left = self._left.get(asset)
        if left is None:
            assert self._budgets is not None  # noqa: S101 - asked only where volume is limited
            left = self._left[asset] = self._budgets.budget(self._bars[asset].volume)
        return left

    def _within_volume(self, order: Order, quantity: float, left: float) -> float:
        """How much of ``quantity`` the volume left in the bar allows, in whole lots."""
        if quantity <= left:
            return quantity
        if order.request.time_in_force is TimeInForce.FOK:
            return 0.0
        lot = self._assets[order.request.asset].lot_size
        whole = lot or (1.0 if quantity == int(quantity) else 0.0)
        return whole_lots(max(left, 0.0), whole)

    def _priced(self, met: Match, request: OrderRequest, quantity: float) -> Priced | None:
        if self._pricing.is_free:
            return _made(Priced, (met.price, 0.0))
        done = self._done.get(request.asset, 0.0)
        return self._pricing.of(met, request, quantity, self._bars, done)

    def _carry_over(self, order: Order, *, has_volume: bool) -> None:
        """An order that met the market without volume is a market or limit order from now on."""
        if has_volume:
            return
        if self._stays_triggered(order.request) and not order.triggered:
            self._put(attrs.evolve(order, triggered=True, updated_at=self._now))

    def _stays_triggered(self, request: OrderRequest) -> bool:
        """Whether what is left of an order that met the market no longer waits for its trigger."""
        kind = request.order_type
        return kind in _WITH_LIMIT or (kind in _WITH_STOP and self._stay_triggered)

    def _exposure_now(self) -> Exposure:
        if self._exposure is None:
            self._exposure = Exposure(self.ledger.cash, self.ledger.positions, self._mark)
        return self._exposure
