"""Faults of a single call: lost on the way there or back, late, refused, or never answered."""

import asyncio
from random import Random
from typing import ClassVar, NoReturn, Self, TypeVar

import attrs

from ml4t.core.errors import Ml4tError, VenueUnavailableError
from ml4t.live.testing.faults import CALLS, WRITES
from ml4t.live.testing.venue_call import CallFault, VenueCall

__all__ = [
    "ArriveLate",
    "DelayAnswer",
    "DropRequest",
    "FailAfterDone",
    "FailBeforeDone",
    "InterruptPages",
    "LagRead",
    "LoseAnswer",
    "NeverAnswer",
    "RefuseConnection",
    "TooManyRequests",
]

T = TypeVar("T")

_ALL = CALLS - {"connect"}


def _unavailable(text: str) -> NoReturn:
    raise VenueUnavailableError(text)


@attrs.frozen(kw_only=True)
class DropRequest(CallFault):
    """The session breaks before the call reaches the venue.

    Attributes:
        seconds: how long it is down.
    """

    ids: ClassVar[tuple[str, ...]] = ("F01",)
    likely: ClassVar[float] = 0.2
    seconds: float = 2.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """For up to a minute."""
        return cls(seconds=rng.uniform(0.0, 60.0))

    async def around(self, call: VenueCall[T]) -> T:
        """Lose it on the way there."""
        await call.travel()
        call.link.down(self.seconds)
        _unavailable(f"connection reset while sending {call.name}")


@attrs.frozen(kw_only=True)
class LoseAnswer(CallFault):
    """The venue does it; the session breaks before the answer is back.

    Attributes:
        seconds: how long it is down.
    """

    ids: ClassVar[tuple[str, ...]] = ("F02",)
    likely: ClassVar[float] = 0.2
    seconds: float = 2.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """For up to a minute."""
        return cls(seconds=rng.uniform(0.0, 60.0))

    async def around(self, call: VenueCall[T]) -> T:
        """Lose it on the way back."""
        await call.travel()
        call.reach()
        call.link.down(self.seconds)
        _unavailable(f"connection reset while waiting for {call.name}")


@attrs.frozen(kw_only=True)
class FailAfterDone(CallFault):
    """The venue does it and answers with an error, or with something that cannot be read.

    Attributes:
        text: what the error says.
    """

    ids: ClassVar[tuple[str, ...]] = ("F03", "F09")
    likely: ClassVar[float] = 0.3
    text: str = "504 Gateway Timeout"

    async def around(self, call: VenueCall[T]) -> T:
        """Do it and fail."""
        await call.travel()
        call.reach()
        await call.travel()
        _unavailable(self.text)


@attrs.frozen(kw_only=True)
class FailBeforeDone(CallFault):
    """The venue answers with an error and does nothing.

    Attributes:
        text: what the error says.
    """

    ids: ClassVar[tuple[str, ...]] = ("F04",)
    likely: ClassVar[float] = 0.3
    text: str = "504 Gateway Timeout"

    async def around(self, call: VenueCall[T]) -> T:
        """Fail."""
        await call.travel()
        await call.travel()
        _unavailable(self.text)


@attrs.frozen(kw_only=True)
class ArriveLate(CallFault):
    """The caller gets an error; what it asked for reaches the venue a while later.

    Attributes:
        seconds: how much later.
    """

    ids: ClassVar[tuple[str, ...]] = ("F04",)
    opportunities: ClassVar[frozenset[str]] = WRITES
    likely: ClassVar[float] = 0.2
    seconds: float = 5.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Within 20 seconds; what is under way for longer counts as lost."""
        return cls(seconds=rng.uniform(0.0, 20.0))

    async def around(self, call: VenueCall[T]) -> T:
        """Fail, and do it later."""
        await call.travel()
        call.link.agenda.after(self.seconds, lambda: _try(call))
        _unavailable("502 Bad Gateway")


@attrs.frozen(kw_only=True)
class DelayAnswer(CallFault):
    """The venue does it; the answer takes long.

    Attributes:
        seconds: how long.
    """

    ids: ClassVar[tuple[str, ...]] = ("F13", "F17")
    likely: ClassVar[float] = 0.3
    seconds: float = 8.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Mostly a second, sometimes half a minute."""
        return cls(seconds=rng.uniform(0.0, rng.choice((1.0, 1.0, 30.0))))

    async def around(self, call: VenueCall[T]) -> T:
        """Do it and answer late."""
        await call.travel()
        answer = call.reach()
        await asyncio.sleep(self.seconds)
        await call.travel()
        return answer


@attrs.frozen(kw_only=True)
class NeverAnswer(CallFault):
    """No answer comes.

    Attributes:
        is_done: whether the venue does what it was asked to.
    """

    ids: ClassVar[tuple[str, ...]] = ("F07", "F08", "F34")
    opportunities: ClassVar[frozenset[str]] = CALLS
    likely: ClassVar[float] = 0.2
    is_done: bool = True

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """One or the other."""
        return cls(is_done=rng.random() < 0.5)  # noqa: PLR2004 - a fair coin

    async def around(self, call: VenueCall[T]) -> T:
        """Hang until cancelled."""
        await call.travel()
        if self.is_done:
            call.reach()
        await call.wait_for_ever()
        return await call.make()


@attrs.frozen(kw_only=True)
class TooManyRequests(CallFault):
    """The venue refuses this call and all that follow for a while.

    Attributes:
        seconds: how long.
    """

    ids: ClassVar[tuple[str, ...]] = ("F05",)
    opportunities: ClassVar[frozenset[str]] = _ALL
    likely: ClassVar[float] = 0.1
    seconds: float = 5.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """For up to a minute."""
        return cls(seconds=rng.uniform(0.0, 60.0))

    async def around(self, call: VenueCall[T]) -> T:
        """Refuse it."""
        await call.travel()
        call.link.limit(self.seconds)
        _unavailable("429: too many requests")


@attrs.frozen(kw_only=True)
class LagRead(CallFault):
    """The venue answers a question with what was true some seconds ago.

    Attributes:
        seconds: how old the answer is.
    """

    ids: ClassVar[tuple[str, ...]] = ("F02", "F24")
    opportunities: ClassVar[frozenset[str]] = frozenset(
        {"account", "open_orders", "find_order", "fills_since"}
    )
    likely: ClassVar[float] = 1.0
    seconds: float = 5.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Up to ten seconds."""
        return cls(seconds=rng.uniform(0.0, 10.0))

    async def around(self, call: VenueCall[T]) -> T:
        """Answer from the past."""
        call.lag = self.seconds
        return await call.make()


@attrs.frozen(kw_only=True)
class InterruptPages(CallFault):
    """A long answer breaks off after its first page."""

    ids: ClassVar[tuple[str, ...]] = ("F37",)
    opportunities: ClassVar[frozenset[str]] = frozenset({"open_orders", "fills_since"})
    likely: ClassVar[float] = 1.0

    async def around(self, call: VenueCall[T]) -> T:
        """Fail half-way."""
        await call.travel()
        call.reach()
        await call.travel()
        await call.travel()
        _unavailable("the second page of the answer could not be read")


@attrs.frozen(kw_only=True)
class RefuseConnection(CallFault):
    """The venue takes no session now."""

    ids: ClassVar[tuple[str, ...]] = ("F30", "F33")
    opportunities: ClassVar[frozenset[str]] = frozenset({"connect"})
    likely: ClassVar[float] = 0.3

    async def around(self, call: VenueCall[T]) -> T:
        """Refuse it."""
        await asyncio.sleep(call.link.delay())
        _unavailable("406: connection limit exceeded")


def _try(call: VenueCall[T]) -> None:
    """Let a call that nobody waits for reach the venue."""
    try:
        call.reach()
    except Ml4tError:
        # Nobody hears the answer.
        return
