"""The strategy's thread, tied to the event loop so that two runs are the same to the bit."""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from typing import TypeVar

from ml4t.core.errors import CallTimeoutError, StrategyError
from ml4t.live.strategy_thread import StrategyThread
from ml4t.live.testing.virtual_time import DeadlockError

__all__ = ["LockstepThread"]

T = TypeVar("T")

_CLOSED = "the engine has stopped: no call reaches the venue any more"
_PATIENCE = 60.0


class _Request:
    """A call of the strategy that waits for the loop."""

    def __init__(
        self, step: Callable[[], Coroutine[object, object, object]], timeout: float
    ) -> None:
        self.step = step
        self.timeout = timeout
        self.answers: queue.SimpleQueue[tuple[object, BaseException | None]] = queue.SimpleQueue()


class LockstepThread(StrategyThread):
    """A strategy thread that never runs at the same time as the event loop.

    The loop's thread hands over and stands still until the strategy's function returns or calls;
    a call is answered on the loop, which goes on meanwhile, and hands over again. No time of a
    virtual loop passes while the strategy computes; :meth:`pass_time` makes it pass.

    Args:
        loop: the event loop that answers calls.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._messages: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._turn = asyncio.Lock()
        self._servers: set[asyncio.Task[None]] = set()
        self._waiting: set[_Request] = set()
        self._withheld = 0

    def withhold(self, count: int = 1) -> None:
        """Let the loop be too busy to begin the next ``count`` calls within their time-out."""
        self._withheld += count

    def pass_time(self, seconds: float) -> None:
        """Compute for that long: called by the strategy, the loop goes on meanwhile."""
        self._ask(_Request(lambda: asyncio.sleep(seconds), seconds))

    async def run(self, function: Callable[[], T]) -> T:
        """Run ``function`` on the thread and give what it returns; see ``StrategyThread``."""
        outcome: asyncio.Future[T] = self._loop.create_future()
        server = self._loop.create_task(self._serve_turn(function, outcome))
        self._servers.add(server)
        server.add_done_callback(self._servers.discard)
        return await outcome

    def call(self, step: Callable[[], Coroutine[object, object, T]], timeout: float) -> T:
        """Run a coroutine on the event loop and wait for it; see ``StrategyThread``."""
        if threading.current_thread() is not self._thread:
            return super().call(step, timeout)
        if self._is_closed:
            raise CallTimeoutError(_CLOSED)
        with self._as_waiting():
            return self._ask(_Request(step, timeout))  # type: ignore[return-value]

    def _ask(self, request: _Request) -> object:
        """Hand over to the loop until it has an answer."""
        self._messages.put(request)
        answer, error = request.answers.get()
        if error is not None:
            raise error
        return answer

    def close(self) -> None:
        """Let the thread end when it is idle, and fail every call that it still makes."""
        super().close()
        for request in tuple(self._waiting):
            request.answers.put((None, CallTimeoutError(_CLOSED)))
        self._waiting.clear()

    async def _serve_turn(self, function: Callable[[], T], outcome: "asyncio.Future[T]") -> None:
        results: list[T] = []
        errors: list[BaseException] = []

        def work() -> None:
            try:
                results.append(function())
            # The strategy's code: whatever it raises belongs to whoever waits for it.
            except BaseException as error:  # noqa: BLE001
                errors.append(error)
            self._messages.put(None)

        async with self._turn:
            if self._is_closed:
                # The thread has ended or is about to: it would never come to this.
                errors.append(CallTimeoutError(_CLOSED))
            else:
                self._work.put(work)
                await self._serve_calls(errors)
        if outcome.done():
            return
        if errors:
            outcome.set_exception(_carried(errors[0]))
        else:
            outcome.set_result(results[0])

    async def _serve_calls(self, errors: list[BaseException]) -> None:
        """Answer the strategy's calls until its function returns."""
        try:
            while (request := self._next_message()) is not None:
                await self._answer(request)
        except DeadlockError as error:
            errors.append(error)

    def _next_message(self) -> _Request | None:
        try:
            return self._messages.get(timeout=_PATIENCE)
        except queue.Empty:
            msg = f"the strategy computed for {_PATIENCE:g} s without a call: does it loop?"
            raise DeadlockError(msg) from None

    async def _answer(self, request: _Request) -> None:
        self._waiting.add(request)
        answer, error = await self._outcome(request)
        if request in self._waiting:
            self._waiting.discard(request)
            request.answers.put((answer, error))

    async def _outcome(self, request: _Request) -> tuple[object, BaseException | None]:
        if self._withheld:
            self._withheld -= 1
            await asyncio.sleep(request.timeout)
            return None, CallTimeoutError("the event loop was busy: the call was withdrawn")
        task = self._loop.create_task(request.step())
        await asyncio.wait({task})
        if task.cancelled():
            return None, CallTimeoutError(_CLOSED)
        if (error := task.exception()) is not None:
            return None, error
        return task.result(), None


def _carried(error: BaseException) -> BaseException:
    """The error as a future can carry it."""
    if isinstance(error, StopIteration | asyncio.CancelledError | KeyboardInterrupt | SystemExit):
        return StrategyError(f"the strategy raised {type(error).__name__}: {error}")
    return error
