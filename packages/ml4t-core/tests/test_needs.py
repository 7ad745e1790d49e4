"""What a strategy needs, compared with what venues offer."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from ml4t.core import Capabilities, ConfigError, OrderType, TimeInForce, needs
from ml4t.core.needs import Needs, find_capabilities, require_needs

MARKET_BY_DAY = Capabilities(order_types=[OrderType.MARKET], times_in_force=[TimeInForce.DAY])
EVERYTHING = Capabilities(
    order_types=OrderType,
    times_in_force=TimeInForce,
    fractional=True,
    short_selling=True,
    replace_orders=True,
    order_groups=True,
)
ALL_NEEDS = Needs(
    order_types=OrderType,
    times_in_force=TimeInForce,
    fractional=True,
    short_selling=True,
    replace_orders=True,
    order_groups=True,
)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel with venues, and nothing else."""
    module = ModuleType("a_wheel")
    module.__dict__.update(venue=MARKET_BY_DAY, number=3)
    monkeypatch.setitem(sys.modules, "a_wheel", module)
    points = [
        EntryPoint("small", "a_wheel:venue", needs.GROUP),
        EntryPoint("odd", "a_wheel:number", needs.GROUP),
        EntryPoint("gone", "a_wheel:missing", needs.GROUP),
    ]
    monkeypatch.setattr(needs, "entry_points", lambda group: points)


def test_whoever_declares_nothing_lacks_nothing() -> None:
    assert () == Needs().missing_in(MARKET_BY_DAY)


def test_a_venue_that_offers_everything_lacks_nothing() -> None:
    assert () == ALL_NEEDS.missing_in(EVERYTHING)


def test_everything_missing_is_named_at_once_and_always_in_one_order() -> None:
    missing = ALL_NEEDS.missing_in(MARKET_BY_DAY)

    assert len(OrderType) - 1 + len(TimeInForce) - 1 + 4 == len(missing)
    assert ("LIMIT orders", "STOP orders") == missing[:2]
    assert (
        "quantities with fractions",
        "short sales",
        "orders that are changed in place",
        "brackets and other groups of orders",
    ) == missing[-4:]


@pytest.mark.parametrize(
    "one",
    [
        Needs(fractional=True),
        Needs(short_selling=True),
        Needs(replace_orders=True),
        Needs(order_groups=True),
    ],
    ids=["fractional", "short_selling", "replace_orders", "order_groups"],
)
def test_each_ability_is_looked_at_by_itself(one: Needs) -> None:
    assert 1 == len(one.missing_in(MARKET_BY_DAY))


def test_a_refusal_names_strategy_venue_and_what_is_missing() -> None:
    with pytest.raises(
        ConfigError, match="Trend needs what alpaca does not offer: STOP orders, short sales"
    ):
        require_needs(
            Needs(order_types=[OrderType.STOP], short_selling=True),
            MARKET_BY_DAY,
            strategy="Trend",
            name="alpaca",
        )


def test_a_venue_is_found_by_the_name_of_its_broker(installed: None) -> None:
    assert find_capabilities("small") is MARKET_BY_DAY


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("big", "no installed package says what a venue 'big' accepts; known are gone, odd, small"),
        ("odd", "a_wheel:number is no Capabilities but int"),
        ("gone", "what 'gone' accepts cannot be loaded from a_wheel:missing"),
    ],
)
def test_a_venue_that_cannot_be_found_is_refused(installed: None, name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_capabilities(name)
