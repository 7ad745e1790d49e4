"""The orders that close positions by rule, from the fill that opens a position to its last."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

import attrs

from ml4t.core.assets import Asset
from ml4t.core.bars import PriceBar
from ml4t.core.errors import ConfigError
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.panel import MarketSlice
from ml4t.core.sizing import whole_lots
from ml4t.simulation.exit_rule import ClosedBar, Entry, ExitOrder, ExitRule
from ml4t.simulation.exits import Exits, NoExits
from ml4t.simulation.order_book import OrderBook
from ml4t.simulation.trailing import trail_stop

__all__ = ["PositionExits"]

# Above every id of an order that is in the book.
_FORESEEN = 10**12


@attrs.define
class _Open:
    """What is remembered of one open position, and of no other."""

    rule: ExitRule
    entry: Entry
    opener: Order
    opened_at: datetime
    held: float
    best: float
    whole: float
    bars: int = 0
    resting: dict[int, str] = attrs.field(factory=dict)
    closing: str | None = None
    # The levels are to follow an average price that has changed, or a range that was not known.
    is_moved: bool = False
    is_incomplete: bool = False

    @property
    def asset(self) -> str:
        return self.opener.asset

    def see(self, bar: PriceBar, now: datetime) -> None:
        """A bar has ended."""
        self.bars += 1
        # Of the bar of the entry only the close is known to have come after it.
        long = self.entry.sign > 0
        seen = bar.close if now == self.opened_at else (bar.high if long else bar.low)
        self.best = max(self.best, seen) if long else min(self.best, seen)


class PositionExits:
    """Places, sizes, moves and ends the orders of exit rules.

    Levels follow the average price. They move when a bar has ended: for the rest of the bar that
    adds to a position its orders stay where they are and grow with it.

    Args:
        exits: which rule is for which asset.
        assets: the terms of everything that can be traded, by symbol.
        book: the orders.
        put: sets the new state of an order.
        rest: adds an order that works at once.
        send: enters an order as if the strategy had sent it.

    Attributes:
        fresh: the ids of the orders that were placed in the current bar.

    Raises:
        ConfigError: a rule is for an asset that cannot be traded.
    """

    __slots__ = (
        "_assets", "_bars", "_book", "_exits", "_ids", "_now", "_open", "_put", "_real",
        "_rest", "_send", "_unshared", "fresh",
    )  # fmt: skip

    def __init__(
        self,
        exits: Exits,
        assets: Mapping[str, Asset],
        book: OrderBook,
        put: Callable[[Order], None],
        rest: Callable[[Order], None],
        send: Callable[[OrderRequest, str | None], Order],
    ) -> None:
        unknown = (exits.assets or frozenset()) - assets.keys()
        if unknown:
            msg = f"there are exits for {', '.join(sorted(unknown))}, which the venue does not list"
            raise ConfigError(msg)
        self._exits = exits
        self._assets = assets
        self._book = book
        self._put = put
        self._rest = rest
        self._send = send
        self._bars: MarketSlice
        self._now: datetime
        self._open: dict[str, _Open] = {}
        # The orders that close whatever is held.
        self._unshared: set[str] = set()
        # Of the current bar: ids of orders that fills would place, and what they became.
        self._ids: dict[tuple[int, OrderRequest], str] = {}
        self._real: dict[str, str] = {}
        self.fresh: set[str] = set()

    @staticmethod
    def of(exits: Exits, *rest: object) -> "PositionExits | None":
        """The exits of a venue; None where there are none."""
        return None if isinstance(exits, NoExits) else PositionExits(exits, *rest)  # type: ignore[arg-type]

    def begin(self, bars: MarketSlice, now: datetime) -> Callable[[str], Order | None]:
        """Start with the bars complete at ``now``.

        Returns:
            What finds a working order by its id, or by the one under which it was foreseen.
        """
        self._bars, self._now = bars, now
        self._ids.clear()
        self._real.clear()
        self.fresh.clear()
        return self._find

    def foreseen(self, order: Order, price: float, before: float, after: float) -> Sequence[Order]:
        """The orders that a fill of ``order`` would place, if it would open a position.

        Their ids stand for the orders that the fill will place.

        Args:
            order: what fills.
            price: at which the market stands.
            before: units held before, negative for short.
            after: units held after it.
        """
        rule = self._exits.rule_for(order.asset) if _opens(before, after) else None
        if rule is None:
            return ()
        foreseen = []
        for place, wanted in enumerate(rule.orders(self._entry(order.asset, after, price))):
            request = self._request(order.asset, after, wanted, 1.0)
            if request is None:
                continue
            number = self._ids.setdefault((place, request), str(_FORESEEN + len(self._ids)))
            size = math.inf if wanted.share is None else wanted.share * abs(after)
            request = attrs.evolve(request, quantity=size)
            group = _group(order, wanted)
            foreseen.append(
                Order(number, request, OrderStatus.ACCEPTED, parent=order.id, group=group)
            )
        return foreseen

    def known(self, stops: Mapping[str, float]) -> dict[str, float]:
        """``stops`` by the ids of the orders that were placed."""
        return {self._real.get(order_id, order_id): stop for order_id, stop in stops.items()}

    def unshared(self, orders: Iterable[Order]) -> list[Order]:
        """``orders``, of which those that close a whole position ask for any quantity."""
        return [
            attrs.evolve(order, request=attrs.evolve(order.request, quantity=math.inf))
            if order.id in self._unshared
            else order
            for order in orders
        ]

    def after_fill(self, order: Order, price: float, before: float, after: float) -> None:
        """Follow a position that a fill of ``order`` changed.

        Args:
            order: what filled.
            price: at which the market stood.
            before: units held before, negative for short.
            after: units held now.
        """
        asset = order.asset
        if before * after <= 0:
            self._forget(asset)
            rule = self._exits.rule_for(asset) if after else None
            if rule is not None:
                entry, size = self._entry(asset, after, price), abs(after)
                opened = _Open(rule, entry, order, self._now, after, price, size)
                self._open[asset] = opened
                self._place(opened)
            return
        position = self._open.get(asset)
        if position is None:
            return
        added = abs(after) - abs(before)
        position.held = after
        if added > 0:
            mean = position.entry.price
            mean += (price - mean) * (added / abs(after))
            position.entry = position.entry._replace(price=mean)
            position.whole += added
            position.is_moved = True
        self._size(position)

    def watch(self, bars: MarketSlice, now: datetime) -> None:
        """A bar has ended and the strategy has acted: move levels, and close what rules close."""
        self.begin(bars, now)
        for position in tuple(self._open.values()):
            bar = bars.get(position.asset)
            if bar is None:
                continue
            position.see(bar, now)
            if position.is_incomplete:
                known = partial(bars.average_range, position.asset)
                position.entry = position.entry._replace(average_range=known)
            if position.is_moved or position.is_incomplete:
                self._place(position)
            if position.closing is None or not self._book[position.closing].is_open:
                self._decide(position, ClosedBar(position.entry, position.bars, position.best, bar))

    def _decide(self, position: _Open, moment: ClosedBar) -> None:
        tag = position.rule.decision(moment)
        if not tag:
            return
        wanted = ExitOrder(tag, OrderType.MARKET)
        request = self._request(position.asset, position.held, wanted, abs(position.held))
        assert request is not None  # noqa: S101 - a market order needs no level
        position.closing = self._send(request, None).id
        self._unshared.add(position.closing)

    def _find(self, order_id: str) -> Order | None:
        return self._book.working.get(self._real.get(order_id, order_id))

    def _entry(self, asset: str, held: float, price: float) -> Entry:
        return Entry(1 if held > 0 else -1, price, partial(self._bars.average_range, asset))

    def _forget(self, asset: str) -> None:
        position = self._open.pop(asset, None)
        if position is not None:
            self._unshared.difference_update(position.resting.values())
            self._unshared.discard(position.closing or "")

    def _place(self, position: _Open) -> None:
        """Bring the resting orders to where the rule wants them."""
        position.is_moved = position.is_incomplete = False
        for place, wanted in enumerate(position.rule.orders(position.entry)):
            trails = wanted.order_type is OrderType.TRAILING_STOP
            position.is_incomplete |= wanted.price is None and not trails
            size = self._share(position, wanted)
            request = self._request(position.asset, position.held, wanted, 1.0)
            order_id = position.resting.get(place)
            if order_id is not None:
                self._move(self._book[order_id], request, size)
            elif request is not None and size > 0:
                self._add(position, place, wanted, request, size)

    def _add(
        self,
        position: _Open,
        place: int,
        wanted: ExitOrder,
        key: OrderRequest,
        size: float,
    ) -> None:
        request, opener = attrs.evolve(key, quantity=size), position.opener
        number = str(len(self._book) + 1)
        order = Order(
            number,
            request,
            OrderStatus.ACCEPTED,
            # As the children of a bracket, it is decided on together with what opens the position.
            submitted_at=opener.submitted_at,
            updated_at=self._now,
            parent=opener.id,
            group=_group(opener, wanted),
        )
        if request.order_type is OrderType.TRAILING_STOP:
            order = attrs.evolve(order, trail_stop=trail_stop(request, position.best))
        position.resting[place] = number
        self.fresh.add(number)
        foreseen = self._ids.get((place, key))
        if foreseen is not None:
            self._real[foreseen] = number
        if wanted.share is None:
            self._unshared.add(number)
        self._rest(order)

    def _move(self, order: Order, wanted: OrderRequest | None, size: float) -> None:
        """Bring a resting order to another level and size, unless it has been touched."""
        if not order.is_open:
            return
        if wanted is None:
            reason = "its level is no price any more"
            self._put(order.to(OrderStatus.CANCELLED, self._now, reason))
            return
        request = order.request if order.triggered else wanted
        size = size if order.id not in self._unshared else order.filled_quantity + size
        if size <= order.filled_quantity:
            size = order.quantity
        request = attrs.evolve(request, quantity=size)
        if request != order.request:
            self._put(attrs.evolve(order, request=request, updated_at=self._now))

    def _size(self, position: _Open) -> None:
        """Let the orders that close a whole position close what is held now."""
        for order_id in (*position.resting.values(), position.closing):
            if order_id is None or order_id not in self._unshared:
                continue
            order = self._book[order_id]
            if order.is_open:
                self._move(order, order.request, abs(position.held))

    def _share(self, position: _Open, wanted: ExitOrder) -> float:
        """How much a resting order closes, without sign."""
        if wanted.share is None:
            return abs(position.held)
        lot = self._assets[position.asset].lot_size
        step = lot or (1.0 if position.whole == int(position.whole) else 0.0)
        first = whole_lots(wanted.before * position.whole, step)
        return whole_lots((wanted.before + wanted.share) * position.whole, step) - first

    def _request(
        self, asset: str, held: float, wanted: ExitOrder, quantity: float
    ) -> OrderRequest | None:
        """``wanted`` as a request on the asset's ticks; None where its level is no price."""
        tick, kind = self._assets[asset].tick_size, wanted.order_type
        price = None if wanted.price is None else _on_tick(wanted.price, tick)
        if kind in {OrderType.STOP, OrderType.LIMIT} and (price is None or price <= 0):
            return None
        amount = wanted.trail_amount
        return OrderRequest(
            asset=asset,
            side=OrderSide.SELL if held > 0 else OrderSide.BUY,
            quantity=quantity,
            order_type=kind,
            limit_price=price if kind is OrderType.LIMIT else None,
            stop_price=price if kind is OrderType.STOP else None,
            trail_amount=None if amount is None else max(_on_tick(amount, tick), tick),
            trail_percent=wanted.trail_percent,
            time_in_force=TimeInForce.GTC,
            tag=wanted.tag,
            reduce_only=True,
        )


def _opens(before: float, after: float) -> bool:
    return bool(after) and before * after <= 0


def _group(opener: Order, wanted: ExitOrder) -> str | None:
    """Of the orders that close a whole position only one can; those that close parts all may."""
    return f"exits-of-{opener.id}" if wanted.share is None else None


def _on_tick(price: float, tick: float) -> float:
    return round(price / tick) * tick if tick else price
