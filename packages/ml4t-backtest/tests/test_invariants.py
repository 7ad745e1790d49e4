"""What holds of every run, whatever the market, the account and the strategy do.

Markets are short tapes of moves, repeated over the bars, so that long markets shrink as well as
short ones; a strategy is a list of actions. Both print as data that can be pasted into a test.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ml4t.backtest import (
    ArraySlice,
    Asset,
    BacktestConfig,
    BacktestResult,
    BasisPoints,
    BrokerProtocol,
    CashAccount,
    DataFeed,
    Engine,
    FixedAmount,
    MarginAccount,
    NextBarClose,
    NextBarOpen,
    NoCommission,
    NoSlippage,
    Order,
    OrderSide,
    OrderType,
    Percentage,
    PerShare,
    PerTrade,
    RebalanceConfig,
    RejectOrder,
    SameBarClose,
    Strategy,
    TargetWeightExecutor,
    TimeInForce,
    TrimOrder,
)
from ml4t.core import DataError, MarketSlice
from ml4t.simulation import Timing

RunEngine = Callable[..., BacktestResult]
Columns = dict[str, NDArray[np.float64]]

FIELDS = ("open", "high", "low", "close", "volume")
START = np.datetime64("2024-01-02T21:00", "us")
HIGHEST_PRICE = 1e6


class Move(NamedTuple):
    """One bar relative to the close before it, in percent; ``absent`` leaves the bar out."""

    gap: int
    up: int
    down: int
    close: int
    volume: int
    absent: bool


class Tape(NamedTuple):
    """The moves of one asset, repeated over the bars, and its terms."""

    first: int
    tick: float
    moves: Sequence[Move]
    multiplier: float
    lot_size: float


class Submit(NamedTuple):
    """An order for ``share`` percent of the initial cash, negative to sell.

    Its prices are so many percent of the close above it, below it for a sale.
    """

    row: int
    asset: int
    share: int
    whole: bool
    kind: OrderType
    limit: int
    stop: int
    time_in_force: TimeInForce
    days: int


class Cancel(NamedTuple):
    """Cancels the order that was submitted as number ``which``, counted round."""

    row: int
    which: int


class Replace(NamedTuple):
    """Changes an order: quantity in percent of what it was, prices as in ``Submit``."""

    row: int
    which: int
    quantity: int
    limit: int
    stop: int


class Close(NamedTuple):
    """Closes a position, twice if told so."""

    row: int
    asset: int
    twice: bool


class Rebalance(NamedTuple):
    """Goes for weights in percent."""

    row: int
    weights: Sequence[int]
    fractional: bool


Action = Submit | Cancel | Replace | Close | Rebalance


class Scenario(NamedTuple):
    """One run as data."""

    bars: int
    tapes: Sequence[Tape]
    config: BacktestConfig
    program: Sequence[Action]
    rounds: int
    """How often the program is played, each time five bars later."""

    @property
    def symbols(self) -> list[str]:
        return [f"A{number}" for number in range(len(self.tapes))]

    @property
    def terms(self) -> list[Asset]:
        return [
            Asset(symbol=symbol, multiplier=tape.multiplier, lot_size=tape.lot_size)
            for symbol, tape in zip(self.symbols, self.tapes, strict=True)
        ]

    @property
    def times(self) -> NDArray[np.datetime64]:
        return START + np.arange(self.bars) * np.timedelta64(1, "D")

    def columns(self) -> Columns:
        """The bars as arrays; NaN where one is absent."""
        grids = {name: np.full((self.bars, len(self.tapes)), np.nan) for name in FIELDS}
        for asset, tape in enumerate(self.tapes):
            for row, bar in enumerate(bars_of(tape, self.bars)):
                for name, number in zip(FIELDS, bar or (), strict=False):
                    grids[name][row, asset] = number
        return grids

    def feed(self, stop: int | None = None) -> DataFeed:
        """The bars before row ``stop``."""
        columns = {name: grid[:stop].copy() for name, grid in self.columns().items()}
        return DataFeed.from_arrays(self.times[:stop], self.symbols, columns, assets=self.terms)

    def frame(self) -> pd.DataFrame:
        """The bars as rows, absent ones left out."""
        columns = self.columns()
        rows, assets = np.nonzero(~np.isnan(columns["close"]))
        symbols = np.array(self.symbols)
        return pd.DataFrame(
            {
                "timestamp": pd.DatetimeIndex(self.times[rows], tz="UTC"),
                "symbol": symbols[assets],
                **{name: grid[rows, assets] for name, grid in columns.items()},
            }
        )


def bars_of(tape: Tape, count: int) -> list[tuple[float, ...] | None]:
    """Open, high, low, close and volume of each bar on the grid of ticks; None where absent."""
    highest = int(HIGHEST_PRICE / tape.tick)
    ticks = tape.first
    bars: list[tuple[float, ...] | None] = []
    for move in islice(cycle(tape.moves), count):
        opened = min(max(ticks + ticks * move.gap // 100, 1), highest)
        high = min(opened + opened * move.up // 100, highest)
        low = max(opened - opened * move.down // 100, 1)
        ticks = low + (high - low) * move.close // 4
        prices = [number * tape.tick for number in (opened, high, low, ticks)]
        bars.append(None if move.absent else (*prices, float(move.volume)))
    return bars


def away(price: float, side: OrderSide, percent: int) -> float:
    return price * (1 + side.sign * percent / 100)


class Programmed(Strategy):
    """Does what a program says, and writes down all it saw and asked for."""

    def __init__(self, scenario: Scenario) -> None:
        self.actions: dict[int, list[Action]] = {}
        for round_ in range(scenario.rounds):
            for action in scenario.program:
                self.actions.setdefault(action.row + 5 * round_, []).append(action)
        self.symbols = scenario.symbols
        self.multipliers = {terms.symbol: terms.multiplier for terms in scenario.terms}
        self.cash = scenario.config.initial_cash
        self.orders: list[Order] = []
        self.seen: list[tuple[Any, ...]] = []
        self.told: list[object] = []

    def on_order(self, order: Order, broker: BrokerProtocol) -> None:
        self.told.append(order)

    def on_fill(self, fill: object, broker: BrokerProtocol) -> None:
        self.told.append(fill)

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        assert isinstance(data, ArraySlice)
        before = len(self.orders)
        for action in self.actions.get(data.row, ()):
            self.act(action, timestamp, data, broker)
        self.seen.append(
            (
                timestamp,
                data.close.tobytes(),
                data.history("close", 5).tobytes(),
                [data.mark(asset) for asset in self.symbols],
                broker.get_cash(),
                broker.get_account_value(),
                dict(broker.positions),
                broker.pending_orders,
                self.orders[before:],
            )
        )

    def act(
        self, action: Action, timestamp: datetime, data: ArraySlice, broker: BrokerProtocol
    ) -> None:
        match action:
            case Submit():
                self.submit(action, timestamp, data, broker)
            case Cancel() if self.orders:
                broker.cancel_order(self.orders[action.which % len(self.orders)].id)
            case Replace() if self.orders:
                self.replace(action, data, broker)
            case Close():
                for _ in range(1 + action.twice):
                    order = broker.close_position(self.symbols[action.asset % len(self.symbols)])
                    self.orders += [order] if order else []
            case Rebalance():
                self.rebalance(action, data, broker)

    def submit(
        self, action: Submit, timestamp: datetime, data: ArraySlice, broker: BrokerProtocol
    ) -> None:
        asset = self.symbols[action.asset % len(self.symbols)]
        close = data.mark(asset) or 1.0
        unit_value = close * self.multipliers[asset]
        quantity = self.cash * abs(action.share) / 100 / unit_value
        quantity = float(max(round(quantity), 1)) if action.whole else quantity
        kind = action.kind
        has_limit = kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)
        has_stop = kind in (OrderType.STOP, OrderType.STOP_LIMIT)
        side = OrderSide.BUY if action.share > 0 else OrderSide.SELL
        until_a_day = action.time_in_force is TimeInForce.GTD
        order = broker.submit_order(
            asset,
            quantity,
            side,
            kind,
            away(close, side, action.limit) if has_limit else None,
            away(close, side, action.stop) if has_stop else None,
            time_in_force=action.time_in_force,
            good_till=timestamp + timedelta(days=action.days) if until_a_day else None,
        )
        self.orders.append(order)

    def replace(self, action: Replace, data: ArraySlice, broker: BrokerProtocol) -> None:
        order = self.orders[action.which % len(self.orders)]
        close = data.mark(order.asset) or 1.0
        broker.replace_order(
            order.id,
            quantity=float(max(round(order.quantity * action.quantity / 100), 1)),
            limit_price=away(close, order.side, action.limit) if order.limit_price else None,
            stop_price=away(close, order.side, action.stop) if order.stop_price else None,
        )

    def rebalance(self, action: Rebalance, data: ArraySlice, broker: BrokerProtocol) -> None:
        short = broker.capabilities.short_selling
        executor = TargetWeightExecutor(
            RebalanceConfig(allow_fractional=action.fractional, allow_short=short)
        )
        weights = dict(zip(self.symbols, (w / 100 for w in action.weights), strict=False))
        if broker.get_account_value() > 0:
            self.orders += executor.execute(weights, data, broker)


# Sampled rather than drawn from ranges: ranges favour their small ends, where nothing happens.
moves = st.builds(
    Move,
    gap=st.sampled_from([0, 0, 0, 1, -1, 3, -3, 30, -30]),
    up=st.sampled_from([2, 0, 1, 3, 5, 20]),
    down=st.sampled_from([2, 0, 1, 3, 5, 20]),
    close=st.sampled_from([2, 0, 1, 3, 4]),
    volume=st.sampled_from([100, 0, 1, 1_000_000]),
    absent=st.sampled_from([False, False, False, False, False, True]),
)
halt = Move(0, 0, 0, 0, 0, absent=False)
tapes = st.builds(
    Tape,
    first=st.sampled_from([2000, 1, 7, 50, 300, 10_000, 49_999]),
    tick=st.sampled_from([1e-4, 0.01, 0.05, 1.0, 10.0]),
    moves=st.sampled_from([1, 3, 8]).flatmap(
        lambda count: st.lists(
            moves | moves | moves | st.just(halt), min_size=count, max_size=count
        )
    ),
    multiplier=st.sampled_from([1.0, 50.0, 100.0]),
    lot_size=st.sampled_from([0.0, 0.0, 0.0, 1.0, 0.1]),
)
limits = st.sampled_from([-1, 1, 0, 2, -3, -10])
stops = st.sampled_from([1, 2, 0, 5, -1])
times_in_force = st.sampled_from(
    [TimeInForce.GTC, TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD]
)
kinds = st.sampled_from([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT])
shares = st.sampled_from([10, 1, 5, 30, 60, 100, 130, 300])


def programs(bars: int, assets: int) -> st.SearchStrategy[list[Action]]:
    """Actions in order of time."""
    rows, which = st.integers(0, bars - 1), st.integers(0, 30)
    asset = st.integers(0, assets - 1)
    weights = st.lists(st.integers(-60, 100), min_size=1, max_size=assets)
    submit = st.builds(
        Submit,
        rows,
        asset,
        shares | shares.map(lambda share: -share),
        st.booleans(),
        kinds,
        limits,
        stops,
        times_in_force,
        st.integers(0, 5),
    )
    others = (
        st.builds(Cancel, rows, which)
        | st.builds(Replace, rows, which, st.integers(50, 200), limits, stops)
        | st.builds(Close, rows, asset, st.booleans())
        | st.builds(Rebalance, rows, weights, st.booleans())
    )
    actions: st.SearchStrategy[Action] = submit | others
    counts = st.sampled_from([1, 4, 12, 24])
    return counts.flatmap(lambda count: st.lists(actions, min_size=count, max_size=count)).map(
        lambda program: sorted(program, key=lambda action: action.row)
    )


shortfalls = st.sampled_from([TrimOrder(), RejectOrder()])
accounts = st.builds(CashAccount, shortfalls) | st.builds(
    MarginAccount, st.sampled_from([1.0, 0.5, 0.25]), shortfalls
)
timings: st.SearchStrategy[Timing] = st.sampled_from(
    [NextBarOpen(), NextBarClose(), SameBarClose()]
)
configs = st.builds(
    BacktestConfig,
    initial_cash=st.sampled_from([1e3, 1e5, 1e6]),
    account=accounts,
    timing=timings,
    slippage=st.sampled_from([NoSlippage(), BasisPoints(5), BasisPoints(200), FixedAmount(9e-5)]),
    commission=st.sampled_from(
        [NoCommission(), Percentage(0.001), PerShare(0.005, minimum=1.0), PerTrade(5.0)]
    ),
)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Up to 8 assets and 60 bars, now and then 300."""
    bars = draw(st.integers(2, 60) | st.sampled_from([120, 300]))
    market = draw(st.lists(tapes, min_size=1, max_size=8))
    program = draw(programs(bars, len(market)))
    return Scenario(bars, market, draw(configs), program, draw(st.sampled_from([1, 4])))


@st.composite
def leveraged(draw: st.DrawFn) -> Scenario:
    """A margin account that large orders bring to its limit, bar after bar."""
    market = draw(st.lists(tapes, min_size=2, max_size=2))
    terms = (OrderType.MARKET, 0, 0, TimeInForce.GTC, 0)
    large = st.sampled_from([60, 100, -60, -100])
    program = [
        Submit(row, draw(st.integers(0, 1)), draw(large), False, *terms)  # noqa: FBT003
        for row in range(draw(st.integers(2, 6)))
    ]
    config = BacktestConfig(account=MarginAccount(1.0), timing=draw(timings))
    return Scenario(10, market, config, program, 1)


def run(scenario: Scenario, run_engine: RunEngine, stop: int | None = None) -> BacktestResult:
    return run_engine(scenario.feed(stop), Programmed(scenario), scenario.config)


INVARIANTS = (
    "a1_cash_is_what_the_fills_left",
    "a2_positions_are_the_sum_of_fills",
    "a3_equity_is_cash_and_marked_positions",
    "a4_round_trips_partition_the_fills",
    "a5_a_cash_account_borrows_neither_money_nor_shares",
    "a7_fees_are_never_negative",
    "a8_prices_are_within_the_bar_and_no_better_than_it",
    "a9_orders_fill_after_the_bar_they_were_decided_on",
    "a30_no_figure_is_nan",
    "a31_orders_add_up",
)


def test_every_audit_has_a_property_of_its_own(audit: Any) -> None:
    assert sorted(audit.names()) == sorted(INVARIANTS)


@pytest.mark.parametrize("invariant", INVARIANTS)
@given(scenario=scenarios())
def test_invariant(invariant: str, audit: Any, scenario: Scenario) -> None:
    feed = scenario.feed()
    result = Engine(feed, Programmed(scenario), scenario.config).run()

    getattr(audit(feed, scenario.config, result), invariant)()


@given(scenario=scenarios())
def test_a3_the_strategy_sees_the_account_that_the_result_shows(
    run_engine: RunEngine, scenario: Scenario
) -> None:
    strategy = Programmed(scenario)
    result = run_engine(scenario.feed(), strategy, scenario.config)

    # Fills at the very close come after the strategy has looked.
    if not scenario.config.timing.same_bar:
        flows = float((result.fills["quantity"] * result.fills["price"]).sum()) * 100
        scale = scenario.config.initial_cash + flows + float(result.account["gross"].max())
        cash, value = ([seen[place] for seen in strategy.seen] for place in (4, 5))
        np.testing.assert_allclose(result.account["cash"], cash, rtol=0, atol=1e-9 * scale)
        np.testing.assert_allclose(result.equity, value, rtol=0, atol=1e-9 * scale)


@given(scenario=scenarios() | leveraged(), data=st.data())
def test_a11_cutting_the_future_off_changes_nothing_before_it(
    run_engine: RunEngine, scenario: Scenario, data: st.DataObject
) -> None:
    whole = Programmed(scenario)
    of_all = run_engine(scenario.feed(), whole, scenario.config)

    # Whoever looks ahead does so where an order ends: cut right after such bars, and anywhere.
    times = of_all.account.index
    ended = pd.Index(of_all.orders["updated_at"].dropna())
    ends = sorted(set(times.get_indexer(ended).tolist()))
    rows = st.integers(0, scenario.bars - 1)
    last_rows = st.lists(st.sampled_from(ends) if ends else rows, max_size=3, unique=True)
    for last_row in {*data.draw(last_rows, label="ends"), data.draw(rows, label="anywhere")}:
        part = Programmed(scenario)
        of_part = run_engine(scenario.feed(last_row + 1), part, scenario.config)

        assert part.seen == whole.seen[: last_row + 1]
        assert of_part.account.equals(of_all.account.iloc[: last_row + 1])
        assert of_part.positions.equals(of_all.positions.iloc[: last_row + 1])
        so_far = of_all.fills["timestamp"] <= times[last_row]
        assert of_part.fills.equals(of_all.fills[so_far])


@given(scenario=scenarios(), random=st.randoms(use_true_random=False))
def test_a13_the_order_of_rows_and_columns_changes_nothing(
    run_engine: RunEngine, scenario: Scenario, random: Any
) -> None:
    frame = scenario.frame()
    assume(len(frame))
    rows, columns = list(range(len(frame))), list(frame.columns)
    random.shuffle(rows)
    random.shuffle(columns)

    feeds = [
        DataFeed(prices, assets=[a for a in scenario.terms if a.symbol in set(frame["symbol"])])
        for prices in (frame, frame.iloc[rows][columns])
    ]
    results = [run_engine(feed, Programmed(scenario), scenario.config) for feed in feeds]

    assert feeds[0].digest == feeds[1].digest
    assert results[0].digest == results[1].digest


@given(scenario=scenarios())
def test_a28_the_same_run_gives_the_same_digest(run_engine: RunEngine, scenario: Scenario) -> None:
    first, second = (run(scenario, run_engine) for _ in range(2))

    assert first.digest == second.digest
    assert first.manifest == second.manifest


SCRIPT = """
import numpy as np
from ml4t.backtest import *

class Mixed(Strategy):
    def __init__(self):
        self.executor = TargetWeightExecutor(RebalanceConfig(allow_short=True))

    def on_data(self, timestamp, data, context, broker):
        if data.row % 7 == 0:
            weights = {symbol: 1 / (3 + i) for i, symbol in enumerate(data)}
            self.executor.execute(weights, data, broker)
        for symbol in {"C", "A"} & broker.positions.keys():
            pass
        broker.submit_order("B", -1, None, OrderType.STOP, None, data["B"]["close"] * 0.99)

prices = np.exp(np.random.default_rng(7).normal(0, 0.02, (100, 3)).cumsum(axis=0)) * 50
days = np.datetime64("2024-01-02T21:00", "us") + np.arange(100) * np.timedelta64(1, "D")
feed = DataFeed.from_arrays(days, ["A", "B", "C"], {"close": prices})
config = BacktestConfig(account=MarginAccount(), commission=PerTrade(1.0))
result = Engine(feed, Mixed(), config).run()
print(feed.digest, result.digest, result.fills["asset"].nunique())
"""


def test_a28_the_digest_does_not_depend_on_the_process_or_its_hash_seed() -> None:
    said = {
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    (line,) = said
    assert line.split()[2] == "3"


def corrupted(frame: pd.DataFrame, fault: str, row: int) -> pd.DataFrame:
    """The frame with one fault in one row."""
    bad = frame.copy()
    cell = bad.index[row]
    if fault == "repeat":
        return pd.concat([bad, bad.iloc[[row]]], ignore_index=True)
    if fault == "naive":
        return bad.assign(timestamp=bad["timestamp"].dt.tz_localize(None))
    if fault == "text":
        return bad.assign(close=bad["close"].astype(object).where(bad.index != cell, "ten"))
    if fault == "high below low":
        bad.loc[cell, "high"] = bad.loc[cell, "low"] / 2
        return bad
    column, _, value = fault.partition("=")
    bad.loc[cell, column] = None if value == "None" else float(value)
    return bad


FAULTS = [
    *(
        f"{column}={value}"
        for column in ("open", "high", "low", "close")
        for value in ("nan", "inf", "0", "-1", "None")
    ),
    "volume=-1",
    "volume=inf",
    "volume=nan",
    "high below low",
    "repeat",
    "naive",
    "text",
]


@given(scenario=scenarios(), fault=st.sampled_from(FAULTS), data=st.data())
def test_a30_a_fault_in_the_data_is_refused_by_name(
    scenario: Scenario, fault: str, data: st.DataObject
) -> None:
    frame = scenario.frame()
    assume(len(frame))
    row = data.draw(st.integers(0, len(frame) - 1), label="row")
    name = {"repeat": "one row for each timestamp and asset", "naive": "timestamp", "text": "close"}

    with pytest.raises(DataError, match=name.get(fault) or re.split("[= ]", fault)[0]):
        DataFeed(corrupted(frame, fault, row))
