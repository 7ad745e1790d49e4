"""Prices for the benchmarks, made from a seed: the same numbers at every run.

Each bar opens where the last one closed. An order that fills at the close it was decided on and one
that fills at the next open then get the same price, so that libraries which differ in that can be
held against each other.
"""

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest import DataFeed

__all__ = ["Grid", "grid", "trading_days", "trading_minutes", "walk"]

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]

TICK = 1 / 64
"""Sums of multiples of it are exact, so that every library finds the same crossings."""

MINUTES_A_DAY = 390
_SEED = 53
"""At which no mean of 20 closes starts above that of 60, and runs of the sizes used end flat."""
_START = np.datetime64("2000-01-03")
_OPENING = np.timedelta64(14 * 60 + 30, "m")
_CLOSING = np.timedelta64(21 * 60, "m")
_BLOCK = 4096  # rows made at once, which bounds the memory


@attrs.frozen
class Grid:
    """Bars of many assets.

    Attributes:
        times: the instants at which the rows were complete, in UTC.
        symbols: one for each column.
        columns: open, high, low, close and volume, each of shape (times, symbols).
    """

    times: Times
    symbols: tuple[str, ...]
    columns: dict[str, Floats]

    @property
    def nbytes(self) -> int:
        """The memory of the columns."""
        return sum(column.nbytes for column in self.columns.values())

    def feed(self) -> DataFeed:
        """A feed over these very arrays."""
        return DataFeed.from_arrays(self.times, self.symbols, self.columns)


def trading_days(count: int) -> Times:
    """The closing times of ``count`` weekdays."""
    days = np.busday_offset(_START, np.arange(count))
    closings: Times = (days + _CLOSING).astype("M8[us]")
    return closings


def trading_minutes(count: int) -> Times:
    """The ends of ``count`` minutes of weekdays, 390 a day."""
    day, minute = np.divmod(np.arange(count), MINUTES_A_DAY)
    starts = np.busday_offset(_START, day) + _OPENING
    ends: Times = (starts + (minute + 1).astype("m8[m]")).astype("M8[us]")
    return ends


def walk(bars: int) -> Grid:
    """Minute bars of one asset, a walk by whole ticks around the clock."""
    rng = np.random.default_rng(_SEED)
    close = 256 + np.cumsum(rng.integers(-1, 2, bars)) * TICK
    opened = np.concatenate([[256.0], close[:-1]])
    columns = {
        "open": opened,
        "high": np.maximum(opened, close) + TICK,
        "low": np.minimum(opened, close) - TICK,
        "close": close,
        "volume": np.full(bars, 1e6),
    }
    times = _START.astype("M8[us]") + (np.arange(bars) + 1).astype("m8[m]")
    return Grid(times, ("SPY",), {name: column.reshape(-1, 1) for name, column in columns.items()})


def grid(times: Times, assets: int, volatility: float) -> Grid:
    """Independent walks of ``assets`` symbols, ``volatility`` a bar.

    Works through blocks of rows, so that little more memory than the result is in use.
    """
    rng = np.random.default_rng(_SEED)
    shape = (len(times), assets)
    columns = {name: np.empty(shape) for name in ("open", "high", "low", "close", "volume")}
    logs = np.zeros(assets)
    last = np.full(assets, 100.0)
    for start in range(0, len(times), _BLOCK):
        rows = slice(start, start + _BLOCK)
        steps = rng.normal(0, volatility, columns["close"][rows].shape)
        steps[0] += logs
        closes = columns["close"][rows]
        np.cumsum(steps, axis=0, out=closes)
        logs = closes[-1].copy()
        np.exp(closes, out=closes)
        closes *= 100
        opens = columns["open"][rows]
        opens[0], opens[1:] = last, closes[:-1]
        last = closes[-1]
        np.maximum(opens, closes, out=columns["high"][rows])
        np.minimum(opens, closes, out=columns["low"][rows])
        columns["high"][rows] *= 1 + volatility / 5
        columns["low"][rows] *= 1 - volatility / 5
        columns["volume"][rows] = 1e6
    return Grid(times, tuple(f"S{number:04d}" for number in range(assets)), columns)
