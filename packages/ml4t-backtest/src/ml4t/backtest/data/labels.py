"""What the timestamp of a bar says: when it ended, when it began, or only its day."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.zones import EPOCH, Offsets
from ml4t.core.errors import InvalidValueError

__all__ = ["BarLabels", "EndOfBar", "SessionDate", "StartOfBar", "read_labels"]

_MICROSECOND = timedelta(microseconds=1)
_HOUR = timedelta(hours=1)
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_LENGTH = re.compile(r"(\d+) *(s|min|h|d)")


@attrs.frozen
class EndOfBar:
    """The timestamp is the instant at which the bar was complete."""


@attrs.frozen
class StartOfBar:
    """The timestamp is the instant at which the bar began; it is complete ``length`` later.

    Attributes:
        length: from the beginning to the end of every bar.

    Raises:
        InvalidValueError: the length is not positive.
    """

    length: timedelta

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.length, timedelta) or self.length <= timedelta():
            msg = f"length must be a positive timedelta, was {self.length!r}"
            raise InvalidValueError(msg)

    def ends(self, starts: NDArray[np.int64], zone: tzinfo) -> NDArray[np.int64]:
        """When the bars that begin at ``starts`` are complete.

        A bar longer than an hour may follow the clock of its zone, whose days have 23 or 25 hours
        twice a year: then the later one of what the clock and what the elapsed time says, so that
        it is never seen too early.

        Args:
            starts: nanoseconds since 1970 UTC.
            zone: the zone in which the timestamps were given.
        """
        step = self.length // _MICROSECOND * 1000
        elapsed = starts + step
        if self.length <= _HOUR or zone is UTC or not len(starts):
            return elapsed
        walls = Offsets(zone, int(starts.min()), int(starts.max())).wall_times(starts) + step
        by_clock = np.array([_latest(int(wall), zone) for wall in walls.tolist()], np.int64)
        return np.maximum(elapsed, by_clock)


@attrs.frozen
class SessionDate:
    """The timestamp is a date, which names the session; the bar is complete at its close.

    For daily bars whose timestamps look like instants, such as midnight in UTC. It needs a
    calendar.
    """


BarLabels: TypeAlias = EndOfBar | StartOfBar | SessionDate


def read_labels(label: str, length: str | None) -> BarLabels:
    """The labels that two texts describe, as the command line has them.

    Args:
        label: ``end``, ``start`` or ``date``.
        length: of ``start`` the length of a bar: a whole number and ``s``, ``min``, ``h`` or ``d``.

    Raises:
        InvalidValueError: a text is not one of these, or the length is missing or in vain.

    >>> read_labels("start", "5min")
    StartOfBar(length=datetime.timedelta(seconds=300))
    """
    if label not in ("end", "start", "date"):
        msg = f"the bar's label must be end, start or date, was {label!r}"
        raise InvalidValueError(msg)
    if label != "start":
        if length is not None:
            msg = f"the bar's length is for bars labelled by their start, these are by {label}"
            raise InvalidValueError(msg)
        return EndOfBar() if label == "end" else SessionDate()
    match = _LENGTH.fullmatch(length or "")
    if match is None:
        msg = f"bars labelled by their start need a length such as 5min, 1h or 1d, was {length!r}"
        raise InvalidValueError(msg)
    return StartOfBar(timedelta(**{_UNITS[match[2]]: int(match[1])}))


def _latest(wall: int, zone: tzinfo) -> int:
    """The last instant at which the clock of a zone shows a wall time, in nanoseconds."""
    moment: datetime = (EPOCH + timedelta(microseconds=wall // 1000)).replace(tzinfo=zone)
    return max((moment.replace(fold=fold) - EPOCH) // _MICROSECOND * 1000 for fold in (0, 1))
