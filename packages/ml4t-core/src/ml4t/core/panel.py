"""Bars of many assets, aligned by time, and what a strategy sees of them at one instant."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from sys import getrefcount
from typing import TypeVar, overload

from ml4t.core.bars import PRICE_FIELDS
from ml4t.core.errors import DataError

__all__ = ["BarView", "MarketSlice", "Panel"]

T = TypeVar("T")

_new = object.__new__
_NOTHING: memoryview = memoryview(b"").cast("d")  # type: ignore[assignment]


class Panel:
    """Columns of doubles over one grid of (time, asset), row by row.

    The number of asset ``j`` at time ``i`` stands at ``i * len(assets) + j`` of its column. A
    missing bar is NaN in every price column. Columns are read-only views: nobody who is handed a
    panel, a slice or a bar can change a price.

    Attributes:
        timestamps: the instants at which the rows were complete, ascending, timezone-aware.
        assets: the symbols, one for each column of the grid.
        columns: ``open``, ``high``, ``low``, ``close``, perhaps ``volume``, and signals.
        closes: ``columns["close"]``.
        marks: as ``closes``, but where a bar is missing the last close before it; the very column
            of closes where no bar is missing.
        has_gaps: whether a bar may be missing.
        index: the position of each symbol in ``assets``.

    Raises:
        DataError: a price column is missing, or a column does not fit the grid.
    """

    __slots__ = (
        "assets", "closes", "columns", "has_gaps", "index", "marks", "timestamps", "width",
    )  # fmt: skip

    def __init__(
        self,
        timestamps: Sequence[datetime],
        assets: Sequence[str],
        columns: Mapping[str, memoryview],
        marks: memoryview,
    ) -> None:
        size = len(timestamps) * len(assets)
        for name in PRICE_FIELDS:
            if name not in columns:
                msg = f"a panel needs the column {name!r}, has {sorted(columns)}"
                raise DataError(msg)
        for name, column in {**columns, "marks": marks}.items():
            if column.format != "d" or column.ndim != 1 or len(column) != size:
                msg = f"column {name!r} must be {size} doubles in one dimension"
                raise DataError(msg)
        self.timestamps = timestamps
        self.assets = tuple(assets)
        self.columns = {name: column.toreadonly() for name, column in columns.items()}
        self.marks = marks.toreadonly()
        self.has_gaps = marks is not columns["close"]
        self.index = {asset: position for position, asset in enumerate(self.assets)}
        self.width = len(self.assets)
        self.closes = self.columns["close"]

    def position(self, row: int, asset: str) -> int:
        """Where the bar of ``asset`` in ``row`` stands in each column; -1 if there is none."""
        offset = self.index.get(asset)
        if offset is None:
            return -1
        position = row * self.width + offset
        close = self.closes[position]
        return position if close == close else -1  # noqa: PLR0124 - NaN is a missing bar


class BarView(Mapping[str, float]):
    """One bar inside a panel; its numbers are read when they are asked for.

    It has the attributes of :class:`~ml4t.core.bars.Bar` that hold numbers, plus the signals of
    its asset by name: ``view["close"]``, ``view.close``, ``view["momentum"]``. It stays what it
    was however far the run moves on.
    """

    __slots__ = ("_columns", "_position")

    def __init__(self, columns: Mapping[str, memoryview], position: int) -> None:
        self._columns = columns
        self._position = position

    def __getitem__(self, name: str) -> float:
        return self._columns[name][self._position]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @overload
    def get(self, name: str, /) -> float | None: ...

    @overload
    def get(self, name: str, /, default: float | T) -> float | T: ...

    def get(self, name: str, /, default: float | T | None = None) -> float | T | None:
        """The number called ``name``, or ``default`` where the panel has no such column."""
        column = self._columns.get(name)
        return default if column is None else column[self._position]

    @property
    def open(self) -> float:
        """The first traded price of the interval."""
        return self._columns["open"][self._position]

    @property
    def high(self) -> float:
        """The highest traded price of the interval."""
        return self._columns["high"][self._position]

    @property
    def low(self) -> float:
        """The lowest traded price of the interval."""
        return self._columns["low"][self._position]

    @property
    def close(self) -> float:
        """The last traded price of the interval."""
        return self._columns["close"][self._position]

    @property
    def volume(self) -> float | None:
        """The traded quantity of the interval; None where the source has none."""
        column = self._columns.get("volume")
        return None if column is None else column[self._position]

    def __repr__(self) -> str:
        return f"BarView({dict(self)})"


class MarketSlice(Mapping[str, BarView]):
    """The bars that are complete at one instant, by symbol.

    A real mapping: an asset without a bar at this instant is not in it. Bars come into being when
    they are touched, so a slice of a thousand assets costs what is read of it.
    """

    __slots__ = ("_columns", "_gaps", "_index", "_panel", "_spare", "_start")

    def __init__(self, panel: Panel, row: int) -> None:
        self._panel = panel
        # Where the row starts in each column; the rest is the panel's, one look-up nearer.
        self._start = row * panel.width
        self._index = panel.index
        self._columns = panel.columns
        self._gaps = panel.closes if panel.has_gaps else None
        self._spare: BarView | None = None

    @property
    def timestamp(self) -> datetime:
        """The instant at which these bars were complete."""
        return self._panel.timestamps[self.row]

    @property
    def row(self) -> int:
        """How many rows of the panel came before this one."""
        return self._start // (self._panel.width or 1)

    @property
    def universe(self) -> tuple[str, ...]:
        """Every symbol of the panel, with a bar at this instant or not."""
        return self._panel.assets

    def __getitem__(self, asset: str) -> BarView:
        # Written out rather than put together from smaller calls: strategies live in this method.
        position = self._start + self._index[asset]
        if self._gaps is not None:
            close = self._gaps[position]
            if close != close:  # noqa: PLR0124 - NaN is a missing bar
                raise KeyError(asset)
        # A view that nobody kept serves again, which takes a third of the time of making one. The
        # None of a new slice is held by so many that it needs no question of its own.
        bar = self._spare
        if getrefcount(bar) > _UNSHARED:
            bar = self._spare = _new(BarView)
            bar._columns = self._columns  # noqa: SLF001
        bar._position = position  # type: ignore[union-attr]  # noqa: SLF001
        return bar  # type: ignore[return-value]

    @overload
    def get(self, asset: str, /) -> BarView | None: ...

    @overload
    def get(self, asset: str, /, default: BarView | T) -> BarView | T: ...

    def get(self, asset: str, /, default: BarView | T | None = None) -> BarView | T | None:
        """The bar of ``asset``, or ``default`` where it has none at this instant."""
        try:
            return self[asset]
        except KeyError:
            return default

    def __contains__(self, asset: object) -> bool:
        return isinstance(asset, str) and self._panel.position(self.row, asset) >= 0

    def __iter__(self) -> Iterator[str]:
        return (asset for asset in self._panel.assets if asset in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def previous_timestamp(self) -> datetime | None:
        """The instant of the bars before these; None for the first."""
        return self._panel.timestamps[self.row - 1] if self._start else None

    def average_range(self, asset: str, length: int) -> float | None:
        """The mean true range of an asset's last bars before this one, in money per unit.

        The true range of a bar is the greatest of high less low, high less the close before, and
        the close before less low (Wilder, New Concepts in Technical Trading Systems, 1978).
        Instants at which the asset had no bar are passed over.

        Args:
            asset: the symbol.
            length: over how many bars, 1 or more; near the start of the run there are fewer.

        Returns:
            The mean, known when the bar opens; None for the asset's first bar.
        """
        panel, columns = self._panel, self._panel.columns
        highs, lows, closes = columns["high"], columns["low"], columns["close"]
        ranges: list[float] = []
        later: int | None = None
        for row in range(self.row - 1, -1, -1):
            position = panel.position(row, asset)
            if position < 0:
                continue
            if later is not None:
                close = closes[position]
                ranges.append(max(highs[later], close) - min(lows[later], close))
                if len(ranges) == length:
                    break
            later = position
        if len(ranges) < length and later is not None:
            ranges.append(highs[later] - lows[later])
        return sum(ranges) / len(ranges) if ranges else None

    def reaches(self, asset: str, below: float, above: float) -> bool:
        """Whether ``asset`` has a bar that reaches down to ``below`` or up to ``above``.

        It tells in a fifth of the time whether looking at the bar is worth it.
        """
        offset = self._index.get(asset)
        if offset is None:
            return False
        # The NaN of a missing bar is neither.
        position, columns = self._start + offset, self._columns
        return columns["low"][position] <= below or columns["high"][position] >= above

    def mark(self, asset: str) -> float | None:
        """The last close of ``asset`` known at this instant; None before its first bar."""
        offset = self._index.get(asset)
        if offset is None:
            return None
        mark = self._panel.marks[self._start + offset]
        return mark if mark == mark else None  # noqa: PLR0124 - NaN is no bar yet

    def marks(self, assets: Iterable[str]) -> list[float | None]:
        """The last known close of each asset, as :meth:`mark` gives it for one."""
        panel = self._panel
        start, index, marks = self._start, panel.index, panel.marks
        known = [marks[start + index[asset]] if asset in index else None for asset in assets]
        return [mark if mark == mark else None for mark in known]  # noqa: PLR0124

    def previous_mark(self, asset: str) -> float | None:
        """The last close of ``asset`` known before the interval of these bars began."""
        offset = self._index.get(asset)
        if offset is None or self._start == 0:
            return None
        mark = self._panel.marks[self._start - self._panel.width + offset]
        return mark if mark == mark else None  # noqa: PLR0124 - NaN is no bar yet

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.timestamp.isoformat()}, {len(self)} assets)"


def _unshared() -> int:
    """What ``getrefcount`` says in ``__getitem__`` of a view that only its slice holds.

    Versions of Python differ in whether a local variable and an argument count.
    """
    panel = Panel([], [], dict.fromkeys(PRICE_FIELDS, _NOTHING), _NOTHING)
    data = MarketSlice(panel, 0)
    data._spare = _new(BarView)  # noqa: SLF001
    bar = data._spare  # noqa: SLF001
    return getrefcount(bar)


_UNSHARED = _unshared()
