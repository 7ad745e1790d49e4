"""The parts of a running engine: started together, watched, and ended in time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import TypeVar

__all__ = ["Supervision", "settled"]

T = TypeVar("T")


class Supervision:
    """Runs the parts of an engine until somebody stops it or one of them fails.

    Args:
        on_failure: told which part failed and of what, before everything ends.

    Attributes:
        why: the reason for which the run ends or ended; "" while it goes on.
        has_failed: whether a part failed.
    """

    def __init__(self, on_failure: Callable[[str], None]) -> None:
        self.why = ""
        self.has_failed = False
        self._on_failure = on_failure
        self._stopping = asyncio.Event()
        self._parts: dict[str, asyncio.Task[None]] = {}
        self._errands: dict[asyncio.Future[object], None] = {}

    @property
    def is_stopping(self) -> bool:
        """Whether the run is to end."""
        return self._stopping.is_set()

    def stop(self, reason: str) -> None:
        """End the run; the first reason counts."""
        self.why = self.why or reason
        self._stopping.set()

    async def stopped(self) -> None:
        """Return when the run is to end."""
        await self._stopping.wait()

    def start(self, name: str, work: Coroutine[object, object, None], ends: str = "") -> None:
        """Start a part.

        Args:
            name: which.
            work: what it does.
            ends: why the run ends when the part does; "" where it goes on.
        """
        task = asyncio.create_task(work, name=f"ml4t-{name}")
        self._parts[name] = task
        task.add_done_callback(lambda done: self._ended(name, done, ends))

    def run_errand(self, work: Coroutine[object, object, object]) -> None:
        """Do something beside everything else that is not waited for."""
        task = asyncio.ensure_future(work)
        self._errands[task] = None
        task.add_done_callback(self._errand_ended)

    async def unless_stopped(self, name: str, work: Coroutine[object, object, T]) -> T | None:
        """Do something, and give it up if the run is to end; None where it was given up."""
        task = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # Whoever ends the engine ends what it was doing.
            task.cancel()
            task.add_done_callback(_take_note)
            raise
        finally:
            stopped.cancel()
        if not task.done():
            await settled([task], 1.0, cancel=True)
            return None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(name, error)
            return None
        return task.result()

    async def end(self, name: str, patience: float) -> bool:
        """End one part; whether it was there."""
        task = self._parts.get(name)
        if task is None:
            return False
        await settled([task], patience, cancel=True)
        return True

    async def end_all(self, patience: float) -> None:
        """End every part and every errand."""
        for errand in tuple(self._errands):
            errand.cancel()
        await settled(self._parts.values(), patience, cancel=True)

    def _ended(self, name: str, task: "asyncio.Task[None]", ends: str) -> None:
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            self._fail(name, error)
        elif ends:
            self.stop(ends)

    def _errand_ended(self, task: "asyncio.Future[object]") -> None:
        self._errands.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail("errand", error)

    def _fail(self, name: str, error: BaseException) -> None:
        """A part of the runtime that fails ends the run."""
        self.has_failed = True
        reason = f"{name} failed: {type(error).__name__}: {error}"
        self._on_failure(reason)
        self.stop(reason)


async def settled(
    tasks: "Iterable[asyncio.Future[T]]", patience: float, *, cancel: bool = False
) -> None:
    """Wait for tasks for a limited time, whatever they raise; cancel those that take longer.

    Args:
        tasks: what to wait for.
        patience: how many seconds.
        cancel: whether to cancel them first.
    """
    waited = list(dict.fromkeys(tasks))
    if not waited:
        return
    for task in waited:
        if cancel:
            task.cancel()
        # Even if nobody waits any more when it ends.
        task.add_done_callback(_take_note)
    await asyncio.wait(waited, timeout=patience)
    for task in waited:
        if not task.done():
            task.cancel()


def _take_note(task: "asyncio.Future[T]") -> None:
    """Take what a part that was given up raises in the end, so that nobody complains."""
    if not task.cancelled():
        task.exception()
