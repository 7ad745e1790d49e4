"""Orders: every change of status that one can make, every one that it cannot, and its fills."""

import itertools
import math
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ml4t.core import (
    InvalidValueError,
    Order,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
    TransitionError,
)
from ml4t.core.orders import LEGAL_TRANSITIONS, OPEN_STATUSES

START = datetime(2024, 1, 2, 14, 31, tzinfo=UTC)
WHEN = datetime(2024, 1, 2, 21, tzinfo=UTC)
ENDED = {
    OrderStatus.FILLED,
    OrderStatus.CANCELLED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
}

# Written down by hand, row by row, so that a slip in the table of the code does not repeat itself.
TABLE = """
                NEW PENDING HELD ACCEPTED PARTIALLY_FILLED FILLED CANCELLED REJECTED EXPIRED UNKNOWN
NEW              .     x     x       x            .            .       x        x        .       x
PENDING          .     .     x       x            x            x       x        x        x       x
HELD             .     .     x       x            x            x       x        x        x       x
ACCEPTED         .     .     .       x            x            x       x        x        x       x
PARTIALLY_FILLED .     .     .       .            x            x       x        .        x       x
FILLED           .     .     .       .            .            .       .        .        .       .
CANCELLED        .     .     .       .            .            x       x        .        .       .
REJECTED         .     .     .       .            .            .       .        .        .       .
EXPIRED          .     .     .       .            .            x       .        .        x       .
UNKNOWN          .     .     x       x            x            x       x        x        x       x
"""


def written() -> dict[tuple[OrderStatus, OrderStatus], bool]:
    header, *rows = (line.split() for line in TABLE.strip().splitlines())
    return {
        (OrderStatus[row[0]], OrderStatus[name]): mark == "x"
        for row in rows
        for name, mark in zip(header, row[1:], strict=True)
    }


def order(status: OrderStatus = OrderStatus.ACCEPTED, **fields: Any) -> Order:
    request = OrderRequest("SPY", OrderSide.BUY, 10.0, tag="entry")
    return Order("7", request, status, START, START, **fields)


class TestTransitions:
    def test_the_table_names_every_pair(self) -> None:
        assert set(written()) == set(itertools.product(OrderStatus, OrderStatus))

    @pytest.mark.parametrize(
        ("before", "after"), [pair for pair, legal in written().items() if legal]
    )
    def test_a_legal_change_is_made(self, before: OrderStatus, after: OrderStatus) -> None:
        changed = order(before).to(after, WHEN)

        assert changed == attrs.evolve(order(before), status=after, updated_at=WHEN)

    @pytest.mark.parametrize(
        ("before", "after"), [pair for pair, legal in written().items() if not legal]
    )
    def test_an_illegal_change_is_refused(self, before: OrderStatus, after: OrderStatus) -> None:
        message = f"order 7 cannot go from {before.name} to {after.name}"
        with pytest.raises(TransitionError, match=message):
            order(before).to(after, WHEN)

    def test_the_table_of_the_code_is_the_written_one(self) -> None:
        assert written() == {
            (before, after): after in LEGAL_TRANSITIONS[before]
            for before, after in itertools.product(OrderStatus, OrderStatus)
        }

    def test_an_order_never_changes(self) -> None:
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            order().status = OrderStatus.FILLED  # type: ignore[misc]

    def test_a_reason_is_kept(self) -> None:
        cancelled = order().to(OrderStatus.CANCELLED, WHEN, "on request")

        assert cancelled.reason == "on request"
        assert cancelled.to(OrderStatus.CANCELLED, WHEN).reason == "on request"

    @pytest.mark.parametrize("status", OrderStatus)
    def test_an_order_is_open_until_it_has_ended(self, status: OrderStatus) -> None:
        """``UNKNOWN`` is open: as far as anybody knows it may still fill."""
        assert order(status).is_open == (status not in ENDED)

    def test_open_statuses_are_those_that_have_not_ended(self) -> None:
        assert frozenset(OrderStatus) - ENDED == OPEN_STATUSES


class TestFills:
    def test_a_part_leaves_the_rest(self) -> None:
        filled = order().after_fill(4.0, 100.0, WHEN)

        assert filled.status is OrderStatus.PARTIALLY_FILLED
        assert (filled.filled_quantity, filled.remaining, filled.quantity) == (4.0, 6.0, 10.0)
        assert filled.updated_at == WHEN

    def test_the_whole_fills_it(self) -> None:
        filled = order().after_fill(10.0, 100.0, WHEN)

        assert filled.status is OrderStatus.FILLED
        assert (filled.filled_quantity, filled.remaining) == (10.0, 0.0)

    def test_the_average_price_is_weighted_by_quantity(self) -> None:
        filled = order().after_fill(4.0, 100.0, WHEN).after_fill(6.0, 110.0, WHEN)

        assert filled.average_fill_price == pytest.approx(106.0)
        assert filled.status is OrderStatus.FILLED

    def test_an_order_without_fills_has_no_average_price(self) -> None:
        assert order().average_fill_price is None

    def test_rounding_does_not_keep_an_order_open(self) -> None:
        filled = order()
        for _ in range(10):
            filled = filled.after_fill(1.0 - 1e-12, 100.0, WHEN)

        assert filled.status is OrderStatus.FILLED
        assert filled.filled_quantity == 10.0

    def test_an_overfill_is_refused(self) -> None:
        half = order().after_fill(6.0, 100.0, WHEN)
        with pytest.raises(TransitionError, match=r"order 7 asks for 10.0 and cannot fill 12.0"):
            half.after_fill(6.0, 100.0, WHEN)

    @pytest.mark.parametrize("number", [0.0, -1.0, math.nan, math.inf])
    def test_a_fill_has_a_positive_quantity_and_price(self, number: float) -> None:
        for quantity, price in ((number, 100.0), (1.0, number)):
            with pytest.raises(InvalidValueError, match="a fill of order 7 must be positive"):
                order().after_fill(quantity, price, WHEN)

    @pytest.mark.parametrize("status", [OrderStatus.CANCELLED, OrderStatus.EXPIRED])
    def test_a_late_fill_counts_and_leaves_the_order_ended(self, status: OrderStatus) -> None:
        late = order().to(status, WHEN).after_fill(4.0, 100.0, WHEN)

        assert (late.status, late.filled_quantity) == (status, 4.0)
        assert late.after_fill(1.0, 100.0, WHEN).filled_quantity == 5.0

    @pytest.mark.parametrize("status", [OrderStatus.CANCELLED, OrderStatus.EXPIRED])
    def test_a_late_fill_of_the_whole_fills_it(self, status: OrderStatus) -> None:
        late = order(status, filled_quantity=4.0, average_fill_price=100.0)

        assert late.after_fill(6.0, 100.0, WHEN).status is OrderStatus.FILLED

    @pytest.mark.parametrize(
        "status", [OrderStatus.PENDING, OrderStatus.ACCEPTED, OrderStatus.UNKNOWN]
    )
    def test_a_fill_may_come_before_the_acknowledgement(self, status: OrderStatus) -> None:
        assert order(status).after_fill(1.0, 100.0, WHEN).status is OrderStatus.PARTIALLY_FILLED

    @pytest.mark.parametrize("status", [OrderStatus.NEW, OrderStatus.REJECTED])
    @pytest.mark.parametrize("quantity", [1.0, 10.0])
    def test_what_was_never_at_the_venue_cannot_fill(
        self, status: OrderStatus, quantity: float
    ) -> None:
        with pytest.raises(TransitionError, match=f"order 7 is {status.name} and cannot fill"):
            order(status).after_fill(quantity, 100.0, WHEN)

    def test_what_has_filled_cannot_fill_again(self) -> None:
        filled = order().after_fill(10.0, 100.0, WHEN)
        with pytest.raises(TransitionError):
            filled.after_fill(10.0, 100.0, WHEN)

    def test_a_fill_keeps_everything_else(self) -> None:
        before = order(triggered=True, reason="partly cancelled")
        after = before.after_fill(1.0, 100.0, WHEN)

        assert (after.id, after.request, after.submitted_at) == ("7", before.request, START)
        assert (after.triggered, after.reason) == (True, "partly cancelled")


def test_an_order_shows_its_request() -> None:
    request = OrderRequest(
        "SPY",
        OrderSide.SELL,
        3.0,
        OrderType.STOP_LIMIT,
        limit_price=9.0,
        stop_price=11.0,
        time_in_force=TimeInForce.GTC,
        tag="exit",
    )
    shown = Order("1", request)

    assert (shown.asset, shown.side, shown.quantity) == ("SPY", OrderSide.SELL, 3.0)
    assert (shown.order_type, shown.limit_price, shown.stop_price) == (
        OrderType.STOP_LIMIT,
        9.0,
        11.0,
    )
    assert (shown.time_in_force, shown.tag) == (TimeInForce.GTC, "exit")
    assert shown.status is OrderStatus.NEW


class LifeOfAnOrder(RuleBasedStateMachine):
    """Whatever the venue reports, an order stays within what its docstring promises."""

    def __init__(self) -> None:
        super().__init__()
        self.order = order(OrderStatus.NEW)
        self.fills: list[tuple[float, float]] = []
        self.ended_at: set[OrderStatus] = set()

    @initialize(quantity=st.floats(min_value=1e-3, max_value=1e6))
    def begin(self, quantity: float) -> None:
        request = attrs.evolve(self.order.request, quantity=quantity)
        self.order = attrs.evolve(self.order, request=request)

    @rule(status=st.sampled_from(OrderStatus))
    def report(self, status: OrderStatus) -> None:
        legal = written()[self.order.status, status]
        try:
            self.order = self.order.to(status, WHEN)
        except TransitionError:
            assert not legal
        else:
            assert legal

    @precondition(lambda self: self.order.remaining > 0)
    @rule(share=st.floats(min_value=0.01, max_value=1.5), price=st.floats(1e-4, 1e6))
    def fill(self, share: float, price: float) -> None:
        before, quantity = self.order, share * self.order.remaining
        try:
            self.order = before.after_fill(quantity, price, WHEN)
        except TransitionError:
            never = {OrderStatus.NEW, OrderStatus.REJECTED, OrderStatus.FILLED}
            assert share > 1 or before.status in never
        else:
            self.fills.append((quantity, price))

    @invariant()
    def filled_is_what_the_fills_say(self) -> None:
        total = sum(quantity for quantity, _ in self.fills)
        assert self.order.filled_quantity == pytest.approx(total, rel=1e-8)
        assert self.order.filled_quantity + self.order.remaining == pytest.approx(
            self.order.quantity
        )

    @invariant()
    def no_more_fills_than_was_asked(self) -> None:
        assert 0 <= self.order.filled_quantity <= self.order.quantity

    @invariant()
    def the_average_is_the_mean_of_the_fills(self) -> None:
        if not self.fills:
            assert self.order.average_fill_price is None
            return
        total = sum(quantity for quantity, _ in self.fills)
        mean = sum(quantity * price for quantity, price in self.fills) / total
        assert self.order.average_fill_price == pytest.approx(mean)

    @invariant()
    def what_has_ended_never_works_again(self) -> None:
        if not self.order.is_open:
            self.ended_at.add(self.order.status)
        assert not (self.ended_at and self.order.is_open)


TestLifeOfAnOrder = LifeOfAnOrder.TestCase
