"""Controls 6 to 8, 17, 20, 21, 23, 24: what may be held of one asset."""

import math

import pytest

from ml4t.core import OrderStatus, OrderType
from ml4t.core.risk import Approved, LiveRiskConfig, Placement, Refused, SelfTrade, review

NAN = math.nan
WAITING = [OrderStatus.PENDING, OrderStatus.ACCEPTED, OrderStatus.UNKNOWN, OrderStatus.HELD]


@pytest.mark.parametrize("status", WAITING)
@pytest.mark.parametrize("is_foreign", [False, True])
def test_control_06_counts_all_that_is_open(desk_of, status, is_foreign):
    desk = desk_of(max_position_shares=100)
    desk.hold(50)
    desk.work(30, status=status, is_foreign=is_foreign)
    assert desk.control(19) is None
    assert desk.control(20) is None
    assert 6 == desk.control(21)


def test_control_06_counts_each_side_for_itself(desk_of):
    desk = desk_of(max_position_shares=100)
    desk.work(-100, limit_price=200.0)
    assert desk.control(100, limit_price=90.0) is None
    assert 6 == desk.control(-1, limit_price=210.0)


def test_control_06_never_blocks_an_exit(desk_of):
    desk = desk_of(max_position_shares=100, max_position_value=100, max_total_exposure=100)
    desk.hold(500)
    assert desk.control(-200) is None
    assert desk.control(-500) is None


@pytest.mark.parametrize("held", [NAN, math.inf])
def test_control_06_refuses_beside_a_position_that_is_not_known(desk_of, held):
    desk = desk_of(max_position_shares=100)
    desk.hold(held)
    assert 6 == desk.control(1)


@pytest.mark.parametrize(("quantity", "expected"), [(9, None), (10, None), (10.1, 6)])
def test_control_06_caps_the_value_of_a_position(desk_of, quantity, expected):
    desk = desk_of(max_position_value=2000)
    desk.hold(10)
    assert expected == desk.control(quantity)


def test_control_06_needs_a_price_for_a_value(desk_of):
    desk = desk_of(max_position_value=2000)
    desk.quote(NAN)
    assert isinstance(desk.ask(1), Refused)


def test_control_06_counts_alternatives_once(desk_of):
    desk = desk_of(max_position_shares=100)
    desk.work(60, group="g", limit_price=90.0)
    desk.work(60, group="g", limit_price=91.0)
    assert desk.control(40, limit_price=90.0) is None
    assert 6 == desk.control(41, limit_price=90.0)


def test_control_06_counts_the_exits_of_an_entry_as_no_position(desk_of):
    desk = desk_of(max_position_shares=100, allow_short=False)
    parent = desk.work(60, limit_price=90.0)
    desk.work(-60, parent=parent.id, group="g", status=OrderStatus.HELD, limit_price=120.0)
    assert 0.0 == desk.book.worst_case("SPY").short
    desk.fill(parent)
    assert (60.0, 0.0) == (
        desk.book.worst_case("SPY").long,
        desk.book.worst_case("SPY").short,
    )


def test_a_child_that_wakes_is_judged_in_its_own_place(desk_of):
    desk = desk_of(allow_short=False)
    parent = desk.work(60, limit_price=90.0)
    group = {"parent": parent.id, "group": "g", "status": OrderStatus.HELD}
    target = desk.work(-60, limit_price=120.0, **group)
    desk.work(-60, order_type=OrderType.STOP, stop_price=80.0, **group)
    desk.fill(parent)
    place = Placement(reserved_as=target.id, parent=parent.id, group="g")
    answer = review(target.request, desk.book, desk.moment, placement=place)
    assert isinstance(answer, Approved)
    assert 23 == desk.control(-60, limit_price=121.0) or 24 == desk.control(-60, limit_price=121.0)


@pytest.mark.parametrize(
    ("limits", "quantity", "expected"),
    [
        ({"max_total_exposure": 3000}, 10, None),
        ({"max_total_exposure": 3000}, 10.1, 7),
        ({"max_net_exposure": 500}, 5, None),
        ({"max_net_exposure": 500}, 5.1, 7),
        ({"max_net_exposure": 500}, -5.1, 7),
        ({"max_leverage": 0.003}, 10, None),
        ({"max_leverage": 0.003}, 10.1, 7),
    ],
)
def test_control_07_caps_the_exposure_of_all(desk_of, limits, quantity, expected):
    desk = desk_of(**limits)
    for asset, held in (("A", 10), ("B", -10)):
        desk.list(asset)
        desk.hold(held, asset)
    assert expected == desk.control(quantity)


def test_control_07_refuses_beside_a_position_without_a_price(desk_of):
    desk = desk_of(max_total_exposure=3000)
    desk.list("A")
    desk.hold(1, "A")
    assert desk.control(1) is None
    desk.quote(NAN, asset="A")
    assert 7 == desk.control(1)


@pytest.mark.parametrize("equity", [NAN, 0.0, -1.0])
def test_control_07_needs_an_equity_for_leverage(desk_of, equity):
    desk = desk_of(max_leverage=2)
    desk.book.set_account(1000.0, equity, desk.now)
    assert 7 == desk.control(1)


def test_control_08_caps_the_number_of_assets_when_the_order_is_reserved(desk_of):
    desk = desk_of(max_positions=2)
    for asset in "AB":
        desk.list(asset)
    desk.hold(1, "A")
    assert desk.control(1, "B") is None
    desk.send(1, "B")
    assert desk.control(1, "A") is None
    assert 8 == desk.control(1)


def test_control_08_takes_only_what_is_allowed_and_every_exit(desk_of):
    desk = desk_of(allowed_assets=["SPY"])
    desk.list("QQQ")
    assert desk.control(1) is None
    assert 8 == desk.control(1, "QQQ")
    desk.hold(5, "QQQ")
    assert desk.control(-5, "QQQ") is None
    assert 8 == desk_of(allowed_assets=[]).control(1)


def test_control_17_quarantine_leaves_exits(desk_of):
    desk = desk_of()
    desk.hold(5)
    desk.book.quarantine("SPY", "high below low")
    assert (17, None) == (desk.control(1), desk.control(-5))
    desk.book.release("SPY")
    assert desk.control(1) is None


@pytest.mark.parametrize(
    ("resting", "new", "expected"),
    [
        pytest.param({"quantity": -1, "limit_price": 101.0}, {"limit_price": 101.0}, 20, id="meet"),
        pytest.param(
            {"quantity": -1, "limit_price": 101.0}, {"limit_price": 100.9}, None, id="apart"
        ),
        pytest.param({"quantity": -1, "limit_price": 105.0}, {}, 20, id="market-reaches"),
        pytest.param({"quantity": -1, "limit_price": 105.1}, {}, None, id="market-does-not"),
        pytest.param({"quantity": -1}, {"limit_price": 95.0}, 20, id="market-rests"),
        pytest.param({"quantity": -1, "stop_price": 95.0}, {}, None, id="stop-waits"),
        pytest.param(
            {"quantity": -1, "stop_price": 95.0}, {"limit_price": 94.0}, 20, id="stop-would-meet"
        ),
        pytest.param(
            {"quantity": -1, "stop_price": 95.0}, {"limit_price": 96.0}, None, id="fills-before"
        ),
        pytest.param(
            {"quantity": -1, "stop_price": 95.0}, {"stop_price": 105.0}, None, id="two-stops"
        ),
        pytest.param(
            {"quantity": -1, "limit_price": 107.0}, {"stop_price": 105.0}, 20, id="stop-reaches"
        ),
        pytest.param(
            {"quantity": -1, "limit_price": 120.0}, {"stop_price": 105.0}, None, id="out-of-reach"
        ),
    ],
)
def test_control_20_refuses_what_could_meet_an_own_order(desk_of, resting, new, expected):
    desk = desk_of(max_price_deviation_pct=5)
    for fields in (resting, new):
        if "stop_price" in fields:
            fields["order_type"] = OrderType.STOP
    order = desk.work(**resting)
    answer = desk.ask(1, **new)
    assert expected == (answer.control if isinstance(answer, Refused) else None)
    if isinstance(answer, Refused):
        assert (order.id,) == answer.conflicts


def test_control_20_sees_foreign_and_unknown_orders_but_no_sleeping_ones(desk_of):
    desk = desk_of()
    desk.work(-1, limit_price=100.0, status=OrderStatus.HELD)
    assert desk.control(1, limit_price=100.0) is None
    desk.work(-1, limit_price=100.0, is_foreign=True, status=OrderStatus.UNKNOWN)
    assert 20 == desk.control(1, limit_price=100.0)


def test_control_20_without_a_price_expects_the_worst(desk_of):
    desk = desk_of(max_price_deviation_pct=5)
    desk.hold(-1)
    desk.work(-1, limit_price=150.0)
    desk.quote(NAN)
    assert 20 == desk.control(1)


def test_control_20_may_be_answered_by_cancelling(desk_of):
    assert (
        SelfTrade.CANCEL_RESTING is LiveRiskConfig.of({"self_trade": "cancel_resting"}).self_trade
    )


@pytest.mark.parametrize(("hard", "exits"), [(False, None), (True, 21)])
def test_control_21_restricted_assets(desk_of, hard, exits):
    listed = desk_of(restricted_assets=["SPY"], restricted_hard=hard)
    told = desk_of()
    told.book.restrict("SPY", "sanctions", hard=hard)
    for desk in (listed, told):
        desk.hold(5)
        assert (21, exits) == (desk.control(1), desk.control(-5))


def test_control_23_refuses_a_sale_of_more_than_is_held_and_not_on_sale(desk_of):
    desk = desk_of(allow_short=False)
    assert 23 == desk.control(-1)
    desk.hold(10)
    assert desk.control(-10) is None
    desk.work(-4, limit_price=110.0)
    assert desk.control(-6) is None
    # Also a reversal, which is asked first.
    assert desk.control(-7) in {23, 24}


@pytest.mark.parametrize(("shortable", "expected"), [(True, None), (False, 23), (None, 23)])
def test_control_23_needs_the_venue_to_lend(desk_of, shortable, expected):
    desk = desk_of(allow_short=True)
    desk.book.set_shortable("SPY", is_shortable=shortable)
    assert expected == desk.control(-1)


@pytest.mark.parametrize(
    ("held", "quantity", "expected"),
    [(10, -9, None), (10, -10, None), (10, -11, 24), (-10, 10, None), (-10, 11, 24), (0, -5, None)],
)
@pytest.mark.parametrize("allow_flip", [False, True])
def test_control_24_lets_no_order_through_zero(desk_of, held, quantity, expected, allow_flip):
    desk = desk_of(allow_flip=allow_flip)
    desk.hold(held)
    assert expected == desk.control(quantity)


def test_control_24_refuses_an_exit_that_could_exceed_what_is_held(desk_of):
    desk = desk_of()
    desk.hold(10)
    desk.work(-10, limit_price=110.0)
    assert 24 == desk.control(-10, reduce_only=True)


@pytest.mark.parametrize(
    ("held", "open_orders", "expected"),
    [(10, [], -10), (10, [-4], -6), (10, [-10], 0), (10, [5], -10), (-10, [4], 6), (0, [], 0)],
)
def test_control_24_closing_counts_what_already_closes(desk_of, held, open_orders, expected):
    desk = desk_of()
    desk.hold(held)
    for quantity in open_orders:
        desk.work(quantity)
    assert expected == desk.book.closing_quantity("SPY")
