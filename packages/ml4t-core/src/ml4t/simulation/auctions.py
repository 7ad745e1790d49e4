"""Orders that only trade when a session opens or closes."""

from typing import NamedTuple

from ml4t.core.bars import PriceBar
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.simulation.matching import Match

__all__ = ["AUCTION_TYPES", "CLOSE", "OPEN", "Auctions", "is_for_auction"]

OPEN = "open"
CLOSE = "close"

_KINDS = {OrderType.MARKET_ON_OPEN: OPEN, OrderType.MARKET_ON_CLOSE: CLOSE}
AUCTION_TYPES = frozenset(_KINDS)
_TIMES = {TimeInForce.OPG: OPEN, TimeInForce.CLS: CLOSE}


def is_for_auction(request: OrderRequest) -> bool:
    """Whether an order trades in an auction only."""
    return request.order_type in _KINDS or request.time_in_force in _TIMES


class Auctions(NamedTuple):
    """Which auctions a bar holds.

    Attributes:
        opens: whether it is the first of its session.
        closes: whether it is the last of its session.
    """

    opens: bool
    closes: bool

    @staticmethod
    def of(request: OrderRequest) -> str | None:
        """The auction that an order is for; None for one that trades all day."""
        return _KINDS.get(request.order_type) or _TIMES.get(request.time_in_force)

    def holds(self, auction: str) -> bool:
        """Whether the bar holds the opening or the closing auction."""
        return self.opens if auction is OPEN else self.closes

    def match(self, request: OrderRequest, bar: PriceBar) -> Match | None:
        """How an order for an auction meets the bar; None where the bar does not hold it.

        The open of the bar is the opening auction's price, its close that of the closing one.
        """
        auction = self.of(request)
        if auction is None or not self.holds(auction):
            return None
        price = bar.open if auction is OPEN else bar.close
        limit = request.limit_price
        if limit is not None:
            buys = request.side is OrderSide.BUY
            if not (price <= limit if buys else price >= limit):
                return None
        return Match(price, f"auction_{auction}")
