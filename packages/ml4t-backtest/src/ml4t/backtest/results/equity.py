"""The account over time, worked out after the run from fills and prices."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.results.pandas_times import nanoseconds_of
from ml4t.core import OrderSide
from ml4t.simulation import Charge, FillRecord

__all__ = ["EquityCurve", "FillArrays", "equity_curve", "multipliers", "quantities"]

_BLOCK_CELLS = 1 << 18
"""How many (time, asset) cells are worked on at once, which bounds the memory."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class FillArrays(NamedTuple):
    """Fills as arrays of one length, in order of time.

    Attributes:
        rows: the row of the feed at whose bar it filled.
        columns: the position of its asset in the feed.
        quantities: the change of the position.
        values: money that changed hands, without sign and fee.
        fees: money charged.
    """

    rows: Integers
    columns: Integers
    quantities: Floats
    values: Floats
    fees: Floats

    @classmethod
    def of(cls, records: Sequence[FillRecord], feed: DataFeed) -> "FillArrays":
        """The executions of a run over ``feed``."""
        index, buy = feed.panel.index, OrderSide.BUY
        requests = [record[0].request for record in records]
        # Lists first: numpy takes numbers from a generator three times slower. And by position,
        # since a field of a named tuple takes twice as long by its name.
        columns = np.array([index[request.asset] for request in requests], np.int64)
        signs = np.array([1.0 if request.side is buy else -1.0 for request in requests])
        quantities = signs * np.array([record[1] for record in records], np.float64)
        prices = np.array([record[2] for record in records], np.float64)
        rows = feed.times.locate(nanoseconds_of([record[3] for record in records]))
        fees = np.array([record[4] for record in records], np.float64)
        values = np.abs(quantities) * prices * multipliers(feed)[columns]
        return cls(rows.astype(np.int64), columns, quantities, values, fees)

    @property
    def flows(self) -> Floats:
        """The change of the cash by each fill, fee included."""
        return -np.sign(self.quantities) * self.values - self.fees


class EquityCurve(NamedTuple):
    """The account at each instant of the feed, arrays of one length.

    Attributes:
        cash: money not invested.
        equity: cash and the market value of all positions at their last known closes.
        gross: the sum of the positions' absolute market values.
    """

    cash: Floats
    equity: Floats
    gross: Floats


def multipliers(feed: DataFeed) -> Floats:
    """Money per point and unit, in the order of the feed's assets."""
    return np.array([feed.terms[asset].multiplier for asset in feed.assets])


def equity_curve(
    feed: DataFeed, fills: FillArrays, initial_cash: float, charges: Sequence[Charge] = ()
) -> EquityCurve:
    """Cash, equity and gross value after every bar, ``charges`` for holding positions taken off."""
    length = len(feed)
    flows: Floats = np.bincount(fills.rows, fills.flows, minlength=length).astype(np.float64)
    if charges:
        rows = feed.times.locate(nanoseconds_of([charge.timestamp for charge in charges]))
        np.subtract.at(flows, rows, [charge.amount for charge in charges])
    cash = initial_cash + np.cumsum(flows)
    value, gross = np.empty(length), np.empty(length)
    scale, has_gaps = multipliers(feed), feed.panel.has_gaps
    marks = np.frombuffer(feed.panel.marks).reshape(length, len(scale))
    for start, held in _quantity_blocks(feed, fills):
        stop = start + len(held)
        # Where nothing is held there may be no price yet: NaN must not enter the sum.
        worth = np.zeros_like(held) if has_gaps else held
        np.multiply(held, marks[start:stop], out=worth, where=held != 0 if has_gaps else True)
        worth *= scale
        value[start:stop] = _sums(worth)
        gross[start:stop] = _sums(np.abs(worth, out=worth))
    return EquityCurve(cash, cash + value, gross)


def _sums(rows: Floats) -> Floats:
    """The sum of each row."""
    # numpy adds up a row at a time, which is slow where rows are single numbers.
    sums: Floats = rows[:, 0] if rows.shape[1] == 1 else rows.sum(axis=1)
    return sums


def quantities(feed: DataFeed, fills: FillArrays) -> Floats:
    """Units held after every bar, shape (instants, assets)."""
    blocks = [held for _, held in _quantity_blocks(feed, fills)]
    return np.concatenate(blocks)


def _quantity_blocks(feed: DataFeed, fills: FillArrays) -> Iterator[tuple[int, Floats]]:
    """Blocks of rows of the quantities held, with the row at which each starts."""
    length, width = len(feed), len(feed.assets)
    rows_per_block = max(_BLOCK_CELLS // width, 1)
    before = np.zeros(width)
    for start in range(0, length, rows_per_block):
        stop = min(start + rows_per_block, length)
        first, last = np.searchsorted(fills.rows, (start, stop))
        if first == last and not before.any():
            held = np.zeros((stop - start, width))
        else:
            changes = np.zeros((stop - start, width))
            changes[0] = before
            cells = (fills.rows[first:last] - start, fills.columns[first:last])
            np.add.at(changes, cells, fills.quantities[first:last])
            held = np.cumsum(changes, axis=0, out=changes)
        before = held[-1].copy()
        yield start, held
