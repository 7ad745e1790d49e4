"""Exits in a backtest: audited, described in a file, and without a look ahead."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.backtest import (
    AllOf,
    BacktestConfig,
    BacktestResult,
    DataFeed,
    ExitByAsset,
    ExitForAll,
    FirstOf,
    MarginAccount,
    NextBarClose,
    NextBarOpen,
    NoExits,
    Percentage,
    SameBarClose,
    ScaledExit,
    SignalExit,
    StopLoss,
    Strategy,
    TakeProfit,
    TimeExit,
    TrailingExit,
    VolatilityStop,
)
from ml4t.core import ConfigError, Order

RULES = [
    StopLoss(percent=5),
    StopLoss(amount=0.5),
    TakeProfit(percent=5),
    TrailingExit(percent=3),
    VolatilityStop(2.0, length=5),
    TimeExit(3),
    SignalExit("momentum", above=0.5),
    ScaledExit([(2, 0.5), (4, 0.25)]),
    FirstOf([StopLoss(percent=5), AllOf([TimeExit(3), SignalExit("momentum", below=0.0)])]),
    AllOf([FirstOf([TimeExit(2), TakeProfit(amount=1.0)]), StopLoss(percent=1)]),
]


class Trades(Strategy):
    """Sends orders at the bars that it was told."""

    def __init__(self, program: dict[int, list[tuple[str, float]]]) -> None:
        self.program = program
        self.row = 0
        self.told: list[tuple[int, Order]] = []

    def on_order(self, order: Order, broker: Any) -> None:
        self.told.append((self.row, order))

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        for asset, quantity in self.program.get(self.row, []):
            if quantity:
                broker.submit_order(asset, quantity)
            else:
                broker.close_position(asset)
        self.row += 1


def feed_of(
    bars: Mapping[str, Sequence[tuple[float, ...]]], signal: list[float] | None = None
) -> DataFeed:
    """A feed of open, high, low and close by asset, perhaps with a signal for all."""
    symbols = sorted(bars)
    count = len(bars[symbols[0]])
    times = pd.date_range("2024-01-02T21:00", periods=count, tz="UTC").to_numpy()
    columns = {
        name: np.array(
            [[bars[symbol][row][at] for symbol in symbols] for row in range(count)], float
        )
        for at, name in enumerate(("open", "high", "low", "close"))
    }
    if signal is not None:
        columns["momentum"] = np.tile(np.array([signal[:count]]).T, (1, len(symbols)))
    return DataFeed.from_arrays(times, symbols, columns)


def fills_of(result: BacktestResult) -> list[tuple[Any, ...]]:
    """Row, asset, side, quantity, price and tag of each fill."""
    tags = dict(zip(result.orders["order_id"], result.orders["tag"], strict=True))
    rows = {time: row for row, time in enumerate(result.account.index)}
    return [
        (
            rows[line.timestamp],
            line.asset,
            line.side,
            line.quantity,
            line.price,
            tags[line.order_id],
        )
        for line in result.fills.itertuples()
    ]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_rule_comes_back_from_its_plain_form(rule: Any) -> None:
    for exits in (rule, {"A": rule, "B": TimeExit(1)}):
        config = BacktestConfig(exits=exits)

        assert BacktestConfig.from_dict(config.to_dict(), source="a test") == config


def test_a_rule_is_for_all_assets_a_mapping_for_each_and_none_is_the_default() -> None:
    rule = TimeExit(2)

    assert BacktestConfig(exits=rule).exits == ExitForAll(rule)
    assert BacktestConfig(exits={"A": rule}).exits == ExitByAsset({"A": rule})
    assert BacktestConfig().exits == NoExits()
    assert BacktestConfig().to_dict()["exits"] == {"kind": "no_exits"}


def test_a_mistake_deep_in_a_rule_is_named() -> None:
    table = {
        "exits": {"kind": "exit_for_all", "rule": {"kind": "all_of", "rules": [{"kind": "x"}]}}
    }

    with pytest.raises(ConfigError, match=r"one of stop_loss, .* at exits\.rule\.rules"):
        BacktestConfig.from_dict(table, source="a test")


def test_a_stop_fills_in_the_bar_of_the_entry_and_is_told_before_its_close(
    run_engine: Callable[..., BacktestResult],
) -> None:
    feed = feed_of({"A": [(100, 100, 100, 100), (100, 103, 90, 101), (101, 101, 101, 101)]})
    strategy = Trades({0: [("A", 10)]})

    result = run_engine(feed, strategy, BacktestConfig(exits=StopLoss(percent=5)))

    assert fills_of(result) == [
        (1, "A", "buy", 10, 100.0, ""),
        (1, "A", "sell", 10, 95.0, "exit: stop loss"),
    ]
    told = [(row, order.tag, order.status.value) for row, order in strategy.told]
    assert told[-2:] == [(1, "exit: stop loss", "accepted"), (1, "exit: stop loss", "filled")]


def test_an_exit_and_the_strategy_never_sell_twice(
    run_engine: Callable[..., BacktestResult],
) -> None:
    feed = feed_of({"A": [(100, 100, 100, 100)] * 2 + [(80, 82, 79, 81)] * 2})
    rule = FirstOf([StopLoss(percent=5), TimeExit(1)])
    config = BacktestConfig(exits=rule, account=MarginAccount())

    result = run_engine(feed, Trades({0: [("A", 10)], 1: [("A", 0)]}), config)

    assert result.fills["quantity"].tolist() == [10, 10]
    assert result.positions["A"].tolist() == [0, 10, 0, 0]


def test_the_ranges_of_a_kept_entry_are_those_of_its_own_bar(
    run_engine: Callable[..., BacktestResult],
) -> None:
    # The engine moves one slice of the data along: what a position keeps must not move with it.
    calm, wild = (100, 101, 99, 100), (100, 103, 97, 100)
    feed = feed_of({"A": [calm, calm, calm, wild, wild, (100, 100, 90, 91), (95,) * 4]})
    rule = AllOf([VolatilityStop(4.0, length=2), TimeExit(1)])

    result = run_engine(feed, Trades({1: [("A", 10)]}), BacktestConfig(exits=rule))

    # Four ranges of 2 below 100 is 92; four of the wild bars' would be 76.
    assert fills_of(result)[1:] == [(6, "A", "sell", 10, 95.0, "exit: all")]


ticks = st.integers(80, 120).map(float)


@st.composite
def tapes(draw: st.DrawFn) -> Sequence[tuple[float, ...]]:
    bars = []
    for _ in range(8):
        low, one, other, high = sorted(draw(st.lists(ticks, min_size=4, max_size=4)))
        opened, close = draw(st.permutations([one, other]))
        bars.append((opened, high, low, close))
    return bars


steps = st.dictionaries(
    st.integers(0, 6),
    st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from([-15, -5, 0, 5, 10])), max_size=3),
    max_size=4,
)


@given(
    bars=st.fixed_dictionaries({"A": tapes(), "B": tapes()}),
    signal=st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=8, max_size=8),
    rule=st.sampled_from(RULES),
    program=steps,
    timing=st.sampled_from([NextBarOpen(), NextBarClose(), SameBarClose()]),
)
def test_exits_know_no_future_and_no_other_asset(
    run_engine: Callable[..., BacktestResult],
    bars: dict[str, Sequence[tuple[float, ...]]],
    signal: list[float],
    rule: Any,
    program: dict[int, list[tuple[str, float]]],
    timing: Any,
) -> None:
    config = BacktestConfig(
        exits=rule, timing=timing, account=MarginAccount(), commission=Percentage(0.001)
    )

    whole = fills_of(run_engine(feed_of(bars, signal), Trades(program), config))

    for cut in (2, 5):
        feed = feed_of({asset: tape[:cut] for asset, tape in bars.items()}, signal)
        part = fills_of(run_engine(feed, Trades(program), config))
        assert part == [fill for fill in whole if fill[0] < cut]
    alone = {row: [step for step in todo if step[0] == "A"] for row, todo in program.items()}
    only = fills_of(run_engine(feed_of({"A": bars["A"]}, signal), Trades(alone), config))
    assert [fill for fill in whole if fill[1] == "A"] == only
