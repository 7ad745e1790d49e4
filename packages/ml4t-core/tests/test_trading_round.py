"""In which order the orders of a bar are filled, and from which bar on they are."""

from collections.abc import Callable
from typing import Any

import pytest

from ml4t.core import OrderRequest, OrderSide, OrderType
from ml4t.simulation import (
    BarAfterEntry,
    CloseOnly,
    Delayed,
    NextBarClose,
    SameBarClose,
    SimulatedBroker,
    SubmissionOrder,
    TrailFromClose,
    WorstCase,
)

Played = Callable[..., SimulatedBroker]
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def limit(broker: SimulatedBroker, asset: str, price: float, side: OrderSide = BUY) -> None:
    broker.submit_order(asset, 10, side, OrderType.LIMIT, price)


def buy(broker: SimulatedBroker) -> None:
    broker.submit_order("A", 10)


def fills(broker: SimulatedBroker) -> list[tuple[str, float | None, str]]:
    return [(fill.order_id, fill.reference_price, fill.rule) for fill in broker.fills]


class TestOrderOfTime:
    def test_what_fills_at_the_open_is_first_in_all_assets(self, played: Played) -> None:
        def orders(broker: SimulatedBroker) -> None:
            limit(broker, "A", 95)
            broker.submit_order("B", 10, order_type=OrderType.MARKET_ON_CLOSE)
            broker.submit_order("B", 10)
            broker.submit_order("A", 10)

        bar = (100.0, 101.0, 94.0, 99.0)
        broker = played({"A": [100.0, bar], "B": [100.0, bar]}, {0: orders}, daily=True)

        assert fills(broker) == [
            ("3", 100, "market_open"),
            ("4", 100, "market_open"),
            ("1", 95, "limit_touch"),
            ("2", 99, "auction_close"),
        ]

    def test_a_close_pays_for_nothing_that_came_before_it(self, played: Played) -> None:
        def orders(broker: SimulatedBroker) -> None:
            broker.submit_order("A", 10)
            limit(broker, "A", 95)

        bars: list[Any] = [100.0, (100.0, 101.0, 94.0, 99.0)]
        broker = played(bars, {0: orders}, timing=NextBarClose())

        assert fills(broker) == [("2", 95, "limit_touch"), ("1", 99, "market_close")]

    def test_each_order_by_itself_comes_by_submission(self, played: Played) -> None:
        def orders(broker: SimulatedBroker) -> None:
            limit(broker, "A", 95)
            broker.submit_order("A", 10)

        bars: list[Any] = [100.0, (100.0, 101.0, 94.0, 99.0)]
        broker = played(bars, {0: orders}, path=SubmissionOrder())

        assert [order_id for order_id, *_ in fills(broker)] == ["1", "2"]

    def test_an_asset_without_a_bar_fills_nothing(self, played: Played) -> None:
        rows = {"A": [100.0, None, 102.0], "B": [1.0] * 3}

        assert fills(played(rows, {0: buy})) == [("1", 102, "market_open")]
        assert fills(played(rows, {0: lambda b: limit(b, "A", 103)})) == [("1", 102, "limit_open")]


class TestDelay:
    @pytest.mark.parametrize(("bars", "price"), [(1, 102), (2, 103)])
    def test_an_order_lets_bars_pass(self, played: Played, bars: int, price: float) -> None:
        broker = played([100.0, 101.0, 102.0, 103.0, 104.0], {0: buy}, timing=Delayed(bars))

        assert fills(broker) == [("1", price, "market_open")]

    def test_it_counts_bars_of_its_asset(self, played: Played) -> None:
        rows = {"A": [100.0, None, None, 103.0, 104.0], "B": [1.0] * 5}

        assert fills(played(rows, {0: buy}, timing=Delayed(1))) == [("1", 104, "market_open")]

    def test_a_limit_is_late_as_well(self, played: Played) -> None:
        broker = played(
            [100.0, 94.0, 96.0, 95.0], {0: lambda b: limit(b, "A", 95)}, timing=Delayed(1)
        )

        assert fills(broker) == [("1", 95, "limit_open")]

    def test_children_are_at_the_venue_when_their_parent_fills(self, played: Played) -> None:
        def bracket(broker: SimulatedBroker) -> None:
            broker.submit_bracket("A", 10, stop_loss=95.0)

        bars: list[Any] = [100.0, 100.0, (100.0, 101.0, 94.0, 98.0)]
        broker = played(bars, {0: bracket}, timing=Delayed(1))

        assert fills(broker) == [("1", 100, "market_open"), ("2", 95, "stop_touch")]

    def test_an_order_that_is_cancelled_on_its_way_does_not_arrive(self, played: Played) -> None:
        actions = {0: buy, 1: lambda broker: broker.cancel_order("1")}

        assert fills(played([100.0] * 4, actions, timing=Delayed(1))) == []


class TestEachOrderByItself:
    def test_children_meet_the_whole_bar_that_filled_their_parent(self, played: Played) -> None:
        """That is what the engines do which the path reproduces; the high came first here."""

        def bracket(broker: SimulatedBroker) -> None:
            broker.submit_bracket("A", 10, BUY, OrderType.LIMIT, 95.0, take_profit=105.0)

        bars: list[Any] = [100.0, (100.0, 106.0, 94.0, 98.0)]
        at_once = played(bars, {0: bracket}, path=SubmissionOrder())
        assert fills(at_once) == [("1", 95, "limit_touch"), ("2", 105, "limit_touch")]
        later = played(bars, {0: bracket}, path=SubmissionOrder(), children=BarAfterEntry())
        assert fills(later) == [("1", 95, "limit_touch")]

    def test_of_two_children_one_fills(self, played: Played) -> None:
        def bracket(broker: SimulatedBroker) -> None:
            broker.submit_bracket("A", 10, take_profit=105.0, stop_loss=95.0)

        bars: list[Any] = [100.0, (100.0, 106.0, 94.0, 98.0)]
        broker = played(bars, {0: bracket}, path=SubmissionOrder())

        assert fills(broker) == [("1", 100, "market_open"), ("2", 105, "limit_touch")]
        assert list(broker.pending_orders) == []

    def test_at_the_close_children_see_the_close(self, played: Played) -> None:
        def bracket(broker: SimulatedBroker) -> None:
            broker.submit_bracket("A", 10, take_profit=105.0, stop_loss=95.0)

        bars: list[Any] = [100.0, (100.0, 106.0, 94.0, 98.0), (98.0, 110.0, 94.0, 106.0)]
        broker = played(bars, {0: bracket}, path=CloseOnly())

        assert [price for _, price, _ in fills(broker)] == [98, 106]
        assert fills(broker)[1][2] == "limit_close"

    def test_a_child_that_is_marketable_at_the_close_fills_there(self, played: Played) -> None:
        def bracket(broker: SimulatedBroker) -> None:
            broker.submit_bracket("A", 10, stop_loss=99.0)

        bars: list[Any] = [100.0, (100.0, 106.0, 94.0, 98.0)]
        assert [price for _, price, _ in fills(played(bars, {0: bracket}, path=CloseOnly()))] == [
            98,
            98,
        ]

    def test_a_stop_limit_that_only_triggers_is_remembered(self, played: Played) -> None:
        def order(broker: SimulatedBroker) -> None:
            broker.submit_order("A", 10, BUY, OrderType.STOP_LIMIT, 103.0, 105.0)

        bars: list[Any] = [100.0, (100.0, 106.0, 100.0, 104.0), 104.0, 102.0]
        for path in (SubmissionOrder(), CloseOnly(), WorstCase()):
            last = {"SubmissionOrder": 102, "CloseOnly": None, "WorstCase": 102}
            expected = last[type(path).__name__]
            got = [price for _, price, _ in fills(played(bars, {0: order}, path=path))]
            assert got == ([] if expected is None else [expected])


class TestTrailing:
    @pytest.mark.parametrize("path", [SubmissionOrder(), CloseOnly()])
    def test_the_stop_follows_bars_too_where_no_way_is_walked(
        self, played: Played, path: Any
    ) -> None:
        def trail(broker: SimulatedBroker) -> None:
            broker.submit_order("A", 10)
            broker.submit_order("A", 10, SELL, OrderType.TRAILING_STOP, trail_amount=5.0)

        broker = played([100.0, 110.0, 106.0, 104.0], {0: trail}, path=path)
        assert [price for _, price, _ in fills(broker)] == [110, 104]

    def test_a_child_knows_of_its_first_bar_the_close_only(self, played: Played) -> None:
        """It woke at some instant of the bar: the high may have been before."""

        def bracket(broker: SimulatedBroker) -> None:
            broker.submit_bracket("A", 10, trail_amount=5.0)

        bars: list[Any] = [100.0, (100.0, 110.0, 99.0, 102.0)]
        broker = played(bars, {0: bracket}, trailing=TrailFromClose())

        assert broker.book["2"].trail_stop == 97

    def test_before_the_first_bar_a_stop_stands_nowhere(
        self, played: Played, broker_of: Callable[..., SimulatedBroker]
    ) -> None:
        broker = broker_of("A")
        order = broker.submit_order("A", 10, SELL, OrderType.TRAILING_STOP, trail_amount=5.0)

        assert order.trail_stop is None


def test_at_the_same_close_market_orders_fill_and_others_wait(played: Played) -> None:
    def orders(broker: SimulatedBroker) -> None:
        broker.submit_order("A", 10)
        limit(broker, "A", 105)

    broker = played([100.0, 101.0], {0: orders}, timing=SameBarClose())

    assert fills(broker) == [("1", 100, "market_same_close"), ("2", 101, "limit_open")]


def test_a_group_of_market_children_leaves_no_order_behind(played: Played) -> None:
    def family(broker: SimulatedBroker) -> None:
        broker.submit_oto(OrderRequest.of("A", 10), [OrderRequest.of("A", -10)])

    broker = played([100.0, 101.0, 102.0], {0: family})

    assert [fill.side for fill in broker.fills] == [BUY, SELL]
    assert "A" not in broker.positions
