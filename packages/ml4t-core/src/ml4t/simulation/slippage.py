"""How much worse than the bar's price a fill is: one small class for each assumption."""

from typing import Protocol

import attrs

from ml4t.core.order_requests import OrderSide
from ml4t.simulation.amounts import within

__all__ = ["BasisPoints", "FixedAmount", "NoSlippage", "Slippage"]


class Slippage(Protocol):
    """What trading costs in price. It never improves a price."""

    def slipped(self, price: float, side: OrderSide) -> float:
        """The price that a trade on ``side`` gets where ``price`` was shown, in money per unit."""


@attrs.frozen
class NoSlippage:
    """Trades get the price that the bar shows."""

    def slipped(self, price: float, side: OrderSide) -> float:  # noqa: ARG002
        """``price`` itself."""
        return price


@attrs.frozen
class BasisPoints:
    """Trades get a price that is worse by a share of it.

    Attributes:
        bps: hundredths of a percent, not negative.

    >>> BasisPoints(5).slipped(100.0, OrderSide.SELL)
    99.95
    """

    bps: float = attrs.field(validator=within(0.0, 10_000.0))

    def slipped(self, price: float, side: OrderSide) -> float:
        """``price`` moved against the trade by ``bps``."""
        return price + side.sign * price * self.bps / 10_000


@attrs.frozen
class FixedAmount:
    """Trades get a price that is worse by the same money for each unit.

    Attributes:
        amount: money per unit, not negative; it must be smaller than any price it is taken from.
    """

    amount: float = attrs.field(validator=within(0.0))

    def slipped(self, price: float, side: OrderSide) -> float:
        """``price`` moved against the trade by ``amount``."""
        return price + side.sign * self.amount
