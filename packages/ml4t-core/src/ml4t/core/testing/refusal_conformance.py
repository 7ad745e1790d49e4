"""What must be true of what a broker does not take."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ml4t.core.errors import InvalidOrderError, UnknownAssetError
from ml4t.core.order_requests import OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.testing.venue import (
    PRICE,
    UNITS,
    VenueUnderTest,
    advance,
    held,
    hold,
    unit_value,
)

__all__ = ["RefusalConformance"]

_NAN = float("nan")
_LATER = datetime(2100, 1, 1, tzinfo=UTC)
_MALFORMED: dict[str, dict[str, Any]] = {
    "negative quantity with side BUY": {"quantity": -1, "side": OrderSide.BUY},
    "negative quantity with side SELL": {"quantity": -1, "side": OrderSide.SELL},
    "limit order without a limit": {"order_type": OrderType.LIMIT},
    "stop order without a stop": {"order_type": OrderType.STOP},
    "stop-limit order without a stop": {
        "order_type": OrderType.STOP_LIMIT,
        "limit_price": PRICE,
    },
    "stop-limit order without a limit": {
        "order_type": OrderType.STOP_LIMIT,
        "stop_price": PRICE,
    },
    "trailing stop that does not say how far": {"order_type": OrderType.TRAILING_STOP},
    "market order with a limit": {"limit_price": PRICE},
    "market order with a stop": {"stop_price": PRICE},
    "market order that trails": {"trail_amount": 1.0},
    "trailing stop that says twice how far": {
        "order_type": OrderType.TRAILING_STOP,
        "trail_amount": 1.0,
        "trail_percent": 1.0,
    },
    "market order if touched without a touch": {
        "order_type": OrderType.MARKET_IF_TOUCHED,
    },
    "limit order if touched without a limit": {
        "order_type": OrderType.LIMIT_IF_TOUCHED,
        "stop_price": PRICE,
    },
    "market-on-close order with a limit": {
        "order_type": OrderType.MARKET_ON_CLOSE,
        "limit_price": PRICE,
    },
    "limit order with a stop": {
        "order_type": OrderType.LIMIT,
        "limit_price": PRICE,
        "stop_price": PRICE,
    },
    "good till an instant that is not named": {"time_in_force": TimeInForce.GTD},
    "no asset": {"asset": ""},
}
_NO_NUMBERS = {
    "zero": 0.0,
    "not a number": _NAN,
    "infinite": float("inf"),
    "negative": -PRICE,
}


def _refused(venue: VenueUnderTest, order: Order) -> None:
    """Check that the venue said no to an order, why, and that nothing came of it."""
    venue.settle()
    now = venue.order(order.id)
    assert now.status is OrderStatus.REJECTED
    assert now.reason
    assert list(venue.broker.pending_orders) == []
    advance(venue)
    assert dict(venue.broker.positions) == {}


def _prices(kind: OrderType) -> dict[str, Any]:
    """The extras that make an order of ``kind`` complete."""
    return {
        OrderType.MARKET: {},
        OrderType.MARKET_ON_OPEN: {},
        OrderType.MARKET_ON_CLOSE: {},
        OrderType.MARKET_IF_TOUCHED: {"stop_price": PRICE},
        OrderType.LIMIT_IF_TOUCHED: {"limit_price": PRICE, "stop_price": PRICE},
        OrderType.LIMIT: {"limit_price": PRICE},
        OrderType.STOP: {"stop_price": PRICE},
        OrderType.STOP_LIMIT: {"limit_price": PRICE, "stop_price": PRICE},
        OrderType.TRAILING_STOP: {"trail_amount": 1.0},
    }[kind]


class RefusalConformance:
    """Rejections, errors, and what is not declared."""

    def test_an_unknown_asset_is_rejected(self, venue: VenueUnderTest) -> None:
        """An order for an asset that the venue does not list comes back REJECTED and says why."""
        _refused(venue, venue.broker.submit_order("NO SUCH ASSET", UNITS))

    def test_a_rejection_costs_nothing(self, venue: VenueUnderTest) -> None:
        """A rejected order changes neither cash nor the account's value."""
        broker = venue.broker
        before = broker.get_cash(), broker.get_account_value()
        broker.submit_order("NO SUCH ASSET", UNITS)
        advance(venue)

        assert (broker.get_cash(), broker.get_account_value()) == before

    def test_the_terms_of_an_unknown_asset_are_an_error(self, venue: VenueUnderTest) -> None:
        """Asking for the terms of an asset that the venue does not list is UnknownAssetError."""
        with pytest.raises(UnknownAssetError):
            venue.broker.get_asset("NO SUCH ASSET")

    def test_the_terms_of_a_listed_asset_name_it(self, venue: VenueUnderTest) -> None:
        """The terms of a listed asset carry its symbol."""
        symbols = [venue.broker.get_asset(asset).symbol for asset in venue.assets]
        assert symbols == list(venue.assets)

    def test_what_makes_no_order_is_an_error(self, venue: VenueUnderTest) -> None:
        """Arguments that make no order at any venue raise InvalidOrderError; nothing is sent."""
        accepted = []
        for name, wrong in _MALFORMED.items():
            arguments = {"asset": venue.assets[0], "quantity": UNITS, **wrong}
            try:
                venue.broker.submit_order(**arguments)
            except InvalidOrderError:
                continue
            accepted.append(name)

        assert accepted == []
        venue.settle()
        assert list(venue.broker.pending_orders) == []

    def test_a_quantity_that_no_venue_takes_is_rejected(self, venue: VenueUnderTest) -> None:
        """A quantity of zero, of no number or without end comes back REJECTED and says why."""
        for name, number in _NO_NUMBERS.items():
            if name != "negative":
                _refused(venue, venue.broker.submit_order(venue.assets[0], number))
                _refused(venue, venue.broker.submit_order(venue.assets[0], number, OrderSide.SELL))

    def test_a_price_that_no_venue_takes_is_rejected(self, venue: VenueUnderTest) -> None:
        """A price or distance that is not positive and finite comes back REJECTED, says why."""
        for kind in venue.broker.capabilities.order_types:
            prices = _prices(kind)
            for field in prices:
                for number in _NO_NUMBERS.values():
                    wrong = {**prices, field: number}
                    order = venue.broker.submit_order(
                        venue.assets[0], UNITS, OrderSide.BUY, kind, **wrong
                    )
                    _refused(venue, order)

    def test_what_no_account_could_pay_for_is_rejected(self, venue: VenueUnderTest) -> None:
        """An order worth far more than the account could carry is REJECTED as it comes."""
        broker = venue.broker
        price = unit_value(venue, venue.assets[0])
        order = broker.submit_order(venue.assets[0], 1000 * int(broker.get_cash() / price))
        venue.settle()
        assert venue.order(order.id).status is OrderStatus.REJECTED
        _refused(venue, order)

    def test_an_undeclared_order_type_is_rejected(self, venue: VenueUnderTest) -> None:
        """An order of a type that the broker does not declare comes back REJECTED."""
        declared = venue.broker.capabilities.order_types
        undeclared = [kind for kind in OrderType if kind not in declared]
        if not undeclared:
            pytest.skip("the broker declares every order type")
        for kind in undeclared:
            order = venue.broker.submit_order(
                venue.assets[0], UNITS, order_type=kind, **_prices(kind)
            )
            _refused(venue, order)

    def test_an_undeclared_time_in_force_is_rejected(self, venue: VenueUnderTest) -> None:
        """An order with a time in force that the broker does not declare comes back REJECTED."""
        declared = venue.broker.capabilities.times_in_force
        undeclared = [each for each in TimeInForce if each not in declared]
        if not undeclared:
            pytest.skip("the broker declares every time in force")
        for time_in_force in undeclared:
            order = venue.broker.submit_order(
                venue.assets[0],
                UNITS,
                time_in_force=time_in_force,
                good_till=_LATER if time_in_force is TimeInForce.GTD else None,
            )
            _refused(venue, order)

    def test_an_undeclared_fraction_is_rejected(self, venue: VenueUnderTest) -> None:
        """A fractional quantity comes back REJECTED where fractions are not declared."""
        if venue.broker.capabilities.fractional:
            pytest.skip("the broker declares fractional quantities")
        _refused(venue, venue.broker.submit_order(venue.assets[0], 1.5))

    def test_an_undeclared_short_sale_leaves_no_short_position(self, venue: VenueUnderTest) -> None:
        """No sale leaves a negative position where short selling is not declared."""
        if venue.broker.capabilities.short_selling:
            pytest.skip("the broker declares short selling")
        first, second = venue.assets
        venue.broker.submit_order(first, -UNITS)
        advance(venue)
        assert held(venue, first) == 0
        hold(venue, second)
        venue.broker.submit_order(second, -2 * UNITS)
        advance(venue)
        assert held(venue, second) >= 0

    def test_sales_that_together_exceed_the_holding_leave_no_short_position(
        self, venue: VenueUnderTest
    ) -> None:
        """Several sales that each fit the holding, but not together, do not make it negative."""
        if venue.broker.capabilities.short_selling:
            pytest.skip("the broker declares short selling")
        hold(venue, venue.assets[0])
        for _ in range(3):
            venue.broker.submit_order(venue.assets[0], -UNITS)
        advance(venue)

        assert held(venue, venue.assets[0]) == 0
