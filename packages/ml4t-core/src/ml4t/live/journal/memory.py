"""The journal of a simulation: the same events, text and hashes, without a disk."""

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import attrs

from ml4t.live.clock import Clock
from ml4t.live.events import FillBooked, IntentRecorded, JournalEvent, OrderChanged
from ml4t.live.journal.chain import Row, entry_of, genesis, seal
from ml4t.live.journal.disk import SOUND_DISK, Disk
from ml4t.live.journal.entries import Entry, JournalOwner, nanoseconds
from ml4t.live.journal.errors import JournalError, JournalWriteError
from ml4t.live.journal.identity import mint
from ml4t.live.journal.opening import next_epoch

__all__ = ["MemoryJournal"]


Key: TypeAlias = tuple[str, str]


@attrs.define(kw_only=True)
class Contents:
    """What a journal in memory holds.

    Attributes:
        hash: of the last row, or what stands before the first.
        rows: all of them.
        keys: the intents and executions that may not come twice.
        epochs: of every start.
    """

    hash: bytes
    rows: list[Row] = attrs.field(factory=list)
    keys: set[Key] = attrs.field(factory=set)
    epochs: set[int] = attrs.field(factory=set)


class MemoryJournal:
    """A journal that is gone with the process, for one thread.

    Args:
        owner: whose it is.
        clock: tells when the events are journaled.
        disk: lets a test make the disk fail that there is not.
        contents: what it holds already.

    >>> from ml4t.core.venue_events import Environment
    >>> from ml4t.live.clock import SystemClock
    >>> from ml4t.live.events import Alert
    >>> owner = JournalOwner(account_id="A1", environment=Environment.SIMULATED, broker="none")
    >>> journal = MemoryJournal(owner, SystemClock())
    >>> journal.append([Alert(kind="greeting", message="hello")])
    >>> [entry.event.message for entry in journal.entries()]
    ['hello']
    """

    def __init__(
        self,
        owner: JournalOwner,
        clock: Clock,
        *,
        disk: Disk = SOUND_DISK,
        contents: Contents | None = None,
    ) -> None:
        self._contents = contents or Contents(hash=genesis(owner, nanoseconds(clock.now())))
        self.owner = owner
        self.epoch = next_epoch(max(self._contents.epochs, default=0), clock)
        self._contents.epochs.add(self.epoch)
        self._clock = clock
        self._disk = disk
        self._numbers = itertools.count(1)
        self._trouble = ""
        self._is_closed = False

    def reopened(self) -> "MemoryJournal":
        """What a restart of the engine finds: the same entries, and a new epoch."""
        old = self._contents
        copy = Contents(
            hash=old.hash, rows=list(old.rows), keys=set(old.keys), epochs=set(old.epochs)
        )
        return MemoryJournal(self.owner, self._clock, disk=self._disk, contents=copy)

    @property
    def epochs(self) -> frozenset[int]:
        """The epochs of all starts so far, this one included."""
        return frozenset(self._contents.epochs)

    @property
    def rows(self) -> int:
        """How many entries there are."""
        return len(self._contents.rows)

    @property
    def head(self) -> str:
        """The hash of the last entry in hexadecimal digits; it stands for all before it too."""
        return self._contents.hash.hex()

    @property
    def is_writable(self) -> bool:
        """Whether the latest write succeeded."""
        return not self._trouble

    def append(self, events: Sequence[JournalEvent]) -> None:
        """Add events, all or none.

        Raises:
            JournalWriteError: the disk refused, now or before without a successful probe since.
            JournalError: an event cannot be journaled, such as a fill that already is.
        """
        if not events:
            return
        self._refuse_while_in_trouble()
        rows = seal(events, (self.rows, self._contents.hash), self.epoch, self._clock)
        keys = self._new_keys(events)
        self._reach("begin", "insert", *("project" for _ in events), "commit")
        self._contents.keys |= keys
        self._contents.rows += rows
        self._contents.hash = rows[-1][-1]

    def entries(self) -> Iterator[Entry]:
        """Everything from the first event on, in the order in which it was appended."""
        return map(entry_of, self._contents.rows)

    def stored(self) -> Iterator[Row]:
        """The rows of all entries, as they are hashed."""
        return iter(self._contents.rows)

    def next_order_id(self) -> str:
        """A client order id that was never given before."""
        return mint(self.owner.account_id, self.epoch, next(self._numbers))

    def heartbeat(self) -> None:
        """Note that the engine lives.

        Raises:
            JournalWriteError: the disk refused.
        """
        self._refuse_while_in_trouble()
        self._reach("begin", "heartbeat", "commit")

    def probe(self) -> bool:
        """Try a small write; after one that succeeds the journal takes events again."""
        if self._is_closed:
            return False
        try:
            self._reach("begin", "heartbeat", "commit")
        except JournalWriteError:
            return False
        self._trouble = ""
        return True

    def close(self) -> None:
        """Take no more events; what is there can still be read and reopened."""
        self._is_closed = True
        self._trouble = "it is closed"

    def _new_keys(self, events: Sequence[JournalEvent]) -> set[Key]:
        keys: set[Key] = set()
        for event in events:
            for key in _keys_of(event):
                if key in keys or key in self._contents.keys:
                    msg = f"{key[0]} {key[1]} is in the journal already"
                    raise JournalError(msg)
                keys.add(key)
            if isinstance(event, OrderChanged):
                keys.add(("intent", event.order.id))
        return keys

    def _reach(self, *steps: str) -> None:
        try:
            for step in steps:
                self._disk.reached(step)
        except (sqlite3.Error, OSError) as error:
            self._trouble = str(error)
            msg = f"the disk does not take the journal: {error}"
            raise JournalWriteError(msg) from error

    def _refuse_while_in_trouble(self) -> None:
        if self._trouble:
            msg = f"the journal takes no events: {self._trouble}"
            raise JournalWriteError(msg)


def _keys_of(event: JournalEvent) -> list[Key]:
    if isinstance(event, FillBooked):
        return [("execution", event.fill.id)]
    if isinstance(event, IntentRecorded):
        return [("intent", order.id) for order in event.orders]
    return []
