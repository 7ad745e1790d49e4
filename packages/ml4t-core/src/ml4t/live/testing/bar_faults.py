"""Faults of a single bar: missing, late, twice, out of order, of another time or price."""

import math
from datetime import timedelta
from random import Random
from typing import ClassVar, Self

import attrs

from ml4t.core.bars import Bar
from ml4t.core.raw_bars import RawBar
from ml4t.live.testing.bar_line import BarLine, DeliveryFault

__all__ = [
    "DelayBar",
    "DropBar",
    "MuteFeed",
    "RepeatBar",
    "ReverseBars",
    "ScaleBar",
    "SpoilBar",
    "StampInFuture",
]


@attrs.frozen(kw_only=True)
class DropBar(DeliveryFault):
    """The bar is lost."""

    ids: ClassVar[tuple[str, ...]] = ("F38",)

    def deliver(self, line: BarLine, bar: Bar) -> None:
        """Send nothing."""
        line.lose(bar)


@attrs.frozen(kw_only=True)
class DelayBar(DeliveryFault):
    """The bar comes late.

    Attributes:
        seconds: how late.
    """

    ids: ClassVar[tuple[str, ...]] = ("F38",)
    seconds: float = 30.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Mostly some seconds, sometimes an hour."""
        return cls(seconds=rng.uniform(0.0, rng.choice((5.0, 60.0, 3_600.0))))

    def deliver(self, line: BarLine, bar: Bar) -> None:
        """Send it late."""
        line.send(bar, self.seconds)


@attrs.frozen(kw_only=True)
class RepeatBar(DeliveryFault):
    """The bar comes twice.

    Attributes:
        seconds: until the second time.
    """

    ids: ClassVar[tuple[str, ...]] = ("F38",)
    seconds: float = 0.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """At once or within an hour."""
        return cls(seconds=rng.choice((0.0, rng.uniform(0.0, 3_600.0))))

    def deliver(self, line: BarLine, bar: Bar) -> None:
        """Send it twice."""
        line.send(bar)
        line.send(bar, self.seconds)


@attrs.frozen(kw_only=True)
class ReverseBars(DeliveryFault):
    """The bar comes behind the next one of its asset."""

    ids: ClassVar[tuple[str, ...]] = ("F38",)

    def deliver(self, line: BarLine, bar: Bar) -> None:
        """Hold it back."""
        line.hold(bar)


@attrs.frozen(kw_only=True)
class StampInFuture(DeliveryFault):
    """The bar says that it will be complete later than now.

    Attributes:
        seconds: how much later.
    """

    ids: ClassVar[tuple[str, ...]] = ("F38",)
    seconds: float = 3_600.0

    def deliver(self, line: BarLine, bar: Bar) -> None:
        """Send it with the wrong time."""
        later = bar.timestamp + timedelta(seconds=self.seconds)
        line.send(attrs.evolve(bar, timestamp=later))


@attrs.frozen(kw_only=True)
class ScaleBar(DeliveryFault):
    """The prices of the bar are wrong by a factor.

    Attributes:
        factor: which: 100 is a spike, a half is a split that the feed did not adjust.
    """

    ids: ClassVar[tuple[str, ...]] = ("F39",)
    factor: float = 100.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """A spike, a split or a wrong unit."""
        return cls(factor=rng.choice((100.0, 0.01, 0.5, 2.0)))

    def deliver(self, line: BarLine, bar: Bar) -> None:
        """Send it with the wrong prices."""
        scaled = attrs.evolve(
            bar,
            open=bar.open * self.factor,
            high=bar.high * self.factor,
            low=bar.low * self.factor,
            close=bar.close * self.factor,
        )
        line.send(scaled)


@attrs.frozen(kw_only=True)
class SpoilBar(DeliveryFault):
    """A price of the bar is none, or the high is below the low.

    Attributes:
        field: which number is spoilt.
        value: what stands there instead; a negative high is below every low.
    """

    ids: ClassVar[tuple[str, ...]] = ("F39",)
    field: str = "close"
    value: float = math.nan

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Any price, in any way."""
        field = rng.choice(("open", "high", "low", "close"))
        return cls(field=field, value=rng.choice((math.nan, 0.0, -1.0, math.inf)))

    def deliver(self, line: BarLine, bar: Bar) -> None:
        """Send it as it is, which is no bar."""
        prices = {**bar, self.field: self.value}
        line.send(RawBar(timestamp=bar.timestamp, asset=bar.asset, **prices))


@attrs.frozen(kw_only=True)
class MuteFeed(DeliveryFault):
    """No bar comes for a while, though connected.

    Attributes:
        seconds: how long.
    """

    ids: ClassVar[tuple[str, ...]] = ("F28", "F38")
    likely: ClassVar[float] = 0.005
    seconds: float = 3_600.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Minutes or hours."""
        return cls(seconds=rng.uniform(60.0, 10_000.0))

    def deliver(self, line: BarLine, bar: Bar) -> None:
        """Send neither this bar nor the next ones."""
        line.lose(bar)
        line.mute(self.seconds)
