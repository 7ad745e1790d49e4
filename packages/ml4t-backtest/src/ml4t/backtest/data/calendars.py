"""The sessions of exchanges, from the package ``exchange_calendars``."""

from datetime import UTC, date, datetime, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.zones import EPOCH
from ml4t.core.calendar import TradingCalendar
from ml4t.core.exchange_sessions import ExchangeSessions, SessionTable

__all__ = ["OUTSIDE", "ExchangeCalendar", "close_of_dates", "session_closes"]

OUTSIDE = np.iinfo(np.int64).min
"""What stands for the close of an instant that is in no session."""

_MICROSECOND = timedelta(microseconds=1)
_PROBES = sorted(range(-24, 48), key=lambda hour: abs(hour - 12))


class ExchangeCalendar(ExchangeSessions):
    """The sessions of one exchange: holidays, early closes and changes of the clock included.

    A pause at noon counts as part of its session. It answers for whole columns of instants too.

    Args:
        name: as ``exchange_calendars`` has it: the ISO 10383 code such as ``XNYS``, or ``CMES``,
            ``24/7`` and the like.

    Attributes:
        name: the same.
        zone: the zone of the exchange.

    Raises:
        InvalidValueError: there is no calendar of that name, or its package cannot make it.

    >>> from datetime import datetime
    >>> from zoneinfo import ZoneInfo
    >>> friday = datetime(2024, 11, 29, 12, 0, tzinfo=ZoneInfo("America/New_York"))
    >>> ExchangeCalendar("XNYS").session_of(friday).closes.isoformat()
    '2024-11-29T18:00:00+00:00'
    """

    __slots__ = ("_columns", "_columns_of")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._columns: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
        self._columns_of: SessionTable | None = None

    def closes(self, instants: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each instant the close of its session, all in nanoseconds since 1970 UTC."""
        if not len(instants):
            return instants
        table = self.table(_moment(int(instants.min())), _moment(int(instants.max())))
        opens, closes = self._nanoseconds_of(table)
        index = np.searchsorted(closes[:-1], instants)
        return np.where(opens[index] < instants, closes[index], OUTSIDE)

    def close_of(self, day: date) -> int:
        """When the session named by a date closes, or :data:`OUTSIDE` if it names none."""
        session = self.session_named(day)
        return int(OUTSIDE) if session is None else _nanoseconds(session.closes)

    def _nanoseconds_of(self, table: SessionTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Opens and closes of a table, each with one more for what comes after it."""
        if self._columns is None or self._columns_of is not table:
            opens = [*map(_nanoseconds, table.opens), np.iinfo(np.int64).max]
            closes = [*map(_nanoseconds, table.closes), OUTSIDE]
            self._columns = np.array(opens, np.int64), np.array(closes, np.int64)
            self._columns_of = table
        return self._columns


def session_closes(
    calendar: TradingCalendar, instants: NDArray[np.int64], zone: tzinfo
) -> NDArray[np.int64]:
    """For each instant the close of its session, :data:`OUTSIDE` where there is none.

    Args:
        calendar: the sessions.
        instants: ascending nanoseconds since 1970 UTC.
        zone: the zone of the datetimes that the calendar is asked with.
    """
    if isinstance(calendar, ExchangeCalendar):
        return calendar.closes(instants)
    closes = np.full(len(instants), OUTSIDE)
    row = 0
    while row < len(instants):
        session = calendar.session_of(_moment(int(instants[row])).astimezone(zone))
        if session is None:
            row += 1
            continue
        end = _nanoseconds(session.closes)
        stop = int(np.searchsorted(instants, end, side="right"))
        closes[row:stop] = end
        row = max(stop, row + 1)
    return closes


def close_of_dates(
    calendar: TradingCalendar, days: NDArray[np.int64], zone: tzinfo
) -> NDArray[np.int64]:
    """When the sessions named by dates close, :data:`OUTSIDE` where a date names none.

    Args:
        calendar: the sessions.
        days: days since 1970-01-01, ascending.
        zone: the zone of the datetimes that the calendar is asked with.
    """
    dates = [EPOCH.date() + timedelta(days=day) for day in days.tolist()]
    if isinstance(calendar, ExchangeCalendar):
        if dates:
            first, last = (_noon(day) for day in (dates[0], dates[-1]))
            calendar.table(first, last)
        return np.array([calendar.close_of(day) for day in dates], np.int64)
    return np.array([_close_of(calendar, day, zone) for day in dates], np.int64)


def _close_of(calendar: TradingCalendar, day: date, zone: tzinfo) -> int:
    """The close of the session of that name, looked for from the day's noon outwards."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    for hour in _PROBES:
        session = calendar.session_of((midnight + timedelta(hours=hour)).astimezone(zone))
        if session is not None and session.label == day:
            return _nanoseconds(session.closes)
    return int(OUTSIDE)


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _moment(nanoseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _nanoseconds(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND * 1000
