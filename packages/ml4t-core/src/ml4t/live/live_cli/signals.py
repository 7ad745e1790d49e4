"""What the signals of the system do to a run."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable

from ml4t.live.control import Controllable

__all__ = ["INTERRUPTED", "Signals"]

_log = logging.getLogger(__name__)

INTERRUPTED = 130
"""The exit status of a run that was told to end twice."""

_ENDING = ("SIGINT", "SIGTERM")


class Signals:
    """Stops the engine on SIGINT and SIGTERM, and kills trading on SIGUSR1.

    The second SIGINT or SIGTERM ends the process at once, without another word to anybody: working
    orders stay at the venue, and the journal says so at the next start.

    Args:
        engine: what is told.
        leave: ends the process; :func:`os._exit` if left out.
    """

    def __init__(self, engine: Controllable, *, leave: Callable[[int], object] = os._exit) -> None:
        self._engine = engine
        self._leave = leave
        self._was_told = False
        self._tasks: set[asyncio.Task[object]] = set()

    def __enter__(self) -> "Signals":
        loop = asyncio.get_running_loop()
        for name in _ENDING:
            loop.add_signal_handler(getattr(signal, name), self._end, name)
        loop.add_signal_handler(signal.SIGUSR1, self._kill)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for name in (*_ENDING, "SIGUSR1"):
            loop.remove_signal_handler(getattr(signal, name))

    def _end(self, name: str) -> None:
        if self._was_told:
            self._leave(INTERRUPTED)
            return
        self._was_told = True
        self._follow(asyncio.ensure_future(self._engine.stop(name)))

    def _kill(self) -> None:
        self._follow(asyncio.ensure_future(self._engine.kill("SIGUSR1", "signal")))

    def _follow(self, task: "asyncio.Task[object]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("what a signal asked for failed", exc_info=fault)
