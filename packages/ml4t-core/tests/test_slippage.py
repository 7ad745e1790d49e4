"""How much worse than the bar's price a fill is."""

import math
from collections.abc import Callable

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import ConfigError, DataError, MarketSlice, OrderSide
from ml4t.simulation.execution import Execution
from ml4t.simulation.slippage import (
    BasisPoints,
    CombinedSlippage,
    FixedAmount,
    HalfSpread,
    HalfSpreadBps,
    NoSlippage,
    NotAtOpen,
    Slippage,
    VolatilitySlippage,
    VolumeImpact,
    WithinBar,
    leave_a_price,
)

Build = Callable[..., Execution]
BUY, SELL = OrderSide.BUY, OrderSide.SELL


@pytest.fixture(scope="session")
def execution_of(moved_bar: Callable[..., MarketSlice]) -> Build:
    """Builds an execution at ``price`` in a bar from 4 % below to 2 % above it."""

    def build(
        side: OrderSide = BUY,
        price: float = 200.0,
        quantity: float = 10.0,
        volume: float | None = 100.0,
        moved: float | None = 4.0,
        rule: str = "market_close",
    ) -> Execution:
        bars = moved_bar((price, price * 1.02, price * 0.96, price), volume, moved)
        return Execution(price, rule, side, quantity, "AAA", bars)

    return build


leaves = st.one_of(
    st.just(NoSlippage()),
    st.builds(BasisPoints, st.floats(0, 9_999)),
    st.builds(FixedAmount, st.floats(0, 1e3)),
    st.builds(HalfSpread, st.floats(0, 1e3)),
    st.builds(HalfSpreadBps, st.floats(0, 19_999)),
    st.builds(VolumeImpact, st.floats(0, 2), st.none() | st.floats(0, 1)),
    st.builds(VolatilitySlippage, st.floats(0, 2), st.integers(1, 50)),
)
assumptions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(WithinBar, inner),
        st.builds(NotAtOpen, inner),
        st.builds(CombinedSlippage, st.lists(inner, max_size=3)),
    ),
    max_leaves=4,
)
prices = st.floats(1e-4, 1e6)
sides = st.sampled_from(OrderSide)


@pytest.mark.parametrize(
    ("slippage", "cost"),
    [
        (NoSlippage(), 0.0),
        (BasisPoints(5), 0.1),
        (BasisPoints(0), 0.0),
        (FixedAmount(0.25), 0.25),
        (HalfSpread(0.02), 0.01),
        (HalfSpreadBps(2), 0.02),
        # A tenth of the volume: 0.1 * 0.1 ** 2 * 200.
        (VolumeImpact(0.1), 0.2),
        (VolumeImpact(0.1, share_limit=0.05), 0.05),
        (VolumeImpact(0.1, share_limit=0.5), 0.2),
        (VolatilitySlippage(0.1, length=14), 0.4),
        (CombinedSlippage([BasisPoints(5), FixedAmount(0.25)]), 0.35),
        (CombinedSlippage([]), 0.0),
    ],
    ids=repr,
)
@pytest.mark.parametrize("side", OrderSide)
def test_costs_by_hand(
    slippage: Slippage, cost: float, side: OrderSide, execution_of: Build
) -> None:
    assert slippage.cost(execution_of(side)) == pytest.approx(cost, abs=1e-15)


@pytest.mark.parametrize(
    ("quantity", "volume", "price", "filled_at"),
    [
        (5, 200, 3.0, 3.0001875),
        (50, 2_000, 3.5, 3.50021875),
        (-50, 2_000, 3.5, 3.49978125),
        (50, 2_000, 4.0, 4.00025),
        (-50, 2_000, 3.0, 2.9998125),
    ],
)
def test_the_impact_of_volume_is_that_of_zipline(
    quantity: float, volume: float, price: float, filled_at: float, execution_of: Build
) -> None:
    """Prices that zipline's own tests expect."""
    side = BUY if quantity > 0 else SELL
    execution = execution_of(side, price, abs(quantity), volume)

    assert price + side.sign * VolumeImpact(0.1).cost(execution) == pytest.approx(filled_at, 1e-12)


@pytest.mark.parametrize(
    ("volume", "limit", "impact", "cost"),
    [
        (1, 0.025, 0.1, 0.00625),
        (1, 0.05, 0.2, 0.05),
        (1, 0.0125, 0.05, 0.00078125),
        (100, 0.025, 0.1, 0.001),
        (0, 0.025, 0.1, 0.00625),
    ],
)
def test_the_share_of_volume_is_limited_as_in_lean(
    volume: float, limit: float, impact: float, cost: float, execution_of: Build
) -> None:
    """The costs of one unit at 100 that LEAN's own tests expect; the last by its documentation."""
    execution = execution_of(BUY, 100.0, 1.0, volume)

    assert VolumeImpact(impact, limit).cost(execution) == pytest.approx(cost, 1e-12)


@given(assumptions, prices, sides, st.sampled_from(["limit_open", "stop_touch"]))
def test_a_price_is_never_improved_and_something_is_left_of_it(
    execution_of: Build, slippage: Slippage, price: float, side: OrderSide, rule: str
) -> None:
    """A8."""
    execution = execution_of(side, price, rule=rule)
    try:
        cost = slippage.cost(execution)
    except ConfigError:
        return

    assert 0 <= cost < math.inf
    assert price + side.sign * cost > 0


@given(leaves, prices, sides)
def test_within_the_bar_a_trade_gets_no_price_that_was_not_traded(
    execution_of: Build, slippage: Slippage, price: float, side: OrderSide
) -> None:
    execution = execution_of(side, price)
    try:
        free = slippage.cost(execution)
    except ConfigError:
        return
    cost = WithinBar(slippage).cost(execution)
    bar = execution.bars["AAA"]

    assert cost <= free
    paid = price + side.sign * cost
    assert bar.low <= paid * (1 + 1e-15)
    assert paid <= bar.high * (1 + 1e-15)


def test_within_the_bar_the_room_is_that_of_the_side(execution_of: Build) -> None:
    slippage = WithinBar(BasisPoints(300))

    assert slippage.cost(execution_of(BUY)) == pytest.approx(4.0)
    assert slippage.cost(execution_of(SELL)) == pytest.approx(6.0)


@pytest.mark.parametrize("rule", ["market_open", "limit_open", "stop_open"])
def test_nothing_is_charged_at_the_open_if_so_assumed(rule: str, execution_of: Build) -> None:
    assert NotAtOpen(BasisPoints(5)).cost(execution_of(rule=rule)) == 0.0


@pytest.mark.parametrize("rule", ["market_close", "limit_touch", "opening"])
def test_everything_else_is_charged_all_the_same(rule: str, execution_of: Build) -> None:
    assert NotAtOpen(BasisPoints(5)).cost(execution_of(rule=rule)) == pytest.approx(0.1)


def test_volatility_costs_nothing_before_it_is_known(execution_of: Build) -> None:
    assert VolatilitySlippage(0.1).cost(execution_of(moved=None)) == 0.0


@given(st.floats(0, 1e4), st.floats(0, 1e4))
def test_a_larger_share_of_the_volume_never_costs_less(
    execution_of: Build, first: float, second: float
) -> None:
    small, large = (execution_of(BUY, quantity=q) for q in sorted((first, second)))

    assert VolumeImpact().cost(small) <= VolumeImpact().cost(large)


@pytest.mark.parametrize("volume", [None, math.nan])
def test_a_cost_by_volume_needs_a_volume(volume: float | None, execution_of: Build) -> None:
    with pytest.raises(DataError, match=r"bar of AAA at 2024-01-02.* add a volume column"):
        VolumeImpact(0.1, share_limit=0.5).cost(execution_of(volume=volume))


def test_a_fill_without_any_volume_has_no_price(execution_of: Build) -> None:
    with pytest.raises(DataError, match=r"bar of AAA at .* positive volume to fill 10, was 0"):
        VolumeImpact(0.1).cost(execution_of(volume=0.0))


def test_nothing_of_no_volume_costs_nothing(execution_of: Build) -> None:
    assert VolumeImpact(0.1).cost(execution_of(quantity=0.0, volume=0.0)) == 0.0


@pytest.mark.parametrize(
    "slippage",
    [
        FixedAmount(200.0),
        HalfSpread(400.0),
        VolumeImpact(100.0),
        VolatilitySlippage(50.0),
        CombinedSlippage([FixedAmount(150.0), FixedAmount(50.0)]),
    ],
    ids=repr,
)
def test_a_sale_for_nothing_is_refused(slippage: Slippage, execution_of: Build) -> None:
    assert slippage.cost(execution_of(BUY)) == pytest.approx(200.0)
    with pytest.raises(ConfigError, match=r"sell of 10 AAA at 200 .* cannot cost 200 per unit"):
        slippage.cost(execution_of(SELL))


@pytest.mark.parametrize("cost", [math.inf, math.nan])
@pytest.mark.parametrize("side", OrderSide)
def test_a_cost_is_finite(side: OrderSide, cost: float, execution_of: Build) -> None:
    with pytest.raises(ConfigError, match=rf"cannot cost {cost:g} per unit"):
        leave_a_price(execution_of(side), cost)


@pytest.mark.parametrize("bps", [-1.0, 10_000.0, math.nan, math.inf])
def test_basis_points_are_less_than_the_whole_price(bps: float) -> None:
    with pytest.raises(ConfigError, match="bps of BasisPoints must be at least"):
        BasisPoints(bps)


@pytest.mark.parametrize("number", [-0.01, math.nan, math.inf])
@pytest.mark.parametrize(
    "build",
    [
        FixedAmount,
        HalfSpread,
        HalfSpreadBps,
        VolumeImpact,
        lambda n: VolumeImpact(0.1, n),
        VolatilitySlippage,
    ],
    ids=range(6),
)
def test_a_number_is_not_negative(build: Callable[[float], Slippage], number: float) -> None:
    with pytest.raises(ConfigError, match=r"must be at least 0\.0"):
        build(number)


def test_volatility_needs_a_bar() -> None:
    with pytest.raises(ConfigError, match="length of VolatilitySlippage must be at least 1"):
        VolatilitySlippage(0.1, length=0)


@attrs.frozen
class TwoCents:
    """A slippage of the user's own."""

    def cost(self, execution: Execution) -> float:
        return 0.02


def test_the_objects_take_a_slippage_of_ones_own(execution_of: Build) -> None:
    slippage = CombinedSlippage([WithinBar(TwoCents()), NotAtOpen(TwoCents())])

    assert slippage.cost(execution_of()) == pytest.approx(0.04)
