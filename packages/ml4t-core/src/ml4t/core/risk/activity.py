"""What was sent, filled and refused lately."""

from ml4t.core.order_requests import OrderRequest, OrderSide
from ml4t.core.risk.config import LiveRiskConfig, bound
from ml4t.core.risk.windows import RecentTimes, RecentValue, TokenBucket

__all__ = ["Activity", "order_key"]

_HOUR = 3600.0
_MINUTE = 60.0
_CLEAN_ABOVE = 1024


def order_key(request: OrderRequest) -> tuple[object, ...]:
    """What makes two requests the same order sent twice."""
    return (
        request.asset,
        request.side,
        request.quantity,
        request.order_type,
        request.limit_price,
        request.stop_price,
        request.trail_amount,
        request.trail_percent,
        request.tag,
    )


class Activity:
    """Counts of what an account did, in windows on monotonic time.

    Args:
        config: the sizes of the windows.

    Attributes:
        orders: tokens for new and changed orders.
        messages: tokens for whatever is sent.
        rejects: refusals by the venue since it last took an order.
        round_trips: positions closed within the last hour.
        value: money of the orders of the last hour that opened risk.
    """

    __slots__ = (
        "_dedup_seconds",
        "_repeat_seconds",
        "_repeats",
        "_sent",
        "messages",
        "orders",
        "rejects",
        "round_trips",
        "value",
    )

    def __init__(self, config: LiveRiskConfig) -> None:
        self.orders = TokenBucket(bound(config.max_orders_per_minute), _MINUTE)
        self.messages = TokenBucket(bound(config.max_messages_per_second), 1.0)
        self.rejects = 0
        self.round_trips = RecentTimes(_HOUR)
        self.value = RecentValue(_HOUR)
        self._dedup_seconds = config.dedup_window_seconds
        self._repeat_seconds = config.repeat_seconds
        self._sent: dict[tuple[object, ...], float] = {}
        self._repeats: dict[tuple[str, OrderSide], RecentTimes] = {}

    def sent(self, request: OrderRequest, at: float) -> None:
        """Take note of an order that is about to leave."""
        if len(self._sent) > _CLEAN_ABOVE:
            oldest = at - self._dedup_seconds
            self._sent = {key: when for key, when in self._sent.items() if when > oldest}
        self._sent[order_key(request)] = at
        key = (request.asset, request.side)
        if key not in self._repeats:
            self._repeats[key] = RecentTimes(self._repeat_seconds)
        self._repeats[key].add(at)

    def filled(self, asset: str, side: OrderSide) -> None:
        """A fill ends a row of orders without one."""
        if times := self._repeats.get((asset, side)):
            times.clear()

    def last_sent(self, request: OrderRequest) -> float | None:
        """When the same order left last; None if it never did."""
        return self._sent.get(order_key(request))

    def repeats(self, asset: str, side: OrderSide, now: float) -> int:
        """How many orders of that kind left lately without a fill."""
        times = self._repeats.get((asset, side))
        return 0 if times is None else times.count(now)

    def rearm(self) -> None:
        """Begin to count repeats, refusals and round trips anew."""
        self._repeats.clear()
        self.round_trips.clear()
        self.rejects = 0
