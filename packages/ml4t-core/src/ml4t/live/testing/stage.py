"""Everything around one engine in virtual time: venue, adapter, feed, journal and disk."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

from ml4t.core.errors import Ml4tError
from ml4t.core.strategy import Strategy
from ml4t.live.book import LiveBook
from ml4t.live.config import ExecutionMode, LiveConfig
from ml4t.live.engine import LiveEngine
from ml4t.live.events import Alert, JournalEvent
from ml4t.live.journal import Journal, JournalOwner, MemoryJournal, StateDirectory
from ml4t.live.testing.chance import branch, seeded
from ml4t.live.testing.examination import JournalReader, of_truth
from ml4t.live.testing.failing_disk import FailingDisk
from ml4t.live.testing.fault_broker import FaultyBroker
from ml4t.live.testing.fault_feed import FaultyFeed
from ml4t.live.testing.fault_venue import FaultyVenue
from ml4t.live.testing.listed_sessions import ListedSessions
from ml4t.live.testing.lockstep import LockstepThread
from ml4t.live.testing.market import MarketSettings
from ml4t.live.testing.scripted import Scripted, Step
from ml4t.live.testing.setting import Setting
from ml4t.live.testing.truth_watch import TruthLimits
from ml4t.live.testing.virtual_time import VirtualClock

__all__ = ["FailingDisk", "Scripted", "Setting", "Stage", "Step"]

E = TypeVar("E")

_STEP = 0.05
_ROUNDS = 1000
_BEFORE_FIRST_WORD = 3
"""Turns of the loop until a new engine has read its journal."""


class Stage:
    """One engine after the other at one venue, in virtual time.

    Use it as an async context on the loop of ``ml4t.live.testing.run``::

        async def play(clock: VirtualClock) -> list[str]:
            async with Stage(setting, clock) as stage:
                await stage.until(lambda: stage.state == "ACTIVE", within=10)
                await stage.crash()
                await stage.restart()
                await stage.heal()
                return await stage.rest()

        assert run(play, setting.begins) == []

    Args:
        setting: what is played.
        clock: of the virtual loop; its wall clock is the engine's and may jump.
        journal: None for one in memory.
        state: the folder with the kill file; None for none.

    Attributes:
        venue, broker, feed, disk: the world; they outlive a crash.
        journal: of the running engine.
        engine: the latest one.
        strategy: the latest one.
        thread: of the latest strategy.
        alerts: all that a person was told, in all lives.
        exits: the exit status of every life that ended by itself.
        errors: what engines raised.
    """

    def __init__(
        self,
        setting: Setting,
        clock: VirtualClock,
        *,
        journal: Journal | MemoryJournal | None = None,
        state: StateDirectory | None = None,
    ) -> None:
        self.setting = setting
        self.clock = clock
        self.rng = seeded(setting.seed)
        self.disk = FailingDisk(clock)
        market = MarketSettings(
            prices=setting.prices,
            sessions=setting.sessions,
            bar_size=setting.bar_size,
            **setting.market,  # type: ignore[arg-type]
        )
        self.venue = FaultyVenue(
            market, clock.true_clock(), branch(self.rng), cash=setting.cash, rules=setting.rules
        )
        self.broker = FaultyBroker(self.venue, setting.plan, branch(self.rng))
        self.feed = FaultyFeed(self.venue, self.broker.faults, branch(self.rng))
        self.journal: Journal | MemoryJournal = journal or MemoryJournal(
            JournalOwner(
                account_id=setting.rules.account_id,
                environment=setting.rules.environment,
                broker="simulated",
            ),
            clock,
            disk=self.disk,
        )
        self.alerts: list[Alert] = []
        self.exits: list[int] = []
        self.errors: list[BaseException] = []
        self.thread: LockstepThread
        self.engine: LiveEngine
        self.strategy: Strategy
        self._state = state
        self._calendar = ListedSessions(setting.sessions)
        self._reader = JournalReader(bytes.fromhex(self.journal.head))
        self._mine: set[asyncio.Task[object]] = set()
        self._running: asyncio.Task[int] | None = None
        self._hold_truth_to_limits()

    async def __aenter__(self) -> Self:
        self.venue.open()
        await self.restart()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await (self.crash() if error is not None else self.stop())
        self.venue.close()

    # How things stand

    @property
    def book(self) -> LiveBook:
        """What the engine believes."""
        return self.engine.account.book

    @property
    def state(self) -> str:
        """The engine's trading state, by name."""
        return self.book.state.name

    @property
    def is_running(self) -> bool:
        """Whether the engine runs."""
        return self._running is not None and not self._running.done()

    def held(self, asset: str) -> float:
        """The true position, signed."""
        return self.venue.account_truth.held.get(asset, 0.0)

    def journaled(self, kind: type[E]) -> list[E]:
        """The events of one kind in the journal, from the first life on."""
        events: list[JournalEvent] = [entry.event for entry in self.journal.entries()]
        return [event for event in events if isinstance(event, kind)]

    def violations(self, *, is_at_rest: bool = True) -> list[str]:
        """Every invariant that is broken now or was before.

        Args:
            is_at_rest: whether nothing happens at the venue and everything that did was told; only
                then must engine and truth agree.
        """
        self.venue.advance()
        findings = [*self.venue.watch.check(), *self._of_journal()]
        findings += [f"the engine raised {type(error).__name__}: {error}" for error in self.errors]
        if is_at_rest and self.is_running:
            findings += of_truth(self.engine, self.venue)
            findings += self._of_queues()
        return findings

    # What happens

    async def pass_time(self, seconds: float) -> None:
        """Let that much time go by."""
        await asyncio.sleep(seconds)
        self.venue.advance()

    async def until(self, condition: Callable[[], object], within: float) -> None:
        """Let time go by until something is so.

        Raises:
            TimeoutError: it did not come to be within so many seconds.
        """
        ends = self.clock.monotonic() + within
        while not condition():
            if self.clock.monotonic() >= ends:
                causes = "; ".join(str(cause.reason) for cause in self.book.causes.values())
                msg = f"not so within {within:g} s; the engine is {self.state}: {causes}"
                raise TimeoutError(msg)
            await self.pass_time(_STEP)

    async def crash(self) -> None:
        """Let the engine's process die between two instructions: it says nothing to anybody."""
        if isinstance(self.journal, MemoryJournal):
            # What the dying engine still writes goes nowhere.
            self.journal = self.journal.reopened()
        self.venue.watch.state = self.venue.watch.believed = None
        await self._cancel_everything()
        self._reset_connection()

    async def restart(self, journal: Journal | MemoryJournal | None = None) -> None:
        """Start an engine on the journal of the one before.

        Args:
            journal: the journal opened again, where it is not one in memory.
        """
        if journal is not None:
            self.journal = journal
        self._mine = {task for task in asyncio.all_tasks() if task is not self._running}
        self.strategy = self.setting.strategy()
        self.engine = engine = self._engine()
        engine.account.alarm = self.alerts.append
        self.venue.watch.state = lambda: engine.account.book.state.name
        self.venue.watch.believed = engine.account.held
        self._running = asyncio.create_task(engine.run())
        for _ in range(_BEFORE_FIRST_WORD):
            await asyncio.sleep(0)

    async def heal(self) -> None:
        """End everything that is wrong with connection, bars, disk and clock, for good."""
        self.broker.heal()
        self.feed.line.heal()
        self.disk.heal()
        self.clock.jump_wall(-(self.clock.now() - self.venue.clock.now()).total_seconds())
        await asyncio.sleep(0)

    async def rest(self, seconds: float = 60.0) -> list[str]:
        """Let nothing trade for a while, then give every invariant that is broken.

        Sixty seconds are enough for an engine with the usual limits to ask twice.
        """
        self.venue.advance()
        halted = set(self.venue.market.halted)
        self.venue.market.halted.update(self.setting.prices)
        await self.pass_time(seconds)
        findings = self.violations()
        self.venue.market.halted.clear()
        self.venue.market.halted.update(halted)
        return findings

    async def stop(self, reason: str = "the test is over") -> int:
        """End the engine as a person would; gives its exit status, -1 where it had crashed."""
        if self._running is None:
            return -1
        await self.engine.stop(reason)
        await asyncio.wait({self._running})
        return self.ended()

    def ended(self) -> int:
        """Take note that the engine ended by itself; gives its exit status.

        Raises:
            Ml4tError: it has not ended.
        """
        task, self._running = self._running, None
        if task is None or not task.done():
            msg = "the engine has not ended"
            raise Ml4tError(msg)
        status = 1
        if (error := task.exception()) is not None:
            self.errors.append(error)
        else:
            status = task.result()
        self.exits.append(status)
        self.thread.join(5.0)
        if isinstance(self.journal, MemoryJournal):
            self.journal = self.journal.reopened()
        self._reset_connection()
        return status

    # Parts

    def _engine(self) -> LiveEngine:
        setting = self.setting
        return LiveEngine(
            self.strategy,
            self.broker,
            self.feed,
            LiveConfig(
                assets=tuple(setting.prices),
                bar_size=setting.bar_size,
                account=setting.rules.account_id,
                mode=ExecutionMode.PAPER,
                risk=setting.limits,
                timing=setting.timing,
                adopt=setting.adopt,
                warmup=setting.warmup,
            ),
            journal=self.journal,
            state=self._state,
            clock=self.clock,
            calendar=self._calendar,
            thread=self._make_thread,
        )

    def _make_thread(self, loop: asyncio.AbstractEventLoop) -> LockstepThread:
        self.thread = LockstepThread(loop)
        return self.thread

    def _hold_truth_to_limits(self) -> None:
        limit = self.setting.limits.max_position_shares
        if isinstance(limit, float | int):
            self.venue.watch.limits = TruthLimits(
                max_position=dict.fromkeys(self.setting.prices, float(limit))
            )

    async def _cancel_everything(self) -> None:
        """End every task that the engine or somebody on its behalf began."""
        self.thread.close()
        self.thread.join(5.0)
        for _ in range(_ROUNDS):
            alive = self._alive()
            if not alive:
                break
            for task in alive:
                task.cancel()
            await asyncio.sleep(0)
        self._running = None

    def _alive(self) -> Sequence["asyncio.Task[object]"]:
        spared = {*self._mine, asyncio.current_task()}
        return [task for task in asyncio.all_tasks() if task not in spared]

    def _reset_connection(self) -> None:
        """The sockets of a process that has ended are gone, with all that was in them."""
        self.broker.link.close()
        self.broker.link.events = asyncio.Queue()
        self.feed.line.bars = asyncio.Queue()

    def _of_journal(self) -> list[str]:
        self._reader.read(self.journal)
        findings = [*self._reader.findings, *self._reader.unintended(self.venue)]
        if self.is_running and not self.engine.account.has_unwritten:
            findings += self._reader.against(self.book)
        return findings

    def _of_queues(self) -> list[str]:
        waiting = {
            "notices and bars": self.engine.runner.waiting,
            "reports of the venue": self.broker.link.events.qsize(),
            "bars of the feed": self.feed.line.bars.qsize(),
        }
        return [f"I12: {count} {what} wait" for what, count in waiting.items() if count]
