"""The journal on disk: order, durability, identity, one writer."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from ml4t.core.errors import JournalError
from ml4t.core.risk import TradingState
from ml4t.core.venue_events import Environment
from ml4t.live.clock import Clock, SystemClock
from ml4t.live.events import Alert, CauseRaised, FillBooked, IntentRecorded, JournalEvent
from ml4t.live.journal import (
    Journal,
    JournalInUseError,
    JournalOwner,
    JournalWriteError,
    read_order_id,
    verify,
)
from ml4t.live.journal.opening import open_file

Open = Callable[..., Journal]
MessagesOf = Callable[[Journal], list[str]]
Look = Callable[[Journal, str], list[tuple[object, ...]]]


def alert(number: int) -> Alert:
    return Alert(kind="n", message=str(number))


def test_entries_are_what_was_appended_in_order(
    open_journal: Open, session: list[JournalEvent]
) -> None:
    journal = open_journal()
    journal.append(session[:5])
    journal.append(session[5:])
    entries = list(journal.entries())
    assert repr(session) == repr([entry.event for entry in entries])
    assert list(range(1, len(session) + 1)) == [entry.seq for entry in entries]
    assert {journal.epoch} == {entry.epoch for entry in entries}
    assert sorted(entry.instant for entry in entries) == [entry.instant for entry in entries]
    assert len(session) == journal.rows


def test_a_journal_reads_back_after_it_was_closed(
    open_journal: Open, session: list[JournalEvent]
) -> None:
    first = open_journal()
    first.append(session)
    head = first.head
    first.close()
    second = open_journal()
    assert repr(session) == repr([entry.event for entry in second.entries()])
    assert head == second.head
    second.append([alert(1)])
    assert head != second.head


def test_more_entries_than_are_fetched_at_once_come_in_order(
    open_journal: Open, messages_of: MessagesOf
) -> None:
    journal = open_journal()
    journal.append([alert(number) for number in range(2500)])
    assert [str(n) for n in range(2500)] == messages_of(journal)


def test_nothing_appended_is_no_transaction(open_journal: Open) -> None:
    journal = open_journal()
    before = journal.head
    journal.append([])
    assert (0, before) == (journal.rows, journal.head)


def test_the_write_ahead_log_is_synced_at_each_commit(
    path: Path, owner: JournalOwner, clock: Clock
) -> None:
    opened = open_file(path, owner, clock)
    asked = ("journal_mode", "synchronous", "locking_mode", "foreign_keys", "mmap_size")
    found = [opened.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]
    opened.connection.close()
    opened.marker.close()
    assert ["wal", 2, "exclusive", 1, 0] == found
    assert not Path(f"{path}-shm").exists()


def test_each_start_has_a_greater_epoch_and_knows_the_earlier(open_journal: Open) -> None:
    starts = []
    for number in range(3):
        journal = open_journal()
        journal.append([alert(number)])
        starts.append(journal)
        journal.close()
    found = [journal.epoch for journal in starts]
    assert sorted(set(found)) == found
    assert frozenset(found) == starts[-1].epochs


def test_order_ids_are_never_given_twice(open_journal: Open) -> None:
    given = []
    for _ in range(3):
        journal = open_journal()
        given += [journal.next_order_id() for _ in range(5)]
        journal.close()
    assert len(given) == len(set(given))
    parts = [read_order_id(order_id) for order_id in given]
    assert [1, 2, 3, 4, 5] * 3 == [part and part.number for part in parts]


def test_two_new_journals_of_an_account_give_different_ids(
    tmp_path: Path, owner: JournalOwner
) -> None:
    @attrs.frozen
    class Later(SystemClock):
        def now(self):
            return super().now().replace(year=2099)

    ids = []
    for name, clock in (("a.db", SystemClock()), ("b.db", Later())):
        journal = Journal.open(tmp_path / name, owner, clock)
        ids.append(journal.next_order_id())
        journal.close()
    assert ids[0] != ids[1]


def test_an_execution_is_journaled_once(open_journal: Open, session: list[JournalEvent]) -> None:
    journal = open_journal()
    journal.append(session)
    fill = next(event for event in session if isinstance(event, FillBooked))
    before = journal.head
    with pytest.raises(JournalError, match=r"already.*fills.fill_id"):
        journal.append([alert(1), fill])
    assert (before, len(session), True) == (journal.head, journal.rows, journal.is_writable)
    journal.append([alert(2)])
    assert verify_open(journal)


def test_an_order_id_is_intended_once(open_journal: Open, session: list[JournalEvent]) -> None:
    journal = open_journal()
    intent = next(event for event in session if isinstance(event, IntentRecorded))
    journal.append([intent])
    with pytest.raises(JournalError, match="already"):
        journal.append([intent])
    assert 1 == journal.rows


@pytest.mark.parametrize(
    "event",
    [
        Alert(kind="a", message=1),  # type: ignore[arg-type]
        # Half a character has a text in JSON, but none in the tables.
        CauseRaised(name="\ud800", state=TradingState.HALTED, reason="", latched=True),
        object(),
    ],
)
def test_an_event_that_cannot_be_written_leaves_the_journal_as_it_was(
    open_journal: Open, event: object
) -> None:
    journal = open_journal()
    journal.append([alert(1)])
    before = journal.head
    with pytest.raises(JournalError, match="cannot be journaled") as caught:
        journal.append([alert(2), event])  # type: ignore[list-item]
    assert not isinstance(caught.value, JournalWriteError)
    assert (before, 1, True) == (journal.head, journal.rows, journal.is_writable)
    journal.append([alert(3)])
    assert verify_open(journal)


def verify_open(journal: Journal) -> bool:
    copy = journal.path.with_name("copy.db")
    copy.unlink(missing_ok=True)
    journal.snapshot_to(copy)
    found = verify(copy)
    return found.is_sound and (found.rows, found.head) == (journal.rows, journal.head)


def test_a_second_engine_in_the_same_process_is_refused(open_journal: Open) -> None:
    open_journal()
    with pytest.raises(JournalInUseError, match="another engine has the journal"):
        open_journal()


def test_another_connection_is_locked_out(open_journal: Open) -> None:
    journal = open_journal()
    connection = sqlite3.connect(journal.path, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        connection.execute("SELECT * FROM journal").fetchall()
    connection.close()
    with pytest.raises(JournalInUseError):
        verify(journal.path)
    journal.append([alert(1)])


@pytest.mark.parametrize(
    ("account_id", "environment", "broker"),
    [
        ("DU124", Environment.PAPER, "ib"),
        ("DU123", Environment.LIVE, "ib"),
        ("DU123", Environment.PAPER, "alpaca"),
    ],
)
def test_the_journal_of_somebody_else_is_refused(
    open_journal: Open, clock: Clock, account_id: str, environment: Environment, broker: str
) -> None:
    other = JournalOwner(
        account_id=account_id, environment=environment, broker=broker, app_version="1.0"
    )
    journal = open_journal()
    journal.close()
    with pytest.raises(JournalError, match=r"belongs to account DU123 \(PAPER\) at ib, not to"):
        Journal.open(journal.path, other, clock)
    assert open_journal().epoch == journal.epoch + 1


def test_a_snapshot_is_a_journal(
    open_journal: Open, session: list[JournalEvent], owner: JournalOwner, clock: Clock
) -> None:
    journal = open_journal()
    journal.append(session)
    copy = journal.path.with_name("copy.db")
    journal.snapshot_to(copy)
    journal.append([alert(1)])
    restored = Journal.open(copy, owner, clock)
    assert repr(session) == repr([entry.event for entry in restored.entries()])
    restored.close()
    with pytest.raises(JournalError, match="a file of its own"):
        journal.snapshot_to(copy)


def test_a_snapshot_that_has_no_place_leaves_the_journal_writable(open_journal: Open) -> None:
    journal = open_journal()
    with pytest.raises(JournalWriteError, match="snapshot"):
        journal.snapshot_to(journal.path.with_name("nowhere") / "copy.db")
    journal.append([alert(1)])


def test_threads_may_append_at_the_same_time(open_journal: Open, messages_of: MessagesOf) -> None:
    journal = open_journal()

    def work(thread: int) -> None:
        for number in range(20):
            journal.append([alert(thread * 100 + number), alert(thread * 100 + number)])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = messages_of(journal)
    assert 160 == len(found)
    assert found[::2] == found[1::2]
    assert verify_open(journal)


def test_a_closed_journal_takes_nothing(open_journal: Open) -> None:
    journal = open_journal()
    journal.close()
    journal.close()
    assert (False, False) == (journal.is_writable, journal.probe())
    with pytest.raises(JournalWriteError, match="it is closed"):
        journal.append([alert(1)])
    with pytest.raises(JournalWriteError, match="it is closed"):
        journal.heartbeat()


def test_a_heartbeat_is_in_the_file(open_journal: Open, look: Look) -> None:
    journal = open_journal()
    beats = "SELECT heartbeat_ns FROM lease"
    before = look(journal, beats)
    journal.heartbeat()
    assert before < look(journal, beats)
