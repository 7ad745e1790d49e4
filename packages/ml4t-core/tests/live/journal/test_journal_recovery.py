"""A journal that begins anew from what the venue says."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml4t.core import Position
from ml4t.core.errors import JournalError
from ml4t.core.risk import TradingState
from ml4t.live.clock import Clock
from ml4t.live.events import BalanceAdopted, CauseRaised, JournalEvent
from ml4t.live.journal import (
    Journal,
    JournalDamagedError,
    JournalOwner,
    JournalWriteError,
    quarantine,
    read_order_id,
    rebuild,
    verify,
)
from ml4t.live.journal.marker import marker_path

Open = Callable[..., Journal]
BALANCE = BalanceAdopted(
    cash=5.0,
    positions={"SPY": Position("SPY", 3.0, 100.0)},
    by="anna",
    since=datetime(2026, 3, 2, tzinfo=UTC),
)


def epoch_of(order_id: str) -> int:
    parts = read_order_id(order_id)
    assert parts is not None
    return parts.epoch


@pytest.fixture
def damaged(open_journal: Open, session: list[JournalEvent], path: Path) -> tuple[Path, str]:
    """The path of a damaged journal, and the last order id that its engine gave."""
    journal = open_journal()
    journal.append(session)
    last = journal.next_order_id()
    journal.close()
    with path.open("r+b") as file:
        file.truncate(9000)
    return path, last


def test_a_rebuilt_journal_begins_with_the_balance_and_halted(
    damaged: tuple[Path, str], open_journal: Open, owner: JournalOwner, clock: Clock
) -> None:
    path, last = damaged
    quarantine(path, clock)
    found = rebuild(path, owner, clock, BALANCE)
    assert (True, 2) == (found.is_sound, found.rows)
    journal = open_journal()
    first, second = (entry.event for entry in journal.entries())
    assert BALANCE == first
    assert isinstance(second, CauseRaised)
    assert (TradingState.HALTED, True) == (second.state, second.latched)
    assert epoch_of(last) < epoch_of(journal.next_order_id())
    assert not list(path.parent.glob("*.rebuilding*"))


def test_a_journal_is_not_rebuilt_over_another(
    damaged: tuple[Path, str], owner: JournalOwner, clock: Clock
) -> None:
    before = damaged[0].read_bytes()
    with pytest.raises(JournalError, match="set it aside before"):
        rebuild(damaged[0], owner, clock, BALANCE)
    assert before == damaged[0].read_bytes()


def test_a_rebuild_that_stopped_half_way_starts_over(
    damaged: tuple[Path, str], open_journal: Open, owner: JournalOwner, clock: Clock
) -> None:
    """The new file is in place, and the marker still tells of the old one."""
    path, _ = damaged
    quarantine(path, clock)
    old = marker_path(path).read_bytes()
    rebuild(path, owner, clock, BALANCE)
    marker_path(path).write_bytes(old)
    with pytest.raises(JournalDamagedError):
        open_journal()
    quarantine(path, clock)
    path.with_name("journal.db.rebuilding").write_bytes(b"rest of an attempt")
    assert rebuild(path, owner, clock, BALANCE).is_sound
    assert 2 == open_journal().rows


def test_what_cannot_be_renamed_is_the_disks_fault(
    tmp_path: Path, owner: JournalOwner, clock: Clock
) -> None:
    nowhere = tmp_path / "nowhere" / "journal.db"
    with pytest.raises(JournalWriteError, match="cannot be set aside"):
        quarantine(nowhere, clock)
    with pytest.raises(JournalWriteError):
        rebuild(nowhere, owner, clock, BALANCE)
    assert not verify(nowhere).is_sound
