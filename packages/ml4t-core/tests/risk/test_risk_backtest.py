"""The limits of live trading in front of the simulated venue."""

import pytest

from ml4t.core import OrderStatus, OrderType
from ml4t.core.risk import LiveRiskConfig
from ml4t.simulation import MarginAccount

RELAXED = {"max_messages_per_second": "UNLIMITED", "max_drawdown_pct": "UNLIMITED"}


def limits(**fields):
    return LiveRiskConfig.of({**RELAXED, **fields})


def status_of(orders):
    return [order.status.name for order in orders]


def test_without_limits_nothing_is_refused(played):
    orders = []
    played([100.0] * 3, {0: lambda b: orders.append(b.submit_order("A", 500))}, cash=1e6)
    assert ["ACCEPTED"] == status_of(orders)


def test_a_refused_order_comes_back_rejected_with_the_reason(played):
    orders = []
    played(
        [100.0] * 3,
        {0: lambda b: orders.extend((b.submit_order("A", 10), b.submit_order("A", 11)))},
        risk=limits(max_order_shares=10, allow_short=True),
    )
    assert ["ACCEPTED", "REJECTED"] == status_of(orders)
    assert "risk: quantity 11 exceeds max_order_shares 10" == orders[1].reason


def test_open_orders_and_positions_count(played):
    orders = []

    def buy(broker):
        orders.append(broker.submit_order("A", 6))

    played([100.0] * 4, {0: buy, 1: buy, 2: buy}, risk=limits(max_position_shares=12))
    assert ["ACCEPTED", "ACCEPTED", "REJECTED"] == status_of(orders)


def test_a_cancelled_order_counts_no_more(played):
    orders = []

    def act(broker):
        first = broker.submit_order("A", 10, order_type=OrderType.LIMIT, limit_price=90.0)
        orders.append(broker.submit_order("A", 10, order_type=OrderType.LIMIT, limit_price=91.0))
        broker.cancel_order(first.id)
        orders.append(broker.submit_order("A", 10, order_type=OrderType.LIMIT, limit_price=92.0))

    played([100.0] * 2, {0: act}, risk=limits(max_position_shares=10))
    assert ["REJECTED", "ACCEPTED"] == status_of(orders)


def test_a_bracket_passes_as_a_whole_and_protects_its_position(played):
    answers = []

    def act(broker):
        answers.append(broker.submit_bracket("A", 10, take_profit=110.0, stop_loss=90.0))

    broker = played(
        [100.0, 100.0, (100.0, 111.0, 99.0, 110.0), 110.0],
        {0: act},
        risk=limits(max_position_shares=10),
    )
    bracket = answers[0]
    final = [broker.book[o.id] for o in (bracket.parent, bracket.take_profit, bracket.stop_loss)]
    assert ["FILLED", "FILLED", "CANCELLED"] == status_of(final)


def test_a_bracket_with_a_child_beyond_a_limit_is_refused_as_a_whole(played):
    answers = []

    def act(broker):
        answers.append(broker.submit_bracket("A", 10, take_profit=130.0, stop_loss=90.0))
        answers.append(broker.submit_order("A", 10))

    risk = limits(far_limit_pct=20, max_orders_per_minute=1)
    played([100.0] * 2, {0: act}, risk=risk)
    assert OrderStatus.REJECTED is answers[0].parent.status
    # The refused bracket used nothing of the rate.
    assert OrderStatus.ACCEPTED is answers[1].status


def test_windows_run_on_the_time_of_the_bars(played):
    orders = []

    def buy(broker):
        orders.append(broker.submit_order("A", 1))

    actions = dict.fromkeys(range(4), buy)
    played([100.0] * 5, actions, risk=limits(max_repeat=1, repeat_seconds=90))
    # Each order fills in the bar after it, which ends the row.
    assert ["ACCEPTED"] * 4 == status_of(orders)


def test_orders_of_one_bar_share_its_minute(played):
    orders = []

    def buy(broker):
        orders.extend(broker.submit_order("A", quantity) for quantity in (1, 2, 3))

    played([100.0] * 2, {0: buy}, risk=limits(max_orders_per_minute=2))
    assert ["ACCEPTED", "ACCEPTED", "REJECTED"] == status_of(orders)


def test_an_exit_passes_while_entries_do_not(played):
    orders = []

    def lose(broker):
        orders.extend((broker.submit_order("A", 1), broker.submit_order("A", -10)))

    played(
        [100.0, 100.0, 50.0, 50.0],
        {0: lambda b: b.submit_order("A", 10), 2: lose},
        risk=limits(max_daily_loss=100),
    )
    assert ["REJECTED", "ACCEPTED"] == status_of(orders)
    assert "the session has lost" in orders[0].reason


@pytest.mark.parametrize(("asset_bars", "expected"), [([100.0, None], "REJECTED")])
def test_an_asset_without_a_bar_is_stale(played, asset_bars, expected):
    orders = []
    played(
        {"A": [100.0, 100.0, 100.0, 100.0], "B": [100.0, None, None, None]},
        {3: lambda b: orders.append(b.submit_order("B", 1))},
        risk=limits(),
    )
    assert [expected] == status_of(orders)


def test_before_the_first_bar_nothing_passes(broker_of):
    broker = broker_of("A", risk=limits(), account=MarginAccount())
    assert OrderStatus.REJECTED is broker.submit_order("A", 1).status
