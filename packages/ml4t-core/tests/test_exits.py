"""Rules that close positions: on bars written by hand, and beside brackets on any bars."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import Asset, ConfigError, MarketSlice, OrderType, Panel, TimeInForce
from ml4t.simulation import (
    AllOf,
    BarAfterEntry,
    BestCase,
    CloseOnly,
    Delayed,
    EntryBar,
    EntryBarWhereClear,
    ExitByAsset,
    FirstOf,
    FixedAmount,
    MarginAccount,
    MarketAssumptions,
    NextBarClose,
    NextBarOpen,
    OpenHighLowClose,
    SameBarClose,
    ScaledExit,
    SignalExit,
    SimulatedBroker,
    StopLoss,
    SubmissionOrder,
    TakeProfit,
    TimeExit,
    TrailFromClose,
    TrailingExit,
    UnitsPerBar,
    VolatilityStop,
    VolumeShare,
    WorstCase,
)

Quote = float | tuple[float, float, float, float] | None
Program = Mapping[int, Callable[[SimulatedBroker], object]]
Filled = tuple[int, str, float, float, str]
"""A fill: its row, asset, change of the position, price before costs, and the order's tag."""


class Run:
    """A broker with exits that was shown some bars while a program sent orders."""

    def __init__(
        self,
        panel: Panel,
        program: Program,
        exits: Any,
        terms: Mapping[str, Asset] | None = None,
        **market: Any,
    ) -> None:
        assets = {a: (terms or {}).get(a) or Asset(symbol=a) for a in panel.assets}
        market = {"account": MarginAccount(initial_margin=0.01), **market}
        assumptions = MarketAssumptions(exits=exits, **market) if exits else None
        assumptions = assumptions or MarketAssumptions(**market)
        self.broker = broker = SimulatedBroker(1e6, assets, assumptions)
        rows = {time: row for row, time in enumerate(panel.timestamps)}
        for row, now in enumerate(panel.timestamps):
            broker.bars, broker.now = MarketSlice(panel, row), now
            if broker.book.working:
                broker.match()
            if row in program:
                program[row](broker)
            broker.finish_bar()
        self.fills: list[Filled] = [
            (
                rows[fill.timestamp],
                fill.asset,
                fill.signed_quantity,
                fill.reference_price or 0.0,
                broker.book[fill.order_id].tag,
            )
            for fill in broker.fills
        ]

    @property
    def exits(self) -> list[tuple[int, float, float, str]]:
        """Row, change, price and rule of the fills of exits."""
        return [(r, c, p, tag[6:]) for r, _, c, p, tag in self.fills if tag.startswith("exit: ")]

    @property
    def held(self) -> dict[str, float]:
        """Units held at the end."""
        return {asset: p.quantity for asset, p in self.broker.positions.items()}


@pytest.fixture(scope="session")
def run(panel_of: Callable[..., Panel]) -> Callable[..., Run]:
    """Shows a broker the bars of one asset, ``"A"``, or of several."""

    def run(
        bars: Sequence[Quote] | Mapping[str, Sequence[Quote]],
        program: Program,
        exits: Any,
        signals: Any = None,
        **more: Any,
    ) -> Run:
        shown = bars if isinstance(bars, Mapping) else {"A": bars}
        return Run(panel_of(shown, signals), program, exits, **more)

    return run


def order(quantity: float, asset: str = "A", **fields: Any) -> Callable[[SimulatedBroker], object]:
    """A step of a program that sends an order."""
    return lambda broker: broker.submit_order(asset, quantity, **fields)


BUY, SELL = {0: order(10)}, {0: order(-10)}


class TestLevels:
    """Stops, targets and trails, which rest as orders."""

    def test_a_stop_that_the_bar_reaches_fills_at_it(self, run: Any) -> None:
        bars = [100.0, 100.0, (99.0, 100.0, 94.0, 97.0)]

        assert run(bars, BUY, StopLoss(percent=5)).exits == [(2, -10, 95.0, "stop loss")]

    def test_a_stop_of_a_short_position_is_above(self, run: Any) -> None:
        bars = [100.0, 100.0, (101.0, 106.0, 100.0, 103.0)]

        assert run(bars, SELL, StopLoss(percent=5)).exits == [(2, 10, 105.0, "stop loss")]

    def test_an_amount_is_money_per_unit(self, run: Any) -> None:
        bars = [100.0, 100.0, (99.0, 100.0, 90.0, 97.0)]

        assert run(bars, BUY, StopLoss(amount=7.5)).exits == [(2, -10, 92.5, "stop loss")]

    @pytest.mark.parametrize(("program", "bar", "change"), [
        (BUY, (80.0, 82.0, 79.0, 81.0), -10), (SELL, (120.0, 121.0, 118.0, 119.0), 10)
    ])  # fmt: skip
    def test_a_stop_fills_at_an_open_beyond_it(
        self, run: Any, program: Program, bar: Quote, change: float
    ) -> None:
        opened = bar[0]  # type: ignore[index]

        done = run([100.0, 100.0, bar], program, StopLoss(percent=5))

        assert done.exits == [(2, change, opened, "stop loss")]

    @pytest.mark.parametrize(("program", "bar", "price"), [
        (BUY, (101.0, 112.0, 100.0, 101.0), 110.0),
        (BUY, (115.0, 116.0, 112.0, 113.0), 115.0),
        (SELL, (99.0, 101.0, 88.0, 99.0), 90.0),
        (SELL, (85.0, 86.0, 84.0, 85.0), 85.0),
    ])  # fmt: skip
    def test_a_target_fills_at_its_level_or_at_a_better_open(
        self, run: Any, program: Program, bar: Quote, price: float
    ) -> None:
        done = run([100.0, 100.0, bar], program, TakeProfit(percent=10))

        assert [(row, at) for row, _, at, _ in done.exits] == [(2, price)]

    def test_a_rule_is_honoured_in_the_bar_of_the_entry(self, run: Any) -> None:
        bars = [100.0, (100.0, 103.0, 93.0, 101.0)]

        assert run(bars, BUY, StopLoss(percent=5)).exits == [(1, -10, 95.0, "stop loss")]
        assert run(bars, SELL, TakeProfit(percent=5)).exits == [(1, 10, 95.0, "take profit")]

    def test_or_from_the_bar_after_it(self, run: Any) -> None:
        bars = [100.0, (100.0, 103.0, 93.0, 101.0), (101.0, 101.0, 94.0, 99.0)]

        done = run(bars, BUY, StopLoss(percent=5), children=BarAfterEntry())

        assert done.exits == [(2, -10, 95.0, "stop loss")]

    def test_a_price_before_the_entry_does_not_count(self, run: Any) -> None:
        # The bar falls to 90 and rises to the buy stop at 104, in whichever order.
        bars = [100.0, (100.0, 105.0, 90.0, 104.5)]
        program = {0: order(10, order_type=order_type("STOP"), stop_price=104.0)}

        low_first = run(bars, program, StopLoss(percent=5), path=BestCase())

        assert low_first.exits == []
        assert run(bars, program, StopLoss(percent=5)).exits == [(1, -10, 98.8, "stop loss")]

    def test_where_both_are_reached_the_path_decides(self, run: Any) -> None:
        bars = [100.0, (100.0, 111.0, 94.0, 100.0)]
        rule = FirstOf([StopLoss(percent=5), TakeProfit(percent=10)])

        worst = run(bars, BUY, rule)

        assert worst.exits == [(1, -10, 95.0, "stop loss")]
        assert run(bars, BUY, rule, path=BestCase()).exits == [(1, -10, 110.0, "take profit")]
        assert [(b.worst, b.best) for b in worst.broker.round.ambiguous] == [(-50.0, 100.0)]
        assert worst.held == {}

    def test_levels_are_measured_before_costs(self, run: Any) -> None:
        bars = [100.0, 100.0, (99.0, 100.0, 94.0, 97.0)]

        done = run(bars, BUY, StopLoss(percent=5), slippage=FixedAmount(1.0))

        assert done.exits == [(2, -10, 95.0, "stop loss")]

    def test_levels_are_on_the_ticks_of_the_asset(self, run: Any) -> None:
        bars = [100.1, 100.1, (99.0, 100.0, 90.0, 97.0)]
        terms = {"A": Asset(symbol="A", tick_size=0.25)}

        assert run(bars, BUY, StopLoss(percent=5), terms=terms).exits[0][2] == 95.0

    def test_a_level_that_is_no_price_is_never_reached(self, run: Any) -> None:
        done = run([100.0, 100.0, (99.0, 99.0, 1.0, 2.0)], BUY, StopLoss(amount=100.0))

        assert done.exits == []
        assert done.held == {"A": 10}

    def test_a_trail_follows_the_way_of_the_bar_and_no_later_price(self, run: Any) -> None:
        # Up to 110 and down: 5 % below 110 is 104.5.
        bars = [100.0, 100.0, (100.0, 110.0, 100.0, 101.0)]

        done = run(bars, BUY, TrailingExit(percent=5), path=OpenHighLowClose())

        assert done.exits == [(2, -10, 104.5, "trailing")]

    def test_a_trail_starts_at_the_entry(self, run: Any) -> None:
        falling = [100.0, (100.0, 100.0, 96.0, 97.0), (97.0, 97.0, 94.0, 95.0)]
        # Down to 96 and up again: 5 above 96 is 101.
        turning = [100.0, (100.0, 104.0, 96.0, 97.0)]

        assert run(falling, BUY, TrailingExit(amount=5)).exits == [(2, -10, 95.0, "trailing")]
        assert run(turning, SELL, TrailingExit(amount=5)).exits == [(1, 10, 101.0, "trailing")]

    def test_a_trail_that_follows_closes_knows_the_close_of_the_entry(self, run: Any) -> None:
        bars = [100.0, (100.0, 120.0, 99.0, 104.0), (103.0, 103.0, 98.0, 98.0)]

        done = run(bars, BUY, TrailingExit(amount=5), trailing=TrailFromClose())

        assert done.exits == [(2, -10, 99.0, "trailing")]

    def test_a_volatility_stop_is_as_far_as_the_range_known_at_the_entry(self, run: Any) -> None:
        calm, wild = (100.0, 101.0, 99.0, 100.0), (100.0, 108.0, 96.5, 100.0)
        # The range of the bar of the entry is not known when it opens.
        bars = [calm, calm, wild, (100.0, 100.0, 90.0, 95.0)]

        done = run(bars, {1: order(10)}, VolatilityStop(2.0, length=5))

        assert done.exits == [(3, -10, 96.0, "volatility stop")]

    def test_a_volatility_stop_waits_for_a_range(self, run: Any) -> None:
        bars = {
            "A": [None, (50.0, 52.0, 48.0, 50.0), 50.0, (50.0, 50.0, 30.0, 40.0)],
            "B": [1.0] * 4,
        }

        done = run(bars, {0: order(10)}, VolatilityStop(1.0))

        assert done.exits == [(3, -10, 46.0, "volatility stop")]


class TestDecisions:
    """Rules that have to look first."""

    @pytest.mark.parametrize("bars", [1, 2, 3])
    def test_time_is_counted_from_the_bar_of_the_entry(self, run: Any, bars: int) -> None:
        prices = [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]

        assert run(prices, BUY, TimeExit(bars)).exits == [(1 + bars, -10, 101.0 + bars, "time")]

    def test_bars_without_the_asset_do_not_count(self, run: Any) -> None:
        bars = {"A": [100.0, 101.0, None, 103.0, None, 105.0], "B": [1.0] * 6}

        assert run(bars, BUY, TimeExit(2)).exits == [(5, -10, 105.0, "time")]

    def test_a_decision_at_the_close_fills_at_the_next_open(self, run: Any) -> None:
        bars = [100.0, 100.0, (100.0, 100.0, 90.0, 95.0), (97.0, 99.0, 96.0, 98.0)]
        signals = {"m": {"A": [0.0, 0.0, -1.0, 0.0]}}

        done = run(bars, BUY, SignalExit("m", below=0.0), signals)

        assert done.exits == [(3, -10, 97.0, "signal m")]

    @pytest.mark.parametrize(("timing", "row", "price"), [
        (NextBarOpen(), 3, 97.0), (NextBarClose(), 3, 98.0), (SameBarClose(), 2, 95.0),
        (Delayed(1), 4, 99.0),
    ])  # fmt: skip
    def test_a_decision_fills_as_the_timing_says(
        self, run: Any, timing: Any, row: int, price: float
    ) -> None:
        bars = [100.0, 100.0, (100.0, 100.0, 90.0, 95.0), (97.0, 99.0, 96.0, 98.0), 99.0, 99.0]
        signals = {"m": {"A": [0.0, 0.0, -1.0, 0.0, 0.0, 0.0]}}

        done = run(bars, BUY, SignalExit("m", below=0.0), signals, timing=timing)

        assert done.exits == [(row, -10, price, "signal m")]

    def test_a_signal_above_closes_too_and_one_that_is_missing_does_not(self, run: Any) -> None:
        signals = {"m": {"A": [9.0, float("nan"), 1.0, 2.0, 0.0]}}

        done = run([100.0, 101.0, 102.0, 103.0, 104.0], SELL, SignalExit("m", above=1.5), signals)

        assert done.exits == [(4, 10, 104.0, "signal m")]

    def test_a_signal_that_is_not_there_is_named(self, run: Any) -> None:
        with pytest.raises(ConfigError, match="reads the column 'mom', there are"):
            run([100.0, 100.0], BUY, SignalExit("mom", above=1.0))

    def test_what_a_decision_closes_is_closed_whole_after_an_addition(self, run: Any) -> None:
        program = {0: order(10), 2: order(5)}

        done = run([100.0, 101.0, 102.0, 103.0, 104.0], program, TimeExit(2))

        assert sum(change for _, change, _, _ in done.exits) == pytest.approx(-15)
        assert done.held == {}


class TestCombinations:
    def test_the_first_of_several_rules_closes_and_the_others_end(self, run: Any) -> None:
        rule = FirstOf([StopLoss(percent=5), TakeProfit(percent=10), TimeExit(3)])
        rising, falling = [100.0, 100.0, 111.0, 90.0], [100.0, 100.0, 94.0, 120.0]

        assert run(rising, BUY, rule).exits == [(2, -10, 111.0, "take profit")]
        assert run(falling, BUY, rule).exits == [(2, -10, 94.0, "stop loss")]
        assert run([100.0] * 6, BUY, rule).exits == [(4, -10, 100.0, "time")]
        assert run(falling, BUY, rule).broker.pending_orders == ()

    def test_the_same_rule_twice_closes_once(self, run: Any) -> None:
        rule = FirstOf([StopLoss(percent=5), StopLoss(percent=5)])

        done = run([100.0, (100.0, 101.0, 90.0, 95.0)], BUY, rule)

        assert done.exits == [(1, -10, 95.0, "stop loss")]

    def test_all_stops_together_are_one_order_at_the_farthest(self, run: Any) -> None:
        rule = AllOf([StopLoss(percent=5), StopLoss(amount=8.0)])
        bars = [100.0, 100.0, (100.0, 100.0, 93.0, 94.0), (94.0, 94.0, 91.0, 91.0)]

        assert run(bars, BUY, rule).exits == [(3, -10, 92.0, "all")]
        assert run([100.0, 100.0, 107.0, 109.0], SELL, rule).exits == [(3, 10, 109.0, "all")]

    def test_all_targets_together_too(self, run: Any) -> None:
        rule = AllOf([TakeProfit(percent=5), TakeProfit(percent=8)])

        done = run([100.0, 100.0, (100.0, 109.0, 100.0, 101.0)], BUY, rule)

        assert done.exits == [(2, -10, 108.0, "all")]

    def test_different_rules_have_to_agree_at_one_close(self, run: Any) -> None:
        rule = AllOf([TimeExit(2), StopLoss(percent=5)])
        bars = [100.0, 94.0, 96.0, (96.0, 96.0, 90.0, 96.0), 95.0, 94.0]
        bars[1] = (100.0, 100.0, 94.0, 94.0)

        # The first bar is lost too early, and the third only for a while.
        assert run(bars, BUY, rule).exits == [(5, -10, 94.0, "all")]

    def test_a_trail_agrees_as_far_from_the_best_price_since_the_entry(self, run: Any) -> None:
        rule = AllOf([TrailingExit(amount=5), TimeExit(1)])
        # The high of the bar of the entry may have come before it.
        bars = [100.0, (100.0, 130.0, 99.0, 101.0), (101.0, 108.0, 101.0, 104.0), 102.9, 99.0]

        assert run(bars, BUY, rule).exits == [(4, -10, 99.0, "all")]

    def test_rules_nest(self, run: Any) -> None:
        rule = FirstOf(
            [TakeProfit(percent=10), AllOf([TimeExit(2), FirstOf([StopLoss(percent=1)])])]
        )

        assert run([100.0, 100.0, 98.0, 97.0, 96.0], BUY, rule).exits == [(3, -10, 97.0, "all")]


class TestParts:
    RULE = ScaledExit([(2, 0.5), (4, 0.3), (6, 0.2)])

    def test_each_level_closes_its_share(self, run: Any) -> None:
        bars = [100.0, 100.0, (100.0, 102.5, 100.0, 102.0), (102.0, 110.0, 102.0, 109.0)]

        assert run(bars, BUY, self.RULE).exits == [
            (2, -5, 102.0, "scaled 1"), (3, -3, 104.0, "scaled 2"), (3, -2, 106.0, "scaled 3")
        ]  # fmt: skip

    def test_shares_are_whole_lots_and_the_last_is_the_rest(self, run: Any) -> None:
        done = run([100.0, 100.0, (100.0, 110.0, 100.0, 109.0)], {0: order(-7)}, self.RULE)
        down = run([100.0, 100.0, (100.0, 100.0, 90.0, 91.0)], {0: order(-7)}, self.RULE)

        assert done.exits == []
        assert [change for _, change, _, _ in down.exits] == [3, 2, 2]
        assert down.held == {}

    def test_a_stop_beside_it_closes_what_is_left(self, run: Any) -> None:
        rule = FirstOf([StopLoss(percent=5), self.RULE])
        bars = [100.0, 100.0, (100.0, 103.0, 100.0, 102.0), (102.0, 102.0, 90.0, 91.0)]

        done = run(bars, BUY, rule)

        assert done.exits == [(2, -5, 102.0, "scaled 1"), (3, -5, 95.0, "stop loss")]
        assert done.held == {}

    def test_parts_and_stop_in_one_bar_close_no_more_than_is_held(self, run: Any) -> None:
        rule = FirstOf([StopLoss(percent=5), self.RULE])
        bars = [100.0, (100.0, 105.0, 90.0, 91.0)]

        worst = run(bars, BUY, rule)
        best = run(bars, BUY, rule, path=BestCase())

        assert worst.exits == [(1, -10, 95.0, "stop loss")]
        assert [change for _, change, _, _ in best.exits] == [-5, -3, -2]
        assert len(worst.broker.round.ambiguous) == 1

    def test_what_is_added_is_shared_too(self, run: Any) -> None:
        program = {0: order(10), 1: order(10)}
        bars = [100.0, 100.0, 100.0, (100.0, 110.0, 100.0, 109.0)]

        assert [c for _, c, _, _ in run(bars, program, self.RULE).exits] == [-10, -6, -4]


class TestPositions:
    def test_levels_follow_the_average_price_from_the_bar_after(self, run: Any) -> None:
        program = {0: order(10), 1: order(10)}
        bars = [100.0, 100.0, 110.0, (105.0, 105.0, 99.0, 99.5)]

        # 5 % below the average of 105.
        assert run(bars, program, StopLoss(percent=5)).exits == [(3, -20, 99.75, "stop loss")]

    def test_in_the_bar_of_an_addition_they_stay_and_grow(self, run: Any) -> None:
        program = {0: order(10), 1: order(10)}
        bars = [100.0, 100.0, (110.0, 110.0, 94.0, 96.0)]

        assert run(bars, program, StopLoss(percent=5)).exits == [(2, -20, 95.0, "stop loss")]

    def test_what_is_reduced_by_hand_leaves_the_rest_protected(self, run: Any) -> None:
        program = {0: order(10), 1: order(-4)}

        done = run([100.0, 100.0, 100.0, 94.0], program, StopLoss(percent=5))

        assert done.exits == [(3, -6, 94.0, "stop loss")]

    def test_a_flip_starts_anew(self, run: Any) -> None:
        program = {0: order(10), 1: order(-15)}
        bars = [100.0, 100.0, 102.0, (103.0, 108.0, 94.0, 103.0)]

        done = run(bars, program, StopLoss(percent=5))

        assert done.exits == [(3, 5, pytest.approx(107.1), "stop loss")]
        assert done.held == {}

    def test_a_flip_is_protected_in_its_own_bar(self, run: Any) -> None:
        program = {0: order(10), 1: order(-15)}
        bars = [100.0, 100.0, (100.0, 106.0, 100.0, 103.0)]

        assert run(bars, program, StopLoss(percent=5)).exits == [(2, 5, 105.0, "stop loss")]

    def test_a_position_that_is_opened_again_starts_anew(self, run: Any) -> None:
        program = {0: order(10), 2: order(10)}
        bars = [100.0, 100.0, 94.0, 80.0, 77.0, 75.0]

        done = run(bars, program, StopLoss(percent=5))

        assert done.exits == [(2, -10, 94.0, "stop loss"), (5, -10, 75.0, "stop loss")]

    def test_a_stop_and_the_strategy_in_one_bar_sell_once(self, run: Any) -> None:
        program = {0: order(10), 1: lambda broker: broker.close_position("A")}
        for bar in [(99.0, 100.0, 90.0, 91.0), (80.0, 82.0, 79.0, 81.0)]:
            done = run(
                [100.0, 100.0, bar, 81.0], program, FirstOf([StopLoss(percent=5), TimeExit(1)])
            )

            assert [change for _, _, change, _, _ in done.fills] == [10, -10]
            assert done.held == {}
            assert done.broker.pending_orders == ()

    def test_two_assets_share_a_rule_and_nothing_else(self, run: Any) -> None:
        rule = FirstOf([TrailingExit(amount=5), TimeExit(3)])
        bars = {
            "A": [100.0, 100.0, 110.0, 106.0, 104.0, 1.0],
            "B": [50.0, 50.0, 50.0, 50.0, 60.0, 1.0],
        }
        program = {0: order(10), 1: order(5, "B")}

        both = run(bars, program, rule)

        a = run({"A": bars["A"]}, BUY, rule)
        b = run({"B": bars["B"]}, {1: order(5, "B")}, rule)
        assert [fill for fill in both.fills if fill[1] == "A"] == a.fills
        assert [fill for fill in both.fills if fill[1] == "B"] == b.fills

    def test_each_asset_may_have_its_own_rule_or_none(self, run: Any) -> None:
        bars = {asset: [100.0, 100.0, 94.0, 90.0] for asset in "ABC"}

        def buy(broker: SimulatedBroker) -> None:
            for asset in "ABC":
                broker.submit_order(asset, 10)

        done = run(bars, {0: buy}, {"A": StopLoss(percent=5), "B": StopLoss(percent=8)})

        assert [fill[:2] for fill in done.fills if fill[4]] == [(2, "A"), (3, "B")]
        assert done.held == {"C": 10}

    def test_without_exits_nothing_is_watched(self, run: Any) -> None:
        done = run([100.0, 100.0, 50.0], BUY, None)

        assert not done.broker.has_exits
        assert len(done.broker.book) == 1

    def test_a_limited_volume_closes_in_pieces_and_no_more(self, run: Any) -> None:
        rule = FirstOf([StopLoss(percent=5), TakeProfit(percent=5)])
        bars = [
            100.0,
            100.0,
            100.0,
            100.0,
            (100.0, 106.0, 100.0, 104.0),
            (100.0, 101.0, 94.0, 94.0),
            90.0,
        ]

        volume = {"volume": {"A": [100.0] * 7}}

        done = run(bars, BUY, rule, volume, participation=UnitsPerBar(4))

        assert [(row, change) for row, change, _, _ in done.exits] == [(4, -4), (5, -4), (6, -2)]
        assert done.held == {}


class TestCancelling:
    def test_the_strategy_may_cancel_an_exit_and_the_position_goes_on(self, run: Any) -> None:
        def cancel(broker: SimulatedBroker) -> None:
            (stop,) = broker.pending_orders
            assert (stop.tag, stop.stop_price, stop.quantity) == ("exit: stop loss", 95.0, 10)
            broker.cancel_order(stop.id)

        done = run([100.0, 100.0, 94.0, 90.0], {0: order(10), 1: cancel}, StopLoss(percent=5))

        assert done.exits == []


bad = pytest.mark.parametrize(("make", "said"), [
    (StopLoss, "StopLoss needs percent or amount, one of them"),
    (lambda: TakeProfit(percent=1, amount=1), "TakeProfit needs percent or amount"),
    (lambda: StopLoss(percent=0), "percent of StopLoss must be positive and finite, was 0"),
    (lambda: StopLoss(amount=float("nan")), "amount of StopLoss must be positive"),
    (lambda: TrailingExit(percent=100), "percent of TrailingExit must be below 100"),
    (lambda: TimeExit(0), "bars of TimeExit must be 1 or more, was 0"),
    (lambda: VolatilityStop(0.0), "multiple of VolatilityStop must be positive"),
    (lambda: VolatilityStop(1.0, length=0), "length of VolatilityStop must be 1 or more"),
    (lambda: SignalExit("m"), "SignalExit needs above or below, one of them and finite"),
    (lambda: SignalExit("m", above=1, below=0), "finite, was above=1 and below=0"),
    (lambda: ScaledExit([]), "percents of ScaledExit must ascend from above 0"),
    (lambda: ScaledExit([(5, 0.5), (4, 0.5)]), "percents of ScaledExit must ascend"),
    (lambda: ScaledExit([(5, 0.6), (6, 0.5)]), "shares of ScaledExit must be positive and make 1"),
    (lambda: FirstOf([]), "FirstOf needs one rule or more"),
    (lambda: AllOf([FirstOf([ScaledExit([(1, 1)])])]), "AllOf takes no ScaledExit"),
    (lambda: MarketAssumptions(exits=5), "exits must be a rule, a mapping of rules"),
])  # fmt: skip


@bad
def test_what_makes_no_rule_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()


def test_a_rule_for_an_unknown_asset_is_refused() -> None:
    market = MarketAssumptions(exits=ExitByAsset({"X": TimeExit(1)}))

    with pytest.raises(ConfigError, match="exits for X, which the venue does not list"):
        SimulatedBroker(1.0, {"A": Asset(symbol="A")}, market)


def order_type(name: str) -> Any:
    from ml4t.core import OrderType  # noqa: PLC0415 - used by two tests

    return OrderType[name]


ticks = st.integers(80, 120).map(float)


@st.composite
def quotes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    low, one, other, high = sorted(draw(st.lists(ticks, min_size=4, max_size=4)))
    opened, close = draw(st.permutations([one, other]))
    return opened, high, low, close


markets = st.fixed_dictionaries(
    {
        "path": st.sampled_from(
            [WorstCase(), BestCase(), OpenHighLowClose(), SubmissionOrder(), CloseOnly()]
        ),
        "children": st.sampled_from([EntryBar(), BarAfterEntry(), EntryBarWhereClear()]),
        "timing": st.sampled_from([NextBarOpen(), NextBarClose(), Delayed(1)]),
    }
)


@given(
    tape=st.lists(quotes(), min_size=3, max_size=8),
    distances=st.tuples(st.integers(1, 20).map(float), st.integers(1, 20).map(float)),
    kind=st.sampled_from([StopLoss, TrailingExit]),
    sign=st.sampled_from([1, -1]),
    market=markets,
)
def test_a_bracket_and_a_rule_fill_alike(
    run: Any,
    tape: list[Quote],
    distances: tuple[float, float],
    kind: Callable[..., Any],
    sign: int,
    market: dict[str, Any],
) -> None:
    """A bracket whose prices are those that the rule would name when it fills."""
    stop, target = distances
    rule = FirstOf([TakeProfit(amount=target), kind(amount=stop)])
    ruled = run(tape, {0: order(sign * 10)}, rule, **market)
    entry = next((price for _, _, _, price, tag in ruled.fills if not tag), 100.0)
    legs: dict[str, Any] = {"take_profit": entry + sign * target}
    trails = kind is TrailingExit
    legs |= {"trail_amount": stop} if trails else {"stop_loss": entry - sign * stop}

    bracketed = run(tape, {0: lambda b: b.submit_bracket("A", sign * 10, **legs)}, None, **market)

    assert [fill[:4] for fill in ruled.fills] == [fill[:4] for fill in bracketed.fills]
    told = [(b.path, b.worst, b.best) for b in ruled.broker.round.ambiguous]
    assert told == [(b.path, b.worst, b.best) for b in bracketed.broker.round.ambiguous]


numbers = st.integers(1, 20).map(float)
plain = st.one_of(
    numbers.map(lambda n: StopLoss(percent=n)),
    numbers.map(lambda n: TakeProfit(amount=n)),
    numbers.map(lambda n: TrailingExit(percent=n)),
    st.integers(1, 4).map(TimeExit),
    st.just(SignalExit("m", below=-0.5)),
    st.just(VolatilityStop(1.0, 3)),
)
several = st.lists(plain, min_size=1, max_size=3)
rules = st.one_of(
    plain,
    st.one_of(plain, st.just(ScaledExit([(3, 0.4), (6, 0.4)])), several.map(AllOf)).flatmap(
        lambda first: several.map(lambda more: FirstOf([first, *more]))
    ),
    several.map(AllOf),
)
programs = st.lists(st.tuples(st.integers(0, 8), st.sampled_from([-15, -5, 5, 10])), max_size=5)


def program_of(steps: list[tuple[int, int]]) -> Program:
    return {row: order(quantity) for row, quantity in steps}


@given(
    tape=st.lists(quotes(), min_size=4, max_size=9),
    signals=st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=9, max_size=9),
    rule=rules,
    steps=programs,
    market=markets,
)
def test_exits_fill_where_the_bar_traded_and_know_no_future(
    run: Any,
    tape: list[tuple[float, float, float, float]],
    signals: list[float],
    rule: Any,
    steps: list[tuple[int, int]],
    market: dict[str, Any],
) -> None:
    def done(rows: int) -> Run:
        told = {"m": {"A": signals[:rows]}}
        result: Run = run(tape[:rows], program_of(steps), rule, told, **market)
        return result

    whole = done(len(tape))

    for row, _, _, price, _ in whole.fills:
        _, high, low, _ = tape[row]
        assert low <= price <= high
    held = 0.0
    for _, _, change, _, tag in whole.fills:
        if tag:
            assert held * change < 0
            assert abs(change) <= abs(held)
        held += change
    for rows in range(1, len(tape)):
        assert done(rows).fills == [fill for fill in whole.fills if fill[0] < rows]
    assert all(o.is_open <= (o.tag == "" or held != 0) for o in whole.broker.pending_orders)


def test_a_position_that_opens_anew_has_its_stop_whatever_rounding_leaves(played: Any) -> None:
    # 0.7 of the order fill and are sold, then 0.1 more fills: in floats 0.7 + 0.1 - 0.7 is not 0.1,
    # so what was held before cannot be worked out from what the order has filled.
    def begin(broker: SimulatedBroker) -> None:
        broker.submit_order(
            "A", -0.7, order_type=OrderType.LIMIT, limit_price=101.0, time_in_force=TimeInForce.GTC
        )
        broker.submit_order("A", 2.5, time_in_force=TimeInForce.GTC)

    broker = played(
        [100.0, 100.0, 102.0, 100.0],
        {0: begin},
        volume=[1.4, 1.4, 1.4, 0.2],
        participation=VolumeShare(0.5),
        account=MarginAccount(),
        exits=StopLoss(percent=5),
    )

    quantities = [fill.signed_quantity for fill in broker.fills]
    assert quantities == [0.7, -0.7, 0.1]
    stop = broker.pending_orders[-1]
    assert (stop.tag, stop.stop_price) == ("exit: stop loss", 95.0)
    assert stop.quantity == broker.positions["A"].quantity
