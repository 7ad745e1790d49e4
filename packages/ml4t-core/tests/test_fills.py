"""Fills: the events that change an account."""

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from ml4t.core import Fill, InvalidValueError, OrderSide

WHEN = datetime(2024, 1, 2, 21, tzinfo=UTC)


def fill(**changes: Any) -> Fill:
    fields: dict[str, Any] = {
        "id": "7",
        "order_id": "3",
        "asset": "SPY",
        "side": OrderSide.BUY,
        "quantity": 2.0,
        "price": 100.0,
        "timestamp": WHEN,
    }
    return Fill(**{**fields, **changes})


def test_a_fill_costs_nothing_unless_it_says_so() -> None:
    assert (fill().fee, fill().rule, fill().reference_price) == (0.0, "", None)


@pytest.mark.parametrize(("side", "change"), [(OrderSide.BUY, 2.0), (OrderSide.SELL, -2.0)])
def test_the_signed_quantity_is_the_change_of_the_position(side: OrderSide, change: float) -> None:
    assert fill(side=side).signed_quantity == change


@pytest.mark.parametrize("side", OrderSide)
def test_slippage_is_how_much_worse_the_price_was(side: OrderSide) -> None:
    assert fill(side=side, reference_price=100.0 - side.sign * 0.5).slippage == 0.5


def test_slippage_is_zero_where_the_reference_is_not_known() -> None:
    assert fill().slippage == 0.0


def test_a_fee_may_be_a_rebate() -> None:
    assert fill(fee=-0.1).fee == -0.1


def test_a_fill_never_changes() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        fill().price = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("field", ["quantity", "price"])
@pytest.mark.parametrize("number", [0.0, -1.0, float("nan"), float("inf")])
def test_quantity_and_price_are_positive_and_finite(field: str, number: float) -> None:
    with pytest.raises(InvalidValueError, match=f"{field} of fill 7 must be positive"):
        fill(**{field: number})


@pytest.mark.parametrize("fee", [float("nan"), float("inf"), float("-inf")])
def test_a_fee_is_finite(fee: float) -> None:
    with pytest.raises(InvalidValueError, match="fee of fill 7 must be finite"):
        fill(fee=fee)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="timestamp must be a timezone-aware datetime"):
        fill(timestamp=datetime(2024, 1, 2))  # noqa: DTZ001 - the point of the test
