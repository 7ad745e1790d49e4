"""The examination of a journal's file, which leaves the file as it is.

It is opened read-only, since SQLite tidies up behind a connection that may write, and what is found
damaged is evidence.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import attrs

from ml4t.core.venue_events import Environment
from ml4t.live.journal import schema
from ml4t.live.journal.chain import COLUMNS, Row, Verification, genesis, walk
from ml4t.live.journal.codec import CODEC
from ml4t.live.journal.entries import JournalOwner
from ml4t.live.journal.errors import (
    JournalDamagedError,
    JournalError,
    JournalInUseError,
    JournalTooNewError,
    JournalWriteError,
)
from ml4t.live.journal.marker import Mark, read_mark

__all__ = ["Inspection", "inspect", "is_new", "reading", "sqlite_causes", "verify"]

ALL_ROWS = f"SELECT {', '.join(COLUMNS)} FROM journal ORDER BY seq"  # noqa: S608 - our own columns

_IN_USE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DISK = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR,
     sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM}
)  # fmt: skip
_PRIMARY = 0xFF
_MOST_EPOCH = 2**32 - 2


@attrs.frozen(kw_only=True)
class Inspection:
    """A journal that is as it was written.

    Attributes:
        owner: whose it is.
        start: the hash before the first row.
        created_ns: when it was made, in nanoseconds since 1970.
        verification: how many rows there are and the hash of the last.
        epochs: of all rows.
        last_epoch: the greatest epoch that any engine had.
    """

    owner: JournalOwner
    start: bytes
    created_ns: int
    verification: Verification
    epochs: frozenset[int]
    last_epoch: int


def is_new(path: Path) -> bool:
    """Whether there is no journal yet and never was one.

    Raises:
        JournalDamagedError: there was one, and it is gone or empty.
    """
    mark = read_mark(path)
    if path.exists() and path.stat().st_size:
        with reading(path) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables:
            return False
    if mark is not None:
        what = "is empty" if path.exists() else "is missing"
        msg = f"the journal {path} {what}, and there was one: recover it from the venue"
        raise JournalDamagedError(msg)
    return True


def inspect(path: Path) -> Inspection:
    """Examine the file of a journal that is not in use.

    Raises:
        JournalTooNewError: a newer version of ml4t-core wrote it.
        JournalInUseError: an engine has it open.
        JournalDamagedError: it is not as it was written.
    """
    with reading(path) as connection:
        version = schema.version_of(connection)
        if version > schema.newest_version():
            msg = (
                f"the journal {path} has version {version}, this version of ml4t-core knows "
                f"{schema.newest_version()} at most: upgrade ml4t-core"
            )
            raise JournalTooNewError(msg)
        check = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if check != "ok":
            raise _damaged(path, check)
        return _examined(path, connection)


def verify(path: Path) -> Verification:
    """What an examination of a journal's file finds; the file is left as it is.

    Raises:
        JournalInUseError: an engine has it open; ask the engine for a snapshot.
        JournalTooNewError: a newer version of ml4t-core wrote it.
        JournalWriteError: the disk cannot be read.
    """
    try:
        if is_new(path):
            return Verification(rows=0, head="", reason=f"there is no journal at {path}")
        return inspect(path).verification
    except JournalDamagedError as error:
        return _broken_chain(path) or Verification(rows=0, head="", reason=str(error))


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write.

    Raises:
        JournalError: what SQLite reports meanwhile, by its cause.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with (
        sqlite_causes(path),
        closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0)) as connection,
    ):
        yield connection


@contextmanager
def sqlite_causes(path: Path) -> Iterator[None]:
    """Turn SQLite's errors while a journal is opened or read into the journal's.

    Raises:
        JournalInUseError: another connection has it open.
        JournalWriteError: the disk or its permissions.
        JournalDamagedError: anything else that SQLite cannot read.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code in _IN_USE:
            msg = f"another engine has the journal {path} open: stop it, or ask it for a snapshot"
            raise JournalInUseError(msg) from error
        if code in _DISK:
            msg = f"the disk does not let the journal {path} be opened: {error}"
            raise JournalWriteError(msg) from error
        raise _damaged(path, str(error)) from error


def _examined(path: Path, connection: sqlite3.Connection) -> Inspection:
    owner, created_ns = _owner_of(path, connection)
    start = genesis(owner, created_ns)
    verification = walk(connection.execute(ALL_ROWS), start)
    if not verification.is_sound:
        raise _damaged(path, verification.reason)
    mark = read_mark(path) or Mark()
    _compare_with_mark(path, connection, (start, verification), mark)
    for kind, newest in connection.execute("SELECT kind, max(v) FROM journal GROUP BY kind"):
        CODEC.refuse_newer(kind, newest)
    epochs = frozenset(
        epoch for (epoch,) in connection.execute("SELECT DISTINCT epoch FROM journal")
    )
    lease = connection.execute("SELECT coalesce(max(epoch), 0) FROM lease").fetchone()[0]
    if not 0 <= lease <= _MOST_EPOCH or lease < mark.epoch:
        raise _damaged(path, f"epoch {lease} of the last engine cannot be")
    return Inspection(
        owner=owner,
        start=start,
        created_ns=created_ns,
        verification=verification,
        epochs=epochs,
        last_epoch=max(epochs | {lease}),
    )


def _owner_of(path: Path, connection: sqlite3.Connection) -> tuple[JournalOwner, int]:
    meta: dict[str, str] = dict(connection.execute("SELECT k, v FROM meta"))
    try:
        owner = JournalOwner(
            account_id=meta["account_id"],
            environment=Environment[meta["environment"]],
            broker=meta["broker"],
            app_version=meta["app_version"],
        )
        return owner, int(meta["created_ns"])
    except (KeyError, ValueError) as error:
        raise _damaged(path, f"whose it is cannot be read: {error!r}") from error


def _compare_with_mark(
    path: Path, connection: sqlite3.Connection, found: tuple[bytes, Verification], mark: Mark
) -> None:
    start, verification = found
    if not mark.head:
        return
    if verification.rows < mark.seq:
        reason = f"it ends at row {verification.rows} and had {mark.seq}"
        raise _damaged(path, reason)
    row = connection.execute("SELECT hash FROM journal WHERE seq = ?", (mark.seq,)).fetchone()
    if (start if row is None else row[0]).hex() != mark.head:
        raise _damaged(path, f"row {mark.seq} is not the one that its marker knows")


def _broken_chain(path: Path) -> Verification | None:
    """Where the chain breaks, where that much can be read."""
    try:
        with reading(path) as connection:
            owner, created_ns = _owner_of(path, connection)
            found = walk(connection.execute(ALL_ROWS), genesis(owner, created_ns))
    except JournalError:
        return None
    return None if found.is_sound else found


def rows_after(connection: sqlite3.Connection, seq: int) -> list[Row]:
    """The next thousand rows after a number."""
    query = ALL_ROWS.replace("ORDER BY", "WHERE seq > ? ORDER BY") + " LIMIT 1000"
    rows: list[Row] = connection.execute(query, (seq,)).fetchall()
    return rows


def _damaged(path: Path, reason: str) -> JournalDamagedError:
    return JournalDamagedError(f"the journal {path} is damaged: {reason}")
