"""What the broker charges for a fill: one small class for each tariff."""

from typing import Protocol

import attrs

from ml4t.simulation.amounts import within

__all__ = ["Commission", "NoCommission", "PerShare", "PerTrade", "Percentage"]


class Commission(Protocol):
    """A tariff. Fees are never negative and never fall as the quantity grows."""

    def fee(self, quantity: float, price: float, multiplier: float) -> float:
        """Money charged for one fill of ``quantity`` units at ``price`` money per point."""


@attrs.frozen
class NoCommission:
    """Nothing is charged."""

    def fee(self, quantity: float, price: float, multiplier: float) -> float:  # noqa: ARG002
        """0."""
        return 0.0


@attrs.frozen
class Percentage:
    """A share of the money that changes hands, the contract multiplier included.

    Attributes:
        rate: share of the value, 0.001 for ten basis points.

    >>> Percentage(0.001).fee(2, 4_000.0, 50.0)
    400.0
    """

    rate: float = attrs.field(validator=within(0.0, 1.0))

    def fee(self, quantity: float, price: float, multiplier: float) -> float:
        """``rate`` times the value."""
        return self.rate * quantity * price * multiplier


@attrs.frozen
class PerShare:
    """The same money for each unit, but no less than a minimum for a fill.

    Attributes:
        amount: money per unit.
        minimum: least money per fill.

    >>> PerShare(0.005, minimum=1.0).fee(100, 50.0, 1.0)
    1.0
    """

    amount: float = attrs.field(validator=within(0.0))
    minimum: float = attrs.field(default=0.0, validator=within(0.0))

    def fee(self, quantity: float, price: float, multiplier: float) -> float:  # noqa: ARG002
        """``amount`` times the quantity, at least ``minimum``."""
        return max(self.amount * quantity, self.minimum)


@attrs.frozen
class PerTrade:
    """The same money for each fill, however large.

    Attributes:
        amount: money per fill.
    """

    amount: float = attrs.field(validator=within(0.0))

    def fee(self, quantity: float, price: float, multiplier: float) -> float:  # noqa: ARG002
        """``amount``."""
        return self.amount
