"""How far our own orders move the price against us."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import ConfigError, DataError, MarketSlice, OrderSide
from ml4t.simulation.execution import Execution
from ml4t.simulation.impact import Impact, LinearImpact, NoImpact, SquareRootImpact

Build = Callable[..., Execution]
BUY, SELL = OrderSide.BUY, OrderSide.SELL


@pytest.fixture(scope="session")
def execution_of(moved_bar: Callable[..., MarketSlice]) -> Build:
    """Builds an execution of a hundredth of the volume at 100."""

    def build(
        side: OrderSide = BUY,
        price: float = 100.0,
        quantity: float = 10.0,
        volume: float | None = 1_000.0,
        moved: float | None = 4.0,
    ) -> Execution:
        bars = moved_bar(price, volume, moved)
        return Execution(price, "market_open", side, quantity, "AAA", bars)

    return build


impacts = st.one_of(
    st.just(NoImpact()),
    st.builds(LinearImpact, st.floats(0, 5)),
    st.builds(SquareRootImpact, st.floats(0, 5), st.none() | st.floats(0, 1)),
)
by_volume = pytest.mark.parametrize(
    "impact", [LinearImpact(0.1), SquareRootImpact(), SquareRootImpact(volatility=0.02)], ids=repr
)


@pytest.mark.parametrize(
    ("impact", "cost"),
    [
        (NoImpact(), 0.0),
        (LinearImpact(0.1), 0.1),
        (SquareRootImpact(1.0, volatility=0.02), 0.2),
        (SquareRootImpact(0.5, volatility=0.02), 0.1),
        (SquareRootImpact(1.0), 0.4 / math.sqrt(8 / math.pi)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("side", OrderSide)
def test_costs_by_hand(impact: Impact, cost: float, side: OrderSide, execution_of: Build) -> None:
    assert impact.cost(execution_of(side)) == pytest.approx(cost, rel=1e-12)


def test_four_times_the_quantity_costs_twice_as_much_under_the_square_root(
    execution_of: Build,
) -> None:
    one, four = execution_of(quantity=5.0), execution_of(quantity=20.0)

    assert SquareRootImpact().cost(four) == pytest.approx(2 * SquareRootImpact().cost(one))
    assert LinearImpact(0.1).cost(four) == pytest.approx(4 * LinearImpact(0.1).cost(one))


def test_the_length_of_the_bars_cancels_out(execution_of: Build) -> None:
    """A quarter of the time moves the price half as far and trades a quarter of the volume."""
    day, quarter = execution_of(), execution_of(volume=250.0, moved=2.0)

    assert SquareRootImpact().cost(day) == pytest.approx(SquareRootImpact().cost(quarter))


@given(impacts, st.floats(1e-4, 1e6), st.sampled_from(OrderSide), st.floats(0, 1e4))
def test_a_price_is_never_improved_and_something_is_left_of_it(
    execution_of: Build, impact: Impact, price: float, side: OrderSide, quantity: float
) -> None:
    """A8."""
    try:
        cost = impact.cost(execution_of(side, price, quantity))
    except ConfigError:
        return

    assert 0 <= cost < math.inf
    assert price + side.sign * cost > 0


@given(impacts, st.floats(0, 1e4), st.floats(0, 1e4))
def test_a_larger_order_never_costs_less(
    execution_of: Build, impact: Impact, first: float, second: float
) -> None:
    small, large = (execution_of(quantity=quantity) for quantity in sorted((first, second)))

    assert impact.cost(small) <= impact.cost(large)


@given(impacts)
def test_nothing_moves_nothing(execution_of: Build, impact: Impact) -> None:
    assert impact.cost(execution_of(quantity=0.0, volume=0.0)) == 0.0


def test_an_unknown_volatility_moves_nothing(execution_of: Build) -> None:
    assert SquareRootImpact().cost(execution_of(moved=None)) == 0.0


@by_volume
@pytest.mark.parametrize("volume", [None, math.nan])
def test_an_impact_needs_a_volume(
    impact: Impact, volume: float | None, execution_of: Build
) -> None:
    with pytest.raises(DataError, match=r"bar of AAA at 2024-01-02.* add a volume column"):
        impact.cost(execution_of(volume=volume))


@by_volume
def test_a_fill_without_any_volume_has_no_price(impact: Impact, execution_of: Build) -> None:
    with pytest.raises(DataError, match=r"bar of AAA at .* positive volume to fill 10, was 0"):
        impact.cost(execution_of(volume=0.0))


@pytest.mark.parametrize(
    "impact", [LinearImpact(100.0), SquareRootImpact(10.0, volatility=1.0)], ids=repr
)
def test_a_sale_for_nothing_is_refused(impact: Impact, execution_of: Build) -> None:
    assert impact.cost(execution_of(BUY)) == pytest.approx(100.0)
    with pytest.raises(ConfigError, match=r"sell of 10 AAA at 100 .* cannot cost 100 per unit"):
        impact.cost(execution_of(SELL))


@pytest.mark.parametrize("number", [-0.01, math.nan, math.inf])
@pytest.mark.parametrize(
    "build", [LinearImpact, SquareRootImpact, lambda n: SquareRootImpact(1.0, n)], ids=range(3)
)
def test_a_number_is_not_negative(build: Callable[[float], Impact], number: float) -> None:
    with pytest.raises(ConfigError, match=r"must be at least 0\.0"):
        build(number)


def test_volatility_needs_a_bar() -> None:
    with pytest.raises(ConfigError, match="length of SquareRootImpact must be at least 1"):
        SquareRootImpact(length=0)
