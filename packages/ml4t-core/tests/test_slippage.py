"""How much worse than the bar's price a fill is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import ConfigError, OrderSide
from ml4t.simulation import BasisPoints, FixedAmount, NoSlippage, Slippage

assumptions = st.one_of(
    st.just(NoSlippage()),
    st.builds(BasisPoints, st.floats(0, 9_999)),
    st.builds(FixedAmount, st.floats(0, 1e3)),
)


@pytest.mark.parametrize(
    ("slippage", "buy", "sell"),
    [
        (NoSlippage(), 200.0, 200.0),
        (BasisPoints(5), 200.1, 199.9),
        (BasisPoints(0), 200.0, 200.0),
        (FixedAmount(0.25), 200.25, 199.75),
    ],
    ids=repr,
)
def test_buys_pay_more_and_sells_get_less(slippage: Slippage, buy: float, sell: float) -> None:
    assert slippage.slipped(200.0, OrderSide.BUY) == pytest.approx(buy)
    assert slippage.slipped(200.0, OrderSide.SELL) == pytest.approx(sell)


@given(assumptions, st.floats(1e-4, 1e6), st.sampled_from(OrderSide))
def test_a_price_is_never_improved(slippage: Slippage, price: float, side: OrderSide) -> None:
    """A8."""
    assert (slippage.slipped(price, side) - price) * side.sign >= 0


@given(st.floats(0, 9_999), st.floats(1e-4, 1e6), st.sampled_from(OrderSide))
def test_a_share_of_the_price_leaves_a_price(bps: float, price: float, side: OrderSide) -> None:
    assert 0 < BasisPoints(bps).slipped(price, side) < math.inf


@pytest.mark.parametrize("bps", [-1.0, 10_000.0, math.nan, math.inf])
def test_basis_points_are_less_than_the_whole_price(bps: float) -> None:
    with pytest.raises(ConfigError, match="bps of BasisPoints must be at least"):
        BasisPoints(bps)


@pytest.mark.parametrize("amount", [-0.01, math.nan, math.inf])
def test_an_amount_is_not_negative(amount: float) -> None:
    with pytest.raises(ConfigError, match="amount of FixedAmount must be at least"):
        FixedAmount(amount)
