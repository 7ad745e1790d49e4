"""Rows that are each of one instant and one asset, and their places in a grid of both."""

from datetime import timedelta, tzinfo

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.clock import Clock, Timed
from ml4t.backtest.data.columns import Codes
from ml4t.backtest.data.frames import Frame
from ml4t.backtest.data.refusals import more_rows
from ml4t.backtest.data.symbols import Symbols, read_symbols
from ml4t.backtest.data.zones import EPOCH
from ml4t.core.errors import DataError

__all__ = ["KeyedRows", "Placement", "first_repeat", "iso", "key_rows", "place"]


@attrs.frozen(kw_only=True, eq=False)
class KeyedRows:
    """What and when each row of a frame is about.

    Attributes:
        label: what the frame is to the caller: ``prices`` or ``signals``.
        instants: the instant of each row that counts.
        symbols: the symbol of each row that counts.
    """

    label: str
    instants: Timed
    symbols: Symbols

    def where(self, row: int) -> str:
        """How messages name a row: counted from 0, with its timestamp and asset."""
        when = iso(int(self.instants.values[self.instants.codes[row]]), self.instants.zone)
        symbol = self.symbols.names[self.symbols.codes[row]]
        return f"row {self.instants.given(row)} of {self.label} ({when}, {symbol})"

    def take(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """The numbers of the rows that count, from those of all rows given."""
        return numbers if self.instants.rows is None else numbers[self.instants.rows]


@attrs.frozen(kw_only=True, eq=False)
class Placement:
    """Where each row stands in a grid of T instants and N assets.

    Attributes:
        cells: ``i * N + j`` for the row of instant i and asset j.
        shape: (T, N).
        in_order: whether row k stands in cell k and no cell is empty.
    """

    cells: NDArray[np.intp]
    shape: tuple[int, int]
    in_order: bool

    def grid(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """A new array with the value of each row in its cell, NaN where no row stands."""
        if self.in_order:
            return values.reshape(self.shape).copy()
        grid = np.full(self.shape, np.nan)
        grid.reshape(-1)[self.cells] = values
        return grid


def key_rows(frame: Frame, clock: Clock) -> KeyedRows:
    """The instants and symbols of a frame.

    Raises:
        DataError: one of the two columns is absent or has a value that cannot be used.
    """
    time, symbols = frame.time_column(), read_symbols(frame.asset_column())
    instants = clock.read(time, lambda row: symbols.names[symbols.codes[row]])
    if instants.rows is not None:
        symbols = symbols.take(instants.rows)
    return KeyedRows(label=frame.label, instants=instants, symbols=symbols)


def place(rows: KeyedRows, times: Codes, assets: Codes, shape: tuple[int, int]) -> Placement:
    """The places of rows, given the grid's index of each one's instant and asset.

    Raises:
        DataError: two rows have the same instant and asset.
    """
    cells = times.astype(np.intp)
    cells *= shape[1]
    cells += assets
    size = shape[0] * shape[1]
    in_order = len(cells) == size and _counts_up(cells)
    if not in_order:
        taken = np.zeros(size, np.bool_)
        taken[cells] = True
        if np.count_nonzero(taken) < len(cells):
            row, earlier, more = first_repeat(cells)
            first = rows.instants.given(earlier)
            msg = (
                f"{rows.where(row)}: there must be one row for each timestamp and asset, row "
                f"{first} has both already; remove one of them{more_rows(more)}"
            )
            raise DataError(msg)
    return Placement(cells=cells, shape=shape, in_order=in_order)


def _counts_up(cells: NDArray[np.intp]) -> bool:
    """Whether the cells are 0, 1, 2, … ; the second one tells most orders from this."""
    return cells[:2].tolist() == [0, 1][: len(cells)] and bool(
        (cells == np.arange(len(cells))).all()
    )


def first_repeat(keys: Codes) -> tuple[int, int, int]:
    """The first row whose key came before; the row it came in; how many more such rows there are.

    There must be one.
    """
    order = np.argsort(keys, kind="stable")
    repeats = order[1:][keys[order[1:]] == keys[order[:-1]]]
    row = int(repeats.min())
    return row, int(np.flatnonzero(keys == keys[row])[0]), len(repeats) - 1


def iso(nanoseconds: int, zone: tzinfo) -> str:
    """An instant for messages, in a zone."""
    moment = EPOCH + timedelta(microseconds=nanoseconds // 1000)
    return moment.astimezone(zone).isoformat()
