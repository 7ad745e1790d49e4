"""Bars that come as arrays on their grid, without a frame of rows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.alignment import iso
from ml4t.backtest.data.checks import (
    FIELDS,
    check,
    gap_rules,
    missing_bars,
    price_rules,
    signal_rules,
)
from ml4t.backtest.data.clock import Clock
from ml4t.backtest.data.instants import read_timestamps
from ml4t.backtest.data.panel import require_grid
from ml4t.backtest.data.prices import Bars, require_prices
from ml4t.backtest.data.refusals import Place
from ml4t.backtest.data.time_axis import TimeAxis
from ml4t.core.bars import PRICE_FIELDS
from ml4t.core.errors import DataError

__all__ = ["bars_of_arrays"]


def bars_of_arrays(
    timestamps: NDArray[np.datetime64] | Sequence[datetime],
    symbols: Sequence[str],
    columns: Mapping[str, NDArray[np.float64]],
    clock: Clock,
) -> Bars:
    """The bars in arrays of shape (T, N), which are shared, not copied, unless some are left out.

    Raises:
        DataError: timestamps or symbols do not ascend, an array does not fit them, or something
            about the bars is not possible.
    """
    if not len(timestamps) or not len(symbols):
        msg = f"there must be a bar, was {len(timestamps)} timestamps of {len(symbols)} assets"
        raise DataError(msg)
    assets = _ascending(symbols)
    zone = clock.zone or UTC
    require_prices(columns, "columns")
    for name, array in columns.items():
        require_grid(name, array, (len(timestamps), len(assets)))
    close = columns["close"]

    def who(row: int) -> str:
        bars = np.flatnonzero(~np.isnan(close[row]))
        return assets[int(bars[0])] if len(bars) else ""

    timed = clock.timed(read_timestamps(timestamps, zone), Place("timestamps", "timestamp"), who)
    times = TimeAxis(timed.values[timed.codes], zone)
    skipped = 0
    if timed.rows is not None:
        skipped = int(np.count_nonzero(~np.isnan(close)))
        kept = {id(array): array[timed.rows] for array in columns.values()}
        columns = {name: kept[id(array)] for name, array in columns.items()}
        skipped -= int(np.count_nonzero(~np.isnan(columns["close"])))
    prices = dict.fromkeys(PRICE_FIELDS, columns["close"])
    arrays = prices | {name: columns[name] for name in FIELDS if name in columns}
    signals = sorted(columns.keys() - {*FIELDS})
    arrays |= {name: columns[name] for name in signals}

    def where(cell: int) -> str:
        row, column = divmod(cell, len(assets))
        when = iso(int(times.nanoseconds[row]), zone)
        return f"row {timed.given(row)}, column {column} of the arrays ({when}, {assets[column]})"

    views = {id(array): array.reshape(-1) for array in columns.values()}
    numbers = {name: views[id(array)] for name, array in arrays.items()}
    check(numbers, [*price_rules(numbers), *signal_rules(signals)], where, exempt=missing_bars)
    check(numbers, gap_rules(name for name in arrays if name not in PRICE_FIELDS), where)
    settled = clock.settled(timed)
    return Bars(times=times, assets=assets, arrays=arrays, clock=settled, skipped=skipped)


def _ascending(symbols: Sequence[str]) -> tuple[str, ...]:
    place = Place("symbols", "symbol")
    remedy = "sort the symbols, and the columns of each array with them"
    for row, symbol in enumerate(symbols):
        if not isinstance(symbol, str) or not symbol or symbol != symbol.strip():
            expected = "text without surrounding blanks"
            raise place.refusal(row, expected, repr(symbol), "convert or strip it")
        if row and symbol <= symbols[row - 1]:
            expected = f"after {symbols[row - 1]!r} in ascending order"
            raise place.refusal(row, expected, repr(symbol), remedy)
    return tuple(map(str, symbols))  # numpy's texts are not quite Python's
