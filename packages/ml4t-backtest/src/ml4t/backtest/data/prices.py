"""The frame of prices: one row for each bar."""

from collections.abc import Collection, Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.alignment import KeyedRows, key_rows, place
from ml4t.backtest.data.checks import FIELDS, check, price_rules
from ml4t.backtest.data.clock import Clock
from ml4t.backtest.data.frames import Frame, FrameSource, read_frame
from ml4t.backtest.data.time_axis import TimeAxis
from ml4t.core.bars import PRICE_FIELDS
from ml4t.core.errors import DataError

__all__ = ["Bars", "read_prices", "require_prices"]


@attrs.frozen(kw_only=True, eq=False)
class Bars:
    """Bars on a grid of T instants and N assets.

    Attributes:
        times: the instants.
        assets: the symbols, sorted.
        arrays: prices, and volume where there is one, of shape (T, N); NaN where no bar is.
        clock: how timestamps beside these bars are read.
        skipped: how many bars were left out since they lie in no session.
    """

    times: TimeAxis
    assets: tuple[str, ...]
    arrays: dict[str, NDArray[np.float64]]
    clock: Clock = attrs.field(factory=Clock)
    skipped: int = 0


def read_prices(source: FrameSource, clock: Clock) -> Bars:
    """The bars in a frame or a file.

    Raises:
        DataError: something about the bars is not possible or not known.
    """
    frame = read_frame(source, "prices")
    keys = {frame.time_column().name.lower(), frame.asset_column().name.lower()}
    fields = _fields(frame, keys)
    rows = key_rows(frame, clock)
    given = len(frame.time_column().series)
    numbers = {name: rows.take(frame.take(name).numbers()) for name in fields}
    _check(dict.fromkeys(PRICE_FIELDS, numbers["close"]) | numbers, rows)
    times = TimeAxis(rows.instants.values, rows.instants.zone)
    shape = (len(times), len(rows.symbols.names))
    placement = place(rows, rows.instants.codes, rows.symbols.codes, shape)
    # One by one, so that no column is in memory in each of its forms at once with the others.
    arrays = {name: placement.grid(numbers.pop(name)) for name in fields}
    arrays = dict.fromkeys(PRICE_FIELDS, arrays["close"]) | arrays
    return Bars(
        times=times,
        assets=rows.symbols.names,
        arrays=arrays,
        clock=clock.settled(rows.instants),
        skipped=given - len(rows.instants.codes),
    )


def _check(bars: Mapping[str, NDArray[np.float64]], rows: KeyedRows) -> None:
    check(bars, price_rules(bars), rows.where)


def _fields(frame: Frame, keys: set[str]) -> list[str]:
    """The fields of a bar that the frame has: all prices or the close alone, perhaps volume."""
    strange = [
        column.name for name, column in frame.columns.items() if name not in keys | {*FIELDS}
    ]
    if strange:
        msg = (
            f"prices has the column {strange[0]!r}, which is no field of a bar "
            f"({', '.join(FIELDS)}); give numbers to the strategy as `signals=`, or drop it"
        )
        if len(strange) > 1:
            msg += f" (also {', '.join(strange[1:])})"
        raise DataError(msg)
    require_prices(frame.columns, "prices")
    return [name for name in FIELDS if name in frame.columns]


def require_prices(names: Collection[str], label: str) -> None:
    """Refuse names that have neither all four prices nor of these the close alone.

    Raises:
        DataError: the message names those that are missing.
    """
    missing = [name for name in PRICE_FIELDS if name not in names]
    if missing not in ([], ["open", "high", "low"]):
        msg = (
            f"{label} needs the columns {', '.join(PRICE_FIELDS)}, or of these close alone; "
            f"{', '.join(missing)} not found among {', '.join(names)}"
        )
        raise DataError(msg)
