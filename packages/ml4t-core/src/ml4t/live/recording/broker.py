"""A strategy's broker as seen by a witness: every call of it goes through one function."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar, Unpack

from ml4t.core.assets import Asset
from ml4t.core.broker import BrokerProtocol
from ml4t.core.capabilities import Capabilities
from ml4t.core.groups import Bracket, BracketLegs
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order
from ml4t.core.positions import Position

__all__ = ["WatchedBroker"]

T = TypeVar("T")


class WatchedBroker(ABC):
    """A ``BrokerProtocol`` whose calls, reading included, all pass :meth:`pass_on`.

    Arguments are passed by name, with the defaults filled in, so that two ways of writing the same
    call are the same call.
    """

    @abstractmethod
    def pass_on(
        self, name: str, arguments: Mapping[str, object], ask: Callable[[BrokerProtocol], T]
    ) -> T:
        """Answer one call.

        Args:
            name: of the method or property.
            arguments: what it was called with.
            ask: makes the same call of a broker.
        """

    @property
    def capabilities(self) -> Capabilities:
        """See ``BrokerProtocol``."""
        return self.pass_on("capabilities", {}, lambda broker: broker.capabilities)

    @property
    def positions(self) -> Mapping[str, Position]:
        """See ``BrokerProtocol``; as they are now, and not as they will be."""
        return self.pass_on("positions", {}, lambda broker: dict(broker.positions))

    @property
    def pending_orders(self) -> Sequence[Order]:
        """See ``BrokerProtocol``."""
        return self.pass_on("pending_orders", {}, lambda broker: tuple(broker.pending_orders))

    def get_asset(self, asset: str) -> Asset:
        """See ``BrokerProtocol``."""
        return self.pass_on("get_asset", {"asset": asset}, lambda broker: broker.get_asset(asset))

    def get_position(self, asset: str) -> Position | None:
        """See ``BrokerProtocol``."""
        return self.pass_on(
            "get_position", {"asset": asset}, lambda broker: broker.get_position(asset)
        )

    def get_account_value(self) -> float:
        """See ``BrokerProtocol``."""
        return self.pass_on("get_account_value", {}, lambda broker: broker.get_account_value())

    def get_cash(self) -> float:
        """See ``BrokerProtocol``."""
        return self.pass_on("get_cash", {}, lambda broker: broker.get_cash())

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
        """See ``BrokerProtocol``."""
        arguments: dict[str, object] = {
            "asset": asset,
            "quantity": quantity,
            "side": side,
            "order_type": order_type,
            "limit_price": limit_price,
            "stop_price": stop_price,
            "trail_amount": trail_amount,
            "trail_percent": trail_percent,
            "time_in_force": time_in_force,
            "good_till": good_till,
            "tag": tag,
            "reduce_only": reduce_only,
        }
        return self.pass_on(
            "submit_order",
            arguments,
            lambda broker: broker.submit_order(**arguments),  # type: ignore[arg-type]
        )

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
        """See ``BrokerProtocol``."""
        arguments: dict[str, object] = {
            "asset": asset,
            "quantity": quantity,
            "side": side,
            "order_type": order_type,
            "limit_price": limit_price,
            "stop_price": stop_price,
            **dict(sorted(legs.items())),
        }
        return self.pass_on(
            "submit_bracket",
            arguments,
            lambda broker: broker.submit_bracket(**arguments),  # type: ignore[arg-type]
        )

    def submit_oco(self, requests: Sequence[OrderRequest]) -> tuple[Order, ...]:
        """See ``BrokerProtocol``."""
        kept = tuple(requests)
        return self.pass_on(
            "submit_oco", {"requests": kept}, lambda broker: broker.submit_oco(kept)
        )

    def submit_oto(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        """See ``BrokerProtocol``."""
        kept = tuple(children)
        return self.pass_on(
            "submit_oto",
            {"parent": parent, "children": kept},
            lambda broker: broker.submit_oto(parent, kept),
        )

    def cancel_order(self, order_id: str) -> bool:
        """See ``BrokerProtocol``."""
        return self.pass_on(
            "cancel_order", {"order_id": order_id}, lambda broker: broker.cancel_order(order_id)
        )

    def replace_order(
        self,
        order_id: str,
        *,
        quantity: float | None = None,
        limit_price: float | None = None,
        stop_price: float | None = None,
    ) -> Order:
        """See ``BrokerProtocol``."""
        arguments: dict[str, object] = {
            "order_id": order_id,
            "quantity": quantity,
            "limit_price": limit_price,
            "stop_price": stop_price,
        }
        return self.pass_on(
            "replace_order",
            arguments,
            lambda broker: broker.replace_order(**arguments),  # type: ignore[arg-type]
        )

    def close_position(self, asset: str) -> Order | None:
        """See ``BrokerProtocol``."""
        return self.pass_on(
            "close_position", {"asset": asset}, lambda broker: broker.close_position(asset)
        )
