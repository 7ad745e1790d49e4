"""The live account: the one way in which state changes, which goes through the journal."""

import threading
from collections.abc import Callable, Sequence

import attrs

from ml4t.core.errors import JournalError
from ml4t.core.fills import Fill
from ml4t.core.orders import Order
from ml4t.core.risk import RiskBook, TradingState
from ml4t.live.book import LiveBook
from ml4t.live.clock import Clock
from ml4t.live.events import (
    Alert,
    CauseCleared,
    CauseRaised,
    FillBooked,
    FillBusted,
    JournalEvent,
    OrderChanged,
    Rearmed,
)
from ml4t.live.failpoints import failpoint
from ml4t.live.journal import EventLog, JournalWriteError
from ml4t.live.redaction import Redact, without_secrets
from ml4t.live.risk_mirror import RiskMirror
from ml4t.live.secrets import Redactor

__all__ = ["LiveAccount"]

_UNWRITABLE = "journal"


class LiveAccount:
    """Journal, book and risk book of one account, kept in step.

    What happened at the venue is taken in even if the journal cannot be written: it is true anyhow,
    and is written as soon as that is possible. What the runtime intends is not.

    Args:
        journal: where every change is made durable first.
        risk: the facts that the risk rules look at.
        clock: for the times of restrictions.

    Attributes:
        book: the state.
        risk: the facts that the risk rules look at.
        listener: told of every change of an order and every execution, in order; None for nobody.
        alarm: told of everything that a person should know; None for nobody.
        redact: masks secrets in every text that is journaled, shown or told.
        lock: held while the state changes, for readers on other threads.
    """

    def __init__(self, journal: EventLog, risk: RiskBook, clock: Clock) -> None:
        self.book = LiveBook()
        self.risk = risk
        self.listener: Callable[[Order | Fill], None] | None = None
        self.alarm: Callable[[Alert], None] | None = None
        self.redact: Redact = Redactor()
        self.lock = threading.RLock()
        self._journal = journal
        self._clock = clock
        self._unwritten: list[JournalEvent] = []
        self._mirror = RiskMirror(self.book, risk, clock)

    @property
    def has_unwritten(self) -> bool:
        """Whether something happened that the journal could not take yet."""
        return bool(self._unwritten)

    def held(self, asset: str) -> float:
        """The position in ``asset`` with sign; 0 when flat."""
        return self.book.held(asset)

    def next_order_id(self) -> str:
        """An id for an order that was never given before."""
        return self._journal.next_order_id()

    def replay(self, events: Sequence[JournalEvent]) -> None:
        """Take in what the journal holds already."""
        for event in events:
            self.book.apply(event)
        self._mirror.show_everything()

    def commit(self, *events: JournalEvent) -> None:
        """Make an intention durable and take it in; on return it may be acted on.

        Raises:
            JournalError: it is not durable. Nothing was taken in; trading is halted.
        """
        events = self._redacted(events)
        self.write_what_is_left()
        if self._unwritten:
            msg = "the journal cannot be written: nothing new is sent"
            raise JournalError(msg)
        try:
            self._journal.append(events)
        except JournalError as error:
            self._halt_on(error)
            raise
        failpoint("account.committed")
        self._take_in(events)

    def record(self, *events: JournalEvent) -> None:
        """Take in what happened, in the journal first where that can be written."""
        events = self._redacted(events)
        self._unwritten.extend(events)
        self.write_what_is_left()
        failpoint("account.recorded")
        self._take_in(events)

    def note(self, *events: JournalEvent) -> None:
        """Take in what happened now, and leave writing it to :meth:`write_what_is_left`."""
        events = self._redacted(events)
        self._unwritten.extend(events)
        self._take_in(events)

    def write_what_is_left(self) -> bool:
        """Write what the journal could not take before; whether nothing is left."""
        if not self._journal.is_writable and not self._journal.probe():
            return False
        if not self._unwritten:
            return True
        try:
            self._journal.append(self._unwritten)
        except JournalWriteError as error:
            self._halt_on(error)
            return False
        except JournalError as error:
            return self._write_one_by_one(error)
        self._unwritten = []
        return True

    def _write_one_by_one(self, error: JournalError) -> bool:
        """Write what can be journaled at all; what cannot must not hold up the rest."""
        self._halt_on(error)
        waiting, self._unwritten = self._unwritten, []
        for position, event in enumerate(waiting):
            try:
                self._journal.append([event])
            except JournalWriteError:
                self._unwritten = [*waiting[position:], *self._unwritten]
                return False
            except JournalError as fault:
                self._sound(Alert(kind=_UNWRITABLE, message=f"{event!r} is lost: {fault}"))
        return True

    # Restrictions

    def restrict(
        self, name: str, state: TradingState, reason: str, *, latched: bool = False
    ) -> None:
        """Restrict trading for a cause; nothing happens if the cause restricts as much already."""
        known = self.book.causes.get(name)
        is_as_strict = known is not None and known.state.severity >= state.severity
        if is_as_strict and known is not None and (known.latched or not latched):
            return
        self.record(CauseRaised(name=name, state=state, reason=reason, latched=latched))
        self._sound(Alert(kind=name, message=reason))

    def relax(self, name: str, evidence: str) -> None:
        """Take a cause away that evidence shows to be over; what is latched stays."""
        known = self.book.causes.get(name)
        if known is not None and not known.latched:
            self.record(CauseCleared(name=name, evidence=evidence))

    def rearm(self, by: str, reason: str) -> tuple[str, ...]:
        """Take away what is latched, on a person's word; gives the names of those causes.

        Raises:
            JournalError: the journal cannot be written.
        """
        names = tuple(name for name, cause in self.book.causes.items() if cause.latched)
        self.commit(Rearmed(by=by, reason=reason, names=names))
        self.risk.rearm()
        return names

    def alert(self, kind: str, message: str) -> None:
        """Say something that a person should know."""
        alert = Alert(kind=kind, message=message)
        self.record(alert)
        self._sound(alert)

    # Parts

    def _redacted(self, events: tuple[JournalEvent, ...]) -> tuple[JournalEvent, ...]:
        return tuple(without_secrets(event, self.redact) for event in events)

    def _sound(self, alert: Alert) -> None:
        if self.alarm is not None:
            self.alarm(attrs.evolve(alert, message=self.redact(alert.message)))

    def _halt_on(self, error: JournalError) -> None:
        """Stop all trading; what says so waits to be written with the rest."""
        if _UNWRITABLE in self.book.causes:
            return
        cause = CauseRaised(
            name=_UNWRITABLE, state=TradingState.HALTED, reason=str(error), latched=True
        )
        self._unwritten.append(cause)
        self._take_in((cause,))
        self._sound(Alert(kind=_UNWRITABLE, message=str(error)))

    def _take_in(self, events: Sequence[JournalEvent]) -> None:
        with self.lock:
            for event in events:
                self.book.apply(event)
                self._mirror.show(event)
        if self.listener is not None:
            for event in events:
                self._tell_listener(event)

    def _tell_listener(self, event: JournalEvent) -> None:
        listener = self.listener
        assert listener is not None  # noqa: S101 - asked by the caller
        match event:
            case OrderChanged(order=order):
                listener(self.book.orders[order.id])
            case FillBooked(fill=fill, evidence=evidence) if evidence != "covered":
                listener(fill)
                listener(self.book.orders[fill.order_id])
            case FillBusted():
                pass
