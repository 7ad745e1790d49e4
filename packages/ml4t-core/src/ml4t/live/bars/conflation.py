"""The hand-over of bars to a strategy that may be busy for long."""

import asyncio
from collections import deque

from ml4t.core.errors import InvalidValueError
from ml4t.live.bars.groups import BarGroup

__all__ = ["BarQueue"]


class BarQueue:
    """A queue of groups of bars that never holds more than its limit.

    When it is full the oldest group is folded into the next one: of each asset the newest bar
    stays, and the group says how many were folded into it. A strategy that comes back after five
    minutes so sees the latest groups whole, and the last known bar of every asset.

    It belongs to one event loop.

    Args:
        limit: how many groups may wait, 1 or more.

    Attributes:
        conflated: how many groups were folded away since the beginning.

    Raises:
        InvalidValueError: the limit is less than 1.
    """

    __slots__ = ("_filled", "_groups", "_limit", "conflated")

    def __init__(self, limit: int) -> None:
        if limit < 1:
            msg = f"limit of a queue of bars must be 1 or more, was {limit}"
            raise InvalidValueError(msg)
        self.conflated = 0
        self._limit = limit
        self._groups: deque[BarGroup] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        """How many groups wait."""
        return len(self._groups)

    def put(self, group: BarGroup) -> int:
        """Hand over a group, later than all before, without waiting.

        Returns:
            How many groups were folded away to make room, 0 or 1.
        """
        groups = self._groups
        groups.append(group)
        self._filled.set()
        if len(groups) <= self._limit:
            return 0
        oldest = groups.popleft()
        groups[0] = groups[0].after(oldest)
        self.conflated += 1
        return 1

    async def get(self) -> BarGroup:
        """The oldest group, as soon as there is one; a wait that is cancelled takes none."""
        while not self._groups:
            self._filled.clear()
            await self._filled.wait()
        return self._groups.popleft()
