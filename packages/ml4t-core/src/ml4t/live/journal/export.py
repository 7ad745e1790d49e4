"""The journal as lines of JSON, for other programs and for the report of a run."""

import json
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TextIO

from ml4t.live.journal.chain import COLUMNS, Row
from ml4t.live.journal.codec import canonical
from ml4t.live.journal.inspection import ALL_ROWS, inspect, reading
from ml4t.live.journal.memory import MemoryJournal
from ml4t.live.journal.store import Journal

__all__ = ["export_jsonl"]


def export_jsonl(source: Path | Journal | MemoryJournal, stream: TextIO) -> int:
    """Write a line of JSON for each entry, in order, and give their number.

    A line has the columns of the row; ``body`` is the event as an object, ``hash`` is in
    hexadecimal digits.

    Args:
        source: the file of a journal that no engine has open, or an open journal.
        stream: where the lines go.

    Raises:
        JournalDamagedError: the file is not as it was written; nothing is exported.
        JournalInUseError: an engine has the file open; export a snapshot instead.
    """
    count = 0
    with closing(_rows_of(source)) as rows:
        for row in rows:
            fields = dict(zip(COLUMNS, row, strict=True))
            fields |= {"body": json.loads(row[7]), "hash": row[8].hex()}
            stream.write(canonical(fields) + "\n")
            count += 1
    return count


def _rows_of(source: Path | Journal | MemoryJournal) -> Generator[Row, None, None]:
    if isinstance(source, Path):
        inspect(source)
        with reading(source) as connection:
            yield from connection.execute(ALL_ROWS)
    else:
        yield from source.stored()
