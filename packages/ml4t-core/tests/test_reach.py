"""A bar outside the reach of some orders does nothing to any of them."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ml4t.core import MarketSlice, Order, OrderRequest, OrderSide, OrderStatus, OrderType
from ml4t.core.bars import PriceBar
from ml4t.simulation import (
    NextBarOpen,
    OrderBook,
    TouchFills,
    TradeThroughFills,
)
from ml4t.simulation.matching import PriceRules, match
from ml4t.simulation.reach import Reach

PRICES = st.integers(90, 110).map(float)
RULES = st.sampled_from([PriceRules(), PriceRules(TouchFills()), PriceRules(TradeThroughFills())])
WITH_LIMIT = {OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED}
WITHOUT_STOP = {OrderType.MARKET, OrderType.LIMIT, OrderType.TRAILING_STOP}


@attrs.frozen
class Bar:
    """Four prices."""

    open: float
    high: float
    low: float
    close: float


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    opened, *others = draw(st.lists(PRICES, min_size=4, max_size=4))
    return Bar(opened, max(opened, *others), min(opened, *others), others[-1])


@st.composite
def orders(draw: st.DrawFn, number: int = 1) -> Order:
    kind = draw(
        st.sampled_from(
            [
                OrderType.MARKET,
                OrderType.LIMIT,
                OrderType.STOP,
                OrderType.STOP_LIMIT,
                OrderType.TRAILING_STOP,
                OrderType.LIMIT_IF_TOUCHED,
                OrderType.MARKET_IF_TOUCHED,
            ]
        )
    )
    prices: dict[str, Any] = {}
    if kind in WITH_LIMIT:
        prices["limit_price"] = draw(PRICES)
    if kind not in WITHOUT_STOP:
        prices["stop_price"] = draw(PRICES)
    if kind is OrderType.TRAILING_STOP:
        prices["trail_amount"] = 5.0
    side = draw(st.sampled_from(OrderSide))
    request = OrderRequest.of("A", 10, side, kind, **prices)
    trail = draw(PRICES) if kind is OrderType.TRAILING_STOP else None
    triggered = bool(prices.get("stop_price")) and draw(st.booleans())
    return Order(str(number), request, OrderStatus.ACCEPTED, triggered=triggered, trail_stop=trail)


def is_reached(reach: Reach, bar: PriceBar) -> bool:
    return bar.low <= reach.below or bar.high >= reach.above


@given(st.lists(orders(), max_size=4), bars(), RULES)
def test_where_nothing_is_reached_nothing_happens(
    several: list[Order], bar: Bar, rules: PriceRules
) -> None:
    assume(not is_reached(Reach.of(several), bar))

    assert [match(order, bar, NextBarOpen(), rules) for order in several] == [None] * len(several)


@given(orders(), bars())
@example(Order("1", OrderRequest.of("A", 1, OrderSide.BUY)), Bar(1.0, 1.0, 1.0, 1.0))
def test_what_one_order_waits_for_is_no_wider_than_need_be(order: Order, bar: Bar) -> None:
    """Of a plain order: what reaches it fills it, so that most bars can be passed over."""
    plain = {OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.MARKET_IF_TOUCHED}
    assume(order.order_type in plain)

    assert is_reached(Reach.of([order]), bar) == (match(order, bar, NextBarOpen()) is not None)


@pytest.mark.parametrize(
    ("below", "above", "expected"),
    [
        (98.9, 102.1, False),
        (99.0, 102.1, True),
        (98.9, 102.0, True),
        (float("inf"), float("inf"), True),
        (float("-inf"), float("inf"), False),
    ],
)
def test_a_slice_says_whether_a_price_was_traded(
    panel_of: Callable[..., Any], below: float, above: float, expected: bool
) -> None:
    quote = (100.0, 102.0, 99.0, 101.0)
    data = MarketSlice(panel_of({"A": [quote, None], "B": [None, quote]}), 0)

    assert data.reaches("A", below, above) is expected
    assert not data.reaches("B", below, above)
    assert not data.reaches("C", below, above)


def test_a_change_of_its_orders_makes_an_asset_be_looked_at_again() -> None:
    book = OrderBook()
    first = Order("1", OrderRequest.of("A", 1), OrderStatus.ACCEPTED)
    book.put(first)
    book.working_by_asset["A"].reach = Reach(1.0, 2.0)
    book.put(Order("2", OrderRequest.of("A", 1), OrderStatus.ACCEPTED))
    assert book.working_by_asset["A"].reach is None

    book.working_by_asset["A"].reach = Reach(1.0, 2.0)
    book.put(attrs.evolve(first, status=OrderStatus.CANCELLED))
    assert (list(book.working_by_asset["A"]), book.working_by_asset["A"].reach) == (["2"], None)

    book.put(Order("2", OrderRequest.of("A", 1), OrderStatus.CANCELLED))
    assert not book.working_by_asset
