"""How often something happened lately, on a clock that never goes back."""

import math
from collections import deque

__all__ = ["RecentTimes", "RecentValue", "TokenBucket"]


class TokenBucket:
    """Tokens that are taken one at a time and come back evenly.

    Args:
        capacity: how many there are at most, and at first; infinity for no limit.
        seconds: after how long an empty bucket is full again.
    """

    __slots__ = ("_at", "_rate", "_tokens", "capacity")

    def __init__(self, capacity: float, seconds: float) -> None:
        self.capacity = capacity
        self._rate = capacity / seconds
        self._tokens = capacity
        self._at = -math.inf

    def level(self, now: float) -> float:
        """How many tokens there are; NaN, which no comparison passes, for a time that is NaN."""
        if self.capacity == math.inf:
            return math.inf
        if self._at == -math.inf:
            return self._tokens if now == now else math.nan  # noqa: PLR0124 - false for NaN
        # A clock that went back brings no tokens.
        elapsed = now - self._at if not now < self._at else 0.0
        return min(self.capacity, self._tokens + elapsed * self._rate) if elapsed >= 0 else math.nan

    def take(self, now: float) -> None:
        """Take one; the level may fall below zero, where somebody sent without asking."""
        if self.capacity < math.inf:
            level = self.level(now)
            self._tokens = (0.0 if math.isnan(level) else level) - 1.0
            self._at = max(now, self._at)


class RecentTimes:
    """The times at which something happened within the last so many seconds."""

    __slots__ = ("_seconds", "_times")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._times: deque[float] = deque()

    def add(self, at: float) -> None:
        """It happened."""
        self._times.append(at)

    def count(self, now: float) -> int:
        """How often it happened; what is exactly as old as the window is long has left it."""
        times = self._times
        oldest = now - self._seconds
        while times and times[0] <= oldest:
            times.popleft()
        return len(times)

    def clear(self) -> None:
        """Forget it."""
        self._times.clear()


class RecentValue:
    """The sum of what was added within the last so many seconds."""

    __slots__ = ("_entries", "_seconds", "_sum")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: deque[tuple[float, float]] = deque()
        self._sum = 0.0

    def add(self, value: float, at: float) -> None:
        """Add a value, not negative."""
        self._entries.append((at, value))
        self._sum += value

    def total(self, now: float) -> float:
        """The sum."""
        entries = self._entries
        oldest = now - self._seconds
        while entries and entries[0][0] <= oldest:
            self._sum -= entries.popleft()[1]
        if not entries:
            self._sum = 0.0
        elif not math.isfinite(self._sum):
            # Endless less endless is no number: what is left has to be added up again.
            self._sum = sum(value for _, value in entries)
        return self._sum
