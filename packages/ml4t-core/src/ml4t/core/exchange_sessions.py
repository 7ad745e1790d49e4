"""The sessions of exchanges, from the package ``exchange_calendars``."""

import importlib
import warnings
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta, tzinfo
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from ml4t.core.calendar import Session
from ml4t.core.errors import ConfigError, DataError, InvalidValueError
from ml4t.core.times import require_aware

__all__ = ["ExchangeSessions", "SessionTable"]

_MARGIN = timedelta(days=14)  # no market that trades was ever closed for longer


@attrs.frozen(eq=False)
class SessionTable:
    """Sessions between two dates, ascending.

    Attributes:
        first: the first date that the table knows about.
        last: the last one.
        labels: the dates that name the sessions.
        opens: when they open, in UTC.
        closes: when they close, in UTC.
    """

    first: date
    last: date
    labels: list[date]
    opens: list[datetime]
    closes: list[datetime]

    def session(self, index: int) -> Session:
        """One of the sessions."""
        return Session(label=self.labels[index], opens=self.opens[index], closes=self.closes[index])


class ExchangeSessions:
    """The sessions of one exchange: holidays, early closes and changes of the clock included.

    A pause at noon counts as part of its session. The package is imported when the first calendar
    is made; it comes with ``ml4t-core[calendars]`` and with ml4t-backtest.

    Args:
        name: as ``exchange_calendars`` has it: the ISO 10383 code such as ``XNYS``, or ``CMES``,
            ``24/7`` and the like.

    Attributes:
        name: the same.
        zone: the zone of the exchange.

    Raises:
        ConfigError: the package is not installed.
        InvalidValueError: there is no calendar of that name, or its package cannot make it.

    >>> from datetime import datetime
    >>> from zoneinfo import ZoneInfo
    >>> friday = datetime(2024, 11, 29, 12, 0, tzinfo=ZoneInfo("America/New_York"))
    >>> ExchangeSessions("XNYS").session_of(friday).closes.isoformat()
    '2024-11-29T18:00:00+00:00'
    """

    __slots__ = ("_last", "_table", "name", "zone")

    def __init__(self, name: str) -> None:
        names = _package().get_calendar_names(include_aliases=True)
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
        self._table: SessionTable | None = None
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
        table = self.table(instant, instant)
        index = bisect_left(table.closes, instant)
        if index == len(table.closes) or not table.opens[index] < instant:
            return None
        self._last = table.session(index)
        return self._last

    def nearest(self, instant: datetime) -> Session | None:
        """The session that begins or ends closest to ``instant``; None where there is none."""
        table = self.table(instant, instant)
        index = bisect_left(table.closes, instant)
        around = [table.session(i) for i in (index - 1, index) if 0 <= i < len(table.closes)]
        return min(around, key=lambda s: max(s.opens - instant, instant - s.closes), default=None)

    def next_session(self, instant: datetime) -> Session | None:
        """The first session that opens at ``instant`` or later; None where it is not known.

        Raises:
            InvalidValueError: the instant has no timezone.
        """
        require_aware(instant, "instant")
        try:
            table = self.table(instant, instant + _MARGIN)
        except DataError:
            # The calendar may end soon.
            return None
        index = bisect_left(table.opens, instant)
        return table.session(index) if index < len(table.opens) else None

    def session_named(self, day: date) -> Session | None:
        """The session that a date names; None if it names none."""
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        table = self.table(noon, noon)
        index = bisect_left(table.labels, day)
        found = index < len(table.labels) and table.labels[index] == day
        return table.session(index) if found else None

    def table(self, first: datetime, last: datetime) -> SessionTable:
        """All sessions from ``first`` to ``last``, and perhaps more around them.

        Raises:
            DataError: the exchange's calendar does not reach that far.
        """
        table = self._table
        lower, upper = first.astimezone(UTC).date(), last.astimezone(UTC).date()
        if table is not None:
            if table.first <= lower and upper <= table.last:
                return table
            lower, upper = min(lower, table.first), max(upper, table.last)
        self._table = self._load(lower, upper)
        return self._table

    def _load(self, first: date, last: date) -> SessionTable:
        failed: ValueError | None = None
        # A calendar may end soon after the data do.
        for margin in (_MARGIN, timedelta(days=3), timedelta()):
            start, end = first - margin, last + margin
            try:
                schedule = _made(self.name, start, end).schedule
            except ValueError as error:
                failed = error
            else:
                inner = timedelta(days=2) if margin else timedelta()
                return SessionTable(
                    first=start + inner,
                    last=end - inner,
                    labels=[label.date() for label in schedule.index],
                    opens=_datetimes(schedule["open"]),
                    closes=_datetimes(schedule["close"]),
                )
        msg = f"the calendar {self.name} has no sessions from {first} to {last}: {failed}"
        raise DataError(msg) from failed

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


def _package() -> ModuleType:
    # Imported here since it takes a second, needs pandas, and many runs do without it.
    try:
        return importlib.import_module("exchange_calendars")
    except ModuleNotFoundError as error:
        msg = (
            "the sessions of exchanges need the package exchange_calendars: "
            'pip install "ml4t-core[calendars]"'
        )
        raise ConfigError(msg) from error


def _made(name: str, first: date, last: date) -> Any:
    with warnings.catch_warnings():
        # It meets warnings of pandas about what will change, which its users can do nothing about.
        warnings.simplefilter("ignore", DeprecationWarning)
        return _package().get_calendar(name, start=str(first), end=str(last))


def _datetimes(column: Any) -> list[datetime]:
    return [stamp.to_pydatetime().astimezone(UTC) for stamp in column]
