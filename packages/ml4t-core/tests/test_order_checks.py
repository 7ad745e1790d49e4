"""For which reasons the simulated venue refuses an order the moment it arrives."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ml4t.core import Asset, Order, OrderSide, OrderStatus, OrderType, TimeInForce
from ml4t.simulation import CashAccount, MarginAccount, SimulatedBroker

Played = Callable[..., SimulatedBroker]
START = datetime(2024, 1, 2, 14, 31, tzinfo=UTC)
BUY, SELL = OrderSide.BUY, OrderSide.SELL
FUTURE = Asset(symbol="A", multiplier=50.0, lot_size=5.0, tick_size=0.25)
NAN = float("nan")


def ask(played: Played, *arguments: Any, **more: Any) -> Order:
    """What the venue answers at a price of 100."""
    market = {name: more.pop(name) for name in ("account", "terms", "cash") if name in more}
    held = more.pop("held", 0)
    answers: list[Order] = []

    def act(broker: SimulatedBroker) -> None:
        answers.append(broker.submit_order(*arguments, **more))

    actions: dict[int, Any] = {1: act}
    if held:
        actions[0] = lambda broker: broker.submit_order("A", held)
    played([100.0] * 2, actions, **market)
    (answer,) = answers
    return answer


def refused(order: Order) -> str:
    assert order.status is OrderStatus.REJECTED
    assert order.reason
    return order.reason


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"quantity": 0.0}, "quantity must be positive and finite, was 0.0"),
        ({"quantity": NAN}, "quantity must be positive and finite, was nan"),
        ({"quantity": float("-inf")}, "quantity must be positive and finite, was inf"),
        ({"order_type": OrderType.LIMIT, "limit_price": 0.0}, "limit_price must be positive"),
        ({"order_type": OrderType.STOP, "stop_price": NAN}, "stop_price must be positive"),
        (
            {"order_type": OrderType.TRAILING_STOP, "trail_amount": -1.0},
            "trail_amount must be positive",
        ),
        (
            {"order_type": OrderType.TRAILING_STOP, "trail_percent": 100.0},
            "trail_percent must be below 100",
        ),
    ],
)
def test_a_number_that_no_venue_takes(played: Played, arguments: dict[str, Any], said: str) -> None:
    quantity = arguments.get("quantity", 10)
    rest = {name: value for name, value in arguments.items() if name != "quantity"}

    assert said in refused(ask(played, "A", quantity, **rest))


def test_an_asset_that_is_not_listed(played: Played) -> None:
    assert refused(ask(played, "B", 1)) == "the venue does not list 'B'"


@pytest.mark.parametrize("quantity", [4.0, 7.5, 5.001])
def test_a_quantity_between_two_lots(played: Played, quantity: float) -> None:
    said = refused(ask(played, "A", quantity, terms=FUTURE))

    assert said == f"quantity {quantity:g} is no multiple of lot 5"


def test_lots_that_are_no_binary_fractions_are_lots_all_the_same(played: Played) -> None:
    terms = Asset(symbol="A", lot_size=0.1)

    assert [ask(played, "A", n * 0.1, terms=terms).is_open for n in (1, 3, 7, 999)] == [True] * 4


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"order_type": OrderType.LIMIT, "limit_price": 90.1}, "limit_price 90.1"),
        ({"order_type": OrderType.STOP, "stop_price": 110.1}, "stop_price 110.1"),
        ({"order_type": OrderType.TRAILING_STOP, "trail_amount": 0.3}, "trail_amount 0.3"),
    ],
)
def test_a_price_between_two_ticks(played: Played, arguments: dict[str, Any], name: str) -> None:
    order = ask(played, "A", 5, BUY, terms=FUTURE, **arguments)

    assert refused(order) == f"{name} is no multiple of the tick 0.25"


@pytest.mark.parametrize(
    "arguments",
    [
        {"order_type": OrderType.LIMIT, "limit_price": 90.25},
        {"order_type": OrderType.TRAILING_STOP, "trail_percent": 0.3},
        {},
    ],
)
def test_what_lies_on_a_tick_or_has_no_price(played: Played, arguments: dict[str, Any]) -> None:
    assert ask(played, "A", 5, BUY, terms=FUTURE, **arguments).is_open


def test_ticks_that_are_no_binary_fractions_are_ticks_all_the_same(played: Played) -> None:
    terms = Asset(symbol="A", tick_size=0.01)
    orders = [
        ask(played, "A", 1, BUY, OrderType.LIMIT, price, terms=terms)
        for price in (0.07, 10.29, 99.99)
    ]

    assert [order.reason for order in orders] == [""] * 3


@pytest.mark.parametrize(("minutes", "taken"), [(0, False), (1, False), (2, True)])
def test_an_instant_that_has_passed(played: Played, minutes: int, taken: bool) -> None:
    till = START + timedelta(minutes=minutes)
    order = ask(played, "A", 1, time_in_force=TimeInForce.GTD, good_till=till)

    assert order.is_open is taken
    assert taken or order.reason.endswith("has passed")


@pytest.mark.parametrize("time", [TimeInForce.OPG, TimeInForce.CLS])
def test_a_trigger_cannot_wait_for_an_auction(played: Played, time: TimeInForce) -> None:
    order = ask(played, "A", 1, BUY, OrderType.STOP, stop_price=110.0, time_in_force=time)

    assert refused(order) == "a STOP order cannot wait for an auction"


class TestAffordability:
    """The account has 100,000 and the price is 100."""

    @pytest.mark.parametrize(
        ("account", "most"),
        [(CashAccount(), 1000), (MarginAccount(initial_margin=0.5), 2000)],
        ids=["cash", "margin"],
    )
    def test_a_purchase_is_worth_what_the_account_carries_at_most(
        self, played: Played, account: Any, most: int
    ) -> None:
        assert ask(played, "A", most, account=account).is_open
        said = refused(ask(played, "A", most + 1, account=account))
        assert said == (
            f"the order is worth {(most + 1) * 100:.2f}, "
            f"the account could carry {most * 100:.2f} at most"
        )

    def test_a_limit_is_what_a_purchase_costs_at_most(self, played: Played) -> None:
        def buys(limit: float) -> bool:
            order = ask(played, "A", 2000, BUY, OrderType.LIMIT, limit, account=CashAccount())
            return order.is_open

        assert (buys(50.0), buys(50.1), buys(1000.0)) == (True, False, False)

    def test_a_multiplier_counts(self, played: Played) -> None:
        account = CashAccount()

        assert ask(played, "A", 20, terms=FUTURE, account=account).is_open
        refused(ask(played, "A", 25, terms=FUTURE, account=account))

    def test_a_short_sale_needs_as_much(self, played: Played) -> None:
        account = MarginAccount(initial_margin=0.5)

        assert ask(played, "A", -2000, account=account).is_open
        refused(ask(played, "A", -2001, account=account))

    def test_a_sale_of_what_is_held_needs_nothing(self, played: Played) -> None:
        account = MarginAccount(initial_margin=0.5)

        assert ask(played, "A", -4000, held=2000, account=account).is_open
        refused(ask(played, "A", -4001, held=2000, account=account))
        assert ask(played, "A", 4000, held=-2000, account=account).is_open
        refused(ask(played, "A", 4001, held=-2000, account=account))

    def test_what_takes_back_waiting_orders_opens_nothing(self, played: Played) -> None:
        answers: list[Order] = []

        def act(broker: SimulatedBroker) -> None:
            answers.extend(broker.submit_order("A", quantity) for quantity in (15, 15, -30))
            answers.append(broker.submit_order("A", -51))

        played([100.0] * 2, {1: act}, account=MarginAccount(), cash=1_000.0)

        assert [order.status for order in answers[:3]] == [OrderStatus.ACCEPTED] * 3
        assert "worth 2100.00, the account could carry 2000.00" in refused(answers[3])

    def test_what_adds_to_a_position_is_not_helped_by_it(self, played: Played) -> None:
        account = MarginAccount(initial_margin=0.5)

        refused(ask(played, "A", 2001, held=10, account=account))

    def test_what_only_reduces_is_never_too_much(self, played: Played) -> None:
        assert ask(played, "A", -(10**9), reduce_only=True).is_open

    def test_in_a_cash_account_a_sale_is_not_weighed(self, played: Played) -> None:
        """How much is held when it fills is what decides."""
        assert ask(played, "A", -(10**9), account=CashAccount()).is_open

    def test_an_account_without_equity_carries_nothing(self, played: Played) -> None:
        refused(ask(played, "A", 1, cash=0.0))

    def test_before_the_first_bar_no_price_is_known(
        self, broker_of: Callable[..., SimulatedBroker]
    ) -> None:
        assert broker_of("A").submit_order("A", 10**9).is_open


def test_a_refused_order_stands_in_the_book(played: Played) -> None:
    broker = played([100.0] * 2, {0: lambda b: b.submit_order("A", 0)})

    assert [order.status for order in broker.book.orders.values()] == [OrderStatus.REJECTED]
    assert (broker.fills, list(broker.pending_orders)) == ([], [])
