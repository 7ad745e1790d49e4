"""What must be true when an order is cancelled or replaced."""

import pytest

from ml4t.core.errors import InvalidOrderError, UnknownOrderError
from ml4t.core.order_requests import OrderSide, OrderType
from ml4t.core.orders import OrderStatus
from ml4t.core.testing.venue import (
    PRICE,
    UNITS,
    VenueUnderTest,
    advance,
    held,
    needs_ability,
    needs_order_type,
    resting,
)

__all__ = ["ChangeConformance"]


def _pending(venue: VenueUnderTest) -> list[str]:
    return [order.id for order in venue.broker.pending_orders]


class ChangeConformance:
    """Cancelling and replacing."""

    def test_an_open_order_can_be_cancelled(self, venue: VenueUnderTest) -> None:
        """Cancelling an open order returns True; the order becomes CANCELLED and works no more."""
        order = resting(venue, venue.assets[0])
        venue.settle()

        assert venue.broker.cancel_order(order.id) is True
        venue.settle()
        assert venue.order(order.id).status is OrderStatus.CANCELLED
        assert _pending(venue) == []

    def test_a_cancelled_order_never_fills(self, venue: VenueUnderTest) -> None:
        """An order that is CANCELLED does not fill, wherever the market goes."""
        limit = resting(venue, venue.assets[0])
        market = venue.broker.submit_order(venue.assets[1], UNITS)
        venue.settle()
        venue.broker.cancel_order(limit.id)
        venue.broker.cancel_order(market.id)
        advance(venue, PRICE / 4)

        assert [venue.order(order.id).filled_quantity for order in (limit, market)] == [0, 0]
        assert dict(venue.broker.positions) == {}

    def test_only_the_named_order_is_cancelled(self, venue: VenueUnderTest) -> None:
        """Cancelling one order leaves the others alone."""
        orders = [resting(venue, venue.assets[0]) for _ in range(3)]
        venue.settle()
        venue.broker.cancel_order(orders[1].id)
        venue.settle()

        assert _pending(venue) == [orders[0].id, orders[2].id]

    def test_a_filled_order_cannot_be_cancelled(self, venue: VenueUnderTest) -> None:
        """Cancelling an order that has filled returns False and changes nothing."""
        order = venue.broker.submit_order(venue.assets[0], UNITS)
        advance(venue)

        assert venue.broker.cancel_order(order.id) is False
        venue.settle()
        assert venue.order(order.id).status is OrderStatus.FILLED
        assert held(venue, venue.assets[0]) == UNITS

    def test_cancelling_again_changes_nothing(self, venue: VenueUnderTest) -> None:
        """Cancelling an order that is CANCELLED returns False and changes nothing."""
        order = resting(venue, venue.assets[0])
        venue.settle()
        venue.broker.cancel_order(order.id)
        venue.settle()

        assert venue.broker.cancel_order(order.id) is False
        assert venue.order(order.id).status is OrderStatus.CANCELLED

    def test_a_rejected_order_cannot_be_cancelled(self, venue: VenueUnderTest) -> None:
        """Cancelling an order that was REJECTED returns False."""
        order = venue.broker.submit_order("NO SUCH ASSET", UNITS)
        venue.settle()

        assert venue.broker.cancel_order(order.id) is False

    def test_cancelling_an_unknown_id_is_an_error(self, venue: VenueUnderTest) -> None:
        """Cancelling an id that no order has raises UnknownOrderError."""
        with pytest.raises(UnknownOrderError):
            venue.broker.cancel_order("no such order")

    def test_an_order_can_be_replaced_in_place(self, venue: VenueUnderTest) -> None:
        """Replacing changes what is named and keeps the id; the order fills on the new terms."""
        broker = venue.broker
        needs_ability("replacing orders", declared=broker.capabilities.replace_orders)
        needs_order_type(broker.capabilities, OrderType.LIMIT)
        order = resting(venue, venue.assets[0])
        venue.settle()

        changed = broker.replace_order(order.id, quantity=4, limit_price=95.0)
        venue.settle()
        assert (changed.id, changed.asset, changed.side) == (order.id, order.asset, order.side)
        assert _pending(venue) == [order.id]
        now = venue.order(order.id)
        assert (now.quantity, now.limit_price) == (4, 95.0)
        advance(venue, 94.0)
        assert held(venue, venue.assets[0]) == 4

    def test_a_replaced_limit_leaves_the_quantity(self, venue: VenueUnderTest) -> None:
        """What a replacement does not name stays as it was."""
        broker = venue.broker
        needs_ability("replacing orders", declared=broker.capabilities.replace_orders)
        needs_order_type(broker.capabilities, OrderType.LIMIT)
        order = resting(venue, venue.assets[0])
        venue.settle()
        broker.replace_order(order.id, limit_price=60.0)
        venue.settle()

        now = venue.order(order.id)
        assert (now.quantity, now.limit_price, now.side) == (UNITS, 60.0, OrderSide.BUY)

    def test_a_replacement_that_makes_no_order_is_an_error(self, venue: VenueUnderTest) -> None:
        """A replacement that would make no order raises InvalidOrderError; the order stays."""
        broker = venue.broker
        needs_ability("replacing orders", declared=broker.capabilities.replace_orders)
        order = resting(venue, venue.assets[0])
        venue.settle()

        with pytest.raises(InvalidOrderError):
            broker.replace_order(order.id, stop_price=PRICE)
        venue.settle()
        assert venue.order(order.id).request == order.request
        assert _pending(venue) == [order.id]

    def test_a_replacement_by_a_number_that_is_none_is_refused(self, venue: VenueUnderTest) -> None:
        """A quantity or price that no venue takes is refused with a reason; the order stays."""
        broker = venue.broker
        needs_ability("replacing orders", declared=broker.capabilities.replace_orders)
        order = resting(venue, venue.assets[0])
        venue.settle()

        named = ["quantity", *(["limit_price"] if order.limit_price is not None else [])]
        for name in named:
            for number in (0.0, -1.0, float("nan"), float("inf")):
                same = broker.replace_order(order.id, **{name: number})
                venue.settle()
                assert same.reason
                assert same.request == venue.order(order.id).request == order.request
                assert _pending(venue) == [order.id]

    def test_an_ended_order_cannot_be_replaced(self, venue: VenueUnderTest) -> None:
        """Replacing an order that has ended gives it back as it was."""
        order = venue.broker.submit_order(venue.assets[0], UNITS)
        advance(venue)

        same = venue.broker.replace_order(order.id, quantity=2 * UNITS)
        venue.settle()
        assert (same.status, same.request) == (OrderStatus.FILLED, order.request)
        assert _pending(venue) == []

    def test_replacing_an_unknown_id_is_an_error(self, venue: VenueUnderTest) -> None:
        """Replacing an id that no order has raises UnknownOrderError."""
        with pytest.raises(UnknownOrderError):
            venue.broker.replace_order("no such order", quantity=1)

    def test_an_undeclared_replacement_is_refused(self, venue: VenueUnderTest) -> None:
        """A broker that does not declare replacing leaves the order as it was and says why."""
        broker = venue.broker
        if broker.capabilities.replace_orders:
            pytest.skip("the broker declares replacing orders")
        order = resting(venue, venue.assets[0])
        venue.settle()

        same = broker.replace_order(order.id, quantity=2 * UNITS)
        venue.settle()
        assert same.request == order.request
        assert same.reason
        assert _pending(venue) == [order.id]
