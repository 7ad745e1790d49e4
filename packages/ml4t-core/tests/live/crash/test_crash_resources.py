"""F49, F50 and F52: no more files, a loop or a strategy that hangs, two engines, other limits."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from ml4t.core import BrokerProtocol, MarketSlice, OrderType, Strategy
from ml4t.core.risk import TradingState
from ml4t.live.engine import LiveEngine
from ml4t.live.events import CauseCleared, CauseRaised, EngineStarted
from ml4t.live.journal import MemoryJournal
from ml4t.live.testing import LockstepThread, VirtualClock, run
from ml4t.live.testing.crash_child import REFUSED
from ml4t.live.testing.crash_examination import at_rest
from ml4t.live.testing.crash_market import CrashMarket
from ml4t.live.testing.crash_process import ChildProcess
from ml4t.live.testing.crash_session import OWNER, START, CrashSession

Starter = Callable[..., Awaitable[ChildProcess]]


async def until(child, wished):
    """The first report that is as wished, within ten seconds; else the last one."""
    for _ in range(100):
        report = await child.ask("state", "asked")
        assert report is not None
        if wished(report):
            return report
        await asyncio.sleep(0.1)
    return report


async def test_f49_an_engine_without_file_descriptors_is_restricted_and_recovers(market, start):
    """The session breaks and no socket can be made: no new risk until one can."""
    child = await start()
    assert await child.said("state", "started", 10)
    await until(child, lambda report: report["book"]["state"] == "ACTIVE")
    await child.ask("files none", "files")
    market.server.break_connections()
    report = await until(child, lambda report: "disconnected" in report["book"]["causes"])
    assert "REDUCING" == report["book"]["state"]
    before = len(market.own_orders)
    await asyncio.sleep(0.5)
    assert before == len(market.own_orders)
    await child.ask("files any", "files")
    report = await until(child, lambda report: report["book"]["state"] == "ACTIVE")
    assert {} == report["book"]["causes"]
    child.tell("quiet")
    market.halt()
    report = await until(child, lambda report: not at_rest(market, report, is_healed=True))
    assert [] == at_rest(market, report, is_healed=True)


async def blocked_loop(clock: VirtualClock) -> None:
    session = CrashSession(clock, seed=3)
    journal = MemoryJournal(OWNER, clock)
    engine = session.engine(journal)
    engine.runner.allowed = 60.0
    running = await session.live(engine, 12.0)
    clock.block(30.0)
    await asyncio.sleep(10.0)
    events = [entry.event for entry in journal.entries()]
    raised = [e.name for e in events if isinstance(e, CauseRaised)]
    cleared = [e.name for e in events if isinstance(e, CauseCleared)]
    assert 1 == raised.count("event loop")
    assert 1 == cleared.count("event loop")
    assert {} == engine.account.book.causes
    assert [] == await session.rest(engine, 10.0)
    await engine.stop("the test is over")
    assert 0 == await running


def test_f49_a_blocked_event_loop_is_noticed_and_passes() -> None:
    run(blocked_loop, START)


class Hanging(Strategy):
    """Sends a limit far from the market, then hangs in its next bar."""

    def __init__(self) -> None:
        self.hang: Callable[[], object] = int
        self.bars = 0

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        self.bars += 1
        if self.bars == 1:
            price = round(data["AAA"]["close"] * 0.9, 2)
            broker.submit_order("AAA", 5, order_type=OrderType.LIMIT, limit_price=price)
        elif self.bars == 2:
            self.hang()


async def hanging_strategy(clock):
    session = CrashSession(clock, seed=3)
    journal = MemoryJournal(OWNER, clock)
    strategy = Hanging()
    engine: LiveEngine = session.engine(journal, strategy=strategy)
    thread = engine._thread  # noqa: SLF001 - only the thread of a test can let time pass
    assert isinstance(thread, LockstepThread)
    strategy.hang = lambda: thread.pass_time(300.0)
    running = await session.live(engine, 20.0)
    assert 2 == strategy.bars
    assert engine.account.book.state is not TradingState.ACTIVE
    assert 1 == len(session.venue.desk.open_orders())
    report = await engine.kill("it hangs", "test")
    assert report.all_sent < 5
    assert [] == list(session.venue.desk.open_orders())
    engine.rearm("test", "looked at")
    await asyncio.sleep(320.0)
    # Bars that came meanwhile were folded together, and it goes on.
    assert strategy.bars > 2
    assert engine.account.book.state is TradingState.ACTIVE
    await engine.stop("the test is over")
    assert 0 == await running


def test_f49_a_strategy_that_hangs_keeps_no_kill_switch_from_working() -> None:
    run(hanging_strategy, START)


async def test_f50_a_second_engine_on_the_same_account_is_refused(
    market: CrashMarket, start: Starter
) -> None:
    first = await start()
    assert await first.said("state", "started", 10)
    second = await start()
    assert REFUSED == await second.end()
    (said,) = second.messages
    assert "JournalInUseError" == said["refused"]
    assert str(first.pid) in str(said["text"])
    assert os.getpid() != first.pid
    before = len(market.own_orders)
    await asyncio.sleep(0.5)
    assert before < len(market.own_orders)
    assert [] == market.venue.watch.check()


async def changed_limits(clock: VirtualClock) -> None:
    session = CrashSession(clock, seed=3)
    journal = MemoryJournal(OWNER, clock)
    digests = []
    for limits, is_looser in (({}, False), ({"max_order_shares": 9.0}, False), ({}, True)):
        journal = journal.reopened()
        engine = session.engine(journal, limits)
        running = await session.live(engine, 12.0)
        digests.append(engine.account.book.config_hash)
        causes = engine.account.book.causes
        assert is_looser == ("limits" in causes), causes
        state = TradingState.REDUCING if is_looser else TradingState.ACTIVE
        assert state is engine.account.book.state
        if is_looser:
            assert causes["limits"].latched
            assert "max_order_shares" in causes["limits"].reason
            # Not even another start confirms it; a person does.
            engine.rearm("test", "wished")
            assert {} == engine.account.book.causes
        await engine.stop("the test is over")
        assert 0 == await running
    starts = [e.event for e in journal.entries() if isinstance(e.event, EngineStarted)]
    assert digests == [event.config_hash for event in starts]
    assert digests[0] == digests[2] != digests[1]
    assert [] == session.venue.watch.check()


def test_f52_limits_only_get_tighter_without_a_person() -> None:
    run(changed_limits, START)


async def looser_twice(clock: VirtualClock) -> None:
    session = CrashSession(clock, seed=3)
    journal = MemoryJournal(OWNER, clock)
    for shares in (5.0, 10.0, 10.0):
        journal = journal.reopened()
        engine = session.engine(journal, {"max_order_shares": shares})
        running = await session.live(engine, 12.0)
        assert (shares == 10.0) == ("limits" in engine.account.book.causes)
        await engine.stop("the test is over")
        assert 0 == await running


def test_f52_another_start_does_not_stand_for_a_person() -> None:
    run(looser_twice, START)
