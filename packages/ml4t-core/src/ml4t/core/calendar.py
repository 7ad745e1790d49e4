"""Sessions: when a market is open, and which trading day an instant belongs to."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol, runtime_checkable

import attrs

from ml4t.core.errors import InvalidValueError
from ml4t.core.times import require_aware

__all__ = ["AlwaysOpen", "Session", "SessionSchedule", "TradingCalendar", "next_opening"]

_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)


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


@runtime_checkable
class SessionSchedule(Protocol):
    """What a calendar can do in addition if it knows the sessions to come."""

    def next_session(self, instant: datetime) -> Session | None:
        """The first session that opens at ``instant`` or later; None where it is not known."""


def next_opening(calendar: TradingCalendar, instant: datetime) -> datetime | None:
    """When the first session opens at ``instant`` or later.

    Returns:
        The instant; None if the calendar does not know the sessions to come.
    """
    if not isinstance(calendar, SessionSchedule):
        return None
    session = calendar.next_session(instant)
    return None if session is None else session.opens


@attrs.frozen
class AlwaysOpen:
    """A market that never closes; its sessions are the days of UTC.

    >>> AlwaysOpen().session_of(datetime(2024, 1, 6, 12, tzinfo=UTC)).closes.isoformat()
    '2024-01-07T00:00:00+00:00'
    """

    def session_of(self, instant: datetime) -> Session:
        """The day that holds ``instant``; a midnight is the end of a day, not the beginning.

        Raises:
            InvalidValueError: ``instant`` is naive.
        """
        require_aware(instant, "instant")
        # The moment before, since a day holds its end and not its beginning.
        label = (instant.astimezone(UTC) - _MOMENT).date()
        opens = datetime.combine(label, time(), UTC)
        return Session(label=label, opens=opens, closes=opens + _DAY)

    def next_session(self, instant: datetime) -> Session:
        """The first day of UTC that begins at ``instant`` or later.

        Raises:
            InvalidValueError: ``instant`` is naive.
        """
        return self.session_of(self.session_of(instant).closes + _MOMENT)
