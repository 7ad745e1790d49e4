"""How fast an engine stops and starts: ``python -m benchmarks.live_engine [FOLDER]`` prints JSON.

The venue is a simulated one behind a socket of this machine, in a process of its own; the folder is
where the journal is written, and its disk is part of what is measured.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from ml4t.core import (
    BrokerProtocol,
    Environment,
    MarketSlice,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Session,
    Strategy,
)
from ml4t.core.risk import UNLIMITED, LiveRiskConfig, TradingState
from ml4t.live.clock import SystemClock
from ml4t.live.config import ExecutionMode, LiveConfig
from ml4t.live.engine import LiveEngine
from ml4t.live.events import (
    BalanceAdopted,
    CancelRequested,
    IntentRecorded,
    JournalEvent,
    OrderChanged,
)
from ml4t.live.journal import Journal, JournalOwner
from ml4t.live.testing import (
    FaultyBroker,
    FaultyFeed,
    FaultyVenue,
    ListedSessions,
    MarketSettings,
    WireBroker,
    WireClient,
    WireFeed,
    WireServer,
)

ORDERS = 500
ROWS = 100_000
OWNER = JournalOwner(account_id="SIM-1", environment=Environment.PAPER, broker="wire")
OPEN = LiveRiskConfig(
    max_price_deviation_pct=UNLIMITED,
    far_limit_pct=UNLIMITED,
    max_working_orders=UNLIMITED,
    max_working_orders_per_side=UNLIMITED,
    max_orders_per_minute=UNLIMITED,
    max_messages_per_second=UNLIMITED,
    max_repeat=UNLIMITED,
    max_daily_loss=UNLIMITED,
    dedup_window_seconds=0,
    check_buying_power=False,
    regular_hours_only=False,
    max_data_staleness_seconds=UNLIMITED,
    max_stale_share_pct=UNLIMITED,
)


class ManyLimits(Strategy):
    """Fills the book with orders that do not fill, once."""

    def __init__(self, count: int) -> None:
        self.count = count

    def on_start(self, broker: BrokerProtocol) -> None:
        """Send them all."""
        for number in range(self.count):
            broker.submit_order(
                "AAA", 1, order_type=OrderType.LIMIT, limit_price=round(50 + number / 100, 2)
            )

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        """Nothing more."""


def sessions() -> tuple[Session, ...]:
    """One session that holds now."""
    now = datetime.now(UTC)
    opens = now - timedelta(hours=1)
    return (Session(label=now.date(), opens=opens, closes=now + timedelta(hours=6)),)


def serve(pipe: Connection) -> None:
    """The venue, in its own process, until the pipe says so."""

    async def main() -> None:
        market = MarketSettings(prices={"AAA": 100.0}, sessions=sessions())
        venue = FaultyVenue(market, SystemClock(), random.Random(1))  # noqa: S311 - a simulation
        broker = FaultyBroker(venue)
        broker.link.latency = (0.0, 0.0)
        venue.open()
        server = WireServer(broker, FaultyFeed(venue, broker.faults))
        pipe.send(await server.start())
        await asyncio.to_thread(pipe.recv)
        await server.close()
        venue.close()

    asyncio.run(main())


async def engine_of(port: int, folder: Path, count: int) -> LiveEngine:
    """An engine that reaches the venue through its socket."""
    client = WireClient(port)
    config = LiveConfig(
        assets=("AAA",),
        bar_size=timedelta(minutes=30),
        account="SIM-1",
        mode=ExecutionMode.PAPER,
        risk=OPEN,
    )
    return LiveEngine(
        ManyLimits(count),
        WireBroker(client),
        WireFeed(client),
        config,
        journal=Journal.open(folder / "journal.db", OWNER, SystemClock()),
        calendar=ListedSessions(sessions()),
    )


async def until_started(engine: LiveEngine, running: "asyncio.Future[int]") -> None:
    """Return when the strategy has begun."""
    while not engine.runner.has_started:
        if running.done():
            message = f"the engine ended with {running.result()}"
            raise RuntimeError(message)
        await asyncio.sleep(0.005)


async def stopped(port: int, folder: Path) -> dict[str, float]:
    """Seconds from the pull of the kill switch to the first and the last cancel, and to proof."""
    engine = await engine_of(port, folder, ORDERS)
    running = asyncio.ensure_future(engine.run())
    await until_started(engine, running)
    if len(engine.account.book.open) != ORDERS:
        message = f"{len(engine.account.book.open)} of {ORDERS} orders are open"
        raise RuntimeError(message)
    report = await engine.kill("benchmark", "benchmark")
    await engine.stop("done")
    await running
    if report.verified is None:
        message = f"still open: {report.left}"
        raise RuntimeError(message)
    return {
        "kill_first_cancel": report.first,
        "kill_last_cancel": report.all_sent,
        "kill_verified": report.verified,
    }


async def started(port: int, folder: Path) -> dict[str, float]:
    """Seconds from opening a long journal to an engine that may trade."""
    fill_journal(folder)
    start = time.perf_counter()
    engine = await engine_of(port, folder, 0)
    running = asyncio.ensure_future(engine.run())
    await until_started(engine, running)
    seconds = time.perf_counter() - start
    if engine.account.book.state is not TradingState.ACTIVE:
        raise RuntimeError(str(engine.account.book.causes))
    await engine.stop("done")
    await running
    return {"restart_to_active": seconds, "restart_rows": float(ROWS)}


def fill_journal(folder: Path) -> None:
    """A journal of many orders that leave the account as the venue has it: flat, with its cash."""
    journal = Journal.open(folder / "journal.db", OWNER, SystemClock())
    now = datetime.now(UTC)
    while journal.rows < ROWS - 2:
        journal.append(
            [event for _ in range(250) for event in cancelled(journal.next_order_id(), now)]
        )
    journal.append([BalanceAdopted(cash=100_000.0, positions={}, by="benchmark", since=now)])
    journal.close()


def cancelled(order_id: str, now: datetime) -> list[JournalEvent]:
    """What is journaled of an order that is cancelled."""
    request = OrderRequest.of("AAA", 1.0, order_type=OrderType.LIMIT, limit_price=50.0)
    order = Order(order_id, request, OrderStatus.PENDING, now, now)
    accepted = order.to(OrderStatus.ACCEPTED, now)
    return [
        IntentRecorded(orders=(order,), strategy="benchmark"),
        OrderChanged(order=accepted, evidence="answer"),
        CancelRequested(order_id=order_id, by="benchmark"),
        OrderChanged(order=accepted.to(OrderStatus.CANCELLED, now), evidence="event"),
    ]


def measured(folder: Path) -> dict[str, float]:
    """Seconds, by what took them."""
    context = get_context("spawn")
    found: dict[str, float] = {}
    for number, work in enumerate((stopped, started)):
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs,))
        process.start()
        place = folder / str(number)
        place.mkdir()
        try:
            found |= asyncio.run(work(ours.recv(), place))
        finally:
            ours.send(None)
            process.join()
    return found


if __name__ == "__main__":
    with TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else ".") as place:
        print(json.dumps(measured(Path(place)), indent=2))
