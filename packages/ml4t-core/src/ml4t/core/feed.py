"""The contract of a live source of bars."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from ml4t.core.bars import Bar
from ml4t.core.raw_bars import RawBar

__all__ = ["DataFeedProtocol"]


class DataFeedProtocol(Protocol):
    """What brings bars to a live strategy."""

    @property
    def protocol(self) -> int:
        """The protocol number that the feed was written for."""

    async def subscribe(self, assets: Sequence[str]) -> None:
        """Start to receive bars of these symbols."""

    async def history(self, asset: str, length: int) -> Sequence[Bar]:
        """The last ``length`` complete bars of one symbol, oldest first."""

    def bars(self) -> AsyncIterator[Bar | RawBar]:
        """Complete bars as they arrive, oldest first within an asset.

        What arrives and cannot be a bar comes as it is, so that it is seen and set aside instead of
        ending the feed.
        """

    async def close(self) -> None:
        """Stop receiving."""
