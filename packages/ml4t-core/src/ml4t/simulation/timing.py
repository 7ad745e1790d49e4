"""When a market order fills: one small class for each assumption."""

from typing import ClassVar, Protocol

import attrs

from ml4t.core.bars import PriceBar
from ml4t.core.errors import ConfigError

__all__ = ["Delayed", "NextBarClose", "NextBarOpen", "SameBarClose", "Timing"]


class Timing(Protocol):
    """When, and at which price of its bar, a market order fills."""

    @property
    def rule(self) -> str:
        """What the fills of this timing are called in results."""

    @property
    def same_bar(self) -> bool:
        """Whether a market order fills in the very bar whose close the strategy decided on."""

    @property
    def delay(self) -> int:
        """How many bars of its asset an order of any type lets pass before it works."""

    def market_price(self, bar: PriceBar) -> float:
        """The price of ``bar`` at which a market order fills, before slippage."""


@attrs.frozen
class NextBarOpen:
    """Market orders fill at the open of the next bar of their asset: the first price after."""

    rule: ClassVar[str] = "market_open"
    same_bar: ClassVar[bool] = False
    delay: ClassVar[int] = 0

    def market_price(self, bar: PriceBar) -> float:
        """The open of the bar."""
        return bar.open


@attrs.frozen
class NextBarClose:
    """Market orders fill at the close of the next bar of their asset."""

    rule: ClassVar[str] = "market_close"
    same_bar: ClassVar[bool] = False
    delay: ClassVar[int] = 0

    def market_price(self, bar: PriceBar) -> float:
        """The close of the bar."""
        return bar.close


@attrs.frozen
class SameBarClose:
    """Market orders fill at the close that the strategy has just seen.

    Nobody can trade at a price that must be known first: use it to reproduce engines that do, not
    to judge a strategy. Limit and stop orders wait for the next bar as always.
    """

    rule: ClassVar[str] = "market_same_close"
    same_bar: ClassVar[bool] = True
    delay: ClassVar[int] = 0

    def market_price(self, bar: PriceBar) -> float:
        """The close of the bar."""
        return bar.close


@attrs.frozen
class Delayed:
    """Orders of every type reach the market some bars late.

    Attributes:
        bars: how many bars of its asset an order lets pass; with 1 it meets the second bar after
            the one it was decided on.
        timing: when a market order fills in the bar that it meets; not :class:`SameBarClose`.

    Raises:
        ConfigError: ``bars`` is less than 1, or ``timing`` fills in the bar of the decision.
    """

    bars: int = attrs.field(default=1)
    timing: Timing = attrs.field(factory=NextBarOpen)

    same_bar: ClassVar[bool] = False

    def __attrs_post_init__(self) -> None:
        if self.bars < 1:
            msg = f"bars of Delayed must be 1 or more, was {self.bars}"
            raise ConfigError(msg)
        if self.timing.same_bar:
            name = type(self.timing).__name__
            msg = f"a delay contradicts {name}: give NextBarOpen or NextBarClose"
            raise ConfigError(msg)

    @property
    def rule(self) -> str:
        """As of the timing that is delayed."""
        return self.timing.rule

    @property
    def delay(self) -> int:
        """``bars``."""
        return self.bars + self.timing.delay

    def market_price(self, bar: PriceBar) -> float:
        """As of the timing that is delayed."""
        return self.timing.market_price(bar)
