"""F45 and F48: a disk that is full, read-only, broken or slow, at every write that there is."""

import asyncio
import errno
import signal
import sqlite3

import pytest

from ml4t.core.errors import JournalError
from ml4t.core.risk import TradingState
from ml4t.live.book import replayed
from ml4t.live.engine import LiveEngine
from ml4t.live.events import CauseCleared, CauseRaised, IntentRecorded
from ml4t.live.journal import MemoryJournal
from ml4t.live.testing import VirtualClock, run
from ml4t.live.testing.crash_session import OWNER, START, CrashSession
from ml4t.live.testing.crash_state import state_of

LIFE = 30.0
FAULTS = {
    "full": OSError(errno.ENOSPC, "no space left on device"),
    "read-only": OSError(errno.EROFS, "read-only file system"),
    "broken": sqlite3.OperationalError("disk I/O error"),
}


class FailingDisk:
    """Refuses every step from a number on, up to another."""

    def __init__(self, first: float = float("inf"), error: Exception = FAULTS["full"]) -> None:
        self.first = first
        self.last = float("inf")
        self.error = error
        self.steps = 0
        self.has_failed = False

    def reached(self, step: str) -> None:
        self.steps += 1
        if self.first <= self.steps < self.last:
            self.has_failed = True
            raise self.error


class Case:
    """One session whose disk fails from the ``first``-th step on."""

    def __init__(self, clock: VirtualClock, disk: FailingDisk) -> None:
        self.session = CrashSession(clock, seed=5)
        self.disk = disk
        self.journal = MemoryJournal(OWNER, clock, disk=disk)
        self.engine = self.session.engine(self.journal)
        self.sent_when_failing: int | None = None

    async def live(self) -> "asyncio.Task[int]":
        running = asyncio.ensure_future(self.engine.run())
        for _ in range(int(LIFE * 10)):
            await asyncio.wait({running}, timeout=0.1)
            if self.disk.has_failed and self.sent_when_failing is None:
                self.sent_when_failing = self.sent
        return running

    @property
    def sent(self) -> int:
        return self.session.venue.watch.counts["sent"]

    def check(self) -> None:
        assert [] == self.session.without_intent(self.journal)
        assert [] == self.session.venue.watch.check()
        book = self.engine.account.book
        if not self.engine.account.has_unwritten:
            entries = [entry.event for entry in self.journal.entries()]
            assert state_of(replayed(entries)) == state_of(book)


async def ended(running: "asyncio.Task[int]", engine: LiveEngine) -> int | None:
    """Stop the engine; the exit status, or None where the journal did not let it start."""
    await engine.stop("the test is over")
    try:
        return await running
    except JournalError:
        return None


async def count_steps(clock: VirtualClock) -> tuple[int, int]:
    case = Case(clock, FailingDisk())
    running = await case.live()
    steps = case.disk.steps
    assert 0 == await ended(running, case.engine)
    case.check()
    return steps, case.sent


async def with_a_disk_that_stays_broken(clock: VirtualClock, disk: FailingDisk) -> None:
    case = Case(clock, disk)
    running = await case.live()
    # Checked at most 0.1 s after the first refusal.
    assert case.sent_when_failing == case.sent
    if not running.done():
        assert case.engine.account.book.state is TradingState.HALTED
        await case.engine.kill("the test is over", "test")
        assert [] == list(case.session.venue.desk.open_orders())
    case.check()
    await ended(running, case.engine)
    # The next engine, on a disk that works, finds out about everything.
    disk.first = float("inf")
    journal = case.journal.reopened()
    engine = case.session.engine(journal)
    running = await case.session.live(engine, 1.0)
    assert [] == await case.session.rest(engine, 12.0)
    working = case.session.venue.desk.open_orders()
    assert {order.id for order in working} == set(engine.account.book.open)
    assert [] == case.session.without_intent(journal)
    await ended(running, engine)


async def with_a_disk_that_recovers(clock: VirtualClock, disk: FailingDisk) -> None:
    case = Case(clock, disk)
    disk.last = disk.first + 4
    running = await case.live()
    if not running.done():
        await asyncio.sleep(6)
        if case.engine.account.book.state is TradingState.HALTED:
            case.engine.rearm("test", "the disk works again")
        before = case.sent
        await asyncio.sleep(20)
        assert case.engine.account.book.state is TradingState.ACTIVE
        assert case.sent > before
        assert [] == await case.session.rest(case.engine, 8.0)
        case.check()
    await ended(running, case.engine)
    assert [] == case.session.without_intent(case.journal)


@pytest.mark.parametrize("name", FAULTS)
def test_f45_a_disk_that_fails_at_the_nth_write_for_every_n(name):
    """Nothing is sent without a durable intent, cancels still go, and a restart knows all."""
    steps, sent = run(count_steps, START)
    assert sent > 5
    offset = list(FAULTS).index(name)
    # Each error at every third step: all steps together.
    for first in range(1 + offset, steps + 1, len(FAULTS)):
        disk = FailingDisk(first, FAULTS[name])
        run(lambda clock, disk=disk: with_a_disk_that_stays_broken(clock, disk), START)


@pytest.mark.parametrize("part", range(2))
def test_f45_a_disk_that_fails_for_a_while_halts_until_rearmed(part):
    steps, _ = run(count_steps, START)
    for first in range(1 + 4 * part, steps + 1, 8):
        disk = FailingDisk(first, FAULTS["full"])
        run(lambda clock, disk=disk: with_a_disk_that_recovers(clock, disk), START)


async def test_f45_a_full_disk_stops_a_process_from_sending_but_not_from_cancelling(market, start):
    """The operating system refuses every byte: halted, the orders cancelled, and back again."""
    child = await start()
    assert await child.said("state", "started", 10)
    assert await child.said("status", "ACCEPTED", 5)
    await child.ask("disk full", "disk")
    assert await child.said("alert", "journal", 5), "nobody was told"
    before = len(market.own_orders)
    await child.ask("kill", "killed")
    assert [] == [order.id for order in market.own_orders if order.is_working]
    report = await child.ask("state", "asked")
    assert "HALTED" == report["book"]["state"]
    assert not report["is_written"]
    assert before == len(market.own_orders)
    await child.ask("disk free", "disk")
    await asyncio.sleep(0.3)
    report = await child.ask("rearm", "rearmed")
    assert report["is_written"]
    assert "HALTED" != report["book"]["state"]
    await asyncio.sleep(0.7)
    assert before < len(market.own_orders)
    child.send(signal.SIGTERM)


class SlowDisk:
    """Takes its time for one commit, while the event loop waits."""

    def __init__(self, clock: VirtualClock, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds
        self.is_armed = False

    def reached(self, step: str) -> None:
        if step == "commit" and self.is_armed:
            self.is_armed = False
            self.clock.block(self.seconds)


async def slow_disk(clock: VirtualClock) -> None:
    session = CrashSession(clock, seed=5)
    disk = SlowDisk(clock, 5.0)
    journal = MemoryJournal(OWNER, clock, disk=disk)
    engine = session.engine(journal)
    # The strategy waits for its order as long as the disk does; bars are short here.
    engine.runner.allowed = 60.0
    commit = journal.append
    slow: list[str] = []

    def append(events):
        if isinstance(events[0], IntentRecorded) and not slow:
            slow.extend(order.id for order in events[0].orders)
            disk.is_armed = True
        commit(events)

    journal.append = append  # type: ignore[method-assign]
    running = await session.live(engine, 30.0)
    (entry,) = (
        entry
        for entry in journal.entries()
        if isinstance(entry.event, IntentRecorded) and entry.event.orders[0].id == slow[0]
    )
    (order,) = session.venue.desk.named(slow[0])
    assert (order.submitted_at - entry.instant).total_seconds() >= 5.0
    events = [entry.event for entry in journal.entries()]
    raised = [e for e in events if isinstance(e, CauseRaised) and e.name == "event loop"]
    cleared = [e for e in events if isinstance(e, CauseCleared) and e.name == "event loop"]
    assert [TradingState.REDUCING] == [e.state for e in raised]
    assert 1 == len(cleared)
    assert {} == engine.account.book.causes
    assert [] == await session.rest(engine, 8.0)
    await ended(running, engine)


def test_f48_a_slow_fsync_holds_the_order_back_and_trading_is_reduced_and_comes_back() -> None:
    run(slow_disk, START)
