"""What the readers of all engines share: where the files are, feeds, and what is expected of a run.

A reader turns one file into a :class:`Scenario`: bars, a strategy that sends the file's orders, the
assumptions that the file's own settings ask for, and what the other engine made of it. The rest of
the assumptions is the engine's profile, which the tests add.
"""

import csv
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from ml4t.backtest import BacktestResult, DataFeed, OrderSide, Strategy

ABSENT = "the oracles are not beside the repository; ML4T_ORACLES can name their folder"
FIELDS = ("open", "high", "low", "close", "volume")
CLOSING_TIME = "T21:00"


def oracle_folder() -> Path | None:
    """Where the oracles lie; None where they are absent."""
    given = os.environ.get("ML4T_ORACLES")
    root = next((path for path in Path(__file__).parents if (path / "uv.lock").is_file()), None)
    folder = Path(given) if given else root and root.parent / "shared" / "oracles"
    return folder if folder and folder.is_dir() else None


def oracle_path(name: str) -> Path:
    """A file of the oracles; skips the test where they are absent."""
    folder = oracle_folder()
    if folder is None:
        pytest.skip(ABSENT)
    return folder / name


def oracle_files(engine: str, keep: Callable[[Path], bool] = lambda path: True) -> list[Any]:
    """One pytest parameter for each JSON file of an engine, by the file's name."""
    folder = oracle_folder()
    if folder is None:
        return [pytest.param(None, marks=pytest.mark.skip(ABSENT), id=engine)]
    paths = sorted(path for path in (folder / engine).glob("*.json") if keep(path))
    if not paths:
        return [pytest.param(None, marks=pytest.mark.skip(f"no file of {engine}"), id=engine)]
    return [pytest.param(path, id=path.stem) for path in paths]


class ExpectedFill(NamedTuple):
    """One execution by the other engine; quantity is signed, fee None where it is not told."""

    bar: int
    order: str
    asset: str
    quantity: float
    price: float
    fee: float | None = None


class BarStrategy(Strategy):
    """A strategy that calls each of its bars' actions, and knows its orders by the file's names."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}


@attrs.frozen(kw_only=True)
class Scenario:
    """One file: what to run and what came of it elsewhere.

    Attributes:
        name: of the file or case.
        feed: the bars.
        strategy: sends the file's orders.
        cash: to start with.
        assumptions: fields of ``BacktestConfig`` that the file's settings ask for.
        fills: executions in the order of the file.
        fees: of whole orders, by the file's names.
        ended: orders that ended without filling, by status: name to bar.
        curves: after every bar: ``"value"``, ``"cash"`` and units by symbol.
        rows: the rows of the feed that the curves are about; None for all.
        fills_later: how many bars later the other engine books a fill than ours.
        notes: what of the file is not compared, and why.
    """

    name: str
    feed: DataFeed
    strategy: BarStrategy
    cash: float
    assumptions: Mapping[str, Any] = attrs.field(factory=dict)
    fills: Sequence[ExpectedFill] = ()
    fees: Mapping[str, float] = attrs.field(factory=dict)
    ended: Mapping[str, Mapping[str, int]] = attrs.field(factory=dict)
    curves: Mapping[str, NDArray[np.float64]] = attrs.field(factory=dict)
    rows: Sequence[int] | None = None
    fills_later: int = 0
    notes: Sequence[str] = ()

    @property
    def told(self) -> int:
        """How many executions the other engine tells."""
        return len(self.fills)

    def assert_same(self, result: BacktestResult) -> Sequence[str]:
        """Compare all that is told; what is not compared, and why.

        Raises:
            AssertionError: a fill, the end of an order or a value differs.
        """
        assert_same_fills(self, result)
        assert_same_curves(self, result)
        assert_same_ends(self, result)
        return self.notes


@cache
def table_of(file: str) -> dict[str, dict[str, tuple[float, ...]]]:
    """A table of bars: symbol to instant to open, high, low, close, volume."""
    bars: dict[str, dict[str, tuple[float, ...]]] = defaultdict(dict)
    with oracle_path(file).open() as lines:
        for row in csv.DictReader(lines):
            instant = row.get("date") or row["timestamp"]
            bars[row["symbol"]][instant] = tuple(float(row[name]) for name in FIELDS)
    return dict(bars)


def table_feed(
    symbols: Iterable[str], count: int | None = None, file: str = "data/synth_daily.csv"
) -> tuple[DataFeed, list[str]]:
    """The first bars of some symbols, complete at 21:00, and their dates."""
    bars, universe = table_of(file), sorted(symbols)
    days = sorted({day for symbol in universe for day in bars[symbol]})[:count]
    columns = {name: np.full((len(days), len(universe)), np.nan) for name in FIELDS}
    for column, symbol in enumerate(universe):
        for row, day in enumerate(days):
            for name, number in zip(FIELDS, bars[symbol].get(day, ()), strict=False):
                columns[name][row, column] = number
    instants = [day.replace(" ", "T") if ":" in day else day + CLOSING_TIME for day in days]
    return DataFeed.from_arrays(np.array(instants, "M8[us]"), universe, columns), days


def small_feed(bars: Sequence[Sequence[float]], symbol: str = "A") -> DataFeed:
    """A few daily bars of one symbol, each open, high, low, close and perhaps volume."""
    instants = np.datetime64("2024-01-01T21:00", "us") + np.arange(len(bars)) * np.timedelta64(
        1, "D"
    )
    columns = {
        name: np.array([[bar[position]] for bar in bars], float)
        for position, name in enumerate(FIELDS)
        if all(len(bar) > position for bar in bars)
    }
    return DataFeed.from_arrays(instants, [symbol], columns)


def rows_of(feed: DataFeed, times: Any) -> list[int]:
    """The rows of the feed at which some instants of a result are."""
    rows: list[int] = feed.times.locate(times.astype("int64").to_numpy()).tolist()
    return rows


def fills_of(scenario: Scenario, result: BacktestResult) -> list[ExpectedFill]:
    """Our executions in the form of the other engine's."""
    rows = rows_of(scenario.feed, result.fills["timestamp"])
    lines: list[Any] = list(result.fills.itertuples())
    return [
        ExpectedFill(
            row + scenario.fills_later,
            scenario.strategy.names.get(line.order_id, line.order_id),
            line.asset,
            OrderSide(line.side).sign * line.quantity,
            line.price,
            line.fee,
        )
        for row, line in zip(rows, lines, strict=True)
    ]


def assert_same_fills(scenario: Scenario, result: BacktestResult) -> None:
    """Bar, order, asset and quantity equal; price within 1e-8; fees, where told, within 1e-8."""
    ours, theirs = sorted(fills_of(scenario, result)), sorted(scenario.fills)
    assert [fill[:3] for fill in ours] == [fill[:3] for fill in theirs]
    fees: dict[str, float] = defaultdict(float)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.quantity == pytest.approx(other.quantity, rel=0, abs=1e-9), other
        assert mine.price == pytest.approx(other.price, rel=0, abs=1e-8), other
        if other.fee is not None:
            assert mine.fee == pytest.approx(other.fee, rel=0, abs=1e-8), other
        fees[mine.order] += mine.fee or 0.0
    for order, fee in scenario.fees.items():
        assert fees[order] == pytest.approx(fee, rel=0, abs=1e-8), order


def assert_same_curves(scenario: Scenario, result: BacktestResult) -> None:
    """Values within 1e-9 relative after every bar, cash to the account's size, units likewise."""
    later, account, positions = scenario.fills_later, result.account, result.positions
    rows = slice(None) if scenario.rows is None else list(scenario.rows)
    for name, theirs in scenario.curves.items():
        column = {"value": "equity", "cash": "cash"}.get(name)
        ours = (positions[name] if column is None else account[column]).to_numpy()[rows]
        expected = theirs
        if later and name != "value":
            ours, expected = ours[:-later], theirs[later:]
        size = scenario.cash if name in ("value", "cash") else 1.0
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9 * size, err_msg=name)


def assert_same_ends(scenario: Scenario, result: BacktestResult) -> None:
    """Orders that expired, were cancelled or refused there did so here, in the same bar."""
    rows = rows_of(scenario.feed, result.orders["updated_at"])
    ours: dict[str, dict[str, int]] = defaultdict(dict)
    for row, line in zip(rows, result.orders.itertuples(), strict=True):
        name = scenario.strategy.names.get(str(line.order_id), str(line.order_id))
        ours[str(line.status)][name] = row
    for status, theirs in scenario.ended.items():
        assert ours[status] == theirs, status
