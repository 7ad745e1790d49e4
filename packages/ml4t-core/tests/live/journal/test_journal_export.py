"""The journal as lines of JSON."""

import io
import json
from collections.abc import Callable

import pytest

from ml4t.live.clock import Clock
from ml4t.live.events import JournalEvent
from ml4t.live.journal import (
    Journal,
    JournalDamagedError,
    JournalInUseError,
    JournalOwner,
    MemoryJournal,
    export_jsonl,
)

Open = Callable[..., Journal]


def test_a_line_has_the_columns_of_the_row(open_journal: Open, session: list[JournalEvent]) -> None:
    journal = open_journal()
    journal.append(session)
    stream = io.StringIO()
    assert len(session) == export_jsonl(journal, stream)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert list(range(1, len(session) + 1)) == [line["seq"] for line in lines]
    assert journal.head == lines[-1]["hash"]
    assert {"kind": "note", "message": 'späť "quoted" \u2028 \x00'} == lines[-2]["body"]
    names = ["body", "epoch", "hash", "key", "kind", "mono_ns", "seq", "ts_ns", "v"]
    assert names == list(lines[0])


def test_the_file_gives_the_same_lines_as_the_open_journal(
    open_journal: Open, session: list[JournalEvent]
) -> None:
    journal = open_journal()
    journal.append(session)
    live, later = io.StringIO(), io.StringIO()
    export_jsonl(journal, live)
    with pytest.raises(JournalInUseError):
        export_jsonl(journal.path, later)
    journal.close()
    export_jsonl(journal.path, later)
    assert live.getvalue() == later.getvalue()


def test_a_journal_in_memory_can_be_exported(
    owner: JournalOwner, clock: Clock, session: list[JournalEvent]
) -> None:
    journal = MemoryJournal(owner, clock)
    journal.append(session)
    assert len(session) == export_jsonl(journal, io.StringIO())


def test_a_damaged_file_is_not_exported(open_journal: Open, session: list[JournalEvent]) -> None:
    journal = open_journal()
    journal.append(session)
    journal.close()
    with journal.path.open("r+b") as file:
        file.truncate(8192)
    stream = io.StringIO()
    with pytest.raises(JournalDamagedError):
        export_jsonl(journal.path, stream)
    assert "" == stream.getvalue()
