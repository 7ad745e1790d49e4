"""The configuration of a rebalance, and the limits it puts on weights."""

import math
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import ConfigError, RebalanceConfig, RebalanceError
from ml4t.core.rebalance_config import limited

weights = st.dictionaries(st.sampled_from("ABCDE"), st.floats(-3, 3))
configs = st.builds(
    RebalanceConfig,
    allow_short=st.booleans(),
    max_single_weight=st.floats(0.01, 2),
    max_gross_leverage=st.floats(0.01, 3),
)


@pytest.mark.parametrize("name", ["min_trade_value", "min_weight_change", "fee_headroom"])
@pytest.mark.parametrize("number", [-0.1, math.nan, math.inf])
def test_a_threshold_is_not_negative_and_finite(name: str, number: float) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be finite and not negative"):
        RebalanceConfig(**{name: number})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["lot_size", "max_single_weight", "max_gross_leverage"])
@pytest.mark.parametrize("number", [0.0, -0.1, math.nan, math.inf])
def test_a_limit_is_positive_and_finite(name: str, number: float) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be finite and positive"):
        RebalanceConfig(**{name: number})  # type: ignore[arg-type]


def test_head_room_is_a_share() -> None:
    with pytest.raises(ConfigError, match="fee_headroom is a share"):
        RebalanceConfig(fee_headroom=1.0)


def test_fractions_and_round_lots_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="contradict each other"):
        RebalanceConfig(allow_fractional=True, round_lots=True)


def test_a_configuration_never_changes() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        RebalanceConfig().lot_size = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("config", "asked", "expected"),
    [
        ({}, {"A": 0.5, "B": 0.25}, {"A": 0.5, "B": 0.25}),
        ({}, {"A": -0.5, "B": 0.25}, {"A": 0.0, "B": 0.25}),
        ({"allow_short": True}, {"A": -0.5, "B": 0.25}, {"A": -0.5, "B": 0.25}),
        ({"max_single_weight": 0.25}, {"A": 0.5, "B": 0.125}, {"A": 0.25, "B": 0.125}),
        (
            {"max_single_weight": 0.25, "allow_short": True},
            {"A": -0.5, "B": 0.5},
            {"A": -0.25, "B": 0.25},
        ),
        ({}, {"A": 1.0, "B": 1.0}, {"A": 0.5, "B": 0.5}),
        ({"max_gross_leverage": 2.0}, {"A": 1.0, "B": 1.0}, {"A": 1.0, "B": 1.0}),
        ({"max_gross_leverage": 0.5}, {"A": 0.5, "B": 0.5}, {"A": 0.25, "B": 0.25}),
        ({}, {}, {}),
        ({}, {"A": 0}, {"A": 0.0}),
    ],
    ids=str,
)
def test_limits_by_hand(
    config: dict[str, Any], asked: dict[str, float], expected: dict[str, float]
) -> None:
    assert limited(asked, RebalanceConfig(**config)) == expected


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf])
def test_a_weight_that_is_no_number_names_the_asset(weight: float) -> None:
    with pytest.raises(RebalanceError, match="target weight of SPY must be a finite number"):
        limited({"QQQ": 0.5, "SPY": weight}, RebalanceConfig())


@given(weights, configs)
def test_no_limit_is_exceeded(asked: dict[str, float], config: RebalanceConfig) -> None:
    targets = limited(asked, config)

    assert list(targets) == list(asked)
    assert all(abs(target) <= config.max_single_weight for target in targets.values())
    gross = sum(abs(target) for target in targets.values())
    assert gross <= config.max_gross_leverage * (1 + 1e-12)
    assert config.allow_short or all(target >= 0 for target in targets.values())


@given(weights, configs)
def test_limiting_again_changes_nothing(asked: dict[str, float], config: RebalanceConfig) -> None:
    targets = limited(asked, config)

    assert limited(targets, config) == pytest.approx(targets)


@given(weights, configs)
def test_a_limit_never_turns_a_weight_around(
    asked: dict[str, float], config: RebalanceConfig
) -> None:
    targets = limited(asked, config)

    assert all(targets[asset] * asked[asset] >= 0 for asset in asked)
    assert all(abs(targets[asset]) <= abs(asked[asset]) for asset in asked)
