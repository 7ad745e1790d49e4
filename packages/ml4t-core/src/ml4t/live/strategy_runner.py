"""Calls the strategy: one thing after the other, on its own thread, whatever it does."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from types import MappingProxyType
from typing import TypeAlias

from ml4t.core.broker import BarDrivenBroker
from ml4t.core.fills import Fill
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice
from ml4t.core.strategy import Strategy
from ml4t.core.venue_events import VenueEvent
from ml4t.live.bars import BarGroup, BarQueue, GrowingPanel
from ml4t.live.failpoints import failpoint
from ml4t.live.intake import Intake
from ml4t.live.strategy_broker import StrategyBroker
from ml4t.live.strategy_thread import StrategyThread

__all__ = ["Notice", "StrategyRunner"]

Notice: TypeAlias = Order | Fill
"""What a strategy is told between bars."""

_NO_CONTEXT: Mapping[str, object] = MappingProxyType({})
_WAITING_BARS = 4
_INSTANT = 1e-6
_KEPT_BARS = 1024


class StrategyRunner:
    """Tells the strategy what happened and shows it the bars.

    Changes of orders and executions are told as they come, and never dropped; bars that come while
    the strategy is busy are folded together. Where the venue is a simulation that meets the same
    bars, everything is told at bars, as in a backtest.

    Args:
        strategy: whom to call.
        broker: what it sees of the venue.
        thread: where its code runs.
        assets: the symbols it sees.
        zone: in which it sees the time.
        allowed: how many seconds ``on_data`` may take.
        on_error: told of every error and overrun, with what the strategy was doing.

    Attributes:
        venue: the simulation that meets the same bars; None at a real venue.
        on_bars: told of every group of bars before the strategy sees it.
        has_started: whether ``on_start`` has returned.
        bars_seen: how many groups the strategy has been shown.
        allowed: how many seconds one call of the strategy may take.
    """

    def __init__(  # noqa: PLR0913 - who is called, where, and who hears of it
        self,
        strategy: Strategy,
        broker: StrategyBroker,
        thread: StrategyThread,
        assets: Sequence[str],
        *,
        zone: tzinfo = UTC,
        allowed: float = math.inf,
        on_error: Callable[[str, BaseException | None], None],
    ) -> None:
        self.venue: BarDrivenBroker | None = None
        self.on_bars: Callable[[BarGroup], None] = _ignore
        self.bars_seen = 0
        self.has_started = False
        self._strategy = strategy
        self._broker = broker
        self._thread = thread
        self._assets = tuple(assets)
        self._zone = zone
        self.allowed = allowed
        self._on_error = on_error
        self._panel: GrowingPanel | None = None
        self._notices: deque[Notice] = deque()
        self._groups = BarQueue(_WAITING_BARS)
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def conflated(self) -> int:
        """How many groups of bars were folded into later ones since the strategy was busy."""
        return self._groups.conflated

    @property
    def waiting(self) -> int:
        """How many groups of bars and notices wait for the strategy."""
        return len(self._groups) + len(self._notices)

    def meet(self, venue: BarDrivenBroker, intake: Intake) -> None:
        """Have a simulated venue meet the bars that the strategy is shown.

        What happens there changes the account at once, and the strategy is told at the next bar.
        """

        def tell(event: VenueEvent) -> None:
            intake.take(event)
            if isinstance(event, Order | Fill):
                self._notices.append(event)

        venue.report_to(tell, intake.take)
        self.venue = venue

    def tell(self, notice: Notice) -> None:
        """Have the strategy told of something as soon as it is free."""
        self._notices.append(notice)
        if self.venue is None:
            self._stir()

    def show(self, group: BarGroup) -> int:
        """Have the strategy shown bars; gives how many groups were folded away to make room."""
        folded = self._groups.put(group)
        self._stir()
        return folded

    async def drained(self) -> None:
        """Return when nothing waits any more."""
        await self._idle.wait()

    async def start(self) -> None:
        """Call ``on_start``."""
        await self._call("on_start", lambda: self._strategy.on_start(self._broker))
        self.has_started = True
        failpoint("strategy.started")

    async def end(self) -> None:
        """Tell what is left and call ``on_end``."""
        await self._tell_all()
        await self._call("on_end", lambda: self._strategy.on_end(self._broker))
        failpoint("strategy.ended")

    async def rehearse(self, group: BarGroup) -> None:
        """Show bars of the past."""
        bars = self._slice(group)
        await self._on_data(bars)

    async def run(self) -> None:
        """Serve the strategy until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while len(self._groups) or (self._notices and self.venue is None):
                if self.venue is None:
                    await self._tell_all()
                if len(self._groups):
                    await self._handle(await self._groups.get())
            self._idle.set()

    def _stir(self) -> None:
        self._idle.clear()
        self._wake.set()

    async def _handle(self, group: BarGroup) -> None:
        bars = self._slice(group)
        failpoint("bars.shown")
        if self.venue is not None:
            self.venue.begin_bar(bars.timestamp, bars)
        self.on_bars(group)
        await self._tell_all()
        await self._on_data(bars)
        self.bars_seen += 1
        if self.venue is not None:
            self.venue.finish_bar()
        failpoint("bars.handled")

    def _slice(self, group: BarGroup) -> MarketSlice:
        if self._panel is None:
            has_volume = any(bar.volume is not None for bar in group.bars.values())
            self._panel = GrowingPanel(
                self._assets, has_volume=has_volume, keep=_KEPT_BARS, zone=self._zone
            )
        bars = self._panel.append(group.timestamp, group.bars, group.carried)
        self._broker.bars = bars
        return bars

    async def _on_data(self, bars: MarketSlice) -> None:
        def call() -> None:
            self._strategy.on_data(bars.timestamp, bars, _NO_CONTEXT, self._broker)

        await self._call("on_data", call)

    async def _tell_all(self) -> None:
        """Tell what has happened so far; what the answers cause is told the next time."""
        for _ in range(len(self._notices)):
            notice = self._notices.popleft()
            if isinstance(notice, Order):
                await self._tell_order(notice)
            else:
                await self._tell_fill(notice)

    async def _tell_order(self, order: Order) -> None:
        if type(self._strategy).on_order is not Strategy.on_order:
            await self._call("on_order", lambda: self._strategy.on_order(order, self._broker))

    async def _tell_fill(self, fill: Fill) -> None:
        if type(self._strategy).on_fill is not Strategy.on_fill:
            await self._call("on_fill", lambda: self._strategy.on_fill(fill, self._broker))

    async def _call(self, name: str, function: Callable[[], None]) -> None:
        """Call the strategy; an error or an overrun is told, and the runtime goes on."""
        running = asyncio.ensure_future(self._thread.run(function))
        try:
            if not await self._is_in_time(running):
                self._on_error(f"{name} has been running for {self.allowed:g} s", None)
                await asyncio.wait({running})
        finally:
            running.cancel()
        error = running.exception() if running.done() and not running.cancelled() else None
        if error is not None:
            self._on_error(name, error)

    async def _is_in_time(self, running: "asyncio.Future[None]") -> bool:
        """Whether the strategy ends within what it may take, its waiting for answers apart."""
        loop = asyncio.get_running_loop()
        began, waited = loop.time(), self._thread.waited
        while not running.done():
            left = self.allowed + (self._thread.waited - waited) - (loop.time() - began)
            # Less than a clock can tell would be waited for without end.
            if left <= _INSTANT:
                return False
            # Looked at again after a while, since it may be waiting for an answer by then.
            await asyncio.wait({running}, timeout=None if left == math.inf else left)
        return True


def _ignore(group: BarGroup) -> None:
    """Nobody asked."""
