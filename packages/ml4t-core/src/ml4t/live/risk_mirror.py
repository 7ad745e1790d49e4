"""Keeps the facts that the risk rules look at in step with the state of the account."""

from collections.abc import Callable

from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import RiskBook
from ml4t.live.book import LiveBook
from ml4t.live.clock import Clock
from ml4t.live.events import (
    AssetListed,
    BalanceAdopted,
    CashFlowBooked,
    CauseCleared,
    CauseRaised,
    FillBooked,
    FillBusted,
    IntentRecorded,
    JournalEvent,
    OrderChanged,
    Rearmed,
    ReplaceRequested,
    SessionBegan,
)

__all__ = ["RiskMirror"]


class RiskMirror:
    """Shows the risk book each change that the live book has just taken in.

    Args:
        book: the state.
        risk: the facts for the rules.
        clock: when it happened.
    """

    def __init__(self, book: LiveBook, risk: RiskBook, clock: Clock) -> None:
        self._book = book
        self._risk = risk
        self._clock = clock
        self._handlers: dict[type[JournalEvent], Callable[..., None]] = {
            IntentRecorded: self._intend,
            OrderChanged: self._change,
            ReplaceRequested: self._replace,
            FillBooked: self._fill,
            FillBusted: self._everything,
            BalanceAdopted: self._everything,
            CashFlowBooked: self._flow,
            SessionBegan: self._begin_session,
            CauseRaised: self._restrict,
            CauseCleared: self._restrict,
            Rearmed: self._restrict,
            AssetListed: self._list,
        }

    def show(self, event: JournalEvent) -> None:
        """Show one event that the book has taken in."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def show_everything(self) -> None:
        """Show the whole state, after a journal was read."""
        book, risk = self._book, self._risk
        risk.state = book.state
        for asset in book.assets.values():
            risk.set_asset(asset)
        for order in book.open.values():
            self._set_order(order)
        held = set(book.ledger.positions) if book.ledger is not None else set()
        known = {facts.symbol for facts in risk}
        for symbol in sorted(held | known | {order.asset for order in book.orders.values()}):
            risk.set_position(symbol, book.held(symbol))
        if book.high_water is not None:
            risk.set_high_water(book.high_water)
        if book.session_equity is not None:
            risk.start_session(book.session_equity + book.flows)

    def _intend(self, event: IntentRecorded) -> None:
        for order in event.orders:
            self._set_order(order)

    def _change(self, event: OrderChanged) -> None:
        order = self._book.orders[event.order.id]
        self._set_order(order)
        facts, held = self._risk.facts(order.asset), self._book.held(order.asset)
        if facts is not None and facts.quantity != held:
            # An answer has taken back a total that a stand-in was booked for.
            self._risk.set_position(order.asset, held)
        if event.order.status is OrderStatus.REJECTED:
            self._risk.note_reject(self._clock.monotonic())

    def _replace(self, event: ReplaceRequested) -> None:
        self._set_order(self._book.orders[event.order_id])

    def _fill(self, event: FillBooked) -> None:
        fill = event.fill
        now, assets = self._clock.monotonic(), self._book.assets
        multiplier = assets[fill.asset].multiplier if fill.asset in assets else 1.0
        self._set_order(self._book.orders[fill.order_id])
        self._risk.set_position(fill.asset, self._book.held(fill.asset), at=now)
        if event.evidence == "covered":
            return
        spent = fill.signed_quantity * fill.price * multiplier + fill.fee
        self._risk.note_fill(fill.asset, fill.side, now, value=spent)

    def _everything(self, event: JournalEvent) -> None:  # noqa: ARG002 - which one is all the same
        self.show_everything()

    def _flow(self, event: CashFlowBooked) -> None:
        # The equity that was set last leaves out what was not booked.
        self._risk.note_flow(event.flow.amount, is_counted=False)

    def _begin_session(self, event: SessionBegan) -> None:
        self._risk.start_session(event.equity)

    def _restrict(self, event: JournalEvent) -> None:  # noqa: ARG002 - the book has the sum
        self._risk.state = self._book.state

    def _list(self, event: AssetListed) -> None:
        self._risk.set_asset(event.asset)

    def _set_order(self, order: Order) -> None:
        self._risk.set_order(order, replacing=self._book.replacing.get(order.id))
