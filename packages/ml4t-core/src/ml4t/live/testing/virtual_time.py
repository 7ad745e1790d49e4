"""An event loop whose time jumps: a day of timers runs in the time that their callbacks take.

Nothing here waits. When no callback is ready, the loop sets its time to the next timer; when there
is no timer either, nothing could ever happen again, and that is an error rather than a hang. Two
runs of the same program take the same steps in the same order.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ml4t.core.errors import Ml4tError
from ml4t.core.times import require_aware

__all__ = ["DeadlockError", "VirtualClock", "VirtualLoop", "run"]

T = TypeVar("T")


class DeadlockError(Ml4tError):
    """Every task waits for another one, and no timer will ever wake any of them."""


class _JumpingSelector(selectors.DefaultSelector):
    """Looks whether a socket is ready; where it should wait, it moves the time instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            msg = "nothing is ready and no timer is set: every task waits for another one"
            raise DeadlockError(msg)
        self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop that never sleeps; its time begins at 0 and jumps from timer to timer.

    An exception that no task takes, such as one from a timer's callback, is kept in ``failures``
    and raised by :func:`run`, where a usual loop would only log it.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self.failures: list[BaseException] = []

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now

    def block(self, seconds: float) -> None:
        """Let time pass without running anything, as a loop that is held up would.

        Timers that fell due meanwhile run late, one after the other.
        """
        self._jumping.now += seconds

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what a usual loop would log."""
        error = context.get("exception")
        self.failures.append(error or Ml4tError(str(context.get("message"))))


class VirtualClock:
    """The clocks of a virtual loop; implements :class:`~ml4t.live.clock.Clock`.

    Args:
        loop: whose time it shows.
        start: what the wall shows when the loop's time is 0, timezone-aware.
    """

    def __init__(self, loop: VirtualLoop, start: datetime) -> None:
        require_aware(start, "start")
        self._loop = loop
        self._start = start
        self._shift = 0.0

    def now(self) -> datetime:
        """The wall clock, wrong by what :meth:`jump_wall` has done to it."""
        return self._start + timedelta(seconds=self._loop.time() + self._shift)

    def monotonic(self) -> float:
        """The loop's time."""
        return self._loop.time()

    def jump_wall(self, seconds: float) -> None:
        """Set the wall clock forth, or back where negative; intervals do not change."""
        self._shift += seconds

    def block(self, seconds: float) -> None:
        """Hold the loop up for that long: time passes and nothing runs."""
        self._loop.block(seconds)

    def true_clock(self) -> "VirtualClock":
        """A clock of the same loop whose wall is right and stays so, for the venue."""
        return VirtualClock(self._loop, self._start)


def run(main: Callable[[VirtualClock], Coroutine[Any, Any, T]], start: datetime) -> T:
    """Run ``main(clock)`` on a new virtual loop and give what it returns.

    Args:
        main: the program; it is handed the clock.
        start: the wall clock at the beginning, timezone-aware.

    Raises:
        DeadlockError: nothing could ever happen again.
        BaseException: what ``main`` raised, or what no task took.

    >>> from datetime import UTC
    >>> async def wait_a_day(clock: VirtualClock) -> datetime:
    ...     await asyncio.sleep(86_400)
    ...     return clock.now()
    >>> run(wait_a_day, datetime(2024, 1, 2, tzinfo=UTC)).isoformat()
    '2024-01-03T00:00:00+00:00'
    """
    loop = VirtualLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        result = runner.run(main(VirtualClock(loop, start)))
    if loop.failures:
        raise loop.failures[0]
    return result
