"""A runtime with a mistake in it is found out within few days."""

import asyncio
from collections.abc import Callable, Sequence

import attrs
import pytest

from ml4t.core.fills import Fill
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import RiskBook, TradingState
from ml4t.live.account import LiveAccount
from ml4t.live.book import LiveBook
from ml4t.live.connection import Connection
from ml4t.live.events import FeeBooked, IntentRecorded, JournalEvent
from ml4t.live.intake import Intake
from ml4t.live.journal import MemoryJournal
from ml4t.live.reconcile import Reconciler
from ml4t.live.testing.days import play_days
from ml4t.live.transmission import Transmission

SEEDS = range(1, 31)

Plant = Callable[[pytest.MonkeyPatch], None]


def resends(patch: pytest.MonkeyPatch) -> None:
    """No answer in time: it sends the same order once more."""
    ask = Transmission.ask

    async def ask_twice(self: Transmission, call: Callable[[], object]) -> object:
        return await ask(self, call) or await ask(self, call)  # type: ignore[arg-type]

    patch.setattr(Transmission, "ask", ask_twice)


def books_twice(patch: pytest.MonkeyPatch) -> None:
    """An execution that is reported again counts again."""
    take = Intake._take_fill  # noqa: SLF001 - planted inside

    def take_again(self: Intake, fill: Fill, evidence: str) -> None:
        if self._account.book.knows_fill(fill.id):
            fill = attrs.evolve(fill, id=f"{fill.id}+")
        take(self, fill, evidence)

    patch.setattr(Intake, "_take_fill", take_again)


def takes_absent_for_cancelled(patch: pytest.MonkeyPatch) -> None:
    """An order without an answer that the venue does not find at once is cancelled."""
    send = Transmission.send

    async def send_and_forget(
        self: Transmission, order_ids: Sequence[str], call: Callable[[], object]
    ) -> None:
        await send(self, order_ids, call)  # type: ignore[arg-type]
        for order_id in order_ids:
            order = self._account.book.orders[order_id]
            if order.status is OrderStatus.UNKNOWN:
                ended = order.to(OrderStatus.CANCELLED, self._clock.now(), "no answer")
                self._intake.take(ended, "query")

    patch.setattr(Transmission, "send", send_and_forget)


def ignores_halted(patch: pytest.MonkeyPatch) -> None:
    """The rules are never told that trading is restricted."""
    patch.setattr(
        RiskBook,
        "state",
        property(lambda self: TradingState.ACTIVE, lambda self, state: None),
        raising=False,
    )


def forgets_to_journal_fees(patch: pytest.MonkeyPatch) -> None:
    """Fees that become known later are taken in and not written."""
    record = LiveAccount.record

    def record_less(self: LiveAccount, *events: JournalEvent) -> None:
        kept = [event for event in events if not isinstance(event, FeeBooked)]
        record(self, *kept)
        self._take_in([event for event in events if isinstance(event, FeeBooked)])

    patch.setattr(LiveAccount, "record", record_less)


def sends_before_it_journals(patch: pytest.MonkeyPatch) -> None:
    """What is intended is written some seconds after it was sent."""
    commit = LiveAccount.commit

    def commit_later(self: LiveAccount, *events: JournalEvent) -> None:
        if not isinstance(events[0], IntentRecorded):
            commit(self, *events)
            return
        self._take_in(events)
        asyncio.get_running_loop().call_later(20.0, self._unwritten.extend, events)

    patch.setattr(LiveAccount, "commit", commit_later)


def loses_executions_of_an_outage(patch: pytest.MonkeyPatch) -> None:
    """It never asks for executions that it was not told of, and trusts no order's total."""

    async def fetch_nothing(self: Reconciler) -> None:
        await asyncio.sleep(0)

    patch.setattr(Reconciler, "_fetch_executions", fetch_nothing)
    patch.setattr(Intake, "fill_gap", lambda self, order_id: None)


def has_a_journal_that_lies(patch: pytest.MonkeyPatch) -> None:
    """Each hundredth write is confirmed and lost."""
    append = MemoryJournal.append

    def append_mostly(self: MemoryJournal, events: Sequence[JournalEvent]) -> None:
        if self.rows % 100 != 99:
            append(self, events)
        else:
            append(self, events[1:] or events)
            if len(events) == 1:
                self._contents.rows.pop()

    patch.setattr(MemoryJournal, "append", append_mostly)


def ignores_busts(patch: pytest.MonkeyPatch) -> None:
    """An execution that was taken back goes on to count, and nobody hears of it."""
    patch.setattr(Intake, "_take_bust", lambda self, bust: None)
    patch.setattr(Reconciler, "_of_positions", lambda self, snapshot: [])


def opens_what_has_ended(patch: pytest.MonkeyPatch) -> None:
    """The latest report counts, even if it is an old one."""
    patch.setattr(LiveBook, "after_report", lambda self, report, is_answer=False: report)

    def put_as_reported(self: LiveBook, known: Order, report: Order) -> Order:
        return attrs.evolve(known, status=report.status)

    patch.setattr(LiveBook, "_as_reported", put_as_reported)


def forgets_that_it_was_disconnected(patch: pytest.MonkeyPatch) -> None:
    """After the session was lost it never counts as back."""

    async def compare_never(self: Connection, number: int) -> None:
        await asyncio.sleep(0)

    patch.setattr(Connection, "_compare", compare_never)


PLANTED: dict[Plant, str] = {
    resends: "I1",
    books_twice: "I",
    takes_absent_for_cancelled: "I",
    ignores_halted: "I7",
    forgets_to_journal_fees: "I5",
    sends_before_it_journals: "I",
    loses_executions_of_an_outage: "I",
    has_a_journal_that_lies: "I5",
    ignores_busts: "I",
    opens_what_has_ended: "I8",
    forgets_that_it_was_disconnected: "I6",
}


@pytest.mark.parametrize(
    ("plant", "invariant"), PLANTED.items(), ids=[plant.__name__ for plant in PLANTED]
)
def test_mistake_is_found(plant: Plant, invariant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    findings: tuple[str, ...] = ()
    for seed in SEEDS:
        findings = play_days(seed, 3).findings
        if any(finding.startswith(invariant) for finding in findings):
            return
    pytest.fail(f"nothing was found in {len(SEEDS)} runs; the last said {findings}")
