"""A disk that fails or waits at each step, and one that is really full."""

import errno
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from ml4t.live.clock import Clock
from ml4t.live.events import Alert, IntentRecorded, JournalEvent
from ml4t.live.journal import (
    SOUND_DISK,
    Journal,
    JournalOwner,
    JournalWriteError,
    MemoryJournal,
    verify,
)
from ml4t.live.journal.opening import open_file

Open = Callable[..., Journal]
MessagesOf = Callable[[Journal], list[str]]

FAILURES = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EIO, "Input/output error"),
    OSError(errno.EROFS, "Read-only file system"),
    sqlite3.OperationalError("database or disk is full"),
]


@attrs.define
class FailingDisk:
    """Fails at a step and from then on until it is repaired; counts the steps."""

    failure: BaseException
    fails_at: int = 10**9
    steps: int = 0
    names: list[str] = attrs.field(factory=list)

    def reached(self, step: str) -> None:
        self.steps += 1
        self.names.append(step)
        if self.steps >= self.fails_at:
            raise self.failure

    def repair(self) -> None:
        self.fails_at = 10**9


def batches(session: list[JournalEvent]) -> list[list[JournalEvent]]:
    """The session as an engine would append it: mostly one by one."""
    return [session[:3], *([event] for event in session[3:7]), session[7:9], session[9:]]


def steps_of(session: list[JournalEvent], journal: Journal | MemoryJournal) -> None:
    for batch in batches(session):
        journal.append(batch)


def test_the_disk_is_told_of_every_step(open_journal: Open, session: list[JournalEvent]) -> None:
    disk = FailingDisk(FAILURES[0])
    journal = open_journal(disk=disk)
    journal.append(session[:2])
    journal.heartbeat()
    append = ["begin", "insert", "project", "project", "commit", "marker"]
    assert [*append, "begin", "heartbeat", "commit"] == disk.names


@pytest.mark.parametrize("failure", FAILURES[::3], ids=str)
def test_whatever_step_fails_nothing_is_half_written(
    tmp_path: Path,
    owner: JournalOwner,
    clock: Clock,
    session: list[JournalEvent],
    failure: Exception,
) -> None:
    """Each step of a short session fails once; the disk is repaired and the session goes on."""
    steps = 0
    for fails_at in range(1, 200):
        path = tmp_path / f"{fails_at}.db"
        disk = FailingDisk(failure, fails_at)
        journal = Journal.open(path, owner, clock, disk=disk)
        kept = go_through(journal, disk, session)
        journal.close()
        assert repr(session) == repr(kept)
        assert verify(path).is_sound
        again = Journal.open(path, owner, clock)
        assert repr(session) == repr([entry.event for entry in again.entries()])
        again.close()
        if disk.steps < fails_at:
            steps = fails_at
            break
    assert steps > 40


def go_through(
    journal: Journal | MemoryJournal, disk: FailingDisk, session: list[JournalEvent]
) -> list[JournalEvent]:
    for batch in batches(session):
        before = (journal.rows, journal.head)
        try:
            journal.append(batch)
        except JournalWriteError:
            assert before == (journal.rows, journal.head)
            check_trouble(journal, disk)
            journal.append(batch)
        else:
            if not journal.is_writable:
                # It was durable, and only the marker was not.
                assert "marker" == disk.names[-1]
                check_trouble(journal, disk)
    return [entry.event for entry in journal.entries()]


def check_trouble(journal: Journal | MemoryJournal, disk: FailingDisk) -> None:
    assert not journal.is_writable
    assert not journal.probe()
    with pytest.raises(JournalWriteError, match="takes no events"):
        journal.append([Alert(kind="a", message="b")])
    with pytest.raises(JournalWriteError, match="takes no events"):
        journal.heartbeat()
    disk.repair()
    assert not journal.is_writable
    assert journal.probe()
    assert journal.is_writable


def test_an_intent_is_durable_only_after_the_disk_has_taken_it(
    open_journal: Open, session: list[JournalEvent]
) -> None:
    """While a commit waits nobody sees the event: the call has not returned."""
    seen: list[tuple[str, int]] = []

    class SlowDisk:
        def reached(self, step: str) -> None:
            seen.append((step, journal.rows))

    journal = open_journal(disk=SlowDisk())
    journal.append([event for event in session if isinstance(event, IntentRecorded)])
    assert [("begin", 0), ("insert", 0), ("project", 0), ("commit", 0), ("marker", 1)] == seen


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_memory_fails_like_a_disk(
    owner: JournalOwner, clock: Clock, session: list[JournalEvent], failure: Exception
) -> None:
    for fails_at in range(1, 200):
        disk = FailingDisk(failure, fails_at)
        journal = MemoryJournal(owner, clock, disk=disk)
        assert repr(session) == repr(go_through(journal, disk, session))
        if disk.steps < fails_at:
            break
    else:
        pytest.fail("the session never ended")


def test_an_error_that_is_nobodys_fault_rolls_back(
    open_journal: Open, session: list[JournalEvent]
) -> None:
    disk = FailingDisk(KeyboardInterrupt(), 4)
    journal = open_journal(disk=disk)
    with pytest.raises(KeyboardInterrupt):
        journal.append(session)
    disk.repair()
    journal.append(session)
    assert repr(session) == repr([entry.event for entry in journal.entries()])


def test_a_path_that_cannot_be_made_is_the_disks_fault(
    tmp_path: Path, owner: JournalOwner, clock: Clock
) -> None:
    with pytest.raises(JournalWriteError, match="does not let the journal"):
        Journal.open(tmp_path / "nowhere" / "journal.db", owner, clock)


FILLING = """
    import resource, signal, sys
    from pathlib import Path
    from ml4t.core.venue_events import Environment
    from ml4t.live.clock import SystemClock
    from ml4t.live.events import Alert
    from ml4t.live.journal import Journal, JournalOwner, JournalWriteError

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    owner = JournalOwner(account_id="DU123", environment=Environment.PAPER, broker="ib")
    journal = Journal.open(Path(sys.argv[1]), owner, SystemClock())
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    done = 0
    try:
        while True:
            journal.append([Alert(kind="n", message="x" * 500)])
            done += 1
    except JournalWriteError as error:
        head, is_writable, probed = journal.head, journal.is_writable, journal.probe()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    repaired = journal.probe()
    same = head == journal.head
    journal.append([Alert(kind="n", message="after")])
    print(done, is_writable, probed, repaired, same, journal.rows, flush=True)
    signal.raise_signal(signal.SIGKILL)
"""


def test_a_file_that_may_not_grow_fails_and_recovers(
    path: Path, owner: JournalOwner, clock: Clock, messages_of: MessagesOf
) -> None:
    child = subprocess.run(  # noqa: S603
        [sys.executable, "-c", textwrap.dedent(FILLING), str(path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert -signal.SIGKILL == child.returncode, child.stderr
    done, *answers, rows = child.stdout.split()
    assert ["False", "False", "True", "True"] == answers
    assert int(done) > 10
    assert int(done) + 1 == int(rows)
    journal = Journal.open(path, owner, clock)
    messages = messages_of(journal)
    journal.close()
    assert ["x" * 500] * int(done) + ["after"] == messages


def test_a_full_database_fails_and_recovers(
    path: Path, owner: JournalOwner, clock: Clock, session: list[JournalEvent]
) -> None:
    """SQLite's own limit of pages gives its own error for a full disk."""
    opened = open_file(path, owner, clock)
    journal = Journal(path, owner, opened, clock, SOUND_DISK)
    pages = opened.connection.execute("PRAGMA page_count").fetchone()[0]
    opened.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalWriteError, match="full"):
        journal.append([Alert(kind="n", message="x" * 50_000)])
    assert (False, 0) == (journal.is_writable, journal.rows)
    opened.connection.execute("PRAGMA max_page_count = 1000000")
    assert journal.probe()
    journal.append(session)
    assert len(session) == journal.rows
    journal.close()
