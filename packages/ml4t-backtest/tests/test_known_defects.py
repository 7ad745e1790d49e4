"""Defects known of other engines, none of which this one has: a test for each, named after it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import numpy as np
import pytest

from ml4t.backtest import (
    Asset,
    BacktestConfig,
    BacktestResult,
    DataFeed,
    FixedAmount,
    MarginAccount,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    Percentage,
    PerShare,
    RebalanceConfig,
    Strategy,
    TargetWeightExecutor,
    TimeInForce,
)
from ml4t.core.order_requests import OrderRequest
from ml4t.simulation import (
    BestCase,
    OpenHighLowClose,
    OpenLowHighClose,
    StopLoss,
    SubmissionOrder,
    TimeExit,
    TrailingExit,
    VolatilityStop,
    VolumeShare,
    WorstCase,
)

RunEngine = Callable[..., BacktestResult]
Script = Mapping[int, Callable[[Any], object]]
Bar = tuple[float, ...]

PATHS = [WorstCase(), BestCase(), OpenHighLowClose(), OpenLowHighClose(), SubmissionOrder()]
QUIET = (100.0, 100.0, 100.0, 100.0)


class Scripted(Strategy):
    """Does what the script says after the bar of a row."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.row = 0
        self.answers: list[Any] = []
        self.orders: list[Order] = []

    def on_order(self, order: Order, broker: Any) -> None:
        self.orders.append(order)

    def on_data(self, timestamp: datetime, data: Any, context: Any, broker: Any) -> None:
        if self.row in self.script:
            self.answers.append(self.script[self.row](broker))
        self.row += 1


def feed_of(bars: Mapping[str, Sequence[Bar]], **terms: Any) -> DataFeed:
    """Daily bars: open, high, low, close and perhaps a volume."""
    names = ("open", "high", "low", "close", "volume")
    rows = len(next(iter(bars.values())))
    grids = {name: np.full((rows, len(bars)), 10_000.0) for name in names}
    for column, tape in enumerate(bars.values()):
        for row, bar in enumerate(tape):
            for name, number in zip(names, bar, strict=False):
                grids[name][row, column] = number
    days = np.datetime64("2024-01-02T21:00", "us") + np.arange(rows) * np.timedelta64(1, "D")
    assets = [Asset(symbol=symbol, **terms) for symbol in bars]
    return DataFeed.from_arrays(days, list(bars), grids, assets=assets)


@pytest.fixture
def play(run_engine: RunEngine) -> Callable[..., BacktestResult]:
    """Runs a script over the bars of one asset, X; the account may borrow and go short."""

    def run(bars: Sequence[Bar], script: Script, **config: Any) -> BacktestResult:
        config = {"account": MarginAccount(), **config}
        return run_engine(feed_of({"X": bars}), Scripted(script), BacktestConfig(**config))

    return run


def fills_of(result: BacktestResult) -> list[tuple[int, str, float, float]]:
    """Row, side, quantity and price of each fill."""
    rows = {time: row for row, time in enumerate(result.account.index)}
    return [
        (rows[fill.timestamp], fill.side, fill.quantity, fill.price)
        for fill in cast("Iterable[Any]", result.fills.itertuples())
    ]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: type(path).__name__)
def test_both_bracket_legs_never_fill_in_one_bar(play: Any, path: Any) -> None:
    # The third bar reaches the target as well as the stop.
    bars = [QUIET, (100, 101, 99, 100), (100, 112, 88, 100), QUIET]
    result = play(
        bars,
        {0: lambda b: b.submit_bracket("X", 10, take_profit=110.0, stop_loss=90.0)},
        path=path,
    )

    exit_price = 110.0 if isinstance(path, BestCase | OpenHighLowClose | SubmissionOrder) else 90.0
    assert fills_of(result) == [(1, "buy", 10, 100), (2, "sell", 10, exit_price)]
    assert sorted(result.orders["status"]) == ["cancelled", "filled", "filled"]


def protect(broker: Any) -> object:
    """Send the stop at 95 that protects 10 units."""
    return broker.submit_order(
        "X", 10, OrderSide.SELL, OrderType.STOP, None, 95.0,
        time_in_force=TimeInForce.GTC, reduce_only=True,
    )  # fmt: skip


def test_a_close_and_a_stop_never_sell_twice_in_one_bar(play: Any) -> None:
    result = play(
        [QUIET, QUIET, (98, 99, 90, 91), (80, 80, 80, 80)],
        {0: lambda b: (b.submit_order("X", 10), protect(b)), 1: lambda b: b.close_position("X")},
    )

    assert fills_of(result) == [(1, "buy", 10, 100), (2, "sell", 10, 98)]
    assert result.positions["X"].tolist()[-1] == 0


def test_a_stop_before_the_close_never_sells_twice_in_one_bar(play: Any) -> None:
    # The stop is first: the bar opens through it, and it is the older order.
    result = play(
        [QUIET, QUIET, (94, 96, 90, 91), (80, 80, 80, 80)],
        {0: lambda b: (b.submit_order("X", 10), protect(b)), 1: lambda b: b.close_position("X")},
    )

    assert fills_of(result) == [(1, "buy", 10, 100), (2, "sell", 10, 94)]


def test_legs_sleep_until_the_entry_fills(play: Any) -> None:
    # Before the entry at 90 fills, the market trades through target and stop.
    bars = [QUIET, (100, 115, 96, 100), (100, 100, 95, 97), (97, 97, 90, 92), (92, 93, 85, 86)]
    result = play(
        bars,
        {
            0: lambda b: b.submit_bracket(
                "X", 10, None, OrderType.LIMIT, 90.0, take_profit=110.0, stop_loss=87.0,
                time_in_force=TimeInForce.GTC,
            )
        },
    )  # fmt: skip

    assert fills_of(result) == [(3, "buy", 10, 90), (4, "sell", 10, 87)]


def test_a_limit_never_fills_at_the_low_of_the_bar_it_was_decided_on(play: Any) -> None:
    bars = [QUIET, (100, 101, 90, 100), (100, 102, 97, 101), QUIET]
    buy = lambda b: b.submit_order("X", 10, None, OrderType.LIMIT, 95.0)  # noqa: E731
    result = play(bars, {1: buy})

    assert fills_of(result) == []


def test_an_exit_decided_on_the_close_never_fills_at_the_open_of_that_bar(play: Any) -> None:
    bars = [QUIET, QUIET, (105, 106, 94, 95), (93, 94, 92, 93)]
    result = play(bars, {0: lambda b: b.submit_order("X", 10), 2: lambda b: b.close_position("X")})

    assert fills_of(result) == [(1, "buy", 10, 100), (3, "sell", 10, 93)]


def test_a_buy_limit_above_the_bar_fills_at_its_open(play: Any) -> None:
    # Not at 95, where nobody traded in a bar of 79 to 82.
    bars = [QUIET, (80, 82, 79, 81)]
    result = play(bars, {0: lambda b: b.submit_order("X", 10, None, OrderType.LIMIT, 95.0)})

    assert fills_of(result) == [(1, "buy", 10, 80)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: type(path).__name__)
def test_a_trailing_stop_raised_by_a_high_never_fills_at_the_open_before_it(
    play: Any, path: Any
) -> None:
    # From 100 the stop is at 95; the high of 120 would raise it to 115, above the open of 101.
    bars = [QUIET, QUIET, (101, 120, 100, 118), (118, 118, 118, 118)]
    trail = {"trail_amount": 5.0, "time_in_force": TimeInForce.GTC, "reduce_only": True}
    result = play(
        bars,
        {
            0: lambda b: b.submit_order("X", 10),
            1: lambda b: b.submit_order("X", 10, OrderSide.SELL, OrderType.TRAILING_STOP, **trail),
        },
        path=path,
    )

    entry, *exits = fills_of(result)
    assert entry == (1, "buy", 10, 100)
    # On the way high first the price falls back through 115; else the stop is not reached.
    expected = [(2, "sell", 10, 115.0)] if isinstance(path, OpenHighLowClose | WorstCase) else []
    assert exits == expected


def test_slippage_never_takes_a_limit_order_beyond_its_limit(play: Any) -> None:
    bars = [QUIET, (99, 99, 94, 96), (96, 106, 96, 104)]
    result = play(
        bars,
        {
            0: lambda b: b.submit_order("X", 10, None, OrderType.LIMIT, 95.0),
            1: lambda b: b.submit_order("X", -10, None, OrderType.LIMIT, 105.0),
        },
        slippage=FixedAmount(0.5),
    )

    assert fills_of(result) == [(1, "buy", 10, 95), (2, "sell", 10, 105)]


def test_a_percentage_commission_counts_the_multiplier(run_engine: RunEngine) -> None:
    feed = feed_of({"X": [QUIET, QUIET]}, multiplier=50.0)
    config = BacktestConfig(account=MarginAccount(), commission=Percentage(0.001))
    result = run_engine(feed, Scripted({0: lambda b: b.submit_order("X", 2)}), config)

    # A thousandth of 2 contracts of 50 times 100.
    assert result.fills["fee"].tolist() == pytest.approx([10.0])


def test_a_stop_works_in_the_entry_bar_as_the_leg_of_a_bracket_does(play: Any) -> None:
    bars = [QUIET, (100, 101, 88, 92), (92, 92, 92, 92)]
    stop = OrderRequest.of("X", -10, None, OrderType.STOP, None, 90.0)
    of_bracket = play(bars, {0: lambda b: b.submit_bracket("X", 10, stop_loss=90.0)})
    of_order = play(bars, {0: lambda b: b.submit_oto(OrderRequest.of("X", 10), [stop])})

    assert fills_of(of_bracket) == [(1, "buy", 10, 100), (1, "sell", 10, 90)]
    assert fills_of(of_order) == fills_of(of_bracket)


@pytest.mark.parametrize("rule", [StopLoss(percent=10), VolatilityStop(1.0)])
def test_a_stop_rule_works_in_the_entry_bar_as_a_bracket_does(play: Any, rule: Any) -> None:
    # Ten below the entry either way: the bar before the entry ranges over ten.
    bars = [(100, 105, 95, 100), (100, 101, 88, 92), (92, 92, 92, 92)]
    result = play(bars, {0: lambda b: b.submit_order("X", 10)}, exits=rule)

    assert fills_of(result) == [(1, "buy", 10, 100), (1, "sell", 10, 90)]


def test_a_volatility_stop_fills_only_where_the_bar_traded(play: Any) -> None:
    # The stop at 90 lies in the gap: the bar of 70 to 80 never traded there.
    bars = [(100, 105, 95, 100), (100, 101, 99, 100), (78, 80, 70, 75), (75, 75, 75, 75)]
    result = play(bars, {0: lambda b: b.submit_order("X", 10)}, exits=VolatilityStop(1.0))

    assert fills_of(result) == [(1, "buy", 10, 100), (2, "sell", 10, 78)]


def test_an_exit_rule_that_decides_on_the_close_never_fills_at_the_open_of_that_bar(
    play: Any,
) -> None:
    bars = [QUIET, QUIET, (105, 106, 94, 95), (93, 94, 92, 93)]
    result = play(bars, {0: lambda b: b.submit_order("X", 10)}, exits=TimeExit(2))

    assert fills_of(result) == [(1, "buy", 10, 100), (3, "sell", 10, 93)]


def test_the_volume_cap_counts_all_orders_of_a_bar(play: Any) -> None:
    bars = [QUIET, (*QUIET, 100.0), (*QUIET, 100.0), (*QUIET, 100.0)]
    gtc = {"time_in_force": TimeInForce.GTC}
    result = play(
        bars,
        {0: lambda b: [b.submit_order("X", 8, **gtc) for _ in range(3)]},
        participation=VolumeShare(0.1),
    )

    # Ten units a bar: 8 and 2, 6 and 4, 4.
    assert [fill[0] for fill in fills_of(result)] == [1, 1, 2, 2, 3]
    assert [fill[2] for fill in fills_of(result)] == [8, 2, 6, 4, 4]


def test_the_trail_of_one_asset_never_moves_the_stop_of_another(run_engine: RunEngine) -> None:
    # X runs up to 150 before it falls; Y stays, and its stop must stay at 95.
    rising = [QUIET, QUIET, (100, 150, 100, 150), (150, 150, 146, 147), (147, 147, 144, 144)]
    still = [QUIET, QUIET, QUIET, (100, 100, 97, 98), (98, 98, 94, 96)]
    script = {
        0: lambda b: [b.submit_bracket(asset, 10, trail_amount=5.0) for asset in ("X", "Y")],
    }
    config = BacktestConfig(account=MarginAccount())
    result = run_engine(feed_of({"X": rising, "Y": still}), Scripted(script), config)

    assert [(f.asset, f.side, f.price) for f in result.fills.itertuples()] == [
        ("X", "buy", 100),
        ("Y", "buy", 100),
        ("X", "sell", 145),
        ("Y", "sell", 95),
    ]


def test_the_state_of_a_rule_for_all_assets_never_leaks_between_them(run_engine: RunEngine) -> None:
    # The same as with brackets, by one rule object for both.
    rising = [QUIET, QUIET, (100, 150, 100, 150), (150, 150, 146, 147), (147, 147, 144, 144)]
    still = [QUIET, QUIET, QUIET, (100, 100, 97, 98), (98, 98, 94, 96)]
    script = {0: lambda b: [b.submit_order(asset, 10) for asset in ("X", "Y")]}
    config = BacktestConfig(account=MarginAccount(), exits=TrailingExit(amount=5.0))
    result = run_engine(feed_of({"X": rising, "Y": still}), Scripted(script), config)

    assert [(f.asset, f.side, f.price) for f in result.fills.itertuples()] == [
        ("X", "buy", 100),
        ("Y", "buy", 100),
        ("X", "sell", 145),
        ("Y", "sell", 95),
    ]


def test_a_flip_pays_one_minimum_fee_for_one_order(play: Any) -> None:
    result = play(
        [QUIET, QUIET, QUIET],
        {0: lambda b: b.submit_order("X", 10), 1: lambda b: b.submit_order("X", -20)},
        commission=PerShare(0.005, minimum=1.0),
    )

    assert fills_of(result) == [(1, "buy", 10, 100), (2, "sell", 20, 100)]
    assert result.fills["fee"].tolist() == [1.0, 1.0]
    assert result.positions["X"].tolist() == [0, 10, -10]


def test_a_rebalance_never_cancels_protective_stops(run_engine: RunEngine) -> None:
    executor = TargetWeightExecutor(RebalanceConfig())

    class Rebalancing(Scripted):
        def on_data(self, timestamp: datetime, data: Any, context: Any, broker: Any) -> None:
            if self.row in (0, 2):
                executor.execute({"X": 0.5 if self.row == 0 else 0.25}, data, broker)
            elif self.row == 1:
                broker.submit_order(
                    "X", 500, OrderSide.SELL, OrderType.STOP, None, 95.0,
                    time_in_force=TimeInForce.GTC, reduce_only=True,
                )  # fmt: skip
            self.row += 1

    bars = [QUIET, QUIET, QUIET, QUIET, (100, 100, 94, 96), QUIET]
    result = run_engine(feed_of({"X": bars}), Rebalancing({}), BacktestConfig())

    assert fills_of(result) == [
        (1, "buy", 500, 100),
        (3, "sell", 250, 100),
        (4, "sell", 250, 95),
    ]


def test_an_order_for_an_unknown_symbol_is_refused_at_once(run_engine: RunEngine) -> None:
    strategy = Scripted({0: lambda b: b.submit_order("UNKNOWN", 10)})
    result = run_engine(feed_of({"X": [QUIET, QUIET]}), strategy)

    (order,) = strategy.answers
    assert order.status is OrderStatus.REJECTED
    assert "UNKNOWN" in order.reason
    assert result.orders["status"].tolist() == ["rejected"]


def test_the_quantity_of_an_order_stays_what_was_asked_for(play: Any) -> None:
    bars = [QUIET, (*QUIET, 30.0), (*QUIET, 30.0), (*QUIET, 100.0)]
    strategy = Scripted({0: lambda b: b.submit_order("X", 8, time_in_force=TimeInForce.GTC)})
    result = play(bars, strategy.script, participation=VolumeShare(0.1))

    (order,) = result.orders.itertuples()
    assert (order.quantity, order.filled_quantity, order.status) == (8, 8, "filled")
    assert [fill[2] for fill in fills_of(result)] == [3, 3, 2]
