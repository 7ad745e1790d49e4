"""Opening the file of a journal: examine, migrate, compare with its tables, begin an epoch."""

import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs

from ml4t.live.clock import Clock
from ml4t.live.events import EVENT_TYPES
from ml4t.live.failpoints import failpoint
from ml4t.live.journal import schema
from ml4t.live.journal.chain import COLUMNS, Verification, entry_of, genesis
from ml4t.live.journal.entries import Entry, JournalOwner, nanoseconds
from ml4t.live.journal.errors import JournalDamagedError, JournalError, JournalWriteError
from ml4t.live.journal.inspection import Inspection, inspect, is_new, sqlite_causes
from ml4t.live.journal.marker import Mark, Marker, sync_directory
from ml4t.live.journal.projections import differing_table, is_projected

__all__ = ["Opened", "next_epoch", "open_file"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SECOND = 1_000_000_000


@attrs.frozen(kw_only=True)
class Opened:
    """A file that is ready for events.

    Attributes:
        connection: the only one.
        marker: the second file that says how far the journal has come.
        rows: how many entries there are.
        head: the hash of the last entry.
        epoch: the number of this start.
        epochs: of all entries and this one.
    """

    connection: sqlite3.Connection
    marker: Marker
    rows: int
    head: bytes
    epoch: int
    epochs: frozenset[int]


def open_file(path: Path, owner: JournalOwner, clock: Clock, least_epoch: int = 0) -> Opened:
    """Open a journal, or make one where there never was one.

    Args:
        path: the file.
        owner: whose it is.
        clock: tells when.
        least_epoch: the new epoch is greater than this.

    Raises:
        JournalError: by its cause; a file that cannot be trusted is left as it is.
    """
    with sqlite_causes(path):
        found = None if is_new(path) else inspect(path)
        if found is not None:
            _refuse_other_owner(path, found.owner, owner)
        failpoint("journal.inspected")
        connection = _connect(path)
        try:
            if found is None:
                found = _create(connection, owner, clock)
            else:
                _bring_up(path, connection, found, clock)
            epoch = _begin_epoch(connection, found, (owner, least_epoch), clock)
            marker = _marked(path, found.verification, epoch)
        except BaseException:
            connection.close()
            raise
    failpoint("journal.opened")
    return Opened(
        connection=connection,
        marker=marker,
        rows=found.verification.rows,
        head=bytes.fromhex(found.verification.head),
        epoch=epoch,
        epochs=found.epochs | {epoch},
    )


def next_epoch(last: int, clock: Clock) -> int:
    """The number of a new start: greater than the last, and the wall clock's seconds if it can be.

    The seconds keep two journals of one account, on two machines or before and after a loss of the
    file, from giving the same order id.
    """
    return max(last + 1, nanoseconds(clock.now()) // _SECOND)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    try:
        _prepare(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    # Exclusive: no second connection on this machine, and no shared-memory file.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        msg = f"the file system of {path} does not allow a write-ahead log, mode is {mode}"
        raise JournalWriteError(msg)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA mmap_size = 0")
    # Takes the lock, which is kept.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("COMMIT")


def _refuse_other_owner(path: Path, found: JournalOwner, owner: JournalOwner) -> None:
    if found.names != owner.names:
        msg = (
            f"the journal {path} belongs to {_described(found)}, not to {_described(owner)}: "
            "each account has a state directory of its own"
        )
        raise JournalError(msg)


def _described(owner: JournalOwner) -> str:
    return f"account {owner.account_id} ({owner.environment.name}) at {owner.broker}"


def _create(connection: sqlite3.Connection, owner: JournalOwner, clock: Clock) -> Inspection:
    created_ns = nanoseconds(clock.now())
    meta = owner.names | {"app_version": owner.app_version, "created_ns": str(created_ns)}
    connection.execute("BEGIN IMMEDIATE")
    schema.run_steps(connection)
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    failpoint("journal.creating")
    connection.execute("COMMIT")
    failpoint("journal.created")
    start = genesis(owner, created_ns)
    return Inspection(
        owner=owner,
        start=start,
        created_ns=created_ns,
        verification=Verification(rows=0, head=start.hex()),
        epochs=frozenset(),
        last_epoch=0,
    )


def _bring_up(path: Path, connection: sqlite3.Connection, found: Inspection, clock: Clock) -> None:
    last = connection.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()[0]
    if last != found.verification.rows:
        msg = f"the journal {path} changed while it was examined: try again"
        raise JournalError(msg)
    version = schema.version_of(connection)
    if version < schema.newest_version():
        _back_up(connection, path.with_name(f"{path.name}.v{version}-{clock.now():%Y%m%dT%H%M%S}"))
        failpoint("journal.backed_up")
        connection.execute("BEGIN IMMEDIATE")
        schema.run_steps(connection)
        failpoint("journal.migrating")
        connection.execute("COMMIT")
        failpoint("journal.migrated")
    table = differing_table(
        connection, ((entry.seq, entry.event) for entry in _projected_entries(connection))
    )
    if table is not None:
        msg = f"the journal {path} is damaged: table {table} is not what the events make of it"
        raise JournalDamagedError(msg)


def _projected_entries(connection: sqlite3.Connection) -> Iterator[Entry]:
    kinds = [kind for kind, event in EVENT_TYPES.items() if is_projected(event)]
    places = ", ".join("?" * len(kinds))
    query = (
        f"SELECT {', '.join(COLUMNS)} FROM journal "  # noqa: S608 - our own columns
        f"WHERE kind IN ({places}) ORDER BY seq"
    )
    return map(entry_of, connection.execute(query, kinds))


def _back_up(connection: sqlite3.Connection, path: Path) -> None:
    with closing(sqlite3.connect(path)) as copy:
        connection.backup(copy)


def _begin_epoch(
    connection: sqlite3.Connection,
    found: Inspection,
    start: tuple[JournalOwner, int],
    clock: Clock,
) -> int:
    owner, least_epoch = start
    epoch = next_epoch(max(found.last_epoch, least_epoch), clock)
    now = nanoseconds(clock.now())
    boot_id = _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else ""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?, ?, ?, ?)",
        (epoch, socket.gethostname(), os.getpid(), boot_id, now, now),
    )
    connection.execute("UPDATE meta SET v = ? WHERE k = 'app_version'", (owner.app_version,))
    connection.execute("COMMIT")
    failpoint("journal.epoch")
    return epoch


def _marked(path: Path, verification: Verification, epoch: int) -> Marker:
    try:
        marker = Marker(path)
        marker.write(Mark(epoch, verification.rows, verification.head))
        marker.sync()
        sync_directory(path.parent)
    except OSError as error:
        msg = f"the disk does not let the marker of the journal {path} be written: {error}"
        raise JournalWriteError(msg) from error
    return marker
