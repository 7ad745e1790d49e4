"""The instants of a run: integers inside, datetimes outside."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import accumulate, chain, pairwise, repeat
from operator import add
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.zones import EPOCH, Offsets, clock_text
from ml4t.core.errors import DataError

__all__ = ["TimeAxis"]

_CHUNK = 4096  # datetimes that exist at once while iterating
_STEADY = 16  # instants in a row with one step between them from which it is made once
_DAY = 86_400_000_000_000
_EPOCH_ORDINAL = EPOCH.toordinal()


class TimeAxis(Sequence[datetime]):
    """Strictly ascending instants, shown as datetimes of one timezone.

    Args:
        nanoseconds: the instants, int64 nanoseconds since 1970 UTC; locked, not copied. Python's
            datetimes end at microseconds, so each must be a multiple of 1000.
        zone: the timezone in which the datetimes are given.

    Raises:
        DataError: the instants do not ascend, or one is finer than a microsecond.

    >>> from zoneinfo import ZoneInfo
    >>> axis = TimeAxis(np.array([0, 86_400 * 10**9]), ZoneInfo("America/New_York"))
    >>> axis[0].isoformat()
    '1969-12-31T19:00:00-05:00'
    """

    __slots__ = ("_nanoseconds", "_offsets", "_sessions", "zone")

    def __init__(self, nanoseconds: NDArray[np.int64], zone: tzinfo = UTC) -> None:
        if nanoseconds.dtype != np.int64 or nanoseconds.ndim != 1:
            msg = f"instants must be int64 in one dimension, was {nanoseconds.dtype}"
            raise DataError(msg)
        falls = np.flatnonzero(nanoseconds[1:] <= nanoseconds[:-1])
        if len(falls):
            row = int(falls[0]) + 1
            msg = (
                f"row {row}: timestamps must ascend, {_iso(nanoseconds[row])} does not come "
                f"after {_iso(nanoseconds[row - 1])}; sort the rows and remove repeats"
            )
            raise DataError(msg)
        fine = np.flatnonzero(nanoseconds % 1000)
        if len(fine):
            msg = (
                f"row {fine[0]}: timestamps must be whole microseconds, was "
                f"{_iso(nanoseconds[fine[0]])}; round them"
            )
            raise DataError(msg)
        nanoseconds.flags.writeable = False
        self._nanoseconds = nanoseconds
        self._offsets: Offsets | None = None
        self._sessions: NDArray[np.int64] | None = None
        self.zone = zone

    @property
    def nanoseconds(self) -> NDArray[np.int64]:
        """The instants in nanoseconds since 1970 UTC, read-only."""
        return self._nanoseconds

    @property
    def sessions(self) -> NDArray[np.int64]:
        """The local calendar date of each row as ``date.toordinal()`` counts it, read-only."""
        if self._sessions is None:
            sessions = self._wall_times(self._nanoseconds) // _DAY + _EPOCH_ORDINAL
            sessions.flags.writeable = False
            self._sessions = sessions
        return self._sessions

    @property
    def daily(self) -> bool:
        """Whether no two rows are of one local calendar date."""
        # Two rows tell most axes that are not: dates of millions of minutes are not free.
        return all(bool((np.diff(axis.sessions) > 0).all()) for axis in (self[:2], self))

    def locate(self, nanoseconds: NDArray[np.int64]) -> NDArray[np.intp]:
        """The row of each instant; -1 where it is not on the axis."""
        if not len(self):
            return np.full(len(nanoseconds), -1, np.intp)
        rows = np.searchsorted(self._nanoseconds, nanoseconds)
        rows[rows == len(self)] = 0
        rows[self._nanoseconds[rows] != nanoseconds] = -1
        return rows

    def iterate(self, start: int = 0, stop: int | None = None) -> Iterator[datetime]:
        """The datetimes of the rows from ``start`` to before ``stop``, made as they are asked for.

        Many times faster than one index after the other, in memory that does not grow.
        """
        lower, upper, _ = slice(start, stop).indices(len(self))
        if 0 < upper - lower <= _CHUNK:
            return self._datetimes(lower, upper)
        return chain.from_iterable(
            self._datetimes(begin, min(begin + _CHUNK, upper))
            for begin in range(lower, upper, _CHUNK)
        )

    def __len__(self) -> int:
        return len(self._nanoseconds)

    def __iter__(self) -> Iterator[datetime]:
        return self.iterate()

    @overload
    def __getitem__(self, row: int) -> datetime: ...

    @overload
    def __getitem__(self, row: slice) -> "TimeAxis": ...

    def __getitem__(self, row: int | slice) -> "datetime | TimeAxis":
        if isinstance(row, slice):
            return TimeAxis(self._nanoseconds[row], self.zone)
        position = range(len(self))[row]
        moment = EPOCH + timedelta(microseconds=int(self._nanoseconds[position]) // 1000)
        return moment if self.zone is UTC else moment.astimezone(self.zone)

    def __repr__(self) -> str:
        if not len(self):
            return f"TimeAxis(empty, {self.zone})"
        return f"TimeAxis({self[0].isoformat()} .. {self[-1].isoformat()}, {len(self)} rows)"

    def _datetimes(self, start: int, stop: int) -> Iterator[datetime]:
        block = self._nanoseconds[start:stop]
        datetimes = _aware(self._wall_times(block) // 1000, self.zone)
        if self.zone is UTC:
            return datetimes
        folds = self._zone_offsets().folds(block)
        if not folds.any():
            return datetimes
        return (
            moment.replace(fold=fold)
            for moment, fold in zip(datetimes, folds.tolist(), strict=True)
        )

    def _wall_times(self, block: NDArray[np.int64]) -> NDArray[np.int64]:
        return block if self.zone is UTC else self._zone_offsets().wall_times(block)

    def _zone_offsets(self) -> Offsets:
        if self._offsets is None:
            first, last = (self._nanoseconds[[0, -1]]).tolist() if len(self) else (0, 0)
            self._offsets = Offsets(self.zone, first, last)
        return self._offsets


def _aware(microseconds: NDArray[np.int64], zone: tzinfo) -> Iterator[datetime]:
    """What a zone's clocks show at wall times in microseconds since 1970, one or more."""
    # Adding to an aware datetime moves its clock and never looks at the zone's rules, which is
    # right for wall times and much faster than converting each instant.
    epoch = EPOCH.replace(tzinfo=zone)
    steps = np.diff(microseconds)
    breaks = np.flatnonzero(steps[1:] != steps[:-1]) + 1
    if len(breaks) * _STEADY > len(steps):
        return map(add, repeat(epoch), microseconds.astype("m8[us]").tolist())
    # The minutes of a session are one step apart: the same step again and again is made once.
    starts = [0, *breaks.tolist()]
    spans = [
        repeat(timedelta(microseconds=int(steps[start])), stop - start)
        for start, stop in pairwise((*starts, len(steps)))
        if stop > start
    ]
    deltas: Iterator[Any] = spans[0] if len(spans) == 1 else chain.from_iterable(spans)
    return accumulate(deltas, initial=epoch + timedelta(microseconds=int(microseconds[0])))


def _iso(nanoseconds: np.int64) -> str:
    return f"{clock_text(int(nanoseconds))}Z"
