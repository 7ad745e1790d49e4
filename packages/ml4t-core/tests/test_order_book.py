"""The order book: all orders, and those that still work."""

from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import Order, OrderRequest, OrderStatus, UnknownOrderError
from ml4t.simulation import FillRecord, OrderBook

_S = OrderStatus
REQUEST = OrderRequest.of("SPY", 10)


def order(number: str, status: OrderStatus = OrderStatus.ACCEPTED) -> Order:
    return Order(number, REQUEST, status)


def test_a_new_book_is_empty() -> None:
    book = OrderBook()

    assert (len(book), dict(book.orders), book.working) == (0, {}, {})


def test_an_order_is_found_by_its_id() -> None:
    book = OrderBook()
    book.put(order("7"))

    assert book["7"] == order("7")
    with pytest.raises(UnknownOrderError, match="no order has the id '8'"):
        book["8"]


def test_the_latest_state_replaces_the_one_before() -> None:
    book = OrderBook()
    book.put(order("7"))
    book.put(order("7", OrderStatus.FILLED))

    assert book["7"].status is OrderStatus.FILLED
    assert len(book) == 1


def test_working_orders_keep_their_place_when_they_change() -> None:
    book = OrderBook()
    for number in "123":
        book.put(order(number))
    book.put(order("1", OrderStatus.PARTIALLY_FILLED))

    assert list(book.working) == ["1", "2", "3"]


def test_the_orders_cannot_be_written_from_outside() -> None:
    with pytest.raises(TypeError):
        OrderBook().orders["7"] = order("7")  # type: ignore[index]


@given(st.lists(st.tuples(st.sampled_from("1234"), st.sampled_from(OrderStatus))))
def test_working_orders_are_those_that_are_open(changes: list[tuple[str, OrderStatus]]) -> None:
    book = OrderBook()
    latest: dict[str, Order] = {}
    for number, status in changes:
        book.put(order(number, status))
        latest[number] = order(number, status)

    assert dict(book.orders) == latest
    held = {number for number, o in latest.items() if o.status is OrderStatus.HELD}
    assert set(book.sleeping) == held
    assert book.working == {n: o for n, o in latest.items() if o.is_open and n not in held}
    assert {o.id for o in book.open} == {n for n, o in latest.items() if o.is_open}
    assert dict(book.working_in("SPY")) == book.working


@given(
    st.lists(st.tuples(st.sampled_from("1234"), st.sampled_from(OrderStatus))),
    st.lists(st.tuples(st.sampled_from("1234"), st.sampled_from(OrderStatus))),
)
def test_what_works_in_an_asset_is_kept_from_the_first_question_on(
    before: list[tuple[str, OrderStatus]], after: list[tuple[str, OrderStatus]]
) -> None:
    book = OrderBook()
    for number, status in before:
        book.put(order(number, status))
    assert dict(book.working_in("SPY")) == book.working
    for number, status in after:
        book.put(order(number, status))

    assert dict(book.working_in("SPY")) == book.working
    assert book.working_in("QQQ") == {}


def test_children_stand_in_the_order_of_submission() -> None:
    book = OrderBook()
    for number, status in [("1", _S.ACCEPTED), ("2", _S.HELD), ("10", _S.ACCEPTED)]:
        book.put(order(number, status))

    assert [o.id for o in book.open] == ["1", "2", "10"]


def test_an_order_that_filled_as_a_whole_is_told_its_last_state_when_asked() -> None:
    book, instant = OrderBook(), datetime(2024, 1, 2, tzinfo=UTC)
    for number in ("1", "2"):
        book.put(order(number))
        assert book.working_in("SPY")
        record = FillRecord(book[number], 10.0, 5.0, instant, 1.0, "rule", 5.0, 0.0, None, "")
        book.complete(record)
        assert not book.working
        assert not book.working_in("SPY")

    filled = order("1").after_fill(10.0, 5.0, instant, 1.0)
    assert (book["1"], book["1"].status) == (filled, _S.FILLED)
    assert list(book.orders.values()) == [filled, attrs.evolve(filled, id="2")]
    assert len(book) == 2
