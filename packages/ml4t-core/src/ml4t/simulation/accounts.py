"""What an account may hold and owe: cash and margin accounts, and what happens when money lacks."""

import math
from collections.abc import Callable
from typing import ClassVar, NamedTuple, Protocol

import attrs

from ml4t.core.assets import Asset
from ml4t.core.orders import Order
from ml4t.core.sizing import whole_lots
from ml4t.simulation.amounts import within
from ml4t.simulation.commission import Commission
from ml4t.simulation.exposure import Exposure

__all__ = [
    "AccountRules",
    "CashAccount",
    "MarginAccount",
    "RejectOrder",
    "Shortfall",
    "Trade",
    "TrimOrder",
    "UncheckedAccount",
    "Verdict",
]

_TOLERANCE = 1e-9
_STEPS = 8
_ROUNDING = 1e-13


class Trade(NamedTuple):
    """A fill that is about to happen.

    Attributes:
        signed_quantity: the change of the position.
        price: after slippage, money per unit.
        terms: of the asset.
        held: the position before.
        fee: what the whole of it costs.
        commission: what smaller quantities cost.
        order: the order as it was before.
    """

    signed_quantity: float
    price: float
    terms: Asset
    held: float
    fee: float
    commission: Commission
    order: Order | None = None

    @property
    def unit_value(self) -> float:
        """Money that one unit is worth."""
        return self.price * self.terms.multiplier

    @property
    def step(self) -> float:
        """The lot that a smaller quantity must be a multiple of; 0 for any fraction."""
        whole = self.signed_quantity == int(self.signed_quantity)
        return self.terms.lot_size or (1.0 if whole else 0.0)

    def fee_of(self, quantity: float) -> float:
        """What a smaller quantity costs."""
        return self.commission.fee(quantity, self.price, self.terms.multiplier, self.order)


class Verdict(NamedTuple):
    """How much less of a trade the account allows, without sign, and why not all of it."""

    quantity: float
    reason: str


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

    @property
    def previews(self) -> bool:
        """Whether new orders are taken together and asked for their cash before the next bar."""

    def buying_power(self, equity: float) -> float:
        """The greatest value of positions, in money, that ``equity`` could ever carry."""

    def review(self, trade: Trade, cash: float, exposure: Callable[[], Exposure]) -> Verdict | None:
        """Whether the account allows ``trade`` at this moment: None, or how much less and why.

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
    previews: ClassVar[bool] = False

    shortfall: Shortfall = attrs.field(factory=TrimOrder)

    def buying_power(self, equity: float) -> float:
        """The equity itself."""
        return equity

    def review(
        self,
        trade: Trade,
        cash: float,
        exposure: Callable[[], Exposure],  # noqa: ARG002
    ) -> Verdict | None:
        """Sales up to what is held, purchases up to what the cash pays for, fee included."""
        wanted = trade.signed_quantity
        if wanted < 0:
            return self._review_sale(trade, cash)
        cost = wanted * trade.unit_value + trade.fee
        if cost <= cash * (1 + _TOLERANCE):
            return None
        reason = f"not enough cash: costs {cost:.2f}, cash is {cash:.2f}"
        return self.shortfall.settle(_paid_by(cash, trade), reason)

    def _review_sale(self, trade: Trade, cash: float) -> Verdict | None:
        quantity, fee, verdict = -trade.signed_quantity, trade.fee, None
        if quantity > trade.held * (1 + _TOLERANCE):
            reason = f"a cash account cannot sell short: sells {quantity:g}, holds {trade.held:g}"
            verdict = self.shortfall.settle(max(trade.held, 0.0), reason)
            quantity = verdict.quantity
            fee = trade.fee_of(quantity) if quantity else 0.0
        if quantity and quantity * trade.unit_value + cash < fee:
            return Verdict(0.0, f"the fee of {fee:.2f} exceeds proceeds and cash")
        return verdict


def _paid_by(cash: float, trade: Trade) -> float:
    """The largest quantity that ``cash`` surely pays for, fee included."""
    cash = max(cash, 0.0)
    paid = 0.0
    quantity = cash / trade.unit_value
    for _ in range(_STEPS):
        # The fee of too large a quantity leaves too small a one, which is safe, and the other way
        # round; with a fee that grows by a share both close in on what the cash just pays for.
        quantity = max((cash - trade.fee_of(quantity)) / trade.unit_value, 0.0)
        safe = quantity * (1 - _ROUNDING)
        if safe * trade.unit_value + trade.fee_of(safe) <= cash:
            paid = max(paid, safe)
    # A whole number of lots must not be lost to the rounding above.
    return whole_lots(paid / (1 - _ROUNDING), trade.step) if trade.step else paid


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
    previews: ClassVar[bool] = False

    initial_margin: float = attrs.field(default=0.5, validator=within(0.01, 1.0 + _TOLERANCE))
    shortfall: Shortfall = attrs.field(factory=TrimOrder)

    def buying_power(self, equity: float) -> float:
        """The equity over the margin that positions need."""
        return equity / self.initial_margin

    def review(
        self,
        trade: Trade,
        cash: float,  # noqa: ARG002
        exposure: Callable[[], Exposure],
    ) -> Verdict | None:
        """Reductions in full, additions up to what the equity covers, fee included."""
        wanted = abs(trade.signed_quantity)
        closing = 0.0
        if trade.held * trade.signed_quantity < 0:
            closing = abs(trade.held)
            if wanted <= closing:
                return None
        now = exposure()
        unit_value = trade.unit_value
        spare = (now.equity - trade.fee) / self.initial_margin - now.gross + closing * unit_value
        needed = (wanted - closing) * unit_value
        if needed <= spare * (1 + _TOLERANCE):
            return None
        reason = f"not enough margin: adds {needed:.2f} of exposure, {max(spare, 0.0):.2f} is free"
        opening = whole_lots(max(spare, 0.0) / unit_value, trade.step)
        return self.shortfall.settle(closing + opening, reason)


@attrs.frozen
class UncheckedAccount:
    """Every trade passes, whatever it costs: cash may become negative without limit.

    Use it to reproduce engines that never look at the cash, not to judge a strategy.
    """

    allows_short: ClassVar[bool] = True
    previews: ClassVar[bool] = False

    def buying_power(self, equity: float) -> float:  # noqa: ARG002
        """Without limit."""
        return math.inf

    def review(
        self,
        trade: Trade,  # noqa: ARG002
        cash: float,  # noqa: ARG002
        exposure: Callable[[], Exposure],  # noqa: ARG002
    ) -> Verdict | None:
        """None: everything passes."""
        return None
