"""A feed that plays bars which are known beforehand."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain

from ml4t.core.bars import Bar
from ml4t.core.errors import InvalidValueError
from ml4t.core.protocol import PROTOCOL
from ml4t.live.clock import Clock

__all__ = ["ReplayFeed"]


class ReplayFeed:
    """Plays known bars, by time and then by asset: as fast as they are taken, or paced.

    Args:
        bars: the bars in any order, or those of each asset by symbol.
        clock: what the pace is measured with.
        speed: how many times faster than the market; 1 keeps its pace, None does not wait.
        warmup: how many instants at the beginning are history and are not played.

    Raises:
        InvalidValueError: the speed is not positive, or ``warmup`` is negative.

    >>> from ml4t.live.clock import SystemClock
    >>> when = datetime(2024, 1, 2, 21, tzinfo=UTC)
    >>> bar = Bar(timestamp=when, asset="SPY", open=10, high=12, low=9, close=11)
    >>> feed = ReplayFeed([bar], clock=SystemClock())
    """

    __slots__ = ("_bars", "_clock", "_closed", "_speed", "_subscribed", "_warm")

    protocol = PROTOCOL

    def __init__(
        self,
        bars: Iterable[Bar] | Mapping[str, Sequence[Bar]],
        *,
        clock: Clock,
        speed: float | None = None,
        warmup: int = 0,
    ) -> None:
        if speed is not None and not speed > 0:
            msg = f"speed of a replay must be positive, was {speed}; None does not wait"
            raise InvalidValueError(msg)
        if warmup < 0:
            msg = f"warmup must be 0 instants or more, was {warmup}"
            raise InvalidValueError(msg)
        given = chain.from_iterable(bars.values()) if isinstance(bars, Mapping) else bars
        ordered = sorted(given, key=lambda bar: (_instant(bar), bar.asset))
        early = set(sorted({_instant(bar) for bar in ordered})[:warmup])
        self._warm = [bar for bar in ordered if _instant(bar) in early]
        self._bars = ordered[len(self._warm) :]
        self._clock = clock
        self._speed = speed
        self._subscribed: frozenset[str] = frozenset()
        self._closed = False

    async def subscribe(self, assets: Sequence[str]) -> None:
        """Play the bars of these symbols, in addition to those subscribed before."""
        self._subscribed = self._subscribed.union(assets)

    async def history(self, asset: str, length: int) -> Sequence[Bar]:
        """The last ``length`` bars of one symbol before the first instant that is played."""
        found = [bar for bar in self._warm if bar.asset == asset]
        return found[-length:] if length > 0 else []

    async def bars(self) -> AsyncIterator[Bar]:
        """The bars of the subscribed symbols by time and then by asset, until they end."""
        began = self._clock.monotonic()
        first = last = _instant(self._bars[0]) if self._bars else None
        for bar in self._bars:
            instant = _instant(bar)
            if first is not None and instant != last:
                await self._wait_until(began, (instant - first).total_seconds())
                last = instant
            if self._closed:
                return
            if bar.asset in self._subscribed:
                yield bar

    async def close(self) -> None:
        """Stop playing at the next bar."""
        self._closed = True

    async def _wait_until(self, began: float, seconds: float) -> None:
        """Wait until the market has gone on for ``seconds`` since the first bar."""
        if self._speed is None:
            await asyncio.sleep(0)
            return
        passed = self._clock.monotonic() - began
        await asyncio.sleep(max(0.0, seconds / self._speed - passed))


def _instant(bar: Bar) -> datetime:
    return bar.timestamp.astimezone(UTC)
