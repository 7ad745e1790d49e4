"""Where the live runtime gets its time from: the one module that reads a clock."""

import time
from datetime import UTC, datetime
from typing import Protocol

import attrs

__all__ = ["Clock", "SystemClock"]


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
