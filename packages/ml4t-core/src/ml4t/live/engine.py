"""Runs one strategy at one venue."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, timedelta

from ml4t.core.broker import AsyncBrokerProtocol, BarDrivenBroker
from ml4t.core.calendar import AlwaysOpen, TradingCalendar
from ml4t.core.errors import VenueRefusedError, VenueUnavailableError
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
from ml4t.live.events import EngineStopped
from ml4t.live.intake import Intake
from ml4t.live.journal import EventLog, Origin, StateDirectory, origin_of
from ml4t.live.kill_switch import CancelReport, KillSwitch, cancel_everything
from ml4t.live.moments import Moments
from ml4t.live.reconcile import Reconciler
from ml4t.live.recording import Recorder
from ml4t.live.run_recording import RunRecording
from ml4t.live.safe_broker import SafeBroker
from ml4t.live.start_up import StartUp
from ml4t.live.status import status_of
from ml4t.live.strategy_broker import StrategyBroker
from ml4t.live.strategy_runner import StrategyRunner
from ml4t.live.strategy_thread import StrategyThread
from ml4t.live.supervision import Supervision, settled
from ml4t.live.unknown_orders import UnknownOrders
from ml4t.live.warm_up import History
from ml4t.live.watch import Watch, Watched

__all__ = ["LiveEngine"]

_DAY = 86_400.0
_LOSSES = frozenset({14, 15})
"""The controls of losses of the day and from the highest equity."""


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
        recorder: writes down what the strategy sees and does; None for nobody.

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
        recorder: Recorder | None = None,
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
        self._errors = 0
        self._recording = RunRecording(recorder)
        self._parts = Supervision(self._on_failure)
        self._connect_parts(state)
        self._connect_strategy(strategy)

    # Parts

    def _connect_parts(self, state: StateDirectory | None) -> None:
        config, clock, broker = self.config, self.clock, self.broker
        self.account = LiveAccount(self.journal, RiskBook(config.limits), clock)
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
        self.runner = StrategyRunner(
            self._recording.watch(strategy),
            broker,
            self._thread,
            config.assets,
            zone=getattr(self.calendar, "zone", UTC),
            allowed=config.bar_seconds / 2,
            on_error=self._on_strategy_error,
        )
        account.listener = self.runner.tell
        if isinstance(self.broker, BarDrivenBroker):
            # Everything is told at bars there, by the venue itself, and refusals in between.
            self.runner.meet(self.broker, self.intake)
            account.listener, self.safe.on_refusal = None, self.runner.tell
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

        Raises:
            ConfigError: the account at the venue is not the configured one.
        """
        begin = StartUp(self)
        try:
            if await self._parts.unless_stopped("the start", begin.run()):
                await self._trade()
        finally:
            await self._shut_down()
        if begin.error is not None:
            raise begin.error
        return 1 if self._parts.has_failed or begin.has_failed else 0

    async def stop(self, reason: str) -> None:
        """End the run; working orders stay at the venue."""
        self._parts.stop(reason)

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
        with suppress(VenueUnavailableError, VenueRefusedError):
            # What was just cancelled must not count as an exit that is on its way.
            await self.reconciler.run()
        self.account.alert("flatten", f"every position is closed for {by}")
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
        parts = self._parts
        parts.start("events", self._take_events())
        parts.start("watch", self.watch.run())
        if await parts.unless_stopped("the beginning", self._begin_strategy()):
            parts.start("strategy", self.runner.run())
            parts.start("feed", self.bars.run(), ends="the feed has ended")
            await parts.stopped()

    async def _begin_strategy(self) -> bool:
        history = History(self)
        await history.fetch()
        if self.runner.venue is None:
            # Prices are known now: what was restricted for the want of them ends before on_start.
            self.watch.look_at_limits()
        self._recording.begin(self)
        await self.runner.start()
        await history.rehearse()
        await self.feed.subscribe(self.config.assets)
        return True

    async def _take_events(self) -> None:
        async for event in self.broker.events():
            self.watch.heard()
            try:
                self.intake.take(event)
            # One event that cannot be taken in must not cost those after it.
            except Exception as error:  # noqa: BLE001
                self._set_aside(event, error)
            # A flood that never waits must not keep the kill switch from its turn.
            await asyncio.sleep(0)
        if not self._parts.is_stopping and self.runner.venue is None:
            self.connection.lost("the stream of events has ended")

    def _set_aside(self, event: VenueEvent, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error} while {event!r} was taken in"
        self.account.restrict("events", TradingState.REDUCING, reason, latched=True)

    async def _shut_down(self) -> None:
        """End everything, within the time that it may take, whatever hangs."""
        patience = self.config.timing.stop / 3
        if await self._parts.end("strategy", patience):
            await settled([asyncio.ensure_future(self.runner.end())], patience)
        self._thread.close()
        await self._parts.end_all(patience)
        self.account.record(EngineStopped(reason=self._parts.why or "ended"))
        self._recording.end(self)
        closing = (self.feed.close(), self.broker.disconnect())
        await settled([asyncio.ensure_future(each) for each in closing], patience)

    # What happens

    def _origin_of(self, order_id: str) -> Origin:
        return origin_of(order_id, self.config.account, self.journal.epochs)

    def _on_failure(self, reason: str) -> None:
        self.account.restrict("runtime", TradingState.HALTED, reason, latched=True)

    def _on_connection(self, change: ConnectionChange) -> None:
        self._parts.run_errand(self.connection.change(change))

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
        if self.config.risk.flatten_on_loss and breach.control in _LOSSES:
            self._parts.run_errand(self.flatten(f"control {breach.control}"))
        else:
            self._parts.run_errand(self._cancel_all())

    async def _cancel_all(self) -> None:
        await cancel_everything(
            self.broker,
            tuple(self.account.book.open),
            clock=self.clock,
            patience=self.config.timing.stop,
        )

    def _on_bars(self, group: BarGroup) -> None:  # noqa: ARG002 - the bars are shown already
        """Judge the account at the new prices, before the strategy acts on them."""
        if isinstance(self.broker, BarDrivenBroker):
            # The simulated venue is asked for nothing: the ledger is its account.
            ledger = self.account.book.ledger
            assert ledger is not None  # noqa: S101 - opened at the start
            value, now = self._strategy_broker.get_account_value(), self.clock.monotonic()
            self.account.risk.set_account(ledger.cash, value, now)
        self.watch.look_at_limits(self._strategy_broker.get_account_value())
