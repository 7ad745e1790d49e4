"""Runs one strategy at one venue."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, timedelta

from ml4t.core.broker import AsyncBrokerProtocol, BarDrivenBroker
from ml4t.core.calendar import AlwaysOpen, TradingCalendar
from ml4t.core.feed import DataFeedProtocol
from ml4t.core.protocol import check_protocol
from ml4t.core.risk import Breach, RiskBook, TradingState, judge_strategy_errors
from ml4t.core.risk.config import bound
from ml4t.core.strategy import Strategy
from ml4t.core.venue_events import ConnectionChange, VenueEvent
from ml4t.live.account import LiveAccount
from ml4t.live.bar_intake import BarIntake
from ml4t.live.bars import BarGrid, BarGroup, BarRules
from ml4t.live.clock import Clock, SystemClock
from ml4t.live.config import LiveConfig
from ml4t.live.connection import Connection
from ml4t.live.events import Alert, EngineStopped
from ml4t.live.intake import Intake
from ml4t.live.journal import EventLog, Origin, StateDirectory, origin_of
from ml4t.live.kill_switch import CancelReport, KillSwitch, cancel_everything
from ml4t.live.moments import Moments
from ml4t.live.reconcile import Reconciler
from ml4t.live.safe_broker import SafeBroker
from ml4t.live.start_up import StartUp, warm_up
from ml4t.live.status import status_of
from ml4t.live.strategy_broker import StrategyBroker
from ml4t.live.strategy_runner import StrategyRunner
from ml4t.live.strategy_thread import StrategyThread
from ml4t.live.unknown_orders import UnknownOrders
from ml4t.live.watch import Watch, Watched

__all__ = ["LiveEngine"]

_DAY = 86_400.0


class LiveEngine:
    """Runs one strategy at one venue, with one account.

    Make it inside a running event loop and await :meth:`run`. The strategy\'s methods run on one
    thread of their own; everything else runs on the event loop, so that booking, the limits and
    the kill switch go on whatever the strategy does.

    Args:
        strategy: the strategy.
        broker: the adapter of the venue.
        feed: where bars come from.
        config: how the run is set up.
        journal: where everything is made durable; it must belong to the same account.
        state: the folder with the kill file; None for none.
        clock: where the time comes from.
        calendar: the sessions of the venue.
        thread: makes the strategy\'s thread.

    Attributes:
        account: orders, executions, positions and restrictions.
        safe: the way to the venue, for a person\'s orders.
        runner: what calls the strategy.
        alarm: told of everything that a person should know.
    """

    def __init__(  # noqa: PLR0913 - the parts that differ between worlds
        self,
        strategy: Strategy,
        broker: AsyncBrokerProtocol,
        feed: DataFeedProtocol,
        config: LiveConfig,
        *,
        journal: EventLog,
        state: StateDirectory | None = None,
        clock: Clock | None = None,
        calendar: TradingCalendar | None = None,
        thread: Callable[[asyncio.AbstractEventLoop], StrategyThread] = StrategyThread,
    ) -> None:
        check_protocol(broker)
        check_protocol(feed)
        self.config = config
        self.broker = broker
        self.feed = feed
        self.clock = clock or SystemClock()
        self.calendar = calendar or AlwaysOpen()
        self.journal = journal
        self.started_at = self.clock.monotonic()
        self._thread = thread(asyncio.get_running_loop())
        self._stopping = asyncio.Event()
        self._why = ""
        self._errors = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._rescue: set[asyncio.Future[object]] = set()
        self._exit = 0
        self._connect_parts(state)
        self._connect_strategy(strategy)

    # Parts

    def _connect_parts(self, state: StateDirectory | None) -> None:
        config, clock, broker = self.config, self.clock, self.broker
        self.account = LiveAccount(self.journal, RiskBook(config.risk), clock)
        self.moments = Moments(clock, self.calendar)
        self.intake = Intake(self.account, self._origin_of, self._on_connection)
        self.safe = SafeBroker(
            broker,
            self.account,
            self.intake,
            moment=self.moments.now,
            clock=clock,
            patience=config.timing.call,
            name=config.name,
        )
        self.kill_switch = KillSwitch(
            broker,
            self.account,
            clock=clock,
            file=state.kill if state is not None else None,
            patience=config.timing.stop,
        )
        self.reconciler = Reconciler(
            broker,
            self.account,
            self.intake,
            self.safe,
            clock=clock,
            patience=config.timing.snapshot,
        )
        self.unknown = UnknownOrders(
            broker,
            self.account,
            self.intake,
            clock=clock,
            apart=config.timing.resolve,
            patience=config.timing.snapshot,
        )
        watched = Watched(
            broker=broker,
            account=self.account,
            journal=self.journal,
            safe=self.safe,
            reconciler=self.reconciler,
            unknown=self.unknown,
            kill_switch=self.kill_switch,
            clock=clock,
            moment=self.moments.now,
        )
        self.watch = Watch(
            watched,
            every=config.timing.watch,
            patience=config.timing.snapshot,
            on_kill=self.kill,
            on_halt=self._on_halt,
        )
        self.connection = Connection(
            self.safe, self.account, self.reconciler, self.unknown, heard=self.watch.heard
        )

    def _connect_strategy(self, strategy: Strategy) -> None:
        config, account = self.config, self.account
        broker = self._strategy_broker = StrategyBroker(
            self.safe, account, self._thread, account.book.assets, config.timing.call
        )
        seconds = config.bar_size.total_seconds() if config.bar_size is not None else _DAY
        self.runner = StrategyRunner(
            strategy,
            broker,
            self._thread,
            config.assets,
            zone=getattr(self.calendar, "zone", UTC),
            allowed=seconds / 2,
            on_error=self._on_strategy_error,
        )
        account.listener = self.runner.tell
        if isinstance(self.broker, BarDrivenBroker):
            self.runner.venue, self.runner.intake = self.broker, self.intake
            account.listener = None
        self.runner.on_bars = self._on_bars
        self.bars = BarIntake(
            self.feed,
            config.assets,
            grid=BarGrid(self.calendar, config.bar_size),
            calendar=self.calendar,
            rules=BarRules(max_bar_move=bound(config.risk.max_bar_move)),
            deadline=timedelta(seconds=config.timing.bars),
            account=account,
            runner=self.runner,
            clock=self.clock,
        )

        self.intake.on_halt = self.bars.take_halt

    # What people do

    async def run(self) -> int:
        """Run until the feed ends or somebody stops it.

        Returns:
            The exit status: 0 where it ended as wished, 1 where the start failed or a part of the
            runtime did.
        """
        begin = StartUp(self)
        try:
            if not await self._unless_stopped(begin.run()):
                return 1 if begin.has_failed else self._exit
            await self._trade()
        finally:
            await self._shut_down()
        return self._exit

    async def stop(self, reason: str) -> None:
        """End the run; working orders stay at the venue."""
        self._why = self._why or reason
        self._stopping.set()

    async def kill(self, reason: str, by: str) -> CancelReport:
        """Halt trading and cancel everything, now."""
        return await self.kill_switch.pull(reason, by)

    async def flatten(self, by: str) -> list[str]:
        """Cancel everything and close every position, on a person\'s word.

        Returns:
            The ids of the orders that close.
        """
        await cancel_everything(
            self.broker,
            tuple(self.account.book.open),
            clock=self.clock,
            patience=self.config.timing.stop,
        )
        self.account.record(Alert(kind="flatten", message=f"every position is closed for {by}"))
        ledger = self.account.book.ledger
        sent = []
        for asset in sorted(ledger.positions) if ledger is not None else ():
            order = await self.safe.close_position(asset, by_human=True)
            if order is not None:
                sent.append(order.id)
        return sent

    def rearm(self, by: str, reason: str) -> tuple[str, ...]:
        """Allow trading again, on a person\'s word; gives what was taken away."""
        names = self.account.rearm(by, reason)
        self.kill_switch.release()
        self._errors = 0
        return names

    async def adopt(self, by: str) -> None:
        """Take over cash and positions as the venue has them, on a person\'s word."""
        await self.reconciler.adopt(by)
        await self.reconciler.run(at_once=True)

    def status(self) -> dict[str, object]:
        """How things stand, as plain values."""
        return status_of(self)

    # The run

    async def _trade(self) -> None:
        """Start the strategy, show it the past, and go on until somebody stops it."""
        self._start_task(self._take_events(), "events")
        self._start_task(self.watch.run(), "watch")
        if not await self._unless_stopped(self._begin_strategy()):
            return
        self._start_task(self.runner.run(), "strategy")
        feed = self._start_task(self.bars.run(), "feed")
        feed.add_done_callback(self._feed_ended)
        await self._stopping.wait()

    async def _begin_strategy(self) -> None:
        await self.runner.start()
        if self.config.warmup:
            await warm_up(self)
        await self.feed.subscribe(self.config.assets)

    async def _take_events(self) -> None:
        async for event in self.broker.events():
            self.watch.heard()
            try:
                self.intake.take(event)
            # One event that cannot be taken in must not cost those after it.
            except Exception as error:  # noqa: BLE001
                self._set_aside(event, error)
        if not self._stopping.is_set() and self.runner.venue is None:
            self.connection.lost("the stream of events has ended")

    def _set_aside(self, event: VenueEvent, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error} while {event!r} was taken in"
        self.account.restrict("events", TradingState.REDUCING, reason, latched=True)

    def _feed_ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is None:
            self._why = self._why or "the feed has ended"
            self._stopping.set()

    def _start_task(self, work: Coroutine[object, object, None], name: str) -> "asyncio.Task[None]":
        task = asyncio.create_task(work, name=f"ml4t-{name}")
        self._tasks.append(task)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: "asyncio.Task[None]") -> None:
        """A part of the runtime that fails halts trading and ends the run."""
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        self._exit = 1
        reason = f"{task.get_name()} failed: {type(error).__name__}: {error}"
        self.account.restrict("runtime", TradingState.HALTED, reason, latched=True)
        self._why = reason
        self._stopping.set()

    async def _unless_stopped(self, work: Coroutine[object, object, object]) -> bool:
        """Do something, and give it up if the run is stopped; whether it was done."""
        task = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            return False
        return task.result() is not False

    async def _shut_down(self) -> None:
        """End everything, within the time that it may take, whatever hangs."""
        patience = self.config.timing.stop / 3
        await self._finish_strategy(patience)
        self._thread.close()
        for task in self._tasks:
            task.cancel()
        for rescue in self._rescue:
            rescue.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience)
        self.account.record(EngineStopped(reason=self._why or "ended"))
        closing: list[asyncio.Future[None]] = [
            asyncio.ensure_future(self.feed.close()),
            asyncio.ensure_future(self.broker.disconnect()),
        ]
        _, late = await asyncio.wait(closing, timeout=patience)
        for each in late:
            each.cancel()

    async def _finish_strategy(self, patience: float) -> None:
        """Call ``on_end`` if the strategy is not busy for longer than there is time."""
        running = [task for task in self._tasks if task.get_name() == "ml4t-strategy"]
        if not running:
            return
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=patience)
        ending = asyncio.ensure_future(self.runner.end())
        _, late = await asyncio.wait({ending}, timeout=patience)
        for each in late:
            each.cancel()

    # What happens

    def _origin_of(self, order_id: str) -> Origin:
        return origin_of(order_id, self.config.account, self.journal.epochs)

    def _on_connection(self, change: ConnectionChange) -> None:
        self._rescue_by(self.connection.change(change))

    def _on_strategy_error(self, doing: str, error: BaseException | None) -> None:
        self._errors += 1
        what = doing if error is None else f"{doing} raised {type(error).__name__}: {error}"
        self.account.alert("strategy", what)
        breach = judge_strategy_errors(self._errors, self.config.risk)
        if breach is not None:
            reason = f"{breach.reason}; the latest: {what}"
            self.account.restrict("strategy", breach.state, reason, latched=breach.is_latched)

    def _on_halt(self, breach: Breach) -> None:
        """A limit on the account was broken: cancel, and close where that is wished."""
        if self.config.risk.flatten_on_loss:
            self._rescue_by(self.flatten(f"control {breach.control}"))
        else:
            self._rescue_by(self._cancel_all())

    async def _cancel_all(self) -> None:
        await cancel_everything(
            self.broker,
            tuple(self.account.book.open),
            clock=self.clock,
            patience=self.config.timing.stop,
        )

    def _rescue_by(self, work: Coroutine[object, object, object]) -> None:
        task = asyncio.ensure_future(work)
        self._rescue.add(task)
        task.add_done_callback(self._rescue.discard)

    def _on_bars(self, group: BarGroup) -> None:  # noqa: ARG002 - the bars are shown already
        """Judge the account at the new prices, before the strategy acts on them."""
        if isinstance(self.broker, BarDrivenBroker):
            # The simulated venue is asked for nothing: the ledger is its account.
            ledger = self.account.book.ledger
            assert ledger is not None  # noqa: S101 - opened at the start
            value, now = self._strategy_broker.get_account_value(), self.clock.monotonic()
            self.account.risk.set_account(ledger.cash, value, now)
        self.watch.look_at_limits(self._strategy_broker.get_account_value())
