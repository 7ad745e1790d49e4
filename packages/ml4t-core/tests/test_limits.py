"""When a limit is reached, and what costs may do to it."""

from collections.abc import Callable
from typing import Any

import pytest

from ml4t.core import OrderSide, OrderType
from ml4t.simulation import (
    CapAtLimit,
    FixedAmount,
    LimitCosts,
    LimitRule,
    SubmissionOrder,
    TouchFills,
    TradeThroughFills,
    WaitBeyond,
    WorstCase,
)

BUY, SELL, LIMIT = OrderSide.BUY, OrderSide.SELL, OrderType.LIMIT
BAR = (100.0, 110.0, 90.0, 105.0)


@pytest.mark.parametrize("path", [WorstCase(), SubmissionOrder()])
@pytest.mark.parametrize(
    ("rule", "side", "limit", "price"),
    [
        (TouchFills(), BUY, 90.0, 90.0),
        (TradeThroughFills(), BUY, 90.0, None),
        (TradeThroughFills(), BUY, 90.5, 90.5),
        (TouchFills(), SELL, 110.0, 110.0),
        (TradeThroughFills(), SELL, 110.0, None),
        (TradeThroughFills(), SELL, 109.5, 109.5),
        (TradeThroughFills(), SELL, 99.0, 100.0),
        # Alone and beside another order of its asset the answer is the same.
        (TradeThroughFills(), BUY, 100.0, 100.0),
    ],
)
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside another"])
def test_when_a_limit_is_reached(  # noqa: PLR0913, PLR0917 - what the answer must not depend on
    market_of: Callable[..., Any],
    path: Any,
    rule: LimitRule,
    side: OrderSide,
    limit: float,
    price: float | None,
    beside: bool,
) -> None:
    market = market_of({"SPY": [100.0, BAR]}, limits=rule, path=path)
    order = market.broker.submit_order("SPY", 1, side, LIMIT, limit)
    if beside:
        market.broker.submit_order("SPY", 1, BUY, LIMIT, 91.0)
        market.broker.submit_order("SPY", 1, SELL, LIMIT, 109.0)

    assert [fill[2] for fill in market.next() if fill[0] == order.id] == [
        each for each in (price,) if each is not None
    ]


@pytest.mark.parametrize(
    ("costs", "limit", "price"),
    [
        (CapAtLimit(), 100.5, 100.5),
        (CapAtLimit(), 102.0, 101.0),
        (WaitBeyond(), 100.5, None),
        (WaitBeyond(), 102.0, 101.0),
    ],
)
def test_costs_beyond_a_limit(
    market_of: Callable[..., Any], costs: LimitCosts, limit: float, price: float | None
) -> None:
    market = market_of({"SPY": [100.0, BAR]}, limit_costs=costs, slippage=FixedAmount(1.0))
    order = market.broker.submit_order("SPY", 1, BUY, LIMIT, limit)

    assert [fill[2] for fill in market.next()] == [each for each in (price,) if each is not None]
    assert market.status(order) == ["ACCEPTED" if price is None else "FILLED"]
