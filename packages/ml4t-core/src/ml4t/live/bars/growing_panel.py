"""The bars of a live run as the slices that a backtest shows."""

import math
from array import array
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo

from ml4t.core.bars import PRICE_FIELDS, Bar
from ml4t.core.errors import DataError, InvalidValueError
from ml4t.core.panel import MarketSlice, Panel
from ml4t.core.times import require_aware

__all__ = ["GrowingPanel"]

_CELLS = 1 << 17
_NEVER = datetime.max.replace(tzinfo=UTC)


class GrowingPanel:
    """Turns groups of bars into market slices, one after the other.

    Rows live in blocks of fixed size. A new block begins with the last rows of the one before, so
    that every slice can look back over at least ``keep`` rows, fewer only near the start of the
    run. A block is freed when nobody keeps a slice of it: memory does not grow with time. A slice
    that is kept stays what it was. The number of a slice's row counts within its block.

    Args:
        assets: the symbols.
        has_volume: whether bars have a volume; it is NaN in a bar that comes without one, which
            ``BarRules(needs_volume=True)`` keeps away.
        keep: over how many rows before it a slice can look back, 1 or more.
        zone: the zone in which the slices show their timestamps; a backtest shows them in that of
            its prices.

    Attributes:
        assets: the symbols, sorted as in a backtest.
        last: the latest instant, in UTC; None before the first.

    Raises:
        InvalidValueError: there is no asset, or ``keep`` is less than 1.

    >>> when = datetime(2024, 1, 2, 21, tzinfo=UTC)
    >>> panel = GrowingPanel(["SPY"], has_volume=False)
    >>> bar = Bar(timestamp=when, asset="SPY", open=10, high=12, low=9, close=11)
    >>> panel.append(when, {"SPY": bar})["SPY"].close
    11.0
    """

    __slots__ = (
        "_block", "_columns", "_has_volume", "_keep", "_marks", "_row", "_rows", "_times", "_zone",
        "assets", "last",
    )  # fmt: skip

    def __init__(
        self, assets: Iterable[str], *, has_volume: bool, keep: int = 256, zone: tzinfo = UTC
    ) -> None:
        self.assets = tuple(sorted(set(assets)))
        self.last: datetime | None = None
        if not self.assets:
            msg = "a panel needs at least one asset, was given none"
            raise InvalidValueError(msg)
        if keep < 1:
            msg = f"keep must be 1 row or more, was {keep}"
            raise InvalidValueError(msg)
        self._has_volume = has_volume
        self._keep = keep
        self._zone = zone
        # Twice as many as are carried over, so that a row is copied once at most.
        self._rows = max(2 * keep, _CELLS // len(self.assets) // 8)
        self._begin_block()
        self._row = 0

    def append(
        self, timestamp: datetime, bars: Mapping[str, Bar], carried: Iterable[Bar] = ()
    ) -> MarketSlice:
        """The slice of one more instant.

        Args:
            timestamp: the instant at which the bars are complete, later than all before.
            bars: by symbol; an asset that is not in it has no bar at this instant, and its last
                close goes on being its mark.
            carried: bars of earlier instants that were never shown; they set the marks of their
                assets and are not shown.

        Raises:
            DataError: the instant is not later than the last, an asset is unknown, or a bar
                belongs to another instant or asset.
            InvalidValueError: the timestamp is naive.
        """
        require_aware(timestamp, "timestamp")
        instant = timestamp.astimezone(UTC)
        if self.last is not None and instant <= self.last:
            msg = f"bars must be later than {self.last.isoformat()}, was {instant.isoformat()}"
            raise DataError(msg)
        for asset, bar in bars.items():
            self._check(asset, bar, instant)
        if self._row == self._rows:
            self._carry_over()
        row, self._row = self._row, self._row + 1
        self._times[row] = timestamp.astimezone(self._zone)
        self.last = instant
        self._write(row, bars, carried)
        return MarketSlice(self._block, row)

    def _write(self, row: int, bars: Mapping[str, Bar], carried: Iterable[Bar]) -> None:
        width, index = len(self.assets), self._block.index
        start = row * width
        if row:
            self._marks[start : start + width] = self._marks[start - width : start]
        for bar in carried:
            if bar.asset in index:
                self._marks[start + index[bar.asset]] = bar.close
        for asset, bar in bars.items():
            position = start + index[asset]
            for name, column in self._columns.items():
                column[position] = bar.get(name, math.nan)
            self._marks[position] = bar.close

    def _check(self, asset: str, bar: Bar, instant: datetime) -> None:
        where = f"bar of {asset} at {instant.isoformat()}"
        if asset not in self._block.index:
            msg = f"{where}: the panel has {list(self.assets)}"
            raise DataError(msg)
        if bar.asset != asset or bar.timestamp.astimezone(UTC) != instant:
            msg = f"{where}: is one of {bar.asset} at {bar.timestamp.isoformat()}"
            raise DataError(msg)

    def _begin_block(self) -> None:
        names = (*PRICE_FIELDS, "volume") if self._has_volume else PRICE_FIELDS
        size = self._rows * len(self.assets)
        # Slices read these very buffers: later rows are written, earlier ones never again.
        self._columns = {name: array("d", [math.nan]) * size for name in names}
        self._marks = array("d", [math.nan]) * size
        self._times: list[datetime] = [_NEVER] * self._rows
        views = {name: memoryview(column) for name, column in self._columns.items()}
        self._block = Panel(self._times, self.assets, views, memoryview(self._marks))

    def _carry_over(self) -> None:
        """Begin a block whose first rows are the last ones of the block before."""
        columns, marks, times = self._columns, self._marks, self._times
        self._begin_block()
        size = self._keep * len(self.assets)
        for name, column in columns.items():
            self._columns[name][:size] = column[-size:]
        self._marks[:size] = marks[-size:]
        self._times[: self._keep] = times[-self._keep :]
        self._row = self._keep
