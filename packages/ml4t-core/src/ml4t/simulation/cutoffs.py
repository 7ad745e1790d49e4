"""Until when orders for the closing auction are taken: one small class for each assumption."""

from datetime import timedelta
from typing import Protocol

import attrs

from ml4t.simulation.amounts import within

__all__ = ["ClosingCutoff", "Cutoff", "NoCutoff"]

_MINUTES_OF_DAY = 1_440.0


class Cutoff(Protocol):
    """Whether an order for the closing auction of a session comes too late."""

    def is_too_late(self, left: timedelta) -> bool:
        """Whether an order is refused that is sent ``left`` before the session closes."""


@attrs.frozen
class NoCutoff:
    """Orders for the closing auction are taken until the close."""

    def is_too_late(self, left: timedelta) -> bool:  # noqa: ARG002
        """Never."""
        return False


@attrs.frozen
class ClosingCutoff:
    """Orders for the closing auction are taken until some minutes before the close.

    The New York Stock Exchange takes market-on-close and limit-on-close orders until 15:50 of a
    session that closes at 16:00 (Rule 7.35B), Nasdaq market-on-close orders until 15:55 (Rule
    4754). An order that is sent in an earlier session is in time.

    Attributes:
        minutes: before the close, not negative and less than a day.

    Raises:
        ConfigError: ``minutes`` is outside.

    >>> ClosingCutoff(10).is_too_late(timedelta(minutes=9))
    True
    >>> ClosingCutoff(10).is_too_late(timedelta(minutes=10))
    False
    """

    minutes: float = attrs.field(default=10.0, validator=within(0.0, _MINUTES_OF_DAY))

    def is_too_late(self, left: timedelta) -> bool:
        """With less than ``minutes`` left."""
        return left < timedelta(minutes=self.minutes)
