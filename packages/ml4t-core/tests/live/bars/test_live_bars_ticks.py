"""Trades as values."""

import math
from datetime import UTC, datetime

import pytest

from ml4t.core import DataError, InvalidValueError
from ml4t.live.bars import Tick

NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)


def test_a_tick_without_a_size_has_none() -> None:
    assert Tick(timestamp=NOON, asset="A", price=1).size == 0.0


@pytest.mark.parametrize("price", [0, -1, math.nan, math.inf])
def test_a_price_is_positive_and_finite(price: float) -> None:
    with pytest.raises(DataError, match="price must be positive and finite"):
        Tick(timestamp=NOON, asset="A", price=price)


@pytest.mark.parametrize("size", [-1, math.nan, math.inf])
def test_a_size_is_finite_and_not_negative(size: float) -> None:
    with pytest.raises(DataError, match="size must be finite and not negative"):
        Tick(timestamp=NOON, asset="A", price=1, size=size)


def test_a_tick_has_a_zone_and_a_symbol() -> None:
    with pytest.raises(InvalidValueError, match="timestamp"):
        Tick(timestamp=NOON.replace(tzinfo=None), asset="A", price=1)
    with pytest.raises(InvalidValueError, match="asset"):
        Tick(timestamp=NOON, asset="", price=1)
