"""Why a venue refuses an order the moment it arrives."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime

from ml4t.core.assets import Asset
from ml4t.core.capabilities import Capabilities
from ml4t.core.ledger import Ledger
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice
from ml4t.simulation.auctions import AUCTION_TYPES, CLOSE, Auctions, is_for_auction
from ml4t.simulation.lifetimes import Lifetimes
from ml4t.simulation.market import MarketAssumptions
from ml4t.simulation.order_risk import OrderRisk

__all__ = ["OrderChecks"]

_ROUNDING = 1e-9
_ROUNDING_OF_PRICES = 1e-6

# Python 3.11 takes as long to look up a member of an enumeration as to call a function.
_MARKET, _DAY, _BUY = OrderType.MARKET, TimeInForce.DAY, OrderSide.BUY
_IN_AUCTION = AUCTION_TYPES | {OrderType.MARKET, OrderType.LIMIT}


class OrderChecks:
    """The reasons for which the simulated venue refuses orders at once.

    Args:
        assets: the terms of everything that is listed.
        capabilities: what the venue accepts.
        market: the market assumptions, of which the account, the cutoff and the risk limits are
            asked.
        lifetimes: knows whether it can be said which bars hold an auction.
        ledger: cash and positions.
        equity: what the account is worth now.
    """

    __slots__ = (
        "_account",
        "_assets",
        "_capabilities",
        "_cutoff",
        "_equity",
        "_instant",
        "_ledger",
        "_lifetimes",
        "_power",
        "_risk",
        "_shorts",
    )

    def __init__(
        self,
        assets: Mapping[str, Asset],
        capabilities: Capabilities,
        market: MarketAssumptions,
        lifetimes: Lifetimes,
        ledger: Ledger,
        equity: Callable[[], float],
    ) -> None:
        self._assets = assets
        self._capabilities = capabilities
        self._account = market.account
        self._shorts = market.account.allows_short
        self._cutoff = market.cutoff
        self._lifetimes = lifetimes
        self._ledger = ledger
        self._equity = equity
        # Equity costs a pass over all positions: once for each instant is enough.
        self._instant: datetime | None = None
        self._power = 0.0
        self._risk = (
            None
            if market.risk is None
            else OrderRisk(market.risk, assets, lifetimes, ledger, equity)
        )

    def objection(
        self,
        request: OrderRequest,
        now: datetime | None,
        bars: MarketSlice | None,
        replaced: Order | None = None,
    ) -> str | None:
        """Why the venue refuses ``request``, in words; None where it takes it.

        Args:
            request: what was asked.
            now: the instant; None before the first bar.
            bars: the bars known at that instant.
            replaced: the working order that it would change; None for a new one.
        """
        terms = self._assets.get(request.asset)
        if terms is None:
            return f"the venue does not list {request.asset!r}"
        if self._risk is not None:
            objection = self._risk.objection(request, now, bars, replaced)
            if objection is not None:
                return objection
        if (
            request.order_type is _MARKET
            and request.time_in_force is _DAY
            and 0 < request.quantity < math.inf
            and not terms.lot_size
        ):
            # Nothing else can be wrong with most of the orders of a backtest.
            return self._unaffordable(request, terms, now, bars)
        objection = (
            request.fault
            or _off_step(request, terms)
            or (None if request.good_till is None else _too_late(request.good_till, now))
            or self._capabilities.objection(request)
            or (self._out_of_auction(request, now) if is_for_auction(request) else None)
        )
        return objection or self._unaffordable(request, terms, now, bars)

    def _out_of_auction(self, request: OrderRequest, now: datetime | None) -> str | None:
        """Why an order cannot wait for an auction."""
        if request.order_type not in _IN_AUCTION:
            return f"a {request.order_type.name} order cannot wait for an auction"
        if not self._lifetimes.knows_auctions:
            return "which bars open and close a session is not known: give the feed a calendar"
        left = None if now is None else self._lifetimes.until_close(now)
        if left is not None and Auctions.of(request) is CLOSE and self._cutoff.is_too_late(left):
            return f"orders for this close are not taken any more, {left} before it"
        return None

    def _unaffordable(
        self,
        request: OrderRequest,
        terms: Asset,
        now: datetime | None,
        bars: MarketSlice | None,
    ) -> str | None:
        """Why the account could never carry what the order would open."""
        buys = request.side is _BUY
        if request.reduce_only or bars is None or not (buys or self._shorts):
            return None
        price = bars.mark(request.asset) or 0.0
        if buys and request.limit_price is not None:
            price = min(price, request.limit_price)
        value = request.quantity * price * terms.multiplier
        if buys and value <= self._ledger.cash:
            return None
        if self._instant is not now:
            self._instant = now
            self._power = self._account.buying_power(max(self._equity(), 0.0)) * (1 + _ROUNDING)
        if value <= self._power:
            return None
        value -= self._against(request) * price * terms.multiplier
        if value <= self._power:
            return None
        return f"the order is worth {value:.2f}, the account could carry {self._power:.2f} at most"

    def _against(self, request: OrderRequest) -> float:
        """Units that an order takes back before it opens any: held, and asked for by others."""
        held = self._ledger.position(request.asset).quantity
        working = self._lifetimes.book.working_in(request.asset).values()
        waiting = sum(order.remaining for order in working if order.side is not request.side)
        return waiting + max(-held if request.side is _BUY else held, 0.0)


def _too_late(good_till: datetime, now: datetime | None) -> str | None:
    if now is not None and good_till <= now:
        return f"good_till {good_till.isoformat()} has passed"
    return None


def _off_step(request: OrderRequest, terms: Asset) -> str | None:
    """Which number lies between two steps of the asset, in words."""
    if terms.lot_size:
        lots = request.quantity / terms.lot_size
        if abs(lots - round(lots)) > _ROUNDING * max(lots, 1.0):
            return f"quantity {request.quantity:g} is no multiple of lot {terms.lot_size:g}"
    if terms.tick_size and request.order_type is not OrderType.MARKET:
        for name in ("limit_price", "stop_price", "trail_amount"):
            price = getattr(request, name)
            ticks = 0.0 if price is None else price / terms.tick_size
            if abs(ticks - round(ticks)) > _ROUNDING_OF_PRICES:
                return f"{name} {price:g} is no multiple of the tick {terms.tick_size:g}"
    return None
