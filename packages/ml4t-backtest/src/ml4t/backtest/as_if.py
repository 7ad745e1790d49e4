"""A backtest in which the orders that a certain venue refuses are refused."""

from collections.abc import Mapping, Sequence

import attrs

from ml4t.backtest.broker import ArrayBroker
from ml4t.core import Asset, Capabilities, Order
from ml4t.core.calendar import TradingCalendar
from ml4t.core.order_requests import OrderRequest, OrderSide
from ml4t.simulation import MarketAssumptions

__all__ = ["AsIfBroker"]

_NO_GROUPS = "the venue does not take orders that hang together"
_NO_CHANGES = "the venue does not change orders in place: cancel it and send another"


class AsIfBroker(ArrayBroker):
    """A simulated broker that refuses what a certain venue would refuse, with its reason.

    The market and the account stay those of the simulation.

    Args:
        cash: the money to start with.
        assets: the terms of every symbol, in the order of the universe.
        market: the market assumptions.
        venue: what the venue accepts.
        calendar: the sessions of the venue, if they are known.
    """

    __slots__ = ("_venue",)

    def __init__(
        self,
        cash: float,
        assets: Mapping[str, Asset],
        market: MarketAssumptions,
        venue: Capabilities,
        calendar: TradingCalendar | None = None,
    ) -> None:
        super().__init__(cash, assets, market, calendar)
        self._venue = venue

    @property
    def capabilities(self) -> Capabilities:
        """What the venue accepts."""
        return self._venue

    def enter(self, request: OrderRequest) -> Order:
        """Put an order into the book, or reject it with a reason."""
        reason = self._refusal(request)
        return super().enter(request) if reason is None else self._enter(request, reason)

    def enter_family(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        """Put an order and those that it wakes into the book, or reject them all."""
        requests = (parent, *children)
        reason = self._refusal_of_group(requests)
        if reason is None:
            return super().enter_family(parent, children)
        return self._reject(requests, reason)

    def enter_alternatives(self, requests: Sequence[OrderRequest]) -> tuple[Order, ...]:
        """Put orders of which only one may fill into the book, or reject them all."""
        reason = self._refusal_of_group(requests)
        if reason is None:
            return super().enter_alternatives(requests)
        return self._reject(requests, reason)

    def replace_order(
        self,
        order_id: str,
        *,
        quantity: float | None = None,
        limit_price: float | None = None,
        stop_price: float | None = None,
    ) -> Order:
        """Change an open order in place, or give it back with the reason why it stays.

        Raises:
            UnknownOrderError: no order has that id.
            InvalidOrderError: the result would make no order, or ask for less than has filled.
        """
        order = self.book[order_id]
        reason = None
        if order.is_open:
            request = order.replacement(quantity, limit_price, stop_price)
            reason = self._refusal(request) if self._venue.replace_orders else _NO_CHANGES
        if reason is not None:
            return attrs.evolve(order, reason=f"not replaced: {reason}")
        return super().replace_order(
            order_id, quantity=quantity, limit_price=limit_price, stop_price=stop_price
        )

    def _refusal(self, request: OrderRequest) -> str | None:
        """Why the venue would not take one order, in words."""
        held = self._held(request.asset)
        if request.reduce_only and not self._venue.reduce_only:
            if held * request.side.sign >= 0:
                return "nothing is held that it could reduce"
            # The live runtime sends it without the condition, and no larger than what is held.
            quantity = min(request.quantity, abs(held))
            request = attrs.evolve(request, reduce_only=False, quantity=quantity)
        return self._shortage(request, held) or self._venue.objection(request)

    def _shortage(self, request: OrderRequest, held: float) -> str | None:
        """By how much an order sells short where the venue does not, in words."""
        sells_short = request.side is OrderSide.SELL and request.quantity > max(held, 0.0)
        if self._venue.short_selling or request.reduce_only or not sells_short:
            return None
        return f"the venue does not sell short: {held:g} held, {request.quantity:g} to sell"

    def _refusal_of_group(self, requests: Sequence[OrderRequest]) -> str | None:
        if not self._venue.order_groups:
            return _NO_GROUPS
        # Children close what the parent opens, whatever is held now.
        children = [attrs.evolve(child, reduce_only=False) for child in requests[1:]]
        objections = (self._venue.objection(request) for request in children)
        return self._refusal(requests[0]) or next((o for o in objections if o is not None), None)

    def _reject(self, requests: Sequence[OrderRequest], reason: str) -> tuple[Order, ...]:
        return tuple(self._enter(request, reason) for request in requests)
