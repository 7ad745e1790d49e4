"""The journal on disk: an SQLite file to which nothing but events is ever added."""

import itertools
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock

from ml4t.live.clock import Clock
from ml4t.live.events import JournalEvent
from ml4t.live.failpoints import failpoint
from ml4t.live.journal.chain import Row, entry_of, seal
from ml4t.live.journal.disk import SOUND_DISK, Disk
from ml4t.live.journal.entries import Entry, JournalOwner, nanoseconds
from ml4t.live.journal.errors import JournalError, JournalWriteError
from ml4t.live.journal.identity import mint
from ml4t.live.journal.inspection import rows_after
from ml4t.live.journal.marker import Mark, sync_directory
from ml4t.live.journal.opening import Opened, open_file
from ml4t.live.journal.projections import project

__all__ = ["Journal"]

_INSERT = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Journal:
    """The events of one account, durable before anybody acts on them.

    It is made by :meth:`open`. One engine at a time has it open, and any of its threads may use it.
    After a write that the disk refused it takes no more until :meth:`probe` has succeeded.
    """

    def __init__(
        self, path: Path, owner: JournalOwner, opened: Opened, clock: Clock, disk: Disk
    ) -> None:
        self.path = path
        self.owner = owner
        self.epoch = opened.epoch
        self.epochs = opened.epochs
        self._connection = opened.connection
        self._marker = opened.marker
        self._last = (opened.rows, opened.head)
        self._clock = clock
        self._disk = disk
        self._numbers = itertools.count(1)
        self._lock = Lock()
        self._trouble = ""
        self._is_closed = False

    @classmethod
    def open(
        cls,
        path: Path,
        owner: JournalOwner,
        clock: Clock,
        *,
        disk: Disk = SOUND_DISK,
        least_epoch: int = 0,
    ) -> "Journal":
        """Open the journal of an account, or make it where there never was one.

        The whole file is examined before the first event is taken, in about 2 seconds for 100,000
        events.

        Args:
            path: the file.
            owner: whose it is; a journal of somebody else is refused.
            clock: tells when the events are journaled.
            disk: lets a test make the disk fail.
            least_epoch: the epoch of this start is greater than this.

        Raises:
            JournalDamagedError: the file cannot be trusted, or is gone.
            JournalTooNewError: a newer version of ml4t-core wrote it.
            JournalInUseError: another engine has it open.
            JournalWriteError: the disk refused.
            JournalError: it belongs to another account.
        """
        return cls(path, owner, open_file(path, owner, clock, least_epoch), clock, disk)

    @property
    def rows(self) -> int:
        """How many entries there are."""
        return self._last[0]

    @property
    def head(self) -> str:
        """The hash of the last entry in hexadecimal digits; it stands for all before it too."""
        return self._last[1].hex()

    @property
    def is_writable(self) -> bool:
        """Whether the latest write succeeded."""
        return not self._trouble

    def append(self, events: Sequence[JournalEvent]) -> None:
        """Add events, all or none; they are durable when the call returns. Any thread may call it.

        Raises:
            JournalWriteError: the disk refused, now or before without a successful probe since.
            JournalError: an event cannot be journaled, such as a fill that already is.
        """
        if not events:
            return
        with self._lock:
            self._refuse_while_in_trouble()
            rows = seal(events, self._last, self.epoch, self._clock)
            with self._transaction():
                self._insert(rows, events)
            failpoint("journal.committed")
            self._last = (rows[-1][0], rows[-1][-1])
            self._mark()

    def entries(self) -> Iterator[Entry]:
        """Everything from the first event on, in the order in which it was appended.

        Raises:
            JournalError: this version of ml4t-core cannot read an entry.
        """
        return map(entry_of, self.stored())

    def stored(self) -> Generator[Row, None, None]:
        """The rows of all entries, as they are hashed."""
        seq = 0
        while True:
            with self._lock:
                rows = rows_after(self._connection, seq)
            if not rows:
                return
            yield from rows
            seq = rows[-1][0]

    def next_order_id(self) -> str:
        """A client order id that was never given before. Any thread may call it."""
        return mint(self.owner.account_id, self.epoch, next(self._numbers))

    def heartbeat(self) -> None:
        """Note that the engine lives.

        Raises:
            JournalWriteError: the disk refused.
        """
        with self._lock:
            self._refuse_while_in_trouble()
            self._beat()

    def probe(self) -> bool:
        """Try a small write; after one that succeeds the journal takes events again."""
        with self._lock:
            if self._is_closed:
                return False
            self._roll_back()
            try:
                self._beat()
            except JournalWriteError:
                return False
            self._trouble = ""
            self._mark()
            return self.is_writable

    def snapshot_to(self, path: Path) -> None:
        """Write a copy of the journal to a new file, whole and durable when the call returns.

        Raises:
            JournalError: there is such a file.
            JournalWriteError: the disk refused.
        """
        if path.exists():
            msg = f"a snapshot needs a file of its own, {path} exists"
            raise JournalError(msg)
        try:
            with closing(sqlite3.connect(path)) as copy, self._lock:
                copy.execute("PRAGMA synchronous = FULL")
                self._connection.backup(copy)
            sync_directory(path.parent)
        except (sqlite3.Error, OSError) as error:
            path.unlink(missing_ok=True)
            msg = f"the disk does not take a snapshot of the journal at {path}: {error}"
            raise JournalWriteError(msg) from error

    def close(self) -> None:
        """Let go of the file. A second call does nothing."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._trouble = "it is closed"
            self._connection.close()
            self._marker.close()
        failpoint("journal.closed")

    def _insert(self, rows: Sequence[Row], events: Sequence[JournalEvent]) -> None:
        self._disk.reached("insert")
        self._connection.executemany(_INSERT, rows)
        failpoint("journal.inserted")
        for row, event in zip(rows, events, strict=True):
            self._disk.reached("project")
            project(self._connection, row[0], event)
        failpoint("journal.projected")

    def _beat(self) -> None:
        with self._transaction():
            self._disk.reached("heartbeat")
            self._connection.execute(
                "UPDATE lease SET heartbeat_ns = ?", (nanoseconds(self._clock.now()),)
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._disk.reached("begin")
            failpoint("journal.begin")
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._disk.reached("commit")
            failpoint("journal.before_commit")
            self._connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            self._roll_back()
            msg = f"an intent or an execution is in the journal already: {error}"
            raise JournalError(msg) from error
        except (sqlite3.Error, OSError) as error:
            self._roll_back()
            self._trouble = str(error)
            msg = f"the disk does not take the journal {self.path}: {error}"
            raise JournalWriteError(msg) from error
        except ValueError as error:
            self._roll_back()
            msg = f"an event cannot be journaled: {error}"
            raise JournalError(msg) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            # Where even that fails the transaction stays open, and the next write says so.
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def _mark(self) -> None:
        """The events are durable whatever happens here; the next ones wait until it works again."""
        try:
            self._disk.reached("marker")
            self._marker.write(Mark(self.epoch, self.rows, self.head))
        except (sqlite3.Error, OSError) as error:
            self._trouble = str(error)
        failpoint("journal.marked")

    def _refuse_while_in_trouble(self) -> None:
        if self._trouble:
            msg = f"the journal {self.path} takes no events: {self._trouble}"
            raise JournalWriteError(msg)
