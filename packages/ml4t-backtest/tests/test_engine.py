"""What a strategy lives through: who is called when, with what, and at which price orders fill."""

import gc
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.backtest import (
    ArraySlice,
    BacktestConfig,
    BacktestResult,
    BasisPoints,
    BrokerProtocol,
    CashAccount,
    DataFeed,
    Engine,
    Fill,
    MarginAccount,
    NextBarClose,
    NextBarOpen,
    Order,
    OrderStatus,
    OrderType,
    Percentage,
    PreviewedCashAccount,
    RebalanceConfig,
    SameBarClose,
    StopLoss,
    Strategy,
    TargetWeightExecutor,
    TimeInForce,
)
from ml4t.core import BarView, MarketSlice
from ml4t.core.risk import LiveRiskConfig

RunEngine = Callable[..., BacktestResult]
Step = Callable[[MarketSlice, BrokerProtocol], object]

OPENS = [10.0, 11.0, 12.0, 13.0]
CLOSES = [10.5, 11.5, 12.5, 13.5]


def days(count: int) -> pd.DatetimeIndex:
    return pd.date_range("2024-01-02 21:00", periods=count, tz="UTC")


def feed_of(opens: Sequence[float] = OPENS, closes: Sequence[float] = CLOSES) -> DataFeed:
    """One asset, A, whose bars are as wide as open and close."""
    bars = pd.DataFrame({"open": opens, "close": closes})
    prices = bars.assign(
        timestamp=days(len(bars)), symbol="A", high=bars.max(axis=1), low=bars.min(axis=1)
    )
    return DataFeed(prices)


class Stepwise(Strategy):
    """Does at each row what a table of steps says."""

    def __init__(self, steps: Mapping[int, Step]) -> None:
        self.steps = steps

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        if data.row in self.steps:
            self.steps[data.row](data, broker)


def buy(quantity: float = 10) -> Step:
    return lambda _, broker: broker.submit_order("A", quantity)


class Diary(Stepwise):
    """Writes down every call."""

    def __init__(self, steps: Mapping[int, Step]) -> None:
        super().__init__(steps)
        self.entries: list[tuple[object, ...]] = []

    def on_start(self, broker: BrokerProtocol) -> None:
        self.entries.append(("start",))

    def on_order(self, order: Order, broker: BrokerProtocol) -> None:
        self.entries.append(("order", order.id, order.status.value))

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        position = broker.get_position(fill.asset)
        self.entries.append(("fill", fill.order_id, position.quantity if position else 0.0))

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        self.entries.append(("data", data.row))
        super().on_data(timestamp, data, context, broker)

    def on_end(self, broker: BrokerProtocol) -> None:
        self.entries.append(("end",))


def test_what_happened_during_a_bar_is_told_before_its_data(run_engine: RunEngine) -> None:
    diary = Diary({0: buy(10), 1: buy(-10)})

    run_engine(feed_of(), diary)

    assert diary.entries == [
        ("start",),
        ("data", 0),
        ("order", "1", "accepted"),
        ("fill", "1", 10),
        ("order", "1", "filled"),
        ("data", 1),
        ("order", "2", "accepted"),
        ("fill", "2", 0),
        ("order", "2", "filled"),
        ("data", 2),
        ("data", 3),
        ("end",),
    ]


def test_fills_at_the_very_close_are_told_before_the_next_data_or_the_end(
    run_engine: RunEngine,
) -> None:
    diary = Diary({2: buy(), 3: buy()})

    run_engine(feed_of(), diary, BacktestConfig(timing=SameBarClose()))

    names = [entry[:2] for entry in diary.entries if entry[0] in ("data", "fill", "end")]
    assert names[-5:] == [("data", 2), ("fill", "1"), ("data", 3), ("fill", "2"), ("end",)]


def test_an_answer_to_every_rejection_does_not_keep_the_engine_for_ever(
    run_engine: RunEngine,
) -> None:
    class Stubborn(Stepwise):
        def on_order(self, order: Order, broker: BrokerProtocol) -> None:
            if order.status is OrderStatus.REJECTED:
                broker.submit_order("unknown", 1)

    result = run_engine(feed_of(), Stubborn({0: lambda _, broker: broker.submit_order("??", 1)}))

    # One answer at each bar after the first, and one at the end.
    assert result.orders["status"].tolist() == ["rejected"] * 5
    assert result.orders["asset"].tolist() == ["??"] + ["unknown"] * 4


def test_orders_of_the_start_meet_the_first_bar(run_engine: RunEngine) -> None:
    class Early(Stepwise):
        def on_start(self, broker: BrokerProtocol) -> None:
            broker.submit_order("A", 10)

    result = run_engine(feed_of(), Early({}))

    assert result.fills["price"].tolist() == [10.0]
    assert result.orders["submitted_at"].isna().tolist() == [True]
    assert result.positions["A"].tolist() == [10] * 4


@pytest.mark.parametrize(
    ("timing", "row", "price", "rule"),
    [
        (NextBarOpen(), 2, 12.0, "market_open"),
        (NextBarClose(), 2, 12.5, "market_close"),
        (SameBarClose(), 1, 11.5, "market_same_close"),
    ],
)
def test_a_market_order_fills_when_the_timing_says(
    timing: Any, row: int, price: float, rule: str, run_engine: RunEngine
) -> None:
    feed = feed_of()

    fills = run_engine(feed, Stepwise({1: buy()}), BacktestConfig(timing=timing)).fills

    assert fills["price"].tolist() == [price]
    assert fills["rule"].tolist() == [rule]
    assert fills["timestamp"].tolist() == [feed.times[row]]


@pytest.mark.parametrize("timing", [NextBarOpen(), NextBarClose(), SameBarClose()])
def test_a_limit_order_waits_for_the_next_bar_whatever_the_timing(
    timing: Any, run_engine: RunEngine
) -> None:
    feed = feed_of()
    step: Step = lambda _, broker: broker.submit_order("A", 10, None, OrderType.LIMIT, 12.25)  # noqa: E731

    fills = run_engine(feed, Stepwise({1: step}), BacktestConfig(timing=timing)).fills

    assert fills["timestamp"].tolist() == [feed.times[2]]
    assert fills["price"].tolist() == [12.0]


def test_a_market_order_of_the_very_close_waits_for_a_bar_of_its_asset(
    run_engine: RunEngine,
) -> None:
    prices = pd.DataFrame(
        {
            "timestamp": [*days(3), *days(3)[[0, 2]]],
            "symbol": ["A"] * 3 + ["B"] * 2,
            "close": [10.0, 11.0, 12.0, 20.0, 22.0],
        }
    )
    step: Step = lambda _, broker: broker.submit_order("B", 1, time_in_force=TimeInForce.GTC)  # noqa: E731

    result = run_engine(
        DataFeed(prices), Stepwise({1: step}), BacktestConfig(timing=SameBarClose())
    )

    assert result.fills["timestamp"].tolist() == [days(3)[2]]
    assert result.fills["price"].tolist() == [22.0]


def test_an_exception_names_the_bar_it_was_raised_at() -> None:
    def fail(data: MarketSlice, broker: BrokerProtocol) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        Engine(feed_of(), Stepwise({2: fail})).run()

    assert caught.value.__notes__ == ["while the bar of 2024-01-04T21:00:00+00:00 was handled"]


def test_an_exception_in_a_callback_names_the_bar_too() -> None:
    class Fragile(Stepwise):
        def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        Engine(feed_of(), Fragile({2: buy()})).run()

    assert caught.value.__notes__ == ["while the bar of 2024-01-05T21:00:00+00:00 was handled"]


def test_progress_is_told_now_and_then_and_at_the_end(run_engine: RunEngine) -> None:
    done: list[int] = []
    count = 5000

    run_engine(feed_of([10.0] * count, [10.0] * count), Stepwise({}), progress=done.append)

    assert done[-1] == count
    assert 1 < len(done) < 20
    assert all(earlier < later for earlier, later in pairwise(done))


class Hoarder(Strategy):
    """Keeps everything it is handed, and a copy of what it was at that moment."""

    def __init__(self) -> None:
        self.slices: list[tuple[ArraySlice, int, dict[str, dict[str, float]]]] = []
        self.bars: list[tuple[BarView, dict[str, float]]] = []
        self.arrays: list[tuple[Any, Any]] = []

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        assert isinstance(data, ArraySlice)
        assert data.timestamp == timestamp
        for bar in data.values():
            self.bars.append((bar, dict(bar)))
        for array in (data.close, data.history("open", 3), data.history("close", 2, asset="A")):
            self.arrays.append((array, array.copy()))
        if data.row % 3:
            self.slices.append((data, data.row, {name: dict(bar) for name, bar in data.items()}))
        if data.row % 7 == 0:
            # What orders and their fills look at is not to be mistaken for what is kept.
            broker.submit_order("A", -1 if broker.positions else 1)


class Trader(Strategy):
    """Buys and sells in turn, sometimes with a stop beside."""

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        if broker.positions:
            broker.close_position("A")
        else:
            broker.submit_order("A", 3)
            broker.submit_order(
                "A", -1, order_type=OrderType.STOP, stop_price=float(10 + data.row % 3)
            )


class ListeningTrader(Trader):
    """The same, and hears of each fill."""

    def __init__(self) -> None:
        self.heard: list[Fill] = []

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        self.heard.append(fill)


def test_whoever_listens_changes_nothing(run_engine: RunEngine) -> None:
    """Without a listener, fills and the last states of orders are made when somebody asks."""
    prices = [10.0 + step % 5 for step in range(60)]
    listener = ListeningTrader()

    quiet = run_engine(feed_of(prices, prices), Trader())
    heard = run_engine(feed_of(prices, prices), listener)

    assert quiet.digest == heard.digest
    assert [fill.id for fill in listener.heard] == heard.fills["fill_id"].tolist()
    assert len(listener.heard) > 60


class Traced(ListeningTrader):
    """Notes its broker without keeping it."""

    def on_start(self, broker: BrokerProtocol) -> None:
        self.broker = ref(broker)


@pytest.mark.parametrize(
    "assumed",
    [
        {},
        {"account": MarginAccount()},
        {"account": PreviewedCashAccount()},
        {"exits": StopLoss(percent=5)},
        {"risk": LiveRiskConfig(max_order_shares=50)},
        {"timing": SameBarClose()},
    ],
    ids=["default", "margin", "preview", "exits", "risk", "same-bar"],
)
def test_a_run_that_nobody_keeps_is_gone_at_once(assumed: dict[str, Any]) -> None:
    """Many runs in a row, as in a sweep, need no more memory than one: a venue is no cycle."""
    prices = [10.0 + step % 5 for step in range(40)]
    strategy = Traced()
    gc.collect()
    gc.disable()
    try:
        result = Engine(feed_of(prices, prices), strategy, BacktestConfig(**assumed)).run()
        assert len(result.orders) > 20
        assert strategy.broker() is not None
        del result
        assert strategy.broker() is None
    finally:
        gc.enable()


def test_slices_that_nobody_keeps_are_one_that_moves_on(run_engine: RunEngine) -> None:
    """Whether orders fill or not: making a new one for each bar takes a fifth of the loop."""
    slices: set[int] = set()

    def trade(data: MarketSlice, broker: BrokerProtocol) -> None:
        slices.add(id(data))
        data["A"]
        broker.submit_order("A", -1 if broker.positions else 1)

    result = run_engine(
        feed_of([10.0] * 50, [10.0] * 50), Stepwise(dict.fromkeys(range(50), trade))
    )

    assert (len(slices), len(result.fills)) == (1, 49)


def test_what_was_kept_of_earlier_bars_stays_as_it_was(run_engine: RunEngine) -> None:
    count = 4100  # beyond one chunk of the engine's loop
    prices = np.arange(1.0, count + 1)
    hoarder = Hoarder()

    run_engine(feed_of(prices.tolist(), (prices + 0.5).tolist()), hoarder)

    assert len(hoarder.bars) == count
    for data, row, bars in hoarder.slices:
        assert (data.row, data.timestamp) == (row, data.timestamp)
        assert {name: dict(bar) for name, bar in data.items()} == bars
    assert [row for _, row, _ in hoarder.slices] == [r for r in range(count) if r % 3]
    assert all(dict(bar) == copy for bar, copy in hoarder.bars)
    assert all((array == copy).all() for array, copy in hoarder.arrays)


def test_an_asset_without_a_bar_is_not_in_the_data(run_engine: RunEngine) -> None:
    prices = pd.DataFrame(
        {
            "timestamp": [*days(3), days(3)[1]],
            "symbol": ["A", "A", "A", "B"],
            "close": [10.0, 11.0, 12.0, 20.0],
        }
    )
    seen: dict[int, tuple[list[str], float | None]] = {}

    def look(data: MarketSlice, broker: BrokerProtocol) -> None:
        seen[data.row] = (list(data), data.mark("B"))

    run_engine(DataFeed(prices), Stepwise(dict.fromkeys(range(3), look)))

    assert seen == {0: (["A"], None), 1: (["A", "B"], 20.0), 2: (["A"], 20.0)}


class Listener(Strategy):
    """Keeps the contexts."""

    def __init__(self) -> None:
        self.contexts: list[Mapping[str, object]] = []

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        self.contexts.append(context)


def test_each_bar_comes_with_the_context_of_its_instant(run_engine: RunEngine) -> None:
    prices = pd.DataFrame({"timestamp": days(3), "symbol": "A", "close": [10.0, 11.0, 12.0]})
    context = pd.DataFrame({"timestamp": days(3)[[0, 2]], "regime": ["calm", "storm"]})
    listener = Listener()

    run_engine(DataFeed(prices, context=context), listener)

    assert [dict(c) for c in listener.contexts] == [{"regime": "calm"}, {}, {"regime": "storm"}]


def test_without_contexts_each_is_empty_and_cannot_be_written(run_engine: RunEngine) -> None:
    listener = Listener()

    run_engine(feed_of(), listener)

    assert [dict(context) for context in listener.contexts] == [{}] * 4
    with pytest.raises(TypeError):
        listener.contexts[0]["regime"] = "calm"  # type: ignore[index]


def test_an_engine_that_runs_again_starts_from_the_same_cash() -> None:
    engine = Engine(feed_of(), Stepwise({0: buy()}))

    first, second = engine.run(), engine.run()

    assert first.digest == second.digest
    assert len(second.fills) == 1


@pytest.mark.parametrize(
    ("zone", "status", "row"), [("America/New_York", "expired", 6), ("UTC", "accepted", 0)]
)
def test_a_day_order_works_through_the_local_day_of_the_first_bar_after_it(
    zone: str, status: str, row: int, run_engine: RunEngine
) -> None:
    # The order is sent at 18:00 in New York, which is 23:00 in UTC; the next day begins there with
    # the next bar, and in New York with the sixth.
    times = pd.date_range("2024-01-02 18:00", periods=8, freq="h", tz="America/New_York")
    prices = pd.DataFrame({"timestamp": times.tz_convert(zone), "symbol": "A", "close": 10.0})
    step: Step = lambda _, broker: broker.submit_order("A", 1, None, OrderType.LIMIT, 9.0)  # noqa: E731

    orders = run_engine(DataFeed(prices), Stepwise({0: step})).orders

    assert orders["status"].tolist() == [status]
    assert orders["updated_at"].tolist() == [times[row]]


def test_a_gtd_order_works_up_to_and_including_its_instant(run_engine: RunEngine) -> None:
    feed = feed_of([10.0] * 6, [10.0] * 6)

    def send(data: MarketSlice, broker: BrokerProtocol) -> None:
        for wait in (1, 2):
            broker.submit_order(
                "A",
                1,
                None,
                OrderType.LIMIT,
                9.0,
                time_in_force=TimeInForce.GTD,
                good_till=data.timestamp + timedelta(days=wait),
            )

    orders = run_engine(feed, Stepwise({0: send})).orders

    assert orders["status"].tolist() == ["expired", "expired"]
    assert orders["updated_at"].tolist() == [feed.times[2], feed.times[3]]


@given(price=st.floats(0.01, 1e5), account=st.sampled_from([CashAccount(), MarginAccount(1.0)]))
def test_an_order_for_the_whole_account_fills_in_spite_of_rounding(
    price: float, account: Any, run_engine: RunEngine
) -> None:
    feed = feed_of([price] * 2, [price] * 2)
    quantity = 100_000 / price

    orders = run_engine(feed, Stepwise({0: buy(quantity)}), BacktestConfig(account=account)).orders

    assert orders["status"].tolist() == ["filled"]


class Momentum(Strategy):
    """At the first bar of each month, equal weights in the two that rose most over six months."""

    def __init__(self) -> None:
        self.executor = TargetWeightExecutor(RebalanceConfig(fee_headroom=0.01))
        self.starts: list[dict[str, float]] = []
        self.month = 0

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        if timestamp.month == self.month:
            return
        self.month = timestamp.month
        self.starts.append({asset: bar["close"] for asset, bar in data.items()})
        if len(self.starts) > 6:
            now, then = self.starts[-1], self.starts[-7]
            best = sorted(now, key=lambda asset: now[asset] / then[asset])[-2:]
            self.executor.execute(dict.fromkeys(best, 0.5), data, broker)


def test_a_monthly_momentum_portfolio_runs_from_a_file(
    oracle_file: Callable[[str], Path], run_engine: RunEngine
) -> None:
    feed = DataFeed(oracle_file("data/synth_daily.csv"), timezone="America/New_York")
    config = BacktestConfig(slippage=BasisPoints(5), commission=Percentage(0.0005))

    result = run_engine(feed, Momentum(), config)

    months = pd.DatetimeIndex(result.account.index).strftime("%Y-%m")
    trimmed = result.orders[result.orders["status"] != "filled"]
    assert trimmed["reason"].str.startswith("not enough cash").all()
    assert (trimmed["filled_quantity"] > 0).all()
    assert ((result.positions > 0).sum(axis=1) <= 2).all()
    assert result.fills["timestamp"].dt.strftime("%Y-%m").nunique() == months.nunique() - 6
    assert result.account["gross"].iloc[-1] / result.equity.iloc[-1] > 0.9
    assert result.summary["final_equity"] == result.equity.iloc[-1]
    assert result.notes == (f"{len(trimmed)} orders filled in part only; see `orders`.",)
