"""Controls 1 to 5: the numbers, the size and the prices of one order."""

import math

import pytest

from ml4t.core import Asset, OrderType, TimeInForce
from ml4t.core.risk import UNLIMITED, Approved, Refused, TradingState

NAN = math.nan


@pytest.mark.parametrize("quantity", [0.0, NAN, math.inf])
def test_control_01_refuses_quantities_that_are_none(desk_of, quantity):
    assert 1 == desk_of().control(quantity)


@pytest.mark.parametrize("price", [0.0, -1.0, NAN, math.inf])
def test_control_01_refuses_prices_that_are_none(desk_of, price):
    assert 1 == desk_of().control(10, limit_price=price)


def test_control_01_refuses_an_asset_without_terms(desk_of):
    assert 1 == desk_of().control(10, "QQQ")


def test_control_01_refuses_money_without_a_rate_and_takes_it_with_one(desk_of):
    desk = desk_of()
    desk.list("SAP", currency="EUR")
    assert 1 == desk.control(10, "SAP")
    desk.book.set_rate("EUR", NAN)
    assert 1 == desk.control(10, "SAP")
    desk.book.set_rate("EUR", 1.1)
    assert desk.control(10, "SAP") is None


@pytest.mark.parametrize(("quantity", "expected"), [(99, None), (100, None), (101, 2)])
def test_control_02_caps_the_units_of_an_order(desk_of, quantity, expected):
    desk = desk_of(max_order_shares=100)
    assert expected == desk.control(quantity)
    assert expected == desk.control(-quantity)


def test_control_02_holds_for_exits_but_not_for_a_person_who_closes(desk_of):
    desk = desk_of(max_order_shares=100)
    desk.hold(500)
    assert 2 == desk.control(-500)
    assert desk.control(-500, by_human=True) is None
    assert 2 == desk.control(500, by_human=True)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param({"quantity": 9, "limit_price": 110.0}, None, id="below"),
        pytest.param({"quantity": 10, "limit_price": 100.0}, None, id="exactly"),
        pytest.param({"quantity": 10, "limit_price": 100.01}, 3, id="above"),
        pytest.param({"quantity": 9.7}, None, id="market-with-buffer"),
        pytest.param({"quantity": 9.8}, 3, id="market-above-with-buffer"),
        pytest.param({"quantity": -10, "limit_price": 50.0}, None, id="sale-at-the-market"),
        pytest.param({"quantity": -10.1, "limit_price": 50.0}, 3, id="sale-is-worth-the-market"),
        pytest.param(
            {"quantity": 9, "order_type": OrderType.STOP, "stop_price": 112.0}, 3, id="stop"
        ),
        pytest.param(
            {
                "quantity": 9,
                "order_type": OrderType.STOP_LIMIT,
                "stop_price": 105.0,
                "limit_price": 112.0,
            },
            3,
            id="stop-limit",
        ),
    ],
)
def test_control_03_caps_the_value_of_an_order_at_its_worst_price(desk_of, order, expected):
    assert expected == desk_of(max_order_value=1000).control(**order)


def test_control_03_counts_the_multiplier_and_the_rate(desk_of):
    desk = desk_of(max_order_value=1000)
    desk.list("FDAX", multiplier=5, currency="EUR")
    desk.book.set_rate("EUR", 1.1)
    assert desk.control(1.8, "FDAX", limit_price=100.0) is None
    assert 3 == desk.control(1.9, "FDAX", limit_price=100.0)


@pytest.mark.parametrize("price", [NAN, 0.0, -5.0, math.inf])
def test_control_03_refuses_what_cannot_be_valued(desk_of, price):
    desk = desk_of(max_order_value=1000)
    desk.quote(price)
    assert isinstance(desk.ask(1), Refused)


def test_control_03_lets_an_exit_pass_that_cannot_be_valued(desk_of):
    desk = desk_of(max_order_value=1000)
    desk.hold(5)
    desk.quote(NAN)
    assert desk.control(-5) is None


def test_control_03_adds_up_what_opens_risk_within_an_hour(desk_of):
    desk = desk_of(max_hourly_value=1000)
    assert isinstance(desk.send(6, limit_price=100.0), Approved)
    assert desk.control(4, limit_price=100.0) is None
    assert 3 == desk.control(4, limit_price=100.1)
    desk.now += 3600.0
    assert desk.control(10, limit_price=100.0) is None


def test_control_03_does_not_count_exits_within_an_hour(desk_of):
    desk = desk_of(max_hourly_value=1000)
    desk.hold(50)
    assert isinstance(desk.send(-50, limit_price=120.0), Approved)
    assert desk.control(9, limit_price=100.0) is None


STOP, LIMIT_TOUCH = OrderType.STOP, OrderType.LIMIT_IF_TOUCHED


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param({"quantity": 1, "limit_price": 104.9}, None, id="near"),
        pytest.param({"quantity": 1, "limit_price": 105.0}, None, id="near-exactly"),
        pytest.param({"quantity": 1, "limit_price": 105.1}, 4, id="near-beyond"),
        pytest.param({"quantity": 1, "limit_price": 80.0}, None, id="far-exactly"),
        pytest.param({"quantity": 1, "limit_price": 79.9}, 4, id="far-beyond"),
        pytest.param({"quantity": -1, "limit_price": 95.0}, None, id="sale-near-exactly"),
        pytest.param({"quantity": -1, "limit_price": 94.9}, 4, id="sale-near-beyond"),
        pytest.param({"quantity": -1, "limit_price": 120.1}, 4, id="sale-far-beyond"),
        pytest.param({"quantity": 1, "stop_price": 120.0}, None, id="stop-far-exactly"),
        pytest.param({"quantity": 1, "stop_price": 120.1}, 4, id="stop-far-beyond"),
        pytest.param({"quantity": 1, "stop_price": 94.9}, 4, id="stop-triggers-at-once"),
        pytest.param({"quantity": -1, "stop_price": 79.9}, 4, id="sale-stop-far-beyond"),
        pytest.param(
            {"quantity": 1, "stop_price": 110.0, "limit_price": 116.0}, 4, id="limit-of-stop"
        ),
        pytest.param(
            {"quantity": 1, "stop_price": 90.0, "limit_price": 90.0, "order_type": LIMIT_TOUCH},
            None,
            id="touch",
        ),
        pytest.param(
            {"quantity": 1, "stop_price": 106.0, "limit_price": 90.0, "order_type": LIMIT_TOUCH},
            4,
            id="touched-at-once",
        ),
        pytest.param({"quantity": -1, "trail_percent": 20.0}, None, id="trail-exactly"),
        pytest.param({"quantity": -1, "trail_percent": 20.1}, 4, id="trail-percent-beyond"),
        pytest.param({"quantity": -1, "trail_amount": 20.1}, 4, id="trail-amount-beyond"),
    ],
)
def test_control_04_keeps_prices_within_the_collar(desk_of, order, expected):
    if "stop_price" in order:
        kind = OrderType.STOP_LIMIT if "limit_price" in order else STOP
        order = {"order_type": kind, **order}
    if "trail_percent" in order or "trail_amount" in order:
        order = {"order_type": OrderType.TRAILING_STOP, **order}
    assert expected == desk_of(max_price_deviation_pct=5, far_limit_pct=20).control(**order)


def test_control_04_judges_by_the_middle_of_bid_and_ask(desk_of):
    desk = desk_of(max_price_deviation_pct=5)
    desk.quote(200.0, bid=99.0, ask=101.0)
    assert desk.control(1, limit_price=105.0) is None
    assert 4 == desk.control(1, limit_price=106.0)


def test_control_04_holds_for_exits_unless_no_price_is_known(desk_of):
    desk = desk_of(max_price_deviation_pct=5)
    desk.hold(10)
    assert 4 == desk.control(-10, limit_price=90.0)
    desk.quote(NAN)
    assert desk.control(-10, limit_price=90.0) is None


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        (99.5, 100.5, None),
        (99.0, 101.0, None),
        (98.9, 101.1, 4),
        (NAN, 100.0, 4),
        (101.0, 99.0, 4),
        (None, None, None),
    ],
)
def test_control_04_refuses_market_orders_in_a_wide_market(desk_of, bid, ask, expected):
    desk = desk_of(max_spread_pct=2)
    desk.quote(100.0, bid=bid, ask=ask)
    assert expected == desk.control(1)
    assert desk.control(1, limit_price=100.0) is None


@pytest.mark.parametrize(("quantity", "limit"), [(1, 105.17), (-1, 95.17)])
def test_control_04_sends_market_orders_as_limits_at_the_edge(desk_of, quantity, limit):
    desk = desk_of(max_price_deviation_pct=5, market_as_limit=True)
    desk.list("SPY", 100.173, tick_size=0.01)
    answer = desk.ask(quantity, time_in_force=TimeInForce.IOC)
    assert isinstance(answer, Approved)
    assert OrderType.LIMIT is answer.request.order_type
    # Rounded towards the market: 105.18165 down, 95.16435 up.
    assert {1: 105.18, -1: 95.17}[quantity] == answer.request.limit_price
    assert TimeInForce.IOC is answer.request.time_in_force
    assert abs(limit - answer.request.limit_price) <= 0.011


@pytest.mark.parametrize(
    ("quantity", "price", "expected"),
    [(10, 100.05, None), (15, 100.05, 5), (10, 100.051, 5), (10.0000001, 100.05, 5)],
)
def test_control_05_refuses_what_lies_between_two_steps(desk_of, quantity, price, expected):
    desk = desk_of()
    desk.book.set_asset(Asset(symbol="SPY", lot_size=10, tick_size=0.05))
    assert expected == desk.control(quantity, limit_price=price)


def test_control_05_holds_for_exits(desk_of):
    desk = desk_of()
    desk.book.set_asset(Asset(symbol="SPY", lot_size=10))
    desk.hold(30)
    assert 5 == desk.control(-15)


@pytest.mark.parametrize(
    ("state", "quantity", "by_human", "expected"),
    [
        (TradingState.ACTIVE, 1, False, None),
        (TradingState.REDUCING, 1, False, 0),
        (TradingState.REDUCING, -10, False, None),
        (TradingState.REDUCING, -11, False, 0),
        (TradingState.HALTED, -10, False, 0),
        (TradingState.HALTED, -10, True, None),
        (TradingState.HALTED, 1, True, 0),
    ],
)
def test_control_00_state_decides_what_passes(desk_of, state, quantity, by_human, expected):
    desk = desk_of()
    desk.hold(10)
    desk.book.state = state
    assert expected == desk.control(quantity, by_human=by_human)


def test_a_limit_that_is_off_on_purpose_is_not_checked(desk_of):
    assert desk_of(max_order_shares=UNLIMITED).control(1e9) is None
