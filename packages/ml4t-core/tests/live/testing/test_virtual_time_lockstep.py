"""Tests of :mod:`ml4t.live.testing.lockstep`."""

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from ml4t.core.errors import CallTimeoutError, StrategyError
from ml4t.live.testing import LockstepThread, VirtualClock, run

START = datetime(2024, 1, 2, tzinfo=UTC)


def _thread() -> LockstepThread:
    return LockstepThread(asyncio.get_running_loop())


def test_a_function_runs_on_the_worker_and_its_result_comes_back() -> None:
    async def main(_: VirtualClock) -> tuple[int, bool]:
        thread = _thread()
        name = await thread.run(lambda: threading.current_thread().name)
        result = await thread.run(lambda: 6 * 7)
        thread.close()
        return result, name == threading.current_thread().name

    assert (42, False) == run(main, START)


def test_a_call_runs_on_the_loop_while_the_worker_waits() -> None:
    async def main(clock: VirtualClock) -> tuple[str, float]:
        thread = _thread()

        async def ask() -> str:
            await asyncio.sleep(2)
            return "answer"

        answer = await thread.run(lambda: thread.call(ask, 5))
        thread.close()
        return answer, clock.monotonic()

    assert ("answer", 2.0) == run(main, START)


def test_nothing_else_runs_while_the_strategy_computes() -> None:
    """Another task only runs during calls, so its steps interleave in one way alone."""

    async def main(_: VirtualClock) -> list[str]:
        thread = _thread()
        seen: list[str] = []

        async def tick() -> None:
            for number in range(3):
                seen.append(f"tick {number}")
                await asyncio.sleep(1)

        def strategy() -> None:
            for number in range(2):
                seen.append(f"compute {number}")
                thread.call(lambda: asyncio.sleep(1.5), 5)

        ticking = asyncio.create_task(tick())
        await thread.run(strategy)
        await ticking
        thread.close()
        return seen

    expected = ["tick 0", "compute 0", "tick 1", "compute 1", "tick 2"]
    assert expected == run(main, START)
    assert expected == run(main, START)


def test_exceptions_of_function_and_call_come_back() -> None:
    async def main(_: VirtualClock) -> None:
        thread = _thread()

        async def refuse() -> None:
            msg = "no"
            raise ValueError(msg)

        with pytest.raises(ZeroDivisionError):
            await thread.run(lambda: 1 // 0)
        with pytest.raises(ValueError, match="no"):
            await thread.run(lambda: thread.call(refuse, 5))
        with pytest.raises(StrategyError, match="StopIteration"):
            await thread.run(lambda: next(iter(())))
        thread.close()

    run(main, START)


def test_a_withheld_call_times_out_and_is_not_begun() -> None:
    async def main(clock: VirtualClock) -> tuple[list[str], float]:
        thread = _thread()
        thread.withhold()
        begun: list[str] = []

        async def begin() -> None:
            begun.append("begun")

        def strategy() -> None:
            with pytest.raises(CallTimeoutError):
                thread.call(begin, 3)

        await thread.run(strategy)
        thread.close()
        return begun, clock.monotonic()

    assert ([], 3.0) == run(main, START)


def test_passing_time_lets_the_loop_go_on() -> None:
    async def main(clock: VirtualClock) -> float:
        thread = _thread()
        await thread.run(lambda: thread.pass_time(300))
        thread.close()
        return clock.monotonic()

    assert run(main, START) == 300.0


def test_a_function_goes_on_when_nobody_waits_for_it_any_more() -> None:
    """Functions take turns: the next one begins when the one that was given up has ended."""

    async def main(_: VirtualClock) -> list[str]:
        thread = _thread()
        seen: list[str] = []

        def slow() -> None:
            thread.pass_time(10)
            seen.append("slow")

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(thread.run(slow), 1)
        await thread.run(lambda: seen.append("next"))
        thread.close()
        return seen

    assert ["slow", "next"] == run(main, START)


def test_a_closed_thread_fails_its_calls() -> None:
    async def main(_: VirtualClock) -> str:
        thread = _thread()

        def strategy() -> str:
            with pytest.raises(CallTimeoutError):
                thread.pass_time(100)
            return "told"

        asyncio.get_running_loop().call_later(1, thread.close)
        return await thread.run(strategy)

    assert run(main, START) == "told"


def test_a_function_of_another_thread_is_served_too() -> None:
    async def main(_: VirtualClock) -> list[int]:
        thread = _thread()
        answers: list[int] = []

        async def ask() -> int:
            return 1

        other = threading.Thread(target=lambda: answers.append(thread.call(ask, 10)))
        other.start()
        while not answers:  # noqa: ASYNC110 - a thread cannot set an event of the loop
            await asyncio.sleep(0)
        other.join()
        thread.close()
        return answers

    assert [1] == run(main, START)
