"""The look at clocks, limits, files and silence that goes on whatever else happens."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime

import attrs

from ml4t.core.broker import AsyncBrokerProtocol, BarDrivenBroker
from ml4t.core.errors import JournalError, VenueRefusedError, VenueUnavailableError
from ml4t.core.risk import (
    Breach,
    Moment,
    TradingState,
    clock_jump,
    judge_clock,
    judge_daily_loss,
    judge_drawdown,
    judge_silence,
    standing_breaches,
)
from ml4t.core.risk.config import bound
from ml4t.live.account import LiveAccount
from ml4t.live.answers import answer_to
from ml4t.live.clock import Clock
from ml4t.live.events import HighWaterMark, SessionBegan
from ml4t.live.journal import EventLog
from ml4t.live.kill_switch import KillSwitch
from ml4t.live.reconcile import Reconciler
from ml4t.live.safe_broker import SafeBroker
from ml4t.live.unknown_orders import UnknownOrders

__all__ = ["Watch", "Watched"]

_LEASE = 1.0
_LAG = 2.0
_SOON = 5.0
_REFUSED = 30.0
"""How long nothing is asked of a venue that refused to be asked at all."""
_STEP = 1.001
"""How much equity must rise above its highest before that is journaled: a tenth of a percent."""


@attrs.frozen(kw_only=True)
class Watched:
    """What a watch looks after."""

    broker: AsyncBrokerProtocol
    account: LiveAccount
    journal: EventLog
    safe: SafeBroker
    reconciler: Reconciler
    unknown: UnknownOrders
    kill_switch: KillSwitch
    clock: Clock
    moment: Callable[[], Moment]


class Watch:
    """Looks at everything that can go wrong without an event, at short intervals.

    Args:
        watched: what it looks after.
        every: seconds between two looks.
        patience: seconds to wait for the venue's answer to a question.
        on_kill: pulls the kill switch for a reason and in somebody's name.
        on_halt: told of the breach that halted trading.

    Attributes:
        heard_at: when the venue was last heard of, in monotonic seconds.
    """

    def __init__(
        self,
        watched: Watched,
        *,
        every: float,
        patience: float,
        on_kill: Callable[[str, str], Coroutine[object, object, object]],
        on_halt: Callable[[Breach], None],
    ) -> None:
        self.heard_at = watched.clock.monotonic()
        self._watched = watched
        # A simulated venue is part of this program: its account is judged at each bar.
        self._is_simulated = isinstance(watched.broker, BarDrivenBroker)
        self._every = every
        self._patience = patience
        self._on_kill = on_kill
        self._on_halt = on_halt
        self._breaches: dict[str, Breach] = {}
        self._lease_at = watched.clock.monotonic()
        self._asked_at = watched.clock.monotonic()
        self._clocks = (watched.clock.now(), watched.clock.monotonic())
        self._asking: asyncio.Future[None] | None = None
        self._killing: asyncio.Future[object] | None = None
        self._reconciled_at = watched.clock.monotonic()
        self._refused_at = -math.inf

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                before = loop.time()
                await self.look()
                await asyncio.sleep(self._every)
                self._judge_lag(loop.time() - before)
        finally:
            if self._asking is not None:
                self._asking.cancel()

    async def look(self) -> None:
        """Look once at everything."""
        watched = self._watched
        if watched.kill_switch.is_asked_for:
            why = watched.kill_switch.why()
            self._killing = asyncio.ensure_future(self._on_kill(why, "kill file"))
            # Let it halt before anything else is looked at.
            await asyncio.sleep(0)
        self._look_at_clocks()
        self._look_at_journal()
        watched.safe.follow_up()
        if not self._is_simulated:
            self.look_at_limits()
            self._look_at_venue()

    def look_at_limits(self, value: float | None = None) -> None:
        """Judge the limits of the account as a whole.

        Args:
            value: the account's value at the latest bars, where that is newer than what the venue
                said.
        """
        watched = self._watched
        moment, risk = watched.moment(), watched.account.risk
        self._begin_session(moment)
        found: dict[str, Breach] = {}
        for breach in (*standing_breaches(risk, moment), *self._losses(value)):
            # Of two breaches of one control the worse one counts, whichever is found first.
            worse = found.setdefault(f"control {breach.control}", breach)
            if breach.state.severity > worse.state.severity:
                found[f"control {breach.control}"] = breach
        for name, breach in found.items():
            self._restrict(name, breach)
        for name in sorted(self._breaches.keys() - found.keys()):
            watched.account.relax(name, "the limit is kept again")
        self._breaches = found

    def _losses(self, value: float | None) -> list[Breach]:
        """Losses by our own account of the positions; the venue's is judged with the rest.

        Where the venue holds other positions, as after a split, our own account says nothing.
        """
        held_otherwise = any(
            each.kind == "position" for each in self._watched.reconciler.differences
        )
        if value is None or held_otherwise:
            return []
        facts, config = self._watched.account.risk.account, self._watched.account.risk.config
        found = [
            judge_daily_loss(value, facts.session_start, config),
            judge_drawdown(value, facts.high_water, config),
        ]
        return [breach for breach in found if breach is not None and breach.is_latched]

    def heard(self) -> None:
        """Take note of a sign of life of the venue."""
        self.heard_at = self._watched.clock.monotonic()
        self._watched.account.relax("silence", "the venue was heard")

    def _restrict(self, name: str, breach: Breach) -> None:
        account = self._watched.account
        known = account.book.causes.get(name)
        is_new = known is None or known.state is not TradingState.HALTED
        account.restrict(name, breach.state, breach.reason, latched=breach.is_latched)
        if breach.state is TradingState.HALTED and is_new:
            self._on_halt(breach)

    def _begin_session(self, moment: Moment) -> None:
        account, book = self._watched.account, self._watched.account.book
        equity = account.risk.account.equity
        if equity is None or moment.session is None:
            return
        if book.session != moment.session.label:
            account.record(SessionBegan(label=moment.session.label, equity=equity))
        highest = account.risk.account.high_water
        if highest is not None and (book.high_water is None or highest > book.high_water * _STEP):
            account.record(HighWaterMark(equity=highest))

    def _look_at_clocks(self) -> None:
        clock, account = self._watched.clock, self._watched.account
        wall, monotonic = clock.now(), clock.monotonic()
        wall_before, monotonic_before = self._clocks
        self._clocks = (wall, monotonic)
        jump = clock_jump(
            (wall - wall_before).total_seconds(),
            monotonic - monotonic_before,
            account.risk.config,
        )
        if jump is not None:
            account.alert("clock", f"the wall clock was set by {jump:+.1f} s")

    def _look_at_journal(self) -> None:
        watched = self._watched
        watched.account.write_what_is_left()
        now = watched.clock.monotonic()
        if now - self._lease_at >= _LEASE:
            self._lease_at = now
            try:
                watched.journal.heartbeat()
            except JournalError as error:
                watched.account.restrict("journal", TradingState.HALTED, str(error), latched=True)

    def _judge_lag(self, took: float) -> None:
        account = self._watched.account
        if took > self._every + _LAG:
            reason = f"the event loop stood still for {took:.1f} s"
            account.restrict("event loop", TradingState.REDUCING, reason)
        else:
            account.relax("event loop", "it runs again")

    # The venue, asked beside all that, one question after the other

    def _look_at_venue(self) -> None:
        watched = self._watched
        silent = watched.clock.monotonic() - self.heard_at
        breach = judge_silence(silent, watched.account.risk.config)
        if breach is not None:
            watched.account.restrict("silence", breach.state, breach.reason)
        if (self._asking is None or self._asking.done()) and self._has_questions():
            self._asking = asyncio.ensure_future(self._ask())
            self._asking.add_done_callback(self._asked)

    def _asked(self, task: "asyncio.Future[None]") -> None:
        """An adapter that raises what it should not is as good as one that cannot ask."""
        account = self._watched.account
        if task.cancelled():
            return
        if (error := task.exception()) is None:
            account.relax("adapter", "the venue's answers can be read again")
            return
        self._watched.unknown.interrupted()
        reason = f"the adapter raised {type(error).__name__}: {error}"
        account.restrict("adapter", TradingState.REDUCING, reason)

    def _has_questions(self) -> bool:
        if self._watched.kill_switch.has_survivors():
            return True
        if self._watched.clock.monotonic() - self._refused_at < _REFUSED:
            return False
        return self._life_is_due() or self._watched.unknown.is_due() or self._reconcile_is_due()

    async def _ask(self) -> None:
        watched = self._watched
        try:
            await watched.kill_switch.cancel_survivors()
            await self._ask_for_life()
            if watched.unknown.is_due() and watched.safe.is_connected:
                await watched.unknown.ask()
            await self._reconcile_if_due()
        except VenueUnavailableError as error:
            watched.unknown.interrupted()
            self._give_up(error)
        except VenueRefusedError as error:
            self._refused_at = watched.clock.monotonic()
            watched.account.restrict("account", TradingState.HALTED, str(error), latched=True)

    def _give_up(self, error: VenueUnavailableError) -> None:
        """Nothing is known for now; the ages of what was known will tell."""
        self._watched.account.alert("venue", str(error))

    def _life_is_due(self) -> bool:
        watched = self._watched
        every = bound(watched.account.risk.config.disconnect_seconds) / 3
        return watched.clock.monotonic() - self._asked_at >= every

    async def _ask_for_life(self) -> None:
        """Ask for the venue's time now and then: a sign of life, and a look at both clocks."""
        if not self._life_is_due():
            return
        watched = self._watched
        self._asked_at = now = watched.clock.monotonic()
        theirs = await answer_to(watched.broker.time(), self._patience)
        took = watched.clock.monotonic() - now
        self.heard()
        self._judge_skew(theirs, took)

    def _judge_skew(self, theirs: datetime, took: float) -> None:
        watched = self._watched
        skew = (watched.clock.now() - theirs.astimezone(UTC)).total_seconds()
        # The answer was on its way for some of the time.
        skew = max(skew - took, 0.0) if skew > 0 else skew
        breach = judge_clock(skew, watched.account.risk.config)
        if breach is None:
            watched.account.relax("clock", "the clocks agree")
        else:
            watched.account.restrict("clock", breach.state, breach.reason)

    def _reconcile_is_due(self) -> bool:
        watched, reconciler = self._watched, self._watched.reconciler
        every = bound(watched.account.risk.config.reconcile_seconds)
        if watched.account.book.behind or reconciler.differences:
            every = min(every, _SOON)
        passed = watched.clock.monotonic() - self._reconciled_at
        return passed >= every and watched.safe.is_connected

    async def _reconcile_if_due(self) -> None:
        if not self._reconcile_is_due():
            return
        self._reconciled_at = self._watched.clock.monotonic()
        await self._watched.reconciler.run()
        self.heard()
        self.look_at_limits()
