"""A run at a venue of its own will: executions come between the bars, at prices of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml4t.core import (
    PROTOCOL,
    AccountIdentity,
    AccountSnapshot,
    Asset,
    Bar,
    Capabilities,
    Environment,
    Fill,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Strategy,
    TimeInForce,
    VenueEvent,
)
from ml4t.core.risk import LiveRiskConfig
from ml4t.live.bars import ReplayFeed
from ml4t.live.clock import BarClock
from ml4t.live.config import LiveConfig
from ml4t.live.engine import LiveEngine
from ml4t.live.journal import JournalOwner, MemoryJournal
from ml4t.live.recording import Recorder, Recording, check_decisions, compare_fills, simulate

FIRST = datetime.fromisoformat("2024-03-04T15:00:00+00:00")
HOUR = timedelta(hours=1)
COUNT = 6
BARS = [
    Bar(
        timestamp=FIRST + number * HOUR,
        asset="AAA",
        open=100.0 + number,
        high=102.0 + number,
        low=99.0 + number,
        close=100.5 + number,
    )
    for number in range(COUNT)
]
WORSE = 0.75
"""What the venue takes beyond the last close: the next bar opens half a point above it."""


class Venue:
    """Fills every order the moment it arrives, near the last close and for a fee."""

    protocol = PROTOCOL
    capabilities = Capabilities(order_types=[OrderType.MARKET], times_in_force=[TimeInForce.DAY])

    def __init__(self, clock: BarClock) -> None:
        self.clock = clock
        self.news: asyncio.Queue[Fill | Order | None] = asyncio.Queue()

    async def connect(self) -> None: ...

    async def disconnect(self) -> None:
        self.news.put_nowait(None)

    async def identity(self) -> AccountIdentity:
        return AccountIdentity(account_id="A1", environment=Environment.SIMULATED)

    async def time(self) -> datetime:
        return self.clock.now()

    async def get_asset(self, asset: str) -> Asset:
        return Asset(symbol=asset)

    async def account(self) -> AccountSnapshot:
        return AccountSnapshot(timestamp=self.clock.now(), cash=1e5, equity=1e5)

    async def open_orders(self) -> Sequence[Order]:
        return []

    async def find_order(self, order_id: str) -> Order | None:
        return None

    async def fills_since(self, instant: datetime) -> Sequence[Fill]:
        return []

    async def submit(self, order_id: str, request: OrderRequest) -> Order:
        now = self.clock.now()
        close = next(bar.close for bar in BARS if bar.timestamp == now)
        price = close + WORSE
        fill = Fill(
            f"f-{order_id}", order_id, "AAA", request.side, request.quantity, price, now, fee=0.25
        )
        self.news.put_nowait(fill)
        return Order(order_id, request, OrderStatus.ACCEPTED, now, now)

    async def cancel(self, order_id: str) -> None:
        """Nothing works for longer than a moment."""

    async def cancel_all(self) -> None:
        """Nothing works for longer than a moment."""

    async def replace(self, order_id: str, request: OrderRequest) -> Order:
        raise NotImplementedError

    async def events(self) -> AsyncIterator[VenueEvent]:
        while (event := await self.news.get()) is not None:
            yield event


class Buyer(Strategy):
    """Buys ten at every bar but the last."""

    def __init__(self) -> None:
        self.bars = self.fills = 0

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        self.bars += 1
        if self.bars < COUNT:
            assert broker.submit_order("AAA", 10).reason == ""

    def on_fill(self, fill: Fill, broker: Any) -> None:
        self.fills += 1
        broker.get_position("AAA")


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """The recording of such a run."""

    async def run() -> int:
        clock = BarClock(FIRST - HOUR)
        owner = JournalOwner(
            account_id="A1", environment=Environment.SIMULATED, broker="own", app_version="1"
        )
        risk = LiveRiskConfig.of(
            {"dedup_window_seconds": 0, "check_buying_power": False, "allowed_assets": "UNLIMITED"}
            | dict.fromkeys(("max_repeat", "max_account_age_seconds"), "UNLIMITED")
            | dict.fromkeys(("disconnect_seconds", "reconcile_seconds"), "UNLIMITED")
            | dict.fromkeys(("max_clock_jump_seconds", "mismatch_seconds"), "UNLIMITED")
            | dict.fromkeys(("max_data_staleness_seconds", "max_drawdown_pct"), "UNLIMITED")
        )
        engine = LiveEngine(
            Buyer(),
            Venue(clock),
            ReplayFeed(BARS, clock=clock),
            LiveConfig(assets=["AAA"], bar_size=HOUR, account="A1", risk=risk),
            journal=MemoryJournal(owner, clock),
            clock=clock,
            recorder=Recorder(tmp_path / "run.rec", clock),
        )
        status = await engine.run()
        assert not engine.account.book.causes
        return status

    assert asyncio.run(run()) == 0
    return Recording(tmp_path / "run.rec")


def test_it_decides_the_same_again(recording: Recording) -> None:
    strategy = Buyer()
    check = check_decisions(recording, strategy)

    assert check.difference is None
    assert (strategy.bars, strategy.fills) == (COUNT, COUNT - 1)


def test_each_order_costs_what_the_venue_took_beyond_the_next_open(recording: Recording) -> None:
    report = compare_fills(simulate(recording), recording.fills(), {})

    assert [order.simulated.price for order in report.orders] == [bar.open for bar in BARS[1:]]
    assert [order.real.price for order in report.orders] == [bar.close + WORSE for bar in BARS[:-1]]
    # A quarter of a point for ten units, and a fee; an hour before the next bar was complete.
    assert [order.price_cost for order in report.orders] == [2.5] * (COUNT - 1)
    assert [order.fee_cost for order in report.orders] == [0.25] * (COUNT - 1)
    assert {order.seconds for order in report.orders} == {-3600.0}
    assert report.opportunity_cost == 0.0
    assert report.total == 2.75 * (COUNT - 1)
    assert report.basis_points == pytest.approx(1e4 * 13.75 / (10 * (101 + 102 + 103 + 104 + 105)))
