"""When a market order fills: one small class for each assumption."""

from typing import ClassVar, Protocol

import attrs

from ml4t.core.bars import PriceBar

__all__ = ["NextBarClose", "NextBarOpen", "SameBarClose", "Timing"]


class Timing(Protocol):
    """When, and at which price of its bar, a market order fills."""

    @property
    def rule(self) -> str:
        """What the fills of this timing are called in results."""

    @property
    def same_bar(self) -> bool:
        """Whether a market order fills in the very bar whose close the strategy decided on."""

    def market_price(self, bar: PriceBar) -> float:
        """The price of ``bar`` at which a market order fills, before slippage."""


@attrs.frozen
class NextBarOpen:
    """Market orders fill at the open of the next bar of their asset: the first price after."""

    rule: ClassVar[str] = "market_open"
    same_bar: ClassVar[bool] = False

    def market_price(self, bar: PriceBar) -> float:
        """The open of the bar."""
        return bar.open


@attrs.frozen
class NextBarClose:
    """Market orders fill at the close of the next bar of their asset."""

    rule: ClassVar[str] = "market_close"
    same_bar: ClassVar[bool] = False

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

    def market_price(self, bar: PriceBar) -> float:
        """The close of the bar."""
        return bar.close
