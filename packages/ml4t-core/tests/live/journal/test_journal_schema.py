"""Versions of the journal: the frozen files of the past, and the way to the next."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ml4t.live.events import Alert, JournalEvent
from ml4t.live.journal import Journal, JournalDamagedError, JournalOwner, schema, verify

Open = Callable[..., Journal]
Look = Callable[[Journal, str], list[tuple[object, ...]]]
HERE = Path(__file__).parent

FROZEN = [
    ("journal_v1.db", 24, "1666a916f7aff3bf72ec31d3c783d6bc6a9d6c848f47abd123b38407db635528"),
]
"""The file, its rows and its head; ``freeze_journal.py`` made them."""


@pytest.mark.parametrize(("name", "rows", "head"), FROZEN)
def test_a_journal_of_every_version_can_be_opened(
    path: Path, open_journal: Open, look: Look, name: str, rows: int, head: str
) -> None:
    shutil.copy(HERE / name, path)
    assert (rows, head) == (verify(path).rows, verify(path).head)
    journal = open_journal()
    assert rows == len(list(journal.entries()))
    journal.append([Alert(kind="n", message="")])
    assert [(schema.newest_version(),)] == look(journal, "PRAGMA user_version")


def test_every_version_has_a_frozen_file() -> None:
    assert schema.newest_version() == len(FROZEN)


def test_a_step_brings_an_older_file_to_the_next_version(
    open_journal: Open,
    look: Look,
    session: list[JournalEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = open_journal()
    old.append(session)
    old.close()
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, ("CREATE TABLE notes (t TEXT) STRICT",)))
    new = open_journal()
    assert repr(session) == repr([entry.event for entry in new.entries()])
    assert [(2,)] == look(new, "PRAGMA user_version")
    new.append([Alert(kind="n", message="")])
    new.close()
    (backup,) = old.path.parent.glob("journal.db.v1-*")
    assert (True, len(session)) == (verify(backup).is_sound, verify(backup).rows)
    with closing(sqlite3.connect(backup)) as connection:
        assert 1 == schema.version_of(connection)


def test_a_step_that_fails_leaves_the_older_file(
    open_journal: Open, session: list[JournalEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = open_journal()
    old.append(session)
    old.close()
    steps = schema.STEPS
    broken = ("CREATE TABLE notes (t TEXT) STRICT", "CREATE NONSENSE")
    monkeypatch.setattr(schema, "STEPS", (*steps, broken))
    with pytest.raises(JournalDamagedError, match="syntax error"):
        open_journal()
    monkeypatch.setattr(schema, "STEPS", steps)
    again = open_journal()
    assert repr(session) == repr([entry.event for entry in again.entries()])


def test_a_file_of_which_only_the_start_was_made_is_new(path: Path, open_journal: Open) -> None:
    """An engine was killed while it made its first journal."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert path.stat().st_size
    assert 0 == open_journal().rows


def test_the_application_is_noted(owner: JournalOwner, open_journal: Open, look: Look) -> None:
    journal = open_journal()
    query = "SELECT v FROM meta WHERE k = 'app_version'"
    assert [(owner.app_version,)] == look(journal, query)
