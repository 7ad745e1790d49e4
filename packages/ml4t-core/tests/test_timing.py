"""When a market order fills, and at which price."""

from datetime import UTC, datetime

import pytest

from ml4t.core import Bar
from ml4t.simulation import NextBarClose, NextBarOpen, SameBarClose, Timing

BAR = Bar(
    timestamp=datetime(2024, 1, 2, tzinfo=UTC), asset="SPY", open=10, high=12, low=9, close=11
)


@pytest.mark.parametrize(
    ("timing", "price", "rule", "same_bar"),
    [
        (NextBarOpen(), 10.0, "market_open", False),
        (NextBarClose(), 11.0, "market_close", False),
        (SameBarClose(), 11.0, "market_same_close", True),
    ],
)
def test_a_timing_names_the_price_and_the_bar(
    timing: Timing, price: float, rule: str, same_bar: bool
) -> None:
    assert (timing.market_price(BAR), timing.rule, timing.same_bar) == (price, rule, same_bar)


@pytest.mark.parametrize("timing", [NextBarOpen, NextBarClose, SameBarClose])
def test_equal_assumptions_are_equal(timing: type) -> None:
    assert timing() == timing()
