"""What a fill or an end of one order does to those that hang on it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ml4t.core import Order, OrderRequest, OrderSide, OrderStatus, OrderType, TimeInForce
from ml4t.simulation import BarAfterEntry, MarginAccount, SimulatedBroker, VolumeShare

Played = Callable[..., SimulatedBroker]
BUY, SELL = OrderSide.BUY, OrderSide.SELL
ACCEPTED, CANCELLED = OrderStatus.ACCEPTED, OrderStatus.CANCELLED
FILLED, HELD, PARTLY = OrderStatus.FILLED, OrderStatus.HELD, OrderStatus.PARTIALLY_FILLED


def bracket(**more: Any) -> Callable[[SimulatedBroker], object]:
    legs = {"take_profit": 110.0, "stop_loss": 90.0, **more}
    return lambda broker: broker.submit_bracket("A", 10, **legs)


def exits(broker: SimulatedBroker) -> None:
    broker.submit_oco(
        [
            OrderRequest("A", SELL, 10, OrderType.LIMIT, limit_price=110.0),
            OrderRequest("A", SELL, 10, OrderType.STOP, stop_price=90.0),
        ]
    )


def buy(broker: SimulatedBroker) -> None:
    broker.submit_order("A", 10)


def cancel(order_id: str) -> Callable[[SimulatedBroker], object]:
    return lambda broker: broker.cancel_order(order_id)


def state(broker: SimulatedBroker) -> list[tuple[OrderStatus, float, float]]:
    return [(o.status, o.quantity, o.filled_quantity) for o in broker.book.orders.values()]


def thin(played: Played, prices: list[Any], actions: dict[int, Any], each: float = 5) -> Any:
    """A market in which each bar lets ``each`` units trade."""
    return played(prices, actions, volume=[10 * each] * len(prices), participation=VolumeShare(0.1))


class TestChildren:
    def test_they_grow_with_what_their_parent_fills(self, played: Played) -> None:
        half = thin(played, [100.0] * 2, {0: bracket()})
        whole = thin(played, [100.0] * 3, {0: bracket()})

        assert state(half) == [(PARTLY, 10, 5), (ACCEPTED, 5, 0), (ACCEPTED, 5, 0)]
        assert state(whole) == [(FILLED, 10, 10), (ACCEPTED, 10, 0), (ACCEPTED, 10, 0)]

    def test_they_stay_when_a_parent_ends_that_filled_in_part(self, played: Played) -> None:
        broker = thin(played, [100.0] * 3, {0: bracket(), 1: cancel("1")})

        assert state(broker) == [(CANCELLED, 10, 5), (ACCEPTED, 5, 0), (ACCEPTED, 5, 0)]

    def test_without_an_exit_no_more_is_opened(self, played: Played) -> None:
        broker = thin(played, [100.0] * 3, {0: bracket(), 1: cancel("3")})

        assert state(broker) == [(CANCELLED, 10, 5), (CANCELLED, 5, 0), (CANCELLED, 5, 0)]
        assert broker.book["1"].reason.startswith("its exit, order ")
        assert broker.book["2"].reason == "order 3 of its group has ended"
        assert broker.positions["A"].quantity == 5

    def test_an_exit_that_fills_stops_a_parent_that_has_not(self, played: Played) -> None:
        """Half is open and its target sells it: the other half is not bought any more."""
        entry = bracket(order_type=OrderType.LIMIT, limit_price=100.0)
        broker = thin(played, [105.0, 100.0, 111.0, 99.0], {0: entry})

        assert state(broker) == [(CANCELLED, 10, 5), (FILLED, 5, 5), (CANCELLED, 5, 0)]
        assert broker.book["1"].reason == "its exit, order 2, has ended"
        assert "A" not in broker.positions

    @pytest.mark.parametrize("end", [TimeInForce.IOC, TimeInForce.FOK])
    def test_they_end_with_a_parent_that_never_filled(
        self, played: Played, end: TimeInForce
    ) -> None:
        entry = bracket(order_type=OrderType.LIMIT, limit_price=95.0, time_in_force=end)
        broker = played([100.0] * 2, {0: entry})

        assert [status for status, *_ in state(broker)] == [CANCELLED] * 3
        assert broker.book["2"].reason == "its parent, order 1, ended without a fill"

    def test_they_may_wait_for_the_bar_after(self, played: Played) -> None:
        bars = [100.0, (100.0, 112.0, 99.0, 105.0), 112.0]
        now = played(bars[:2], {0: bracket()})
        later = played(bars, {0: bracket()}, children=BarAfterEntry())

        assert [fill.price for fill in now.fills] == [100, 110]
        assert [(fill.price, fill.rule) for fill in later.fills] == [
            (100, "market_open"),
            (112, "limit_open"),
        ]

    def test_a_trail_begins_at_the_price_of_the_fill(self, played: Played) -> None:
        entry = bracket(stop_loss=None, trail_amount=5.0)
        broker = played([120.0, 100.0], {0: entry})

        assert broker.book["3"].trail_stop == 95
        assert broker.book["3"].status is ACCEPTED

    def test_a_sleeping_child_can_be_replaced_and_sleeps_on(self, played: Played) -> None:
        entry = bracket(order_type=OrderType.LIMIT, limit_price=95.0)

        def change(broker: SimulatedBroker) -> None:
            changed = broker.replace_order("3", stop_price=85.0)
            assert (changed.status, changed.stop_price) == (HELD, 85)

        broker = played([100.0, 100.0, 94.0, 88.0], {0: entry, 1: change})
        assert [fill.side for fill in broker.fills] == [BUY]

    def test_a_second_position_after_the_first_has_exits_of_its_own(self, played: Played) -> None:
        broker = played([100.0, 100.0, 89.0, 100.0, 111.0], {0: bracket(), 2: bracket()})

        assert [fill.order_id for fill in broker.fills] == ["1", "3", "4", "5"]
        assert list(broker.pending_orders) == []


class TestSiblings:
    def test_one_shrinks_by_what_the_other_filled(self, played: Played) -> None:
        prices = [100.0, 100.0, 100.0, 111.0, 111.0]
        broker = thin(played, prices[:4], {0: buy, 2: exits})
        assert state(broker)[1:] == [(PARTLY, 10, 5), (ACCEPTED, 5, 0)]
        broker = thin(played, prices, {0: buy, 2: exits})
        assert state(broker)[1:] == [(FILLED, 10, 10), (CANCELLED, 5, 0)]
        assert broker.book["3"].reason == "order 2 of its group has filled"

    def test_both_may_fill_a_part_and_never_more_than_the_whole(self, played: Played) -> None:
        prices = [100.0, 100.0, 100.0, 111.0, 89.0, 89.0]
        broker = thin(played, prices, {0: buy, 2: exits}, each=5)

        assert [fill.quantity for fill in broker.fills] == [5, 5, 5, 5]
        assert "A" not in broker.positions
        assert list(broker.pending_orders) == []

    def test_a_quantity_of_one_follows_the_others(self, played: Played) -> None:
        def change(broker: SimulatedBroker) -> None:
            same = broker.replace_order("2", quantity=5)
            assert same.quantity == 10
            assert same.reason == (
                "not replaced: its quantity follows the other orders of its group"
            )
            moved = broker.replace_order("2", limit_price=120.0)
            assert moved.limit_price == 120

        played([100.0] * 3, {0: buy, 1: exits, 2: change})

    def test_entries_on_both_sides_open_one_position(self, played: Played) -> None:
        def breakout(broker: SimulatedBroker) -> None:
            broker.submit_oco(
                [
                    OrderRequest("A", BUY, 10, OrderType.STOP, stop_price=105.0),
                    OrderRequest("A", SELL, 10, OrderType.STOP, stop_price=95.0),
                ]
            )

        broker = played([100.0, (100.0, 106.0, 94.0, 100.0)], {0: breakout})
        assert len(broker.fills) == 1
        assert sorted(status.name for status, *_ in state(broker)) == ["CANCELLED", "FILLED"]

    def test_the_end_of_the_day_of_one_ends_all(self, played: Played) -> None:
        broker = played([100.0] * 4, {0: buy, 1: exits}, step=timedelta(days=1))

        assert [order.status.name for order in broker.book.orders.values()] == [
            "FILLED",
            "EXPIRED",
            "CANCELLED",
        ]


class TestPositions:
    def test_exits_end_when_another_order_closes_the_position(self, played: Played) -> None:
        def close(broker: SimulatedBroker) -> None:
            broker.close_position("A")

        broker = played([100.0, 100.0, 89.0, 89.0], {0: bracket(), 1: close})

        # The close was sent after the stop, and both meet the open.
        assert sum(fill.quantity for fill in broker.fills if fill.side is SELL) == 10
        assert "A" not in broker.positions
        assert list(broker.pending_orders) == []

    def test_exits_of_a_position_that_was_turned_end(self, played: Played) -> None:
        def turn(broker: SimulatedBroker) -> None:
            broker.submit_order("A", -15)

        broker = played([100.0, 100.0, 100.0, 89.0], {0: bracket(), 1: turn})

        assert broker.positions["A"].quantity == -5
        assert broker.book["2"].reason == "the position that it would reduce is closed"
        assert broker.book["3"].status is CANCELLED

    def test_what_reduces_the_other_side_stays(self, played: Played) -> None:
        def turn(broker: SimulatedBroker) -> None:
            broker.submit_order("A", 5, BUY, OrderType.LIMIT, limit_price=80.0, reduce_only=True)
            broker.submit_order("A", -15)

        broker = played([100.0, 100.0, 100.0], {0: bracket(), 1: turn})
        assert [order.id for order in broker.pending_orders] == ["4"]


def test_a_strategy_is_told_in_the_order_of_events(played: Played) -> None:
    broker = played([100.0, 100.0, 111.0], {0: bracket()})

    assert broker.outbox is not None
    told = [
        (event.id, event.status.name) if isinstance(event, Order) else (event.order_id, "fill")
        for event in broker.outbox
    ]
    assert told == [
        ("1", "ACCEPTED"),
        ("2", "HELD"),
        ("3", "HELD"),
        ("1", "fill"),
        ("1", "FILLED"),
        ("2", "ACCEPTED"),
        ("3", "ACCEPTED"),
        ("2", "fill"),
        ("2", "FILLED"),
        ("3", "CANCELLED"),
    ]


def test_a_bracket_that_only_closed_a_position_leaves_no_exits(played: Played) -> None:
    account = MarginAccount()
    sell = {0: lambda broker: broker.submit_order("A", -10), 1: bracket()}

    broker = played([100.0] * 3, sell, account=account)

    assert broker.positions == {}
    assert [o.status for o in broker.book.orders.values()] == [FILLED, FILLED, CANCELLED, CANCELLED]
