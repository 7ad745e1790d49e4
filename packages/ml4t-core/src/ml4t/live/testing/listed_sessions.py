"""Trading days written out one by one, for tests that need a calendar without an exchange's."""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import attrs

from ml4t.core.calendar import Session
from ml4t.core.errors import InvalidValueError

__all__ = ["DayHours", "ListedSessions", "short_sessions", "weekday_sessions"]

_FRIDAY = 4


@attrs.frozen(kw_only=True)
class DayHours:
    """When a market is open on its usual days.

    Attributes:
        opens, closes: local times.
        zone: where they are local, so that the clocks' change in spring and autumn can be had.
        holidays: days without trading.
        early_closes: the days that end sooner, and when.
    """

    opens: time = time(9, 30)
    closes: time = time(16, 0)
    zone: tzinfo = UTC
    holidays: Collection[date] = ()
    early_closes: Mapping[date, time] = attrs.field(factory=dict)

    def on(self, day: date) -> Session:
        """The session of ``day``, in UTC."""
        closes = self.early_closes.get(day, self.closes)
        return Session(
            label=day,
            opens=datetime.combine(day, self.opens, self.zone).astimezone(UTC),
            closes=datetime.combine(day, closes, self.zone).astimezone(UTC),
        )


def weekday_sessions(first: date, count: int, hours: DayHours | None = None) -> tuple[Session, ...]:
    """The next ``count`` trading days from ``first`` on, without weekends and holidays."""
    hours = hours or DayHours()
    sessions: list[Session] = []
    day = first
    while len(sessions) < count:
        if day.weekday() <= _FRIDAY and day not in hours.holidays:
            sessions.append(hours.on(day))
        day += timedelta(days=1)
    return tuple(sessions)


def short_sessions(
    first: datetime, count: int, trading: timedelta, night: timedelta
) -> tuple[Session, ...]:
    """Trading days that are shorter than a day, each with the label of the day after the last.

    A program that looks around every few seconds takes as long for a night in which nothing happens
    as for a day. Short nights let a test play many days.

    Args:
        first: when the first one opens, timezone-aware.
        count: how many.
        trading: how long each is open.
        night: how long it is closed before the next one.
    """
    label, step = first.date(), trading + night
    return tuple(
        Session(
            label=label + timedelta(days=number),
            opens=first + number * step,
            closes=first + number * step + trading,
        )
        for number in range(count)
    )


class ListedSessions:
    """A calendar of the sessions it is given; implements ``TradingCalendar``.

    Args:
        sessions: in the order of time, without overlap.

    Raises:
        InvalidValueError: a session begins before the one before it has ended.

    >>> days = ListedSessions(weekday_sessions(date(2024, 1, 5), 2))
    >>> [str(session.label) for session in days.sessions]
    ['2024-01-05', '2024-01-08']
    """

    def __init__(self, sessions: Sequence[Session]) -> None:
        self.sessions = tuple(sessions)
        self._ends = [session.closes for session in sessions]
        for earlier, later in zip(self.sessions, self.sessions[1:], strict=False):
            if later.opens < earlier.closes:
                msg = f"session {later.label} opens before session {earlier.label} closes"
                raise InvalidValueError(msg)

    def session_of(self, instant: datetime) -> Session | None:
        """The session that holds ``instant``: after its opening, up to and including its close."""
        position = bisect_left(self._ends, instant)
        if position == len(self.sessions):
            return None
        session = self.sessions[position]
        return session if session.opens < instant else None
