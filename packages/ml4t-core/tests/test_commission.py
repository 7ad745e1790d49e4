"""What a fill costs."""

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import ConfigError, Order, OrderRequest
from ml4t.simulation.commission import (
    CombinedCommission,
    Commission,
    MaximumPerOrder,
    MinimumPerExecution,
    MinimumPerOrder,
    NoCommission,
    Percentage,
    PerContract,
    PerOrder,
    PerShare,
    PerTrade,
)

NOW = datetime(2024, 1, 2, 21, tzinfo=UTC)
Executions = list[tuple[float, float]]

shares = st.floats(0, 0.99)
amounts = st.floats(0, 10)
by_order = st.recursive(
    st.one_of(
        st.just(NoCommission()),
        st.builds(Percentage, shares),
        st.builds(PerContract, amounts),
        st.builds(PerShare, amounts),
        st.builds(PerOrder, amounts),
    ),
    lambda inner: st.one_of(
        st.builds(MinimumPerOrder, inner, amounts),
        st.builds(MaximumPerOrder, inner, shares),
        st.builds(CombinedCommission, st.lists(inner, max_size=3)),
    ),
    max_leaves=4,
)
"""Tariffs that know the order, not its executions."""

tariffs = st.recursive(
    st.one_of(
        by_order,
        st.builds(PerShare, amounts, amounts, st.none() | shares),
        st.builds(PerTrade, st.floats(0, 100)),
    ),
    lambda inner: st.one_of(
        st.builds(MinimumPerExecution, inner, amounts),
        st.builds(MinimumPerOrder, inner, amounts),
        st.builds(MaximumPerOrder, inner, shares),
        st.builds(CombinedCommission, st.lists(inner, max_size=3)),
    ),
    max_leaves=4,
)
quantities = st.floats(1e-6, 1e6)
prices = st.floats(1e-4, 1e6)
executions = st.lists(st.tuples(st.floats(0.01, 1e5), st.floats(0.01, 1e4)), min_size=1, max_size=5)


def fees_of(tariff: Commission, executions: Iterable[tuple[float, float]]) -> list[float]:
    """What each execution of one order costs."""
    parts = list(executions)
    whole = math.fsum(quantity for quantity, _ in parts)
    order = Order.submitted("1", OrderRequest.of("AAA", whole), NOW, None)
    fees = []
    for quantity, price in parts:
        fees.append(tariff.fee(quantity, price, 1.0, order))
        order = order.after_fill(quantity, price, NOW)
    return fees


@pytest.mark.parametrize(
    ("tariff", "fee"),
    [
        (NoCommission(), 0.0),
        (Percentage(0.001), 20.0),
        (PerShare(0.05), 10.0),
        (PerShare(0.05, minimum=12.0), 12.0),
        (PerShare(0.05, minimum=5.0), 10.0),
        (PerShare(0.05, maximum_share=0.0001), 2.0),
        (PerShare(0.05, minimum=12.0, maximum_share=0.0001), 2.0),
        (PerShare(0.05, maximum_share=0.5), 10.0),
        (PerContract(0.85), 170.0),
        (PerTrade(7.5), 7.5),
        (PerOrder(7.5), 7.5),
        (MinimumPerExecution(Percentage(0.001), 25.0), 25.0),
        (MinimumPerExecution(Percentage(0.001), 5.0), 20.0),
        (MinimumPerOrder(Percentage(0.001), 25.0), 25.0),
        (MinimumPerOrder(Percentage(0.001), 5.0), 20.0),
        (MaximumPerOrder(PerShare(0.05), 0.0001), 2.0),
        (MaximumPerOrder(PerShare(0.05), 0.01), 10.0),
        (CombinedCommission([Percentage(0.001), PerTrade(7.5)]), 27.5),
        (CombinedCommission([]), 0.0),
    ],
    ids=repr,
)
def test_fees_by_hand(tariff: Commission, fee: float) -> None:
    assert tariff.fee(200.0, 100.0, 1.0) == pytest.approx(fee)


@pytest.mark.parametrize(
    "tariff", [Percentage(0.001), MinimumPerOrder(Percentage(0.001), 1.0)], ids=repr
)
def test_a_percentage_commission_counts_the_multiplier(tariff: Commission) -> None:
    assert tariff.fee(2.0, 4_000.0, 50.0) == pytest.approx(400.0)


@pytest.mark.parametrize(
    "tariff", [PerShare(1.0, maximum_share=1e-6), MaximumPerOrder(PerShare(1.0), 1e-6)], ids=repr
)
def test_a_maximum_by_value_counts_the_multiplier(tariff: Commission) -> None:
    assert tariff.fee(2.0, 4_000.0, 50.0) == pytest.approx(0.4)


@pytest.mark.parametrize(
    "tariff", [PerShare(0.05), PerTrade(7.5), PerContract(0.85), PerOrder(7.5)], ids=repr
)
def test_a_fee_by_unit_or_trade_does_not(tariff: Commission) -> None:
    assert tariff.fee(2.0, 4_000.0, 50.0) == tariff.fee(2.0, 4_000.0, 1.0)


ZIPLINE = [(230.0, 100.0), (170.0, 101.0), (100.0, 102.0)]
PER_CONTRACT = CombinedCommission([PerContract(0.01), PerOrder(0.3)])


@pytest.mark.parametrize(
    ("tariff", "cumulative"),
    [
        (PerOrder(10), [10, 10, 10]),
        (PerShare(0.0075), [1.725, 3, 3.75]),
        (MinimumPerOrder(PerShare(0.0075), 1), [1.725, 3, 3.75]),
        (MinimumPerOrder(PerShare(0.0075), 2.5), [2.5, 3, 3.75]),
        (MinimumPerOrder(PerShare(0.0075), 3.5), [3.5, 3.5, 3.75]),
        (MinimumPerOrder(PerShare(0.0075), 5.5), [5.5, 5.5, 5.5]),
        (Percentage(0.0015), [34.5, 60.255, 75.555]),
        (PER_CONTRACT, [2.6, 4.3, 5.3]),
        (MinimumPerOrder(PER_CONTRACT, 3), [3.0, 4.3, 5.3]),
        (MinimumPerOrder(PER_CONTRACT, 5), [5.0, 5.0, 5.3]),
        (MinimumPerOrder(PER_CONTRACT, 7), [7.0, 7.0, 7.0]),
    ],
    ids=repr,
)
def test_an_order_in_parts_costs_what_it_does_in_zipline(
    tariff: Commission, cumulative: list[float]
) -> None:
    """What zipline's own tests expect an order to have paid after each of three fills."""
    fees = fees_of(tariff, ZIPLINE)

    assert [sum(fees[: n + 1]) for n in range(3)] == pytest.approx(cumulative, rel=1e-12)


@given(by_order, executions)
def test_executions_in_parts_cost_what_one_would(
    tariff: Commission, executions: Executions
) -> None:
    whole = math.fsum(quantity for quantity, _ in executions)
    average = math.fsum(quantity * price for quantity, price in executions) / whole

    assert sum(fees_of(tariff, executions)) == pytest.approx(
        tariff.fee(whole, average, 1.0), rel=1e-6, abs=1e-9
    )


def test_a_minimum_per_execution_is_paid_by_each() -> None:
    parts = [(100.0, 50.0), (100.0, 50.0)]

    assert fees_of(MinimumPerExecution(PerShare(0.005), 1.0), parts) == [1.0, 1.0]
    assert fees_of(PerShare(0.005, minimum=1.0), parts) == [1.0, 1.0]
    assert fees_of(PerTrade(1.0), parts) == [1.0, 1.0]


def test_a_flip_pays_one_minimum_fee_for_one_order() -> None:
    """Sold 100 to close and 100 more to open: one order, in one execution or in two."""
    tariff = MinimumPerOrder(PerShare(0.001), 1.0)

    assert fees_of(tariff, [(200.0, 50.0)]) == [1.0]
    assert fees_of(tariff, [(100.0, 50.0), (100.0, 50.0)]) == [1.0, 0.0]


def test_a_minimum_is_not_paid_by_what_another_tariff_charged() -> None:
    tariff = CombinedCommission([MinimumPerOrder(PerShare(0.005), 1.0), PerTrade(3.0)])

    assert fees_of(tariff, [(100.0, 50.0), (200.0, 50.0)]) == pytest.approx([4.0, 3.5])


def test_a_maximum_per_order_looks_at_the_whole_order() -> None:
    """The second execution has room that the first has left."""
    tariff = MaximumPerOrder(PerShare(0.005), 0.01)

    assert fees_of(tariff, [(100.0, 0.25), (100.0, 1.0)]) == pytest.approx([0.25, 0.75])


@given(tariffs, executions)
def test_a_fee_is_never_negative(tariff: Commission, executions: Executions) -> None:
    """A7."""
    assert all(0 <= fee < math.inf for fee in fees_of(tariff, executions))


@given(tariffs, quantities, quantities, prices)
def test_a_larger_trade_never_costs_less(
    tariff: Commission, first: float, second: float, price: float
) -> None:
    """The accounts rely on it when they cut an order to what the cash pays for."""
    small, large = sorted((first, second))

    assert tariff.fee(small, price, 1.0) <= tariff.fee(large, price, 1.0)


@given(tariffs, st.tuples(quantities, prices), quantities, quantities, prices)
def test_a_larger_part_of_an_order_never_costs_less(
    tariff: Commission, before: tuple[float, float], first: float, second: float, price: float
) -> None:
    order = Order.submitted("1", OrderRequest.of("AAA", 3e6), NOW, None).after_fill(*before, NOW)
    small, large = (tariff.fee(q, price, 1.0, order) for q in sorted((first, second)))

    # The fee of a part is a difference, exact up to the rounding of what it is taken from.
    assert small <= large + 1e-9 * (tariff.fee(before[0], before[1], 1.0) + large)


@given(tariffs, prices)
def test_nothing_costs_nothing(tariff: Commission, price: float) -> None:
    order = Order.submitted("1", OrderRequest.of("AAA", 2.0), NOW, None).after_fill(1.0, price, NOW)

    assert tariff.fee(0.0, price, 1.0) == 0.0
    assert tariff.fee(0.0, price, 1.0, order) == 0.0


@pytest.mark.parametrize("number", [-0.01, math.nan, math.inf])
@pytest.mark.parametrize(
    "tariff",
    [
        Percentage,
        PerShare,
        PerTrade,
        PerContract,
        PerOrder,
        lambda n: PerShare(0.0, n),
        lambda n: PerShare(0.0, 0.0, n),
        lambda n: MinimumPerExecution(NoCommission(), n),
        lambda n: MinimumPerOrder(NoCommission(), n),
        lambda n: MaximumPerOrder(NoCommission(), n),
    ],
    ids=range(10),
)
def test_a_rate_is_not_negative(tariff: Callable[[float], Commission], number: float) -> None:
    with pytest.raises(ConfigError, match=r"must be at least 0\.0"):
        tariff(number)


@pytest.mark.parametrize(
    "tariff",
    [Percentage, lambda n: MaximumPerOrder(NoCommission(), n), lambda n: PerShare(0.0, 0.0, n)],
    ids=range(3),
)
def test_a_share_is_less_than_the_whole_value(tariff: Callable[[float], Commission]) -> None:
    with pytest.raises(ConfigError, match=r"(rate|share) of .* below 1\.0"):
        tariff(1.0)
