"""A fast simulated market behind a socket, for engines in processes of their own."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ml4t.core.calendar import Session
from ml4t.live.clock import SystemClock
from ml4t.live.testing.chance import branch, seeded
from ml4t.live.testing.crash_child import ChildSettings
from ml4t.live.testing.fault_broker import FaultyBroker
from ml4t.live.testing.fault_feed import FaultyFeed
from ml4t.live.testing.fault_venue import FaultyVenue
from ml4t.live.testing.market import MarketSettings
from ml4t.live.testing.order_desk import VenueRules
from ml4t.live.testing.true_orders import Owner, TrueOrder
from ml4t.live.testing.truth_watch import TruthLimits
from ml4t.live.testing.wire_server import WireServer

__all__ = ["CASH", "LIMITS", "POSITION", "PRICES", "CrashMarket"]

CASH = 100_000.0
"""The money that the account begins with."""

POSITION = 200.0
"""The largest position in units."""

PRICES = {"AAA": 100.0, "BBB": 50.0, "CCC": 20.0}
"""What is traded, and its first prices."""

LIMITS: dict[str, object] = {
    "max_order_shares": 18.0,
    "max_order_value": "UNLIMITED",
    "max_position_shares": POSITION,
    "max_position_value": "UNLIMITED",
    "max_total_exposure": "UNLIMITED",
    "allowed_assets": "UNLIMITED",
    "max_daily_loss": 50_000.0,
    "max_drawdown_pct": "UNLIMITED",
    "max_repeat": "UNLIMITED",
    "max_rejects": "UNLIMITED",
    "max_orders_per_minute": "UNLIMITED",
    "max_messages_per_second": 200.0,
    "dedup_window_seconds": 0.0,
    "max_unknown_orders": "UNLIMITED",
    "max_unknown_orders_per_asset": "UNLIMITED",
    "max_data_staleness_seconds": 5.0,
    "max_clock_jump_seconds": 5.0,
    "max_clock_skew_seconds": 5.0,
    "disconnect_seconds": 5.0,
    "reconcile_seconds": 0.5,
    "mismatch_seconds": 2.0,
}
"""The limits of an account that trades much in little time."""

_TIMING = {
    "call": 0.5, "connect": 5.0, "snapshot": 3.0, "stop": 3.0, "bars": 0.04, "resolve": 0.5,
    "watch": 0.05,
}  # fmt: skip


class CrashMarket:
    """A venue in this process that owns the truth, and the port at which others reach it.

    Args:
        seed: of its chance.
        bar: seconds of a bar.

    Attributes:
        venue: the truth.
        broker: what answers for it.
        server: the door.
    """

    def __init__(self, seed: int, bar: float = 0.05) -> None:
        rng = seeded(seed)
        opens = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
        self._session = Session(label=opens.date(), opens=opens, closes=opens + timedelta(hours=1))
        self._bar = bar
        self._port = 0
        settings = MarketSettings(
            prices=PRICES,
            sessions=(self._session,),
            bar_size=timedelta(seconds=bar),
            ticks=2,
            gap=0.0005,
        )
        rules = VenueRules(reaction=(0.002, 0.03))
        self.venue = FaultyVenue(settings, SystemClock(), rng, cash=CASH, rules=rules)
        self.venue.watch.limits = TruthLimits(max_position=dict.fromkeys(PRICES, POSITION))
        self.broker = FaultyBroker(self.venue, None, branch(rng))
        self.broker.link.latency = (0.001, 0.008)
        feed = FaultyFeed(self.venue, self.broker.faults, branch(rng))
        feed.line.latency = (0.001, 0.004)
        self._feed = feed
        self.server = WireServer(self.broker, feed)

    async def open(self) -> None:
        """Begin to trade and to listen."""
        self.venue.open()
        await self._feed.subscribe(tuple(PRICES))
        self._port = await self.server.start()

    async def close(self) -> None:
        """Stop both."""
        await self.server.close()
        self.venue.close()

    def settings(
        self, state: Path, seed: int = 0, limits: Mapping[str, object] | None = None
    ) -> ChildSettings:
        """What an engine at this venue is told.

        Args:
            state: the folder of its account.
            seed: of its strategy's chance.
            limits: risk limits that differ from the usual ones.
        """
        return ChildSettings(
            port=self._port,
            state=str(state),
            assets=tuple(PRICES),
            opens=self._session.opens.isoformat(),
            closes=self._session.closes.isoformat(),
            bar=self._bar,
            seed=seed,
            limits=LIMITS | dict(limits or {}),
            timing=_TIMING,
        )

    def halt(self) -> None:
        """Let nothing trade; orders are still taken and cancelled."""
        self.venue.advance()
        self.venue.market.halted.update(PRICES)

    def resume(self) -> None:
        """Trade again."""
        self.venue.advance()
        self.venue.market.halted.clear()

    @property
    def own_orders(self) -> list[TrueOrder]:
        """Every order that the venue took from an engine."""
        return [order for order in self.venue.desk.orders if order.owner is Owner.ENGINE]
