"""How much of a bar's volume our own orders may take."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import ConfigError, DataError, OrderRequest
from ml4t.simulation.participation import (
    Participation,
    UnitsPerBar,
    Unlimited,
    VolumeShare,
    within_volume,
)

limited = st.one_of(
    st.builds(VolumeShare, st.floats(0, 1, exclude_min=True)),
    st.builds(UnitsPerBar, st.floats(0, 1e9, exclude_min=True)),
)


@pytest.mark.parametrize(
    ("participation", "budget"),
    [
        (Unlimited(), math.inf),
        (VolumeShare(0.1), 2_500.0),
        (VolumeShare(1), 25_000.0),
        (UnitsPerBar(1_000), 1_000.0),
        (UnitsPerBar(30_000), 25_000.0),
    ],
    ids=repr,
)
def test_budgets_by_hand(participation: Participation, budget: float) -> None:
    assert participation.budget(25_000.0) == budget


@given(limited)
def test_nothing_fills_in_a_bar_without_volume(participation: Participation) -> None:
    assert participation.budget(0.0) == 0.0


@given(limited, st.floats(0, 1e12), st.floats(0, 1e12))
def test_a_budget_lies_within_the_volume_and_grows_with_it(
    participation: Participation, first: float, second: float
) -> None:
    """A10."""
    small, large = sorted((first, second))

    assert 0 <= participation.budget(small) <= participation.budget(large) <= large


def test_without_a_limit_the_volume_need_not_be_known() -> None:
    assert Unlimited().budget(None) == Unlimited().budget(0.0) == math.inf


@pytest.mark.parametrize("volume", [None, math.nan])
@pytest.mark.parametrize("participation", [VolumeShare(0.1), UnitsPerBar(10)], ids=repr)
def test_a_limit_by_volume_needs_a_volume(
    participation: Participation, volume: float | None
) -> None:
    with pytest.raises(DataError, match=r"add a volume column, or use Unlimited participation"):
        participation.budget(volume)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, math.nan, math.inf])
def test_a_share_is_above_nothing_and_at_most_everything(share: float) -> None:
    with pytest.raises(ConfigError, match="share of VolumeShare must be above 0 and at most 1"):
        VolumeShare(share)


@pytest.mark.parametrize("units", [0.0, -1.0, math.nan, math.inf])
def test_a_number_of_units_is_positive(units: float) -> None:
    with pytest.raises(ConfigError, match="units of UnitsPerBar must be positive and finite"):
        UnitsPerBar(units)


def test_what_rounding_leaves_of_a_budget_fills_nothing() -> None:
    request = OrderRequest.of("SPY", 1.8)

    assert within_volume(request, 1.8, 0.1 + 0.2 - 0.3, 0.0) == 0.0
    assert within_volume(request, 1.8, 0.1, 0.0) == 0.1
