"""When the bars behind a column of timestamps were complete."""

from collections.abc import Callable
from datetime import timedelta, tzinfo
from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.calendars import (
    OUTSIDE,
    ExchangeCalendar,
    close_of_dates,
    session_closes,
)
from ml4t.backtest.data.columns import Codes, Column
from ml4t.backtest.data.instants import Instants, read_instants
from ml4t.backtest.data.labels import BarLabels, EndOfBar, SessionDate, StartOfBar
from ml4t.backtest.data.refusals import Place, more_rows
from ml4t.backtest.data.zones import EPOCH, Offsets
from ml4t.core.calendar import TradingCalendar
from ml4t.core.errors import DataError, InvalidValueError

__all__ = ["Clock", "OutsideSession", "Timed", "make_clock"]

OutsideSession = Literal["refuse", "skip"]

Integers = NDArray[np.int64]

_DAY = 86_400 * 10**9
_MICROSECOND = 1000


@attrs.frozen(kw_only=True, eq=False)
class Timed:
    """The rows of a column that count, and when their bars were complete.

    Attributes:
        values: the distinct instants, ascending, int64 nanoseconds since 1970 UTC.
        codes: which of them each row has.
        zone: the zone in which the strategy sees them.
        rows: the place of each row among those given; None where all of them count.
        dated: whether the timestamps were dates.
    """

    values: Integers
    codes: Codes
    zone: tzinfo
    rows: NDArray[np.intp] | None = None
    dated: bool = False

    def given(self, row: int) -> int:
        """The place of a row among those given."""
        return row if self.rows is None else int(self.rows[row])


@attrs.frozen(kw_only=True)
class Clock:
    """How timestamps become the instants at which bars were complete.

    Attributes:
        zone: of wall times, and the one in which the strategy sees the instants; None where the
            timestamps carry one.
        labels: what a timestamp says of its bar. None where it is the end of the bar, but a
            column that has dates alone names sessions if there is a calendar.
        calendar: the sessions that bars must lie in, if they are known.
        outside: what is done with a bar that lies in none.
    """

    zone: tzinfo | None = None
    labels: BarLabels | None = None
    calendar: TradingCalendar | None = None
    outside: OutsideSession = "refuse"

    def __attrs_post_init__(self) -> None:
        if self.outside not in ("refuse", "skip"):
            msg = f"outside_session must be 'refuse' or 'skip', was {self.outside!r}"
            raise InvalidValueError(msg)
        if not isinstance(self.labels, BarLabels | None):
            msg = f"labels must be EndOfBar(), StartOfBar(...) or SessionDate(), was {self.labels}"
            raise InvalidValueError(msg)
        if self.calendar is None and (isinstance(self.labels, SessionDate) or self.skips):
            what = "outside_session='skip'" if self.skips else "labels=SessionDate()"
            msg = f"{what} needs a calendar, such as calendar='XNYS'"
            raise InvalidValueError(msg)

    @property
    def skips(self) -> bool:
        """Whether bars outside of all sessions are left out."""
        return self.outside == "skip"

    def settled(self, prices: Timed) -> "Clock":
        """The clock for frames beside the prices: only beside dates a date names a session."""
        if self.labels is None and not prices.dated:
            return attrs.evolve(self, labels=EndOfBar())
        return self

    def read(self, column: Column, who: Callable[[int], str]) -> Timed:
        """When the bars of a column's rows were complete.

        Args:
            column: the timestamps.
            who: the symbol of a row, for messages; "" where it has none.

        Raises:
            DataError: a timestamp is no known instant, or its bar lies in no session.
        """
        return self.timed(read_instants(column, self.zone, self._dates_in), column.place, who)

    def complete_by(self, column: Column, last: int) -> NDArray[np.bool_]:
        """Which rows were complete at an instant, in nanoseconds; those left out included."""
        instants = read_instants(column, self.zone, self._dates_in)
        ends, unclipped, _ = self._ends(instants, column.place)
        return (np.where(ends == OUTSIDE, unclipped, ends) <= last)[instants.codes]

    def timed(self, instants: Instants, place: Place, who: Callable[[int], str]) -> Timed:
        """As :meth:`read`, for timestamps that have been read."""
        if self.calendar is None and not isinstance(self.labels, StartOfBar):
            return Timed(values=instants.values, codes=instants.codes, zone=instants.zone)
        ends, _, dated = self._ends(instants, place)
        outside = ends == OUTSIDE
        rows, codes = None, instants.codes
        if outside.any():
            gone = outside[codes]
            if not self.skips:
                self._refuse(np.flatnonzero(gone), instants, place, who)
            rows = np.flatnonzero(~gone)
            codes = codes[rows]
            if not len(rows):
                msg = f"{place.source} has no row within a session of {self.calendar}"
                raise DataError(msg)
        inside = ends[~outside]
        values = np.unique(inside)
        if len(values) < len(inside):
            self._refuse_overlap(ends, instants, place)
        rank = np.searchsorted(values, ends).astype(np.int32)
        return Timed(values=values, codes=rank[codes], zone=instants.zone, rows=rows, dated=dated)

    @property
    def _dates_in(self) -> tzinfo | None:
        named = isinstance(self.labels, SessionDate | None)
        return getattr(self.calendar, "zone", None) if named else None

    def _ends(self, instants: Instants, place: Place) -> tuple[Integers, Integers, bool]:
        """When the bars of distinct timestamps end, without regard to sessions too; if dates."""
        values = instants.values
        days = self._days(instants, place)
        if days is not None:
            assert self.calendar is not None  # noqa: S101 - or there are no dates
            zone = getattr(self.calendar, "zone", None) or instants.zone
            return close_of_dates(self.calendar, days, zone), values + _DAY, True
        if not isinstance(self.labels, StartOfBar):
            if self.calendar is None:
                return values, values, False
            closes = session_closes(self.calendar, values, instants.zone)
            return np.where(closes == OUTSIDE, OUTSIDE, values), values, False
        ends = self.labels.ends(values, instants.clock)
        if self.calendar is None:
            return ends, ends, False
        # A bar lies in the session that its first moment is in, or else in the one it runs into.
        first = session_closes(self.calendar, values + _MICROSECOND, instants.zone)
        into = session_closes(self.calendar, np.maximum.accumulate(ends), instants.zone)
        closes = np.where(first == OUTSIDE, into, first)
        return np.where(closes == OUTSIDE, OUTSIDE, np.minimum(ends, closes)), ends, False

    def _days(self, instants: Instants, place: Place) -> Integers | None:
        """The dates that timestamps are, as days since 1970; None where they are instants."""
        if self.calendar is None or isinstance(self.labels, EndOfBar | StartOfBar):
            return None
        if self.labels is None and not instants.naive:
            return None
        walls = instants.values
        for zone in dict.fromkeys((instants.clock, instants.zone)):
            ends = int(instants.values[0]), int(instants.values[-1])
            walls = Offsets(zone, *ends).wall_times(instants.values)
            if not (walls % _DAY).any():
                return walls // _DAY
        if self.labels is None:
            return None
        row = int(np.flatnonzero((walls % _DAY != 0)[instants.codes])[0])
        when = _text(int(instants.values[instants.codes[row]]), instants.zone)
        remedy = "leave labels=SessionDate() out if timestamps are instants"
        raise place.refusal(row, "a date, or midnight", when, remedy)

    def _refuse(
        self,
        rows: NDArray[np.intp],
        instants: Instants,
        place: Place,
        who: Callable[[int], str],
    ) -> None:
        row = int(rows[0])
        value = int(instants.values[instants.codes[row]])
        symbol = who(row)
        whose = f", {symbol}" if symbol else ""
        near = ""
        if isinstance(self.calendar, ExchangeCalendar):
            session = self.calendar.nearest(EPOCH + timedelta(microseconds=value // 1000))
            if session is not None:
                zone = self.calendar.zone
                opens, closes = (t.astimezone(zone) for t in (session.opens, session.closes))
                near = f", the nearest being {session.label}, {opens:%F %H:%M} to {closes:%F %H:%M}"
        msg = (
            f"{place.where(row)} ({_text(value, instants.zone)}{whose}): the bar lies in no "
            f"session of {self.calendar}{near}; {self._remedy()}{more_rows(len(rows) - 1)}"
        )
        raise DataError(msg)

    def _remedy(self) -> str:
        way = "correct the timestamp or its timezone, remove the row"
        if not isinstance(self.labels, StartOfBar | SessionDate):
            way += (
                ", say labels=StartOfBar(...) if timestamps are the beginnings of bars or "
                "labels=SessionDate() if they are dates"
            )
        return f"{way}, or leave such bars out by outside_session='skip'"

    def _refuse_overlap(self, ends: Integers, instants: Instants, place: Place) -> None:
        """Refuse bars of distinct timestamps that would be complete at one instant."""
        order = np.argsort(ends, kind="stable")
        order = order[ends[order] != OUTSIDE]
        second = order[1:][ends[order[1:]] == ends[order[:-1]]].min()
        row = int(np.flatnonzero(instants.codes == second)[0])
        when = _text(int(instants.values[second]), instants.zone)
        msg = (
            f"{place.where(row)} ({when}): the bar ends with the one before it, at "
            f"{_text(int(ends[second]), instants.zone)}; bars must not overlap, correct the length"
        )
        raise DataError(msg)


def make_clock(
    zone: tzinfo | None,
    calendar: str | TradingCalendar | None,
    labels: BarLabels | None,
    outside: OutsideSession,
) -> Clock:
    """The clock of a feed.

    Raises:
        InvalidValueError: there is no such calendar, or the arguments do not go together.
    """
    opened = ExchangeCalendar(calendar) if isinstance(calendar, str) else calendar
    if opened is not None and not callable(getattr(opened, "session_of", None)):
        msg = f"calendar must be a name such as 'XNYS' or a TradingCalendar, was {calendar!r}"
        raise InvalidValueError(msg)
    return Clock(zone=zone, labels=labels, calendar=opened, outside=outside)


def _text(nanoseconds: int, zone: tzinfo) -> str:
    moment = EPOCH + timedelta(microseconds=nanoseconds // 1000)
    return moment.astimezone(zone).isoformat()
