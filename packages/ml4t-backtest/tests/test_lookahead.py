"""The check for look-ahead: finds strategies and signals that peek, and clears honest ones.

The engine itself is checked with it too: random programs of orders of every type.
"""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ml4t.backtest import (
    BacktestConfig,
    BasisPoints,
    BrokerProtocol,
    CashAccount,
    DataFeed,
    MarginAccount,
    NextBarClose,
    NextBarOpen,
    Order,
    OrderSide,
    OrderType,
    PerTrade,
    SameBarClose,
    Strategy,
    TimeInForce,
)
from ml4t.backtest.guards.cutting import altered, altered_feed, cut_feed
from ml4t.backtest.guards.lookahead import check_lookahead
from ml4t.backtest.guards.lookahead_cli import main
from ml4t.core import (
    Fill,
    InvalidOrderError,
    InvalidValueError,
    MarketSlice,
    OrderRequest,
    StrategyError,
)
from ml4t.core.strategy_file import load_strategy
from ml4t.simulation import (
    Adaptive,
    BarAfterEntry,
    BestCase,
    Delayed,
    EntryBar,
    Execution,
    NoImpact,
    OpenHighLowClose,
    OpenLowHighClose,
    SquareRootImpact,
    SubmissionOrder,
    TrailAlongPath,
    TrailFromClose,
    TrailFromExtreme,
    Unlimited,
    VolatilitySlippage,
    VolumeShare,
    WorstCase,
)

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
BARS = 60
START = np.datetime64("2024-01-02T21:00", "us")
ASSETS = ("A", "B")

Context = Mapping[str, object]


def arrays(bars: int = BARS, seed: int = 1) -> dict[str, NDArray[np.float64]]:
    """Prices of two assets, the second of which has gaps, a volume and a signal."""
    generator = np.random.default_rng(seed)
    close = 50 * np.exp(generator.normal(0, 0.02, (bars, 2)).cumsum(axis=0))
    open_ = close * np.exp(generator.normal(0, 0.005, (bars, 2)))
    columns = {
        "open": open_,
        "high": np.maximum(open_, close) * 1.01,
        "low": np.minimum(open_, close) * 0.99,
        "close": close,
        "volume": np.round(generator.uniform(0, 1e6, (bars, 2))),
        "score": generator.normal(0, 1, (bars, 2)),
    }
    for column in columns.values():
        column[5:8, 1] = np.nan
    return columns


def times(bars: int = BARS) -> NDArray[np.datetime64]:
    return START + np.arange(bars) * np.timedelta64(1, "D")


def feed_of(columns: Mapping[str, NDArray[np.float64]]) -> DataFeed:
    return DataFeed.from_arrays(times(len(columns["close"])), ASSETS, columns)


@pytest.fixture
def feed() -> DataFeed:
    """Sixty bars of two assets."""
    return feed_of(arrays())


class ByTheScore(Strategy):
    """Buys when the last score was high, sells when it was low."""

    def on_data(self, timestamp: datetime, data: Any, context: Context, broker: Any) -> None:
        for asset, bar in data.items():
            if abs(bar["score"]) > 0.5:
                broker.submit_order(asset, 1.0 if bar["score"] > 0 else -1.0)


class AnswersFills(ByTheScore):
    """Puts a stop under each purchase, and tidies up at the end."""

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        if fill.side is OrderSide.BUY:
            broker.submit_order(
                fill.asset,
                -fill.quantity,
                None,
                OrderType.STOP,
                stop_price=fill.price * 0.98,
                time_in_force=TimeInForce.GTC,
            )

    def on_end(self, broker: BrokerProtocol) -> None:
        for asset in broker.positions:
            broker.close_position(asset)


@pytest.mark.parametrize("timing", [NextBarOpen(), NextBarClose(), SameBarClose()])
@pytest.mark.parametrize("cls", [ByTheScore, AnswersFills])
def test_an_honest_strategy_is_cleared(cls: type[Strategy], timing: Any, feed: DataFeed) -> None:
    config = BacktestConfig(timing=timing, account=MarginAccount(), commission=PerTrade(1.0))
    told: list[tuple[int, int]] = []

    report = check_lookahead(
        feed, cls, config, cuts=BARS, progress=lambda done, total: told.append((done, total))
    )

    assert report.is_clean, str(report)
    assert len(report.cuts) == BARS - 1
    assert report.compared > 50
    assert told == [(n + 1, 2 * BARS) for n in range(2 * BARS)]
    assert str(report).startswith("no look-ahead found: ")


class Cheat(Strategy):
    """Buys before the price of A rises, which it knows from ``closes``."""

    def __init__(self, closes: NDArray[np.float64]) -> None:
        self.closes = closes

    def on_data(
        self, timestamp: datetime, data: MarketSlice, context: Context, broker: BrokerProtocol
    ) -> None:
        tomorrow = min(data.row + 1, len(self.closes) - 1)
        if self.closes[tomorrow] > data["A"].close and not broker.pending_orders:
            broker.submit_order("A", 1)


def test_a_global_array_of_future_closes_is_caught_where_the_feed_shares_its_memory() -> None:
    columns = arrays()
    closes = columns["close"][:, 0]
    feed = feed_of(columns)
    before = {name: column.tobytes() for name, column in columns.items()}

    report = check_lookahead(feed, lambda _: Cheat(closes))

    (difference,) = report.differences
    # What it reads stays as long as it was, so only another future can tell.
    assert difference.test == "altered"
    assert difference.what in ("the next thing to happen", "order 1")
    assert difference.when[:10] == report.cuts[-1][:10]
    assert {name: column.tobytes() for name, column in columns.items()} == before
    assert not columns["close"].flags.writeable


def test_a_strategy_made_of_the_feed_is_caught_by_the_cut(feed: DataFeed) -> None:
    report = check_lookahead(feed, lambda given: Cheat(given.panel.arrays["close"][:, 0]))

    assert {difference.test for difference in report.differences} <= {"cut", "altered"}
    assert not report.is_clean


def test_a_view_that_is_walked_back_to_the_whole_array_is_caught(feed: DataFeed) -> None:
    class WalksBack(Strategy):
        def on_data(self, timestamp: datetime, data: Any, context: Context, broker: Any) -> None:
            whole = data.close.base
            while whole.base is not None:
                whole = whole.base
            if whole[data.row + 1, 0] > data.close[0]:
                broker.submit_order("A", 1)

        def __repr__(self) -> str:
            return "WalksBack"

    class Carefully(WalksBack):
        def on_data(self, *arguments: Any) -> None:
            try:
                super().on_data(*arguments)
            except IndexError:
                return

    report = check_lookahead(feed, Carefully)

    assert not report.is_clean
    with pytest.raises(StrategyError, match=r"raised at 2024-03-01T21:00:00.*IndexError"):
        check_lookahead(feed, WalksBack)


def test_an_error_that_comes_only_without_the_future_is_a_finding(feed: DataFeed) -> None:
    class Reads(Cheat):
        def on_data(self, timestamp: datetime, data: Any, context: Context, broker: Any) -> None:
            if data.row < BARS - 1 and self.closes[data.row + 1] > 0:
                broker.submit_order("A", 1)

    report = check_lookahead(feed, lambda given: Reads(given.panel.arrays["close"][:, 0]))

    difference = report.differences[0]
    assert difference.test == "cut"
    assert "IndexError" in str(difference.other)
    assert "raised by the strategy" in str(difference)


def test_a_difference_names_field_instant_cut_and_both_values(feed: DataFeed) -> None:
    class Sized(Cheat):
        def on_data(self, timestamp: datetime, data: Any, context: Context, broker: Any) -> None:
            broker.submit_order("A", float(np.nanmean(self.closes)))

    report = check_lookahead(
        feed, lambda given: Sized(given.panel.arrays["close"][:, 0]), cuts=[30]
    )

    first, second = report.differences
    whole = float(np.nanmean(feed.panel.arrays["close"][:, 0]))
    part = float(np.nanmean(feed.panel.arrays["close"][:31, 0]))
    assert (first.test, second.test) == ("cut", "altered")
    assert first.cut == feed.times[30].isoformat()
    assert (first.what, first.field) == ("order 1", "request.quantity")
    assert first.when == feed.times[0].isoformat()
    assert (first.known, first.other) == (whole, part)
    assert str(report).splitlines()[0] == (
        f"look-ahead: with the future cut off after {first.cut}, request.quantity of order 1 at "
        f"{first.when} is {part}, and {whole} over all data"
    )


def normalised(feed: DataFeed, last: Callable[[int], slice]) -> pd.DataFrame:
    """The close of each asset over the mean of some rows."""
    close = feed.panel.arrays["close"]
    frames = [
        pd.DataFrame(
            {
                "timestamp": list(feed.times),
                "symbol": asset,
                "score": [
                    close[row, column] / np.nanmean(close[last(row), column]) - 1
                    for row in range(len(feed))
                ],
            }
        )[~np.isnan(close[:, column])]
        for column, asset in enumerate(feed.assets)
    ]
    return pd.concat(frames)


def of_the_past(feed: DataFeed) -> pd.DataFrame:
    return normalised(feed, lambda row: slice(0, row + 1))


def of_the_whole_sample(feed: DataFeed) -> pd.DataFrame:
    return normalised(feed, lambda row: slice(None))


def test_a_signal_normalised_by_the_whole_sample_is_caught(feed: DataFeed) -> None:
    report = check_lookahead(feed, ByTheScore, features=of_the_whole_sample)

    difference = report.differences[0]
    assert (difference.what, difference.field) == ("signal 'score'", "the value")
    assert difference.when == feed.times[0].isoformat()
    assert check_lookahead(feed, ByTheScore, features=of_the_past).is_clean


def test_a_signal_that_cannot_be_computed_without_the_future_is_caught(feed: DataFeed) -> None:
    def greedy(given: DataFeed) -> pd.DataFrame:
        if len(given) < BARS:
            raise ValueError(len(given))
        return of_the_past(given)

    report = check_lookahead(feed, ByTheScore, features=greedy)

    assert "ValueError" in str(report)


def test_the_context_of_the_future_is_cut_and_altered() -> None:
    columns = arrays()
    days = pd.to_datetime(times()).tz_localize("UTC")
    prices = pd.DataFrame({"timestamp": days, "symbol": "A", "close": columns["close"][:, 0]})
    levels = pd.DataFrame({"timestamp": days, "level": np.arange(float(BARS)), "word": "calm"})
    levels.loc[40:, "word"] = "wild"
    feed = DataFeed(prices, context=levels)

    class Peeks(Strategy):
        def __init__(self, contexts: Sequence[Context], name: str) -> None:
            self.contexts, self.name = contexts, name

        def on_data(self, timestamp: datetime, data: Any, context: Context, broker: Any) -> None:
            if data.row + 1 < len(self.contexts):
                broker.submit_order("A", 1, tag=str(self.contexts[data.row + 1][self.name]))

    def peeking_at(name: str, given: DataFeed) -> Strategy:
        return Peeks(given.contexts or (), name)

    for name in ("level", "word"):
        rows = [30, 35, 39]
        report = check_lookahead(feed, partial(peeking_at, name), cuts=rows)
        assert "cut" in {difference.test for difference in report.differences}
    other = altered_feed(feed, 30, np.random.default_rng(1))
    assert other.contexts is not None and feed.contexts is not None  # noqa: PT018
    assert other.contexts[:31] == feed.contexts[:31]
    assert {c["level"] for c in other.contexts[31:]}.isdisjoint(range(BARS))
    assert [c["word"] for c in other.contexts].count("wild") == 20


def test_a_strategy_that_does_not_repeat_itself_is_told_as_that(feed: DataFeed) -> None:
    count = iter(range(100))

    class Random(Strategy):
        def on_start(self, broker: BrokerProtocol) -> None:
            self.size = 1.0 + next(count)

        def on_data(self, timestamp: datetime, data: Any, context: Context, broker: Any) -> None:
            broker.submit_order("A", self.size)

    report = check_lookahead(feed, Random)

    assert [difference.test for difference in report.differences] == ["repeat"]
    assert report.cuts == []
    assert str(report).startswith("not repeatable: with the same run once more, request.quantity")


def test_a_strategy_without_orders_is_cleared_with_a_note(feed: DataFeed) -> None:
    class Idle(Strategy):
        def on_data(self, *_: object) -> None:
            pass

    report = check_lookahead(feed, Idle)

    assert report.is_clean
    assert report.notes == ["The strategy submitted no order, so there was nothing to compare."]


def test_half_of_the_cuts_are_where_orders_were_submitted(feed: DataFeed) -> None:
    class Rarely(Strategy):
        def on_data(self, timestamp: datetime, data: Any, context: Context, broker: Any) -> None:
            if data.row in (7, 33):
                broker.submit_order("A", 1)

    cuts = check_lookahead(feed, Rarely, cuts=6).cuts

    # The order is submitted at one bar and fills at the next.
    assert {feed.times[row].isoformat() for row in (7, 33)} <= {*cuts}
    assert len(cuts) == 6


@pytest.mark.parametrize("cuts", [0, -1, [BARS - 1], [-1]])
def test_a_cut_without_a_future_is_refused(cuts: Any, feed: DataFeed) -> None:
    with pytest.raises(InvalidValueError, match="cut"):
        check_lookahead(feed, ByTheScore, cuts=cuts)


def test_one_bar_has_no_future() -> None:
    report = check_lookahead(feed_of(arrays(1)), ByTheScore)

    assert report.is_clean
    assert "There is one bar only, and no future to cut off." in report.notes


@pytest.mark.parametrize("row", [0, 5, 30, BARS - 2])
def test_the_other_future_is_a_possible_market_that_turns_every_move(
    row: int, feed: DataFeed
) -> None:
    other = altered_feed(feed, row, np.random.default_rng(7))

    # The feed's own checks: highs are highest, lows lowest, everything positive.
    columns = {name: array.copy() for name, array in other.panel.arrays.items()}
    feed_of(columns)
    before, after = feed.panel.arrays, other.panel.arrays
    for name in before:
        np.testing.assert_array_equal(after[name][: row + 1], before[name][: row + 1])
        there = ~np.isnan(before[name][row + 1 :])
        assert (np.isnan(after[name][row + 1 :]) == ~there).all()
        assert (after[name][row + 1 :][there] != before[name][row + 1 :][there]).all()
    mark = before["close"][row, 0]
    assert (np.sign(after["close"][row + 1 :, 0] - mark)
            == -np.sign(before["close"][row + 1 :, 0] - mark)).all()  # fmt: skip


def test_the_other_future_in_place_is_the_same_and_goes_away_again(feed: DataFeed) -> None:
    before = {name: array.tobytes() for name, array in feed.panel.arrays.items()}
    copied = altered_feed(feed, 20, np.random.default_rng(3))

    with altered(feed, 20, np.random.default_rng(3)) as other:
        assert other.digest == copied.digest
        assert other.panel.arrays["close"] is feed.panel.arrays["close"]
        assert feed.panel.arrays["close"].tobytes() != before["close"]

    assert {name: array.tobytes() for name, array in feed.panel.arrays.items()} == before


def test_memory_that_may_not_be_written_is_left_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "close.npy", arrays()["close"][:, :1].copy())
    mapped = np.load(tmp_path / "close.npy", mmap_mode="r")
    kept = (tmp_path / "close.npy").read_bytes()
    feed = DataFeed.from_arrays(times(), ["A"], {"close": mapped})

    with altered(feed, 20, np.random.default_rng(3)) as other:
        assert other.panel.arrays["close"] is not feed.panel.arrays["close"]

    assert (tmp_path / "close.npy").read_bytes() == kept


def test_a_cut_feed_has_no_way_back_to_the_whole(feed: DataFeed) -> None:
    part = cut_feed(feed, 10)

    assert len(part) == 11
    assert part.assets == feed.assets
    assert all(array.base is None for array in part.panel.arrays.values())
    assert part.times.nanoseconds.base is None


# --- The engine itself -------------------------------------------------------------------------


class Submit(NamedTuple):
    """An order; prices are in percent of the close, which the fields of its type decide on."""

    row: int
    asset: int
    quantity: float
    kind: OrderType
    limit: int
    stop: int
    trail: int
    by_percent: bool
    time_in_force: TimeInForce


class Change(NamedTuple):
    """Cancels, or changes by percent, the order of a number counted round.

    Or closes the position of an asset, or submits orders that belong together.
    """

    row: int
    which: int
    what: str
    percent: int


class Program(Strategy):
    """Plays a list of actions. What makes no order at any venue is left out."""

    def __init__(self, actions: Sequence[Submit | Change]) -> None:
        self.actions = actions
        self.orders: list[Order] = []

    def on_data(
        self, timestamp: datetime, data: MarketSlice, context: Context, broker: BrokerProtocol
    ) -> None:
        for action in self.actions:
            if action.row != data.row:
                continue
            if isinstance(action, Submit):
                self.submit(action, timestamp, data, broker)
            elif action.what in FAMILIES:
                self.family(action, data, broker)
            elif action.what == "close":
                broker.close_position(ASSETS[action.which % len(ASSETS)])
            elif self.orders:
                self.change(action, broker)

    def submit(
        self, action: Submit, timestamp: datetime, data: MarketSlice, broker: BrokerProtocol
    ) -> None:
        asset = ASSETS[action.asset]
        close = data.mark(asset) or 50.0
        until = timestamp + timedelta(days=3)
        # Which of the prices a type has is the type's affair: try those that there may be.
        for limit, stop, trail in KINDS[action.kind]:
            amount = float(action.trail) if trail and not action.by_percent else None
            percent = float(action.trail) if trail and action.by_percent else None
            self.orders.append(
                broker.submit_order(
                    asset,
                    action.quantity,
                    None,
                    action.kind,
                    close * (1 + action.limit / 100) if limit else None,
                    close * (1 + action.stop / 100) if stop else None,
                    trail_amount=amount,
                    trail_percent=percent,
                    time_in_force=action.time_in_force,
                    good_till=until if action.time_in_force is TimeInForce.GTD else None,
                )
            )

    def family(self, action: Change, data: MarketSlice, broker: BrokerProtocol) -> None:
        """Orders that belong together, with prices a few percent from the close."""
        asset = ASSETS[action.which % len(ASSETS)]
        close, far = data.mark(asset) or 50.0, (1 + abs(action.percent)) / 100
        target = OrderRequest.of(
            asset, -100.0, None, OrderType.LIMIT, close * (1 + far), tag="target"
        )
        stop = OrderRequest.of(asset, -100.0, None, OrderType.STOP, None, close * (1 - far))
        if action.what == "oco":
            self.orders += broker.submit_oco([target, stop])
        elif action.what == "oto":
            parent = OrderRequest.of(asset, 100.0, None, OrderType.LIMIT, close)
            self.orders += broker.submit_oto(parent, [target, stop])
        else:
            trails = action.percent > 0
            legs = broker.submit_bracket(
                asset,
                100.0,
                take_profit=close * (1 + far),
                stop_loss=None if trails else close * (1 - far),
                stop_limit=close * (1 - 2 * far) if action.percent < -1 else None,
                trail_amount=None,
                trail_percent=float(action.percent) if trails else None,
                time_in_force=TimeInForce.DAY,
                children_time_in_force=TimeInForce.GTC,
                good_till=None,
                tag="bracket",
            )
            self.orders.append(legs.parent)

    def change(self, action: Change, broker: BrokerProtocol) -> None:
        order = self.orders[action.which % len(self.orders)]
        if action.what == "cancel":
            broker.cancel_order(order.id)
            return
        limit = order.limit_price and order.limit_price * (1 + action.percent / 100)
        stop = order.stop_price and order.stop_price * (1 + action.percent / 100)
        try:
            broker.replace_order(order.id, limit_price=limit, stop_price=stop)
        except InvalidOrderError:
            return


def shapes(kind: OrderType) -> list[tuple[bool, bool, bool]]:
    """With which of limit price, stop price and trail an order of this type can be written."""
    found = []
    for limit, stop, trail in product((False, True), repeat=3):
        price, trigger = 50.0 if limit else None, 50.0 if stop else None
        try:
            OrderRequest.of("A", 1, None, kind, price, trigger, 1.0 if trail else None)
        except InvalidOrderError:
            continue
        found.append((limit, stop, trail))
    return found


FAMILIES = ("bracket", "oco", "oto")
KINDS = {kind: shapes(kind) for kind in OrderType}
rows = st.integers(0, BARS - 2)
percents = st.sampled_from([0, 1, -1, 2, -2, 5, -5])
submits = st.builds(
    Submit,
    rows,
    st.integers(0, 1),
    st.sampled_from([10.0, 500.0, 3000.0, -10.0, -500.0, -3000.0]),
    st.sampled_from(list(OrderType)),
    percents,
    percents,
    st.sampled_from([1, 2, 5]),
    st.booleans(),
    st.sampled_from(list(TimeInForce)),
)
whats = st.sampled_from(["cancel", "replace", "close", *FAMILIES])
changes = st.builds(Change, rows, st.integers(0, 20), whats, percents)
configs = st.builds(
    BacktestConfig,
    timing=st.sampled_from([NextBarOpen(), NextBarClose(), SameBarClose(), Delayed(2)]),
    path=st.sampled_from(
        [WorstCase(), BestCase(), OpenHighLowClose(), OpenLowHighClose(), Adaptive(),
         SubmissionOrder()]
    ),
    children=st.sampled_from([EntryBar(), BarAfterEntry()]),
    trailing=st.sampled_from([TrailAlongPath(), TrailFromClose(), TrailFromExtreme()]),
    account=st.sampled_from([CashAccount(), MarginAccount()]),
    slippage=st.sampled_from([BasisPoints(5), VolatilitySlippage(0.1)]),
    impact=st.sampled_from([NoImpact(), SquareRootImpact(0.1)]),
    participation=st.sampled_from([Unlimited(), VolumeShare(0.001)]),
    commission=st.just(PerTrade(1.0)),
)  # fmt: skip


def test_every_type_of_order_can_be_written() -> None:
    assert [kind for kind, possible in KINDS.items() if not possible] == []


@given(
    program=st.lists(submits | submits | changes, min_size=1, max_size=25),
    config=configs,
    cuts=st.lists(rows, min_size=1, max_size=3, unique=True),
    seed=st.integers(0, 2**16),
)
def test_a11_a12_the_engine_does_not_look_ahead(
    program: list[Submit | Change], config: BacktestConfig, cuts: list[int], seed: int
) -> None:
    # Where an order is submitted or fills is where an engine would peek.
    busy = {min(action.row + wait, BARS - 2) for action in program[:2] for wait in (0, 1)}

    report = check_lookahead(
        feed_of(arrays(seed=seed % 7)),
        lambda _: Program(program),
        config,
        cuts=sorted({*cuts, *busy}),
        seed=seed,
    )

    assert report.is_clean, str(report)


def test_a_market_model_that_looks_ahead_is_caught(feed: DataFeed) -> None:
    class CheaperBeforeAFall:
        def cost(self, execution: Execution) -> float:
            panel, row = execution.bars._panel, execution.bars.row  # noqa: SLF001
            later = min(row + 1, len(panel.timestamps) - 1)
            close = panel.closes
            falls = close[later * panel.width] < close[row * panel.width]
            return 0.0 if falls else 0.01

    config = BacktestConfig(slippage=CheaperBeforeAFall(), account=MarginAccount())

    report = check_lookahead(feed, ByTheScore, config)

    assert not report.is_clean
    assert report.differences[0].what.startswith("fill ")


# --- The command -------------------------------------------------------------------------------

HONEST = """
from ml4t.core import Strategy


class Trend(Strategy):
    last = None

    def on_data(self, timestamp, data, context, broker):
        close = data["A"].close
        if self.last is not None:
            broker.submit_order("A", 1.0 if close > self.last else -1.0)
        self.last = close
"""
PEEK = """
import pandas as pd
import polars as pl
from pathlib import Path
from ml4t.core import Strategy

closes = %s


class Peek(Strategy):
    def on_data(self, timestamp, data, context, broker):
        tomorrow = closes[min(data.row + 1, len(closes) - 1)]
        if tomorrow > data["A"].close:
            broker.submit_order("A", 1)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, holding prices in data/ and an honest strategy."""
    (tmp_path / "data").mkdir()
    days = pd.to_datetime(times(30)).tz_localize("UTC")
    prices = pd.DataFrame({"timestamp": days, "symbol": "A", "close": arrays(30)["close"][:, 0]})
    prices.to_parquet(tmp_path / "data" / "prices.parquet")
    prices.to_csv(tmp_path / "data" / "prices.csv", index=False)
    (tmp_path / "trend.py").write_text(HONEST)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_clears_an_honest_strategy(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trend.py", "--prices", "data/prices.csv", "--cuts", "1"]) == 0
    assert "no look-ahead found" in capsys.readouterr().out


@pytest.mark.parametrize(
    "reads",
    [
        'pd.read_parquet("data/prices.parquet")["close"].to_numpy()',
        'pl.read_parquet("data/prices.parquet")["close"].to_numpy()',
        'pd.read_parquet(Path(__file__).parent / "data/prices.parquet")["close"].to_numpy()',
    ],
)
def test_a_strategy_that_reads_the_whole_file_by_a_relative_path_is_caught(
    reads: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "peek.py").write_text(PEEK % reads)

    assert main(["peek.py", "--prices", "data/prices.parquet"]) == 1

    assert re.match(r"look-ahead: with \w+ .*future", capsys.readouterr().out)


def test_a_strategy_that_opens_the_whole_file_by_an_absolute_path_is_caught(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "data" / "prices.csv"
    (folder / "peek.py").write_text(PEEK % f'pd.read_csv(r"{path}")["close"].to_numpy()')

    assert main(["peek.py", "--prices", "data/prices.csv"]) == 1

    assert f"the strategy opened {path.resolve()} by itself" in capsys.readouterr().out


def test_a_module_beside_the_strategy_that_reads_the_file_is_caught(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "loading.py").write_text(
        'import polars\ncloses = polars.read_csv("data/prices.csv")["close"].to_numpy()\n'
    )
    (folder / "peek.py").write_text("import loading\n" + PEEK % "loading.closes")

    assert main(["peek.py", "--prices", "data/prices.csv"]) == 1
    assert not (folder / "__pycache__" / "peek.cpython.pyc").exists()


FEATURES = """
import pandas as pd


def honest(feed):
    return table(feed, lambda close: close / close.expanding().mean())


def whole(feed):
    return table(feed, lambda close: close / close.mean())


def table(feed, function):
    close = pd.Series(feed.panel.arrays["close"][:, 0])
    return pd.DataFrame({"timestamp": list(feed.times), "symbol": "A", "score": function(close)})
"""


def test_the_command_computes_features_of_the_cut_data(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "features.py").write_text(FEATURES)
    command = ["trend.py", "--prices", "data/prices.parquet", "--cuts", "1"]

    assert main([*command, "--features", "features.py:honest"]) == 0
    assert main([*command, "--features", "features.py:whole"]) == 1
    assert "the value of signal 'score' at 2024-01-02" in capsys.readouterr().out
    assert main([*command, "--features", "features.py:missing"]) == 2
    assert "no function 'missing'" in capsys.readouterr().err


def test_signals_in_a_file_are_said_to_be_taken_as_they_are(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pd.read_parquet("data/prices.parquet").rename(columns={"close": "score"}).to_csv(
        "signals.csv", index=False
    )
    files = ["--prices", "data/prices.parquet", "--signals", "signals.csv"]

    assert main(["trend.py", *files, "--cuts", "1"]) == 0
    assert "! signals.csv was taken as it is" in capsys.readouterr().out
    assert main(["trend.py", *files, "--features", "features.py:honest"]) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["trend.py"],
        ["trend.py", "--prices", "missing.parquet"],
        ["missing.py", "--prices", "data/prices.csv"],
        ["trend.py", "--prices", "data/prices.csv", "--cuts", "0"],
    ],
)
def test_wrong_usage_ends_with_status_2(folder: Path, arguments: list[str]) -> None:
    assert main(arguments) == 2


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    for word in ("--prices", "--cuts", "--seed", "--features", "Exit status", "Example"):
        assert word in printed


def test_the_example_is_honest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    config = BacktestConfig.from_toml("examples/momentum.toml")
    feed = DataFeed("examples/data/us_stocks_daily.parquet")

    report = check_lookahead(feed, lambda _: load_strategy("examples/momentum.py"), config, cuts=4)

    assert report.is_clean, str(report)
    assert report.compared > 1000
