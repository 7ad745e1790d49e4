"""What must be true of the positions and the money that a broker shows."""

import pytest

from ml4t.core.order_requests import OrderSide, OrderType
from ml4t.core.testing.venue import (
    CASH,
    PRICE,
    UNITS,
    VenueUnderTest,
    advance,
    held,
    hold,
    needs_ability,
    needs_order_type,
    unit_value,
)

__all__ = ["AccountConformance"]

_CENT = 0.01


def _identity_holds(venue: VenueUnderTest) -> None:
    """Check that the account is worth its cash and its positions at the latest closes."""
    broker = venue.broker
    invested = sum(
        position.quantity * unit_value(venue, asset, venue.data[asset]["close"])
        for asset, position in broker.positions.items()
    )
    assert broker.get_account_value() == pytest.approx(broker.get_cash() + invested, abs=_CENT)


class AccountConformance:
    """Positions, closing them, cash and the account's value."""

    def test_a_new_account_is_flat(self, venue: VenueUnderTest) -> None:
        """An account without trades has no position and is worth its cash."""
        broker = venue.broker
        assert dict(broker.positions) == {}
        assert broker.get_position(venue.assets[0]) is None
        assert broker.get_account_value() == broker.get_cash() >= CASH

    def test_a_position_shows_what_was_bought(self, venue: VenueUnderTest) -> None:
        """A purchase gives a positive position at its price, the same wherever it is asked for."""
        asset, other = venue.assets
        hold(venue, asset)

        position = venue.broker.get_position(asset)
        assert position is not None
        assert (position.asset, position.quantity, position.average_price) == (asset, UNITS, PRICE)
        assert dict(venue.broker.positions) == {asset: position}
        assert venue.broker.get_position(other) is None

    def test_adding_averages_the_price(self, venue: VenueUnderTest) -> None:
        """The average price of a position is the mean of what was paid; a sale leaves it."""
        asset = venue.assets[0]
        hold(venue, asset)
        venue.broker.submit_order(asset, UNITS)
        advance(venue, 110.0)
        venue.broker.submit_order(asset, -UNITS)
        advance(venue, 130.0)

        position = venue.broker.get_position(asset)
        assert position is not None
        assert position.quantity == UNITS
        assert position.average_price == pytest.approx(105.0)

    def test_a_flat_asset_is_no_position(self, venue: VenueUnderTest) -> None:
        """An asset that was sold again is not among the positions."""
        hold(venue, venue.assets[0])
        venue.broker.submit_order(venue.assets[0], -UNITS)
        advance(venue)

        assert venue.broker.get_position(venue.assets[0]) is None
        assert dict(venue.broker.positions) == {}

    def test_a_short_position_is_negative(self, venue: VenueUnderTest) -> None:
        """A short sale gives a negative position and brings cash; buying it back leaves flat."""
        broker, asset = venue.broker, venue.assets[0]
        needs_ability("short selling", declared=broker.capabilities.short_selling)
        before = broker.get_cash()
        broker.submit_order(asset, -UNITS)
        advance(venue)
        assert held(venue, asset) == -UNITS
        assert broker.get_cash() > before
        _identity_holds(venue)
        broker.submit_order(asset, UNITS)
        advance(venue)
        assert broker.get_position(asset) is None

    def test_cash_pays_for_a_purchase(self, venue: VenueUnderTest) -> None:
        """A purchase takes its value and a fee, which is never negative, out of the cash."""
        broker, asset = venue.broker, venue.assets[0]
        before = broker.get_cash()
        hold(venue, asset)

        value = UNITS * unit_value(venue, asset)
        fee = before - broker.get_cash() - value
        assert -_CENT < fee < 0.01 * value + _CENT

    def test_cash_receives_what_a_sale_brings(self, venue: VenueUnderTest) -> None:
        """A sale puts its value, less a fee, into the cash."""
        broker, asset = venue.broker, venue.assets[0]
        hold(venue, asset)
        before = broker.get_cash()
        broker.submit_order(asset, -UNITS)
        advance(venue, 120.0)

        value = UNITS * unit_value(venue, asset, 120.0)
        fee = before + value - broker.get_cash()
        assert -_CENT < fee < 0.01 * value + _CENT

    def test_the_value_is_cash_and_positions(self, venue: VenueUnderTest) -> None:
        """At every moment the account is worth its cash and its positions at the last prices."""
        first, second = venue.assets
        hold(venue, first)
        _identity_holds(venue)
        venue.broker.submit_order(second, 2 * UNITS)
        for price in (100.0, 112.0, 91.0):
            advance(venue, price)
            _identity_holds(venue)
        venue.broker.submit_order(first, -4)
        advance(venue, 95.0)
        _identity_holds(venue)

    def test_the_value_moves_with_the_market(self, venue: VenueUnderTest) -> None:
        """A price that rises adds what is held times the rise, and leaves the cash alone."""
        broker, asset = venue.broker, venue.assets[0]
        hold(venue, asset)
        cash, value = broker.get_cash(), broker.get_account_value()
        advance(venue, 107.0)

        assert broker.get_cash() == cash
        gained = UNITS * unit_value(venue, asset, 7.0)
        assert broker.get_account_value() == pytest.approx(value + gained, abs=_CENT)

    def test_closing_leaves_flat(self, venue: VenueUnderTest) -> None:
        """Closing sends the market order that leaves the asset flat, and touches no other."""
        first, second = venue.assets
        hold(venue, first)
        hold(venue, second)
        order = venue.broker.close_position(first)
        advance(venue)

        assert order is not None
        assert (order.order_type, order.side) == (OrderType.MARKET, OrderSide.SELL)
        assert order.quantity == UNITS
        assert held(venue, first) == 0
        assert held(venue, second) == UNITS

    def test_closing_covers_a_short_position(self, venue: VenueUnderTest) -> None:
        """Closing a short position buys it back."""
        broker, asset = venue.broker, venue.assets[0]
        needs_ability("short selling", declared=broker.capabilities.short_selling)
        broker.submit_order(asset, -UNITS)
        advance(venue)
        order = broker.close_position(asset)
        advance(venue)

        assert order is not None
        assert order.side is OrderSide.BUY
        assert broker.get_position(asset) is None

    def test_closing_what_is_flat_sends_nothing(self, venue: VenueUnderTest) -> None:
        """Closing an asset that is flat returns None and sends nothing."""
        assert venue.broker.close_position(venue.assets[0]) is None
        venue.settle()
        assert list(venue.broker.pending_orders) == []

    def test_closing_twice_never_reverses(self, venue: VenueUnderTest) -> None:
        """Closing again, before or after the first order filled, sends nothing more."""
        hold(venue, venue.assets[0])
        first = venue.broker.close_position(venue.assets[0])
        second = venue.broker.close_position(venue.assets[0])
        advance(venue)
        third = venue.broker.close_position(venue.assets[0])
        advance(venue)

        assert first is not None
        assert (second, third) == (None, None)
        assert held(venue, venue.assets[0]) == 0

    def test_closing_counts_what_already_reduces(self, venue: VenueUnderTest) -> None:
        """Closing sells only what market orders on their way do not sell already."""
        hold(venue, venue.assets[0])
        venue.broker.submit_order(venue.assets[0], -4)
        order = venue.broker.close_position(venue.assets[0])
        advance(venue)

        assert order is not None
        assert order.quantity == UNITS - 4
        assert held(venue, venue.assets[0]) == 0

    def test_closing_does_not_rely_on_orders_that_may_not_fill(self, venue: VenueUnderTest) -> None:
        """Closing sells everything although a protective order could sell it later."""
        capabilities = venue.broker.capabilities
        needs_order_type(capabilities, OrderType.STOP)
        needs_ability("reduce_only", declared=capabilities.reduce_only)
        hold(venue, venue.assets[0])
        venue.broker.submit_order(
            venue.assets[0],
            UNITS,
            OrderSide.SELL,
            OrderType.STOP,
            stop_price=PRICE / 2,
            reduce_only=True,
        )
        order = venue.broker.close_position(venue.assets[0])
        advance(venue)

        assert order is not None
        assert order.quantity == UNITS
        assert held(venue, venue.assets[0]) == 0
