"""A feed of a simulated market's bars, with faults."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from random import Random

from ml4t.core.bars import Bar
from ml4t.core.errors import UnknownAssetError
from ml4t.core.protocol import PROTOCOL
from ml4t.core.raw_bars import RawBar
from ml4t.live.testing.bar_line import BarLine
from ml4t.live.testing.chance import branch
from ml4t.live.testing.fault_venue import FaultyVenue
from ml4t.live.testing.injector import FaultInjector

__all__ = ["FaultyFeed"]


class FaultyFeed:
    """Bars as they are completed, and what can go wrong with them; implements DataFeedProtocol.

    Args:
        venue: whose market it shows.
        faults: what goes wrong, best those of the broker so that one plan covers both.
        rng: where chance comes from; None for a generator of its own from the venue's.

    Attributes:
        line: the way of the bars.
    """

    def __init__(
        self, venue: FaultyVenue, faults: FaultInjector, rng: Random | None = None
    ) -> None:
        self.line = BarLine(
            venue.agenda,
            faults,
            rng or branch(venue.rng),
        )
        self._venue = venue
        self._assets: dict[str, None] = {}
        venue.market.on_bars.append(self._completed)

    @property
    def protocol(self) -> int:
        """The protocol number that the feed was written for."""
        return PROTOCOL

    async def subscribe(self, assets: Sequence[str]) -> None:
        """Start to receive bars of these symbols."""
        for asset in assets:
            self._require(asset)
            self._assets[asset] = None

    async def history(self, asset: str, length: int) -> Sequence[Bar]:
        """The last ``length`` complete bars of one symbol, oldest first."""
        self._require(asset)
        self._venue.advance()
        return self._venue.market.history(asset, length)

    async def bars(self) -> AsyncIterator[Bar | RawBar]:
        """Complete bars as they arrive, until the feed is closed."""
        while (bar := await self.line.bars.get()) is not None:
            yield bar

    async def close(self) -> None:
        """Stop receiving."""
        self._assets.clear()
        self.line.bars.put_nowait(None)

    def _require(self, asset: str) -> None:
        if asset not in self._venue.assets:
            msg = f"the feed does not know {asset!r}"
            raise UnknownAssetError(msg)

    def _completed(self, _: datetime, bars: Mapping[str, Bar]) -> None:
        for asset in self._assets:
            bar = bars.get(asset)
            if bar is not None:
                self.line.deliver(bar)
