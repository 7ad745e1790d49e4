"""What a venue can do, declared by its broker and checked before an order relies on it."""

from collections.abc import Iterable

import attrs

from ml4t.core.order_requests import OrderRequest, OrderType, TimeInForce

__all__ = ["Capabilities"]


def _orders(kinds: Iterable[OrderType]) -> frozenset[OrderType]:
    return frozenset(kinds)


def _times(times: Iterable[TimeInForce]) -> frozenset[TimeInForce]:
    return frozenset(times)


@attrs.frozen(kw_only=True)
class Capabilities:
    """What a broker's venue accepts.

    Attributes:
        order_types: the types of order it trades.
        times_in_force: how long an order may work there.
        fractional: whether quantities may have fractions.
        short_selling: whether a sale may exceed what is held.
        replace_orders: whether an order can be changed in place.
        order_groups: whether it takes brackets, one-cancels-other and one-triggers-other groups.
        reduce_only: whether it keeps an order from doing more than closing what is held. Where it
            does not, the live runtime makes such an order no larger than what is held when it is
            sent.

    >>> venue = Capabilities(order_types=[OrderType.MARKET], times_in_force=[TimeInForce.DAY])
    >>> venue.objection(OrderRequest.of("SPY", 1, order_type=OrderType.STOP, stop_price=9))
    'the venue does not trade STOP orders'
    """

    order_types: frozenset[OrderType] = attrs.field(converter=_orders)
    times_in_force: frozenset[TimeInForce] = attrs.field(converter=_times)
    fractional: bool = False
    short_selling: bool = False
    replace_orders: bool = False
    order_groups: bool = False
    reduce_only: bool = False

    def objection(self, request: OrderRequest) -> str | None:
        """Why the venue cannot take this request, in words; None where it can.

        Whether a sale is short depends on the account and is not judged here.
        """
        if fault := request.fault:
            return fault
        if request.order_type not in self.order_types:
            return f"the venue does not trade {request.order_type.name} orders"
        if request.time_in_force not in self.times_in_force:
            return f"the venue does not offer time in force {request.time_in_force.name}"
        if not self.fractional and request.quantity != int(request.quantity):
            return f"the venue trades whole units only, quantity was {request.quantity}"
        return None
