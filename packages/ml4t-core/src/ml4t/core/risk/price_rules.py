"""Rules about the prices of an order against the market."""

from typing import ClassVar

import attrs

from ml4t.core.order_requests import OrderRequest, OrderType
from ml4t.core.orders import Order
from ml4t.core.risk.config import bound
from ml4t.core.risk.order_rules import not_known
from ml4t.core.risk.proposal import Proposal
from ml4t.core.risk.verdicts import Finding

__all__ = ["Collar", "FreshPrice", "SelfTradePrevention", "Spread", "market_as_limit"]

_TOUCHED = frozenset({OrderType.MARKET_IF_TOUCHED, OrderType.LIMIT_IF_TOUCHED})
_STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
_INF = float("inf")


@attrs.frozen
class FreshPrice:
    """New risk needs a price that is not older than the limit."""

    number: ClassVar[int] = 16

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        if proposal.reference is not None or proposal.reduces:
            return None
        asset, limit = proposal.request.asset, proposal.config.staleness_seconds
        quote = proposal.facts.quote
        if quote is None or quote.reference is None:
            return not_known(f"the price of {asset}", f"{limit:g}", "no new risk without one")
        age = proposal.moment.monotonic - quote.at
        reason = f"the price of {asset} is {age:.1f} s old, {limit:g} s are allowed"
        return Finding(f"{age:.1f}", f"{limit:g}", reason)


@attrs.frozen
class Spread:
    """A market order does not leave into a wide market."""

    number: ClassVar[int] = 4

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        quote, limit = proposal.facts.quote, bound(proposal.config.max_spread_pct)
        if proposal.request.order_type is not OrderType.MARKET or quote is None or limit == _INF:
            return None
        if proposal.reduces and (proposal.by_human or proposal.reference is None):
            return None
        spread = quote.spread_pct
        if spread is None or spread <= limit:
            return None
        reason = f"the spread is {spread:.2f}%, max_spread_pct is {limit:g}: send a limit order"
        return Finding(f"{spread:.2f}", f"{limit:g}", reason)


@attrs.frozen
class Collar:
    """No price is far from the market, on the marketable side least of all."""

    number: ClassVar[int] = 4

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        request, reference = proposal.request, proposal.reference
        config = proposal.config
        near, far = bound(config.max_price_deviation_pct), bound(config.far_limit_pct)
        if near == far == _INF:
            return None
        if reference is None:
            if proposal.reduces:
                return None
            price = f"a fresh price of {request.asset}"
            return not_known(price, f"{near:g}%", "the order cannot be judged")
        if request.order_type is OrderType.MARKET:
            return None
        for name, beyond in _deviations(request, reference):
            allowed = near if beyond > 0 else far
            if abs(beyond) <= allowed * (1 + 1e-12):
                continue
            side, field = (
                ("through the market", "max_price_deviation_pct")
                if beyond > 0
                else ("away from the market", "far_limit_pct")
            )
            reason = (
                f"{name} lies {abs(beyond):.2f}% {side} of {reference:g}, {field} is {allowed:g}"
            )
            return Finding(f"{abs(beyond):.2f}", f"{allowed:g}", reason)
        return None


def _deviations(request: OrderRequest, reference: float) -> list[tuple[str, float]]:
    """How far each price lies from its reference in percent, positive where it fills at once."""
    sign, kind = request.side.sign, request.order_type
    limit, stop = request.limit_price, request.stop_price
    found = []
    if stop is not None:
        # A buy stop waits above the market, a touch below; on the other side both fill at once.
        at_once = sign if kind in _TOUCHED else -sign
        found.append(("stop_price", 100.0 * at_once * (stop / reference - 1)))
    if limit is not None:
        found.append(("limit_price", 100.0 * sign * (limit / (stop or reference) - 1)))
    if request.trail_percent is not None:
        found.append(("trail_percent", -request.trail_percent))
    if request.trail_amount is not None:
        found.append(("trail_amount", -100.0 * request.trail_amount / reference))
    return found


def market_as_limit(proposal: Proposal) -> OrderRequest:
    """The request, or the limit order at the edge of the collar that takes its place.

    The limit is rounded to the tick towards the market. An exit without a fresh price stays a
    market order.
    """
    request, reference, config = proposal.request, proposal.reference, proposal.config
    if (
        not config.market_as_limit
        or request.order_type is not OrderType.MARKET
        or reference is None
    ):
        return request
    sign, terms = request.side.sign, proposal.facts.terms
    price = reference * (1 + sign * bound(config.max_price_deviation_pct) / 100)
    tick = 0.0 if terms is None else terms.tick_size
    if tick:
        ticks = price / tick
        nearest = round(ticks)
        whole = nearest if abs(ticks - nearest) < 1e-9 else ticks // 1 + (sign < 0)  # noqa: PLR2004
        price = round(whole * tick, 10)
    return attrs.evolve(request, order_type=OrderType.LIMIT, limit_price=price)


@attrs.frozen
class SelfTradePrevention:
    """An order that could meet another of its own account is not sent."""

    number: ClassVar[int] = 20

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        conflicts = self.conflicts(proposal)
        if not conflicts or proposal.by_human:
            return None
        ids = ", ".join(conflicts)
        reason = f"the order could trade against {ids} of this account: cancel that first"
        return Finding(ids, "none", reason, conflicts=conflicts)

    @staticmethod
    def conflicts(proposal: Proposal) -> tuple[str, ...]:
        """The open orders that it could meet, those of unknown fate and of others too."""
        facts, request, place = proposal.facts, proposal.request, proposal.placement
        if place.is_child or not (facts.buy_count if not proposal.is_buy else facts.sell_count):
            return ()
        collar = bound(proposal.config.max_price_deviation_pct) / 100
        family = {place.group, place.parent} - {None}
        new = (request, None)
        return tuple(
            name
            for name, entry in facts.orders.items()
            if entry.order.side is not request.side
            and name not in {proposal.own_id, place.parent}
            and not family & {entry.order.group, entry.order.parent}
            and _could_meet(new, (entry.order.request, entry.order), proposal.reference, collar)
        )


_Side = tuple[OrderRequest, Order | None]


def _could_meet(one: _Side, other: _Side, reference: float | None, collar: float) -> bool:
    """Whether a buy and a sell could trade with each other.

    An order without a limit reaches as far through the market as the collar is wide. A stop that
    waits meets only what rests where it would trade; two stops that wait cannot both be reached.
    """
    if _is_asleep(one[1]) or _is_asleep(other[1]):
        return False
    waits = [_waits(*one), _waits(*other)]
    if all(waits):
        return False
    buy, sell = (one[0], other[0]) if one[0].side.sign > 0 else (other[0], one[0])
    if any(waits):
        stopped = one if waits[0] else other
        resting = (other if waits[0] else one)[0].limit_price
        return _stop_meets(stopped, resting, collar)
    return _reach(buy, reference, collar) >= _reach(sell, reference, collar)


def _is_asleep(order: Order | None) -> bool:
    return order is not None and order.status.value == "held"


def _waits(request: OrderRequest, order: Order | None) -> bool:
    return request.order_type in _STOPS and not (order is not None and order.triggered)


def _stop_meets(stopped: _Side, resting: float | None, collar: float) -> bool:
    """Whether a stop, once reached, could trade with a limit order that rests until then."""
    request, order = stopped
    stop = request.stop_price if order is None else order.trail_stop or request.stop_price
    if resting is None or stop is None:
        # What has no limit fills before the stop is reached.
        return False
    sign = request.side.sign
    end = request.limit_price or stop * (1 + sign * collar)
    return sign * (resting - stop) >= 0 and sign * (resting - end) <= 0


def _reach(request: OrderRequest, reference: float | None, collar: float) -> float:
    """The worst price at which it could trade; endless where that cannot be said."""
    sign = request.side.sign
    if request.limit_price is not None:
        return request.limit_price
    at = request.stop_price or reference
    return sign * _INF if at is None or collar == _INF else at * (1 + sign * collar)
