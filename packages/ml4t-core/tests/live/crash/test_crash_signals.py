"""F44: SIGTERM and SIGINT at any time, once and twice."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ml4t.live.clock import SystemClock
from ml4t.live.events import EngineStarted, EngineStopped
from ml4t.live.journal import Journal, StateDirectory, verify
from ml4t.live.testing.crash_child import OWNER
from ml4t.live.testing.crash_examination import at_rest
from ml4t.live.testing.crash_market import CrashMarket
from ml4t.live.testing.crash_process import ChildProcess

Starter = Callable[..., Awaitable[ChildProcess]]
# A signal after the run's last word does what it does to any program.
AT_ONCE = {0, 130, -signal.SIGINT, -signal.SIGTERM}


def last_event(state: Path) -> object:
    journal = Journal.open(StateDirectory(state).journal, OWNER, SystemClock())
    events = [entry.event for entry in journal.entries()]
    journal.close()
    return events[-1]


async def test_f44_one_signal_at_any_time_ends_the_run_within_five_seconds(
    market: CrashMarket, start: Starter, tmp_path: Path
) -> None:
    """Each time on the same account: the next engine takes over what the last one left."""
    dice = random.Random(44)  # noqa: S311
    for number, wait in enumerate((0.0, 0.02, 0.1, 0.4, 0.8, dice.random(), dice.random())):
        child = await start(with_signals=True)
        assert await child.said("alert", "starting", 10)
        await asyncio.sleep(wait)
        began = time.monotonic()
        child.send((signal.SIGTERM, signal.SIGINT)[number % 2])
        assert 0 == await child.end(within=6)
        assert time.monotonic() - began < 5
        assert isinstance(last_event(tmp_path / "state"), EngineStopped)
        assert verify(tmp_path / "state" / "journal.db").is_sound
    assert [] == market.venue.watch.check()


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.05])
async def test_f44_two_signals_end_it_at_once_and_the_next_engine_knows_all(
    market, start, tmp_path, pause
):
    child = await start(with_signals=True)
    assert await child.said("state", "started", 10)
    await asyncio.sleep(0.5)
    began = time.monotonic()
    child.send(signal.SIGTERM)
    await asyncio.sleep(pause)
    child.send(signal.SIGINT)
    status = await child.end(within=6)
    assert time.monotonic() - began < 5
    assert status in AT_ONCE
    assert verify(tmp_path / "state" / "journal.db").is_sound
    child = await start(quiet=True)
    assert await child.said("state", "started", 10)
    market.halt()
    for _ in range(50):
        report = await child.ask("state", "asked")
        if not at_rest(market, report, is_healed=True):
            break
        await asyncio.sleep(0.1)
    assert [] == at_rest(market, report, is_healed=True)


async def test_f44_a_signal_before_there_is_an_engine_leaves_nothing_half_made(
    start: Starter, tmp_path: Path
) -> None:
    for number, wait in enumerate((0.05, 0.15, 0.25, 0.3)):
        child = await start(with_signals=True)
        await asyncio.sleep(wait)
        child.send((signal.SIGTERM, signal.SIGINT)[number % 2])
        assert await child.end(within=6) is not None
        journal = tmp_path / "state" / "journal.db"
        found = verify(journal)
        assert found.is_sound or "there is no journal" in found.reason
        if found.rows and any("state" in message for message in child.messages):
            assert not isinstance(last_event(tmp_path / "state"), EngineStarted)
