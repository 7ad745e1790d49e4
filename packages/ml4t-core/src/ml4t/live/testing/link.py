"""The connection between a program and a simulated venue: what it lets through, and when."""

import asyncio
from functools import partial
from random import Random
from typing import ClassVar

import attrs

from ml4t.core.errors import VenueUnavailableError
from ml4t.core.fills import Fill
from ml4t.core.orders import Order
from ml4t.core.venue_events import ConnectionChange, VenueEvent
from ml4t.live.testing.agenda import Agenda
from ml4t.live.testing.faults import Fault
from ml4t.live.testing.injector import FaultInjector

__all__ = ["EventFault", "Link"]


class Link:
    """One session with the venue.

    Reports travel in the order in which they were sent unless a fault holds one back. What is
    reported while the session is closed, down, mute or frozen is lost, as it would be on a socket.

    Attributes:
        agenda: where arrivals are entered.
        events: what has arrived and was not read.
        lost: the reports that nobody will ever get.
        epoch: counts the breaks, so that a call can tell whether there was one while it was made.
        latency: seconds that a message travels, from and to.

    Args:
        agenda: the venue's.
        faults: what may go wrong with a report.
        rng: where chance comes from; nobody else may draw from it.
    """

    def __init__(self, agenda: Agenda, faults: FaultInjector, rng: Random) -> None:
        self.agenda = agenda
        self.events: asyncio.Queue[VenueEvent] = asyncio.Queue()
        self.lost: list[VenueEvent] = []
        self.epoch = 0
        self.latency = (0.01, 0.1)
        self._faults = faults
        self._rng = rng
        self._is_open = False
        self._down_until = self._mute_until = self._frozen_until = self._limited_until = -1.0
        self._says_up = True
        self._last = 0.0

    @property
    def is_up(self) -> bool:
        """Whether messages come through."""
        return self._is_open and self.agenda.now >= self._down_until

    @property
    def is_frozen(self) -> bool:
        """Whether the other end is gone without anybody having noticed."""
        return self.agenda.now < self._frozen_until

    def delay(self) -> float:
        """Seconds that the next message travels."""
        return self._rng.uniform(*self.latency)

    def open(self) -> None:
        """Begin the session.

        Raises:
            VenueUnavailableError: the venue cannot be reached now.
        """
        if self.agenda.now < self._down_until:
            msg = "connection refused"
            raise VenueUnavailableError(msg)
        self._is_open = self._says_up = True

    def close(self) -> None:
        """End the session."""
        self._is_open = False
        self.epoch += 1

    def require(self) -> None:
        """Let a message through.

        Raises:
            VenueUnavailableError: it does not come through.
        """
        if not self.is_up:
            msg = "not connected"
            raise VenueUnavailableError(msg)
        if self.agenda.now < self._limited_until:
            msg = "429: too many requests"
            raise VenueUnavailableError(msg)

    def down(self, seconds: float, reason: str = "connection reset") -> None:
        """Break the session for a while; both the break and the return are reported."""
        self.epoch += 1
        self._down_until = max(self._down_until, self.agenda.now + seconds)
        if self._is_open and self._says_up:
            self._says_up = False
            self.events.put_nowait(ConnectionChange(is_up=False, reason=reason))
        self.agenda.at(self._down_until, self._return)

    def mute(self, seconds: float) -> None:
        """Report nothing for a while; calls are answered and nothing tells of it."""
        self._mute_until = max(self._mute_until, self.agenda.now + seconds)

    def freeze(self, seconds: float) -> None:
        """Report and answer nothing for a while, then break as a dead socket does at last."""
        self._frozen_until = max(self._frozen_until, self.agenda.now + seconds)
        self.agenda.at(self._frozen_until, partial(self._break_if_frozen, self._frozen_until))

    def limit(self, seconds: float) -> None:
        """Refuse every call for a while, as venues do that count requests."""
        self._limited_until = max(self._limited_until, self.agenda.now + seconds)

    def heal(self) -> None:
        """End everything that is wrong now."""
        self._mute_until = self._limited_until = self._frozen_until = -1.0
        if self._down_until > self.agenda.now:
            self._down_until = self.agenda.now
            self._return()

    def report(self, event: VenueEvent) -> None:
        """The venue reports something; a fault may come between."""
        if not self._passes():
            self.lost.append(event)
            return
        fault = self._faults.draw(_opportunity(event))
        if isinstance(fault, EventFault):
            fault.deliver(self, event)
        else:
            self.send(event)

    def send(self, event: VenueEvent) -> None:
        """Send a report behind all those that were sent before."""
        self._last = max(self._last, self.agenda.now + self.delay())
        self.agenda.at(self._last, partial(self._arrive, event))

    def send_later(self, event: VenueEvent, seconds: float) -> None:
        """Send a report that others may overtake."""
        self.agenda.after(seconds + self.delay(), partial(self._arrive, event))

    def lose(self, event: VenueEvent) -> None:
        """Send nothing."""
        self.lost.append(event)

    def _break_if_frozen(self, until: float) -> None:
        """Break as a dead socket does, unless it has come back to life or is dead for longer."""
        if self._frozen_until == until:
            self.down(1.0, "the socket was dead")

    def _passes(self) -> bool:
        return self.is_up and self.agenda.now >= self._mute_until and not self.is_frozen

    def _arrive(self, event: VenueEvent) -> None:
        if self._passes():
            self.events.put_nowait(event)
        else:
            self.lost.append(event)

    def _return(self) -> None:
        if self.is_up and not self._says_up:
            self._says_up = True
            self.events.put_nowait(ConnectionChange(is_up=True, reason="connected again"))


def _opportunity(event: VenueEvent) -> str:
    if isinstance(event, Fill):
        return "event.fill"
    return "event.order" if isinstance(event, Order) else "event.other"


@attrs.frozen(kw_only=True)
class EventFault(Fault):
    """A fault of one report."""

    opportunities: ClassVar[frozenset[str]] = frozenset(
        {"event.order", "event.fill", "event.other"}
    )

    def deliver(self, link: Link, event: VenueEvent) -> None:
        """Send the report, in whatever way it goes wrong."""
        link.send(event)
