"""Making bars out of trades and out of shorter bars."""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ml4t.core.bars import Bar
from ml4t.core.times import require_aware
from ml4t.live.bars.boundaries import BarGrid
from ml4t.live.bars.ticks import Tick

__all__ = ["BarAggregator"]

_KEPT = 256


class _OpenBar:
    """The bar of one asset that is not complete yet.

    Opens and closes go by the time of what was added, not by the order in which it arrived.
    """

    __slots__ = ("asset", "close", "end", "first", "high", "last", "low", "open", "volume")

    def __init__(self, asset: str, end: datetime) -> None:
        self.asset = asset
        self.end = end
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.open = self.close = self.high = self.low = 0.0
        self.volume: float | None = 0.0

    def add(self, item: Tick | Bar) -> None:
        when = item.timestamp.astimezone(UTC)
        opens, high, low, closes, volume = _numbers(item)
        if self.first is None or self.last is None:
            self.first = self.last = when
            self.open, self.close, self.high, self.low = opens, closes, high, low
        if when < self.first:
            self.first, self.open = when, opens
        if when >= self.last:
            self.last, self.close = when, closes
        self.high, self.low = max(self.high, high), min(self.low, low)
        self.volume = None if self.volume is None or volume is None else self.volume + volume

    def complete(self) -> Bar:
        return Bar(
            timestamp=self.end,
            asset=self.asset,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume,
        )


class BarAggregator:
    """Makes the bars of a grid out of trades or shorter bars, for any number of assets.

    A bar is complete as soon as the shorter bar that ends with it was added, something of a later
    bar of its asset was, or :meth:`advance` is told that its end has passed. An interval without
    trades gives no bar. Trades outside of sessions are counted and left out; what arrives for a bar
    that was complete already is kept in :attr:`late` and changes nothing.

    It holds one open bar for each asset, whatever arrives.

    Args:
        grid: where bars begin and end.
        delay: how long after its end :meth:`advance` leaves a bar open for what is on its way.

    Attributes:
        late: the last 256 trades or bars that came too late.
        late_count: how many did.
        outside_count: how many were in no session.

    >>> from ml4t.core.calendar import AlwaysOpen
    >>> bars = BarAggregator(BarGrid(AlwaysOpen(), timedelta(minutes=5)))
    >>> nine = datetime(2024, 1, 2, 9, tzinfo=UTC)
    >>> bars.add(Tick(timestamp=nine, asset="A", price=10, size=3))
    []
    >>> [(bar.close, bar.volume) for bar in bars.advance(nine + timedelta(minutes=5))]
    [(10.0, 3.0)]
    """

    __slots__ = ("_delay", "_done", "_grid", "_late", "_open", "late_count", "outside_count")

    def __init__(self, grid: BarGrid, delay: timedelta = timedelta()) -> None:
        self.late_count = 0
        self.outside_count = 0
        self._grid = grid
        self._delay = delay
        self._open: dict[str, _OpenBar] = {}
        self._done: dict[str, datetime] = {}
        self._late: deque[Tick | Bar] = deque(maxlen=_KEPT)

    @property
    def late(self) -> Sequence[Tick | Bar]:
        """The last 256 trades or bars that came too late, oldest first."""
        return tuple(self._late)

    @property
    def next_completion(self) -> datetime | None:
        """When :meth:`advance` will complete a bar next; None while none is open."""
        ends = [bar.end for bar in self._open.values()]
        return min(ends) + self._delay if ends else None

    def add(self, item: Tick | Bar) -> list[Bar]:
        """Add a trade, or a bar that is not longer than those of the grid.

        Returns:
            The bars of its asset that are complete now, ascending.
        """
        is_bar = isinstance(item, Bar)
        end = (self._grid.end_of_bar if is_bar else self._grid.end_of_tick)(item.timestamp)
        if end is None:
            self.outside_count += 1
            return []
        current = self._open.get(item.asset)
        done = self._done.get(item.asset)
        if (current is not None and end < current.end) or (done is not None and end <= done):
            self.late_count += 1
            self._late.append(item)
            return []
        completed = []
        if current is not None and end > current.end:
            completed.append(self._complete(current))
            current = None
        if current is None:
            current = self._open[item.asset] = _OpenBar(item.asset, end)
        current.add(item)
        if is_bar and item.timestamp.astimezone(UTC) == end:
            completed.append(self._complete(current))
        return completed

    def advance(self, now: datetime) -> list[Bar]:
        """Complete the bars whose end, and the delay, have passed.

        Returns:
            The bars, by time and then by asset.

        Raises:
            InvalidValueError: ``now`` is naive.
        """
        require_aware(now, "now")
        limit = now.astimezone(UTC) - self._delay
        passed = [bar for bar in self._open.values() if bar.end <= limit]
        passed.sort(key=lambda bar: (bar.end, bar.asset))
        return [self._complete(bar) for bar in passed]

    def _complete(self, bar: _OpenBar) -> Bar:
        del self._open[bar.asset]
        self._done[bar.asset] = bar.end
        return bar.complete()


def _numbers(item: Tick | Bar) -> tuple[float, float, float, float, float | None]:
    if isinstance(item, Tick):
        return item.price, item.price, item.price, item.price, item.size
    return item.open, item.high, item.low, item.close, item.volume
