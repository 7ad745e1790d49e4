"""Tests of :mod:`ml4t.live.testing.virtual_time`."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from ml4t.live.clock import Clock
from ml4t.live.testing import DeadlockError, VirtualClock, run

START = datetime(2024, 1, 2, tzinfo=UTC)


def test_a_day_of_timers_takes_no_time() -> None:
    """86,400 sleeps of a second pass in far less than a day, and end when they should."""

    async def main(clock: VirtualClock) -> datetime:
        for _ in range(86_400 // 10):
            await asyncio.sleep(10)
        return clock.now()

    began = time.perf_counter()
    assert START + timedelta(days=1) == run(main, START)
    assert time.perf_counter() - began < 5


def test_timers_fire_in_the_order_of_their_time() -> None:
    async def main(clock: VirtualClock) -> list[float]:
        fired: list[float] = []

        async def fire(seconds: float) -> None:
            await asyncio.sleep(seconds)
            fired.append(clock.monotonic())

        await asyncio.gather(*(fire(seconds) for seconds in (3.0, 1.0, 2.0)))
        return fired

    assert [1.0, 2.0, 3.0] == run(main, START)


def test_waiting_for_nothing_is_a_deadlock() -> None:
    async def main(_: VirtualClock) -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match="every task waits"):
        run(main, START)


def test_a_wall_clock_that_jumps_leaves_intervals_alone() -> None:
    async def main(clock: VirtualClock) -> tuple[datetime, float, datetime]:
        true = clock.true_clock()
        clock.jump_wall(-3_600)
        await asyncio.sleep(1)
        return clock.now(), clock.monotonic(), true.now()

    expected = (START - timedelta(seconds=3_599), 1.0, START + timedelta(seconds=1))
    assert expected == run(main, START)


def test_a_blocked_loop_fires_late() -> None:
    async def main(clock: VirtualClock) -> float:
        sleeper = asyncio.create_task(asyncio.sleep(1))
        await asyncio.sleep(0)
        clock.block(30)
        await sleeper
        return clock.monotonic()

    assert run(main, START) == 30.0


def test_an_exception_in_a_callback_fails_the_run() -> None:
    async def main(_: VirtualClock) -> None:
        asyncio.get_running_loop().call_later(1, lambda: 1 // 0)
        await asyncio.sleep(2)

    with pytest.raises(ZeroDivisionError):
        run(main, START)


def test_a_thread_that_wakes_the_loop_is_heard() -> None:
    """Sockets and foreign threads work, though time does not wait for them."""

    async def main(_: VirtualClock) -> str:
        reader, writer = await asyncio.open_connection(sock=_socket_that_says(b"hello\n"))
        line = await reader.readline()
        writer.close()
        return line.decode()

    assert run(main, START) == "hello\n"


def _socket_that_says(words: bytes) -> object:
    import socket  # noqa: PLC0415 - for this one test

    here, there = socket.socketpair()
    there.sendall(words)
    there.close()
    return here


def test_the_virtual_clock_is_a_clock() -> None:
    async def main(clock: VirtualClock) -> Clock:
        return clock

    assert run(main, START).monotonic() == 0.0
