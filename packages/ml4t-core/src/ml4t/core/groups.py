"""Orders that belong together: brackets, one-cancels-other and one-triggers-other groups.

One semantics for simulation and live trading:

* the children of a parent are ``HELD`` until it fills; their quantity is what it has filled so far;
  they only reduce the position; if it ends without a fill they are cancelled;
* of the orders of one group only one can fill in full: when one has, the others are cancelled, and
  when a part of one has filled, the others shrink by as much;
* an order of a group that is cancelled takes the others of its group with it, and a parent that is
  cancelled before it filled takes its children;
* a group of which the venue refuses one order is refused as a whole, so that no position is opened
  without its protection.
"""

from collections.abc import Sequence
from datetime import datetime

import attrs

from ml4t.core.errors import InvalidOrderError
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order

__all__ = ["Bracket", "BracketRequest", "as_children", "require_group"]

_LEAST_OF_GROUP = 2


@attrs.frozen
class Bracket:
    """The orders of a bracket as the venue answered them.

    Attributes:
        parent: the order that opens the position.
        take_profit: the limit order that closes it at a profit; None where none was asked for.
        stop_loss: the stop order that closes it at a loss; None where none was asked for.
    """

    parent: Order
    take_profit: Order | None
    stop_loss: Order | None


@attrs.frozen
class BracketRequest:
    """What the arguments of ``submit_bracket`` ask for.

    Attributes:
        parent: the order that opens the position.
        take_profit: a limit order of the other side, or None.
        stop_loss: a stop, stop-limit or trailing-stop order of the other side, or None.
    """

    parent: OrderRequest
    take_profit: OrderRequest | None
    stop_loss: OrderRequest | None

    @property
    def children(self) -> tuple[OrderRequest, ...]:
        """The orders that close the position, target first."""
        return tuple(leg for leg in (self.take_profit, self.stop_loss) if leg is not None)

    @staticmethod
    def of(  # noqa: PLR0913 - the parameters of submit_bracket
        asset: str,
        quantity: float,
        side: OrderSide | None,
        order_type: OrderType,
        limit_price: float | None,
        stop_price: float | None,
        *,
        take_profit: float | None,
        stop_loss: float | None,
        stop_limit: float | None,
        trail_amount: float | None,
        trail_percent: float | None,
        time_in_force: TimeInForce,
        children_time_in_force: TimeInForce,
        good_till: datetime | None,
        tag: str,
    ) -> "BracketRequest":
        """The requests that the arguments of ``submit_bracket`` describe.

        Raises:
            InvalidOrderError: the arguments make no bracket.

        >>> bracket = BracketRequest.of(
        ...     "SPY", 10, None, OrderType.MARKET, None, None,
        ...     take_profit=110.0, stop_loss=95.0, stop_limit=None, trail_amount=None,
        ...     trail_percent=None, time_in_force=TimeInForce.DAY,
        ...     children_time_in_force=TimeInForce.GTC, good_till=None, tag="",
        ... )
        >>> [(leg.side.name, leg.order_type.name) for leg in bracket.children]
        [('SELL', 'LIMIT'), ('SELL', 'STOP')]
        """
        parent = OrderRequest.of(
            asset,
            quantity,
            side,
            order_type,
            limit_price,
            stop_price,
            time_in_force=time_in_force,
            good_till=good_till,
            tag=tag,
        )
        target = stop = None
        common = {
            "asset": asset,
            "side": parent.side.opposite,
            "quantity": parent.quantity,
            "time_in_force": children_time_in_force,
            "good_till": good_till if children_time_in_force is TimeInForce.GTD else None,
            "tag": tag,
            "reduce_only": True,
        }
        if take_profit is not None:
            target = OrderRequest(order_type=OrderType.LIMIT, limit_price=take_profit, **common)  # type: ignore[arg-type]
        trails = trail_amount is not None or trail_percent is not None
        if trails and stop_loss is None:
            stop = OrderRequest(
                order_type=OrderType.TRAILING_STOP,
                trail_amount=trail_amount,
                trail_percent=trail_percent,
                **common,  # type: ignore[arg-type]
            )
        elif stop_loss is not None and not trails:
            kind = OrderType.STOP if stop_limit is None else OrderType.STOP_LIMIT
            stop = OrderRequest(
                order_type=kind,
                stop_price=stop_loss,
                limit_price=stop_limit,
                **common,  # type: ignore[arg-type]
            )
        elif trails:
            msg = "a bracket has a stop_loss or a trail, not both"
            raise InvalidOrderError(msg)
        request = BracketRequest(parent, target, stop)
        request._check(stop_limit)
        return request

    def _check(self, stop_limit: float | None) -> None:
        if not self.children:
            msg = "a bracket needs take_profit, stop_loss, trail_amount or trail_percent"
            raise InvalidOrderError(msg)
        if stop_limit is not None and (self.stop_loss is None or self.stop_loss.stop_price is None):
            msg = f"stop_limit belongs to a stop_loss, was {stop_limit}"
            raise InvalidOrderError(msg)
        if self.take_profit is None or self.stop_loss is None:
            return
        target, stop = self.take_profit.limit_price, self.stop_loss.stop_price
        if target is not None and stop is not None and (target - stop) * self.parent.side.sign <= 0:
            where = "above" if self.parent.side is OrderSide.BUY else "below"
            msg = (
                f"take_profit of a {self.parent.side.name} bracket must be {where} stop_loss, "
                f"was {target} and {stop}"
            )
            raise InvalidOrderError(msg)


def as_children(parent: OrderRequest, children: Sequence[OrderRequest]) -> tuple[OrderRequest, ...]:
    """``children`` as the orders that close what ``parent`` opens.

    Raises:
        InvalidOrderError: there are none, or one is of another asset or of the parent's own side.
    """
    if not children:
        msg = "an order that triggers others needs at least one child"
        raise InvalidOrderError(msg)
    for child in children:
        if child.asset != parent.asset or child.side is parent.side:
            msg = (
                f"a child must {parent.side.opposite.name} {parent.asset}, which its parent opens; "
                f"was {child.side.name} {child.asset}"
            )
            raise InvalidOrderError(msg)
    return tuple(
        attrs.evolve(child, quantity=parent.quantity, reduce_only=True) for child in children
    )


def require_group(requests: Sequence[OrderRequest]) -> None:
    """Refuse what cannot be a one-cancels-other group.

    Raises:
        InvalidOrderError: there are fewer than two orders, or they differ in asset or quantity.
    """
    if len(requests) < _LEAST_OF_GROUP:
        msg = f"a one-cancels-other group needs two orders or more, was {len(requests)}"
        raise InvalidOrderError(msg)
    first = requests[0]
    for request in requests[1:]:
        if request.asset != first.asset or request.quantity != first.quantity:
            msg = (
                "the orders of a one-cancels-other group must be of one asset and quantity, were "
                f"{first.quantity:g} {first.asset} and {request.quantity:g} {request.asset}"
            )
            raise InvalidOrderError(msg)
