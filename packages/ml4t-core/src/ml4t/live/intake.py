"""What a venue reports, taken into the account: once, in any order, and never invented."""

import math
from collections.abc import Callable, Iterable

import attrs

from ml4t.core.fills import Fill
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import TradingState
from ml4t.core.venue_events import (
    AccountRestriction,
    CashFlow,
    ConnectionChange,
    FeeReport,
    FillBust,
    TradingHalt,
    VenueEvent,
)
from ml4t.live.account import LiveAccount
from ml4t.live.events import (
    CashFlowBooked,
    FeeBooked,
    FillBooked,
    FillBusted,
    JournalEvent,
    OrderChanged,
)
from ml4t.live.failpoints import failpoint
from ml4t.live.journal import Origin
from ml4t.live.stand_ins import stand_in_for

__all__ = ["Intake"]

_TOLERANCE = 1e-9
_QUERIES = frozenset({"query", "snapshot"})


class Intake:
    """Takes in what a venue reports.

    Args:
        account: what the reports change.
        origin_of: whose order an id belongs to.
        on_connection: told when the session is lost or back.

    Attributes:
        foreign: the open orders of other programs and of people, by id, as last reported.
        unknown_fills: executions of such orders: they changed the account without us.
        on_halt: told when an asset is halted or trades again.
        risen: the ids of our orders that had ended and that the venue, when asked, says work.
    """

    def __init__(
        self,
        account: LiveAccount,
        origin_of: Callable[[str], Origin],
        on_connection: Callable[[ConnectionChange], None],
    ) -> None:
        self.foreign: dict[str, Order] = {}
        self.unknown_fills: dict[str, Fill] = {}
        self.risen: set[str] = set()
        self.on_halt: Callable[[TradingHalt], None] = _ignore
        self._account = account
        self._origin_of = origin_of
        self._on_connection = on_connection
        # What came before the execution that it is about.
        self._early_fees: dict[str, float] = {}
        self._early_busts: dict[str, str] = {}

    def take(self, event: VenueEvent, evidence: str = "event") -> None:
        """Take in one report, however often it comes."""
        match event:
            case Order():
                self._take_order(event, evidence)
            case Fill():
                self._take_fill(event, evidence)
            case ConnectionChange():
                self._on_connection(event)
            case _:
                self._take_other(event, evidence)

    def take_all(self, events: Iterable[VenueEvent], evidence: str) -> None:
        """Take in several reports."""
        for event in events:
            self.take(event, evidence)

    def fill_gap(self, order_id: str) -> None:
        """Book a stand-in for executions that only an order's total tells of.

        Its price is that which leaves the average that the venue names.
        """
        fill = stand_in_for(self._account.book, order_id)
        if fill is None:
            return
        self._account.alert(
            "fills", f"{fill.quantity:g} of order {order_id} filled without a report of it"
        )
        self._record(FillBooked(fill=fill, evidence="gap"))

    def _take_other(
        self,
        event: FillBust | FeeReport | CashFlow | AccountRestriction | TradingHalt,
        evidence: str,
    ) -> None:
        match event:
            case TradingHalt():
                self._take_halt(event)
            case FillBust():
                self._take_bust(event)
            case FeeReport():
                self._take_fee(event)
            case CashFlow():
                if event.id not in self._account.book.flow_ids:
                    self._record(CashFlowBooked(flow=event, evidence=evidence))
            case AccountRestriction(reason=reason):
                self._account.restrict("account", TradingState.HALTED, reason, latched=True)

    # Orders

    def _take_order(self, order: Order, evidence: str) -> None:
        book = self._account.book
        if order.id not in book.orders:
            self._take_foreign(order)
            return
        if not 0 <= order.filled_quantity < math.inf:
            what = f"order {order.id} is reported to have filled {order.filled_quantity}"
            self._account.alert("venue", what)
            return
        order = _without_nonsense(order)
        if order.status is OrderStatus.REJECTED and _has_filled(order, book.orders[order.id]):
            # A venue that refuses the rest of an order has cancelled it: what filled stays.
            order = attrs.evolve(order, status=OrderStatus.CANCELLED)
        if evidence in _QUERIES:
            self._compare_end(order)
        changed = book.after_report(order, is_answer=evidence in _QUERIES)
        if changed is not None:
            self._record(OrderChanged(order=changed, evidence=evidence))
            failpoint("order.changed")

    def _compare_end(self, order: Order) -> None:
        """Keep track of orders that work at the venue although they had ended."""
        if order.is_open and not self._account.book.orders[order.id].is_open:
            self.risen.add(order.id)
        else:
            self.risen.discard(order.id)

    def _take_foreign(self, order: Order) -> None:
        is_new = order.id not in self.foreign
        if order.is_open:
            self.foreign[order.id] = order
        else:
            self.foreign.pop(order.id, None)
        self._account.risk.set_order(order, is_foreign=True)
        if is_new and order.is_open:
            self._judge_foreign(order)

    def _judge_foreign(self, order: Order) -> None:
        what = f"{order.side.name} {order.quantity:g} {order.asset}, id {order.id}"
        if self._origin_of(order.id) is Origin.FOREIGN:
            self._account.alert("foreign order", f"an order of somebody else works: {what}")
            return
        reason = f"an order that looks like ours is not in the journal: {what}"
        self._account.restrict("other engine", TradingState.HALTED, reason, latched=True)

    def forget_foreign(self, still_open: Iterable[str]) -> None:
        """Drop the foreign orders that a complete list of open orders does not hold any more."""
        keep = set(still_open)
        self.risen &= keep
        for order_id in [known for known in self.foreign if known not in keep]:
            gone = attrs.evolve(self.foreign.pop(order_id), status=OrderStatus.CANCELLED)
            self._account.risk.set_order(gone, is_foreign=True)

    # Executions

    def _take_fill(self, fill: Fill, evidence: str) -> None:
        book = self._account.book
        if book.knows_fill(fill.id):
            self._compare_fee(fill, evidence)
            return
        if fill.order_id not in book.orders:
            if book.since is None or fill.timestamp >= book.since:
                self._take_unknown_fill(fill)
            return
        fee = self._early_fees.pop(fill.id, None)
        if fee is not None:
            fill = attrs.evolve(fill, fee=fee)
        is_covered = book.totals.covers(fill)
        self._record(FillBooked(fill=fill, evidence="covered" if is_covered else evidence))
        failpoint("fill.booked")
        if (reason := self._early_busts.pop(fill.id, None)) is not None:
            self._record(FillBusted(fill_id=fill.id, reason=reason))
            return
        order = book.orders[fill.order_id]
        if order.filled_quantity > order.quantity * (1 + _TOLERANCE):
            reason = (
                f"order {order.id} asked for {order.quantity:g} {order.asset} and "
                f"{order.filled_quantity:g} filled"
            )
            self._account.restrict("overfill", TradingState.HALTED, reason, latched=True)

    def _compare_fee(self, fill: Fill, evidence: str) -> None:
        """Take a fee that was reported when nobody listened."""
        known = self._account.book.fills.get(fill.id)
        if known is not None and evidence in _QUERIES and fill.fee and fill.fee != known.fee:
            self._record(FeeBooked(fill_id=fill.id, fee=fill.fee))

    def _take_unknown_fill(self, fill: Fill) -> None:
        if fill.id in self.unknown_fills:
            return
        self.unknown_fills[fill.id] = fill
        self._account.alert(
            "foreign fill",
            f"{fill.side.name} {fill.quantity:g} {fill.asset} at {fill.price:g} filled, but order "
            f"{fill.order_id} is not ours",
        )

    def _take_bust(self, bust: FillBust) -> None:
        book = self._account.book
        if bust.fill_id in book.fills:
            self._record(FillBusted(fill_id=bust.fill_id, reason=bust.reason))
            self._account.alert("bust", f"execution {bust.fill_id} was taken back: {bust.reason}")
        elif not book.knows_fill(bust.fill_id):
            self._early_busts[bust.fill_id] = bust.reason

    def _take_fee(self, report: FeeReport) -> None:
        fill = self._account.book.fills.get(report.fill_id)
        if fill is None:
            if not self._account.book.knows_fill(report.fill_id):
                self._early_fees[report.fill_id] = report.fee
        elif fill.fee != report.fee:
            self._record(FeeBooked(fill_id=report.fill_id, fee=report.fee))

    def _take_halt(self, halt: TradingHalt) -> None:
        reason = (halt.reason or "halted by the venue") if halt.is_halted else ""
        self._account.risk.halt(halt.asset, reason)
        self._account.alert("halt", f"{halt.asset}: {reason or 'trades again'}")
        self.on_halt(halt)

    def _record(self, event: JournalEvent) -> None:
        self._account.record(event)


def _ignore(halt: TradingHalt) -> None:
    """Nobody asked."""


def _has_filled(report: Order, known: Order) -> bool:
    return bool(report.filled_quantity or known.filled_quantity)


def _without_nonsense(report: Order) -> Order:
    """The report without numbers that are none: they would keep it out of the journal."""
    average = report.average_fill_price
    return attrs.evolve(
        report,
        average_fill_price=average if average is not None and 0 < average < math.inf else None,
        fees=report.fees if math.isfinite(report.fees) else 0.0,
    )
