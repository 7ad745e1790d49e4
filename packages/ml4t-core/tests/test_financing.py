"""What it costs to hold a position."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import ConfigError, Position
from ml4t.simulation.financing import (
    Financing,
    NoFinancing,
    ShortInterest,
    ShortInterestOnCost,
)

financings = st.one_of(
    st.just(NoFinancing()),
    st.builds(ShortInterest, st.floats(0, 2), st.sampled_from([360.0, 365.0])),
    st.builds(ShortInterestOnCost, st.floats(0, 2), st.sampled_from([360.0, 365.0])),
)
quantities = st.floats(-1e6, 1e6)
prices = st.floats(1e-4, 1e6)
days = st.floats(0, 400)


def short(quantity: float) -> Position:
    """A position opened at 97.79."""
    return Position("SPY", quantity, 97.79 if quantity else 0.0)


@pytest.mark.parametrize(
    ("financing", "quantity", "charge"),
    [
        (NoFinancing(), -100.0, 0.0),
        (ShortInterest(0.05), -100.0, 100 * 96.11 * 0.05 / 365),
        (ShortInterest(0.05, basis=360), -100.0, 100 * 96.11 * 0.05 / 360),
        (ShortInterest(0.05), 100.0, 0.0),
        (ShortInterest(0.05), 0.0, 0.0),
        (ShortInterest(0.0), -100.0, 0.0),
        (ShortInterestOnCost(0.05), -100.0, 100 * 97.79 * 0.05 / 365),
        (ShortInterestOnCost(0.05), 100.0, 0.0),
    ],
    ids=repr,
)
def test_charges_for_a_day_by_hand(financing: Financing, quantity: float, charge: float) -> None:
    assert financing.charge(short(quantity), 96.11, 1) == pytest.approx(charge, rel=1e-12)


def test_interest_counts_the_multiplier() -> None:
    assert ShortInterest(0.365).charge(Position("ES", -1.0, 9.0, 50.0), 10.0, 2) == pytest.approx(
        1.0
    )


@given(financings, quantities, prices, days)
def test_holding_never_earns(
    financing: Financing, quantity: float, price: float, days: float
) -> None:
    assert 0 <= financing.charge(short(quantity), price, days) < math.inf


@given(financings, quantities, prices, days, days)
def test_two_times_together_cost_what_each_does(
    financing: Financing, quantity: float, price: float, first: float, second: float
) -> None:
    parts = [financing.charge(short(quantity), price, time) for time in (first, second)]

    assert financing.charge(short(quantity), price, first + second) == pytest.approx(sum(parts))


@pytest.mark.parametrize("rate", [-0.01, math.nan, math.inf])
def test_a_rate_is_not_negative(rate: float) -> None:
    with pytest.raises(ConfigError, match=r"annual_rate of ShortInterest must be at least 0\.0"):
        ShortInterest(rate)


@pytest.mark.parametrize("basis", [0.0, -365.0, math.nan, math.inf])
def test_a_year_has_days(basis: float) -> None:
    with pytest.raises(ConfigError, match=r"basis of ShortInterest must be at least 1\.0"):
        ShortInterest(0.05, basis)
