"""Where bars of a given length begin and end within the sessions of a market."""

import re
from datetime import UTC, datetime, timedelta

import attrs

from ml4t.core.calendar import Session, TradingCalendar
from ml4t.core.errors import InvalidValueError
from ml4t.core.times import require_aware

__all__ = ["BarGrid", "read_bar_length"]

_MOMENT = timedelta(microseconds=1)
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours"}
_LENGTH = re.compile(r"([1-9]\d{0,5}) *(s|min|h)")


def read_bar_length(text: str) -> timedelta | None:
    """The length of a bar from text; None for ``1d``, which is one bar for each session.

    Args:
        text: a whole number and ``s``, ``min`` or ``h``, or ``1d``.

    Raises:
        InvalidValueError: the text is something else.

    >>> read_bar_length("5min")
    datetime.timedelta(seconds=300)
    """
    if text == "1d":
        return None
    match = _LENGTH.fullmatch(text)
    if match is None:
        msg = f"the length of a bar must be such as 30s, 5min, 1h or 1d, was {text!r}"
        raise InvalidValueError(msg)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


@attrs.frozen
class BarGrid:
    """The instants at which the bars of a market are complete.

    Bars are counted from the opening of each session in elapsed time, so that a change of the
    clock moves none of them. The last bar of a session ends with it, however short it is. Without
    a length a session is one bar.

    Attributes:
        calendar: the sessions.
        length: from the beginning to the end of a bar, positive; None for whole sessions.

    Raises:
        InvalidValueError: the length is not positive.

    >>> from datetime import UTC
    >>> from ml4t.core.calendar import AlwaysOpen
    >>> grid = BarGrid(AlwaysOpen(), timedelta(minutes=5))
    >>> grid.end_of_tick(datetime(2024, 1, 2, 15, 3, tzinfo=UTC)).isoformat()
    '2024-01-02T15:05:00+00:00'
    """

    calendar: TradingCalendar
    length: timedelta | None

    def __attrs_post_init__(self) -> None:
        if self.length is not None and self.length <= timedelta():
            msg = f"the length of a bar must be positive, was {self.length}"
            raise InvalidValueError(msg)

    def end_of_bar(self, timestamp: datetime) -> datetime | None:
        """The end of the bar that holds a shorter bar complete at ``timestamp``.

        A bar holds the instants after its beginning up to and including its end.

        Returns:
            The end, in UTC; None outside of all sessions.

        Raises:
            InvalidValueError: the timestamp is naive.
        """
        require_aware(timestamp, "timestamp")
        # In UTC, since datetimes of one zone are subtracted and compared by the clock on its wall.
        instant = timestamp.astimezone(UTC)
        session = self.calendar.session_of(instant)
        return None if session is None else self._end(session, instant)

    def end_of_tick(self, timestamp: datetime) -> datetime | None:
        """The end of the bar that a trade at ``timestamp`` belongs to.

        A trade at the very instant where two bars meet belongs to the later one, one at the
        opening of a session to its first bar, and one at the close to its last.

        Returns:
            The end, in UTC; None outside of all sessions.

        Raises:
            InvalidValueError: the timestamp is naive.
        """
        require_aware(timestamp, "timestamp")
        after = timestamp.astimezone(UTC) + _MOMENT
        session = self.calendar.session_of(after)
        if session is not None:
            return self._end(session, after)
        # Nothing trades right after it: perhaps it is the closing auction.
        return self.end_of_bar(timestamp)

    def is_end(self, timestamp: datetime) -> bool:
        """Whether a bar is complete at this very instant."""
        return self.end_of_bar(timestamp) == timestamp.astimezone(UTC)

    def start_of(self, end: datetime) -> datetime:
        """When the bar that is complete at ``end`` began, in UTC.

        Raises:
            InvalidValueError: no bar is complete at that instant.
        """
        require_aware(end, "end")
        instant = end.astimezone(UTC)
        session = self.calendar.session_of(instant)
        if session is None or self._end(session, instant) != instant:
            msg = f"no bar is complete at {end.isoformat()}: it is not on the grid of {self.length}"
            raise InvalidValueError(msg)
        opens = session.opens.astimezone(UTC)
        if self.length is None:
            return opens
        return opens + (_steps(opens, instant, self.length) - 1) * self.length

    def ends(self, session: Session) -> list[datetime]:
        """When the bars of a session are complete, in UTC, ascending; the last is its close."""
        opens, closes = session.opens.astimezone(UTC), session.closes.astimezone(UTC)
        if self.length is None:
            return [closes]
        inner = [
            opens + step * self.length for step in range(1, _steps(opens, closes, self.length))
        ]
        return [*inner, closes]

    def _end(self, session: Session, instant: datetime) -> datetime:
        closes = session.closes.astimezone(UTC)
        if self.length is None:
            return closes
        opens = session.opens.astimezone(UTC)
        return min(opens + _steps(opens, instant, self.length) * self.length, closes)


def _steps(opens: datetime, instant: datetime, length: timedelta) -> int:
    """How many bars it is from the opening, rounded up: a bar holds its end."""
    return -((opens - instant) // length)
