"""F47: the power fails: what was not synced is lost, or is there in part."""

import asyncio
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from ml4t.live.clock import SystemClock
from ml4t.live.events import IntentRecorded, JournalEvent
from ml4t.live.journal import Journal, JournalWriteError, verify
from ml4t.live.testing import VirtualClock, run
from ml4t.live.testing.crash_session import OWNER, START, CrashSession

CUTS = ("nothing more", "a part of it", "zeros", "other bytes")
SECTOR = 512
POWER_IS_OFF = JournalWriteError("the power is off")


def keep(source: Path, target: Path) -> None:
    """Copy an open journal, in another process: closing a file of it here drops its locks."""
    target.mkdir()
    files = [path for path in source.glob("journal.db*") if path.is_file()]
    subprocess.run(["cp", *map(str, files), str(target)], check=True)  # noqa: S603, S607


class Power:
    """Copies what is durable after each append, and what was being written when it failed."""

    def __init__(self, journal: Journal, folder: Path, fails_after: int) -> None:
        self.acknowledged: list[str] = []
        self.failed = asyncio.Event()
        self.folder = folder
        self._append = journal.append
        self._left = fails_after
        self._path = journal.path.parent
        journal.append = self.append  # type: ignore[method-assign, assignment]

    def append(self, events: list[JournalEvent]) -> None:
        if self.failed.is_set():
            raise POWER_IS_OFF
        if self._left == 0:
            # The next append begins, and the power fails before it has told anybody.
            keep(self._path, self.folder / "durable")
            self._append(events)
            keep(self._path, self.folder / "written")
            self.failed.set()
            raise POWER_IS_OFF
        self._left -= 1
        self._append(events)
        self.acknowledged += [e.orders[0].id for e in events if isinstance(e, IntentRecorded)]


def as_the_disk_has_it(folder: Path, cut: str, dice: random.Random) -> Path:
    """The files after the power came back: all that was synced, and any part of the rest."""
    home = folder / "after"
    shutil.copytree(folder / "durable", home)
    wal = "journal.db-wal"
    synced, written = (
        (folder / "durable" / wal).read_bytes(),
        (folder / "written" / wal).read_bytes(),
    )
    begin = next((k for k, (a, b) in enumerate(zip(synced, written, strict=False)) if a != b), 0)
    begin = max(begin, len(synced)) if begin == 0 else begin
    tail = bytearray(written[begin:])
    if cut == "a part of it":
        tail = tail[: dice.randrange(len(tail) + 1)]
    elif cut != "nothing more":
        for start in range(0, len(tail), SECTOR):
            if dice.random() < 0.5:
                end = min(start + SECTOR, len(tail))
                tail[start:end] = (
                    bytes(end - start) if cut == "zeros" else dice.randbytes(end - start)
                )
    if cut != "nothing more":
        (home / wal).write_bytes(synced[:begin] + bytes(tail))
    return home / "journal.db"


async def power_failure(clock: VirtualClock, tmp_path: Path, appends: int, cut: str) -> None:
    session = CrashSession(clock, seed=appends)
    state = tmp_path / "state"
    state.mkdir()
    journal = Journal.open(state / "journal.db", OWNER, clock)
    power = Power(journal, tmp_path, appends)
    engine = session.engine(journal)
    running = asyncio.ensure_future(engine.run())
    await power.failed.wait()
    # The program is gone from this very moment; what it had sent arrives.
    session.broker.link.freeze(3600)
    await asyncio.wait({running}, timeout=0.1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    journal.close()
    path = as_the_disk_has_it(tmp_path, cut, random.Random(appends))  # noqa: S311
    assert verify(path).is_sound
    journal = Journal.open(path, OWNER, clock)
    kept = {
        entry.event.orders[0].id
        for entry in journal.entries()
        if isinstance(entry.event, IntentRecorded)
    }
    assert set(power.acknowledged) <= kept
    assert [] == session.without_intent(journal)
    engine = session.engine(journal)
    running = await session.live(engine, 4.0)
    assert [] == await session.rest(engine, 12.0)
    assert [] == session.without_intent(journal)
    working = {order.id for order in session.venue.desk.open_orders()}
    assert working == set(engine.account.book.open)
    await engine.stop("the test is over")
    assert 0 == await running
    journal.close()


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("appends", [1, 2, 5, 9, 14, 20, 33, 47])
def test_f47_a_loss_of_power_keeps_what_was_committed(
    tmp_path: Path, appends: int, cut: str
) -> None:
    run(lambda clock: power_failure(clock, tmp_path, appends, cut), START)


def test_f47_the_marker_may_be_lost_or_old(tmp_path: Path) -> None:
    """It is not synced with each commit: an older one, or one that is not whole, is no damage."""
    path = tmp_path / "journal.db"
    journal = Journal.open(path, OWNER, SystemClock())
    marker = path.with_name("journal.db.marker")
    old = marker.read_bytes()
    journal.close()
    for content in (old, b"", bytes(128)):
        marker.write_bytes(content)
        assert verify(path).is_sound
        Journal.open(path, OWNER, SystemClock()).close()
