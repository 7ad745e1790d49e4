"""Calls from the strategy's thread: begun and waited for, or withdrawn for good."""

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from ml4t.core.errors import CallTimeoutError, StrategyError
from ml4t.live.strategy_thread import StrategyThread
from ml4t.live.testing import LockstepThread

Kind = Callable[[asyncio.AbstractEventLoop], StrategyThread]


@pytest.fixture(params=[StrategyThread, LockstepThread])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Both threads keep the same contract."""
    made: Kind = request.param
    return made


async def ended(thread: StrategyThread) -> bool:
    """Close a thread and wait for it."""
    thread.close()
    return await asyncio.to_thread(thread.join, 1.0)


async def test_functions_run_one_after_the_other_on_a_thread_of_their_own(kind: Kind) -> None:
    thread = kind(asyncio.get_running_loop())
    seen: list[tuple[int, int]] = []

    def work(number: int) -> int:
        seen.append((number, threading.get_ident()))
        return number

    results = await asyncio.gather(*(thread.run(partial(work, n)) for n in range(5)))
    assert [0, 1, 2, 3, 4] == results == [number for number, _ in seen]
    assert 1 == len({ident for _, ident in seen})
    assert threading.get_ident() != seen[0][1]
    assert await ended(thread)


async def test_a_call_gives_what_the_coroutine_gives(kind: Kind) -> None:
    thread = kind(asyncio.get_running_loop())

    async def step() -> str:
        await asyncio.sleep(0.01)
        return threading.current_thread().name

    answer = await thread.run(lambda: thread.call(step, 1.0))
    assert threading.current_thread().name == answer
    assert await ended(thread)


@pytest.mark.parametrize(
    ("raised", "arrives"),
    [
        (ValueError("v"), ValueError),
        (KeyError("k"), KeyError),
        (SystemExit(3), StrategyError),
        (KeyboardInterrupt(), StrategyError),
        (StopIteration(), StrategyError),
        (asyncio.CancelledError(), StrategyError),
    ],
)
async def test_what_the_strategy_raises_reaches_whoever_waits(
    kind: Kind, raised: BaseException, arrives: type[BaseException]
) -> None:
    thread = kind(asyncio.get_running_loop())

    def fail() -> None:
        raise raised

    with pytest.raises(arrives):
        await thread.run(fail)
    assert 7 == await thread.run(lambda: 7)
    assert await ended(thread)


async def test_what_a_call_raises_reaches_the_strategy(kind: Kind) -> None:
    thread = kind(asyncio.get_running_loop())

    async def fail() -> None:
        msg = "no such order"
        raise KeyError(msg)

    def function() -> str:
        try:
            thread.call(fail, 1.0)
        except KeyError as error:
            return str(error.args[0])
        return ""

    assert "no such order" == await thread.run(function)
    assert await ended(thread)


async def test_a_call_that_the_loop_did_not_begin_in_time_never_runs_later() -> None:
    thread = StrategyThread(asyncio.get_running_loop())
    began: list[str] = []

    async def step() -> None:
        began.append("too late")

    def function() -> None:
        thread.call(step, 0.02)

    running = asyncio.ensure_future(thread.run(function))
    await asyncio.sleep(0)
    time.sleep(0.15)  # noqa: ASYNC251 - the loop must be busy
    with pytest.raises(CallTimeoutError, match="withdrawn"):
        await running
    await asyncio.sleep(0.05)
    assert [] == began
    assert await ended(thread)


async def test_a_call_that_has_begun_is_waited_for_longer_than_its_timeout() -> None:
    thread = StrategyThread(asyncio.get_running_loop())

    async def step() -> str:
        await asyncio.sleep(0.15)
        return "sent"

    assert "sent" == await thread.run(lambda: thread.call(step, 0.1))
    assert await ended(thread)


async def test_withdrawing_and_beginning_at_the_same_moment_is_one_or_the_other() -> None:
    thread = StrategyThread(asyncio.get_running_loop())
    began: list[int] = []

    async def step(number: int) -> int:
        began.append(number)
        return number

    def function(number: int) -> str:
        try:
            return f"{thread.call(lambda: step(number), 0.0005)}"
        except CallTimeoutError:
            return "withdrawn"

    async def disturb() -> None:
        for _ in range(200):
            time.sleep(0.0005)  # noqa: ASYNC251 - the loop must be busy
            await asyncio.sleep(0)

    disturbing = asyncio.ensure_future(disturb())
    answers = [await thread.run(partial(function, n)) for n in range(60)]
    await disturbing
    assert [number for number in range(60) if answers[number] == str(number)] == began
    assert await ended(thread)


async def test_a_call_from_the_event_loop_itself_is_an_error_and_no_deadlock() -> None:
    thread = StrategyThread(asyncio.get_running_loop())

    async def step() -> None:
        """Never reached."""

    with pytest.raises(StrategyError, match="event loop"):
        thread.call(step, 1.0)
    assert await ended(thread)


async def test_a_function_that_hangs_blocks_neither_the_loop_nor_the_end() -> None:
    thread = StrategyThread(asyncio.get_running_loop())
    release = threading.Event()
    running = asyncio.ensure_future(thread.run(lambda: release.wait(5.0)))
    before = time.monotonic()
    await asyncio.sleep(0.05)
    running.cancel()
    thread.close()
    assert not thread.join(0.02)
    assert time.monotonic() - before < 0.5
    release.set()
    assert await asyncio.to_thread(thread.join, 1.0)


async def test_after_the_end_no_call_reaches_the_venue(kind: Kind) -> None:
    thread = kind(asyncio.get_running_loop())
    release = threading.Event()
    caught: list[str] = []

    async def step() -> None:
        caught.append("sent")

    def function() -> None:
        release.wait(1.0)
        try:
            thread.call(step, 1.0)
        except CallTimeoutError as error:
            caught.append(str(error))

    if kind is LockstepThread:
        thread.close()
        release.set()
        # Nothing is served on the thread of the loop, so the call comes from another.
        await asyncio.to_thread(function)
    else:
        running = asyncio.ensure_future(thread.run(function))
        await asyncio.sleep(0.02)
        thread.close()
        release.set()
        await running
    assert 1 == len(caught)
    assert "engine has stopped" in caught[0]
    assert await asyncio.to_thread(thread.join, 1.0)


async def test_the_end_frees_a_strategy_that_waits_for_an_answer(kind: Kind) -> None:
    thread = kind(asyncio.get_running_loop())
    caught: list[str] = []

    async def hang() -> None:
        await asyncio.sleep(0.5)

    def function() -> None:
        try:
            thread.call(hang, 1.0)
        except CallTimeoutError as error:
            caught.append(str(error))

    running = asyncio.ensure_future(thread.run(function))
    await asyncio.sleep(0.05)
    thread.close()
    assert await asyncio.to_thread(thread.join, 0.3)
    assert 1 == len(caught)
    running.cancel()
    await asyncio.wait({running})


async def test_the_strategy_may_swallow_a_withdrawn_call_and_go_on() -> None:
    thread = LockstepThread(asyncio.get_running_loop())

    async def step() -> str:
        return "sent"

    def function() -> list[str]:
        answers = []
        for _ in range(2):
            try:
                answers.append(thread.call(step, 0.01))
            except CallTimeoutError:
                answers.append("withdrawn")
        return answers

    thread.withhold()
    assert ["withdrawn", "sent"] == await thread.run(function)
    assert await ended(thread)


async def test_waiting_for_answers_is_counted_apart(kind: Kind) -> None:
    thread = kind(asyncio.get_running_loop())

    async def answer() -> None:
        await asyncio.sleep(0.1)

    def work() -> None:
        thread.call(answer, 1.0)
        time.sleep(0.1)

    await thread.run(work)
    assert 0.09 < thread.waited < 0.18
    assert await ended(thread)
