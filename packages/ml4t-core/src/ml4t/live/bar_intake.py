"""From a feed to the strategy: bars are judged, gathered by instant and handed over."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from ml4t.core.bars import Bar
from ml4t.core.calendar import TradingCalendar
from ml4t.core.feed import DataFeedProtocol
from ml4t.core.raw_bars import RawBar
from ml4t.core.risk import Quote, RiskBook
from ml4t.core.venue_events import TradingHalt
from ml4t.live.account import LiveAccount
from ml4t.live.bars import (
    Admitted,
    BarBarrier,
    BarGrid,
    BarGroup,
    BarQuarantine,
    BarRules,
    Quarantined,
    Undelivered,
)
from ml4t.live.clock import BarClock, Clock
from ml4t.live.strategy_runner import StrategyRunner

__all__ = ["BarIntake"]


class BarIntake:
    """Takes bars from a feed until it ends.

    Args:
        feed: where bars come from.
        assets: the symbols.
        grid: at which instants bars are complete.
        calendar: the sessions.
        rules: which bars are not believed.
        deadline: how long the bars of one instant wait for each other.
        account: for alerts.
        runner: where the groups go.
        clock: the present.

    Attributes:
        last_bars: the latest bar of each asset that was believed.
        quarantine: judges bars.
    """

    def __init__(  # noqa: PLR0913 - both ends and what is in between
        self,
        feed: DataFeedProtocol,
        assets: Sequence[str],
        *,
        grid: BarGrid,
        calendar: TradingCalendar,
        rules: BarRules,
        deadline: timedelta,
        account: LiveAccount,
        runner: StrategyRunner,
        clock: Clock,
    ) -> None:
        self.last_bars: dict[str, Bar] = {}
        self.quarantine = BarQuarantine(assets, rules, calendar)
        self._feed = feed
        self._barrier = BarBarrier(assets, grid, deadline)
        self._account = account
        self._runner = runner
        self._clock = clock
        self._changed = asyncio.Event()
        self._halted: set[str] = set()

    @property
    def _risk(self) -> RiskBook:
        return self._account.risk

    def take_halt(self, halt: TradingHalt) -> None:
        """Do not wait for the bars of a halted asset; after the halt any price is new."""
        halted = self._halted
        if halt.is_halted:
            halted.add(halt.asset)
        else:
            halted.discard(halt.asset)
        self.quarantine.note_halt(halt.asset)
        self._barrier.set_expected([each for each in self._barrier.assets if each not in halted])

    def seed(self, bar: Bar) -> None:
        """Take a bar of the past as what the next one is compared with."""
        self.quarantine.seed(bar)
        age = (self._clock.now() - bar.timestamp).total_seconds()
        self._believe(bar, max(age, 0.0))

    async def run(self) -> None:
        """Take bars until the feed ends, and hand over what is left then."""
        timer = asyncio.ensure_future(self._watch_deadlines())
        try:
            async for bar in self._feed.bars():
                await self._take(bar)
                # A flood that never waits must not keep the kill switch from its turn.
                await asyncio.sleep(0)
            self._hand_over_rest()
            await self._runner.drained()
        finally:
            timer.cancel()

    async def _take(self, bar: Bar | RawBar) -> None:
        if isinstance(self._clock, BarClock) and isinstance(bar, Bar):
            await self._follow(self._clock, bar)
        verdict = self.quarantine.admit(bar, self._clock.now())
        if isinstance(verdict, Quarantined):
            self._tell(verdict)
            return
        if not isinstance(verdict, Admitted):
            return
        if verdict.released:
            self._risk.release(bar.asset)
            self._account.alert("bars", f"the bars of {bar.asset} are believed again")
        self._believe(verdict.bar)
        groups = self._barrier.add(verdict.bar, self._clock.now())
        if isinstance(groups, Undelivered):
            self._account.alert("bars", f"{groups.bar.asset}: {groups.reason}")
            return
        self._hand_over(groups)
        self._changed.set()

    async def _follow(self, clock: BarClock, bar: Bar) -> None:
        """Let the strategy finish with earlier bars before the time goes on."""
        if bar.timestamp > clock.now():
            self._hand_over(self._barrier.due(bar.timestamp))
            await self._runner.drained()
            clock.follow(bar.timestamp)

    def _believe(self, bar: Bar, age: float = 0.0) -> None:
        self.last_bars[bar.asset] = bar
        quote = Quote(price=bar.close, at=self._clock.monotonic() - age)
        self._risk.set_quote(bar.asset, quote)

    def _tell(self, verdict: Quarantined) -> None:
        self._risk.quarantine(verdict.asset, verdict.reason)
        if verdict.is_new:
            self._account.alert("bars", f"{verdict.asset} is quarantined: {verdict.reason}")

    def _hand_over(self, groups: Sequence[BarGroup]) -> None:
        for group in groups:
            self.quarantine.note_handed_over(group.timestamp)
            if group.missing:
                missing = ", ".join(group.missing)
                self._account.alert("bars", f"no bar at {group.timestamp.isoformat()} of {missing}")
            if self._runner.show(group):
                self._account.alert("bars", "the strategy is behind: bars were folded together")

    def _hand_over_rest(self) -> None:
        while (deadline := self._barrier.next_deadline) is not None:
            self._hand_over(self._barrier.due(deadline))

    async def _watch_deadlines(self) -> None:
        """Hand over what has waited long enough."""
        if isinstance(self._clock, BarClock):
            return
        while True:
            deadline = self._barrier.next_deadline
            if deadline is None:
                await self._changed.wait()
                self._changed.clear()
                continue
            wait = (deadline - self._clock.now()).total_seconds()
            if wait > 0:
                await asyncio.sleep(wait)
            self._hand_over(self._barrier.due(self._clock.now()))
