"""The one thread on which a strategy runs, and the bridge from it to the event loop."""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from ml4t.core.errors import CallTimeoutError, StrategyError

__all__ = ["StrategyThread"]

T = TypeVar("T")

_CLOSED = "the engine has stopped: no call reaches the venue any more"


class _Call(Generic[T]):
    """One call from the strategy's thread, which either starts or is withdrawn, never both."""

    def __init__(self, step: Callable[[], Coroutine[object, object, T]]) -> None:
        self.step = step
        self.started = threading.Event()
        self.ended = threading.Event()
        self.answer: list[T] = []
        self.error: BaseException | None = None
        self._lock = threading.Lock()
        self._is_taken = False

    def take(self) -> bool:
        """Whether the caller of this, loop or strategy, is the first to decide about it."""
        with self._lock:
            first, self._is_taken = not self._is_taken, True
        return first

    def end(self, error: BaseException | None = None) -> None:
        """Let the strategy go on."""
        self.error = error
        self.ended.set()

    def result(self) -> T:
        """What it gave, or raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.answer[0]


class StrategyThread:
    """Runs functions of the strategy one after the other on a thread of its own.

    While the strategy computes or waits for an answer the event loop goes on, so that a strategy
    that hangs keeps neither fills from being booked nor a kill switch from working. The thread does
    not keep the program alive.

    Args:
        loop: the event loop that answers calls.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._loop_thread = threading.get_ident()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._calls: set[_Call[object]] = set()
        self._is_closed = False
        self._waited = 0.0
        self._waiting_since: float | None = None
        self._thread = threading.Thread(target=self._serve, name="ml4t-strategy", daemon=True)
        self._thread.start()

    async def run(self, function: Callable[[], T]) -> T:
        """Run ``function`` on the thread and give what it returns.

        Raises:
            BaseException: whatever the function raises.
        """
        future: asyncio.Future[T] = self._loop.create_future()

        def work() -> None:
            try:
                result = function()
            # The strategy's code: whatever it raises belongs to whoever waits for it.
            except BaseException as error:  # noqa: BLE001
                self._tell(_fail, future, error)
            else:
                self._tell(_succeed, future, result)

        self._work.put(work)
        return await future

    def call(self, step: Callable[[], Coroutine[object, object, T]], timeout: float) -> T:
        """Run a coroutine on the event loop and wait for it; called by the strategy.

        Args:
            step: makes the coroutine. Once it has begun it is waited for, however long it takes: it
                limits its own time, and hiding what it did would hide an order.
            timeout: how many seconds the event loop may take to begin it.

        Raises:
            CallTimeoutError: the event loop did not begin it in time, or the engine has stopped. It
                was not begun and will not be.
            StrategyError: called on the event loop's own thread, which would wait for itself.
        """
        if threading.get_ident() == self._loop_thread:
            msg = "a broker is called from the strategy's methods, not from the event loop"
            raise StrategyError(msg)
        if self._is_closed:
            raise CallTimeoutError(_CLOSED)
        call = _Call(step)
        with self._as_waiting():
            self._loop.call_soon_threadsafe(self._begin, call)
            if not call.started.wait(timeout) and call.take():
                msg = f"the event loop was busy for {timeout:g} s: withdrawn, nothing was sent"
                raise CallTimeoutError(msg)
            call.ended.wait()
        return call.result()

    @property
    def waited(self) -> float:
        """Seconds that the strategy has spent waiting for answers to its calls, all in all."""
        since = self._waiting_since
        return self._waited if since is None else self._waited + self._loop.time() - since

    @contextmanager
    def _as_waiting(self) -> Iterator[None]:
        """Count the time of a call as the runtime's, not the strategy's."""
        self._waiting_since = since = self._loop.time()
        try:
            yield
        finally:
            self._waiting_since = None
            self._waited += self._loop.time() - since

    def close(self) -> None:
        """Let the thread end when it is idle, and fail every call that it still makes."""
        self._is_closed = True
        for call in tuple(self._calls):
            call.end(CallTimeoutError(_CLOSED))
        self._work.put(None)

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end; whether it has."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _begin(self, call: "_Call[T]") -> None:
        if not call.take():
            return
        call.started.set()
        if self._is_closed:
            call.end(CallTimeoutError(_CLOSED))
            return
        task = self._loop.create_task(call.step())
        self._calls.add(call)  # type: ignore[arg-type]
        task.add_done_callback(lambda done: self._finish(call, done))

    def _finish(self, call: "_Call[T]", task: "asyncio.Task[T]") -> None:
        self._calls.discard(call)
        if task.cancelled():
            call.end(CallTimeoutError(_CLOSED))
        elif (error := task.exception()) is not None:
            call.end(error)
        else:
            call.answer.append(task.result())
            call.end()

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()


def _succeed(future: "asyncio.Future[T]", result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[T]", error: BaseException) -> None:
    if future.done():
        return
    if isinstance(error, StopIteration | asyncio.CancelledError | KeyboardInterrupt | SystemExit):
        error = StrategyError(f"the strategy raised {type(error).__name__}: {error}")
    future.set_exception(error)
