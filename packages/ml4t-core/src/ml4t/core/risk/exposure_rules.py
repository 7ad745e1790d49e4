"""Rules about the account as a whole, if every open order filled."""

from typing import ClassVar

import attrs

from ml4t.core.risk.config import bound
from ml4t.core.risk.order_rules import not_known
from ml4t.core.risk.proposal import Proposal
from ml4t.core.risk.totals import Share
from ml4t.core.risk.verdicts import Finding

__all__ = ["BuyingPower", "CumulativeValue", "Exposure"]

_INF = float("inf")
_NEAR = 1 + 1e-9
_NO_SHARE = Share(0.0, 0.0, 0.0, 0.0)


@attrs.frozen
class Exposure:
    """Total, net and relative exposure stay within their limits, at the last prices."""

    number: ClassVar[int] = 7

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        config = proposal.config
        most, net = bound(config.max_total_exposure), bound(config.max_net_exposure)
        leverage = bound(config.max_leverage)
        if proposal.reduces or most == net == leverage == _INF:
            return None
        share = _share_after(proposal)
        if share is None:
            unknown = sorted({proposal.request.asset, *proposal.book.totals.unvalued})
            what = f"the value of {', '.join(unknown[:3])}"
            return not_known(what, f"{most:g}", "the exposure cannot be said")
        totals, old = proposal.book.totals, proposal.book.totals.of(proposal.request.asset)
        old = old or _NO_SHARE
        gross = totals.gross - old.gross + share.gross
        if not gross <= most * _NEAR:
            return _exceeds("total exposure", gross, "max_total_exposure", most)
        widest = max(totals.high - old.high + share.high, -(totals.low - old.low + share.low))
        if not widest <= net * _NEAR:
            return _exceeds("net exposure", widest, "max_net_exposure", net)
        return None if leverage == _INF else _over_leverage(proposal, gross, leverage)


def _share_after(proposal: Proposal) -> Share | None:
    """What the asset would add to the sums; None where a value is not known."""
    facts = proposal.facts
    if facts.mark is None or facts.factor is None or proposal.book.totals.unvalued:
        return None
    point = facts.mark * facts.factor
    high, low = proposal.worst.long * point, proposal.worst.short * point
    return Share(max(abs(high), abs(low)), high, low, 0.0)


def _exceeds(what: str, value: float, field: str, limit: float) -> Finding:
    reason = f"{what} could become {value:.2f} with all open orders, {field} is {limit:g}"
    return Finding(f"{value:.2f}", f"{limit:g}", reason)


def _over_leverage(proposal: Proposal, gross: float, limit: float) -> Finding | None:
    account, config = proposal.book.account, proposal.config
    age = account.age(proposal.moment.monotonic)
    if account.equity is None or not age <= bound(config.max_account_age_seconds):
        return not_known("equity", f"{limit:g}", "leverage cannot be said")
    if account.equity > 0 and gross <= limit * account.equity * _NEAR:
        return None
    value = gross / account.equity if account.equity > 0 else _INF
    return _exceeds("leverage", value, "max_leverage", limit)


@attrs.frozen
class BuyingPower:
    """The account can pay for the order and all others that are open."""

    number: ClassVar[int] = 25

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        config, book = proposal.config, proposal.book
        if proposal.reduces or not config.check_buying_power:
            return None
        account = book.account
        power = account.cash if account.buying_power is None else account.buying_power
        age = account.age(proposal.moment.monotonic)
        limit = bound(config.max_account_age_seconds)
        if power is None or not age <= limit:
            return not_known(f"what the account can pay for, {limit:g} s old or newer,", "", "wait")
        facts = proposal.facts
        before = facts.reservation(config.market_buffer)
        after = facts.reservation(config.market_buffer, proposal.pending)
        if after is None or before is None or book.totals.unreserved:
            return not_known("what the open orders cost", f"{power:.2f}", "an asset has no price")
        left = power - account.spent - book.totals.reserved
        need = after - before
        if need <= left + 1e-9 * abs(power):
            return None
        reason = f"the order may cost {need:.2f}, the account has {left:.2f} left"
        return Finding(f"{need:.2f}", f"{left:.2f}", reason)


@attrs.frozen
class CumulativeValue:
    """The orders of one call, and those of an hour, together open no more than so much."""

    number: ClassVar[int] = 3

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        config = proposal.config
        call, hour = bound(config.max_call_value), bound(config.max_hourly_value)
        if proposal.reduces or call == hour == _INF:
            return None
        if proposal.value is None:
            price = f"a fresh price of {proposal.request.asset}"
            return not_known(price, f"{min(call, hour):g}", "the order cannot be valued")
        in_call = proposal.placement.value_ahead + proposal.value
        if not in_call <= call * _NEAR:
            reason = f"the orders of this call are worth {in_call:.2f}, max_call_value is {call:g}"
            return Finding(f"{in_call:.2f}", f"{call:g}", reason)
        in_hour = proposal.book.activity.value.total(proposal.moment.monotonic) + in_call
        if not in_hour <= hour * _NEAR:
            reason = f"the orders of an hour are worth {in_hour:.2f}, max_hourly_value is {hour:g}"
            return Finding(f"{in_hour:.2f}", f"{hour:g}", reason)
        return None
