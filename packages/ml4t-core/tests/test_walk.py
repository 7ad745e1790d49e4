"""What the orders of one asset do on one way through a bar."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from ml4t.core import Bar, Order, OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.simulation import (
    NextBarClose,
    NextBarOpen,
    TrailAlongPath,
    TrailFromClose,
)
from ml4t.simulation.auctions import Auctions
from ml4t.simulation.walk import AT_CLOSE, AT_OPEN, BETWEEN, Walk, walk

BUY, SELL = OrderSide.BUY, OrderSide.SELL
NOW = datetime(2024, 1, 2, tzinfo=UTC)
NO_AUCTION = Auctions(opens=False, closes=False)


def order(number: int, side: OrderSide, kind: OrderType = OrderType.MARKET, **more: Any) -> Order:
    fields = {name: more.pop(name) for name in ("triggered", "trail_stop") if name in more}
    group = more.pop("group", None)
    request = OrderRequest("A", side, more.pop("quantity", 10.0), kind, **more)
    return attrs.evolve(Order.submitted(str(number), request, None, None, None, group), **fields)


def limit(number: int, side: OrderSide, price: float, **more: Any) -> Order:
    return order(number, side, OrderType.LIMIT, limit_price=price, **more)


def stop(number: int, side: OrderSide, price: float, **more: Any) -> Order:
    return order(number, side, OrderType.STOP, stop_price=price, **more)


def bar(*four: float) -> Bar:
    opened, high, low, close = four
    return Bar(timestamp=NOW, asset="A", open=opened, high=high, low=low, close=close)


def go(prices: tuple[float, float, float, float], *orders: Order, **more: Any) -> Walk:
    children: Sequence[Order] = more.pop("children", ())
    arguments: dict[str, Any] = {
        "high_first": True,
        "timing": NextBarOpen(),
        "trailing": TrailAlongPath(),
        "auctions": NO_AUCTION,
        "held": 0.0,
        "children_of": lambda filled, *_: children if filled.id == "1" else (),
        **more,
    }
    return walk(orders, bar(*prices), **arguments)


def steps(way: Walk) -> list[tuple[str, float, str]]:
    return [(step.order_id, step.met.price, step.met.rule) for step in way.steps]


BOTH = (100.0, 112.0, 88.0, 100.0)


@pytest.mark.parametrize(
    ("high_first", "expected"),
    [(True, ("1", 110.0, "limit_touch")), (False, ("2", 90.0, "stop_touch"))],
)
def test_of_target_and_stop_the_one_whose_price_comes_first_fills(
    high_first: bool,
    expected: tuple[str, float, str],
) -> None:
    legs = limit(1, SELL, 110, group="g"), stop(2, SELL, 90, group="g")

    assert steps(go(BOTH, *legs, held=10, high_first=high_first)) == [expected]


@pytest.mark.parametrize(
    ("resting", "opened", "expected"),
    [
        (stop(1, SELL, 90), 85.0, ("1", 85.0, "stop_open")),
        (stop(1, BUY, 110), 115.0, ("1", 115.0, "stop_open")),
        (limit(1, BUY, 95), 94.0, ("1", 94.0, "limit_open")),
        (limit(1, SELL, 105), 106.0, ("1", 106.0, "limit_open")),
        (
            order(1, BUY, OrderType.MARKET_IF_TOUCHED, stop_price=95.0),
            94.0,
            ("1", 94.0, "touched_open"),
        ),
        (
            order(1, SELL, OrderType.LIMIT_IF_TOUCHED, stop_price=105.0, limit_price=104.0),
            106.0,
            ("1", 106.0, "limit_open"),
        ),
        (stop(1, SELL, 90, triggered=True), 99.0, ("1", 99.0, "market_open")),
        (
            order(1, SELL, OrderType.TRAILING_STOP, trail_amount=5.0, trail_stop=95.0),
            93.0,
            ("1", 93.0, "trail_open"),
        ),
    ],
)
def test_what_the_open_is_beyond_fills_at_the_open(
    resting: Order, opened: float, expected: tuple[str, float, str]
) -> None:
    assert steps(go((opened, opened + 1, opened - 1, opened), resting)) == [expected]


def test_on_a_stretch_the_nearest_price_is_first_whatever_was_submitted_first() -> None:
    way = go((100, 100, 94, 99), limit(1, BUY, 95), limit(2, BUY, 98))

    assert steps(way) == [("2", 98, "limit_touch"), ("1", 95, "limit_touch")]


def test_at_one_price_the_first_submitted_is_first() -> None:
    way = go((100, 100, 94, 99), limit(10, BUY, 95), limit(9, BUY, 95))

    assert [step.order_id for step in way.steps] == ["9", "10"]


STOP_LIMIT = {"stop_price": 105.0, "limit_price": 103.0}


def test_a_stop_limit_waits_for_its_limit_after_its_stop() -> None:
    resting = order(1, BUY, OrderType.STOP_LIMIT, **STOP_LIMIT)
    prices = (102.0, 110.0, 101.0, 104.0)

    high, low = (go(prices, resting, high_first=first) for first in (True, False))
    assert (steps(high), high.triggered) == ([("1", 103.0, "limit_touch")], [])
    assert (steps(low), low.triggered) == ([], ["1"])


def test_an_order_that_was_triggered_before_is_not_triggered_again() -> None:
    resting = order(1, BUY, OrderType.STOP_LIMIT, triggered=True, **STOP_LIMIT)

    assert go((110, 112, 105, 106), resting).triggered == []
    assert steps(go((110, 112, 101, 106), resting)) == [("1", 103, "limit_touch")]
    assert steps(go((102, 112, 101, 106), resting)) == [("1", 102, "limit_open")]


def test_a_stop_limit_whose_limit_lies_beyond_fills_at_its_stop() -> None:
    resting = order(1, BUY, OrderType.STOP_LIMIT, stop_price=105.0, limit_price=106.0)

    assert steps(go((100, 110, 99, 104), resting)) == [("1", 105, "stop_limit_touch")]


def test_an_open_beyond_stop_and_limit_only_triggers() -> None:
    resting = order(1, BUY, OrderType.STOP_LIMIT, stop_price=105.0, limit_price=106.0)

    way = go((108, 110, 107, 109), resting)
    assert (way.steps, way.triggered) == ([], ["1"])


def test_a_limit_if_touched_waits_for_both() -> None:
    resting = order(1, BUY, OrderType.LIMIT_IF_TOUCHED, stop_price=95.0, limit_price=93.0)

    assert steps(go((100, 101, 92, 96), resting)) == [("1", 93, "limit_touch")]
    assert go((100, 101, 94, 96), resting).triggered == ["1"]


def test_a_market_if_touched_fills_at_its_touch() -> None:
    resting = order(1, SELL, OrderType.MARKET_IF_TOUCHED, stop_price=105.0)

    assert steps(go((100, 106, 92, 96), resting)) == [("1", 105, "touched_touch")]


class TestTrailing:
    @pytest.mark.parametrize("high_first", [True, False])
    def test_it_follows_the_way(self, high_first: bool) -> None:
        resting = order(1, SELL, OrderType.TRAILING_STOP, trail_amount=5.0)

        way = go((100, 110, 98, 104), resting, high_first=high_first)
        assert steps(way) == [("1", 105, "trail_touch")]

    def test_what_came_before_the_high_does_not_meet_the_stop_of_the_high(self) -> None:
        resting = order(1, SELL, OrderType.TRAILING_STOP, trail_amount=5.0)

        way = go((100, 110, 98, 107), resting, high_first=False)
        assert (way.steps, way.stops) == ([], {"1": 105})

    def test_a_purchase_follows_down(self) -> None:
        resting = order(1, BUY, OrderType.TRAILING_STOP, trail_percent=10.0)

        assert go((100, 101, 90, 98), resting).stops == {"1": pytest.approx(99.0)}

    def test_a_stop_that_stands_still_is_met_where_it_stood(self) -> None:
        resting = order(1, SELL, OrderType.TRAILING_STOP, trail_amount=5.0, trail_stop=95.0)

        still = go((100, 110, 96, 104), resting, trailing=TrailFromClose())
        assert (still.steps, still.stops) == ([], {})
        met = go((100, 110, 94, 104), resting, trailing=TrailFromClose())
        assert steps(met) == [("1", 95, "trail_touch")]


class TestReducing:
    def test_it_is_trimmed_to_what_is_held(self) -> None:
        way = go(BOTH, order(1, SELL, reduce_only=True), held=4)

        assert [step.signed_quantity for step in way.steps] == [-4]

    def test_two_share_what_is_held(self) -> None:
        both = [order(n, BUY, reduce_only=True) for n in (1, 2)]

        assert [step.signed_quantity for step in go(BOTH, *both, held=-14).steps] == [10, 4]

    @pytest.mark.parametrize("held", [0, -3])
    def test_with_nothing_to_reduce_it_is_a_step_of_nothing_that_ends_its_group(
        self, held: float
    ) -> None:
        legs = [limit(1, SELL, 99, reduce_only=True, group="g"), stop(2, SELL, 90, group="g")]
        way = go(BOTH, *legs, held=held)

        assert [(step.order_id, step.signed_quantity) for step in way.steps] == [("1", 0)]


class TestVolume:
    def test_all_orders_share_it(self) -> None:
        way = go(BOTH, order(1, BUY), order(2, SELL), order(3, BUY), volume=15.0)

        assert [step.signed_quantity for step in way.steps] == [10, -5, 0]

    def test_all_or_nothing_takes_nothing_of_too_little(self) -> None:
        orders = order(1, BUY, time_in_force=TimeInForce.FOK), order(2, BUY)

        assert [s.signed_quantity for s in go(BOTH, *orders, volume=4.0).steps] == [0, 4]

    def test_it_is_used_in_lots(self) -> None:
        assert go(BOTH, order(1, BUY), volume=9.0, lot=5.0).steps[0].signed_quantity == 5

    def test_a_sibling_of_what_filled_in_part_stays(self) -> None:
        legs = limit(1, SELL, 110, group="g"), stop(2, SELL, 90, group="g")

        assert [s.order_id for s in go(BOTH, *legs, held=10, volume=4.0).steps] == ["1", "2"]


class TestStrictLimits:
    def test_a_touch_is_not_enough(self) -> None:
        assert go((100, 101, 95, 99), limit(1, BUY, 95), strict_limits=True).steps == []
        assert go((95, 101, 95, 99), limit(1, BUY, 95), strict_limits=True).steps == []

    def test_beyond_it_the_fill_is_at_the_limit(self) -> None:
        way = go((100, 101, 94, 99), limit(1, BUY, 95), strict_limits=True)

        assert steps(way) == [("1", 95, "limit_touch")]


class TestTime:
    def test_parts_of_the_bar(self) -> None:
        way = go(
            BOTH,
            order(1, BUY),
            limit(2, BUY, 95),
            order(3, SELL, OrderType.MARKET_ON_CLOSE),
            auctions=Auctions(opens=False, closes=True),
        )

        assert [step.part for step in way.steps] == [AT_OPEN, BETWEEN, AT_CLOSE]

    def test_a_market_order_may_be_for_the_close(self) -> None:
        way = go((100, 112, 88, 101), order(1, BUY), timing=NextBarClose())

        assert steps(way) == [("1", 101, "market_close")]

    @pytest.mark.parametrize("time", [TimeInForce.IOC, TimeInForce.FOK])
    def test_at_once_means_the_open(self, time: TimeInForce) -> None:
        assert go(BOTH, limit(1, BUY, 95, time_in_force=time)).steps == []
        assert steps(go(BOTH, limit(1, BUY, 100, time_in_force=time))) == [("1", 100, "limit_open")]

    def test_at_once_means_the_close_for_a_market_order_that_is_for_it(self) -> None:
        resting = order(1, BUY, time_in_force=TimeInForce.IOC)

        assert steps(go(BOTH, resting, timing=NextBarClose())) == [("1", 100, "market_close")]


class TestAuctions:
    OPENS = Auctions(opens=True, closes=False)
    CLOSES = Auctions(opens=False, closes=True)
    PRICES = (100.0, 112.0, 88.0, 101.0)

    def test_each_has_its_price(self) -> None:
        at_open = order(1, BUY, OrderType.MARKET_ON_OPEN)
        at_close = order(2, BUY, time_in_force=TimeInForce.CLS)

        opened = go(self.PRICES, at_open, at_close, auctions=self.OPENS)
        closed = go(self.PRICES, at_open, at_close, auctions=self.CLOSES)
        assert steps(opened) == [("1", 100, "auction_open")]
        assert steps(closed) == [("2", 101, "auction_close")]
        assert go(self.PRICES, at_open, at_close).steps == []

    def test_a_limit_holds_there_and_nowhere_else(self) -> None:
        resting = limit(1, BUY, 100.5, time_in_force=TimeInForce.CLS)

        assert go(self.PRICES, resting, auctions=self.CLOSES).steps == []
        fair = limit(1, BUY, 101, time_in_force=TimeInForce.CLS)
        assert steps(go(self.PRICES, fair, auctions=self.CLOSES)) == [("1", 101, "auction_close")]


class TestChildren:
    LEGS = (
        limit(2, SELL, 110, group="g", reduce_only=True),
        stop(3, SELL, 90, group="g", reduce_only=True),
    )

    @pytest.mark.parametrize(("high_first", "exit_"), [(True, "2"), (False, "3")])
    def test_they_work_after_their_parent(self, high_first: bool, exit_: str) -> None:
        way = go(BOTH, order(1, BUY), children=self.LEGS, high_first=high_first)

        assert [step.order_id for step in way.steps] == ["1", exit_]
        assert [step.signed_quantity for step in way.steps] == [10, -10]

    def test_what_the_bar_did_before_they_woke_does_not_fill_them(self) -> None:
        way = go((100, 112, 94, 99), limit(1, BUY, 95), children=self.LEGS)

        assert [step.order_id for step in way.steps] == ["1"]

    def test_a_stop_that_the_price_is_through_already_fills_where_its_parent_did(self) -> None:
        through = stop(2, SELL, 96, reduce_only=True)
        way = go((100, 101, 94, 99), limit(1, BUY, 95), children=[through])

        assert steps(way) == [("1", 95, "limit_touch"), ("2", 95, "stop_touch")]

    def test_a_trail_begins_where_its_parent_filled(self) -> None:
        trail = order(2, SELL, OrderType.TRAILING_STOP, trail_amount=5.0, reduce_only=True)
        way = go((100, 112, 94, 96), limit(1, BUY, 95), children=[trail], high_first=True)

        assert ([step.order_id for step in way.steps], way.stops) == (["1"], {"2": 91})

    def test_the_auction_that_filled_a_parent_is_over(self) -> None:
        opening = order(2, SELL, OrderType.MARKET_ON_OPEN, reduce_only=True)
        closing = order(3, SELL, OrderType.MARKET_ON_CLOSE, reduce_only=True)
        both = Auctions(opens=True, closes=True)

        way = go(BOTH, order(1, BUY), children=[opening, closing], auctions=both)
        assert steps(way) == [("1", 100, "market_open"), ("3", 100, "auction_close")]

    def test_a_market_order_is_filled_where_it_wakes_or_at_the_close(self) -> None:
        child = order(2, SELL, reduce_only=True)
        prices = (100.0, 101.0, 94.0, 99.0)

        now = go(prices, limit(1, BUY, 95), children=[child])
        later = go(prices, limit(1, BUY, 95), children=[child], timing=NextBarClose())
        assert [step.met.price for step in now.steps] == [95, 95]
        assert [step.met.price for step in later.steps] == [95, 99]


def test_the_gain_runs_to_the_close() -> None:
    way = go((100, 112, 88, 104), order(1, BUY), limit(2, SELL, 110, quantity=4.0))

    assert way.gain == 10 * 4 + 4 * 6
    assert math.isclose(go(BOTH).gain, 0)
