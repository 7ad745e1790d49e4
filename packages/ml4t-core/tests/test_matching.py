"""Whether an order fills in a bar, and where: by hand, and against a slow walk along the prices."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import Bar, Order, OrderRequest, OrderSide, OrderStatus, OrderType
from ml4t.simulation import Match, NextBarClose, NextBarOpen, SameBarClose, Timing, match
from ml4t.simulation.matching import TRIGGERED

WHEN = datetime(2024, 1, 2, 21, tzinfo=UTC)
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def order(
    side: OrderSide,
    kind: OrderType,
    limit: float | None = None,
    stop: float | None = None,
    **fields: Any,
) -> Order:
    extras: dict[str, Any] = {"trail_amount": 1.0} if kind is OrderType.TRAILING_STOP else {}
    request = OrderRequest("SPY", side, 10.0, kind, limit_price=limit, stop_price=stop, **extras)
    return Order("1", request, OrderStatus.ACCEPTED, WHEN, WHEN, **fields)


def bar(opened: float, high: float, low: float, close: float) -> Bar:
    return Bar(timestamp=WHEN, asset="SPY", open=opened, high=high, low=low, close=close)


BAR = bar(100, 110, 90, 104)


class TestByHand:
    """Each type on each side, in the bar 100-110-90-104: gap, touch and miss."""

    @pytest.mark.parametrize("side", OrderSide)
    @pytest.mark.parametrize(
        ("timing", "expected"),
        [
            (NextBarOpen(), Match(100, "market_open")),
            (NextBarClose(), Match(104, "market_close")),
            (SameBarClose(), Match(104, "market_same_close")),
        ],
    )
    def test_a_market_order_fills_where_the_timing_says(
        self, side: OrderSide, timing: Timing, expected: Match
    ) -> None:
        assert match(order(side, OrderType.MARKET), BAR, timing) == expected

    @pytest.mark.parametrize(
        ("side", "limit", "expected"),
        [
            (BUY, 120, Match(100, "limit_open")),
            (BUY, 100, Match(100, "limit_open")),
            (BUY, 95, Match(95, "limit_touch")),
            (BUY, 90, Match(90, "limit_touch")),
            (BUY, 89, None),
            (SELL, 80, Match(100, "limit_open")),
            (SELL, 100, Match(100, "limit_open")),
            (SELL, 105, Match(105, "limit_touch")),
            (SELL, 110, Match(110, "limit_touch")),
            (SELL, 111, None),
        ],
    )
    def test_a_limit_order(self, side: OrderSide, limit: float, expected: Match | None) -> None:
        assert match(order(side, OrderType.LIMIT, limit), BAR, NextBarOpen()) == expected

    @pytest.mark.parametrize(
        ("side", "stop", "expected"),
        [
            (BUY, 80, Match(100, "stop_open")),
            (BUY, 100, Match(100, "stop_open")),
            (BUY, 105, Match(105, "stop_touch")),
            (BUY, 110, Match(110, "stop_touch")),
            (BUY, 111, None),
            (SELL, 120, Match(100, "stop_open")),
            (SELL, 100, Match(100, "stop_open")),
            (SELL, 95, Match(95, "stop_touch")),
            (SELL, 90, Match(90, "stop_touch")),
            (SELL, 89, None),
        ],
    )
    def test_a_stop_order(self, side: OrderSide, stop: float, expected: Match | None) -> None:
        assert match(order(side, OrderType.STOP, stop=stop), BAR, NextBarOpen()) == expected

    @pytest.mark.parametrize(
        ("side", "stop", "limit", "expected"),
        [
            # The open is through the stop: from then on an ordinary limit order.
            (BUY, 95, 102, Match(100, "limit_open")),
            (BUY, 95, 92, Match(92, "limit_touch")),
            (BUY, 95, 89, TRIGGERED),
            (SELL, 105, 98, Match(100, "limit_open")),
            (SELL, 105, 108, Match(108, "limit_touch")),
            (SELL, 105, 111, TRIGGERED),
            # The stop is touched within the bar, the limit lies beyond it.
            (BUY, 105, 105, Match(105, "stop_limit_touch")),
            (BUY, 105, 107, Match(105, "stop_limit_touch")),
            (SELL, 95, 95, Match(95, "stop_limit_touch")),
            (SELL, 95, 93, Match(95, "stop_limit_touch")),
            # The limit lies before the stop: only the close is known to come after the touch.
            (BUY, 109, 106, Match(106, "stop_limit_close")),
            (BUY, 109, 104, Match(104, "stop_limit_close")),
            (BUY, 109, 103, TRIGGERED),
            (SELL, 92, 95, Match(95, "stop_limit_close")),
            (SELL, 92, 104, Match(104, "stop_limit_close")),
            (SELL, 92, 105, TRIGGERED),
            # The stop is not touched.
            (BUY, 111, 115, None),
            (SELL, 89, 85, None),
        ],
    )
    def test_a_stop_limit_order(
        self, side: OrderSide, stop: float, limit: float, expected: Match | None
    ) -> None:
        asked = order(side, OrderType.STOP_LIMIT, limit, stop)

        assert match(asked, BAR, NextBarOpen()) == expected

    @pytest.mark.parametrize(
        ("side", "limit", "expected"),
        [
            (BUY, 95, Match(95, "limit_touch")),
            (BUY, 89, None),
            (SELL, 105, Match(105, "limit_touch")),
            (SELL, 111, None),
        ],
    )
    def test_a_triggered_stop_limit_is_a_limit_order(
        self, side: OrderSide, limit: float, expected: Match | None
    ) -> None:
        asked = order(side, OrderType.STOP_LIMIT, limit, 1_000.0, triggered=True)

        assert match(asked, BAR, NextBarOpen()) == expected

    def test_a_trailing_stop_is_not_traded_here(self) -> None:
        assert match(order(SELL, OrderType.TRAILING_STOP), BAR, NextBarOpen()) is None


# Prices on a grid of ticks, so that a walk along them visits every price there is.

ticks = st.integers(1, 40)


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    four = sorted(draw(st.lists(ticks, min_size=4, max_size=4)))
    first, last = draw(st.permutations(four[1:3]))
    return bar(first, four[3], four[0], last)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    kind = draw(st.sampled_from([OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT]))
    return order(
        draw(st.sampled_from(OrderSide)),
        kind,
        None if kind is OrderType.STOP else float(draw(ticks)),
        None if kind is OrderType.LIMIT else float(draw(ticks)),
    )


def walk(*turns: float) -> Iterator[float]:
    """Every tick from the first turning point to the last."""
    here = int(turns[0])
    yield float(here)
    for turn in turns[1:]:
        while here != turn:
            here += 1 if turn > here else -1
            yield float(here)


def filled_on(asked: Order, path: Iterator[float]) -> float | None:
    """Where an order fills that is watched at every price; None if it does not."""
    buys = asked.side is BUY
    armed = asked.stop_price is not None
    for price in path:
        stop, limit = asked.stop_price, asked.limit_price
        if armed and stop is not None and (price >= stop if buys else price <= stop):
            armed = False
        if not armed and (limit is None or (price <= limit if buys else price >= limit)):
            return price
    return None


def paths(shown: Bar) -> list[list[float]]:
    """The bar with its low first, and with its high first."""
    return [
        list(walk(shown.open, shown.low, shown.high, shown.close)),
        list(walk(shown.open, shown.high, shown.low, shown.close)),
    ]


@given(orders(), bars())
def test_an_order_fills_where_every_path_through_the_bar_fills_it(asked: Order, shown: Bar) -> None:
    """And at the worst of their prices: nobody knows which path it was."""
    prices = [filled_on(asked, iter(path)) for path in paths(shown)]
    met = match(asked, shown, NextBarOpen())

    certain = [price for price in prices if price is not None]
    if len(certain) < len(prices):
        assert met is None or met is TRIGGERED
    else:
        assert met is not None
        assert met.price == (max(certain) if asked.side is BUY else min(certain))


@given(orders(), bars())
def test_a_stop_that_was_touched_is_remembered(asked: Order, shown: Bar) -> None:
    met = match(asked, shown, NextBarOpen())
    stop = asked.stop_price
    touched = stop is not None and (shown.high >= stop if asked.side is BUY else shown.low <= stop)

    if met is TRIGGERED:
        assert touched
        assert asked.order_type is OrderType.STOP_LIMIT
    elif met is None and stop is not None:
        assert not touched


@given(orders(), bars(), st.booleans())
def test_a_price_lies_in_the_bar_and_within_the_limit(
    asked: Order, shown: Bar, triggered: bool
) -> None:
    """A8."""
    if asked.order_type is OrderType.STOP_LIMIT:
        asked = attrs.evolve(asked, triggered=triggered)
    met = match(asked, shown, NextBarOpen())
    if met is None or met is TRIGGERED:
        return

    assert shown.low <= met.price <= shown.high
    if asked.limit_price is not None:
        assert (asked.limit_price - met.price) * asked.side.sign >= 0
    if asked.order_type is OrderType.STOP and asked.stop_price is not None:
        assert (met.price - asked.stop_price) * asked.side.sign >= 0


@given(orders(), bars())
def test_buys_and_sells_are_mirror_images(asked: Order, shown: Bar) -> None:
    """A25: what a buy does here, a sell does in the reflected bar."""
    mirror = 100.0

    def reflected(price: float | None) -> float | None:
        return None if price is None else mirror - price

    request = attrs.evolve(
        asked.request,
        side=asked.side.opposite,
        limit_price=reflected(asked.limit_price),
        stop_price=reflected(asked.stop_price),
    )
    other = bar(mirror - shown.open, mirror - shown.low, mirror - shown.high, mirror - shown.close)
    met = match(asked, shown, NextBarOpen())
    met_other = match(attrs.evolve(asked, request=request), other, NextBarOpen())

    if met is None or met is TRIGGERED:
        assert met_other is met
    else:
        assert met_other == Match(mirror - met.price, met.rule)
