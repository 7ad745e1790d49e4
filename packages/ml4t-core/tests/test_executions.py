"""How much of an order fills: volume, position and account."""

from collections.abc import Callable
from typing import Any

import pytest

from ml4t.core import Asset, OrderSide, OrderStatus, OrderType, TimeInForce
from ml4t.simulation import (
    CashAccount,
    ForEachOrder,
    MarginAccount,
    SimulatedBroker,
    TouchedAnew,
    VolumeImpact,
    VolumeShare,
)

Played = Callable[..., SimulatedBroker]
BUY, SELL = OrderSide.BUY, OrderSide.SELL
SHARE = VolumeShare(0.1)


def buys(*quantities: float, **more: Any) -> Callable[[SimulatedBroker], object]:
    return lambda broker: [broker.submit_order("A", each, **more) for each in quantities]


def traded(broker: SimulatedBroker) -> list[tuple[str, float, float | None]]:
    return [(fill.order_id, fill.quantity, fill.volume_left) for fill in broker.fills]


class TestVolume:
    def test_all_orders_of_a_bar_share_it_and_carry_the_rest_on(self, played: Played) -> None:
        broker = played([100.0] * 4, {0: buys(8, 8)}, volume=[100.0] * 4, participation=SHARE)

        assert traded(broker) == [("1", 8, 2), ("2", 2, 0), ("2", 6, 4)]
        assert {order.status for order in broker.book.orders.values()} == {OrderStatus.FILLED}

    def test_each_order_may_have_it_for_itself(self, played: Played) -> None:
        broker = played(
            [100.0] * 2,
            {0: buys(8, 8)},
            volume=[100.0] * 2,
            participation=ForEachOrder(SHARE),
        )

        assert [quantity for _, quantity, _ in traded(broker)] == [8, 8]

    def test_each_asset_has_its_own(self, played: Played) -> None:
        def both(broker: SimulatedBroker) -> None:
            broker.submit_order("A", 10)
            broker.submit_order("B", 10)

        rows = {"A": [100.0] * 2, "B": [50.0] * 2}
        broker = played(rows, {0: both}, volume=[100.0] * 2, participation=SHARE)

        assert traded(broker) == [("1", 10, 0), ("2", 10, 0)]

    def test_without_a_limit_none_is_left_to_say(self, played: Played) -> None:
        assert traded(played([100.0] * 2, {0: buys(8)})) == [("1", 8, None)]

    def test_it_is_used_in_lots(self, played: Played) -> None:
        terms = Asset(symbol="A", lot_size=4.0)
        broker = played(
            [100.0] * 2, {0: buys(8)}, volume=[70.0] * 2, participation=SHARE, terms=terms
        )

        assert traded(broker) == [("1", 4, 3)]

    def test_in_a_bar_without_any_nothing_happens(self, played: Played) -> None:
        def stop(broker: SimulatedBroker) -> None:
            broker.submit_order("A", 8, BUY, OrderType.STOP, stop_price=105.0)

        broker = played(
            [100.0, 106.0, 100.0], {0: stop}, volume=[100.0, 0.0, 100.0], participation=SHARE
        )

        assert (broker.fills, broker.book["1"].triggered) == ([], False)

    @pytest.mark.parametrize(("rest", "fills"), [({}, 2), ({"partial_stops": TouchedAnew()}, 1)])
    def test_what_is_left_of_a_stop(self, played: Played, rest: dict[str, Any], fills: int) -> None:
        """It is a market order, or waits until its stop is touched again."""

        def stop(broker: SimulatedBroker) -> None:
            broker.submit_order("A", 20, BUY, OrderType.STOP, stop_price=105.0)

        broker = played(
            [100.0, 106.0, 100.0], {0: stop}, volume=[100.0] * 3, participation=SHARE, **rest
        )

        assert [fill.price for fill in broker.fills] == [106, 100][:fills]

    def test_a_stop_that_found_no_volume_left_has_been_touched(self, played: Played) -> None:
        def both(broker: SimulatedBroker) -> None:
            broker.submit_order("A", 10)
            broker.submit_order("A", 10, BUY, OrderType.STOP, stop_price=105.0)

        broker = played([100.0, 106.0, 100.0], {0: both}, volume=[100.0] * 3, participation=SHARE)

        assert [(fill.order_id, fill.price, fill.rule) for fill in broker.fills] == [
            ("1", 106, "market_open"),
            ("2", 100, "market_open"),
        ]

    def test_all_or_nothing_waits_for_none(self, played: Played) -> None:
        broker = played(
            [100.0] * 3,
            {0: buys(11, time_in_force=TimeInForce.FOK)},
            volume=[100.0] * 3,
            participation=SHARE,
        )

        assert (broker.fills, broker.book["1"].status) == ([], OrderStatus.CANCELLED)


class TestReducing:
    def test_it_is_trimmed_and_ends(self, played: Played) -> None:
        broker = played([100.0] * 3, {0: buys(10), 1: buys(-25, reduce_only=True)})

        order = broker.book["2"]
        assert (order.status, order.quantity, order.filled_quantity) == (
            OrderStatus.CANCELLED,
            25,
            10,
        )
        assert order.reason

    def test_trimmed_by_volume_it_goes_on(self, played: Played) -> None:
        broker = played(
            [100.0] * 5,
            {0: buys(15), 2: buys(-25, reduce_only=True)},
            volume=[100.0] * 5,
            participation=SHARE,
        )

        assert [fill.quantity for fill in broker.fills] == [10, 5, 10, 5]
        assert "A" not in broker.positions
        assert not broker.book["2"].is_open

    @pytest.mark.parametrize("quantity", [5, -5])
    def test_with_nothing_to_reduce_it_is_cancelled(self, played: Played, quantity: float) -> None:
        order = played([100.0] * 2, {0: buys(quantity, reduce_only=True)}).book["1"]

        assert (order.status, order.reason) == (
            OrderStatus.CANCELLED,
            "nothing is left to reduce",
        )


class TestAccount:
    def test_what_cannot_be_paid_any_more_is_refused_when_it_would_fill(
        self, played: Played
    ) -> None:
        broker = played([100.0, 101.0], {0: buys(1000)}, account=CashAccount())

        order = broker.book["1"]
        assert order.reason
        assert not order.is_open
        assert broker.get_cash() >= 0

    def test_fills_of_one_bar_share_the_account(self, played: Played) -> None:
        account = MarginAccount(initial_margin=0.5)
        broker = played([100.0] * 2, {0: buys(1500, 1500)}, account=account)

        assert sum(fill.quantity for fill in broker.fills) <= 2000
        assert broker.book["2"].reason


def test_the_size_that_a_bar_has_seen_moves_the_price(played: Played) -> None:
    """Two orders together pay what one of their size does at its end."""
    market = {
        "volume": [1000.0] * 2,
        "participation": SHARE,
        "slippage": VolumeImpact(0.1),
    }
    two = played([100.0] * 2, {0: buys(50, 50)}, **market)
    one = played([100.0] * 2, {0: buys(100)}, **market)

    first, second = (fill.price for fill in two.fills)
    assert 100 < first < second == one.fills[0].price
