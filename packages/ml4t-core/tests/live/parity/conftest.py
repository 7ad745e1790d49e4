"""Runs of a strategy in shadow that are recorded."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import attrs
import pytest

from ml4t.core import Asset, Bar, BrokerProtocol, Environment, Fill, OrderSide, OrderType, Strategy
from ml4t.core.calendar import AlwaysOpen
from ml4t.core.risk import LiveRiskConfig
from ml4t.live.assumption_table import ShadowMarket
from ml4t.live.bars import ReplayFeed
from ml4t.live.clock import BarClock
from ml4t.live.config import LiveConfig
from ml4t.live.engine import LiveEngine
from ml4t.live.journal import JournalOwner, MemoryJournal
from ml4t.live.recording import Recorder, Recording
from ml4t.live.shadow import ShadowBroker

START = datetime(2024, 3, 4, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
ASSETS = ("AAA", "BBB")
RISK = LiveRiskConfig.of(
    {
        field.name: "UNLIMITED"
        for field in attrs.fields(LiveRiskConfig)
        if field.metadata.get("looser") == "more"
    }
    | {"allowed_assets": "UNLIMITED", "dedup_window_seconds": 0, "check_buying_power": False}
    | {"market_buffer": 0}
)
MARKET = ShadowMarket.of(
    {
        "commission": {"kind": "per_order", "amount": 1.0},
        "slippage": {"kind": "basis_points", "bps": 5.0},
    }
)


def bars(count: int = 60) -> list[Bar]:
    """A random walk of two assets, of which one has gaps."""
    random, made = Random(3), []  # noqa: S311 - made-up prices
    for asset, presence in zip(ASSETS, (1.0, 0.8), strict=True):
        close = 100.0
        for number in range(count):
            opens = close * (1 + random.gauss(0, 0.005))
            close = opens * (1 + random.gauss(0, 0.01))
            if random.random() > presence:
                continue
            made.append(
                Bar(
                    timestamp=START + number * HOUR,
                    asset=asset,
                    open=opens,
                    high=max(opens, close) * 1.002,
                    low=min(opens, close) * 0.998,
                    close=close,
                    volume=1000.0,
                )
            )
    return made


class Busy(Strategy):
    """Uses all of its broker, by a generator of its own."""

    def __init__(self) -> None:
        self.random = Random(5)  # noqa: S311 - made-up choices

    def on_start(self, broker: BrokerProtocol) -> None:
        assert broker.capabilities.order_groups
        assert broker.get_asset("AAA") == Asset(symbol="AAA")

    def on_data(self, timestamp, data, context, broker) -> None:
        for asset in data:
            price, held = data[asset].close, broker.get_position(asset)
            choice = self.random.randrange(5)
            working = [order for order in broker.pending_orders if order.asset == asset]
            if working and choice < 2:
                broker.cancel_order(working[0].id)
            elif held is not None and not working:
                broker.close_position(asset)
            elif choice == 2:
                broker.submit_bracket(asset, 10, take_profit=price * 1.01, stop_loss=price * 0.99)
            elif choice == 3 and not working:
                broker.submit_order(asset, 5, None, OrderType.LIMIT, price * 0.999)
            elif choice == 4 and not working and broker.get_cash() > 0:
                broker.submit_order(asset, broker.get_account_value() / price / 10)

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        if fill.side is OrderSide.SELL and not broker.positions:
            broker.submit_order(fill.asset, 1)


async def _run(
    strategy: Strategy, path: Path, market: ShadowMarket, given: Sequence[Bar], warmup: int
) -> LiveEngine:
    clock = BarClock(START - HOUR)
    broker = ShadowBroker(
        market.cash,
        [Asset(symbol=symbol) for symbol in ASSETS],
        market.market,
        clock=clock,
        calendar=AlwaysOpen(),
    )
    owner = JournalOwner(
        account_id="shadow", environment=Environment.SIMULATED, broker="shadow", app_version="1"
    )
    engine = LiveEngine(
        strategy,
        broker,
        ReplayFeed(given, clock=clock, warmup=warmup),
        LiveConfig(
            assets=ASSETS, bar_size=HOUR, risk=RISK, digest="d", strategy_hash="h", warmup=warmup
        ),
        journal=MemoryJournal(owner, clock),
        clock=clock,
        recorder=Recorder(path, clock, MARKET),
    )
    assert await engine.run() == 0
    return engine


Run = Callable[..., LiveEngine]


@pytest.fixture
def record(tmp_path: Path) -> Run:
    """Runs a strategy in shadow and records it."""

    def run(
        strategy: Strategy, *, market: ShadowMarket = MARKET, name: str = "run.rec", warmup: int = 0
    ) -> LiveEngine:
        path = tmp_path / name
        return asyncio.run(_run(strategy, path, market, bars(), warmup))

    return run


@pytest.fixture
def recorded(record: Run, tmp_path: Path) -> Recording:
    """A recording of :class:`Busy`."""
    record(Busy())
    return Recording(tmp_path / "run.rec")


@pytest.fixture
def busy() -> type[Strategy]:
    """The class of the strategy that was recorded."""
    return Busy
