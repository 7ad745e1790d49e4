"""What the tests share: oracles, and an engine that has each of its results audited.

The oracles are numbers that other engines computed. They lie beside the repository, in
``../shared/oracles`` or wherever ``ML4T_ORACLES`` says; where they are absent, their tests skip.
"""

import csv
import json
import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from ml4t.backtest import BacktestConfig, BacktestResult, CashAccount, DataFeed, Engine, Strategy

TOLERANCE = 1e-9
ABSENT = "the oracles are not beside the repository; ML4T_ORACLES can name their folder"
FIELDS = ("open", "high", "low", "close", "volume")


def oracle_folder() -> Path | None:
    """Where the oracles lie; None where they are absent."""
    given = os.environ.get("ML4T_ORACLES")
    root = next((path for path in Path(__file__).parents if (path / "uv.lock").is_file()), None)
    folder = Path(given) if given else root and root.parent / "shared" / "oracles"
    return folder if folder and folder.is_dir() else None


def pytest_configure(config: pytest.Config) -> None:
    """Announce the marker that turns each case of an oracle file into a test."""
    config.addinivalue_line(
        "markers", "oracle_cases(file, left_out): `case` is each case of the file by its name"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test marked with ``oracle_cases`` one parameter for each case of the file."""
    marker = metafunc.definition.get_closest_marker("oracle_cases")
    if marker is None:
        return
    file, left_out = marker.args
    folder = oracle_folder()
    if folder is None:
        metafunc.parametrize("case", [pytest.param(None, marks=pytest.mark.skip(ABSENT))])
        return
    cases = {case["name"]: case for case in json.loads((folder / file).read_text())["cases"]}
    assert set(left_out) <= cases.keys(), "a case left out is not in the file"
    chosen = {name: case for name, case in cases.items() if name not in left_out}
    metafunc.parametrize("case", list(chosen.values()), ids=list(chosen))


@pytest.fixture(scope="session")
def oracle() -> Callable[[str], Any]:
    """Reads an oracle file, such as ``oracle("bt/buyhold_frac.json")``."""
    folder = oracle_folder()
    if folder is None:
        pytest.skip(ABSENT)
    return lambda file: json.loads((folder / file).read_text())


@pytest.fixture(scope="session")
def oracle_file(oracle: Callable[[str], Any]) -> Callable[[str], Path]:
    """Gives the path of an oracle file."""
    folder = oracle_folder()
    assert folder is not None
    return lambda file: folder / file


@pytest.fixture(scope="session")
def oracle_table(
    oracle_file: Callable[[str], Path],
) -> Callable[[str], list[dict[str, str]]]:
    """Reads an oracle file of comma-separated values as one mapping for each row."""
    return lambda file: list(csv.DictReader(oracle_file(file).read_text().splitlines()))


@pytest.fixture(scope="session")
def synthetic_feed(
    oracle_table: Callable[[str], list[dict[str, str]]],
) -> Callable[[Sequence[str], int], DataFeed]:
    """Makes a feed of the first bars of some of the oracles' daily symbols, complete at 21:00."""
    rows = oracle_table("data/synth_daily.csv")
    days = sorted({row["date"] for row in rows})

    def feed(symbols: Sequence[str], count: int) -> DataFeed:
        universe, row_of = sorted(symbols), {day: i for i, day in enumerate(days[:count])}
        columns = {name: np.full((count, len(universe)), np.nan) for name in FIELDS}
        for row in rows:
            if row["symbol"] in universe and row["date"] in row_of:
                cell = row_of[row["date"]], universe.index(row["symbol"])
                for name in FIELDS:
                    columns[name][cell] = float(row[name])
        times = np.array([f"{day}T21:00" for day in days[:count]], "M8[us]")
        return DataFeed.from_arrays(times, universe, columns)

    return feed


def lines_of(table: Any) -> list[Any]:
    """The rows of a table, columns as attributes."""
    return list(table.itertuples())


class BookedFill(NamedTuple):
    """One line of the table of fills, with the row of its bar and its money worked out."""

    row: int
    asset: str
    order_id: str
    sign: int
    quantity: float
    price: float
    reference: float
    fee: float
    multiplier: float

    @property
    def change(self) -> float:
        """The change of the position."""
        return self.sign * self.quantity

    @property
    def value(self) -> float:
        """Money that changed hands, without sign and fee."""
        return self.quantity * self.price * self.multiplier


class Audit:
    """A result worked out again from its fills and the bars, slowly and in plain Python.

    Each method whose name begins with an ``a`` and a number checks one invariant.
    """

    def __init__(self, feed: DataFeed, config: BacktestConfig, result: BacktestResult) -> None:
        self.feed, self.config, self.result = feed, config, result
        self.row_of = {time: row for row, time in enumerate(result.account.index)}
        self.fills = [
            BookedFill(
                self.row_of[line.timestamp],
                line.asset,
                line.order_id,
                1 if line.side == "buy" else -1,
                line.quantity,
                line.price,
                line.reference_price,
                line.fee,
                feed.terms[line.asset].multiplier,
            )
            for line in lines_of(result.fills)
        ]
        self.charges: dict[int, float] = defaultdict(float)
        for line in lines_of(result.charges):
            self.charges[self.row_of[line.timestamp]] += line.amount
        self.orders = {line.order_id: line for line in lines_of(result.orders)}
        self.bars = {name: feed.panel.arrays[name].tolist() for name in FIELDS[:4]}
        self.flows = sum(fill.value + fill.fee for fill in self.fills)
        self.tolerance = TOLERANCE * (1 + self.flows + config.initial_cash)

    def all(self) -> None:
        """Check every invariant."""
        for name in self.names():
            getattr(self, name)()

    @classmethod
    def names(cls) -> list[str]:
        """The checks by name."""
        return [name for name in vars(cls) if name[0] == "a" and name[1].isdigit()]

    def _booked(self) -> Iterator[tuple[int, float, dict[str, float]]]:
        """After each bar: its row, the cash and the positions."""
        cash = self.config.initial_cash
        held = dict.fromkeys(self.feed.assets, 0.0)
        pending = iter([*self.fills, None])
        fill = next(pending)
        for row in range(len(self.feed)):
            cash -= self.charges[row]
            while fill is not None and fill.row == row:
                cash -= fill.sign * fill.value + fill.fee
                held[fill.asset] += fill.change
                fill = next(pending)
            yield row, cash, held
        assert fill is None, "the fills are not in order of time"

    def a1_cash_is_what_the_fills_left(self) -> None:
        """Cash moves by value and fee of each fill, by charges, and by nothing else."""
        cash = self.result.account["cash"].tolist()
        assert self.result.account.index.tolist() == list(self.feed.times)
        for row, expected, _ in self._booked():
            assert abs(cash[row] - expected) <= self.tolerance, f"A1: cash at row {row}"

    def a2_positions_are_the_sum_of_fills(self) -> None:
        """Units held of each asset after every bar."""
        table = self.result.positions
        assert tuple(table.columns) == self.feed.assets
        positions = table.to_numpy().tolist()
        traded = self._traded()
        for row, _, held in self._booked():
            for found, (asset, expected) in zip(positions[row], held.items(), strict=True):
                error = abs(found - expected)
                assert error <= TOLERANCE * traded[asset], f"A2: {asset} at row {row}"

    def a3_equity_is_cash_and_marked_positions(self) -> None:
        """Every bar, at the last close of each asset; gross value is that without signs."""
        account = self.result.account
        found = zip(account["equity"].tolist(), account["gross"].tolist(), strict=True)
        marks: dict[str, float] = {}
        for (row, cash, held), (equity, gross) in zip(self._booked(), found, strict=True):
            closes = zip(self.feed.assets, self.bars["close"][row], strict=True)
            marks |= {asset: close for asset, close in closes if not math.isnan(close)}
            values = [
                quantity * marks.get(asset, 0.0) * self.feed.terms[asset].multiplier
                for asset, quantity in held.items()
            ]
            tolerance = self.tolerance + TOLERANCE * sum(map(abs, values))
            assert abs(equity - cash - math.fsum(values)) <= tolerance, f"A3: equity at row {row}"
            assert abs(gross - sum(map(abs, values))) <= tolerance, f"A3: gross at row {row}"

    def a4_round_trips_partition_the_fills(self) -> None:
        """Each unit of each fill is in one entry or exit; fees and profits add up."""
        legs: dict[tuple[str, datetime, int], list[float]] = defaultdict(list)
        held = dict.fromkeys(self.feed.assets, 0.0)
        for trade in lines_of(self.result.trades):
            sign = {"long": 1, "short": -1}[trade.side]
            multiplier = self.feed.terms[trade.asset].multiplier
            gain = sign * trade.quantity * (trade.exit_price - trade.entry_price) * multiplier
            error = abs(trade.profit - gain + trade.fees)
            assert error <= self.tolerance + TOLERANCE * abs(gain), "A4: profit of a round trip"
            legs[trade.asset, trade.entry_time, sign].append(trade.quantity)
            if trade.is_open:
                held[trade.asset] += sign * trade.quantity
            else:
                legs[trade.asset, trade.exit_time, -sign].append(trade.quantity)
        times = list(self.row_of)
        for fill in self.fills:
            legs[fill.asset, times[fill.row], fill.sign].append(-fill.quantity)
        traded = self._traded()
        for (asset, time, _), quantities in legs.items():
            assert abs(sum(quantities)) <= TOLERANCE * traded[asset], f"A4: {asset} at {time}"
        left = zip(held.items(), self.result.positions.to_numpy()[-1].tolist(), strict=True)
        for (asset, quantity), expected in left:
            assert abs(quantity - expected) <= TOLERANCE * traded[asset], f"A4: {asset} is left"
        trades, account = self.result.trades, self.result.account
        fees = sum(fill.fee for fill in self.fills)
        assert abs(trades["fees"].sum() - fees) <= self.tolerance, "A4: fees"
        gain = account["equity"].iloc[-1] - self.config.initial_cash + sum(self.charges.values())
        tolerance = self.tolerance + TOLERANCE * account["gross"].iloc[-1]
        assert abs(trades["profit"].sum() - gain) <= tolerance, "A4: profit"

    def a5_a_cash_account_borrows_neither_money_nor_shares(self) -> None:
        """After every single fill, not only at the end of a bar."""
        if not isinstance(self.config.account, CashAccount):
            return
        cash, traded = self.config.initial_cash, self._traded()
        held = dict.fromkeys(self.feed.assets, 0.0)
        for fill in self.fills:
            cash -= fill.sign * fill.value + fill.fee
            held[fill.asset] += fill.change
            assert cash >= -self.tolerance, f"A5: cash after a fill at row {fill.row}"
            assert held[fill.asset] >= -TOLERANCE * traded[fill.asset], f"A6: {fill.asset} is short"

    def a7_fees_are_never_negative(self) -> None:
        """None of the tariffs pays rebates, and no financing does."""
        assert all(fill.fee >= 0 for fill in self.fills), "A7: fees"
        assert all(amount >= 0 for amount in self.charges.values()), "A7: charges"

    def a8_prices_are_within_the_bar_and_no_better_than_it(self) -> None:
        """Before slippage within [low, high]; after it not better, and never beyond the limit."""
        for fill in self.fills:
            column = self.feed.assets.index(fill.asset)
            low, high = (self.bars[name][fill.row][column] for name in ("low", "high"))
            assert low <= fill.reference <= high, f"A8: {fill} outside [{low}, {high}]"
            assert fill.sign * (fill.price - fill.reference) >= 0, f"A8: {fill} was improved"
            limit = self.orders[fill.order_id].limit_price
            assert not fill.sign * (fill.price - limit) > 0, f"A8: {fill} beyond limit {limit}"

    def a9_orders_fill_after_the_bar_they_were_decided_on(self) -> None:
        """At least one bar later; a market order at the earliest in it, if the timing says so."""
        for fill in self.fills:
            order = self.orders[fill.order_id]
            decided = self.row_of.get(order.submitted_at, -1)
            wait = 0 if self.config.timing.same_bar and order.order_type == "market" else 1
            assert fill.row >= decided + wait, f"A9: {fill} was decided on at row {decided}"

    def a31_orders_add_up(self) -> None:
        """What filled of an order is the sum of its fills, and its status says the same."""
        filled: dict[str, list[BookedFill]] = defaultdict(list)
        for fill in self.fills:
            filled[fill.order_id].append(fill)
        for order_id, order in self.orders.items():
            quantity = sum(fill.quantity for fill in filled[order_id])
            assert quantity == pytest.approx(order.filled_quantity, rel=TOLERANCE), "A31: filled"
            complete = order.filled_quantity == order.quantity
            assert (order.status == "filled") == complete, f"A31: {order}"
            assert order.status != "rejected" or not quantity, f"A31: {order}"
            ended = order.status in ("rejected", "cancelled", "expired")
            assert bool(order.reason) == ended, f"A31: {order}"

    def a30_no_figure_is_nan(self) -> None:
        """Account and round trips are finite numbers; drawdown is never positive."""
        assert np.isfinite(self.result.account.to_numpy()).all(), "A30: account"
        assert np.isfinite(self.result.positions.to_numpy()).all(), "A30: positions"
        numbers = ["quantity", "entry_price", "exit_price", "fees", "profit"]
        assert np.isfinite(self.result.trades[numbers].to_numpy()).all(), "A30: trades"
        assert math.isfinite(self.result.summary["total_return"]), "A30: summary"
        assert (self.result.drawdown <= 0).all(), "A29: drawdown"

    def _traded(self) -> dict[str, float]:
        """The sum of all quantities by asset, to which rounding errors are relative."""
        traded = dict.fromkeys(self.feed.assets, 0.0)
        for fill in self.fills:
            traded[fill.asset] += fill.quantity
        return traded


@pytest.fixture(scope="session")
def audit() -> type[Audit]:
    """The auditor, for tests that ask for one invariant by name."""
    return Audit


@pytest.fixture(scope="session")
def run_engine() -> Callable[..., BacktestResult]:
    """Runs a strategy over a feed and audits the result: every engine test goes through this."""

    def run(
        feed: DataFeed,
        strategy: Strategy,
        config: BacktestConfig | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> BacktestResult:
        engine = Engine(feed, strategy, config)
        result = engine.run(progress)
        Audit(feed, engine.config, result).all()
        return result

    return run
