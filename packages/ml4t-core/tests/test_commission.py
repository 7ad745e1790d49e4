"""What a fill costs."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import ConfigError
from ml4t.simulation import Commission, NoCommission, Percentage, PerShare, PerTrade

tariffs = st.one_of(
    st.just(NoCommission()),
    st.builds(Percentage, st.floats(0, 0.99)),
    st.builds(PerShare, st.floats(0, 10), st.floats(0, 10)),
    st.builds(PerTrade, st.floats(0, 100)),
)
quantities = st.floats(1e-6, 1e6)
prices = st.floats(1e-4, 1e6)


@pytest.mark.parametrize(
    ("tariff", "fee"),
    [
        (NoCommission(), 0.0),
        (Percentage(0.001), 20.0),
        (PerShare(0.05), 10.0),
        (PerShare(0.05, minimum=12.0), 12.0),
        (PerShare(0.05, minimum=5.0), 10.0),
        (PerTrade(7.5), 7.5),
    ],
    ids=repr,
)
def test_fees_by_hand(tariff: Commission, fee: float) -> None:
    assert tariff.fee(200.0, 100.0, 1.0) == pytest.approx(fee)


def test_a_share_of_the_value_counts_the_multiplier() -> None:
    assert Percentage(0.001).fee(2.0, 4_000.0, 50.0) == pytest.approx(400.0)


@pytest.mark.parametrize("tariff", [PerShare(0.05), PerTrade(7.5)], ids=repr)
def test_a_fee_by_unit_or_trade_does_not(tariff: Commission) -> None:
    assert tariff.fee(2.0, 4_000.0, 50.0) == tariff.fee(2.0, 4_000.0, 1.0)


@given(tariffs, quantities, prices)
def test_a_fee_is_never_negative(tariff: Commission, quantity: float, price: float) -> None:
    """A7."""
    assert 0 <= tariff.fee(quantity, price, 1.0) < math.inf


@given(tariffs, quantities, quantities, prices)
def test_a_larger_trade_never_costs_less(
    tariff: Commission, first: float, second: float, price: float
) -> None:
    """The accounts rely on it when they cut an order to what the cash pays for."""
    small, large = sorted((first, second))

    assert tariff.fee(small, price, 1.0) <= tariff.fee(large, price, 1.0)


@pytest.mark.parametrize("number", [-0.01, math.nan, math.inf])
@pytest.mark.parametrize(
    "tariff", [Percentage, PerShare, PerTrade, lambda n: PerShare(0.0, n)], ids=range(4)
)
def test_a_rate_is_not_negative(tariff: Callable[[float], Commission], number: float) -> None:
    with pytest.raises(ConfigError, match=r"must be at least 0\.0"):
        tariff(number)


def test_a_share_is_less_than_the_whole_value() -> None:
    with pytest.raises(ConfigError, match=r"rate of Percentage .* below 1\.0"):
        Percentage(1.0)
