"""The past, shown to a strategy before the first live bar."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from ml4t.core.bars import Bar
from ml4t.core.feed import DataFeedProtocol
from ml4t.live.bar_intake import BarIntake
from ml4t.live.bars import BarGroup
from ml4t.live.config import LiveConfig
from ml4t.live.safe_broker import SafeBroker
from ml4t.live.strategy_runner import StrategyRunner

__all__ = ["History", "WarmedUp"]


class WarmedUp(Protocol):
    """The parts of an engine that the past is shown to."""

    config: LiveConfig
    feed: DataFeedProtocol
    safe: SafeBroker
    runner: StrategyRunner
    bars: BarIntake


class History:
    """The bars of the past, by instant.

    Args:
        engine: whose feed has them and whose strategy sees them.
    """

    def __init__(self, engine: WarmedUp) -> None:
        self._engine = engine
        self._groups: Mapping[datetime, dict[str, Bar]] = {}

    async def fetch(self) -> None:
        """Ask the feed; the latest bar of each asset becomes its last known price."""
        engine = self._engine
        groups: defaultdict[datetime, dict[str, Bar]] = defaultdict(dict)
        for symbol in engine.config.assets:
            bars = await engine.feed.history(symbol, max(engine.config.warmup, 1))
            for bar in bars:
                groups[bar.timestamp.astimezone(UTC)][symbol] = bar
            if bars:
                engine.bars.seed(bars[-1])
        self._groups = groups

    async def rehearse(self) -> None:
        """Show the bars in the order of time, without letting an order leave."""
        engine = self._engine
        if not engine.config.warmup:
            return
        engine.safe.is_rehearsing = True
        try:
            for timestamp, bars in sorted(self._groups.items()):
                missing = tuple(symbol for symbol in engine.config.assets if symbol not in bars)
                await engine.runner.rehearse(
                    BarGroup(timestamp=timestamp, bars=bars, missing=missing)
                )
        finally:
            engine.safe.is_rehearsing = False
