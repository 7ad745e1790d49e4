"""Rules about one order by itself: its numbers, its asset and its size."""

from typing import ClassVar

import attrs

from ml4t.core.order_requests import OrderSide, OrderType
from ml4t.core.risk.config import bound
from ml4t.core.risk.proposal import Proposal
from ml4t.core.risk.states import TradingState
from ml4t.core.risk.verdicts import Finding

__all__ = [
    "OrderShares",
    "OrderValue",
    "PossibleNumbers",
    "ReduceOnly",
    "Steps",
    "TermsKnown",
    "TradingAllowed",
    "not_known",
]

_ROUNDING = 1e-9
_ROUNDING_OF_PRICES = 1e-6


def not_known(what: str, limit: object, then: str) -> Finding:
    """A fact is missing that a limit needs: no new risk."""
    return Finding("not known", str(limit), f"{what} is not known: {then}")


@attrs.frozen
class TradingAllowed:
    """``REDUCING`` lets only exits pass, ``HALTED`` only those that a person sends by hand."""

    number: ClassVar[int] = 0

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        state = proposal.book.state
        if state is TradingState.ACTIVE:
            return None
        if proposal.reduces and (state is TradingState.REDUCING or proposal.by_human):
            return None
        allowed = (
            "only orders that reduce a position may be sent"
            if state is TradingState.REDUCING
            else "only cancels may be sent until a person re-arms"
        )
        return Finding(state.name, TradingState.ACTIVE.name, f"trading is {state.name}: {allowed}")


@attrs.frozen
class PossibleNumbers:
    """Quantity and prices are positive and finite."""

    number: ClassVar[int] = 1

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        request = proposal.request
        if not isinstance(request.side, OrderSide):
            return Finding(repr(request.side), "BUY or SELL", "side must be said")
        fault = request.fault
        return None if fault is None else Finding(str(request.quantity), "positive", fault)


@attrs.frozen
class TermsKnown:
    """The asset has been resolved to one instrument of the venue."""

    number: ClassVar[int] = 1

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        facts, asset = proposal.facts, proposal.request.asset
        if facts.terms is None:
            return not_known(f"the instrument behind {asset!r}", "one", "ask the venue for it")
        if facts.factor is None and not proposal.reduces:
            rate = f"the rate of {facts.terms.currency} to {proposal.config.currency}"
            return not_known(rate, "a rate", f"no value can be put on {asset}")
        return None


@attrs.frozen
class ReduceOnly:
    """What reduces only, reduces: the venue is not asked to find out."""

    number: ClassVar[int] = 24

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        if not proposal.request.reduce_only or proposal.reduces:
            return None
        held = f"{proposal.facts.quantity:g}"
        reason = (
            f"the order may only reduce, but with the open orders of its side it exceeds the {held}"
            " held: cancel those first"
        )
        return Finding(f"{proposal.request.quantity:g}", held, reason)


@attrs.frozen
class Steps:
    """Quantity and prices are multiples of lot and tick; nothing is rounded."""

    number: ClassVar[int] = 5

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        terms, request = proposal.facts.terms, proposal.request
        if terms is None:
            return None
        if terms.lot_size:
            lots = request.quantity / terms.lot_size
            if abs(lots - round(lots)) > _ROUNDING * max(lots, 1.0):
                reason = f"quantity {request.quantity:g} is no multiple of lot {terms.lot_size:g}"
                return Finding(f"{request.quantity:g}", f"{terms.lot_size:g}", reason)
        if not terms.tick_size or request.order_type is OrderType.MARKET:
            return None
        for name in ("limit_price", "stop_price", "trail_amount"):
            price = getattr(request, name)
            ticks = 0.0 if price is None else price / terms.tick_size
            if abs(ticks - round(ticks)) > _ROUNDING_OF_PRICES:
                reason = f"{name} {price:g} is no multiple of the tick {terms.tick_size:g}"
                return Finding(f"{price:g}", f"{terms.tick_size:g}", reason)
        return None


@attrs.frozen
class OrderShares:
    """One order asks for no more than so many units."""

    number: ClassVar[int] = 2

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        limit, quantity = bound(proposal.config.max_order_shares), proposal.request.quantity
        if quantity <= limit or proposal.by_human:
            return None
        reason = f"quantity {quantity:g} exceeds max_order_shares {limit:g}"
        return Finding(f"{quantity:g}", f"{limit:g}", reason)


@attrs.frozen
class OrderValue:
    """One order is worth no more than so much at the worst price it may fill at."""

    number: ClassVar[int] = 3

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        limit, value = bound(proposal.config.max_order_value), proposal.value
        if limit == float("inf") or proposal.by_human:
            return None
        if value is None or (proposal.reference is None and not proposal.reduces):
            if proposal.reduces:
                return None
            price = f"a fresh price of {proposal.request.asset}"
            return not_known(price, f"{limit:g}", "the order cannot be valued")
        if value <= limit:
            return None
        reason = f"the order is worth {value:.2f}, max_order_value is {limit:g}"
        return Finding(f"{value:.2f}", f"{limit:g}", reason)
