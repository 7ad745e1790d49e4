"""Executing target weights: what is sent, cancelled and left alone, and in which sequence."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from ml4t.core import (
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    RebalanceConfig,
    RebalanceError,
    TargetWeightExecutor,
)
from ml4t.simulation import CashAccount, SimulatedBroker

AccountOf = Callable[..., SimulatedBroker]
Wait = Callable[[SimulatedBroker], None]
PRICES = {"A": 10.0, "B": 20.0, "C": 50.0}


def execute(
    broker: SimulatedBroker, weights: dict[str, float], **config: Any
) -> list[tuple[str, float]]:
    executor = TargetWeightExecutor(RebalanceConfig(**config))
    orders = executor.execute(weights, broker.bars or {}, broker)
    return [(order.asset, order.request.signed_quantity) for order in orders]


def holdings(broker: SimulatedBroker) -> dict[str, float]:
    return {asset: position.quantity for asset, position in broker.positions.items()}


def test_targets_are_reached_when_the_orders_have_filled(account_of: AccountOf, wait: Wait) -> None:
    broker = account_of(PRICES, {"C": 10.0}, cash=500.0, account=CashAccount())
    execute(broker, {"A": 0.5, "B": 0.3})
    wait(broker)

    assert holdings(broker) == {"A": 50.0, "B": 15.0}
    assert broker.get_cash() == 200.0


def test_sells_come_first(account_of: AccountOf) -> None:
    broker = account_of(PRICES, {"B": 25.0, "C": 10.0})

    assert execute(broker, {"A": 0.4, "B": 0.1, "C": 0.5}) == [("B", -20.0), ("A", 39.0)]


def test_what_sells_bring_pays_for_buys_in_the_same_bar(account_of: AccountOf, wait: Wait) -> None:
    broker = account_of(PRICES, {"A": 100.0}, account=CashAccount())
    execute(broker, {"B": 1.0})
    wait(broker)

    assert holdings(broker) == {"B": 49.0}
    assert {order.status for order in broker.book.orders.values()} == {OrderStatus.FILLED}


def test_orders_are_market_orders_with_a_tag(account_of: AccountOf) -> None:
    broker = account_of(PRICES, cash=1_000.0)
    (order,) = TargetWeightExecutor().execute({"A": 0.5}, broker.bars or {}, broker)

    assert (order.order_type, order.tag) == (OrderType.MARKET, "rebalance")


def test_a_rejected_order_comes_back_and_the_others_are_sent(account_of: AccountOf) -> None:
    class RefusesA(SimulatedBroker):
        def submit_order(self, asset: str, *rest: Any, **more: Any) -> Order:
            return super().submit_order("unlisted" if asset == "A" else asset, *rest, **more)

    broker = account_of(PRICES, cash=1_000.0, kind=RefusesA)
    executor = TargetWeightExecutor()
    orders = executor.execute({"A": 0.5, "B": 0.3}, broker.bars or {}, broker)

    assert [order.status for order in orders] == [OrderStatus.REJECTED, OrderStatus.ACCEPTED]


@pytest.mark.parametrize("weight", [math.nan, math.inf])
def test_a_weight_that_is_no_number_stops_before_anything_happens(
    account_of: AccountOf, weight: float
) -> None:
    broker = account_of(PRICES, cash=1_000.0)
    leftover = execute(broker, {"A": 0.5})
    with pytest.raises(RebalanceError, match="target weight of B"):
        execute(broker, {"A": 0.1, "B": weight})

    assert [(o.asset, o.request.signed_quantity) for o in broker.pending_orders] == leftover


class TestLeftovers:
    def test_orders_of_an_earlier_rebalance_are_cancelled(self, account_of: AccountOf) -> None:
        broker = account_of(PRICES, cash=1_000.0)
        execute(broker, {"A": 0.5})
        execute(broker, {"B": 0.4})

        assert [order.status for order in broker.book.orders.values()] == [
            OrderStatus.CANCELLED,
            OrderStatus.ACCEPTED,
        ]

    def test_orders_of_the_strategy_are_not(self, account_of: AccountOf) -> None:
        broker = account_of(PRICES, cash=1_000.0)
        own = broker.submit_order("A", 10, OrderSide.BUY, OrderType.LIMIT, limit_price=9.0)
        market = broker.submit_order("B", 1)
        execute(broker, {"A": 0.5})

        assert broker.book[own.id].is_open
        assert broker.book[market.id].is_open

    @pytest.mark.parametrize("side", OrderSide)
    def test_a_protective_order_is_not(self, account_of: AccountOf, side: OrderSide) -> None:
        broker = account_of(PRICES, {"A": -20.0 * side.sign}, cash=2_000.0)
        price = 10.0 + 5.0 * side.sign
        stop = broker.submit_order("A", 20, side, OrderType.STOP, stop_price=price)
        execute(broker, {})

        assert broker.book[stop.id].is_open

    def test_they_stay_if_they_are_not_to_be_cancelled(self, account_of: AccountOf) -> None:
        broker = account_of(PRICES, cash=1_000.0)
        execute(broker, {"A": 0.3})

        assert execute(broker, {"A": 0.5}, cancel_before_rebalance=False) == [("A", 20.0)]
        assert len(broker.pending_orders) == 2

    def test_a_cancellation_that_is_not_confirmed_still_counts(self, account_of: AccountOf) -> None:
        class CancelsLater(SimulatedBroker):
            def cancel_order(self, order_id: str) -> bool:
                return self.book[order_id].is_open

        broker = account_of(PRICES, cash=1_000.0, kind=CancelsLater)
        execute(broker, {"A": 0.3})

        assert execute(broker, {"A": 0.5}) == [("A", 20.0)]


class TestPreview:
    def test_it_shows_what_would_be_sent_once_leftovers_are_gone(
        self, account_of: AccountOf
    ) -> None:
        broker = account_of(PRICES, cash=1_000.0)
        execute(broker, {"A": 0.3})
        rows = TargetWeightExecutor().preview({"A": 0.5}, broker.bars or {}, broker)

        assert [(row.asset, row.quantity) for row in rows] == [("A", 50.0)]
        assert execute(broker, {"A": 0.5}) == [("A", 50.0)]

    def test_it_sends_and_cancels_nothing(self, account_of: AccountOf) -> None:
        broker = account_of(PRICES, {"B": 5.0}, cash=1_000.0)
        execute(broker, {"A": 0.3})
        before = broker.pending_orders
        TargetWeightExecutor().preview({"A": 0.5}, broker.bars or {}, broker)

        assert broker.pending_orders == before

    def test_it_refuses_what_execute_refuses(self, account_of: AccountOf) -> None:
        broker = account_of(PRICES, cash=1_000.0)
        with pytest.raises(RebalanceError):
            TargetWeightExecutor().preview({"A": math.nan}, broker.bars or {}, broker)


class TestShort:
    def test_a_flip_is_one_order(self, account_of: AccountOf, wait: Wait) -> None:
        broker = account_of(PRICES, {"A": 50.0}, cash=500.0)

        assert execute(broker, {"A": -0.5}, allow_short=True) == [("A", -100.0)]
        wait(broker)
        assert holdings(broker) == {"A": -50.0}

    def test_a_short_position_becomes_long(self, account_of: AccountOf, wait: Wait) -> None:
        broker = account_of(PRICES, {"A": -50.0}, cash=1_500.0)
        execute(broker, {"A": 0.5}, allow_short=True)
        wait(broker)

        assert holdings(broker) == {"A": 50.0}

    def test_a_short_side_pays_for_a_long_side(self, account_of: AccountOf, wait: Wait) -> None:
        broker = account_of(PRICES, cash=1_000.0)
        weights = {"A": 1.0, "B": -1.0}
        execute(broker, weights, allow_short=True, max_gross_leverage=2.0)
        wait(broker)

        assert holdings(broker) == {"A": 100.0, "B": -50.0}

    def test_a_cash_account_is_asked_for_no_short_sale(self, account_of: AccountOf) -> None:
        broker = account_of(PRICES, {"A": 10.0}, cash=900.0, account=CashAccount())

        assert execute(broker, {"A": -0.5}) == [("A", -10.0)]
