"""When a limit counts as reached, and what costs may do to it: one small class for each answer."""

from typing import ClassVar, Protocol

import attrs

__all__ = ["CapAtLimit", "LimitCosts", "LimitRule", "TouchFills", "TradeThroughFills", "WaitBeyond"]


class LimitRule(Protocol):
    """When the market has reached the price of a limit order."""

    @property
    def strict(self) -> bool:
        """Whether the price must go beyond the limit."""


@attrs.frozen
class TouchFills:
    """A limit order fills when the price touches its limit."""

    strict: ClassVar[bool] = False


@attrs.frozen
class TradeThroughFills:
    """A limit order fills, at its limit, only when the price goes beyond it.

    At the limit itself others may have been first in the queue.
    """

    strict: ClassVar[bool] = True


class LimitCosts(Protocol):
    """What happens where slippage and impact would take a fill beyond the limit of its order."""

    @property
    def waits(self) -> bool:
        """Whether the order does not fill then."""


@attrs.frozen
class CapAtLimit:
    """It fills at its limit."""

    waits: ClassVar[bool] = False


@attrs.frozen
class WaitBeyond:
    """It does not fill in this bar."""

    waits: ClassVar[bool] = True
