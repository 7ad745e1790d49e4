"""What an account may hold and owe: cash and margin accounts, and what happens when money lacks."""

from collections.abc import Callable
from typing import ClassVar, NamedTuple, Protocol

import attrs

from ml4t.core.sizing import whole_lots
from ml4t.simulation.amounts import within
from ml4t.simulation.exposure import Exposure

__all__ = [
    "AccountRules",
    "CashAccount",
    "MarginAccount",
    "RejectOrder",
    "Shortfall",
    "Trade",
    "TrimOrder",
    "Verdict",
]

_TOLERANCE = 1e-9


class Trade(NamedTuple):
    """A fill that is about to happen.

    Attributes:
        signed_quantity: the change of the position.
        price: after slippage, money per unit.
        multiplier: money per point and unit.
        held: the position before.
        step: the lot that a smaller quantity must be a multiple of; 0 for any fraction.
        fee: the fee for a quantity.
    """

    signed_quantity: float
    price: float
    multiplier: float
    held: float
    step: float
    fee: Callable[[float], float]

    @property
    def unit_value(self) -> float:
        """Money that one unit is worth."""
        return self.price * self.multiplier


class Verdict(NamedTuple):
    """How much of a trade the account allows, without sign, and why not all of it."""

    quantity: float
    reason: str = ""


class Shortfall(Protocol):
    """What happens to an order that the account allows only a part of."""

    def settle(self, allowed: float, reason: str) -> Verdict:
        """The verdict where ``allowed`` units would pass."""


@attrs.frozen
class TrimOrder:
    """The part that is allowed fills, the rest of the order is cancelled."""

    def settle(self, allowed: float, reason: str) -> Verdict:
        """As much as is allowed."""
        return Verdict(allowed, reason)


@attrs.frozen
class RejectOrder:
    """Nothing fills, the whole order is rejected."""

    def settle(self, allowed: float, reason: str) -> Verdict:  # noqa: ARG002
        """Nothing."""
        return Verdict(0.0, reason)


class AccountRules(Protocol):
    """Which trades an account allows."""

    @property
    def allows_short(self) -> bool:
        """Whether a position may be negative."""

    def review(self, trade: Trade, cash: float, exposure: Callable[[], Exposure]) -> Verdict:
        """How much of ``trade`` the account allows at this moment.

        Args:
            trade: the fill that is about to happen.
            cash: the money in the account.
            exposure: equity and gross value, worked out only if it is called.
        """


@attrs.frozen
class CashAccount:
    """No borrowed money and no borrowed shares: cash and positions are never negative.

    Attributes:
        shortfall: what happens to an order that the cash or the holding covers only in part.
    """

    allows_short: ClassVar[bool] = False

    shortfall: Shortfall = attrs.field(factory=TrimOrder)

    def review(self, trade: Trade, cash: float, exposure: Callable[[], Exposure]) -> Verdict:  # noqa: ARG002
        """Sales up to what is held, purchases up to what the cash pays for, fee included."""
        wanted = abs(trade.signed_quantity)
        if trade.signed_quantity < 0:
            if wanted <= trade.held * (1 + _TOLERANCE):
                return Verdict(wanted)
            reason = f"a cash account cannot sell short: sells {wanted:g}, holds {trade.held:g}"
            return self.shortfall.settle(max(trade.held, 0.0), reason)
        cost = wanted * trade.unit_value + trade.fee(wanted)
        if cost <= cash:
            return Verdict(wanted)
        reason = f"not enough cash: costs {cost:.2f}, cash is {cash:.2f}"
        return self.shortfall.settle(_paid_by(cash, trade), reason)


def _paid_by(cash: float, trade: Trade) -> float:
    """The largest quantity that ``cash`` surely pays for, fee included."""
    most = max(cash, 0.0) / trade.unit_value
    # The fee of the larger quantity is not below that of the smaller one: the result is safe.
    quantity = (max(cash, 0.0) - trade.fee(most)) / trade.unit_value
    return whole_lots(max(quantity, 0.0), trade.step)


@attrs.frozen
class MarginAccount:
    """Borrowed money and shares against equity.

    A trade that adds to the exposure passes while ``initial_margin`` of all positions' absolute
    value is covered by equity. A trade that reduces a position always passes. Interest, borrow
    fees and margin calls are not charged or made.

    Attributes:
        initial_margin: share of the gross value that equity must cover, 0.5 for twice the equity.
        shortfall: what happens to an order that the margin covers only in part.
    """

    allows_short: ClassVar[bool] = True

    initial_margin: float = attrs.field(default=0.5, validator=within(0.01, 1.0 + _TOLERANCE))
    shortfall: Shortfall = attrs.field(factory=TrimOrder)

    def review(self, trade: Trade, cash: float, exposure: Callable[[], Exposure]) -> Verdict:  # noqa: ARG002
        """Reductions in full, additions up to what the equity covers, fee included."""
        wanted = abs(trade.signed_quantity)
        closing = 0.0
        if trade.held * trade.signed_quantity < 0:
            closing = min(wanted, abs(trade.held))
            if closing == wanted:
                return Verdict(wanted)
        now = exposure()
        spare = (now.equity - trade.fee(wanted)) / self.initial_margin
        spare -= now.gross - closing * trade.unit_value
        needed = (wanted - closing) * trade.unit_value
        if needed <= spare:
            return Verdict(wanted)
        reason = f"not enough margin: adds {needed:.2f} of exposure, {max(spare, 0.0):.2f} is free"
        opening = whole_lots(max(spare, 0.0) / trade.unit_value, trade.step)
        return self.shortfall.settle(closing + opening, reason)
