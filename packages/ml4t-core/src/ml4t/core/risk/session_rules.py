"""Rules about the time of day."""

from datetime import datetime
from typing import ClassVar

import attrs

from ml4t.core.order_requests import OrderType, TimeInForce
from ml4t.core.risk.order_rules import not_known
from ml4t.core.risk.proposal import Proposal
from ml4t.core.risk.verdicts import Finding

__all__ = ["Auctions", "Blackouts", "Hours"]


@attrs.frozen
class Blackouts:
    """Nothing leaves while the venue restarts or the asset is halted."""

    number: ClassVar[int] = 22

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        facts, moment = proposal.facts, proposal.moment
        if facts.halt:
            return Finding(facts.symbol, "trading", f"{facts.symbol} is halted: {facts.halt}")
        if moment.blackout:
            return Finding(moment.blackout, "none", f"nothing is sent now: {moment.blackout}")
        for window in proposal.config.blackouts:
            if window.holds(moment.instant):
                reason = f"nothing is sent in the window {window} and a minute around it"
                return Finding(moment.instant.isoformat(), str(window), reason)
        return None


@attrs.frozen
class Hours:
    """Orders leave in regular hours; those for the next opening may leave before it."""

    number: ClassVar[int] = 22

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        moment = proposal.moment
        if not proposal.config.regular_hours_only or (moment.is_regular and moment.session):
            return None
        if _is_for_open(proposal):
            return None
        what = "the market is closed" if moment.session is None else "these are no regular hours"
        reason = f"{what} and regular_hours_only is on"
        return Finding(moment.instant.isoformat(), "regular hours", reason)


@attrs.frozen
class Auctions:
    """Orders for an auction leave before the venue stops taking them."""

    number: ClassVar[int] = 22

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        moment, config = proposal.moment, proposal.config
        if _is_for_close(proposal):
            closes = None if moment.session is None else moment.session.closes
            return _too_late("close", closes, moment.instant, config.moc_cutoff_seconds)
        # In regular hours the opening meant is that of another day.
        if _is_for_open(proposal) and not moment.is_regular:
            opens = moment.next_opens
            return _too_late("opening", opens, moment.instant, config.moo_cutoff_seconds)
        return None


def _too_late(what: str, auction: datetime | None, now: datetime, cutoff: float) -> Finding | None:
    if auction is None:
        return not_known(f"when the next {what} is", f"{cutoff:g}", "the order may come too late")
    left = (auction - now).total_seconds()
    if left >= cutoff:
        return None
    reason = f"the {what} is {left:.0f} s away, its orders must leave {cutoff:g} s before"
    return Finding(f"{left:.0f}", f"{cutoff:g}", reason)


def _is_for_open(proposal: Proposal) -> bool:
    request = proposal.request
    return (
        request.order_type is OrderType.MARKET_ON_OPEN or request.time_in_force is TimeInForce.OPG
    )


def _is_for_close(proposal: Proposal) -> bool:
    request = proposal.request
    return (
        request.order_type is OrderType.MARKET_ON_CLOSE or request.time_in_force is TimeInForce.CLS
    )
