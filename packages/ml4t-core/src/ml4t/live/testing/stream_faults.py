"""Faults of a single report: lost, doubled, held back, or the last one before a break."""

from random import Random
from typing import ClassVar, Self

import attrs

from ml4t.core.venue_events import VenueEvent
from ml4t.live.testing.link import EventFault, Link

__all__ = ["BreakAfterEvent", "DropFill", "DropStatus", "HoldBackEvent", "RepeatEvent"]


@attrs.frozen(kw_only=True)
class DropFill(EventFault):
    """The report of an execution is lost; the stream goes on as if nothing had happened."""

    ids: ClassVar[tuple[str, ...]] = ("F24",)
    opportunities: ClassVar[frozenset[str]] = frozenset({"event.fill"})
    likely: ClassVar[float] = 0.1

    def deliver(self, link: Link, event: VenueEvent) -> None:
        """Lose it."""
        link.lose(event)


@attrs.frozen(kw_only=True)
class DropStatus(EventFault):
    """The report of an order's status is lost; only its executions tell what became of it."""

    ids: ClassVar[tuple[str, ...]] = ("F12", "F19")
    opportunities: ClassVar[frozenset[str]] = frozenset({"event.order"})
    likely: ClassVar[float] = 0.2

    def deliver(self, link: Link, event: VenueEvent) -> None:
        """Lose it."""
        link.lose(event)


@attrs.frozen(kw_only=True)
class RepeatEvent(EventFault):
    """A report comes twice, the second time perhaps much later.

    Attributes:
        seconds: until the second time.
    """

    ids: ClassVar[tuple[str, ...]] = ("F15",)
    likely: ClassVar[float] = 0.3
    seconds: float = 0.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """At once or within ten minutes."""
        return cls(seconds=rng.choice((0.0, rng.uniform(0.0, 600.0))))

    def deliver(self, link: Link, event: VenueEvent) -> None:
        """Send it twice."""
        link.send(event)
        link.send_later(event, self.seconds)


@attrs.frozen(kw_only=True)
class HoldBackEvent(EventFault):
    """A report comes late, and those after it come first: a fill before the status, or reversed.

    Attributes:
        seconds: how late.
    """

    ids: ClassVar[tuple[str, ...]] = ("F17", "F18")
    likely: ClassVar[float] = 0.3
    seconds: float = 1.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Mostly within a second, sometimes within a minute."""
        return cls(seconds=rng.uniform(0.0, rng.choice((1.0, 1.0, 60.0))))

    def deliver(self, link: Link, event: VenueEvent) -> None:
        """Send it late."""
        link.send_later(event, self.seconds)


@attrs.frozen(kw_only=True)
class BreakAfterEvent(EventFault):
    """The session breaks right behind a report, so that the rest of a burst is lost.

    Attributes:
        seconds: how long it is down.
    """

    ids: ClassVar[tuple[str, ...]] = ("F27", "F31")
    opportunities: ClassVar[frozenset[str]] = frozenset({"event.fill", "event.order"})
    likely: ClassVar[float] = 0.03
    seconds: float = 10.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """For up to two minutes."""
        return cls(seconds=rng.uniform(0.0, 120.0))

    def deliver(self, link: Link, event: VenueEvent) -> None:
        """Let it arrive at once, and break."""
        link.events.put_nowait(event)
        link.down(self.seconds)
