"""The frame of signals: numbers that belong to a bar."""

import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.alignment import KeyedRows, key_rows, place
from ml4t.backtest.data.checks import FIELDS, check, signal_rules
from ml4t.backtest.data.clock import Clock
from ml4t.backtest.data.frames import Frame, FrameSource, read_frame
from ml4t.backtest.data.prices import Bars
from ml4t.backtest.data.refusals import more_rows
from ml4t.core.errors import DataError

__all__ = ["read_signals"]


def read_signals(source: FrameSource, bars: Bars, clock: Clock) -> dict[str, NDArray[np.float64]]:
    """The signals in a frame or a file on the grid of the bars, NaN where there is none.

    Raises:
        DataError: a signal belongs to no bar, is infinite or is given twice, or a column cannot
            be a signal.
    """
    frame = read_frame(source, "signals")
    names = _names(frame)
    rows = key_rows(frame, clock)
    numbers = {given: rows.take(frame.take(name).numbers()) for name, given in names.items()}
    check(numbers, signal_rules(numbers), rows.where)
    times = bars.times.locate(rows.instants.values)[rows.instants.codes]
    positions = {asset: position for position, asset in enumerate(bars.assets)}
    known = np.array([positions.get(symbol, -1) for symbol in rows.symbols.names], np.int32)
    assets = known[rows.symbols.codes]
    close = bars.arrays["close"]
    _refuse((times < 0) | (assets < 0) | np.isnan(close[times, assets]), rows)
    placement = place(rows, times, assets, close.shape)
    return {name: placement.grid(numbers.pop(name)) for name in sorted(numbers)}


def _names(frame: Frame) -> dict[str, str]:
    """The names of the signals as given, by lower-case name."""
    keys = {frame.time_column().name.lower(), frame.asset_column().name.lower()}
    names = {name: column.name for name, column in frame.columns.items() if name not in keys}
    if not names:
        msg = "signals has no column of numbers beside timestamp and asset; add one"
        raise DataError(msg)
    for name, given in names.items():
        if name in FIELDS:
            msg = (
                f"signals has the column {given!r}, which is a field of the bar itself; "
                "rename or drop it"
            )
            raise DataError(msg)
    return names


def _refuse(strange: NDArray[np.bool_], rows: KeyedRows) -> None:
    found = np.flatnonzero(strange)
    if len(found):
        msg = (
            f"{rows.where(int(found[0]))}: a signal must belong to a bar, prices has none of this "
            f"asset at this timestamp; move it to a bar or remove the row"
            f"{more_rows(len(found) - 1)}"
        )
        raise DataError(msg)
