"""Bars of many assets in numpy arrays, and what a strategy sees of them at one instant."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.time_axis import TimeAxis
from ml4t.core.errors import DataError, InvalidValueError, UnknownAssetError
from ml4t.core.panel import MarketSlice, Panel

__all__ = ["ArrayPanel", "ArraySlice", "last_known", "require_grid"]

_WHOLE = (int, np.integer)
_BLOCK = 1 << 18  # cells looked at together where a whole grid at once would need much memory


class ArrayPanel(Panel):
    """A panel over numpy arrays, one for each column, which it shares and locks.

    Args:
        timestamps: the T instants at which the rows were complete.
        assets: the N symbols.
        arrays: float64, C-contiguous, shape (T, N) each: ``open``, ``high``, ``low``, ``close``,
            perhaps ``volume``, and signals. A missing bar is NaN in all price columns. They are
            made read-only, not copied; one array may serve several columns.

    Attributes:
        arrays: the arrays by column, read-only.

    Raises:
        DataError: a price column is missing, or an array has another shape or type.

    >>> close = np.array([[10.0, 20.0], [11.0, np.nan]])
    >>> axis = TimeAxis(np.array([0, 60 * 10**9]))
    >>> fields = ("open", "high", "low", "close")
    >>> panel = ArrayPanel(axis, ["A", "B"], dict.fromkeys(fields, close))
    >>> panel.marks.tolist()
    [10.0, 20.0, 11.0, 20.0]
    """

    __slots__ = ("arrays",)

    def __init__(
        self,
        timestamps: TimeAxis,
        assets: Sequence[str],
        arrays: Mapping[str, NDArray[np.float64]],
    ) -> None:
        shape = (len(timestamps), len(assets))
        for name, array in arrays.items():
            require_grid(name, array, shape)
            array.flags.writeable = False
        if "close" not in arrays:
            msg = f"a panel needs the column 'close', has {sorted(arrays)}"
            raise DataError(msg)
        self.arrays: Mapping[str, NDArray[np.float64]] = MappingProxyType(dict(arrays))
        views = {id(array): array.reshape(-1).data for array in arrays.values()}
        columns = {name: views[id(array)] for name, array in arrays.items()}
        closes = arrays["close"]
        marks = last_known(closes)
        flat = columns["close"] if marks is closes else marks.reshape(-1).data
        super().__init__(timestamps, assets, columns, flat)


class ArraySlice(MarketSlice):
    """The bars that are complete at one instant, by symbol and as numpy rows.

    Numpy rows follow ``universe``: one number for each symbol of the run, NaN where it has no bar
    at this instant. Nothing here reaches past this instant, and what was handed out stays what it
    was however far the run moves on. All arrays are read-only views without a copy. (Numpy lets
    whoever insists walk from a view to the array behind it by ``.base``; code that does so has
    left this interface, and preventing it would cost a copy at each access.)

    >>> close = np.array([[10.0, 20.0], [11.0, np.nan], [12.0, 22.0]])
    >>> axis = TimeAxis(np.arange(3) * 60 * 10**9)
    >>> fields = ("open", "high", "low", "close")
    >>> panel = ArrayPanel(axis, ["A", "B"], dict.fromkeys(fields, close))
    >>> data = ArraySlice(panel, row=1)
    >>> data.close
    array([11., nan])
    >>> data.history("close", 20, asset="A")
    array([10., 11.])
    """

    __slots__ = ()

    _panel: ArrayPanel

    @property
    def open(self) -> NDArray[np.float64]:
        """The first traded price of the interval, by symbol."""
        return self.cross_section("open")

    @property
    def high(self) -> NDArray[np.float64]:
        """The highest traded price of the interval, by symbol."""
        return self.cross_section("high")

    @property
    def low(self) -> NDArray[np.float64]:
        """The lowest traded price of the interval, by symbol."""
        return self.cross_section("low")

    @property
    def close(self) -> NDArray[np.float64]:
        """The last traded price of the interval, by symbol."""
        return self.cross_section("close")

    @property
    def volume(self) -> NDArray[np.float64] | None:
        """The traded quantity of the interval, by symbol; None where the source has none."""
        return self.cross_section("volume") if "volume" in self._panel.arrays else None

    def cross_section(self, name: str) -> NDArray[np.float64]:
        """The numbers of one column, price or signal, at this instant, by symbol.

        Raises:
            InvalidValueError: there is no such column.
        """
        row: NDArray[np.float64] = self._array(name)[self.row]
        return row

    def history(self, name: str, length: int, asset: str | None = None) -> NDArray[np.float64]:
        """The last ``length`` rows of one column up to and including this instant.

        Args:
            name: the column, price or signal.
            length: how many rows; near the start of the run there are fewer, and those are given.
            asset: the symbol of interest.

        Returns:
            Shape (k, N), or (k,) for one ``asset``, with k = min(length, rows so far). The last
            row is now. Rows are the instants of the run: NaN where a symbol had no bar.

        Raises:
            InvalidValueError: there is no such column, or ``length`` is not a whole number >= 1.
            UnknownAssetError: the run has no such asset.
        """
        array = self._array(name)
        if isinstance(length, bool) or not isinstance(length, _WHOLE) or length < 1:
            msg = f"length of a history must be a whole number of rows >= 1, was {length!r}"
            raise InvalidValueError(msg)
        stop = self.row + 1
        start = max(stop - int(length), 0)
        if asset is None:
            return array[start:stop]
        column = self._index.get(asset)
        if column is None:
            msg = f"the run has no asset {asset!r}; `data.universe` lists those it has"
            raise UnknownAssetError(msg)
        return array[start:stop, column]

    def _array(self, name: str) -> NDArray[np.float64]:
        array = self._panel.arrays.get(name)
        if array is None:
            msg = f"there is no column {name!r}, there are {sorted(self._panel.arrays)}"
            raise InvalidValueError(msg)
        return array


def require_grid(name: str, array: NDArray[np.float64], shape: tuple[int, int]) -> None:
    """Refuse an array that cannot be a column of a panel of ``shape``.

    Raises:
        DataError: it is no array of native float64 of that shape in C order.
    """
    if not isinstance(array, np.ndarray):
        msg = f"column {name!r} must be a numpy array, was {type(array).__name__}"
        raise DataError(msg)
    if array.shape != shape or array.dtype != np.float64 or not array.flags.c_contiguous:
        order = "C order" if array.flags.c_contiguous else "another order"
        msg = (
            f"column {name!r} must be float64 of shape {shape} in C order, was {array.dtype} of "
            f"shape {array.shape} in {order}; np.ascontiguousarray(x, np.float64) converts"
        )
        raise DataError(msg)


def last_known(close: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each close, or where it is NaN the last one above it; ``close`` itself where none is.

    Works through blocks of rows, so that the memory in use is little more than the result.
    """
    rows, width = close.shape
    step = max(_BLOCK // max(width, 1), 1)
    marks = close
    for start in range(0, rows, step):
        block = close[start : start + step]
        missing = np.isnan(block)
        if not missing.any():
            continue
        if marks is close:
            marks = close.copy()
        source = np.where(missing, 0, np.arange(len(block))[:, np.newaxis])
        np.maximum.accumulate(source, axis=0, out=source)
        # Row 0 stands for "nothing in this block": give it what was known before the block.
        first = marks[start]
        if start:
            np.copyto(first, marks[start - 1], where=missing[0])
        marks[start : start + step] = np.take_along_axis(marks[start : start + step], source, 0)
    marks.flags.writeable = False
    return marks
