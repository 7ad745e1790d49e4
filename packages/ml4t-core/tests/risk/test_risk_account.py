"""Controls 14 to 16, 19, 25, 26, 29 and 30: money, prices and the numbers that the runtime sees."""

import math

import pytest

from ml4t.core.risk import (
    UNLIMITED,
    LiveRiskConfig,
    Refused,
    TradingState,
    clock_jump,
    judge_account_age,
    judge_clock,
    judge_daily_loss,
    judge_drawdown,
    judge_mismatch,
    judge_silence,
    judge_staleness,
    judge_strategy_errors,
    split_flip,
    standing_breaches,
)

NAN = math.nan
HALTED, REDUCING = TradingState.HALTED, TradingState.REDUCING


def state_of(breach):
    return None if breach is None else breach.state


@pytest.mark.parametrize(
    ("equity", "start", "expected"),
    [
        (900.01, 1000.0, None),
        (900.0, 1000.0, HALTED),
        (NAN, 1000.0, REDUCING),
        (None, 1000.0, REDUCING),
        (1000.0, None, REDUCING),
    ],
)
def test_control_14_judges_the_loss_of_the_session(equity, start, expected):
    config = LiveRiskConfig(max_daily_loss=100)
    assert expected == state_of(judge_daily_loss(equity, start, config))
    assert judge_daily_loss(equity, start, LiveRiskConfig(max_daily_loss=UNLIMITED)) is None


def test_control_14_leaves_exits_after_a_loss(desk_of):
    desk = desk_of(max_daily_loss=100)
    desk.hold(5)
    desk.book.set_account(1e6, 1e6 - 99.0, desk.now)
    assert desk.control(1) is None
    desk.book.set_account(1e6, 1e6 - 100.0, desk.now)
    refused = desk.ask(1)
    assert isinstance(refused, Refused)
    assert (14, HALTED) == (refused.control, refused.breach.state)
    assert desk.control(-5) is None
    desk.book.start_session()
    assert desk.control(1) is None


def test_control_14_takes_cash_flows_out(desk_of):
    desk = desk_of(max_daily_loss=100)
    desk.book.note_flow(-5000.0)
    desk.book.set_account(1e6, 1e6 - 5000.0, desk.now)
    assert desk.control(1) is None
    desk.book.note_flow(200.0)
    assert 14 == desk.control(1)


@pytest.mark.parametrize(("age", "expected"), [(60.0, None), (60.1, REDUCING), (NAN, REDUCING)])
def test_control_14_needs_an_equity_of_the_last_minute(desk_of, age, expected):
    assert expected == state_of(judge_account_age(age, LiveRiskConfig()))
    desk = desk_of(max_daily_loss=100)
    desk.now += age
    desk.quote(100.0, at=1000.0)
    # Without a clock no price is fresh, which is asked first.
    assert {60.0: None, 60.1: 14}.get(age, 16) == desk.control(1)


@pytest.mark.parametrize(
    ("equity", "high_water", "expected"),
    [
        (951.0, 1000.0, None),
        (950.0, 1000.0, HALTED),
        (NAN, 1000.0, REDUCING),
        (None, None, REDUCING),
        (-5.0, -1.0, HALTED),
    ],
)
def test_control_15_judges_the_fall_from_the_highest(equity, high_water, expected):
    config = LiveRiskConfig(max_drawdown_pct=5)
    assert expected == state_of(judge_drawdown(equity, high_water, config))


def test_control_15_remembers_the_highest_equity_and_takes_flows_out(desk_of):
    desk = desk_of(max_drawdown_pct=5)
    desk.book.set_high_water(2e6)
    assert 15 == desk.control(1)
    desk.book.note_flow(-1e6)
    assert desk.control(1) is None
    desk.book.set_account(1e6, 1.1e6, desk.now)
    desk.book.set_account(1e6, 1.0e6, desk.now)
    assert 15 == desk.control(1)


@pytest.mark.parametrize(("age", "expected"), [(150.0, None), (150.1, 16), (-1.0, 16), (NAN, 16)])
def test_control_16_a_price_is_fresh_for_two_and_a_half_bars(desk_of, age, expected):
    desk = desk_of(bar_seconds=60, max_data_staleness_seconds=None)
    desk.hold(5)
    desk.quote(100.0, at=desk.now - age)
    assert expected == desk.control(1)
    assert desk.control(-5) is None


@pytest.mark.parametrize("price", [NAN, 0.0, -1.0, math.inf])
def test_control_16_a_price_that_is_none_is_not_fresh(desk_of, price):
    desk = desk_of()
    desk.quote(price)
    assert 16 == desk.control(1)


def test_control_16_prices_do_not_age_while_the_market_is_closed(desk_of):
    desk = desk_of(regular_hours_only=False, max_data_staleness_seconds=10)
    desk.now += 3600.0
    assert 16 == desk.control(1)
    desk.moment_fields.update(session=None, is_regular=False)
    assert desk.control(1) is None


@pytest.mark.parametrize(("stale", "expected"), [(4, None), (5, None), (6, REDUCING)])
def test_control_16_more_than_half_of_the_assets_reduce(stale, expected):
    assert expected == state_of(judge_staleness(stale, 10, LiveRiskConfig()))
    assert judge_staleness(0, 0, LiveRiskConfig()) is None


@pytest.mark.parametrize(
    ("judge", "limit", "number"),
    [
        (judge_silence, 10.0, 19),
        (judge_mismatch, 10.0001, 26),
        (judge_clock, 2.0001, 29),
        (judge_clock, -2.0001, 29),
    ],
)
def test_controls_19_26_29_reduce_from_their_limit_on(judge, limit, number):
    config = LiveRiskConfig()
    breach = judge(limit, config)
    assert (REDUCING, number, False) == (breach.state, breach.control, breach.is_latched)
    assert judge(limit * 0.999, config) is None
    assert REDUCING is state_of(judge(NAN, config))


@pytest.mark.parametrize(
    ("wall", "expected"), [(61.0, None), (61.5, 1.5), (58.0, -2.0), (59.0, None)]
)
def test_control_29_sees_a_clock_that_was_set(wall, expected):
    assert expected == clock_jump(wall, 60.0, LiveRiskConfig())


@pytest.mark.parametrize(
    ("count", "policy", "expected"),
    [
        (0, "reduce", None),
        (1, "reduce", REDUCING),
        (2, "reduce", REDUCING),
        (3, "reduce", HALTED),
        (1, "halt", HALTED),
    ],
)
def test_control_30_judges_a_failing_strategy(count, policy, expected):
    config = LiveRiskConfig(strategy_error=policy)
    assert expected == state_of(judge_strategy_errors(count, config))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"quantity": 10, "limit_price": 100.0}, None),
        ({"quantity": 10, "limit_price": 100.01}, 25),
        ({"quantity": 9.7}, None),
        ({"quantity": 9.8}, 25),
        ({"quantity": -9.7}, None),
        ({"quantity": -9.8}, 25),
    ],
)
def test_control_25_the_account_can_pay(desk_of, order, expected):
    desk = desk_of(check_buying_power=True)
    desk.book.set_account(1000.0, 1e6, desk.now)
    assert expected == desk.control(**order)


def test_control_25_counts_what_is_open_and_what_has_filled_since(desk_of):
    desk = desk_of(check_buying_power=True)
    desk.list("QQQ")
    desk.book.set_account(1000.0, 1e6, desk.now)
    order = desk.work(6, "QQQ", limit_price=100.0)
    assert desk.control(4, limit_price=100.0) is None
    assert 25 == desk.control(4.1, limit_price=100.0)
    desk.fill(order)
    desk.book.note_fill("QQQ", order.side, desk.now, value=600.0)
    assert desk.control(4, limit_price=100.0) is None
    assert 25 == desk.control(4.1, limit_price=100.0)
    desk.book.set_account(400.0, 1e6, desk.now, buying_power=2000.0)
    assert desk.control(20, limit_price=100.0) is None
    assert 25 == desk.control(20.1, limit_price=100.0)


def test_control_25_shorts_need_three_percent_above_the_ask(desk_of):
    desk = desk_of(check_buying_power=True)
    desk.quote(100.0, bid=99.0, ask=101.0)
    desk.book.set_account(1040.3, 1e6, desk.now)
    assert desk.control(-10, limit_price=100.0) is None
    desk.book.set_account(1040.2, 1e6, desk.now)
    assert 25 == desk.control(-10, limit_price=100.0)


@pytest.mark.parametrize("cash", [NAN, math.inf, 0.0])
def test_control_25_needs_a_fresh_snapshot_except_for_exits(desk_of, cash):
    desk = desk_of(check_buying_power=True)
    desk.hold(5)
    desk.book.set_account(cash, 1e6, desk.now)
    assert (25, None) == (desk.control(1), desk.control(-5))
    desk.book.set_account(1e6, 1e6, desk.now)
    desk.now += 60.0
    assert desk.control(1) is None
    desk.now += 0.1
    assert 25 == desk.control(1)


def test_standing_breaches_names_all_that_is_wrong(desk_of):
    desk = desk_of(
        max_daily_loss=100, max_drawdown_pct=5, max_rejects=1, max_data_staleness_seconds=10
    )
    assert () == standing_breaches(desk.book, desk.moment)
    desk.book.set_account(1.0, 1.0, desk.now)
    desk.book.note_reject(desk.now)
    desk.now += 61.0
    found = standing_breaches(desk.book, desk.moment)
    assert [14, 15, 14, 13, 16] == [breach.control for breach in found]


@pytest.mark.parametrize(
    ("quantity", "held", "expected"),
    [
        (-15, 10, (10, 5)),
        (15, -10, (10, 5)),
        (-10, 10, (10, None)),
        (5, 10, (5, None)),
        (5, 0, (5, None)),
    ],
)
def test_control_24_a_flip_is_split(desk_of, quantity, held, expected):
    first, second = split_flip(desk_of().request(quantity), held)
    assert expected == (first.quantity, None if second is None else second.quantity)
