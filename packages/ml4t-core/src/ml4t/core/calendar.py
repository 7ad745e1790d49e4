"""Sessions: when a market is open, and which trading day an instant belongs to."""

from datetime import date, datetime, timedelta
from typing import Protocol

import attrs

from ml4t.core.errors import InvalidValueError
from ml4t.core.times import require_aware

__all__ = ["AlwaysOpen", "Session", "TradingCalendar"]

_DAY = timedelta(days=1)


@attrs.frozen(kw_only=True)
class Session:
    """One trading day of a market.

    Attributes:
        label: the trading day; of a session that spans midnight the one that the market names it
            by.
        opens: the instant at which trading begins, timezone-aware.
        closes: the instant at which it ends, after ``opens``.

    Raises:
        InvalidValueError: an instant is naive, or the session ends before it begins.
    """

    label: date
    opens: datetime
    closes: datetime

    def __attrs_post_init__(self) -> None:
        require_aware(self.opens, "opens")
        require_aware(self.closes, "closes")
        if self.closes <= self.opens:
            msg = f"session {self.label} must close after it opens, was {self.opens}, {self.closes}"
            raise InvalidValueError(msg)


class TradingCalendar(Protocol):
    """The sessions of one market."""

    def session_of(self, instant: datetime) -> Session | None:
        """The session that a bar complete at ``instant`` belongs to; None outside of all.

        A bar is stamped when it is complete: a session holds the instants after its opening up to
        and including its close.
        """


@attrs.frozen
class AlwaysOpen:
    """A market that never closes; its session is the day in the zone of the instant asked for."""

    def session_of(self, instant: datetime) -> Session | None:
        """The day that ends at or after ``instant``."""
        require_aware(instant, "instant")
        midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
        opens = midnight - _DAY if instant == midnight else midnight
        return Session(label=opens.date(), opens=opens, closes=opens + _DAY)
