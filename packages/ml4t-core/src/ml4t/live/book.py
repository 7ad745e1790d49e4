"""The state of a live account as the journal tells it: one function from events to state."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType

import attrs

from ml4t.core.assets import Asset
from ml4t.core.fills import Fill
from ml4t.core.ledger import Ledger
from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import LEGAL_TRANSITIONS, Order, OrderStatus
from ml4t.core.risk import TradingState
from ml4t.live.events import (
    AssetListed,
    BalanceAdopted,
    CashFlowBooked,
    CauseCleared,
    CauseRaised,
    EngineStarted,
    EngineStopped,
    FeeBooked,
    FillBooked,
    FillBusted,
    HighWaterMark,
    IntentRecorded,
    JournalEvent,
    OrderChanged,
    Rearmed,
    ReplaceRequested,
    SessionBegan,
)
from ml4t.live.order_totals import OrderTotals

__all__ = ["LiveBook", "replayed", "with_numbers_of"]

_S = OrderStatus
_UNSEEN = frozenset({_S.NEW, _S.PENDING, _S.UNKNOWN, _S.REJECTED})
_FRESH = frozenset({_S.NEW, _S.PENDING, _S.HELD, _S.ACCEPTED})
_ENDED = frozenset({_S.FILLED, _S.CANCELLED, _S.REJECTED, _S.EXPIRED})
_ANSWERS = frozenset({"query", "snapshot"})
_TOLERANCE = 1e-9


class LiveBook:
    """Orders, executions, account and restrictions of a live run.

    It changes through :meth:`apply` alone, while the run goes on and when a journal is read again,
    so that both give the same state.

    Attributes:
        orders: every order ever sent, by id, in the order of sending.
        open: those that may still fill.
        fills: every execution that counts, by id.
        busted: the ids of those that the venue took back.
        ledger: cash and positions; None before a balance was adopted.
        since: executions before this instant are contained in the adopted balance.
        assets: the terms of instruments by symbol.
        causes: what restricts trading, by name.
        flows: money that came without a trade since the session began, less what went.
        session: the trading day that the day's loss counts from; None before the first.
        session_equity: the equity when it began.
        high_water: the greatest equity so far, raised and lowered by money that came or went.
        limits: the risk limits of the latest start, by name.
        config_hash: of the latest start.
        replacing: what open orders may have been changed to, where the venue has not said so yet.
        acknowledged: the ids of orders that the venue has shown to have.
        flow_ids: the money that came or went, by the venue's names for it.
        starts: how often an engine opened the journal.
        totals: what the venue named as filled, and the executions behind it.
    """

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.open: dict[str, Order] = {}
        self.fills: dict[str, Fill] = {}
        self.busted: set[str] = set()
        self.ledger: Ledger | None = None
        self.since: datetime | None = None
        self.assets: dict[str, Asset] = {}
        self.causes: dict[str, CauseRaised] = {}
        self.flow_ids: set[str] = set()
        self.flows = 0.0
        self.session: date | None = None
        self.session_equity: float | None = None
        self.high_water: float | None = None
        self.limits: Mapping[str, str] = MappingProxyType({})
        self.config_hash = ""
        self.starts = 0
        self.replacing: dict[str, OrderRequest] = {}
        self.acknowledged: set[str] = set()
        self.totals = OrderTotals()
        # Ends that wait for the executions behind them.
        self._ending: dict[str, Order] = {}
        self._handlers: dict[type[JournalEvent], Callable[..., None]] = {
            EngineStarted: self._start,
            EngineStopped: self._nothing,
            AssetListed: self._list,
            BalanceAdopted: self._adopt,
            IntentRecorded: self._intend,
            OrderChanged: self._change,
            ReplaceRequested: self._request_replacement,
            FillBooked: self._fill,
            FillBusted: self._bust,
            FeeBooked: self._fee,
            CashFlowBooked: self._flow,
            CauseRaised: self._raise,
            CauseCleared: self._clear,
            Rearmed: self._rearm,
            SessionBegan: self._begin_session,
            HighWaterMark: self._mark,
        }

    @property
    def state(self) -> TradingState:
        """How much trading is allowed: what the worst cause says."""
        worst = TradingState.ACTIVE
        for cause in self.causes.values():
            if cause.state.severity > worst.severity:
                worst = cause.state
        return worst

    def held(self, asset: str) -> float:
        """The position in ``asset`` with sign; 0 when flat."""
        position = self.ledger.positions.get(asset) if self.ledger is not None else None
        return 0.0 if position is None else position.quantity

    def apply(self, event: JournalEvent) -> None:
        """Take in one event."""
        self._handlers.get(type(event), self._nothing)(event)

    # What a report means

    def after_report(self, report: Order, *, is_answer: bool = False) -> Order | None:
        """The order as a venue's report leaves it; None if it tells nothing new.

        Reports may come twice and in any order: an order that has ended stays ended, and one that
        has filled in part does not become fresh again. An answer to a question may take back a
        total that was named before.
        """
        known = self.orders[report.id]
        request = known.request
        if not self.totals.is_late(report):
            request = with_numbers_of(report.request, known.request)
        merged = attrs.evolve(report, request=request)
        if self.totals.is_more(report) or (is_answer and self.totals.is_less(report)):
            return merged
        if known.status in _ENDED or report.id in self._ending:
            return None
        if request != known.request or report.id in self.replacing:
            is_legal = report.status in LEGAL_TRANSITIONS[known.status]
            return merged if is_legal else attrs.evolve(merged, status=known.status)
        is_news = (
            report.status is not known.status
            or report.trail_stop != known.trail_stop
            or (report.triggered and not known.triggered)
        )
        if known.status is _S.PARTIALLY_FILLED and report.status in _FRESH:
            is_news = False
        return merged if is_news and report.status in LEGAL_TRANSITIONS[known.status] else None

    def missing_quantity(self, order_id: str) -> float:
        """How much the venue says has filled beyond the executions that are booked."""
        order = self.orders[order_id]
        return max(self.totals.named(order_id) - order.filled_quantity, 0.0)

    @property
    def behind(self) -> list[str]:
        """The orders of which executions are missing."""
        return [
            order_id
            for order_id in self.totals.orders
            if self.missing_quantity(order_id)
            > self.orders[order_id].filled_quantity * _TOLERANCE + _TOLERANCE
        ]

    def knows_fill(self, fill_id: str) -> bool:
        """Whether an execution has been taken in before, whatever became of it."""
        return fill_id in self.fills or fill_id in self.busted

    # Events

    def _nothing(self, event: JournalEvent) -> None:
        """Some events are there to be read by people."""

    def _start(self, event: EngineStarted) -> None:
        self.starts += 1
        self.limits = event.limits
        self.config_hash = event.config_hash
        # What passes by itself belonged to the run before; what is latched stays.
        self.causes = {name: cause for name, cause in self.causes.items() if cause.latched}

    def _list(self, event: AssetListed) -> None:
        self.assets[event.asset.symbol] = event.asset
        if self.ledger is not None:
            self.ledger.learn(event.asset.symbol, event.asset.multiplier)

    def _adopt(self, event: BalanceAdopted) -> None:
        terms = {asset.symbol: asset.multiplier for asset in self.assets.values()}
        self.ledger = Ledger(event.cash, terms)
        self.ledger.adopt(event.cash, event.positions)
        self.since = event.since

    def _intend(self, event: IntentRecorded) -> None:
        for order in event.orders:
            self._put(order)

    def _request_replacement(self, event: ReplaceRequested) -> None:
        self.replacing[event.order_id] = event.request

    def _change(self, event: OrderChanged) -> None:
        report = event.order
        self.totals.take(report, is_answer=event.evidence in _ANSWERS)
        if report.status not in _UNSEEN:
            self.acknowledged.add(report.id)
        self._shorten_stand_ins(report.id, report.updated_at)
        if report.status in _ENDED and self.missing_quantity(report.id) > _TOLERANCE:
            # Ended, but what it filled has not all been seen: it counts as working until it has.
            self._ending[report.id] = report
            return
        self._put(self._as_reported(self.orders[report.id], report))
        self._end_if_complete(report.id)

    def _as_reported(self, known: Order, report: Order) -> Order:
        status = report.status
        if status is not known.status and status not in LEGAL_TRANSITIONS[known.status]:
            status = known.status
        if known.filled_quantity and status is _S.ACCEPTED:
            status = _S.PARTIALLY_FILLED
        pending = self.replacing.get(report.id)
        if pending is not None and (report.request == pending or report.reason):
            del self.replacing[report.id]
        return attrs.evolve(
            known,
            request=report.request,
            status=status,
            updated_at=report.updated_at or known.updated_at,
            reason=report.reason or known.reason,
            triggered=report.triggered or known.triggered,
            parent=report.parent or known.parent,
            group=report.group or known.group,
            trail_stop=report.trail_stop,
        )

    def _fill(self, event: FillBooked) -> None:
        fill = event.fill
        self.fills[fill.id] = fill
        self.acknowledged.add(fill.order_id)
        self.totals.add(fill, is_stand_in=event.evidence == "gap")
        self._book(fill)
        self._shorten_stand_ins(fill.order_id, fill.timestamp)
        self._total(fill.order_id, fill.timestamp)

    def _book(self, fill: Fill) -> None:
        """Change the account, unless the adopted balance contains the execution already."""
        if self.since is None or fill.timestamp >= self.since:
            self._opened.apply(fill)

    def _shorten_stand_ins(self, order_id: str, at: datetime | None) -> None:
        """Take back of the stand-ins what the executions themselves have taken the place of."""
        changes = self.totals.take_surplus(order_id)
        for old, new in changes:
            del self.fills[old.id]
            taken = old.quantity if new is None else old.quantity - new.quantity
            if new is not None:
                self.fills[new.id] = new
            self._book(attrs.evolve(old, side=old.side.opposite, quantity=taken))
        if changes:
            self._total(order_id, at or changes[0][0].timestamp)

    def _bust(self, event: FillBusted) -> None:
        fill = self.fills.pop(event.fill_id)
        self.busted.add(event.fill_id)
        self.totals.remove(fill)
        reversal = attrs.evolve(fill, id=f"bust:{fill.id}", side=fill.side.opposite, fee=-fill.fee)
        self._opened.apply(reversal)
        self._shorten_stand_ins(fill.order_id, fill.timestamp)
        self._total(fill.order_id, fill.timestamp)

    def _fee(self, event: FeeBooked) -> None:
        fill = self.fills[event.fill_id]
        self._opened.charge(event.fee - fill.fee)
        paid = attrs.evolve(fill, fee=event.fee)
        self.fills[fill.id] = paid
        self.totals.change(fill, paid)
        self._total(fill.order_id, fill.timestamp)

    def _total(self, order_id: str, at: datetime) -> None:
        """Set an order's totals to those of its executions, and its status to what they imply."""
        order, fills = self.orders[order_id], self.totals.booked(order_id)
        filled, average = _mean(fills)
        if abs(filled - order.quantity) <= order.quantity * _TOLERANCE:
            filled = order.quantity
        status = order.status
        if filled >= order.quantity and _S.FILLED in LEGAL_TRANSITIONS[status]:
            status = _S.FILLED
        elif filled and _S.PARTIALLY_FILLED in LEGAL_TRANSITIONS[status]:
            status = _S.PARTIALLY_FILLED
        order = attrs.evolve(
            order,
            status=status,
            updated_at=at,
            filled_quantity=filled,
            average_fill_price=average,
            fees=sum(fill.fee for fill in fills),
        )
        self._put(order)
        self._end_if_complete(order_id)

    def _end_if_complete(self, order_id: str) -> None:
        """End an order that waited for executions, once they are there."""
        order, ending = self.orders[order_id], self._ending.get(order_id)
        if ending is not None and self.missing_quantity(order_id) <= _TOLERANCE:
            del self._ending[order_id]
            self._put(self._as_reported(order, ending))

    def _flow(self, event: CashFlowBooked) -> None:
        flow = event.flow
        self.flow_ids.add(flow.id)
        self._opened.charge(-flow.amount)
        self.flows += flow.amount
        if self.high_water is not None:
            self.high_water += flow.amount

    def _raise(self, event: CauseRaised) -> None:
        known = self.causes.get(event.name)
        if known is not None:
            # Raised again it is never weaker than before.
            worst = max(known.state, event.state, key=lambda state: state.severity)
            event = attrs.evolve(event, state=worst, latched=known.latched or event.latched)
        self.causes[event.name] = event

    def _clear(self, event: CauseCleared) -> None:
        self.causes.pop(event.name, None)

    def _rearm(self, event: Rearmed) -> None:
        for name in event.names:
            self.causes.pop(name, None)

    def _begin_session(self, event: SessionBegan) -> None:
        self.session, self.session_equity, self.flows = event.label, event.equity, 0.0

    def _mark(self, event: HighWaterMark) -> None:
        self.high_water = event.equity

    # Parts

    @property
    def _opened(self) -> Ledger:
        assert self.ledger is not None  # noqa: S101 - nothing trades before a balance is adopted
        return self.ledger

    def _put(self, order: Order) -> None:
        self.orders[order.id] = order
        if order.is_open:
            self.open[order.id] = order
        else:
            self.open.pop(order.id, None)
            self.replacing.pop(order.id, None)


def with_numbers_of(report: OrderRequest, known: OrderRequest) -> OrderRequest:
    """The request as we know it with the quantity and prices that the venue works on."""
    return attrs.evolve(
        known,
        quantity=report.quantity,
        limit_price=report.limit_price,
        stop_price=report.stop_price,
    )


def _mean(fills: Iterable[Fill]) -> tuple[float, float | None]:
    """Quantity and mean price, step by step as an order of the simulated venue reckons them."""
    filled, average = 0.0, None
    for fill in fills:
        filled += fill.quantity
        before = fill.price if average is None else average
        average = before + (fill.price - before) * (fill.quantity / filled)
    return filled, average


def replayed(events: Iterable[JournalEvent]) -> LiveBook:
    """The state that a journal's events lead to."""
    book = LiveBook()
    for event in events:
        book.apply(event)
    return book
