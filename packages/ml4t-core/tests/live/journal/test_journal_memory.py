"""The journal in memory does what the one on disk does."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml4t.core import Order, OrderRequest, OrderStatus
from ml4t.core.errors import JournalError
from ml4t.live.events import Alert, FillBooked, IntentRecorded, JournalEvent, OrderChanged
from ml4t.live.journal import Journal, JournalOwner, JournalWriteError, MemoryJournal

Open = Callable[..., Journal]


class StandingClock:
    """Always the same moment."""

    def now(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC)

    def monotonic(self) -> float:
        return 1.5


@pytest.fixture
def memory(owner: JournalOwner) -> MemoryJournal:
    return MemoryJournal(owner, StandingClock())


def test_memory_and_disk_have_the_same_hashes_ids_and_entries(
    memory: MemoryJournal, path: Path, owner: JournalOwner, session: list[JournalEvent]
) -> None:
    disk = Journal.open(path, owner, StandingClock())
    assert memory.head == disk.head
    for journal in (memory, disk):
        journal.append(session[:4])
        journal.append(session[4:])
        journal.heartbeat()
    assert (memory.head, memory.rows, memory.epoch) == (disk.head, disk.rows, disk.epoch)
    assert memory.next_order_id() == disk.next_order_id()
    assert [repr(e) for e in memory.entries()] == [repr(e) for e in disk.entries()]
    assert list(memory.stored()) == list(disk.stored())
    disk.close()


def test_a_restart_finds_the_entries_and_has_a_new_epoch(
    memory: MemoryJournal, session: list[JournalEvent]
) -> None:
    memory.append(session)
    memory.close()
    again = memory.reopened()
    assert (memory.head, memory.epoch + 1) == (again.head, again.epoch)
    assert frozenset({memory.epoch, again.epoch}) == again.epochs
    again.append([Alert(kind="n", message="")])
    assert (len(session), len(session) + 1) == (memory.rows, again.rows)
    assert memory.next_order_id() != again.next_order_id()


@pytest.mark.parametrize("place", ["memory", "disk"])
def test_what_may_come_once_comes_once(
    memory: MemoryJournal, open_journal: Open, session: list[JournalEvent], place: str
) -> None:
    journal = memory if place == "memory" else open_journal()
    fill = next(event for event in session if isinstance(event, FillBooked))
    intent = next(event for event in session if isinstance(event, IntentRecorded))
    shown = OrderChanged(
        order=Order("x", OrderRequest.of("SPY", 1), OrderStatus.ACCEPTED), evidence="snapshot"
    )
    journal.append([shown, shown, intent, fill])
    before = journal.head
    late = IntentRecorded(orders=(Order("x", OrderRequest.of("SPY", 1)),), strategy="s")
    twice = IntentRecorded(orders=(Order("y", OrderRequest.of("SPY", 1)),) * 2, strategy="s")
    for batch in ([fill], [intent], [late], [twice]):
        with pytest.raises(JournalError, match="already"):
            journal.append([Alert(kind="n", message=""), *batch])
    assert (before, True) == (journal.head, journal.is_writable)


def test_a_closed_journal_takes_nothing(memory: MemoryJournal) -> None:
    memory.close()
    assert (False, False) == (memory.is_writable, memory.probe())
    with pytest.raises(JournalWriteError, match="closed"):
        memory.append([Alert(kind="n", message="")])


def test_nothing_appended_changes_nothing(memory: MemoryJournal) -> None:
    before = memory.head
    memory.append([])
    assert before == memory.head
