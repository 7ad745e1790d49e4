"""Whether a stop-limit order fills in the bar that touched its stop: each rule against one bar."""

from datetime import UTC, datetime

import pytest

from ml4t.core import Bar, Order, OrderRequest, OrderSide, OrderType
from ml4t.simulation import (
    CloseConfirms,
    CloseFills,
    Match,
    NextBarOpen,
    NextBarTests,
    ReversalConfirms,
    StopLimitRule,
    match,
)
from ml4t.simulation.matching import TRIGGERED, PriceRules

NOW = datetime(2024, 1, 2, 21, tzinfo=UTC)


def met(
    rule: StopLimitRule,
    bar: tuple[float, float, float, float],
    *,
    stop: float,
    limit: float,
    side: OrderSide = OrderSide.BUY,
) -> Match | None:
    request = OrderRequest(
        asset="SPY",
        side=side,
        quantity=1.0,
        order_type=OrderType.STOP_LIMIT,
        stop_price=stop,
        limit_price=limit,
    )
    opened, high, low, close = bar
    shown = Bar(timestamp=NOW, asset="SPY", open=opened, high=high, low=low, close=close)
    order = Order.submitted("1", request, None, None)
    return match(order, shown, NextBarOpen(), PriceRules(stop_limits=rule))


RULES = [CloseConfirms(), ReversalConfirms(), NextBarTests(), CloseFills()]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("side", OrderSide)
def test_nothing_happens_before_the_stop(rule: StopLimitRule, side: OrderSide) -> None:
    stop = 110.0 if side is OrderSide.BUY else 90.0

    assert met(rule, (100, 105, 95, 100), stop=stop, limit=stop, side=side) is None


@pytest.mark.parametrize("rule", RULES[:3], ids=str)
def test_a_limit_beyond_the_stop_fills_at_the_stop(rule: StopLimitRule) -> None:
    assert met(rule, (100, 106, 99, 101), stop=104, limit=105) == (104, "stop_limit_touch")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (CloseConfirms(), (103, "stop_limit_close")),
        # The bar closed above its open.
        (ReversalConfirms(), TRIGGERED),
        (NextBarTests(), TRIGGERED),
        (CloseFills(), (103, "stop_limit_close")),
    ],
    ids=str,
)
def test_a_limit_on_the_near_side_fills_as_the_rule_says(
    rule: StopLimitRule, expected: Match
) -> None:
    assert met(rule, (100, 106, 99, 102), stop=104, limit=103) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (CloseConfirms(), (103, "limit_touch")),
        (ReversalConfirms(), (103, "limit_touch")),
        (NextBarTests(), TRIGGERED),
        (CloseFills(), TRIGGERED),
    ],
    ids=str,
)
def test_a_bar_that_opened_beyond_the_stop(rule: StopLimitRule, expected: Match) -> None:
    assert met(rule, (105, 106, 99, 104), stop=104, limit=103) == expected


def test_stop_and_limit_at_one_price_wait_where_the_next_bar_tests() -> None:
    assert met(NextBarTests(), (100, 106, 99, 101), stop=104, limit=104) is TRIGGERED
    assert met(CloseConfirms(), (100, 106, 99, 101), stop=104, limit=104) == (
        104,
        "stop_limit_touch",
    )


@pytest.mark.parametrize(
    ("side", "bar", "limit", "price"),
    [
        (OrderSide.BUY, (100, 106, 99, 101), 105, 105),
        (OrderSide.BUY, (100, 106, 99, 101), 108, 106),
        (OrderSide.SELL, (100, 101, 94, 99), 95, 95),
        (OrderSide.SELL, (100, 101, 94, 99), 92, 94),
    ],
)
def test_a_close_within_the_limit_fills_at_the_limit_or_the_worst_price_of_the_bar(
    side: OrderSide, bar: tuple[float, float, float, float], limit: float, price: float
) -> None:
    stop = 104.0 if side is OrderSide.BUY else 96.0

    filled = met(CloseFills(), bar, stop=stop, limit=limit, side=side)

    assert filled == (price, "stop_limit_close")


def test_a_close_at_the_limit_does_not_fill_where_it_must_be_better() -> None:
    assert met(CloseFills(), (100, 106, 99, 103), stop=104, limit=103) is TRIGGERED
