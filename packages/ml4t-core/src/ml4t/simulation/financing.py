"""What it costs to hold a position: one small class for each assumption."""

from datetime import datetime
from typing import NamedTuple, Protocol

import attrs

from ml4t.core.positions import Position
from ml4t.simulation.amounts import within

__all__ = ["Charge", "Financing", "NoFinancing", "ShortInterest", "ShortInterestOnCost"]

_DAYS_OF_YEAR = 365.0


class Charge(NamedTuple):
    """Money taken for holding a position.

    Attributes:
        timestamp: when, timezone-aware: at the beginning of the bar complete at this instant.
        asset: the symbol.
        amount: money, not negative.
    """

    timestamp: datetime
    asset: str
    amount: float


class Financing(Protocol):
    """What is charged for holding a position over time. It never pays."""

    def charge(self, position: Position, mark: float, days: float) -> float:
        """Money charged for holding a position.

        Args:
            position: what is held, of negative quantity for a short position.
            mark: the last known price, money per point.
            days: calendar days that it was held, not negative.

        Returns:
            Not negative; to be taken from the cash.
        """


@attrs.frozen
class NoFinancing:
    """Holding costs nothing."""

    def charge(self, position: Position, mark: float, days: float) -> float:  # noqa: ARG002
        """0."""
        return 0.0


@attrs.frozen
class ShortInterest:
    """Borrowed units cost interest on what they are worth; what is owned costs nothing.

    Attributes:
        annual_rate: share of the value for a year, 0.05 for five percent; not negative, simple
            interest.
        basis: days that make a year, at least 1; 365, or 360 as in the money market.

    Raises:
        ConfigError: a number is outside.

    >>> ShortInterest(0.0365).charge(Position("SPY", -100.0, 40.0), 50.0, days=2)
    1.0
    """

    annual_rate: float = attrs.field(validator=within(0.0))
    basis: float = attrs.field(default=_DAYS_OF_YEAR, validator=within(1.0))

    def charge(self, position: Position, mark: float, days: float) -> float:
        """The rate on the value of a short position for ``days``; 0 for a long one."""
        value = max(-position.market_value(mark), 0.0)
        return value * self.annual_rate * days / self.basis


@attrs.frozen
class ShortInterestOnCost:
    """Borrowed units cost interest on the price that they were sold at.

    Attributes:
        annual_rate: share of the value for a year, not negative, simple interest.
        basis: days that make a year, at least 1.

    Raises:
        ConfigError: a number is outside.

    >>> ShortInterestOnCost(0.0365).charge(Position("SPY", -100.0, 40.0), 50.0, days=2)
    0.8
    """

    annual_rate: float = attrs.field(validator=within(0.0))
    basis: float = attrs.field(default=_DAYS_OF_YEAR, validator=within(1.0))

    def charge(self, position: Position, mark: float, days: float) -> float:  # noqa: ARG002
        """The rate on the entry value of a short position for ``days``; 0 for a long one."""
        value = max(-position.market_value(position.average_price), 0.0)
        return value * self.annual_rate * days / self.basis
