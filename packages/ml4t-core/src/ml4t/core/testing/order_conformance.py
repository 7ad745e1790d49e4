"""What must be true of the orders that a broker takes, and of the prices at which they fill."""

import pytest

from ml4t.core.broker import BrokerProtocol
from ml4t.core.order_requests import OrderSide, OrderType
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.testing.venue import (
    PRICE,
    UNITS,
    VenueUnderTest,
    advance,
    held,
    hold,
    needs_ability,
    needs_order_type,
    resting,
)

__all__ = ["OrderConformance"]


def _filled(venue: VenueUnderTest, order: Order) -> float:
    """The price of an order that must have filled in full."""
    now = venue.order(order.id)
    assert now.status is OrderStatus.FILLED
    assert now.filled_quantity == order.quantity
    assert order.id not in [each.id for each in venue.broker.pending_orders]
    assert now.average_fill_price is not None
    return now.average_fill_price


def _waits(venue: VenueUnderTest, order: Order) -> None:
    """Check that nothing of an order has filled and that it still works."""
    now = venue.order(order.id)
    assert now.is_open
    assert now.filled_quantity == 0
    assert order.id in [each.id for each in venue.broker.pending_orders]


class OrderConformance:
    """Orders: sides, names, sequence, and when and where each type fills."""

    def test_a_broker_keeps_the_protocol(self, venue: VenueUnderTest) -> None:
        """A broker has every method and property of `BrokerProtocol`."""
        assert isinstance(venue.broker, BrokerProtocol)

    def test_a_positive_quantity_without_a_side_buys(self, venue: VenueUnderTest) -> None:
        """Without a side, a positive quantity buys."""
        order = venue.broker.submit_order(venue.assets[0], UNITS)
        advance(venue)

        assert (order.side, order.quantity) == (OrderSide.BUY, UNITS)
        assert held(venue, venue.assets[0]) == UNITS

    def test_a_negative_quantity_without_a_side_sells(self, venue: VenueUnderTest) -> None:
        """Without a side, a negative quantity sells; the order's quantity has no sign."""
        hold(venue, venue.assets[0])

        order = venue.broker.submit_order(venue.assets[0], -4)
        advance(venue)

        assert (order.side, order.quantity) == (OrderSide.SELL, 4)
        assert held(venue, venue.assets[0]) == UNITS - 4

    def test_a_side_decides(self, venue: VenueUnderTest) -> None:
        """With a side, the quantity is positive and the side says what happens."""
        hold(venue, venue.assets[0])

        order = venue.broker.submit_order(venue.assets[0], 4, OrderSide.SELL)
        advance(venue)

        assert (order.side, order.quantity) == (OrderSide.SELL, 4)
        assert held(venue, venue.assets[0]) == UNITS - 4

    def test_an_order_carries_what_was_asked(self, venue: VenueUnderTest) -> None:
        """The order that comes back holds the request as it was asked for."""
        order = venue.broker.submit_order(venue.assets[1], 3, OrderSide.BUY, tag="entry")

        request = order.request
        assert (order.asset, order.side, order.quantity) == (venue.assets[1], OrderSide.BUY, 3)
        assert (order.order_type, order.tag) == (OrderType.MARKET, "entry")
        assert (request.limit_price, request.stop_price, request.good_till) == (None, None, None)

    def test_ids_are_unique(self, venue: VenueUnderTest) -> None:
        """No two orders have the same id, whatever became of them."""
        first, second = venue.assets
        ids = [venue.broker.submit_order(asset, 1).id for asset in (first, second, first)]
        advance(venue)
        ids.append(venue.broker.submit_order(first, 1).id)
        ids.append(resting(venue, second).id)

        assert len(set(ids)) == len(ids)

    def test_one_call_makes_one_order(self, venue: VenueUnderTest) -> None:
        """Each call of `submit_order` sends one order."""
        order = venue.broker.submit_order(venue.assets[0], UNITS)
        venue.settle()

        assert [each.id for each in venue.broker.pending_orders] == [order.id]

    def test_pending_orders_keep_the_order_of_submission(self, venue: VenueUnderTest) -> None:
        """The pending orders stand in the order in which they were submitted."""
        first, second = venue.assets
        submitted = [
            resting(venue, second),
            venue.broker.submit_order(first, 1),
            resting(venue, first),
            venue.broker.submit_order(second, 2),
        ]
        venue.settle()

        assert [each.id for each in venue.broker.pending_orders] == [o.id for o in submitted]

    def test_nothing_fills_before_the_market_moves(self, venue: VenueUnderTest) -> None:
        """An order works from its submission and fills at the earliest in the next bar."""
        order = venue.broker.submit_order(venue.assets[0], UNITS)
        venue.settle()

        _waits(venue, order)
        assert held(venue, venue.assets[0]) == 0

    def test_a_market_order_fills_at_the_next_price(self, venue: VenueUnderTest) -> None:
        """A market order fills in full in the next bar, at the price of that bar."""
        order = venue.broker.submit_order(venue.assets[0], UNITS)
        advance(venue, 104.0)

        assert _filled(venue, order) == 104.0
        assert held(venue, venue.assets[0]) == UNITS

    def test_a_limit_buy_pays_no_more_than_its_limit(self, venue: VenueUnderTest) -> None:
        """A limit order to buy waits above its limit and fills at the limit or below."""
        needs_order_type(venue.broker.capabilities, OrderType.LIMIT)
        order = venue.broker.submit_order(
            venue.assets[0], UNITS, OrderSide.BUY, OrderType.LIMIT, limit_price=95.0
        )
        advance(venue, 96.0)
        _waits(venue, order)
        advance(venue, 94.0)

        assert _filled(venue, order) <= 95.0
        assert held(venue, venue.assets[0]) == UNITS

    def test_a_limit_sell_gets_no_less_than_its_limit(self, venue: VenueUnderTest) -> None:
        """A limit order to sell waits below its limit and fills at the limit or above."""
        needs_order_type(venue.broker.capabilities, OrderType.LIMIT)
        hold(venue, venue.assets[0])
        order = venue.broker.submit_order(
            venue.assets[0], UNITS, OrderSide.SELL, OrderType.LIMIT, limit_price=105.0
        )
        advance(venue, 104.0)
        _waits(venue, order)
        advance(venue, 106.0)

        assert _filled(venue, order) >= 105.0
        assert held(venue, venue.assets[0]) == 0

    def test_a_stop_buy_waits_for_its_stop(self, venue: VenueUnderTest) -> None:
        """A stop order to buy waits below its stop and fills when the market is at it or above."""
        needs_order_type(venue.broker.capabilities, OrderType.STOP)
        order = venue.broker.submit_order(
            venue.assets[0], UNITS, OrderSide.BUY, OrderType.STOP, stop_price=105.0
        )
        advance(venue, 104.0)
        _waits(venue, order)
        advance(venue, 106.0)

        assert _filled(venue, order) >= 105.0
        assert held(venue, venue.assets[0]) == UNITS

    def test_a_stop_sell_waits_for_its_stop(self, venue: VenueUnderTest) -> None:
        """A stop order to sell waits above its stop and fills when the market is at it or below."""
        needs_order_type(venue.broker.capabilities, OrderType.STOP)
        hold(venue, venue.assets[0])
        order = venue.broker.submit_order(
            venue.assets[0], UNITS, OrderSide.SELL, OrderType.STOP, stop_price=95.0
        )
        advance(venue, 96.0)
        _waits(venue, order)
        advance(venue, 94.0)

        assert _filled(venue, order) <= 95.0
        assert held(venue, venue.assets[0]) == 0

    def test_a_stop_limit_keeps_to_its_limit(self, venue: VenueUnderTest) -> None:
        """A stop-limit order waits for its stop, and from then on for its limit."""
        needs_order_type(venue.broker.capabilities, OrderType.STOP_LIMIT)
        order = venue.broker.submit_order(
            venue.assets[0], UNITS, OrderSide.BUY, OrderType.STOP_LIMIT, 107.0, 105.0
        )
        for price in (100.0, 110.0):
            advance(venue, price)
            _waits(venue, order)
        advance(venue, 102.0)

        assert _filled(venue, order) <= 107.0
        assert held(venue, venue.assets[0]) == UNITS

    def test_a_trailing_stop_follows_the_price(self, venue: VenueUnderTest) -> None:
        """A trailing stop to sell rises with the market and never falls with it."""
        needs_order_type(venue.broker.capabilities, OrderType.TRAILING_STOP)
        hold(venue, venue.assets[0])
        order = venue.broker.submit_order(
            venue.assets[0], UNITS, OrderSide.SELL, OrderType.TRAILING_STOP, trail_amount=5.0
        )
        for price in (110.0, 106.0):
            advance(venue, price)
            _waits(venue, order)
        advance(venue, 104.0)

        assert _filled(venue, order) <= 105.0
        assert held(venue, venue.assets[0]) == 0

    def test_a_market_order_if_touched_waits_for_its_touch(self, venue: VenueUnderTest) -> None:
        """A market-if-touched order to buy waits above its touch and fills at it or below."""
        needs_order_type(venue.broker.capabilities, OrderType.MARKET_IF_TOUCHED)
        order = venue.broker.submit_order(
            venue.assets[0], UNITS, OrderSide.BUY, OrderType.MARKET_IF_TOUCHED, stop_price=95.0
        )
        for price in (96.0, 110.0):
            advance(venue, price)
            _waits(venue, order)
        advance(venue, 94.0)

        assert _filled(venue, order) <= 95.0
        assert held(venue, venue.assets[0]) == UNITS

    def test_a_limit_order_if_touched_keeps_to_its_limit(self, venue: VenueUnderTest) -> None:
        """A limit-if-touched order waits for its touch, and from then on for its limit."""
        needs_order_type(venue.broker.capabilities, OrderType.LIMIT_IF_TOUCHED)
        order = venue.broker.submit_order(
            venue.assets[0], UNITS, OrderSide.BUY, OrderType.LIMIT_IF_TOUCHED, 92.0, 95.0
        )
        for price in (96.0, 94.0, 93.0):
            advance(venue, price)
            _waits(venue, order)
        advance(venue, 91.0)

        assert _filled(venue, order) <= 92.0
        assert held(venue, venue.assets[0]) == UNITS

    def test_an_order_that_only_reduces_opens_nothing(self, venue: VenueUnderTest) -> None:
        """Where nothing is held a reduce-only order of either side ends without a fill."""
        for quantity in (UNITS, -UNITS):
            order = venue.broker.submit_order(venue.assets[0], quantity, reduce_only=True)
            advance(venue)
            now = venue.order(order.id)
            assert not now.is_open
            assert now.filled_quantity == 0
            assert now.reason
            assert dict(venue.broker.positions) == {}

    def test_an_order_that_only_reduces_does_not_add(self, venue: VenueUnderTest) -> None:
        """A reduce-only order of the position's own side ends without a fill."""
        hold(venue, venue.assets[0])
        order = venue.broker.submit_order(venue.assets[0], UNITS, reduce_only=True)
        advance(venue)

        assert not venue.order(order.id).is_open
        assert held(venue, venue.assets[0]) == UNITS

    def test_an_order_that_only_reduces_is_trimmed_to_what_is_held(
        self, venue: VenueUnderTest
    ) -> None:
        """A reduce-only order for more than is held fills what is held, and then ends."""
        hold(venue, venue.assets[0])
        order = venue.broker.submit_order(venue.assets[0], -3 * UNITS, reduce_only=True)
        advance(venue)
        advance(venue)

        now = venue.order(order.id)
        assert (now.is_open, now.filled_quantity) == (False, UNITS)
        assert dict(venue.broker.positions) == {}

    def test_orders_that_only_reduce_never_turn_a_position(self, venue: VenueUnderTest) -> None:
        """Reduce-only orders that together ask for more than is held leave flat."""
        hold(venue, venue.assets[0])
        orders = [
            venue.broker.submit_order(venue.assets[0], 4 - UNITS, reduce_only=True)
            for _ in range(3)
        ]
        advance(venue)
        advance(venue)

        assert sum(venue.order(order.id).filled_quantity for order in orders) == UNITS
        assert held(venue, venue.assets[0]) == 0
        assert list(venue.broker.pending_orders) == []

    def test_fractions_trade_where_they_are_declared(self, venue: VenueUnderTest) -> None:
        """A broker that declares fractional quantities fills one as it was asked for."""
        broker = venue.broker
        needs_ability("fractional quantities", declared=broker.capabilities.fractional)
        if broker.get_asset(venue.assets[0]).lot_size:
            pytest.skip("the asset trades in lots")
        order = broker.submit_order(venue.assets[0], 1.5)
        advance(venue)

        assert _filled(venue, order) == PRICE
        assert held(venue, venue.assets[0]) == 1.5
