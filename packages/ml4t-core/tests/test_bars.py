"""Bars: what one asset traded at over one interval."""

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from ml4t.core import Bar, DataError, InvalidValueError, PriceBar

WHEN = datetime(2024, 1, 2, 21, tzinfo=UTC)


def bar(**changes: Any) -> Bar:
    fields = {"timestamp": WHEN, "asset": "SPY", "open": 10, "high": 12, "low": 9, "close": 11}
    return Bar(**{**fields, **changes})


def test_a_bar_is_a_mapping_of_its_numbers() -> None:
    assert dict(bar(volume=500)) == {
        "open": 10.0,
        "high": 12.0,
        "low": 9.0,
        "close": 11.0,
        "volume": 500.0,
    }


def test_a_bar_without_volume_has_no_such_key() -> None:
    without = bar()

    assert without.volume is None
    assert list(without) == ["open", "high", "low", "close"]
    assert len(without) == 4
    with pytest.raises(KeyError):
        without["volume"]


def test_the_length_counts_the_volume() -> None:
    assert len(bar(volume=0)) == 5


@pytest.mark.parametrize("name", ["timestamp", "asset", "vwap"])
def test_what_is_no_number_of_the_bar_is_no_key(name: str) -> None:
    assert name not in bar()
    assert bar().get(name) is None


def test_keys_and_attributes_are_the_same_floats() -> None:
    one: PriceBar = bar(volume=7)

    assert one.close == bar()["close"] == 11.0
    assert type(bar()["close"]) is float


def test_a_bar_never_changes() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        bar().close = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_a_price_that_cannot_be_names_row_and_column(field: str, price: float) -> None:
    with pytest.raises(DataError, match=rf"bar of SPY at 2024-01-02T21:00:00.*: {field} must be"):
        bar(**{field: price})


@pytest.mark.parametrize(
    "prices",
    [
        {"high": 10.5},
        {"low": 10.5},
        {"open": 8},
        {"open": 13},
        {"close": 8},
        {"close": 13},
        {"low": 13, "high": 12},
    ],
    ids=str,
)
def test_open_and_close_lie_between_low_and_high(prices: dict[str, float]) -> None:
    with pytest.raises(DataError, match="open and close must lie between low and high"):
        bar(**prices)


@pytest.mark.parametrize("volume", [-1.0, float("nan"), float("inf")])
def test_a_volume_is_not_negative(volume: float) -> None:
    with pytest.raises(DataError, match="volume must be finite and not negative"):
        bar(volume=volume)


def test_a_flat_bar_is_a_bar() -> None:
    assert bar(open=10, high=10, low=10, close=10).high == 10.0


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="timestamp must be a timezone-aware datetime"):
        bar(timestamp=datetime(2024, 1, 2))  # noqa: DTZ001 - the point of the test


def test_a_bar_of_no_asset_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="asset of a bar must be a symbol"):
        bar(asset="")
