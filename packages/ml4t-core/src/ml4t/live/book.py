"""The state of a live account as the journal tells it: one function from events to state."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType

import attrs

from ml4t.core.assets import Asset
from ml4t.core.fills import Fill
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
from ml4t.live.live_ledger import LiveLedger

__all__ = ["LiveBook", "replayed", "with_numbers_of"]

_S = OrderStatus
_UNSEEN = frozenset({_S.NEW, _S.PENDING, _S.UNKNOWN, _S.REJECTED})
_FRESH = frozenset({_S.NEW, _S.PENDING, _S.HELD, _S.ACCEPTED})
_ENDED = frozenset({_S.FILLED, _S.CANCELLED, _S.REJECTED, _S.EXPIRED})
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
        covered: the ids of those for which a stand-in was booked before they were reported.
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
    """

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.open: dict[str, Order] = {}
        self.fills: dict[str, Fill] = {}
        self.busted: set[str] = set()
        self.covered: set[str] = set()
        self.ledger: LiveLedger | None = None
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
        # Totals that the venue named, and ends that wait for the executions behind them.
        self._reported: dict[str, float] = {}
        self._reports: dict[str, Order] = {}
        self._ending: dict[str, Order] = {}
        self._fills_of: dict[str, list[Fill]] = {}
        self._gaps: dict[str, float] = {}
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

    def after_report(self, report: Order) -> Order | None:
        """The order as a venue's report leaves it; None if it tells nothing new.

        Reports may come twice and in any order: an order that has ended stays ended, and one that
        has filled in part does not become fresh again.
        """
        known = self.orders[report.id]
        request = with_numbers_of(report.request, known.request)
        merged = attrs.evolve(report, request=request)
        if report.filled_quantity > self._reported.get(report.id, 0.0) + _TOLERANCE:
            return merged
        if known.status in _ENDED or report.id in self._ending:
            return None
        if request != known.request or report.id in self.replacing:
            is_legal = report.status in LEGAL_TRANSITIONS[known.status]
            return merged if is_legal else attrs.evolve(merged, status=known.status)
        is_news = report.status is not known.status or report.trail_stop != known.trail_stop
        if known.status is _S.PARTIALLY_FILLED and report.status in _FRESH:
            is_news = False
        return merged if is_news and report.status in LEGAL_TRANSITIONS[known.status] else None

    def missing_quantity(self, order_id: str) -> float:
        """How much the venue says has filled beyond the executions that are booked."""
        order = self.orders[order_id]
        return max(self._reported.get(order_id, 0.0) - order.filled_quantity, 0.0)

    def gap_price(self, order_id: str) -> float | None:
        """The price of what is missing, by the averages; None where the venue named none."""
        order, report = self.orders[order_id], self._reports.get(order_id)
        missing = self.missing_quantity(order_id)
        if report is None or report.average_fill_price is None or not missing:
            return None
        value = report.average_fill_price * report.filled_quantity
        booked = (order.average_fill_price or 0.0) * order.filled_quantity
        price = (value - booked) / missing
        return price if price > 0 else report.average_fill_price

    def reported_at(self, order_id: str) -> datetime:
        """When the venue said how much had filled."""
        report, order = self._reports[order_id], self.orders[order_id]
        instant = report.updated_at or order.updated_at or self.since
        assert instant is not None  # noqa: S101 - an account trades after it was opened
        return instant

    @property
    def behind(self) -> list[str]:
        """The orders of which executions are missing."""
        return [
            order_id
            for order_id, total in self._reported.items()
            if total > self.orders[order_id].filled_quantity * (1 + _TOLERANCE) + _TOLERANCE
        ]

    def knows_fill(self, fill_id: str) -> bool:
        """Whether an execution has been taken in before, whatever became of it."""
        return fill_id in self.fills or fill_id in self.busted or fill_id in self.covered

    def is_covered_by_gap(self, fill: Fill) -> bool:
        """Whether a stand-in was booked for it when only its order's total was known."""
        return fill.quantity <= self._gaps.get(fill.order_id, 0.0) * (1 + _TOLERANCE)

    def fills_of(self, order_id: str) -> tuple[Fill, ...]:
        """The executions of one order that count, in the order of booking."""
        return tuple(self._fills_of.get(order_id, ()))

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
            self.ledger.learn(event.asset)

    def _adopt(self, event: BalanceAdopted) -> None:
        terms = {asset.symbol: asset.multiplier for asset in self.assets.values()}
        self.ledger = LiveLedger(event.cash, event.positions, terms)
        self.since = event.since

    def _intend(self, event: IntentRecorded) -> None:
        for order in event.orders:
            self._put(order)

    def _request_replacement(self, event: ReplaceRequested) -> None:
        self.replacing[event.order_id] = event.request

    def _change(self, event: OrderChanged) -> None:
        report = event.order
        known = self.orders[report.id]
        total = max(self._reported.get(report.id, 0.0), report.filled_quantity)
        if total:
            self._reported[report.id] = total
        if report.filled_quantity == total:
            self._reports[report.id] = report
        if report.status in _ENDED and total > known.filled_quantity + _TOLERANCE:
            # Ended, but what it filled has not all been seen: it counts as working until it has.
            self._ending[report.id] = report
            return
        self._put(self._as_reported(known, report))

    def _as_reported(self, known: Order, report: Order) -> Order:
        status = report.status
        if status is not known.status and status not in LEGAL_TRANSITIONS[known.status]:
            status = known.status
        if known.filled_quantity and status is _S.ACCEPTED:
            status = _S.PARTIALLY_FILLED
        if status not in _UNSEEN:
            self.acknowledged.add(report.id)
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
        if event.evidence == "covered":
            self._cover(fill)
            return
        self.fills[fill.id] = fill
        self._fills_of.setdefault(fill.order_id, []).append(fill)
        if event.evidence == "gap":
            self._gaps[fill.order_id] = self._gaps.get(fill.order_id, 0.0) + fill.quantity
        self._opened.apply(fill)
        self._total(fill.order_id, fill.timestamp)

    def _cover(self, fill: Fill) -> None:
        """Take note of an execution whose stand-in is booked already; its fee is new."""
        self._gaps[fill.order_id] = max(self._gaps[fill.order_id] - fill.quantity, 0.0)
        self.covered.add(fill.id)
        self._opened.charge(fill.fee)

    def _bust(self, event: FillBusted) -> None:
        fill = self.fills.pop(event.fill_id)
        self.busted.add(event.fill_id)
        self._fills_of[fill.order_id].remove(fill)
        reversal = attrs.evolve(fill, id=f"bust:{fill.id}", side=fill.side.opposite, fee=-fill.fee)
        self._opened.apply(reversal)
        self._reported.pop(fill.order_id, None)
        self._total(fill.order_id, fill.timestamp)

    def _fee(self, event: FeeBooked) -> None:
        fill = self.fills[event.fill_id]
        self._opened.charge(event.fee - fill.fee)
        paid = attrs.evolve(fill, fee=event.fee)
        self.fills[fill.id] = paid
        same = self._fills_of[fill.order_id]
        same[same.index(fill)] = paid
        self._total(fill.order_id, fill.timestamp)

    def _total(self, order_id: str, at: datetime) -> None:
        """Set an order's totals to those of its executions, and its status to what they imply."""
        order, fills = self.orders[order_id], self._fills_of[order_id]
        filled = sum(fill.quantity for fill in fills)
        value = sum(fill.quantity * fill.price for fill in fills)
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
            average_fill_price=value / filled if filled else None,
            fees=sum(fill.fee for fill in fills),
        )
        self._put(order)
        ending = self._ending.get(order_id)
        if ending is not None and filled >= self._reported[order_id] - _TOLERANCE:
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
        if known is not None and known.latched and not event.latched:
            return
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
    def _opened(self) -> LiveLedger:
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


def replayed(events: Iterable[JournalEvent]) -> LiveBook:
    """The state that a journal's events lead to."""
    book = LiveBook()
    for event in events:
        book.apply(event)
    return book
