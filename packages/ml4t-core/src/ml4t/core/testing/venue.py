"""The small market in which the conformance kit examines a broker."""

from collections.abc import Mapping
from typing import Protocol

import pytest

from ml4t.core.broker import BrokerProtocol
from ml4t.core.capabilities import Capabilities
from ml4t.core.order_requests import OrderSide, OrderType
from ml4t.core.orders import Order

__all__ = [
    "CASH",
    "PRICE",
    "UNITS",
    "VenueUnderTest",
    "advance",
    "held",
    "hold",
    "needs_ability",
    "needs_order_type",
    "resting",
    "unit_value",
]

CASH = 100_000.0
"""The least money in the account at the start of a test."""

PRICE = 100.0
"""What both assets closed at before a test starts."""

UNITS = 10.0
"""How much the tests trade: so little that the cash always pays for it."""


class VenueUnderTest(Protocol):
    """A market of two assets with one account, whose broker is examined.

    At the start the account is flat, has no orders and holds :data:`CASH` or more, and both assets
    have just closed at :data:`PRICE`. Nothing fills before the market moves. It gives every fill
    the price that it shows, so there is no slippage, and fees stay below one percent of a trade's
    value. All bars of one test belong to one session: a ``DAY`` order outlives them.
    """

    @property
    def broker(self) -> BrokerProtocol:
        """What is examined."""

    @property
    def assets(self) -> tuple[str, str]:
        """Two symbols that the venue lists and trades in whole units, each with the same terms."""

    @property
    def data(self) -> Mapping[str, Mapping[str, float]]:
        """The latest bars by symbol, as ``on_data`` hands them to a strategy."""

    def order(self, order_id: str) -> Order:
        """The latest state of an order that the broker knows."""

    def settle(self) -> None:
        """Return when the venue has answered all that was sent and the broker has taken it in.

        Nothing to do where the broker answers at once.
        """

    def advance(self, prices: Mapping[str, float]) -> None:
        """Move the market: one new bar for each asset, flat at the given price.

        Returns when working orders have met the bar and the broker knows what became of them.
        """


def advance(venue: VenueUnderTest, price: float = PRICE) -> None:
    """Move the market so that both assets trade at ``price``."""
    venue.settle()
    venue.advance(dict.fromkeys(venue.assets, price))


def held(venue: VenueUnderTest, asset: str) -> float:
    """The signed quantity that the broker shows; 0 when flat."""
    position = venue.broker.get_position(asset)
    return 0.0 if position is None else position.quantity


def hold(venue: VenueUnderTest, asset: str, quantity: float = UNITS) -> None:
    """Buy at :data:`PRICE`, so that a test starts from a position."""
    venue.broker.submit_order(asset, quantity)
    advance(venue)
    assert held(venue, asset) == quantity, "a market order has filled after one bar"


def resting(venue: VenueUnderTest, asset: str) -> Order:
    """An order to buy that will not fill while the price stays above half of :data:`PRICE`.

    It is a market order, which waits for the next bar, where the broker trades nothing else.
    """
    broker = venue.broker
    if OrderType.LIMIT in broker.capabilities.order_types:
        return broker.submit_order(
            asset, UNITS, OrderSide.BUY, OrderType.LIMIT, limit_price=PRICE / 2
        )
    return broker.submit_order(asset, UNITS)


def unit_value(venue: VenueUnderTest, asset: str, price: float = PRICE) -> float:
    """Money that one unit is worth at ``price``."""
    return price * venue.broker.get_asset(asset).multiplier


def needs_order_type(capabilities: Capabilities, kind: OrderType) -> None:
    """Skip the test unless the broker declares that it trades ``kind``."""
    if kind not in capabilities.order_types:
        pytest.skip(f"the broker does not declare {kind.name} orders")


def needs_ability(name: str, *, declared: bool) -> None:
    """Skip the test unless the broker declares the ability ``name``."""
    if not declared:
        pytest.skip(f"the broker does not declare {name}")
