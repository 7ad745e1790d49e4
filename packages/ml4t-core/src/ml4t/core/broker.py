"""The two contracts of a broker: what a strategy sees, and what an adapter writes."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, Unpack, runtime_checkable

from ml4t.core.assets import Asset
from ml4t.core.capabilities import Capabilities
from ml4t.core.fills import Fill
from ml4t.core.groups import Bracket, BracketLegs
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice
from ml4t.core.positions import AccountSnapshot, Position
from ml4t.core.venue_events import AccountIdentity, VenueEvent

__all__ = [
    "AsyncBrokerProtocol",
    "BarDrivenBroker",
    "BrokerProtocol",
    "GroupBroker",
    "LendingBroker",
]


@runtime_checkable
class BrokerProtocol(Protocol):
    """What a strategy sees of any venue, simulated or real. Every call returns at once."""

    @property
    def capabilities(self) -> Capabilities:
        """What the venue accepts."""

    @property
    def positions(self) -> Mapping[str, Position]:
        """The open positions by symbol; a flat asset is not in it."""

    @property
    def pending_orders(self) -> Sequence[Order]:
        """The orders that may still fill, in the order of submission."""

    def get_asset(self, asset: str) -> Asset:
        """The terms of an instrument.

        Raises:
            UnknownAssetError: the venue does not list it.
        """

    def get_position(self, asset: str) -> Position | None:
        """The open position in ``asset``; None when flat."""

    def get_account_value(self) -> float:
        """Cash and the market value of all positions at the last known prices."""

    def get_cash(self) -> float:
        """Money not invested; negative when borrowed."""

    def submit_order(  # noqa: PLR0913 - one parameter for each field of an order
        self,
        asset: str,
        quantity: float,
        side: OrderSide | None = None,
        order_type: OrderType = OrderType.MARKET,
        limit_price: float | None = None,
        stop_price: float | None = None,
        *,
        trail_amount: float | None = None,
        trail_percent: float | None = None,
        time_in_force: TimeInForce = TimeInForce.DAY,
        good_till: datetime | None = None,
        tag: str = "",
        reduce_only: bool = False,
    ) -> Order:
        """Send an order; without a side a negative quantity sells.

        What the venue refuses comes back with status ``REJECTED`` and the reason: an asset it does
        not list, a quantity or price that is 0, NaN or between two steps, more than the account
        could ever pay for.

        Raises:
            InvalidOrderError: the arguments make no order at any venue.
        """

    def submit_bracket(
        self,
        asset: str,
        quantity: float,
        side: OrderSide | None = None,
        order_type: OrderType = OrderType.MARKET,
        limit_price: float | None = None,
        stop_price: float | None = None,
        **legs: Unpack[BracketLegs],
    ) -> Bracket:
        """Send an order together with the target and the stop that close what it opens.

        Args:
            asset, quantity, side, order_type, limit_price, stop_price: of the parent, as in
                :meth:`submit_order`.
            legs: target, stop and times in force, as :class:`~ml4t.core.groups.BracketLegs` has
                them.

        Returns:
            The three orders; :mod:`ml4t.core.groups` says how they hang together.

        Raises:
            InvalidOrderError: the arguments make no bracket at any venue.
        """

    def submit_oco(self, requests: Sequence[OrderRequest]) -> tuple[Order, ...]:
        """Send orders of which only one may fill, such as target and stop of a held position.

        Raises:
            InvalidOrderError: fewer than two orders, or they differ in asset or quantity.
        """

    def submit_oto(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        """Send an order and those that wake when it fills, of which only one may fill.

        Returns:
            The parent, then the children in the order given.

        Raises:
            InvalidOrderError: there are no children, or one does not close what the parent opens.
        """

    def cancel_order(self, order_id: str) -> bool:
        """Ask for an order to be cancelled.

        Returns:
            True if the order was open and the request went out, False if it had ended before. The
            order is cancelled when its status says so, not when this returns.

        Raises:
            UnknownOrderError: no order has that id.
        """

    def replace_order(
        self,
        order_id: str,
        *,
        quantity: float | None = None,
        limit_price: float | None = None,
        stop_price: float | None = None,
    ) -> Order:
        """Change an open order in place; what is None stays. ``quantity`` is the new total.

        Returns:
            The changed order, or the order as it was with the reason why it could not be changed.

        Raises:
            UnknownOrderError: no order has that id.
            InvalidOrderError: the result would make no order, or less than what has filled.
        """

    def close_position(self, asset: str) -> Order | None:
        """Send the market order that leaves ``asset`` flat.

        Market orders that already reduce it count, so closing twice never reverses. A resting
        stop or target that may only reduce does not count and stays. One without that condition
        could reverse the position after the close: a live account that may not be short refuses to
        close beside it, and a venue that knows no such condition is left to its resting exits.

        Returns:
            The order; None if there is nothing left to close.
        """


class AsyncBrokerProtocol(Protocol):
    """What an adapter to a real venue writes. The live runtime gives strategies the rest.

    An adapter sends what it is handed once and never repeats an order on a guess. The id of an
    order is the one that the runtime chose; it must travel with the order and come back with every
    report of it, so that orders are told apart across reconnections. Orders of other programs keep
    whatever id the venue gives them.

    Any call may raise :class:`~ml4t.core.errors.VenueUnavailableError`, which says that the venue
    could not be asked or did not answer, and :class:`~ml4t.core.errors.VenueRefusedError`, which
    says that it was asked and said no. An order that the venue refuses is no error.
    """

    @property
    def protocol(self) -> int:
        """The protocol number that the adapter was written for."""

    @property
    def capabilities(self) -> Capabilities:
        """What the venue accepts."""

    async def connect(self) -> None:
        """Open the session; returns when orders can be sent and their events arrive."""

    async def disconnect(self) -> None:
        """Close the session; working orders stay at the venue."""

    async def identity(self) -> AccountIdentity:
        """Which account the session reaches, asked of the venue."""

    async def time(self) -> datetime:
        """The venue's clock, timezone-aware."""

    async def get_asset(self, asset: str) -> Asset:
        """The terms of an instrument, asked of the venue.

        Raises:
            UnknownAssetError: the venue does not list it.
        """

    async def account(self) -> AccountSnapshot:
        """Cash, equity and positions, asked of the venue."""

    async def open_orders(self) -> Sequence[Order]:
        """Every order that works at the venue, those of other programs too, on all pages."""

    async def find_order(self, order_id: str) -> Order | None:
        """An order sent under ``order_id``, working or ended; None if the venue has none.

        None is evidence: the venue was asked and looked through ended orders, too.
        """

    async def fills_since(self, instant: datetime) -> Sequence[Fill]:
        """Every execution at or after ``instant``, asked of the venue."""

    async def submit(self, order_id: str, request: OrderRequest) -> Order:
        """Send one order under the id that the caller chose, and give what the venue answered."""

    async def cancel(self, order_id: str) -> None:
        """Ask the venue to cancel; the answer arrives as an event.

        An order that has ended, or that the venue does not know, is no error.
        """

    async def cancel_all(self) -> None:
        """Ask the venue to cancel every order of the account, those of other programs too."""

    async def replace(self, order_id: str, request: OrderRequest) -> Order:
        """Ask the venue to change a working order to ``request``, and give what it answered."""

    def events(self) -> AsyncIterator[VenueEvent]:
        """What happens at the venue, in the order in which it reports it.

        It begins when the session is opened and goes on through reconnections, which it reports.
        """


@runtime_checkable
class GroupBroker(Protocol):
    """An adapter whose venue takes orders that hang together; it declares ``order_groups``."""

    async def submit_family(
        self, order_ids: Sequence[str], requests: Sequence[OrderRequest]
    ) -> Sequence[Order]:
        """Send a parent and the children that wake when it fills, of which only one may fill."""

    async def submit_alternatives(
        self, order_ids: Sequence[str], requests: Sequence[OrderRequest]
    ) -> Sequence[Order]:
        """Send orders of which only one may fill."""


@runtime_checkable
class LendingBroker(Protocol):
    """An adapter that can say whether the venue lends an asset for short sales."""

    async def is_shortable(self, asset: str) -> bool | None:
        """Whether the asset can be borrowed now; None where the venue does not say."""


@runtime_checkable
class BarDrivenBroker(Protocol):
    """An adapter whose venue is a simulation that meets the very bars the strategy sees."""

    def report_to(
        self, tell: Callable[[VenueEvent], None], note: Callable[[VenueEvent], None]
    ) -> None:
        """Have what happens from now on reported at the very moment, in order.

        Args:
            tell: takes what a strategy is told too.
            note: takes the rest, such as where a trailing stop stands after a bar.
        """

    def take_over(self, cash: float, positions: Mapping[str, Position]) -> None:
        """Go on with the account of an earlier run; called before the first bar."""

    def begin_bar(self, timestamp: datetime, bars: MarketSlice) -> None:
        """Let working orders meet the bars."""

    def finish_bar(self) -> None:
        """Do what happens at the close of the bars after the strategy has acted."""
