"""One call of a program to a simulated venue, on its way there and back."""

import asyncio
from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

import attrs

from ml4t.core.errors import VenueUnavailableError
from ml4t.live.testing.faults import CALLS, Fault
from ml4t.live.testing.link import Link

__all__ = ["CallFault", "VenueCall"]

T = TypeVar("T")


class VenueCall(Generic[T]):
    """A call, which a fault can let go wrong on either way.

    Attributes:
        name: which call.
        link: the session it is made in.
        lag: seconds by which the answer is out of date.

    Args:
        name: which call.
        link: the session it is made in.
        reach: what the venue does when the call reaches it; it is told the lag.
    """

    def __init__(self, name: str, link: Link, reach: Callable[[float], T]) -> None:
        self.name = name
        self.link = link
        self.lag = 0.0
        self._reach = reach
        self._epoch = link.epoch

    def reach(self) -> T:
        """The venue does what it was asked to."""
        return self._reach(self.lag)

    async def travel(self) -> None:
        """Go one way.

        Raises:
            VenueUnavailableError: the session broke meanwhile.
        """
        if self.name != "connect":
            self.link.require()
        if self.link.is_frozen:
            await self.wait_for_ever()
        await asyncio.sleep(self.link.delay())
        if self.link.epoch != self._epoch:
            msg = f"the connection broke during {self.name}"
            raise VenueUnavailableError(msg)

    async def make(self) -> T:
        """Go there, have it done, and come back.

        Raises:
            VenueUnavailableError: the session is down, or broke on one of the ways.
        """
        await self.travel()
        answer = self.reach()
        await self.travel()
        return answer

    async def wait_for_ever(self) -> None:
        """Get no answer; only a cancellation ends it."""
        await asyncio.get_running_loop().create_future()


@attrs.frozen(kw_only=True)
class CallFault(Fault):
    """A fault of one call."""

    opportunities: ClassVar[frozenset[str]] = CALLS - {"connect"}

    async def around(self, call: VenueCall[T]) -> T:
        """Make the call, in whatever way it goes wrong."""
        return await call.make()
