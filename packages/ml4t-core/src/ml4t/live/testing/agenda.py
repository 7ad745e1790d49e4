"""What is to happen at a simulated venue, and when."""

import asyncio
import heapq
from collections.abc import Callable

from ml4t.live.clock import Clock

__all__ = ["Agenda", "Alarm"]


class Agenda:
    """Entries in the order of their time and, at one time, in the order in which they were made.

    It has no thread and no loop: somebody calls :meth:`run`.

    Args:
        clock: whose ``monotonic`` the times are on the scale of.
        since: the earliest time that an entry can have.

    Attributes:
        on_sooner: called when an entry is made that is due before all others.
    """

    __slots__ = ("_clock", "_count", "_entries", "_is_running", "_reached", "on_sooner")

    def __init__(self, clock: Clock, since: float) -> None:
        self.on_sooner: Callable[[], None] | None = None
        self._clock = clock
        self._reached = since
        self._entries: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0
        self._is_running = False

    @property
    def now(self) -> float:
        """The time, in seconds; while an entry runs, the time it was due at.

        So a venue that is asked late still does everything in time.
        """
        return self._reached if self._is_running else self._clock.monotonic()

    @property
    def next_due(self) -> float | None:
        """When the next entry is due; None without one."""
        return self._entries[0][0] if self._entries else None

    def at(self, when: float, do: Callable[[], object]) -> None:
        """Make an entry; one in the past is due now."""
        self._count += 1
        entry = (max(when, self._reached), self._count, do)
        heapq.heappush(self._entries, entry)
        if self.on_sooner is not None and self._entries[0] is entry:
            self.on_sooner()

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        """Make an entry that is due in ``seconds``."""
        self.at(self.now + seconds, do)

    def run(self) -> None:
        """Do everything that is due by now; within an entry nothing happens."""
        if self._is_running:
            return
        entries, moment = self._entries, self._clock.monotonic()
        self._is_running = True
        try:
            while entries and entries[0][0] <= moment:
                self._reached, _, do = heapq.heappop(entries)
                do()
        finally:
            self._is_running = False
        self._reached = max(self._reached, moment)


class Alarm:
    """Keeps an agenda up to the running loop's time, with one timer for its next entry.

    Args:
        agenda: whose entries are run.
        clock: shows the loop's time as its ``monotonic``.
    """

    def __init__(self, agenda: Agenda, clock: Clock) -> None:
        self._agenda = agenda
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_ringing = False

    def start(self) -> None:
        """Begin, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._agenda.on_sooner = self._set
        self._ring()

    def stop(self) -> None:
        """End; what is still on the agenda stays there."""
        self._agenda.on_sooner = None
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self) -> None:
        self._is_ringing = True
        try:
            self._agenda.run()
        finally:
            self._is_ringing = False
        self._set()

    def _set(self) -> None:
        due = self._agenda.next_due
        if self._is_ringing or self._loop is None or due is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        delay = max(due - self._clock.monotonic(), 0.0)
        self._timer = self._loop.call_at(self._loop.time() + delay, self._ring)
