"""A column of timestamps as instants."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.columns import Codes, Column, encode, is_text, primitive, value_type
from ml4t.backtest.data.refusals import Place
from ml4t.backtest.data.zones import EPOCH, Offsets, clock_text, named_zone

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Instants", "read_instants", "read_timestamps"]

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_DAY = 86_400 * 10**9
_MICROSECOND = timedelta(microseconds=1)
_NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
# What 64 bits of nanoseconds can hold, less some days for the differences of local clocks.
_FIRST = (datetime(1678, 1, 1, tzinfo=UTC) - EPOCH) // _MICROSECOND * 1000
_LAST = (datetime(2262, 1, 1, tzinfo=UTC) - EPOCH) // _MICROSECOND * 1000
# fromisoformat() drops what is finer than a microsecond without a word.
_FINE = re.compile(r"[.,]\d{6}\d*[1-9]")


@attrs.frozen(kw_only=True, eq=False)
class Instants:
    """The instants of the rows of one frame.

    Attributes:
        values: the distinct ones, ascending, int64 nanoseconds since 1970 UTC.
        codes: which of them each row has.
        zone: the zone in which they were given or declared to be.
        clock: the zone whose clock showed the timestamps as given.
        naive: whether they were given without a zone.
    """

    values: NDArray[np.int64]
    codes: Codes
    zone: tzinfo
    clock: tzinfo
    naive: bool


@attrs.frozen(eq=False)
class _Moments:
    """What a column says, before it is known what that means.

    Attributes:
        place: how messages name the column.
        values: distinct nanoseconds since 1970: of UTC, or wall times where there is no zone.
        codes: which of them each row has.
        zone: the zone in which they were given; None if they are wall times.
    """

    place: Place
    values: NDArray[np.int64]
    codes: Codes
    zone: tzinfo | None

    def instants(self, declared: tzinfo | None, dates_in: tzinfo | None = None) -> Instants:
        self.refuse(self.values % 1000 != 0, "a whole number of microseconds", "round it")
        zone = self.zone if declared is None else declared
        if zone is None and not (self.values % _DAY).any():
            zone = dates_in
        if zone is None:
            anything = np.ones(len(self.values), np.bool_)
            remedy = 'say which clock it is, such as timezone="America/New_York", or localize it'
            self.refuse(anything, "an instant with a timezone", remedy)
        zone = zone or UTC
        values = self.values if self.zone is not None else self._localised(zone)
        distinct, rank = np.unique(values, return_inverse=True)
        return Instants(
            values=distinct,
            codes=rank.astype(np.int32)[self.codes],
            zone=zone,
            clock=self.zone or zone,
            naive=self.zone is None,
        )

    def refuse(self, wrong: NDArray[np.bool_], expected: str, remedy: str) -> None:
        """Refuse the rows that have one of the values which are wrong."""
        ending = "" if self.zone is None else "Z"
        _refuse(
            self.place,
            self.codes,
            wrong,
            lambda code: clock_text(int(self.values[code])) + ending,
            (expected, remedy),
        )

    def _localised(self, zone: tzinfo) -> NDArray[np.int64]:
        offsets = Offsets(zone, int(self.values.min()), int(self.values.max()))
        values, twice, never = offsets.instants(self.values)
        remedy = "give timestamps with a timezone, such as UTC"
        self.refuse(twice, f"one instant (clocks of {zone} show it twice)", remedy)
        self.refuse(never, f"an instant (clocks of {zone} skip it)", remedy)
        return values


def read_instants(
    column: Column, declared: tzinfo | None, dates_in: tzinfo | None = None
) -> Instants:
    """The instants in a column of a frame.

    Args:
        column: timestamps with a timezone; or dates, naive datetimes or ISO 8601 text, if a zone
            is declared.
        declared: the zone of wall times, and the one in which the strategy sees the instants.
        dates_in: the zone of a column that has dates alone, if none is declared.

    Raises:
        DataError: a value is missing, is no timestamp, is finer than a microsecond, or its
            instant is unknown; the message names the row.
    """
    place, values = column.place, column.present()
    if isinstance(values, list):
        return _from_objects(place, values).instants(declared, dates_in)
    return _from_arrow(place, values).instants(declared, dates_in)


def read_timestamps(given: NDArray[np.datetime64] | Sequence[datetime], zone: tzinfo) -> Instants:
    """The instants in an array of datetime64 (wall times of ``zone``) or in aware datetimes.

    Raises:
        DataError: as :func:`read_instants`; also for a naive datetime.
    """
    place = Place("timestamps", "timestamp")
    if isinstance(given, np.ndarray) and given.dtype.kind == "M":
        return _from_datetime64(place, given).instants(zone)
    moments = _from_objects(place, list(given))
    if moments.zone is None:
        moments.instants(None)
    return moments.instants(zone)


def _from_arrow(place: Place, array: "pa.Array") -> _Moments:
    import pyarrow as pa  # noqa: PLC0415

    kind = value_type(array)
    if is_text(kind):
        texts, codes = encode(array)
        return _from_texts(place, texts.to_pylist(), codes)
    if not pa.types.is_date(kind) and not pa.types.is_timestamp(kind):
        expected = f"a datetime (the column has type {kind})"
        remedy = 'convert it, such as pandas.to_datetime(column, unit="s", utc=True) for seconds'
        raise place.refusal(0, expected, repr(array[0].as_py()), remedy, len(array) - 1)
    distinct, codes = encode(array)
    if pa.types.is_date(kind):
        kind = pa.timestamp("s")
        distinct = distinct.cast(kind)
    counts = primitive(distinct.cast(pa.int64()))
    values = _scaled(place, counts, _NANOSECONDS[kind.unit], codes)
    zone = None if kind.tz is None else named_zone(kind.tz) or UTC
    return _Moments(place, values, codes, zone)


def _from_datetime64(place: Place, given: NDArray[np.datetime64]) -> _Moments:
    codes = np.arange(len(given))
    missing = np.flatnonzero(np.isnat(given))
    if len(missing):
        raise place.missing(int(missing[0]), len(missing) - 1)
    counts = given.astype("M8[us]").astype(np.int64)
    words = ("a whole number of microseconds", "round it")
    _refuse(place, codes, counts.astype("M8[us]") != given, lambda row: str(given[row]), words)
    return _Moments(place, _scaled(place, counts, 1000, codes), codes, None)


def _from_texts(place: Place, texts: Sequence[str], codes: Codes) -> _Moments:
    moments: list[datetime] = []
    wrong = np.zeros(len(texts), np.bool_)
    for code, text in enumerate(texts):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            wrong[code] = True
        else:
            wrong[code] = _FINE.search(text) is not None
            moments.append(moment)
    remedy = "write it like 2024-01-02T16:00:00-05:00"
    expected = "text in ISO 8601, to the microsecond at most"
    _refuse(place, codes, wrong, lambda code: repr(texts[code]), (expected, remedy))
    return _from_datetimes(place, moments, codes, UTC)


def _from_objects(place: Place, objects: Sequence[object]) -> _Moments:
    known: dict[tuple[date, str, int], int] = {}
    codes = np.empty(len(objects), np.int32)
    for row, value in enumerate(objects):
        if not isinstance(value, date) or value != value:  # noqa: PLR0124 - NaT is not itself
            remedy = "make the whole column datetimes with a timezone"
            raise place.refusal(row, "a datetime", repr(value), remedy)
        # The two instants of an hour that clocks show twice are equal to Python but for the fold.
        key = (value, _zone_name(value), getattr(value, "fold", 0))
        codes[row] = known.setdefault(key, len(known))
    zones = [zone for _, zone, _ in known]
    mixed = np.array([zone != zones[0] for zone in zones])
    expected = f"in the timezone of row 0, {zones[0]}" if zones[0] else "without timezone as row 0"
    remedy = "convert all to one timezone, such as UTC"
    moments = [moment for moment, _, _ in known]
    _refuse(place, codes, mixed, lambda code: moments[code].isoformat(), (expected, remedy))
    return _from_datetimes(place, moments, codes, named_zone(zones[0]) or UTC)


def _from_datetimes(place: Place, moments: Sequence[date], codes: Codes, zone: tzinfo) -> _Moments:
    """Moments that all have a timezone, of which ``zone`` is the one to show, or all have none."""
    datetimes = [
        moment if isinstance(moment, datetime) else datetime.combine(moment, time())
        for moment in moments
    ]
    aware = np.array([moment.tzinfo is not None for moment in datetimes])
    expected = "with a timezone, as row 0" if aware[0] else "without timezone, as row 0"
    remedy = "give all rows a timezone"
    _refuse(
        place, codes, aware != aware[0], lambda code: moments[code].isoformat(), (expected, remedy)
    )
    epoch = EPOCH if aware[0] else _NAIVE_EPOCH
    counts = np.array([(moment - epoch) // _MICROSECOND for moment in datetimes], np.int64)
    values = _scaled(place, counts, 1000, codes)
    values += np.array([getattr(moment, "nanosecond", 0) for moment in datetimes], np.int64)
    return _Moments(place, values, codes, zone if aware[0] else None)


def _zone_name(moment: date) -> str:
    zone = getattr(moment, "tzinfo", None)
    if zone is None:
        return ""
    # zoneinfo calls it key, pytz calls it zone
    return str(getattr(zone, "key", None) or getattr(zone, "zone", None) or zone)


def _scaled(place: Place, counts: NDArray[np.int64], scale: int, codes: Codes) -> NDArray[np.int64]:
    outside = (counts > _LAST // scale) | (counts < _FIRST // scale)
    words = ("between the years 1678 and 2262", "remove the row")

    def shown(code: int) -> str:
        return str(np.datetime64(int(counts[code]) * scale // 10**9, "s"))

    _refuse(place, codes, outside, shown, words)
    return counts * scale


def _refuse(
    place: Place,
    codes: Codes,
    wrong: NDArray[np.bool_],
    shown: Callable[[int], object],
    words: tuple[str, str],
) -> None:
    """Refuse the rows whose value is wrong.

    Args:
        place: the column.
        codes: which value each row has.
        wrong: which values are wrong.
        shown: the value of a code, for the message.
        words: what was expected, and the remedy.
    """
    if not wrong.any():
        return
    rows = np.flatnonzero(wrong[codes])
    row = int(rows[0])
    expected, remedy = words
    raise place.refusal(row, expected, shown(int(codes[row])), remedy, len(rows) - 1)
