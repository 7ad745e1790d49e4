"""The sessions of exchanges, from the package ``exchange_calendars``."""

import warnings
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.zones import EPOCH
from ml4t.core.calendar import Session, TradingCalendar
from ml4t.core.errors import DataError, InvalidValueError
from ml4t.core.times import require_aware

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OUTSIDE", "ExchangeCalendar", "close_of_dates", "session_closes"]

OUTSIDE = np.iinfo(np.int64).min
"""What stands for the close of an instant that is in no session."""

_MARGIN = timedelta(days=14)  # no market that trades was ever closed for longer
_MICROSECOND = timedelta(microseconds=1)
_PROBES = sorted(range(-24, 48), key=lambda hour: abs(hour - 12))


@attrs.frozen(eq=False)
class _Table:
    """Sessions between two dates, ascending.

    Attributes:
        first: the first date that the table knows about.
        last: the last one.
        labels: the dates that name the sessions.
        opens: nanoseconds since 1970 UTC.
        closes: nanoseconds since 1970 UTC.
        ends: the closes again, as datetimes to search in.
    """

    first: date
    last: date
    labels: list[date]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    ends: list[datetime]

    def session(self, index: int) -> Session:
        return Session(
            label=self.labels[index],
            opens=_moment(int(self.opens[index])),
            closes=self.ends[index],
        )


class ExchangeCalendar:
    """The sessions of one exchange: holidays, early closes and changes of the clock included.

    A pause at noon counts as part of its session.

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

    __slots__ = ("_last", "_table", "name", "zone")

    def __init__(self, name: str) -> None:
        import exchange_calendars  # noqa: PLC0415 - takes a second, and few feeds need it

        names = exchange_calendars.get_calendar_names(include_aliases=True)
        if name not in names:
            msg = (
                f"there is no calendar {name!r}; exchange_calendars has XNYS, XLON, CMES, 24/7 "
                "and others, see exchange_calendars.get_calendar_names()"
            )
            raise InvalidValueError(msg)
        self.name = name
        # The zone is known of calendars that exist only, and some have no early years.
        try:
            zone = str(_made(name, date(2023, 1, 3), date(2023, 1, 31)).tz)
        except (NotImplementedError, ValueError) as error:
            # Some of its calendars do not work with each version of pandas.
            msg = f"exchange_calendars cannot make its calendar {name!r}: {error}"
            raise InvalidValueError(msg) from error
        self.zone: tzinfo = UTC if zone == "UTC" else ZoneInfo(zone)
        self._table: _Table | None = None
        self._last: Session | None = None

    def session_of(self, instant: datetime) -> Session | None:
        """The session with ``opens < instant <= closes``; None outside of all.

        Raises:
            DataError: the exchange's calendar does not reach that far.
            InvalidValueError: the instant has no timezone.
        """
        # Most questions are about the session of the one before.
        last = self._last
        if last is not None and last.opens < instant <= last.closes:
            return last
        require_aware(instant, "instant")
        table = self._covering(instant, instant)
        index = bisect_left(table.ends, instant)
        if index == len(table.ends):
            return None
        session = table.session(index)
        if not session.opens < instant:
            return None
        self._last = session
        return session

    def nearest(self, instant: datetime) -> Session | None:
        """The session that begins or ends closest to ``instant``; None where there is none."""
        table = self._covering(instant, instant)
        index = bisect_left(table.ends, instant)
        around = [table.session(i) for i in (index - 1, index) if 0 <= i < len(table.ends)]
        return min(around, key=lambda s: max(s.opens - instant, instant - s.closes), default=None)

    def closes(self, instants: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each instant the close of its session, all in nanoseconds since 1970 UTC."""
        if not len(instants):
            return instants
        table = self._covering(_moment(int(instants.min())), _moment(int(instants.max())))
        index = np.searchsorted(table.closes, instants)
        opens = np.append(table.opens, np.iinfo(np.int64).max)
        closes = np.append(table.closes, OUTSIDE)
        return np.where(opens[index] < instants, closes[index], OUTSIDE)

    def close_of(self, day: date) -> int:
        """When the session named by a date closes, or :data:`OUTSIDE` if it names none."""
        noon = _noon(day)
        table = self._covering(noon, noon)
        index = bisect_left(table.labels, day)
        found = index < len(table.labels) and table.labels[index] == day
        return int(table.closes[index]) if found else int(OUTSIDE)

    def cover(self, first: datetime, last: datetime) -> None:
        """Look up the sessions from ``first`` to ``last`` at once."""
        self._covering(first, last)

    def _covering(self, first: datetime, last: datetime) -> _Table:
        table = self._table
        lower, upper = first.astimezone(UTC).date(), last.astimezone(UTC).date()
        if table is not None:
            if table.first <= lower and upper <= table.last:
                return table
            lower, upper = min(lower, table.first), max(upper, table.last)
        self._table = self._load(lower, upper)
        return self._table

    def _load(self, first: date, last: date) -> _Table:
        failed: ValueError | None = None
        # A calendar may end soon after the data do.
        for margin in (_MARGIN, timedelta(days=3), timedelta()):
            start, end = first - margin, last + margin
            try:
                found = _made(self.name, start, end)
            except ValueError as error:
                failed = error
            else:
                inner = timedelta(days=2) if margin else timedelta()
                return _table_of(found.schedule, start + inner, end - inner)
        msg = f"the calendar {self.name} has no sessions from {first} to {last}: {failed}"
        raise DataError(msg) from failed

    def __repr__(self) -> str:
        return f"ExchangeCalendar({self.name!r})"


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
            calendar.cover(first, last)
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


def _made(name: str, first: date, last: date) -> Any:
    import exchange_calendars  # noqa: PLC0415

    with warnings.catch_warnings():
        # It meets warnings of pandas about what will change, which its users can do nothing about.
        warnings.simplefilter("ignore", DeprecationWarning)
        return exchange_calendars.get_calendar(name, start=str(first), end=str(last))


def _table_of(schedule: "pd.DataFrame", first: date, last: date) -> _Table:
    opens = _instants(schedule["open"])
    closes = _instants(schedule["close"])
    return _Table(
        first=first,
        last=last,
        labels=[label.date() for label in schedule.index],
        opens=opens,
        closes=closes,
        ends=[_moment(close) for close in closes.tolist()],
    )


def _instants(column: Any) -> NDArray[np.int64]:
    return np.asarray(column.dt.tz_convert(None).to_numpy("M8[ns]")).astype(np.int64)


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _moment(nanoseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _nanoseconds(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND * 1000
