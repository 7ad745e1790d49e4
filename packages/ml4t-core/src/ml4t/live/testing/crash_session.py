"""One short session in virtual time, for engines that stop, lose their disk and start again."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from ml4t.core.calendar import Session
from ml4t.core.risk import LiveRiskConfig
from ml4t.core.strategy import Strategy
from ml4t.core.venue_events import Environment
from ml4t.live.config import ExecutionMode, LiveConfig, Timing
from ml4t.live.engine import LiveEngine
from ml4t.live.events import IntentRecorded
from ml4t.live.journal import EventLog, JournalOwner
from ml4t.live.testing.chance import branch, seeded
from ml4t.live.testing.comparison import compare
from ml4t.live.testing.crash_market import CASH, LIMITS, POSITION, PRICES
from ml4t.live.testing.crash_strategy import BusyStrategy
from ml4t.live.testing.fault_broker import FaultyBroker
from ml4t.live.testing.fault_feed import FaultyFeed
from ml4t.live.testing.fault_venue import FaultyVenue
from ml4t.live.testing.listed_sessions import ListedSessions
from ml4t.live.testing.lockstep import LockstepThread
from ml4t.live.testing.market import MarketSettings
from ml4t.live.testing.true_orders import Owner
from ml4t.live.testing.truth_watch import TruthLimits
from ml4t.live.testing.virtual_time import VirtualClock

__all__ = ["OWNER", "START", "CrashSession"]

START = datetime(2024, 3, 4, 15, 0, tzinfo=UTC)
"""When the session opens and virtual time begins."""

OWNER = JournalOwner(account_id="SIM-1", environment=Environment.PAPER, broker="simulated")
"""Whose the journal is."""

_BAR = timedelta(seconds=5)
_OF_THESE_BARS = {"bar_seconds": _BAR.total_seconds(), "max_data_staleness_seconds": 15.0}
_TIMING = Timing(call=1.0, snapshot=2.0, resolve=2.0, bars=1.0, watch=0.5)


class CrashSession:
    """A venue in virtual time, and the engines that run at it one after the other.

    Args:
        clock: of the virtual loop.
        seed: of everything that chance decides.

    Attributes:
        venue: the truth.
        broker: the adapter of the latest engine.
        said: what the strategies said: which orders were answered, which executions told.
    """

    def __init__(self, clock: VirtualClock, seed: int = 1) -> None:
        self.clock = clock
        self.said: list[dict[str, object]] = []
        self._rng = seeded(seed)
        session = Session(
            label=date(2024, 3, 4), opens=START - 4 * _BAR, closes=START + timedelta(hours=2)
        )
        self._calendar = ListedSessions((session,))
        market = MarketSettings(prices=PRICES, sessions=(session,), bar_size=_BAR, gap=0.0005)
        self.venue = FaultyVenue(market, clock.true_clock(), branch(self._rng), cash=CASH)
        self.venue.watch.limits = TruthLimits(max_position=dict.fromkeys(PRICES, POSITION))
        self.broker = FaultyBroker(self.venue)
        self.venue.open()

    def engine(
        self,
        journal: EventLog,
        limits: Mapping[str, object] | None = None,
        strategy: Strategy | None = None,
    ) -> LiveEngine:
        """A new engine with a session of its own.

        Args:
            journal: of the account.
            limits: risk limits that differ from the usual ones.
            strategy: None for a busy one.
        """
        risk = LiveRiskConfig.of(LIMITS | _OF_THESE_BARS | dict(limits or {}))
        self.broker = FaultyBroker(self.venue)
        engine = LiveEngine(
            strategy or BusyStrategy(branch(self._rng), self.said.append, lambda: None),
            self.broker,
            FaultyFeed(self.venue, self.broker.faults),
            LiveConfig(
                assets=tuple(PRICES),
                bar_size=_BAR,
                account=OWNER.account_id,
                mode=ExecutionMode.PAPER,
                risk=risk,
                timing=_TIMING,
                digest=repr(risk.as_text()),
            ),
            journal=journal,
            clock=self.clock,
            calendar=self._calendar,
            thread=LockstepThread,
        )
        self.venue.watch.state = lambda: engine.account.book.state.name
        self.venue.watch.believed = engine.account.held
        return engine

    async def live(self, engine: LiveEngine, seconds: float) -> "asyncio.Task[int]":
        """Start an engine and let it run for a while; the task ends with its exit status."""
        running = asyncio.ensure_future(engine.run())
        await asyncio.wait({running}, timeout=seconds)
        return running

    async def rest(self, engine: LiveEngine, seconds: float) -> list[str]:
        """Let nothing trade for a while; everything on which the engine and the truth differ."""
        self.venue.advance()
        self.venue.market.halted.update(PRICES)
        await asyncio.sleep(seconds)
        self.venue.advance()
        book = engine.account.book
        ledger = book.ledger
        if ledger is None:
            return ["I3: there is no account"]
        held = {asset: position.quantity for asset, position in ledger.positions.items()}
        findings = compare(self.venue, held, ledger.cash, book.fills.values())
        return findings + self.venue.watch.check()

    def resume(self) -> None:
        """Trade again."""
        self.venue.advance()
        self.venue.market.halted.clear()

    def without_intent(self, journal: EventLog) -> list[str]:
        """The orders at the venue that the journal does not have, which must not be."""
        intended = {
            order.id
            for entry in journal.entries()
            if isinstance(entry.event, IntentRecorded)
            for order in entry.event.orders
        }
        return [
            f"I1: order {order.id} is at the venue and not in the journal"
            for order in self.venue.desk.orders
            if order.owner is Owner.ENGINE and order.id not in intended
        ]
