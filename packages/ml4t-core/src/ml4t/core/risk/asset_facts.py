"""What the rules know about one asset: terms, position, prices and open orders."""

import math
from collections.abc import Iterable, Mapping

import attrs

from ml4t.core.assets import Asset
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk.facts import Moment, Quote

__all__ = ["AssetFacts", "OpenOrder", "Pending", "terms_factor", "worst_price"]

_AT_LIMIT = frozenset({OrderType.LIMIT, OrderType.LIMIT_IF_TOUCHED})
_AT_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})


def highest_price(request: OrderRequest) -> float | None:
    """What a unit costs at most as far as the order says: limit, or stop where that is higher.

    None where only the market says.
    """
    if request.order_type in _AT_LIMIT:
        return request.limit_price
    if request.order_type not in _AT_STOP or request.stop_price is None:
        return None
    return max(request.stop_price, request.limit_price or 0.0)


def _finite(quantity: float) -> float:
    """What is not known counts as endless, so that no limit passes it."""
    return max(quantity, 0.0) if quantity < math.inf else math.inf


@attrs.frozen
class OpenOrder:
    """An order that may still fill, as far as a limit is concerned.

    Attributes:
        order: the order.
        is_foreign: whether another program sent it.
        replacing: what it is being changed to, while the venue has not answered.
    """

    order: Order
    is_foreign: bool = False
    replacing: OrderRequest | None = None

    @property
    def remaining(self) -> float:
        """What may still fill, of the larger of what it is and what it may become."""
        remaining = _finite(self.order.remaining)
        if self.replacing is not None:
            changed = _finite(self.replacing.quantity - self.order.filled_quantity)
            remaining = max(remaining, changed)
        return remaining

    @property
    def highest_price(self) -> float | None:
        """What a unit costs at most as far as the order says; None where only the market does."""
        price = highest_price(self.order.request)
        if self.replacing is None or price is None:
            return price
        other = highest_price(self.replacing)
        return None if other is None else max(price, other)


@attrs.frozen
class Pending:
    """What the open orders of one asset can do to its position.

    Attributes:
        buys, sells: units that may be bought and sold, alternatives counted once.
        buys_at_limit: money of the buys that have a limit, before the multiplier.
        buys_at_market: units of those that have none.
    """

    buys: float = 0.0
    sells: float = 0.0
    buys_at_limit: float = 0.0
    buys_at_market: float = 0.0

    def plus(self, request: OrderRequest) -> "Pending":
        """This together with an order that stands alone."""
        quantity = _finite(request.quantity)
        if request.side is OrderSide.SELL:
            return Pending(
                self.buys, self.sells + quantity, self.buys_at_limit, self.buys_at_market
            )
        price = highest_price(request)
        at_limit, at_market = self.buys_at_limit, self.buys_at_market
        if price is None:
            at_market += quantity
        else:
            at_limit += quantity * price
        return Pending(self.buys + quantity, self.sells, at_limit, at_market)


_NOTHING = Pending()


class AssetFacts:
    """What is known about one asset.

    Attributes:
        symbol: the asset.
        terms: its terms; None until the venue has given them.
        factor: money of the account per point of price and unit; None where it is not known.
        quantity: the position, with sign.
        quote: the latest prices; None before the first.
        orders: those that may still fill, by id.
        pending: what they can do.
        buy_count, sell_count: how many of them there are on each side.
        unknown_count: how many of them nobody can say anything about.
        quarantine, restriction, halt: why nothing, only exits, or nothing at all may be sent; empty
            where there is no reason.
        is_hard: whether the restriction holds for exits, too.
        is_shortable: whether the venue lends it; None where it has not said.
    """

    __slots__ = (
        "_parents",
        "buy_count",
        "factor",
        "halt",
        "is_hard",
        "is_shortable",
        "orders",
        "pending",
        "quantity",
        "quarantine",
        "quote",
        "restriction",
        "sell_count",
        "symbol",
        "terms",
        "unknown_count",
    )

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.terms: Asset | None = None
        self.factor: float | None = None
        self.quantity = 0.0
        self.quote: Quote | None = None
        self.orders: dict[str, OpenOrder] = {}
        self.pending = _NOTHING
        self.buy_count = 0
        self.sell_count = 0
        self.unknown_count = 0
        self.quarantine = ""
        self.restriction = ""
        self.halt = ""
        self.is_hard = False
        self.is_shortable: bool | None = None
        # What a parent has filled, kept while a child of it is open.
        self._parents: dict[str, float] = {}

    def put(self, entry: OpenOrder) -> None:
        """Take note of the new state of an order; one that has ended counts no more."""
        order = entry.order
        if order.is_open:
            self.orders[order.id] = entry
        else:
            self.orders.pop(order.id, None)
        self._parents[order.id] = order.filled_quantity
        awaited = {e.order.parent for e in self.orders.values()}
        self._parents = {
            parent: filled
            for parent, filled in self._parents.items()
            if parent in self.orders or parent in awaited
        }
        self._count()

    def move(self, quantity: float) -> None:
        """Take note of the position; what only reduces can do as much as there is to reduce."""
        self.quantity = quantity
        if any(e.order.request.reduce_only for e in self.orders.values()):
            self._count()

    def _count(self) -> None:
        entries = self.orders.values()
        self.buy_count = sum(e.order.side is OrderSide.BUY for e in entries)
        self.sell_count = len(entries) - self.buy_count
        self.unknown_count = sum(
            e.order.status is OrderStatus.UNKNOWN and not e.is_foreign for e in entries
        )
        self.pending = self.pending_without(None)

    def pending_without(self, left_out: str | None) -> Pending:
        """What the open orders can do, but for the one with the id ``left_out``."""
        return self._pending(e for name, e in self.orders.items() if name != left_out)

    def pending_with(self, order: Order) -> Pending:
        """What the open orders could do together with this one, in the place of its former self."""
        others = [e for name, e in self.orders.items() if name != order.id]
        return self._pending([*others, OpenOrder(order)])

    def _pending(self, entries: Iterable[OpenOrder]) -> Pending:
        alone: list[OpenOrder] = []
        groups: dict[tuple[str, OrderSide], list[OpenOrder]] = {}
        for entry in entries:
            order = entry.order
            group = order.group or order.parent
            if group is None:
                alone.append(entry)
            else:
                groups.setdefault((group, order.side), []).append(entry)
        if not alone and not groups:
            return _NOTHING
        parts = [
            (e.order.side, e.remaining, e.highest_price, e.order.request.reduce_only) for e in alone
        ]
        parts += [self._of_group(members) for members in groups.values()]
        return _total(parts, self.quantity)

    def _of_group(self, members: list[OpenOrder]) -> tuple[OrderSide, float, float | None, bool]:
        """Of alternatives only one can fill, and of children no more than their parent did."""
        first = members[0].order
        remaining = max(e.remaining for e in members)
        if first.parent in self._parents:
            filled = self._parents[first.parent] - sum(e.order.filled_quantity for e in members)
            remaining = min(remaining, max(filled, 0.0))
        prices = [e.highest_price for e in members]
        known = [price for price in prices if price is not None]
        price = max(known) if len(known) == len(prices) else None
        return first.side, remaining, price, all(e.order.request.reduce_only for e in members)

    @property
    def is_active(self) -> bool:
        """Whether it is held or an order for it is open."""
        return self.quantity != 0 or bool(self.orders)

    @property
    def mark(self) -> float | None:
        """The last price, however old; None where it is not known."""
        quote = self.quote
        if quote is None:
            return None
        return quote.price if quote.price is not None else quote.reference

    def reference(self, moment: Moment, staleness: float) -> float | None:
        """The price to judge orders by; None where it is not known or too old.

        While the market is closed a price does not grow old.
        """
        quote = self.quote
        if quote is None:
            return None
        age = moment.monotonic - quote.at
        if not (0 <= age <= staleness or (moment.session is None and age >= 0)):
            return None
        return quote.reference

    def reservation(self, market_buffer: float, pending: Pending | None = None) -> float | None:
        """Money that the open orders, or ``pending``, may need; None where it cannot be said.

        Buys count at their limit or at the market with the buffer on top, the part of the sells
        that would open a short position at the market with the buffer on top.
        """
        pending = self.pending if pending is None else pending
        money = pending.buys_at_limit
        floating = pending.buys_at_market + max(pending.sells - max(self.quantity, 0.0), 0.0)
        if floating:
            quote = self.quote
            mark = self.mark
            if quote is None or mark is None:
                return None
            ask = quote.ask if quote.ask is not None and quote.ask > mark else mark
            money += floating * ask * (1 + market_buffer)
        if not money:
            return 0.0
        return None if self.factor is None else money * self.factor


def _total(parts: Iterable[tuple[OrderSide, float, float | None, bool]], held: float) -> Pending:
    """The sums by side; what only reduces, at a venue that sees to it, can do no more than close.

    Where the venue does not see to it, no order that is sent says that it only reduces.
    """
    at_limit = at_market = 0.0
    free = {OrderSide.BUY: 0.0, OrderSide.SELL: 0.0}
    closing = {OrderSide.BUY: 0.0, OrderSide.SELL: 0.0}
    for side, quantity, price, only_reduces in parts:
        (closing if only_reduces else free)[side] += quantity
        if side is OrderSide.SELL:
            continue
        if price is None:
            at_market += quantity
        else:
            at_limit += quantity * price
    buys = free[OrderSide.BUY] + min(closing[OrderSide.BUY], max(-held, 0.0))
    sells = free[OrderSide.SELL] + min(closing[OrderSide.SELL], max(held, 0.0))
    return Pending(buys, sells, at_limit, at_market)


def terms_factor(terms: Asset | None, rates: Mapping[str, float]) -> float | None:
    """Money of the account per point of price and unit; None where it is not known."""
    if terms is None:
        return None
    rate = rates.get(terms.currency, math.nan)
    return terms.multiplier * rate if 0 < rate < math.inf else None


def worst_price(request: OrderRequest, mark: float | None, buffer: float) -> float | None:
    """The price at which an order is valued; None where it cannot be said.

    The limit of an order with one, the stop where it is higher, and the market with a buffer on top
    for those whose price only the market says.
    """
    price = highest_price(request)
    if price is not None:
        return price if 0 < price < math.inf else None
    return None if mark is None else mark * (1 + buffer)
