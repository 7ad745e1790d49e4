"""Rules about what may be held of one asset."""

from typing import ClassVar

import attrs

from ml4t.core.risk.config import bound
from ml4t.core.risk.order_rules import not_known
from ml4t.core.risk.proposal import Proposal
from ml4t.core.risk.verdicts import Finding

__all__ = [
    "AllowedAssets",
    "PositionCount",
    "PositionShares",
    "PositionValue",
    "Quarantine",
    "Restrictions",
    "Reversal",
    "ShortSales",
]

_INF = float("inf")
_NEAR = 1 + 1e-9


@attrs.frozen
class PositionShares:
    """No position exceeds so many units, if every open order of one side filled."""

    number: ClassVar[int] = 6

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        limit, size = bound(proposal.config.max_position_shares), proposal.worst.size
        if proposal.reduces or size <= limit * _NEAR:
            return None
        reason = (
            f"the position could become {size:g} with all open orders, "
            f"max_position_shares is {limit:g}"
        )
        return Finding(f"{size:g}", f"{limit:g}", reason)


@attrs.frozen
class PositionValue:
    """No position is worth more than so much, if every open order of one side filled."""

    number: ClassVar[int] = 6

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        limit = bound(proposal.config.max_position_value)
        if proposal.reduces or limit == _INF:
            return None
        mark, factor = proposal.facts.mark, proposal.facts.factor
        if mark is None or factor is None:
            price = f"the price of {proposal.request.asset}"
            return not_known(price, f"{limit:g}", "the position cannot be valued")
        value = proposal.worst.size * mark * factor
        if value <= limit * _NEAR:
            return None
        reason = (
            f"the position could be worth {value:.2f} with all open orders, "
            f"max_position_value is {limit:g}"
        )
        return Finding(f"{value:.2f}", f"{limit:g}", reason)


@attrs.frozen
class AllowedAssets:
    """Only what is on the list is bought or sold short."""

    number: ClassVar[int] = 8

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        allowed, asset = proposal.config.allowed_assets, proposal.request.asset
        if not isinstance(allowed, frozenset) or asset in allowed or proposal.reduces:
            return None
        return Finding(asset, "allowed_assets", f"{asset} is not among allowed_assets")


@attrs.frozen
class PositionCount:
    """No more than so many assets are held; one with an open order counts as held."""

    number: ClassVar[int] = 8

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        limit, count = bound(proposal.config.max_positions), proposal.book.active_assets + 1
        if proposal.reduces or proposal.facts.is_active or count <= limit:
            return None
        reason = f"{count} assets would be held or ordered, max_positions is {limit:g}"
        return Finding(str(count), f"{limit:g}", reason)


@attrs.frozen
class Restrictions:
    """What is restricted may be sold off, unless it is restricted for exits, too."""

    number: ClassVar[int] = 21

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        facts, config, asset = proposal.facts, proposal.config, proposal.request.asset
        listed = asset in config.restricted_assets
        if not listed and not facts.restriction:
            return None
        is_hard = (listed and config.restricted_hard) or facts.is_hard
        if proposal.reduces and not is_hard:
            return None
        why = facts.restriction or "it is among restricted_assets"
        allowed = "nothing" if is_hard else "exits"
        return Finding(asset, allowed, f"{asset} is restricted: {why}")


@attrs.frozen
class Quarantine:
    """What came with bars that cannot be believed gets no new risk until it is released."""

    number: ClassVar[int] = 17

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        why, asset = proposal.facts.quarantine, proposal.request.asset
        if not why or proposal.reduces:
            return None
        return Finding(asset, "exits", f"the data of {asset} is not believed: {why}")


@attrs.frozen
class ShortSales:
    """No sale can make a position negative, unless that is allowed and the venue lends."""

    number: ClassVar[int] = 23

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        short, asset = proposal.worst.short, proposal.request.asset
        if proposal.is_buy or proposal.reduces or short >= 0:
            return None
        if not proposal.config.allow_short:
            reason = f"{asset} could become {short:g} with all open orders, allow_short is off"
            return Finding(f"{short:g}", "0", reason)
        shortable = proposal.facts.is_shortable
        if shortable:
            return None
        found = "not known" if shortable is None else "no"
        return Finding(found, "yes", f"whether {asset} can be borrowed: {found}")


@attrs.frozen
class Reversal:
    """No order takes a position through zero: it is closed first, and opened when that filled."""

    number: ClassVar[int] = 24

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        held, worst = proposal.facts.quantity, proposal.worst
        after = worst.long if proposal.is_buy else worst.short
        if not held * after < 0 or (held > 0) == proposal.is_buy or proposal.reduces:
            return None
        then = (
            "send two orders, the second when the first has filled (see split_flip)"
            if proposal.config.allow_flip
            else "close the position first"
        )
        reason = f"the position could go from {held:g} to {after:g} with all open orders: {then}"
        return Finding(f"{after:g}", "0", reason)
