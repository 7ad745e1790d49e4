"""The calls with which a strategy sends orders, put down to three."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Unpack

from ml4t.core.groups import Bracket, BracketLegs, BracketRequest, as_children, require_group
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order

__all__ = ["OrderEntry"]

_request_of = OrderRequest.of  # a global is found faster than a function in its class


class OrderEntry(ABC):
    """The sending half of ``BrokerProtocol``: a broker that derives from it writes three methods.

    What the arguments describe is checked here, once for every broker.
    """

    __slots__ = ()

    @abstractmethod
    def enter(self, request: OrderRequest) -> Order:
        """Take one order, or refuse it with a reason."""

    @abstractmethod
    def enter_family(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        """Take an order and those that wake when it fills, parent first; all or none."""

    @abstractmethod
    def enter_alternatives(self, requests: Sequence[OrderRequest]) -> tuple[Order, ...]:
        """Take orders of which only one may fill; all or none."""

    def submit_order(  # noqa: PLR0913 - the signature of BrokerProtocol
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
        """Send an order, which may come back rejected with a reason; see ``BrokerProtocol``.

        Raises:
            InvalidOrderError: the arguments make no order at any venue.
        """
        request = _request_of(
            asset,
            quantity,
            side,
            order_type,
            limit_price,
            stop_price,
            trail_amount,
            trail_percent,
            time_in_force,
            good_till,
            tag,
            reduce_only,
        )
        return self.enter(request)

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
        """Send an order with its target and stop; see ``BrokerProtocol``.

        Raises:
            InvalidOrderError: the arguments make no bracket at any venue.
        """
        request = BracketRequest.of(
            asset, quantity, side, order_type, limit_price, stop_price, **legs
        )
        parent, *children = self.enter_family(request.parent, request.children)
        target = children.pop(0) if request.take_profit is not None else None
        return Bracket(parent, target, children[0] if children else None)

    def submit_oco(self, requests: Sequence[OrderRequest]) -> tuple[Order, ...]:
        """Send orders of which only one may fill; see ``BrokerProtocol``.

        Raises:
            InvalidOrderError: fewer than two orders, or they differ in asset or quantity.
        """
        require_group(requests)
        return self.enter_alternatives(requests)

    def submit_oto(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        """Send an order and those that it wakes; see ``BrokerProtocol``.

        Raises:
            InvalidOrderError: there are no children, or one does not close what the parent opens.
        """
        return self.enter_family(parent, as_children(parent, children))
