"""What becomes of orders whose stop was touched: one small class for each answer."""

from typing import ClassVar, Protocol

import attrs

from ml4t.core.bars import PriceBar

__all__ = [
    "CloseConfirms",
    "CloseFills",
    "NextBarTests",
    "PartialStops",
    "ReversalConfirms",
    "StaysTriggered",
    "StopLimitRule",
    "TouchedAnew",
]


class StopLimitRule(Protocol):
    """Whether a stop-limit order fills in the bar that touched its stop, by itself.

    Asked where the stop was touched within the bar and the limit is on the near side of it, so that
    the price must come back. It is not asked where the way of the bar is walked.
    """

    @property
    def same_bar(self) -> bool:
        """Whether a limit on the near side of the stop may fill in the bar that touched it."""

    @property
    def at_close(self) -> bool:
        """Whether the limit is reached by the close of a bar and by no other price of it."""

    def confirms(self, bar: PriceBar, limit: float, *, buys: bool) -> bool:
        """Whether the bar shows that the price came back to ``limit`` after the stop."""


@attrs.frozen
class CloseConfirms:
    """It does where the close, which comes after the touch, is at least as good as the limit."""

    same_bar: ClassVar[bool] = True
    at_close: ClassVar[bool] = False

    def confirms(self, bar: PriceBar, limit: float, *, buys: bool) -> bool:
        """Whether the close is at least as good."""
        return bar.close <= limit if buys else bar.close >= limit


@attrs.frozen
class ReversalConfirms:
    """It does where besides the bar closed against the order's direction: below its open for a buy.

    A sale takes a close at its open as well.
    """

    same_bar: ClassVar[bool] = True
    at_close: ClassVar[bool] = False

    def confirms(self, bar: PriceBar, limit: float, *, buys: bool) -> bool:
        """Whether the close is at least as good, and on the other side of the open."""
        if buys:
            return bar.close <= limit and bar.open > bar.close
        return bar.close >= limit and bar.open <= bar.close


@attrs.frozen
class NextBarTests:
    """It never does: the limit is tested from the next bar on.

    That is so in a bar that opened beyond the stop as well, and where limit and stop are one price.
    Source: backtesting.py.
    """

    same_bar: ClassVar[bool] = False
    at_close: ClassVar[bool] = False

    def confirms(self, bar: PriceBar, limit: float, *, buys: bool) -> bool:  # noqa: ARG002
        """No."""
        return False


@attrs.frozen
class CloseFills:
    """It does in any bar from the touch on that closes better than the limit, and never otherwise.

    The fill is at the limit, or at the worst price of the bar where that is better. Source: LEAN.
    """

    same_bar: ClassVar[bool] = True
    at_close: ClassVar[bool] = True

    def confirms(self, bar: PriceBar, limit: float, *, buys: bool) -> bool:
        """Whether the close is better."""
        return bar.close < limit if buys else bar.close > limit


class PartialStops(Protocol):
    """What the rest of a stop order does that filled in part, for want of volume."""

    @property
    def stay_triggered(self) -> bool:
        """Whether it trades at any price from then on."""


@attrs.frozen
class StaysTriggered:
    """It is a market order from then on, as at a real venue."""

    stay_triggered: ClassVar[bool] = True


@attrs.frozen
class TouchedAnew:
    """It waits until its stop is touched again."""

    stay_triggered: ClassVar[bool] = False
