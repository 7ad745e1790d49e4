"""What every kind of journal takes and gives: owners, entries and the log itself."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import attrs

from ml4t.core.venue_events import Environment
from ml4t.live.events import JournalEvent

__all__ = ["Entry", "EventLog", "JournalOwner", "instant_of", "nanoseconds"]

_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NANOSECONDS = 1000


@attrs.frozen(kw_only=True)
class JournalOwner:
    """Whose journal it is; a journal is never opened for another.

    Attributes:
        account_id: the venue's name for the account.
        environment: whose money it holds.
        broker: which adapter reaches it.
        app_version: the version of ml4t-core that opens it; may change.
    """

    account_id: str
    environment: Environment
    broker: str
    app_version: str = ""

    @property
    def names(self) -> dict[str, str]:
        """What may not change, as text."""
        return {
            "account_id": self.account_id,
            "broker": self.broker,
            "environment": self.environment.name,
        }


@attrs.frozen
class Entry:
    """One event and when it was journaled.

    Attributes:
        seq: 1 for the first, without gaps.
        instant: the wall clock, in UTC.
        epoch: which start of the engine journaled it.
        event: what happened.
    """

    seq: int
    instant: datetime
    epoch: int
    event: JournalEvent


class EventLog(Protocol):
    """A journal, on disk or in memory."""

    @property
    def owner(self) -> JournalOwner:
        """Whose it is."""

    @property
    def epoch(self) -> int:
        """The number of this start of the engine; greater than that of every start before."""

    @property
    def epochs(self) -> frozenset[int]:
        """The epochs of all entries, and this one."""

    @property
    def rows(self) -> int:
        """How many entries there are."""

    @property
    def head(self) -> str:
        """The hash of the last entry in hexadecimal digits; it stands for all before it too."""

    @property
    def is_writable(self) -> bool:
        """Whether the latest write succeeded."""

    def append(self, events: Sequence[JournalEvent]) -> None:
        """Add events, all or none; they are durable when the call returns. Any thread may call it.

        Raises:
            JournalWriteError: the disk refused, now or before without a successful probe since.
            JournalError: an event cannot be journaled, such as a fill that already is.
        """

    def entries(self) -> Iterator[Entry]:
        """Everything from the first event on, in the order in which it was appended."""

    def next_order_id(self) -> str:
        """A client order id that was never given before. Any thread may call it."""

    def heartbeat(self) -> None:
        """Note that the engine lives.

        Raises:
            JournalWriteError: the disk refused.
        """

    def probe(self) -> bool:
        """Try a small write; after one that succeeds the journal takes events again."""

    def close(self) -> None:
        """Let go of the journal. A second call does nothing."""


def nanoseconds(instant: datetime) -> int:
    """Whole nanoseconds since 1970, exact."""
    return (instant - _START) // _MICROSECOND * _NANOSECONDS


def instant_of(ts_ns: int) -> datetime:
    """The instant of nanoseconds since 1970, in UTC, to the microsecond."""
    return _START + timedelta(microseconds=ts_ns // _NANOSECONDS)
