"""Why a venue refuses an order the moment it arrives."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime

from ml4t.core.assets import Asset
from ml4t.core.capabilities import Capabilities
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType
from ml4t.simulation.accounts import AccountRules
from ml4t.simulation.auctions import is_for_auction

__all__ = ["OrderChecks"]

_ROUNDING = 1e-9
_ROUNDING_OF_PRICES = 1e-6


class OrderChecks:
    """The reasons for which the simulated venue refuses orders at once.

    Args:
        assets: the terms of everything that is listed.
        capabilities: what the venue accepts.
        account: what the account may hold and owe.
        cash: the money in the account now.
        held: units held of an asset now, negative for short.
        equity: what the account is worth now.
    """

    __slots__ = ("_account", "_assets", "_capabilities", "_cash", "_equity", "_held", "_worth")

    def __init__(
        self,
        assets: Mapping[str, Asset],
        capabilities: Capabilities,
        account: AccountRules,
        cash: Callable[[], float],
        held: Callable[[str], float],
        equity: Callable[[], float],
    ) -> None:
        self._assets = assets
        self._capabilities = capabilities
        self._account = account
        self._cash = cash
        self._held = held
        self._equity = equity
        # Equity costs a pass over all positions: once for each instant is enough.
        self._worth: tuple[datetime | None, float] = (None, 0.0)

    def objection(
        self,
        request: OrderRequest,
        now: datetime | None,
        mark: Callable[[str], float | None] | None,
        *,
        knows_auctions: bool,
    ) -> str | None:
        """Why the venue refuses ``request``, in words; None where it takes it.

        Args:
            request: what was asked.
            now: the instant; None before the first bar.
            mark: the last known price of an asset; None before the first bar.
            knows_auctions: whether it is known which bars open and close a session.
        """
        terms = self._assets.get(request.asset)
        if terms is None:
            return f"the venue does not list {request.asset!r}"
        objection = (
            request.fault
            or _off_step(request, terms)
            or (None if request.good_till is None else _too_late(request.good_till, now))
            or self._capabilities.objection(request)
        )
        if objection is None and not knows_auctions and is_for_auction(request):
            return "which bars open and close a session is not known: give the feed a calendar"
        if objection is not None or mark is None or request.reduce_only:
            return objection
        return self._unaffordable(request, terms, now, mark(request.asset))

    def _unaffordable(
        self, request: OrderRequest, terms: Asset, now: datetime | None, price: float | None
    ) -> str | None:
        """Why the account could never carry what the order would open."""
        buys = request.side is OrderSide.BUY
        if price is None or not (buys or self._account.allows_short):
            return None
        if buys and request.limit_price is not None:
            price = min(price, request.limit_price)
        value = request.quantity * price * terms.multiplier
        if buys and value <= self._cash():
            return None
        held = self._held(request.asset)
        if held and (held < 0) == buys:
            value -= abs(held) * price * terms.multiplier
        if value <= 0:
            return None
        if self._worth[0] is not now or now is None:
            self._worth = (now, self._equity())
        power = self._account.buying_power(max(self._worth[1], 0.0))
        if value <= power * (1 + _ROUNDING) or math.isnan(value):
            return None
        return f"the order is worth {value:.2f}, the account could carry {power:.2f} at most"


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
