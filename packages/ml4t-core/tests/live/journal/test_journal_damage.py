"""Files that were cut short, changed, emptied, removed or written by a later version."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ml4t.core.errors import JournalError
from ml4t.live.clock import Clock
from ml4t.live.events import EVENT_TYPES, Alert, JournalEvent
from ml4t.live.journal import (
    Journal,
    JournalDamagedError,
    JournalOwner,
    JournalTooNewError,
    quarantine,
    verify,
)
from ml4t.live.journal.codec import CODEC, Codec
from ml4t.live.journal.marker import marker_path

Open = Callable[..., Journal]


@pytest.fixture
def written(open_journal: Open, session: list[JournalEvent], path: Path) -> Path:
    """A journal of an engine that stopped in good order."""
    journal = open_journal()
    journal.append(session)
    journal.append([Alert(kind="n", message="z" * 100)] * 50)
    journal.close()
    return path


@pytest.fixture
def crashed(written: Path, tmp_path: Path, owner: JournalOwner, clock: Clock) -> Path:
    """A journal of an engine that was killed, of which much is in the write-ahead log alone."""
    journal = Journal.open(written, owner, clock)
    for number in range(30):
        journal.append([Alert(kind="n", message=f"{number:0100}")])
    place = tmp_path / "crashed"
    place.mkdir()
    for name in ("journal.db", "journal.db-wal", "journal.db.marker"):
        shutil.copy(written.with_name(name), place / name)
    journal.close()
    return place / "journal.db"


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET body = replace(body, '100.25', '100.26')",
        "UPDATE journal SET ts_ns = ts_ns + 1 WHERE seq = 7",
        "UPDATE journal SET mono_ns = 0 WHERE seq = 7",
        "UPDATE journal SET key = 'o9' WHERE seq = 7",
        "UPDATE journal SET epoch = 1 WHERE seq = 7",
        "UPDATE journal SET kind = 'Alert' WHERE seq = 7",
        "UPDATE journal SET v = 0 WHERE seq = 7",
        "UPDATE journal SET hash = x'00' WHERE seq = 7",
        "DELETE FROM journal WHERE seq = 20",
        "DELETE FROM journal WHERE seq > 60",
        "DELETE FROM journal",
        "UPDATE journal SET seq = seq + 1000",
        "UPDATE meta SET v = 'DU124' WHERE k = 'account_id'",
        "UPDATE meta SET v = '1' WHERE k = 'created_ns'",
        "DELETE FROM meta WHERE k = 'environment'",
        "UPDATE lease SET epoch = 1",
        "UPDATE lease SET epoch = 1 << 40",
        "DELETE FROM lease",
        "UPDATE positions SET quantity = '7'",
        "UPDATE intents SET status = 'FILLED'",
        "DELETE FROM fills",
        "UPDATE fills SET fill_id = 'f9' WHERE fill_id = 'f1'",
        "UPDATE cash SET amount = '1'",
        "DELETE FROM causes",
        "UPDATE risk_state SET high_water_mark = '1'",
        "DROP TABLE fills",
        "DROP TABLE journal",
        "PRAGMA user_version = 0",
    ],
)
def test_a_changed_file_is_refused_and_left_as_it_is(
    written: Path, open_journal: Open, statement: str
) -> None:
    change(written, statement)
    with pytest.raises(JournalDamagedError, match="damaged"):
        open_journal()
    with pytest.raises(JournalDamagedError, match="damaged"):
        open_journal()


def test_a_later_version_is_refused_whatever_else_is_wrong(
    written: Path, open_journal: Open
) -> None:
    change(written, "PRAGMA user_version = 99")
    change(written, "DELETE FROM fills")
    with pytest.raises(JournalTooNewError, match="upgrade ml4t-core"):
        open_journal()
    with pytest.raises(JournalTooNewError):
        verify(written)


def test_an_event_of_a_later_version_is_refused_before_anything_changes(
    open_journal: Open, session: list[JournalEvent], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal()
    later = Codec(EVENT_TYPES, {"Alert": (lambda old: old,)})
    monkeypatch.setattr(CODEC, "encode", later.encode)
    journal.append(session)
    journal.close()
    before = path.read_bytes()
    with pytest.raises(JournalTooNewError, match="Alert in version 2"):
        open_journal()
    assert before == path.read_bytes()


def test_verify_names_the_first_bad_row(written: Path) -> None:
    change(written, "UPDATE journal SET ts_ns = 0 WHERE seq IN (9, 12)")
    found = verify(written)
    assert (False, 8, 9) == (found.is_sound, found.rows, found.first_bad)
    assert "row 9 is not as it was written" == found.reason


def test_verify_says_where_rows_are_missing(written: Path) -> None:
    change(written, "DELETE FROM journal WHERE seq = 9")
    assert (9, "row 9 is missing") == (verify(written).first_bad, verify(written).reason)


def test_verify_of_no_journal_says_so(tmp_path: Path) -> None:
    found = verify(tmp_path / "journal.db")
    assert not found.is_sound
    assert "there is no journal" in found.reason


@pytest.mark.parametrize("size", [0, 1, 100, 4096, 8192, 20_000])
def test_a_file_cut_short_is_never_fresh(written: Path, open_journal: Open, size: int) -> None:
    with written.open("r+b") as file:
        file.truncate(size)
    with pytest.raises(JournalDamagedError):
        open_journal()
    assert not verify(written).is_sound


def test_a_missing_file_is_never_fresh(written: Path, open_journal: Open) -> None:
    written.unlink()
    with pytest.raises(JournalDamagedError, match="is missing, and there was one"):
        open_journal()


def test_a_file_that_is_something_else_is_refused(written: Path, open_journal: Open) -> None:
    written.write_bytes(b"not a database" * 1000)
    with pytest.raises(JournalDamagedError):
        open_journal()


def test_a_lost_marker_alone_does_no_harm(
    written: Path, open_journal: Open, session: list[JournalEvent]
) -> None:
    marker_path(written).unlink()
    assert len(session) + 50 == open_journal().rows


@pytest.mark.parametrize("content", [b"", b"\x00" * 128, b"1 2 x", b"\xff" * 50])
def test_an_unreadable_marker_still_says_that_there_was_a_journal(
    written: Path, open_journal: Open, content: bytes
) -> None:
    marker_path(written).write_bytes(content)
    journal = open_journal()
    journal.close()
    marker_path(written).write_bytes(content)
    written.unlink()
    with pytest.raises(JournalDamagedError, match="there was one"):
        open_journal()


def test_an_older_copy_in_its_place_is_refused(
    open_journal: Open, session: list[JournalEvent], path: Path
) -> None:
    """Its engine would not know of orders that were sent since."""
    journal = open_journal()
    journal.append(session[:5])
    journal.snapshot_to(path.with_name("old.db"))
    journal.append(session[5:])
    journal.close()
    shutil.copy(path.with_name("old.db"), path)
    with pytest.raises(JournalDamagedError, match="ends at row 5 and had"):
        open_journal()


def test_a_crashed_engine_left_everything(crashed: Path, owner: JournalOwner, clock: Clock) -> None:
    rows = verify(crashed).rows
    journal = Journal.open(crashed, owner, clock)
    assert rows == journal.rows
    last = list(journal.entries())[-1].event
    assert isinstance(last, Alert)
    assert f"{29:0100}" == last.message
    journal.close()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_torn_log_of_what_was_acknowledged_is_noticed(crashed: Path, share: float) -> None:
    """SQLite takes the torn end for no end at all; the marker knows better."""
    log = crashed.with_name("journal.db-wal")
    with log.open("r+b") as file:
        file.truncate(int(log.stat().st_size * share))
    found = verify(crashed)
    assert not found.is_sound
    assert "ends at row" in found.reason


def test_garbage_after_the_log_is_harmless(crashed: Path) -> None:
    """It is what a crash in the middle of a write leaves."""
    rows = verify(crashed).rows
    with crashed.with_name("journal.db-wal").open("ab") as file:
        file.write(random.Random(1).randbytes(3000))  # noqa: S311
    assert (True, rows) == (verify(crashed).is_sound, verify(crashed).rows)


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal", "journal.db.marker"])
def test_a_flipped_bit_is_detected_or_harmless(
    crashed: Path, owner: JournalOwner, clock: Clock, tmp_path: Path, name: str
) -> None:
    dice = random.Random(name)  # noqa: S311
    before = Journal.open(copied(crashed, tmp_path / "sound"), owner, clock)
    expected = [repr(entry) for entry in before.entries()]
    before.close()
    detected = 0
    for number in range(80):
        place = copied(crashed, tmp_path / str(number))
        flip(place.with_name(name), dice)
        try:
            journal = Journal.open(place, owner, clock)
        except JournalError:
            detected += 1
            continue
        assert expected == [repr(entry) for entry in journal.entries()]
        journal.close()
        shutil.rmtree(place.parent)
    assert detected > 10


def copied(journal: Path, place: Path) -> Path:
    shutil.copytree(journal.parent, place)
    return place / journal.name


def flip(path: Path, dice: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)


def test_an_examination_changes_nothing(crashed: Path, owner: JournalOwner, clock: Clock) -> None:
    """What is found damaged is evidence."""
    names = ("journal.db", "journal.db-wal", "journal.db.marker")
    log = crashed.with_name("journal.db-wal")
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size // 2)
    before = [crashed.with_name(name).read_bytes() for name in names]
    verify(crashed)
    with pytest.raises(JournalDamagedError):
        Journal.open(crashed, owner, clock)
    assert before == [crashed.with_name(name).read_bytes() for name in names]


def test_quarantine_keeps_the_evidence_and_the_next_start_halts(
    crashed: Path, owner: JournalOwner, clock: Clock
) -> None:
    contents = [crashed.read_bytes(), crashed.with_name("journal.db-wal").read_bytes()]
    aside = quarantine(crashed, clock)
    assert aside is not None
    assert aside.name.startswith("journal.db.corrupt-20260302T1430")
    assert contents == [aside.read_bytes(), aside.with_name(aside.name + "-wal").read_bytes()]
    for _ in range(2):
        with pytest.raises(JournalDamagedError, match="missing"):
            Journal.open(crashed, owner, clock)
    assert quarantine(crashed, clock) is None


def test_quarantine_of_a_journal_without_a_marker_makes_one(
    written: Path, open_journal: Open, clock: Clock
) -> None:
    marker_path(written).unlink()
    quarantine(written, clock)
    with pytest.raises(JournalDamagedError, match="missing"):
        open_journal()
