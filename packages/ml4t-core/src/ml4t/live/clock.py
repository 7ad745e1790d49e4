"""Where the live runtime gets its time from: the one module that reads a clock."""

import time
from datetime import UTC, datetime
from typing import Protocol

import attrs

from ml4t.core.times import require_aware

__all__ = ["BarClock", "Clock", "SystemClock"]


class Clock(Protocol):
    """Two readings of the time.

    Intervals are measured with :meth:`monotonic`, since the wall clock may be set forth and back
    while the program runs.
    """

    def now(self) -> datetime:
        """The wall clock, in UTC."""

    def monotonic(self) -> float:
        """Seconds that only go forward, of no meaning but their differences."""


@attrs.frozen
class SystemClock:
    """The clocks of the machine.

    >>> SystemClock().now().tzinfo
    datetime.timezone.utc
    """

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since an unknown moment; suspension of the machine may or may not count."""
        return time.monotonic()


class BarClock:
    """A clock that stands at the latest bar, for bars of the past that are played fast.

    Args:
        start: where it stands before the first bar, timezone-aware.

    >>> clock = BarClock(datetime(2024, 1, 2, 14, 30, tzinfo=UTC))
    >>> clock.follow(datetime(2024, 1, 2, 15, tzinfo=UTC))
    >>> clock.monotonic()
    1800.0
    """

    __slots__ = ("_now", "_start")

    def __init__(self, start: datetime) -> None:
        require_aware(start, "start")
        self._start = self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """When the latest bar was complete, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds of the market's time since the start."""
        return (self._now - self._start).total_seconds()

    def follow(self, timestamp: datetime) -> None:
        """Move on to the time of a bar; never back."""
        self._now = max(self._now, timestamp.astimezone(UTC))
