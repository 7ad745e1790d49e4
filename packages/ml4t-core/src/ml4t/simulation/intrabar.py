"""Which way between its prices a bar is taken to have gone: one small class for each assumption.

A bar tells four prices and not their order. Where more than one order could fill in it, or one
order depends on what came first, the two shortest ways through the bar are walked: open, high, low,
close and open, low, high, close. Where both ways end the same nothing is assumed.
"""

from typing import ClassVar, NamedTuple, Protocol

import attrs

from ml4t.core.bars import PriceBar

__all__ = [
    "Adaptive",
    "BestCase",
    "CloseOnly",
    "IntrabarPath",
    "OpenHighLowClose",
    "OpenLowHighClose",
    "SubmissionOrder",
    "WorstCase",
]


class IntrabarPath(Protocol):
    """Which of the two ways a bar went, where it matters."""

    @property
    def in_turn(self) -> bool:
        """Whether each order meets the whole bar by itself instead, in order of submission."""

    @property
    def close_only(self) -> bool:
        """Whether orders see no price of the bar but its close."""

    def high_first(self, bar: PriceBar, gain_high_first: float, gain_low_first: float) -> bool:
        """Whether the high came before the low.

        Args:
            bar: the bar.
            gain_high_first: what the fills of that way gain until the bar's close, in money.
            gain_low_first: the same of the other way.
        """


@attrs.frozen
class _Walked:
    """What the assumptions share under which the two ways are walked."""

    in_turn: ClassVar[bool] = False
    close_only: ClassVar[bool] = False


@attrs.frozen
class _InTurn:
    """What the assumptions share under which each order meets the bar by itself."""

    in_turn: ClassVar[bool] = True

    def high_first(self, bar: PriceBar, gain_high_first: float, gain_low_first: float) -> bool:  # noqa: ARG002
        """Not asked."""
        return False


@attrs.frozen
class WorstCase(_Walked):
    """The way that gains less until the bar's close: of a stop and a target, the stop."""

    def high_first(
        self,
        bar: PriceBar,  # noqa: ARG002
        gain_high_first: float,
        gain_low_first: float,
    ) -> bool:
        """Where that gains less."""
        return gain_high_first < gain_low_first


@attrs.frozen
class BestCase(_Walked):
    """The way that gains more until the bar's close: a bound, not an expectation."""

    def high_first(
        self,
        bar: PriceBar,  # noqa: ARG002
        gain_high_first: float,
        gain_low_first: float,
    ) -> bool:
        """Where that gains more."""
        return gain_high_first > gain_low_first


@attrs.frozen
class OpenHighLowClose(_Walked):
    """Every bar went from its open to its high, to its low, to its close."""

    def high_first(self, bar: PriceBar, gain_high_first: float, gain_low_first: float) -> bool:  # noqa: ARG002
        """Always."""
        return True


@attrs.frozen
class OpenLowHighClose(_Walked):
    """Every bar went from its open to its low, to its high, to its close."""

    def high_first(self, bar: PriceBar, gain_high_first: float, gain_low_first: float) -> bool:  # noqa: ARG002
        """Never."""
        return False


@attrs.frozen
class Adaptive(_Walked):
    """Every bar went first to the extreme that its open is nearer to; to the low if both are."""

    def high_first(self, bar: PriceBar, gain_high_first: float, gain_low_first: float) -> bool:  # noqa: ARG002
        """Where the open is nearer to the high."""
        return bar.high - bar.open < bar.open - bar.low


@attrs.frozen
class SubmissionOrder(_InTurn):
    """Each order meets the whole bar by itself, in order of submission, whatever came first.

    A stop and a target that the bar reached both count in the order in which they were sent. Use it
    to reproduce engines that do so, not to judge a strategy.
    """

    close_only: ClassVar[bool] = False


@attrs.frozen
class CloseOnly(_InTurn):
    """Every order meets the close and no other price of the bar, in order of submission.

    A limit order whose limit the close is better than fills at the close. Use it to reproduce
    engines that do so, or with data that have closes only.
    """

    close_only: ClassVar[bool] = True


class ClosingPrice(NamedTuple):
    """A bar that shows one price."""

    open: float
    high: float
    low: float
    close: float

    @staticmethod
    def of(bar: PriceBar) -> "ClosingPrice":
        """The close of ``bar``, four times."""
        return ClosingPrice(bar.close, bar.close, bar.close, bar.close)
