"""Capabilities: what a venue takes, said in advance."""

import pytest

from ml4t.core import Capabilities, OrderRequest, OrderType, TimeInForce

VENUE = Capabilities(
    order_types=[OrderType.MARKET, OrderType.LIMIT], times_in_force=[TimeInForce.DAY]
)


def test_nothing_optional_is_declared_by_default() -> None:
    assert (VENUE.fractional, VENUE.short_selling, VENUE.replace_orders) == (False, False, False)
    assert VENUE.order_groups is False


def test_any_iterable_becomes_a_set() -> None:
    assert VENUE.order_types == frozenset({OrderType.LIMIT, OrderType.MARKET})
    assert VENUE == Capabilities(
        order_types={OrderType.LIMIT, OrderType.MARKET}, times_in_force=(TimeInForce.DAY,)
    )


def test_what_the_venue_takes_has_no_objection() -> None:
    assert VENUE.objection(OrderRequest.of("SPY", 3)) is None


def test_an_order_type_that_is_not_declared_is_named() -> None:
    request = OrderRequest.of("SPY", 3, order_type=OrderType.STOP, stop_price=9)

    assert VENUE.objection(request) == "the venue does not trade STOP orders"


def test_a_time_in_force_that_is_not_declared_is_named() -> None:
    request = OrderRequest.of("SPY", 3, time_in_force=TimeInForce.GTC)

    assert VENUE.objection(request) == "the venue does not offer time in force GTC"


def test_a_fraction_needs_the_ability() -> None:
    request = OrderRequest.of("SPY", 2.5)
    able = Capabilities(
        order_types=VENUE.order_types, times_in_force=VENUE.times_in_force, fractional=True
    )

    assert VENUE.objection(request) == "the venue trades whole units only, quantity was 2.5"
    assert able.objection(request) is None


@pytest.mark.parametrize("quantity", [0.0, float("nan"), float("inf")])
def test_a_number_that_no_venue_takes_is_named(quantity: float) -> None:
    said = f"quantity must be positive and finite, was {quantity}"

    assert VENUE.objection(OrderRequest.of("SPY", quantity)) == said


@pytest.mark.parametrize("quantity", [1.0, -4.0, 1e15])
def test_a_whole_number_is_no_fraction(quantity: float) -> None:
    assert VENUE.objection(OrderRequest.of("SPY", quantity)) is None


def test_whether_a_sale_is_short_is_not_judged() -> None:
    assert VENUE.objection(OrderRequest.of("SPY", -3)) is None
