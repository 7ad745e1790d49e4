"""The risk limits of live trading, in front of the simulated venue."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

import attrs

from ml4t.core.assets import Asset
from ml4t.core.calendar import Session
from ml4t.core.ledger import Ledger
from ml4t.core.order_requests import OrderRequest, OrderSide
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice
from ml4t.core.risk import (
    LiveRiskConfig,
    Moment,
    Placement,
    Quote,
    Refused,
    RiskBook,
    Verdict,
    review,
    review_replace,
)
from ml4t.simulation.lifetimes import Lifetimes

__all__ = ["OrderRisk"]

_DAY = timedelta(days=1)


class OrderRisk:
    """Reviews each order of a backtest as live trading would, with the bars' time as the clock.

    The market assumptions have their own answer to three questions, which are not asked twice: what
    the account can pay for, in which hours orders are taken, and what is lent. Limits that are not
    set are not checked.

    Args:
        config: the limits.
        assets: the terms of everything that is listed.
        lifetimes: knows the orders and the sessions.
        ledger: cash and positions.
        equity: what the account is worth now.
    """

    __slots__ = (
        "_approved",
        "_book",
        "_entered",
        "_equity",
        "_held",
        "_instant",
        "_ledger",
        "_lifetimes",
        "_open",
        "_session",
    )

    def __init__(
        self,
        config: LiveRiskConfig,
        assets: Mapping[str, Asset],
        lifetimes: Lifetimes,
        ledger: Ledger,
        equity: Callable[[], float],
    ) -> None:
        own = attrs.evolve(
            config,
            check_buying_power=False,
            regular_hours_only=False,
            moc_cutoff_seconds=0.0,
            moo_cutoff_seconds=0.0,
            market_as_limit=False,
        )
        self._book = RiskBook(own)
        for asset in assets.values():
            self._book.set_asset(asset)
            self._book.set_shortable(asset.symbol, is_shortable=True)
        self._lifetimes = lifetimes
        self._ledger = ledger
        self._equity = equity
        self._instant: datetime | None = None
        self._session: date | None = None
        self._held: dict[str, float] = {}
        self._open: dict[str, Order] = {}
        # Orders that were taken note of, and requests that were approved and may yet become some.
        self._entered = 0
        self._approved: list[OrderRequest] = []

    def objection(
        self,
        request: OrderRequest,
        now: datetime | None,
        bars: MarketSlice | None,
        replaced: Order | None = None,
    ) -> str | None:
        """Why the limits refuse ``request``, in words; None where they do not.

        Args:
            request: what was asked.
            now: the instant; None before the first bar.
            bars: the bars known at that instant.
            replaced: the working order that it would change; None for a new one.
        """
        if now is None or bars is None:
            return "risk: no price is known before the first bar"
        self._follow(now, bars)
        self._follow_price(request.asset, now, bars)
        verdict = self._judge(request, now, replaced)
        if isinstance(verdict, Refused):
            return f"risk: {verdict.reason}"
        if replaced is None:
            self._approved.append(request)
        else:
            self._book.note_sent(request, now.timestamp(), is_replacement=True)
        return None

    def _judge(self, request: OrderRequest, now: datetime, replaced: Order | None) -> Verdict:
        # The market assumptions answer for hours: as far as the limits go, it is always open.
        session = Session(label=now.date(), opens=now - _DAY, closes=now + _DAY)
        moment = Moment(monotonic=now.timestamp(), instant=now, session=session, is_regular=True)
        if replaced is not None:
            return review_replace(replaced, request, self._book, moment)
        placement = Placement(
            is_child=self._is_child(request),
            orders_ahead=len(self._approved),
            orders_ahead_of_side=sum(r.side is request.side for r in self._approved),
        )
        return review(request, self._book, moment, placement=placement)

    def _is_child(self, request: OrderRequest) -> bool:
        """Whether it closes what an order of the same call opens, which comes right before it."""
        parent = self._approved[0] if self._approved else None
        return (
            parent is not None
            and request.reduce_only
            and not parent.reduce_only
            and parent.asset == request.asset
            and parent.side is not request.side
            and request.quantity <= parent.quantity
        )

    def _follow(self, now: datetime, bars: MarketSlice) -> None:
        """Bring the facts up to date with the account."""
        at = now.timestamp()
        self._follow_orders(at)
        self._follow_positions(at)
        if now is self._instant:
            return
        self._instant = now
        for asset in self._ledger.positions:
            self._follow_price(asset, now, bars)
        equity = self._equity()
        session = self._lifetimes.session(now)
        if session != self._session:
            self._session = session
            self._book.start_session(equity - self._gain(bars))
        self._book.set_account(self._ledger.cash, equity, at)

    def _gain(self, bars: MarketSlice) -> float:
        """What the positions have gained with the latest bars."""
        gain = 0.0
        for position in self._ledger.positions.values():
            mark, before = bars.mark(position.asset), bars.previous_mark(position.asset)
            if mark is not None and before is not None:
                gain += position.quantity * (mark - before) * position.multiplier
        return gain

    def _follow_price(self, asset: str, now: datetime, bars: MarketSlice) -> None:
        mark = bars.mark(asset)
        if mark is not None and asset in bars:
            self._book.set_quote(asset, Quote(price=mark, at=now.timestamp()))

    def _follow_positions(self, at: float) -> None:
        held = {asset: p.quantity for asset, p in self._ledger.positions.items()}
        for asset in {**self._held, **held}:
            change = held.get(asset, 0.0) - self._held.get(asset, 0.0)
            if change:
                self._book.set_position(asset, held.get(asset, 0.0), at=at)
                side = OrderSide.BUY if change > 0 else OrderSide.SELL
                self._book.note_fill(asset, side, at)
        self._held = held

    def _follow_orders(self, at: float) -> None:
        orders, known = self._lifetimes.book.orders, self._open
        for order_id, old in tuple(known.items()):
            order = orders[order_id]
            if order is not old:
                self._put(order)
        if len(orders) == self._entered:
            return
        for number in range(self._entered + 1, len(orders) + 1):
            order = orders[str(number)]
            sent = any(request is order.request for request in self._approved)
            if sent and not order.reason:
                submitted = order.submitted_at
                self._book.note_sent(
                    order.request, at if submitted is None else submitted.timestamp()
                )
            self._put(order)
        self._entered = len(orders)
        self._approved.clear()

    def _put(self, order: Order) -> None:
        self._book.set_order(order)
        if order.is_open:
            self._open[order.id] = order
        else:
            self._open.pop(order.id, None)
