"""What a recording holds reads back as it was."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import (
    Asset,
    Bracket,
    Capabilities,
    DataError,
    Fill,
    Order,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    Position,
    TimeInForce,
)
from ml4t.live.recording.values import as_text, from_text

NEW_YORK = ZoneInfo("America/New_York")
WHEN = datetime(2024, 11, 3, 1, 30, tzinfo=NEW_YORK, fold=1)
REQUEST = OrderRequest.of("AAA", -1.5, order_type=OrderType.LIMIT, limit_price=9.0, tag="é")
ORDER = Order("1", REQUEST, OrderStatus.ACCEPTED, WHEN, WHEN, parent="0")
VALUES = [
    None,
    True,
    1,
    0.1,
    -0.0,
    math.inf,
    "text",
    WHEN,
    datetime(2024, 1, 2, tzinfo=UTC),
    ORDER,
    Fill("f", "1", "AAA", OrderSide.SELL, 1.0, 9.5, WHEN, fee=0.1, volume_left=3.0),
    Position("AAA", -2.0, 9.0),
    Asset(symbol="AAA", tick_size=0.01),
    Bracket(ORDER, None, ORDER),
    Capabilities(order_types=OrderType, times_in_force=[TimeInForce.DAY]),
    {"AAA": Position("AAA", 1.0, 2.0)},
    (ORDER, ORDER),
    (),
    {},
]


@pytest.mark.parametrize("value", VALUES)
def test_values_read_back_the_same(value: object) -> None:
    found = from_text(as_text(value))

    assert found == value
    assert type(found) is type(value)
    assert as_text(found) == as_text(value)


def test_timestamps_keep_their_zone_and_their_side_of_the_change_of_the_clock() -> None:
    found = from_text(as_text(WHEN))

    assert (found.tzinfo.key, found.fold) == ("America/New_York", 1)
    assert found.utcoffset() == WHEN.utcoffset()


def test_an_order_for_no_number_can_be_kept() -> None:
    request = from_text(as_text(OrderRequest.of("AAA", math.nan)))

    assert math.isnan(request.quantity)


def test_a_view_of_positions_is_a_mapping() -> None:
    class View(Mapping[str, float]):
        def __getitem__(self, name: str) -> float:
            return {"a": 1.0}[name]

        def __iter__(self):
            return iter(("a",))

        def __len__(self) -> int:
            return 1

    assert from_text(as_text(View())) == {"a": 1.0}


def test_numbers_of_other_libraries_are_numbers() -> None:
    assert from_text(as_text((Fraction(1, 2), True))) == (0.5, True)


def test_the_order_of_positions_is_kept() -> None:
    held = {asset: Position(asset, 1.0, 2.0) for asset in ("CCC", "AAA", "BBB")}

    assert list(from_text(as_text(held))) == ["CCC", "AAA", "BBB"]


def test_what_is_not_known_is_told_by_its_type() -> None:
    assert as_text(object()) == '{"unknown":"object"}'
    assert from_text(as_text(object())) == "object"


@pytest.mark.parametrize("text", ["", "{", '{"Order":[1]}', '{"nobody":1}', '{"a":1,"b":2}'])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        from_text(text)


@given(st.floats(allow_nan=False))
def test_every_number_is_the_same_number(number: float) -> None:
    assert from_text(as_text(number)) == number
