"""Everything around one engine in virtual time: venue, adapter, feed, journal and disk."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar

import attrs

from ml4t.core.broker import BrokerProtocol
from ml4t.core.calendar import Session
from ml4t.core.errors import Ml4tError
from ml4t.core.fills import Fill
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice
from ml4t.core.risk import UNLIMITED, LiveRiskConfig
from ml4t.core.strategy import Strategy
from ml4t.live.book import LiveBook
from ml4t.live.config import ExecutionMode, LiveConfig, Timing
from ml4t.live.engine import LiveEngine
from ml4t.live.events import Alert, JournalEvent
from ml4t.live.journal import Journal, JournalOwner, MemoryJournal, StateDirectory
from ml4t.live.testing.chance import branch, seeded
from ml4t.live.testing.examination import JournalReader, of_truth
from ml4t.live.testing.fault_broker import FaultyBroker
from ml4t.live.testing.fault_feed import FaultyFeed
from ml4t.live.testing.fault_plan import FaultPlan
from ml4t.live.testing.fault_venue import FaultyVenue
from ml4t.live.testing.listed_sessions import ListedSessions
from ml4t.live.testing.lockstep import LockstepThread
from ml4t.live.testing.market import MarketSettings
from ml4t.live.testing.order_desk import VenueRules
from ml4t.live.testing.truth_watch import TruthLimits
from ml4t.live.testing.virtual_time import VirtualClock

__all__ = ["FailingDisk", "Scripted", "Setting", "Stage", "Step"]

E = TypeVar("E")

_OPENS = datetime(2024, 3, 4, 15, 0, tzinfo=UTC)
_STEP = 0.05
_ROUNDS = 1000
_BEFORE_FIRST_WORD = 3
"""Turns of the loop until a new engine has read its journal."""


def _one_session() -> tuple[Session, ...]:
    return (Session(label=date(2024, 3, 4), opens=_OPENS, closes=_OPENS + timedelta(hours=8)),)


def _limits() -> LiveRiskConfig:
    """Limits that a test of something else does not meet."""
    return LiveRiskConfig(
        bar_seconds=60.0,
        max_order_shares=100.0,
        max_order_value=UNLIMITED,
        max_position_shares=1000.0,
        max_position_value=UNLIMITED,
        max_total_exposure=UNLIMITED,
        allowed_assets=UNLIMITED,
        max_daily_loss=50_000.0,
        max_repeat=UNLIMITED,
        dedup_window_seconds=0.0,
        max_orders_per_minute=UNLIMITED,
        max_messages_per_second=100.0,
    )


class Step:
    """What a :class:`Scripted` strategy is shown at a bar.

    Args:
        broker: where it places orders.
        data: the bars.
        number: which bar this is, counted from 1 in each life of the engine.
    """

    def __init__(self, broker: BrokerProtocol, data: MarketSlice, number: int) -> None:
        self.broker = broker
        self.data = data
        self.number = number

    def price(self, asset: str) -> float:
        """The close of the latest bar."""
        return self.data[asset]["close"]


class Scripted(Strategy):
    """Does at each bar what it is told to.

    Args:
        script: what to do, by the number of the bar, counted from 1.
        always: what to do at every bar; None for nothing.

    Attributes:
        bars: how many bars it was shown.
        told: the orders and executions that it was told of, in order.
        raised: what the script raised.
    """

    def __init__(
        self,
        script: Mapping[int, Callable[[Step], object]] | None = None,
        always: Callable[[Step], object] | None = None,
    ) -> None:
        self.bars = 0
        self.told: list[Order | Fill] = []
        self.raised: list[Exception] = []
        self._script = dict(script or {})
        self._always = always

    def on_data(
        self,
        timestamp: datetime,  # noqa: ARG002 - bars are counted
        data: MarketSlice,
        context: Mapping[str, object],  # noqa: ARG002 - none is needed
        broker: BrokerProtocol,
    ) -> None:
        """Do what stands in the script for this bar."""
        self.bars += 1
        step = Step(broker, data, self.bars)
        for do in (self._script.get(self.bars), self._always):
            if do is None:
                continue
            try:
                do(step)
            except Exception as error:
                self.raised.append(error)
                raise

    def on_order(self, order: Order, broker: BrokerProtocol) -> None:  # noqa: ARG002 - only told
        """Keep what was told."""
        self.told.append(order)

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:  # noqa: ARG002 - only told
        """Keep what was told."""
        self.told.append(fill)


@attrs.frozen(kw_only=True)
class Setting:
    """What is played on a stage.

    Attributes:
        prices: what is traded and its first prices.
        cash: the money that the account begins with.
        bar_size: how long a bar is.
        sessions: the trading days; the play begins ``early`` before the first one opens.
        early: how long before the first session, or after its opening where negative.
        limits: of the engine; its limits in units are those that the truth is held against.
        timing: of the engine.
        rules: of the venue.
        plan: what goes wrong.
        seed: of all chance.
        strategy: makes the strategy of each life of the engine.
        market: other settings of the market, by the names of ``MarketSettings``.
        adopt, warmup: as in ``LiveConfig``.
    """

    prices: Mapping[str, float] = attrs.field(
        factory=lambda: {"AAA": 100.0, "BBB": 50.0, "CCC": 20.0}
    )
    cash: float = 100_000.0
    bar_size: timedelta = timedelta(minutes=1)
    sessions: tuple[Session, ...] = attrs.field(factory=_one_session)
    early: timedelta = timedelta(seconds=-30)
    limits: LiveRiskConfig = attrs.field(factory=_limits)
    timing: Timing = attrs.field(factory=lambda: Timing(watch=0.5))
    rules: VenueRules = attrs.field(factory=VenueRules)
    plan: FaultPlan = attrs.field(factory=FaultPlan)
    seed: int = 1
    strategy: Callable[[], Strategy] = Scripted
    market: Mapping[str, object] = attrs.field(factory=dict)
    adopt: bool = False
    warmup: int = 0

    @property
    def begins(self) -> datetime:
        """What the wall clock shows at the beginning: give it to ``run``."""
        return self.sessions[0].opens - self.early


class FailingDisk:
    """A disk that a test makes fail; a seam of the journal.

    Attributes:
        failures: how many steps failed.
        writes: how many transactions were begun.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.failures = 0
        self.writes = 0
        self._clock = clock
        self._fails_until = -1.0
        self._countdown = 0
        self._seconds = 0.0

    def fail(self, seconds: float, *, after: int = 0) -> None:
        """Refuse everything for a while.

        Args:
            seconds: how long.
            after: how many transactions succeed before.
        """
        self._countdown, self._seconds = after, seconds
        if not after:
            self._fails_until = self._clock.monotonic() + seconds

    def heal(self) -> None:
        """Take everything again."""
        self._countdown, self._fails_until = 0, -1.0

    def reached(self, step: str) -> None:
        """Fail where it is time to."""
        if step == "begin":
            self.writes += 1
            if self._countdown:
                self._countdown -= 1
                if not self._countdown:
                    self._fails_until = self._clock.monotonic() + self._seconds
        if self._clock.monotonic() < self._fails_until:
            self.failures += 1
            msg = "database or disk is full"
            raise sqlite3.OperationalError(msg)


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
