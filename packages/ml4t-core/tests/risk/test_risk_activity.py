"""Controls 9 to 13, 22 and 27: how much is sent, and when."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from ml4t.core import OrderSide, OrderStatus, OrderType, TimeInForce
from ml4t.core.errors import ConfigError
from ml4t.core.risk import (
    Action,
    Approved,
    DailyWindow,
    Refused,
    TradingState,
    review_alternatives,
    review_cancel,
    review_family,
    review_replace,
)

NAN = math.nan


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.UNKNOWN, OrderStatus.HELD])
def test_control_09_caps_open_orders_of_a_side(desk_of, status):
    desk = desk_of(max_working_orders_per_side=2)
    desk.work(1, limit_price=90.0, status=status)
    assert desk.control(1, limit_price=91.0) is None
    desk.work(1, limit_price=90.0, is_foreign=True)
    assert 9 == desk.control(1, limit_price=91.0)
    assert desk.control(-1, limit_price=110.0) is None


def test_control_09_caps_open_orders_of_all(desk_of):
    desk = desk_of(max_working_orders=2)
    desk.list("QQQ")
    first = desk.work(1, "QQQ")
    assert desk.control(1) is None
    desk.work(-1, "QQQ")
    assert 9 == desk.control(1)
    desk.book.set_order(first.to(OrderStatus.CANCELLED, None))
    assert desk.control(1) is None


def test_control_09_counts_the_orders_of_one_call(desk_of):
    desk = desk_of(max_working_orders=2)
    parent = desk.request(1, limit_price=90.0)
    child = desk.request(-1, limit_price=120.0, reduce_only=True)
    stop = desk.request(-1, order_type=OrderType.STOP, stop_price=80.0, reduce_only=True)
    assert 2 == len(review_family(parent, [child], desk.book, desk.moment))
    refused = review_family(parent, [child, stop], desk.book, desk.moment)
    assert isinstance(refused, Refused)
    assert 9 == refused.control


def test_control_10_is_a_bucket_that_refills(desk_of):
    desk = desk_of(max_orders_per_minute=2)
    assert isinstance(desk.send(1, limit_price=90.0), Approved)
    assert isinstance(desk.send(1, limit_price=91.0), Approved)
    desk.now += 29.0
    assert 10 == desk.control(1)
    desk.now += 1.0
    assert desk.control(1) is None


def test_control_10_denied_tries_consume_nothing(desk_of):
    desk = desk_of(max_orders_per_minute=1, max_order_shares=10)
    for _ in range(20):
        assert 2 == desk.control(11)
    assert desk.control(10) is None


@pytest.mark.parametrize("now", [NAN, -math.inf])
def test_control_10_a_clock_that_is_none_brings_nothing(desk_of, now):
    desk = desk_of(max_orders_per_minute=1)
    desk.hold(5)
    desk.send(1, limit_price=90.0)
    desk.now = now
    assert 10 == desk.control(-5, limit_price=110.0)


def test_control_11_keeps_a_quarter_for_cancels(desk_of):
    desk = desk_of(max_messages_per_second=4)
    orders = [desk.work(1, limit_price=90.0) for _ in range(3)]
    for _ in range(3):
        assert desk.control(1, limit_price=90.0) is None
        desk.book.note_message(desk.now)
    assert 11 == desk.control(1, limit_price=90.0)
    cancel = review_cancel(orders[0], desk.book, desk.moment)
    assert isinstance(cancel, Approved)
    assert (Action.CANCEL, orders[0].id) == (cancel.action, cancel.order_id)
    desk.book.note_message(desk.now)
    refused = review_cancel(orders[1], desk.book, desk.moment)
    assert isinstance(refused, Refused)
    assert 11 == refused.control
    assert isinstance(review_cancel(orders[1], desk.book, desk.moment, by_human=True), Approved)
    desk.now += 0.25
    assert isinstance(review_cancel(orders[1], desk.book, desk.moment), Approved)


def test_control_11_counts_orders_as_messages(desk_of):
    desk = desk_of(max_messages_per_second=2)
    desk.send(1, limit_price=90.0)
    assert 11 == desk.control(1, limit_price=91.0)


def test_control_11_lets_a_cancel_pass_while_trading_is_halted(desk_of):
    desk = desk_of()
    order = desk.work(1)
    desk.book.state = TradingState.HALTED
    assert isinstance(review_cancel(order, desk.book, desk.moment), Approved)


def test_control_12_refuses_the_same_order_within_the_window(desk_of):
    desk = desk_of(dedup_window_seconds=1)
    desk.send(1, limit_price=90.0)
    desk.now += 0.999
    assert 12 == desk.control(1, limit_price=90.0)
    assert desk.control(1, limit_price=90.01) is None
    assert desk.control(2, limit_price=90.0) is None
    desk.now += 0.001
    assert desk.control(1, limit_price=90.0) is None


def test_control_12_a_clock_that_is_none_refuses(desk_of):
    desk = desk_of(dedup_window_seconds=1)
    desk.hold(5)
    desk.send(-1, limit_price=110.0)
    desk.now = NAN
    assert 12 == desk.control(-1, limit_price=110.0)


def test_control_13_halts_who_repeats_without_a_fill(desk_of):
    desk = desk_of(max_repeat=2, repeat_seconds=60)
    for price in (90.0, 91.0):
        assert isinstance(desk.send(1, limit_price=price), Approved)
    refused = desk.ask(1, limit_price=92.0)
    assert isinstance(refused, Refused)
    assert (13, TradingState.HALTED, True) == (
        refused.control,
        refused.breach.state,
        refused.breach.is_latched,
    )
    assert desk.control(-1, limit_price=120.0) is None
    desk.now += 60.0
    assert desk.control(1, limit_price=92.0) is None


def test_control_13_a_fill_ends_the_row(desk_of):
    desk = desk_of(max_repeat=1)
    desk.send(1, limit_price=90.0)
    assert 13 == desk.control(1, limit_price=91.0)
    desk.book.note_fill("SPY", OrderSide.BUY, desk.now)
    assert desk.control(1, limit_price=91.0) is None


def test_control_13_halts_after_refusals_in_a_row(desk_of):
    desk = desk_of(max_rejects=2)
    desk.book.note_reject(desk.now)
    assert desk.control(1) is None
    desk.book.note_reject(desk.now)
    assert 13 == desk.control(1)
    desk.book.rearm()
    assert desk.control(1) is None


def test_control_13_an_accepted_order_ends_the_refusals(desk_of):
    desk = desk_of(max_rejects=2)
    desk.book.note_reject(desk.now)
    desk.work(1, limit_price=90.0)
    desk.book.note_reject(desk.now)
    assert desk.control(1) is None


def test_control_13_halts_after_too_many_round_trips(desk_of):
    desk = desk_of(max_round_trips_per_hour=2)
    for _ in range(2):
        assert desk.control(1) is None
        desk.fill(desk.order(1))
        desk.fill(desk.order(-1))
    assert 13 == desk.control(1)
    desk.now += 3600.0
    assert desk.control(1) is None


@pytest.mark.parametrize(
    ("fields", "order", "expected"),
    [
        pytest.param({}, {}, None, id="regular"),
        pytest.param({"is_regular": False}, {}, 22, id="not-regular"),
        pytest.param({"session": None, "is_regular": False}, {}, 22, id="closed"),
        pytest.param({"session": None}, {}, 22, id="session-not-known"),
        pytest.param({"blackout": "gateway restarts"}, {}, 22, id="blackout"),
        pytest.param(
            {"session": None, "is_regular": False},
            {"order_type": OrderType.MARKET_ON_OPEN},
            22,
            id="opening-not-known",
        ),
    ],
)
def test_control_22_keeps_orders_in_regular_hours(desk_of, fields, order, expected):
    desk = desk_of()
    desk.moment_fields.update(fields)
    assert expected == desk.control(1, **order)


def test_control_22_can_be_open_at_all_hours(desk_of):
    desk = desk_of(regular_hours_only=False)
    desk.moment_fields.update(session=None, is_regular=False)
    assert desk.control(1) is None


@pytest.mark.parametrize(("seconds", "expected"), [(600.0, None), (599.0, 22)])
@pytest.mark.parametrize(
    "order",
    [{"order_type": OrderType.MARKET_ON_CLOSE}, {"time_in_force": TimeInForce.CLS}],
)
def test_control_22_orders_for_the_close_leave_in_time(desk_of, seconds, expected, order):
    desk = desk_of()
    desk.now += 4 * 3600 - seconds
    assert expected == desk.control(1, **order)


@pytest.mark.parametrize(("seconds", "expected"), [(120.0, None), (119.0, 22)])
def test_control_22_orders_for_the_opening_leave_in_time(desk_of, seconds, expected):
    desk = desk_of()
    opens = desk.moment.instant + timedelta(seconds=seconds)
    desk.moment_fields.update(session=None, is_regular=False, next_opens=opens)
    assert expected == desk.control(1, time_in_force=TimeInForce.OPG)


def test_control_22_a_halted_asset_gets_nothing(desk_of):
    desk = desk_of()
    desk.hold(5)
    desk.book.halt("SPY", "volatility")
    assert (22, 22) == (desk.control(1), desk.control(-5))
    desk.book.halt("SPY", "")
    assert desk.control(1) is None


@pytest.mark.parametrize(
    ("at", "expected"),
    [("11:58:59", None), ("11:59:00", 22), ("12:00:30", 22), ("12:02:00", 22), ("12:02:01", None)],
)
def test_control_22_nothing_leaves_within_a_minute_of_a_restart(desk_of, at, expected):
    desk = desk_of(blackouts=["12:00-12:01 America/New_York"], regular_hours_only=False)
    noon = datetime(2026, 1, 5, 17, tzinfo=UTC)
    hours, minutes, seconds = map(int, at.split(":"))
    wanted = noon.replace(hour=hours + 5, minute=minutes, second=seconds)
    desk.now += (wanted - noon).total_seconds()
    desk.quote(100.0)
    assert expected == desk.control(1)


def test_control_22_a_window_spans_midnight():
    window = DailyWindow.of("23:59-00:01 UTC")
    at = datetime(2026, 1, 5, tzinfo=UTC)
    expected = [False, True, True, True, False]
    offsets = (-3, -2, 0, 2, 3)
    assert expected == [window.holds(at + timedelta(minutes=m)) for m in offsets]


@pytest.mark.parametrize("text", ["", "23:45", "23:45-23:46", "25:00-26:00 UTC", "1:0-2:0 Nowhere"])
def test_control_22_a_window_that_is_none_is_refused(text):
    with pytest.raises(ConfigError):
        DailyWindow.of(text)
    with pytest.raises(ConfigError):
        DailyWindow.of("10:00-11:00 Nowhere/Else")


@pytest.mark.parametrize(
    ("limits", "unknown", "expected"),
    [
        ({"max_unknown_orders": 1}, 1, None),
        ({"max_unknown_orders": 1}, 2, 27),
        ({"max_unknown_orders_per_asset": 1}, 1, None),
        ({"max_unknown_orders_per_asset": 1}, 2, 27),
    ],
)
def test_control_27_halts_when_too_many_fates_are_unknown(desk_of, limits, unknown, expected):
    desk = desk_of(**limits)
    desk.work(1, status=OrderStatus.UNKNOWN, is_foreign=True)
    for _ in range(unknown):
        desk.work(1, status=OrderStatus.UNKNOWN)
    answer = desk.ask(1)
    assert expected == (answer.control if isinstance(answer, Refused) else None)
    if isinstance(answer, Refused):
        assert TradingState.HALTED is answer.breach.state


def test_a_replacement_counts_with_the_larger_of_both(desk_of):
    desk = desk_of(max_position_shares=100)
    order = desk.work(60, limit_price=90.0)
    larger = desk.request(100, limit_price=91.0)
    answer = review_replace(order, larger, desk.book, desk.moment)
    assert isinstance(answer, Approved)
    assert (Action.REPLACE, order.id) == (answer.action, answer.order_id)
    desk.book.set_order(order, replacing=larger)
    assert 100.0 == desk.book.worst_case("SPY").long
    assert 6 == desk.control(1)
    desk.book.set_order(order)
    assert 60.0 == desk.book.worst_case("SPY").long
    refused = review_replace(order, desk.request(101, limit_price=91.0), desk.book, desk.moment)
    assert isinstance(refused, Refused)
    assert 6 == refused.control


def test_a_replacement_counts_as_an_order_and_a_message_but_as_no_repeat(desk_of):
    desk = desk_of(max_orders_per_minute=1, max_repeat=1, dedup_window_seconds=5)
    order = desk.work(1, limit_price=90.0)
    changed = desk.request(1, limit_price=91.0)
    assert isinstance(review_replace(order, changed, desk.book, desk.moment), Approved)
    desk.book.note_sent(changed, desk.now, is_replacement=True)
    refused = review_replace(order, changed, desk.book, desk.moment)
    assert isinstance(refused, Refused)
    assert 10 == refused.control
    assert 0 == desk.book.activity.repeats("SPY", OrderSide.BUY, desk.now)


def test_moving_an_exit_is_an_exit(desk_of):
    desk = desk_of()
    desk.hold(10)
    order = desk.work(-10, limit_price=110.0)
    desk.book.state = TradingState.REDUCING
    moved = desk.request(-10, limit_price=109.0)
    assert isinstance(review_replace(order, moved, desk.book, desk.moment), Approved)
    more = desk.request(-11, limit_price=109.0)
    assert isinstance(review_replace(order, more, desk.book, desk.moment), Refused)


def test_a_family_is_refused_as_a_whole(desk_of):
    desk = desk_of(max_order_shares=10)
    parent = desk.request(10, limit_price=90.0)
    child = desk.request(-10, limit_price=120.0)
    assert 2 == len(review_family(parent, [child], desk.book, desk.moment))
    too_large = desk.request(-11, limit_price=120.0)
    same_side = desk.request(10, limit_price=120.0)
    for wrong in (too_large, same_side):
        refused = review_family(parent, [wrong], desk.book, desk.moment)
        assert isinstance(refused, Refused)
        assert 1 == refused.control


def test_alternatives_reduce_together(desk_of):
    desk = desk_of(allow_short=False)
    desk.hold(10)
    desk.book.state = TradingState.REDUCING
    target = desk.request(-10, limit_price=120.0)
    stop = desk.request(-10, order_type=OrderType.STOP, stop_price=80.0)
    assert 2 == len(review_alternatives([target, stop], desk.book, desk.moment))
    larger = desk.request(-11, limit_price=120.0)
    assert isinstance(review_alternatives([target, larger], desk.book, desk.moment), Refused)
