"""What a strategy sees of the simulated venue."""

from collections.abc import Mapping, Sequence

import attrs

from ml4t.core.assets import Asset
from ml4t.core.capabilities import Capabilities
from ml4t.core.closing import left_to_close
from ml4t.core.errors import UnknownAssetError
from ml4t.core.order_entry import OrderEntry
from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.positions import Position
from ml4t.simulation.venue import SimulatedVenue

__all__ = ["SimulatedBroker"]


class SimulatedBroker(OrderEntry, SimulatedVenue):
    """A broker whose venue is a stream of bars; implements ``BrokerProtocol``.

    It takes the arguments of :class:`~ml4t.simulation.venue.SimulatedVenue` and is driven like it.
    """

    __slots__ = ()

    @property
    def capabilities(self) -> Capabilities:
        """What this venue accepts."""
        return self._capabilities

    @property
    def positions(self) -> Mapping[str, Position]:
        """The open positions by symbol, a read-only view that follows the account."""
        return self._positions

    @property
    def pending_orders(self) -> Sequence[Order]:
        """The orders that have not ended, in the order of submission."""
        return self.book.open

    def get_asset(self, asset: str) -> Asset:
        """The terms of an instrument; raises UnknownAssetError where it is not in the data."""
        try:
            return self._assets[asset]
        except KeyError:
            msg = f"the venue does not list {asset!r}"
            raise UnknownAssetError(msg) from None

    def get_position(self, asset: str) -> Position | None:
        """The open position in ``asset``; None when flat."""
        return self._positions.get(asset)

    def get_cash(self) -> float:
        """Money not invested; negative when borrowed."""
        return self._ledger.cash

    def get_account_value(self) -> float:
        """Cash and the market value of all positions at their last known closes."""
        return self._equity()

    def enter(self, request: OrderRequest) -> Order:
        """Put an order into the book, or reject it with a reason."""
        return self._enter(request, self._checks.objection(request, self.now, self.bars))

    def enter_family(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        """Put an order and those that it wakes into the book, or reject them all."""
        return self._enter_family(parent, children)

    def enter_alternatives(self, requests: Sequence[OrderRequest]) -> tuple[Order, ...]:
        """Put orders of which only one may fill into the book, or reject them all."""
        objection = self._first_objection(requests)
        group = f"oco-{len(self.book) + 1}"
        orders = tuple(self._enter(request, objection, group=group) for request in requests)
        if objection is None:
            self._groups.bind(group, orders)
        return orders

    def cancel_order(self, order_id: str) -> bool:
        """Cancel an open order at once; False if it had ended before.

        Raises:
            UnknownOrderError: no order has that id.
        """
        order = self.book[order_id]
        if not order.is_open:
            return False
        self._put(order.to(OrderStatus.CANCELLED, self.now, "cancelled on request"))
        return True

    def replace_order(
        self,
        order_id: str,
        *,
        quantity: float | None = None,
        limit_price: float | None = None,
        stop_price: float | None = None,
    ) -> Order:
        """Change an open order in place; one that has ended comes back as it is.

        Raises:
            UnknownOrderError: no order has that id.
            InvalidOrderError: the result would make no order, or ask for less than has filled.
        """
        order = self.book[order_id]
        if not order.is_open:
            return order
        request = order.replacement(quantity, limit_price, stop_price)
        reason = self._checks.objection(request, self.now, self.bars, order)
        if order.group is not None and quantity not in {None, order.quantity}:
            reason = "its quantity follows the other orders of its group"
        if reason:
            return attrs.evolve(order, reason=f"not replaced: {reason}")
        # A new stop has not been touched yet, whatever became of the old one.
        triggered = order.triggered and stop_price is None
        changed = attrs.evolve(order, request=request, updated_at=self.now, triggered=triggered)
        self._put(changed)
        return changed

    def close_position(self, asset: str) -> Order | None:
        """Send the market order that leaves ``asset`` flat; None if nothing is left to close.

        Market orders that already reduce the position are counted, so closing twice never
        reverses, and the order itself only reduces: what a stop sells before it, it does not sell
        again.
        """
        held = self._positions.get(asset)
        if held is None:
            return None
        # The index by asset costs something at every order: not before anything rests.
        working = self.book.working_in(asset).values() if self.book.working else ()
        left = left_to_close(held.quantity, working)
        if not left:
            return None
        return self.submit_order(asset, -left, reduce_only=True)
