"""Values that are made by the fast way are the same as those made by their constructor."""

import copy
import pickle
from datetime import UTC, datetime

import attrs
import pytest

from ml4t.core import Fill, Order, OrderRequest, OrderSide, OrderStatus, Position

WHEN = datetime(2024, 1, 2, 21, tzinfo=UTC)
REQUEST = OrderRequest.of("SPY", 10)

FAST = {
    "request": REQUEST,
    "accepted": Order.submitted("1", REQUEST, WHEN, None),
    "rejected": Order.submitted("1", REQUEST, None, "not listed"),
    "changed": Order.submitted("1", REQUEST, WHEN, None).to(OrderStatus.CANCELLED, WHEN, "why"),
    "filled": Order.submitted("1", REQUEST, WHEN, None).after_fill(4.0, 99.0, WHEN),
    "fill": Fill.of("7", Order("1", REQUEST), 4.0, 99.0, WHEN, 0.5, "market_open", 98.5),
    "position": Position("SPY", 0.0, 0.0).after(4.0, 99.0),
}
PLAIN = {
    "request": OrderRequest("SPY", OrderSide.BUY, 10.0),
    "accepted": Order("1", REQUEST, OrderStatus.ACCEPTED, WHEN, WHEN),
    "rejected": Order("1", REQUEST, OrderStatus.REJECTED, reason="not listed"),
    "changed": Order("1", REQUEST, OrderStatus.CANCELLED, WHEN, WHEN, reason="why"),
    "filled": Order("1", REQUEST, OrderStatus.PARTIALLY_FILLED, WHEN, WHEN, 4.0, 99.0),
    "fill": Fill("7", "1", "SPY", OrderSide.BUY, 4.0, 99.0, WHEN, 0.5, "market_open", 98.5),
    "position": Position("SPY", 4.0, 99.0),
}
both = pytest.mark.parametrize("name", FAST)


@both
def test_it_is_of_the_same_type(name: str) -> None:
    assert type(FAST[name]) is type(PLAIN[name])


@both
def test_it_equals_the_plain_value(name: str) -> None:
    assert FAST[name] == PLAIN[name]
    assert hash(FAST[name]) == hash(PLAIN[name])
    assert repr(FAST[name]) == repr(PLAIN[name])


@both
def test_it_never_changes(name: str) -> None:
    field = attrs.fields(type(PLAIN[name]))[0].name  # type: ignore[arg-type]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(FAST[name], field, "another")


@both
def test_it_can_be_copied_and_stored(name: str) -> None:
    value = FAST[name]

    assert copy.copy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 - made a moment ago


@both
def test_it_takes_no_other_attribute(name: str) -> None:
    with pytest.raises((AttributeError, attrs.exceptions.FrozenInstanceError)):
        FAST[name].note = "x"  # type: ignore[attr-defined]
