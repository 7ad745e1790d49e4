"""Timezones over whole arrays of instants, by the rules of :mod:`zoneinfo`."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ml4t.core.errors import InvalidValueError

__all__ = ["EPOCH", "Offsets", "clock_text", "declared_zone", "named_zone"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_SECOND = 1_000_000_000
_DAY = 86_400  # seconds; no zone has ever changed its offset twice within a day


def declared_zone(name: str) -> tzinfo:
    """The zone that the caller named.

    Raises:
        InvalidValueError: there is no zone of that name.
    """
    zone = named_zone(name)
    if zone is None:
        msg = f"timezone must be an IANA name such as 'America/New_York' or 'UTC', was {name!r}"
        raise InvalidValueError(msg)
    return zone


def named_zone(name: object) -> tzinfo | None:
    """The zone of an IANA name, ``datetime.UTC`` for UTC; None where there is none."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else None
    except (KeyError, ValueError, OSError):  # unknown, outside the database, a folder of it
        return None


def clock_text(nanoseconds: int) -> str:
    """Nanoseconds since 1970 as ISO 8601 without a zone, exact and without idle zeros.

    >>> clock_text(1_500_000_000)
    '1970-01-01T00:00:01.5'
    """
    return str(np.datetime64(nanoseconds, "ns")).rstrip("0").rstrip(".").ljust(19, "0")


class Offsets:
    """What a zone's clocks show between two instants, as a short table of changes.

    Nanoseconds since 1970 throughout: of UTC for instants, of the local clock for wall times.

    Args:
        zone: the zone.
        first: an instant or wall time not after any that will be asked for.
        last: an instant or wall time not before any that will be asked for.
    """

    __slots__ = ("_changes", "_offsets")

    def __init__(self, zone: tzinfo, first: int, last: int) -> None:
        # Wall times are up to a day away from their instants, hence the margin of two days.
        lower, upper = first // _SECOND - 2 * _DAY, last // _SECOND + 2 * _DAY
        changes: list[int] = []
        offsets = [_offset(zone, lower)]
        for second in range(lower + _DAY, upper + _DAY, _DAY):
            offset = _offset(zone, second)
            if offset != offsets[-1]:
                changes.append(_change(zone, second - _DAY, second) * _SECOND)
                offsets.append(offset)
        self._changes = np.array(changes, np.int64)
        self._offsets = np.array(offsets, np.int64)

    def wall_times(self, instants: NDArray[np.int64]) -> NDArray[np.int64]:
        """What the local clock shows at each instant."""
        segment = np.searchsorted(self._changes, instants, side="right")
        return instants + self._offsets[segment]

    def folds(self, instants: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which instants are the second one at which the clock shows its wall time."""
        segment = np.searchsorted(self._changes, instants, side="right")
        set_back = np.concatenate(([0], np.maximum(self._offsets[:-1] - self._offsets[1:], 0)))
        begin = np.concatenate(([np.iinfo(np.int64).min], self._changes))
        return instants < begin[segment] + set_back[segment]

    def instants(
        self, walls: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        """The instants at which the clock shows each wall time.

        Returns:
            The instants; which wall times are shown twice; which are never shown. The instants
            of the latter two mean nothing.
        """
        before, after = self._offsets[:-1], self._offsets[1:]
        surely = np.searchsorted(self._changes + np.maximum(before, after), walls, side="right")
        perhaps = np.searchsorted(self._changes + np.minimum(before, after), walls, side="right")
        unclear = surely != perhaps
        clocks_set_back = np.concatenate((after < before, [False]))[surely]
        instants = walls - self._offsets[surely]
        return instants, unclear & clocks_set_back, unclear & ~clocks_set_back


def _offset(zone: tzinfo, second: int) -> int:
    """The offset of local time from UTC at a second since 1970, in nanoseconds."""
    offset = (EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset() or timedelta()
    return offset // timedelta(microseconds=1) * 1000


def _change(zone: tzinfo, lower: int, upper: int) -> int:
    """The first second within ``(lower, upper]`` that has the offset of ``upper``."""
    target = _offset(zone, upper)
    while upper - lower > 1:
        middle = (lower + upper) // 2
        if _offset(zone, middle) == target:
            upper = middle
        else:
            lower = middle
    return upper
