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

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypedDict, Unpack

import attrs

from ml4t.core.errors import InvalidOrderError
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order

__all__ = ["Bracket", "BracketLegs", "BracketRequest", "as_children", "require_group"]

_LEAST_OF_GROUP = 2


class BracketLegs(TypedDict, total=False):
    """The keywords of ``submit_bracket``; what is left out is None, ``DAY``, ``GTC`` or empty.

    Attributes:
        take_profit: the limit of the target, money per unit.
        stop_loss: the trigger of the stop, money per unit.
        stop_limit: makes the stop a stop-limit order with this limit.
        trail_amount: makes the stop a trailing one, money per unit.
        trail_percent: makes the stop a trailing one, percent of the price.
        time_in_force: of the parent, ``DAY`` if left out.
        children_time_in_force: of target and stop, from when they wake, ``GTC`` if left out.
        good_till: of those that are ``GTD``.
        tag: of all three.
    """

    take_profit: float | None
    stop_loss: float | None
    stop_limit: float | None
    trail_amount: float | None
    trail_percent: float | None
    time_in_force: TimeInForce
    children_time_in_force: TimeInForce
    good_till: datetime | None
    tag: str


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
    def of(
        asset: str,
        quantity: float,
        side: OrderSide | None = None,
        order_type: OrderType = OrderType.MARKET,
        limit_price: float | None = None,
        stop_price: float | None = None,
        **legs: Unpack[BracketLegs],
    ) -> "BracketRequest":
        """The requests that the arguments of ``submit_bracket`` describe.

        Raises:
            InvalidOrderError: the arguments make no bracket.

        >>> bracket = BracketRequest.of("SPY", 10, take_profit=110.0, stop_loss=95.0)
        >>> [(leg.side.name, leg.order_type.name) for leg in bracket.children]
        [('SELL', 'LIMIT'), ('SELL', 'STOP')]
        """
        unknown = legs.keys() - BracketLegs.__annotations__.keys()
        if unknown:
            known = ", ".join(BracketLegs.__annotations__)
            msg = f"a bracket has no {', '.join(sorted(unknown))}; it has {known}"
            raise InvalidOrderError(msg)
        good_till, tag = legs.get("good_till"), legs.get("tag", "")
        time_in_force = legs.get("time_in_force", TimeInForce.DAY)
        children_time = legs.get("children_time_in_force", TimeInForce.GTC)
        of_children = children_time is TimeInForce.GTD and time_in_force is not TimeInForce.GTD
        parent = OrderRequest.of(
            asset,
            quantity,
            side,
            order_type,
            limit_price,
            stop_price,
            time_in_force=time_in_force,
            good_till=None if of_children else good_till,
            tag=tag,
        )
        child = partial(
            OrderRequest,
            asset=asset,
            side=parent.side.opposite,
            quantity=parent.quantity,
            time_in_force=children_time,
            good_till=good_till if children_time is TimeInForce.GTD else None,
            tag=tag,
            reduce_only=True,
        )
        limit = legs.get("take_profit")
        target = None if limit is None else child(order_type=OrderType.LIMIT, limit_price=limit)
        request = BracketRequest(parent, target, _stop_leg(child, legs))
        request._check(legs)
        return request

    def _check(self, legs: BracketLegs) -> None:
        if not self.children:
            msg = "a bracket needs take_profit, stop_loss, trail_amount or trail_percent"
            raise InvalidOrderError(msg)
        if legs.get("stop_limit") is not None and legs.get("stop_loss") is None:
            msg = f"stop_limit belongs to a stop_loss, was {legs['stop_limit']}"
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


def _stop_leg(child: Callable[..., OrderRequest], legs: BracketLegs) -> OrderRequest | None:
    stop, limit = legs.get("stop_loss"), legs.get("stop_limit")
    amount, percent = legs.get("trail_amount"), legs.get("trail_percent")
    trails = amount is not None or percent is not None
    if trails and stop is not None:
        msg = "a bracket has a stop_loss or a trail, not both"
        raise InvalidOrderError(msg)
    if trails:
        kind = OrderType.TRAILING_STOP
        return child(order_type=kind, trail_amount=amount, trail_percent=percent)
    if stop is None:
        return None
    kind = OrderType.STOP if limit is None else OrderType.STOP_LIMIT
    return child(order_type=kind, stop_price=stop, limit_price=limit)


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
