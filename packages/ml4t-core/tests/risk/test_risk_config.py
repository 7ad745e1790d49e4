"""The limits: what can be set, what must be, and what is looser than before."""

import math

import attrs
import pytest

from ml4t.core.errors import ConfigError
from ml4t.core.risk import CONTROLS, MANDATORY, UNLIMITED, LiveRiskConfig, StrategyFault

FIELDS = [field.name for field in attrs.fields(LiveRiskConfig)]


def test_what_must_be_set_is_missing_at_first():
    assert MANDATORY == LiveRiskConfig().missing()


def test_nothing_is_missing_when_all_is_said_on_purpose():
    said = dict.fromkeys(MANDATORY, "UNLIMITED")
    assert () == LiveRiskConfig.of(said).missing()


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "5", True, "unlimited"])
@pytest.mark.parametrize("name", ["max_order_shares", "max_leverage", "max_bar_move"])
def test_a_limit_is_a_positive_number_or_unlimited(name, value):
    with pytest.raises(ConfigError, match=name):
        LiveRiskConfig.of({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("market_buffer", math.nan),
        ("dedup_window_seconds", -1.0),
        ("market_buffer", True),
        ("bar_seconds", 0),
        ("allow_short", 1),
        ("allowed_assets", "SPY"),
        ("allowed_assets", 5),
        ("restricted_assets", "SPY"),
        ("self_trade", "maybe"),
        ("max_messages_per_second", 1),
        ("currency", None),
        ("flatten_on_loss", "yes"),
    ],
)
def test_a_value_that_cannot_be_names_its_field(name, value):
    with pytest.raises(ConfigError, match=name):
        LiveRiskConfig.of({name: value})


def test_a_market_order_cannot_become_a_limit_without_a_collar():
    table = {"market_as_limit": True, "max_price_deviation_pct": "UNLIMITED"}
    with pytest.raises(ConfigError, match="market_as_limit"):
        LiveRiskConfig.of(table)


def test_an_unknown_field_is_refused_by_name():
    with pytest.raises(ConfigError, match="max_ordr_shares"):
        LiveRiskConfig.of({"max_ordr_shares": 5})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {}, []),
        ({"max_order_shares": 5}, {"max_order_shares": 5}, []),
        ({"max_order_shares": 5}, {"max_order_shares": 4}, []),
        ({"max_order_shares": 5}, {"max_order_shares": 6}, ["max_order_shares"]),
        ({"max_order_shares": 5}, {"max_order_shares": UNLIMITED}, ["max_order_shares"]),
        ({"max_order_shares": 5}, {}, ["max_order_shares"]),
        ({}, {"max_order_shares": 5}, []),
        ({}, {"market_buffer": 0.02}, ["market_buffer"]),
        ({}, {"market_buffer": 0.04}, []),
        ({}, {"allow_short": True}, ["allow_short"]),
        ({"allow_short": True}, {}, []),
        ({}, {"regular_hours_only": False}, ["regular_hours_only"]),
        ({}, {"check_buying_power": False}, ["check_buying_power"]),
        ({"restricted_hard": True}, {}, ["restricted_hard"]),
        ({}, {"restricted_hard": True}, []),
        ({"allowed_assets": ["A"]}, {"allowed_assets": ["A", "B"]}, ["allowed_assets"]),
        ({"allowed_assets": ["A", "B"]}, {"allowed_assets": ["A"]}, []),
        ({"allowed_assets": ["A"]}, {"allowed_assets": UNLIMITED}, ["allowed_assets"]),
        ({"allowed_assets": UNLIMITED}, {"allowed_assets": UNLIMITED}, []),
        ({"restricted_assets": ["A"]}, {}, ["restricted_assets"]),
        ({"blackouts": ["10:00-11:00 UTC"]}, {}, ["blackouts"]),
        ({"flatten_on_loss": True}, {}, ["flatten_on_loss"]),
        ({"strategy_error": "halt"}, {}, ["strategy_error"]),
        ({}, {"bar_seconds": 120}, ["max_data_staleness_seconds"]),
        ({}, {"max_data_staleness_seconds": 10}, []),
    ],
)
def test_a_looser_limit_shows(old, new, expected):
    assert expected == LiveRiskConfig(**new).tightened_only(LiveRiskConfig(**old))


def test_the_words_of_every_field_are_stable():
    words = LiveRiskConfig(max_order_shares=5, allowed_assets=["B", "A"]).as_text()
    assert FIELDS == list(words)
    assert ("5", "A, B", "deny", "None") == (
        words["max_order_shares"],
        words["allowed_assets"],
        words["self_trade"],
        words["max_order_value"],
    )


def test_an_enumeration_may_be_given_as_a_member():
    assert StrategyFault.HALT is LiveRiskConfig(strategy_error=StrategyFault.HALT).strategy_error


def test_the_controls_are_numbered_without_a_gap():
    assert list(range(1, 32)) == [control.number for control in CONTROLS]


def test_every_field_belongs_to_one_control():
    named = [name for control in CONTROLS for name in control.fields]
    assert sorted(set(FIELDS) - {"currency"}) == sorted(named)
