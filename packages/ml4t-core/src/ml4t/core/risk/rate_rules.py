"""Rules about how many orders and messages there are."""

from typing import ClassVar

import attrs

from ml4t.core.risk.book import RiskBook
from ml4t.core.risk.config import bound
from ml4t.core.risk.judgements import judge_rejects, judge_repeats, judge_round_trips, judge_unknown
from ml4t.core.risk.proposal import Proposal
from ml4t.core.risk.verdicts import Breach, Finding

__all__ = [
    "Duplicates",
    "MessageRate",
    "OrderRate",
    "Repeats",
    "UnknownOrders",
    "WorkingOrders",
    "cancel_finding",
]

_KEPT_FOR_CANCELS = 0.25
_NEAR = 1e-9


@attrs.frozen
class WorkingOrders:
    """No more than so many orders are open, of one asset and side and in all."""

    number: ClassVar[int] = 9

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        if proposal.is_counted or proposal.by_human:
            return None
        facts, config, place = proposal.facts, proposal.config, proposal.placement
        total = proposal.book.working_orders + place.orders_ahead + 1
        of_side = facts.buy_count if proposal.is_buy else facts.sell_count
        of_side += place.orders_ahead_of_side + 1
        for what, count, field, limit in (
            ("orders", total, "max_working_orders", config.max_working_orders),
            (
                f"{proposal.request.side.name} orders of {proposal.request.asset}",
                of_side,
                "max_working_orders_per_side",
                config.max_working_orders_per_side,
            ),
        ):
            if not count <= bound(limit):
                reason = f"{count} {what} would be open, {field} is {bound(limit):g}"
                return Finding(str(count), f"{bound(limit):g}", reason)
        return None


@attrs.frozen
class OrderRate:
    """No more than so many orders leave in a minute; refused ones do not count."""

    number: ClassVar[int] = 10

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        bucket, now = proposal.book.activity.orders, proposal.moment.monotonic
        level = bucket.level(now) - proposal.placement.orders_ahead
        if level >= 1 - _NEAR or proposal.by_human:
            return None
        reason = f"max_orders_per_minute is {bucket.capacity:g}: the order is refused, not delayed"
        return Finding(f"{level:.2f} left", f"{bucket.capacity:g}", reason)


@attrs.frozen
class MessageRate:
    """No more than so many messages leave in a second; a quarter is kept for cancels."""

    number: ClassVar[int] = 11

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        kept = 0.0 if proposal.by_human else _KEPT_FOR_CANCELS
        ahead = proposal.placement.orders_ahead
        return _too_many(proposal.book, proposal.moment.monotonic, ahead, kept)


def cancel_finding(book: RiskBook, now: float) -> Finding | None:
    """Why a cancel is refused; None where it is not."""
    return _too_many(book, now, 0, 0.0)


def _too_many(book: RiskBook, now: float, ahead: int, kept: float) -> Finding | None:
    bucket = book.activity.messages
    if bucket.capacity == float("inf"):
        return None
    level = bucket.level(now) - ahead
    if level >= 1 + kept * bucket.capacity - _NEAR:
        return None
    reason = f"max_messages_per_second is {bucket.capacity:g}, of which a quarter is for cancels"
    return Finding(f"{level:.2f} left", f"{bucket.capacity:g}", reason)


@attrs.frozen
class Duplicates:
    """The same order is not sent twice within the window, however the first one went."""

    number: ClassVar[int] = 12

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        if proposal.replaced is not None:
            return None
        last = proposal.book.activity.last_sent(proposal.request)
        if last is None:
            return None
        window, age = proposal.config.dedup_window_seconds, proposal.moment.monotonic - last
        if age >= window:
            return None
        reason = f"the same order was sent {age:.3f} s ago, dedup_window_seconds is {window:g}"
        return Finding(f"{age:.3f}", f"{window:g}", reason)


@attrs.frozen
class Repeats:
    """A strategy that sends the same again and again, or is refused again and again, is halted."""

    number: ClassVar[int] = 13

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        if proposal.replaced is not None or proposal.by_human:
            return None
        config, activity = proposal.config, proposal.book.activity
        request, now = proposal.request, proposal.moment.monotonic
        repeats = activity.repeats(request.asset, request.side, now)
        breach = (
            judge_repeats(f"{request.side.name} {request.asset}", repeats + 1, config)
            or judge_rejects(activity.rejects, config)
            or judge_round_trips(activity.round_trips.count(now), config)
        )
        return None if breach is None else _finding(breach)


@attrs.frozen
class UnknownOrders:
    """While nobody knows what became of too many orders, nothing is added."""

    number: ClassVar[int] = 27

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        if proposal.reduces:
            return None
        facts, book = proposal.facts, proposal.book
        breach = judge_unknown(
            proposal.config, book.unknown_orders, facts.unknown_count, facts.symbol
        )
        return None if breach is None else _finding(breach)


def _finding(breach: Breach) -> Finding:
    return Finding(breach.reason, breach.state.name, breach.reason, breach)
