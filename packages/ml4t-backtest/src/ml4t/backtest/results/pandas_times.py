"""Datetimes to integers and to pandas, exact to the microsecond."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["nanoseconds_of", "time_index"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TIME = np.iinfo(np.int64).min


def nanoseconds_of(instants: Iterable[datetime | None]) -> npt.NDArray[np.int64]:
    """Nanoseconds since 1970 UTC of each instant; pandas' NaT for None.

    Neighbours that are one object are converted once: the fills of a bar share their timestamp.
    """
    numbers = []
    last: datetime | None = None
    number = _NO_TIME
    for instant in instants:
        if instant is not last:
            last = instant
            number = _NO_TIME if instant is None else _nanoseconds(instant - _EPOCH)
        numbers.append(number)
    return np.array(numbers, dtype=np.int64)


def _nanoseconds(delta: timedelta) -> int:
    # Division by a timedelta would be exact too, and takes twice as long.
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000


def time_index(nanoseconds: npt.NDArray[np.int64], zone: tzinfo) -> "pd.DatetimeIndex":
    """The instants as a pandas index in ``zone``."""
    import pandas as pd  # noqa: PLC0415 - slow to load, and a run needs none

    return pd.DatetimeIndex(nanoseconds.view("M8[ns]")).tz_localize("UTC").tz_convert(zone)
