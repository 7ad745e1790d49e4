"""An account that is asked for the cash of all new orders before the bar that could fill them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar

import attrs

from ml4t.core.assets import Asset
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.panel import MarketSlice
from ml4t.simulation.accounts import Trade, Verdict
from ml4t.simulation.commission import Commission
from ml4t.simulation.exposure import Exposure
from ml4t.simulation.order_book import OrderBook

__all__ = ["CashPreview", "PreviewedCashAccount"]


@attrs.frozen
class PreviewedCashAccount:
    """Whoever has the cash may buy, and a short sale is a source of it.

    New orders are looked at together before the next bar: each is taken to trade in full at its own
    price, one after another, and one that leaves the cash below zero is rejected. When one fills,
    the part that opens a position must leave cash, and the part that closes one passes.

    Use it to reproduce engines that do so: nobody lends without a margin.
    """

    allows_short: ClassVar[bool] = True
    previews: ClassVar[bool] = True

    def buying_power(self, equity: float) -> float:  # noqa: ARG002
        """Without limit: the preview says what passes."""
        return float("inf")

    def review(
        self,
        trade: Trade,
        cash: float,
        exposure: Callable[[], Exposure],  # noqa: ARG002
    ) -> Verdict | None:
        """The opening part all or not at all, the closing part always."""
        wanted = trade.signed_quantity
        if wanted < 0 or cash - wanted * trade.unit_value - trade.fee >= 0:
            return None
        closing = min(max(-trade.held, 0.0), wanted)
        if closing == wanted:
            return None
        return Verdict(closing, f"not enough cash: {cash:.2f} for {wanted:g} at {trade.price:g}")


class CashPreview:
    """Rejects new orders that the cash does not suffice for, all of them taken together.

    Args:
        book: the orders.
        put: sets the new state of one.
        assets: the terms of everything that can be traded, by symbol.
        commission: what a fill costs.
    """

    __slots__ = ("_assets", "_book", "_commission", "_put", "_seen")

    def __init__(
        self,
        book: OrderBook,
        put: Callable[[Order], None],
        assets: Mapping[str, Asset],
        commission: Commission,
    ) -> None:
        self._book = book
        self._put = put
        self._assets = assets
        self._commission = commission
        self._seen = 0

    def reject(self, cash: float, bars: MarketSlice, now: datetime) -> None:
        """Look at the orders that are new since the bars before.

        Args:
            cash: the money in the account.
            bars: the bars that are about to meet the orders.
            now: when they were complete.
        """
        first, self._seen = self._seen, len(self._book)
        new = [self._book[str(number)] for number in range(first + 1, self._seen + 1)]
        for order in new:
            request = order.request
            price = request.limit_price or request.stop_price or bars.previous_mark(order.asset)
            # What has filled in part at the close of its decision has been paid for already.
            if not order.is_open or order.filled_quantity or price is None:
                continue
            multiplier = self._assets[request.asset].multiplier
            cash -= request.signed_quantity * price * multiplier
            cash -= self._commission.fee(request.quantity, price, multiplier, order)
            if cash < 0 and self._book[order.id].is_open:
                reason = "not enough cash for all new orders"
                self._put(order.to(OrderStatus.REJECTED, now, reason))
