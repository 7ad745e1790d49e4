"""The tariffs of brokers."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import ConfigError, Order, OrderRequest
from ml4t.simulation.commission import Commission
from ml4t.simulation.tariffs import IbkrFixed, IbkrTiered, Tier, TieredPerShare

NOW = datetime(2024, 1, 2, 21, tzinfo=UTC)
TIERS = [Tier(0, 0.01), Tier(1_000, 0.005), Tier(5_000, 0.001)]

tariffs = st.one_of(
    st.just(IbkrFixed()),
    st.builds(IbkrTiered, st.floats(0, 2e8)),
    st.builds(TieredPerShare, st.just(TIERS), st.floats(0, 1e4)),
)
quantities = st.floats(1e-3, 1e6)
prices = st.floats(1e-2, 1e4)


@pytest.mark.parametrize(
    ("monthly", "quantity", "fee"),
    [
        (0, 500, 5.0),
        (0, 1_000, 10.0),
        (0, 1_500, 12.5),
        (0, 6_000, 31.0),
        (900, 200, 1.5),
        (1_000, 200, 1.0),
        (10_000, 200, 0.2),
    ],
)
def test_each_share_is_charged_by_its_tier(monthly: float, quantity: float, fee: float) -> None:
    tariff = TieredPerShare(TIERS, monthly_quantity=monthly)

    assert tariff.fee(quantity, 50.0, 1.0) == pytest.approx(fee, rel=1e-12)


@pytest.mark.parametrize(
    ("quantity", "price", "fee"),
    [(100, 25.0, 1.0), (1_000, 25.0, 5.0), (1_000, 0.25, 2.5), (10, 0.2, 0.02)],
)
def test_the_fixed_prices_are_those_of_the_examples(
    quantity: float, price: float, fee: float
) -> None:
    """The first three are printed with the prices."""
    assert IbkrFixed().fee(quantity, price, 1.0) == pytest.approx(fee, rel=1e-12)


@pytest.mark.parametrize(
    ("monthly", "quantity", "price", "fee"),
    [
        (0, 10, 25.0, 0.35),
        (0, 1_000, 25.0, 3.5),
        (0, 1_000, 0.25, 2.5),
        (0, 400_000, 25.0, 1_050 + 200),
        (299_000, 2_000, 25.0, 3.5 + 2.0),
        (300_000, 1_000, 25.0, 2.0),
        (3_000_000, 1_000, 25.0, 1.5),
        (20_000_000, 1_000, 25.0, 1.0),
        (100_000_000, 1_000, 25.0, 0.5),
    ],
)
def test_the_tiered_prices_depend_on_the_month(
    monthly: float, quantity: float, price: float, fee: float
) -> None:
    assert IbkrTiered(monthly).fee(quantity, price, 1.0) == pytest.approx(fee, rel=1e-12)


def test_a_flip_pays_one_minimum_fee_for_one_order() -> None:
    order = Order.submitted("1", OrderRequest.of("AAA", -200), NOW, None)
    begun = order.after_fill(100.0, 50.0, NOW)

    for tariff, minimum in ((IbkrFixed(), 1.0), (IbkrTiered(), 0.35)):
        assert tariff.fee(50.0, 50.0, 1.0) == minimum
        first = tariff.fee(100.0, 50.0, 1.0, order)
        second = tariff.fee(100.0, 50.0, 1.0, begun)
        assert first + second == pytest.approx(tariff.fee(200.0, 50.0, 1.0))


@given(tariffs, quantities, prices, quantities, prices)
def test_executions_in_parts_cost_what_one_would(
    tariff: Commission, first: float, price: float, second: float, later: float
) -> None:
    order = Order.submitted("1", OrderRequest.of("AAA", first + second), NOW, None)
    begun = order.after_fill(first, price, NOW)
    average = (first * price + second * later) / (first + second)
    parts = [tariff.fee(first, price, 1.0, order), tariff.fee(second, later, 1.0, begun)]

    assert min(parts) >= 0
    assert sum(parts) == pytest.approx(tariff.fee(first + second, average, 1.0), 1e-6, 1e-6)


@given(tariffs, quantities, quantities, prices)
def test_a_larger_trade_never_costs_less(
    tariff: Commission, first: float, second: float, price: float
) -> None:
    small, large = sorted((first, second))

    assert tariff.fee(small, price, 1.0) <= tariff.fee(large, price, 1.0)
    assert tariff.fee(0.0, price, 1.0) == 0.0


@pytest.mark.parametrize("bounds", [[], [1], [0, 10, 10], [0, 10, 5]], ids=repr)
def test_tiers_begin_at_nothing_and_ascend(bounds: list[float]) -> None:
    with pytest.raises(ConfigError, match="must begin above 0 and ascend, began above"):
        TieredPerShare([Tier(bound, 0.01) for bound in bounds])


@pytest.mark.parametrize("number", [-0.01, math.nan, math.inf])
@pytest.mark.parametrize(
    "build",
    [
        lambda n: Tier(n, 0.0),
        lambda n: Tier(0.0, n),
        lambda n: TieredPerShare(TIERS, n),
        IbkrTiered,
    ],
    ids=range(4),
)
def test_a_number_is_not_negative(build, number: float) -> None:
    with pytest.raises(ConfigError, match=r"must be at least 0\.0"):
        build(number)


def test_a_tariff_is_known_by_its_numbers() -> None:
    assert IbkrTiered(5.0) == IbkrTiered(5.0) != IbkrTiered()
    assert repr(IbkrTiered(5.0)) == "IbkrTiered(monthly_quantity=5.0)"
