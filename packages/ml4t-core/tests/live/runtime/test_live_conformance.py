"""What a strategy sees of a live venue keeps the specification of a broker, as a backtest's does.

The venue is the shadow of the live runtime; everything between it and the strategy is the runtime's
own: checks, journal, book, and the bridge between two threads. No limit is set, since the kit
examines the broker and not the limits.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from ml4t.core import Asset, Bar, Order
from ml4t.core.risk import UNLIMITED, LiveRiskConfig, Moment, Quote, RiskBook
from ml4t.core.testing import CASH, PRICE, BrokerConformance, VenueUnderTest
from ml4t.core.venue_events import Environment
from ml4t.live.account import LiveAccount
from ml4t.live.bars import GrowingPanel
from ml4t.live.clock import BarClock
from ml4t.live.events import AssetListed, BalanceAdopted
from ml4t.live.intake import Intake
from ml4t.live.journal import JournalOwner, MemoryJournal, Origin
from ml4t.live.safe_broker import SafeBroker
from ml4t.live.shadow import ShadowBroker
from ml4t.live.strategy_broker import StrategyBroker
from ml4t.live.strategy_thread import StrategyThread
from ml4t.simulation import AccountRules, CashAccount, MarginAccount, MarketAssumptions

START = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ASSETS = ("AAA", "BBB")


def no_limits() -> LiveRiskConfig:
    """Everything that can be switched off is."""
    limits: dict[str, Any] = {
        field.name: UNLIMITED
        for field in attrs.fields(LiveRiskConfig)
        if field.metadata.get("looser") == "more"
    }
    return LiveRiskConfig(
        **{
            **limits,
            "allowed_assets": UNLIMITED,
            "dedup_window_seconds": 0.0,
            "allow_short": True,
            "allow_flip": False,
            "check_buying_power": False,
            "regular_hours_only": False,
        }
    )


class LiveVenue:
    """The live runtime around a shadow venue, its loop on a thread of its own.

    The test stands where the strategy would: on another thread than the loop.
    """

    assets = ASSETS

    def __init__(self, account: AccountRules) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._seen: dict[str, Order] = {}
        self._now = START
        self._on_loop(self._build(account))
        self.advance(dict.fromkeys(ASSETS, PRICE))

    async def _build(self, account: AccountRules) -> None:
        self._clock = clock = BarClock(START - MINUTE)
        listed = [Asset(symbol=asset) for asset in ASSETS]
        self._shadow = ShadowBroker(CASH, listed, MarketAssumptions(account=account), clock=clock)
        owner = JournalOwner(
            account_id="shadow", environment=Environment.SIMULATED, broker="shadow"
        )
        self._account = LiveAccount(MemoryJournal(owner, clock), RiskBook(no_limits()), clock)
        self._account.listener = self._hear
        self._account.commit(
            *(AssetListed(asset=asset) for asset in listed),
            BalanceAdopted(cash=CASH, positions={}, by="first start", since=START - MINUTE),
        )
        self._intake = Intake(self._account, lambda _: Origin.FOREIGN, lambda _: None)
        self._shadow.report_to(self._intake.take, self._intake.take)
        safe = SafeBroker(
            self._shadow,
            self._account,
            self._intake,
            moment=self._moment,
            clock=clock,
            patience=5.0,
        )
        safe.is_connected = True
        self._bridge = StrategyThread(asyncio.get_running_loop())
        self.broker = StrategyBroker(
            safe, self._account, self._bridge, self._account.book.assets, 5.0
        )
        self._panel = GrowingPanel(ASSETS, has_volume=True)

    def _moment(self) -> Moment:
        return Moment(monotonic=self._clock.monotonic(), instant=self._clock.now())

    def _hear(self, event: Any) -> None:
        if isinstance(event, Order):
            self._seen[event.id] = event

    @property
    def data(self) -> Mapping[str, Mapping[str, float]]:
        """The latest bars."""
        assert self.broker.bars is not None
        return self.broker.bars

    def order(self, order_id: str) -> Order:
        """The latest state of an order, also of one that was refused before it left."""
        return self._account.book.orders.get(order_id) or self._seen[order_id]

    def settle(self) -> None:
        """Calls return when everything was taken in."""

    def advance(self, prices: Mapping[str, float]) -> None:
        """One more bar of both assets."""
        self._on_loop(self._show(prices))

    async def _show(self, prices: Mapping[str, float]) -> None:
        if self.broker.bars is not None:
            self._shadow.finish_bar()
        self._now += MINUTE
        self._clock.follow(self._now)
        bars = {
            asset: Bar(
                timestamp=self._now,
                asset=asset,
                open=price,
                high=price,
                low=price,
                close=price,
                volume=1e9,
            )
            for asset, price in prices.items()
        }
        for asset, price in prices.items():
            self._account.risk.set_quote(asset, Quote(price=price, at=self._clock.monotonic()))
            self._account.risk.set_shortable(asset, is_shortable=True)
        shown = self._panel.append(self._now, bars)
        self.broker.bars = shown
        self._shadow.begin_bar(self._now, shown)
        value = self.broker.get_account_value()
        self._account.risk.set_account(self.broker.get_cash(), value, self._clock.monotonic())

    def _on_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10.0)

    def close(self) -> None:
        """End both threads."""
        self._bridge.close()
        assert self._bridge.join(1.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1.0)
        self._loop.close()


@pytest.fixture
def venue_in() -> Iterator[Callable[[AccountRules], LiveVenue]]:
    """Builds a venue and ends it after the test."""
    venues: list[LiveVenue] = []

    def build(account: AccountRules) -> LiveVenue:
        venues.append(LiveVenue(account))
        return venues[-1]

    yield build
    for venue in venues:
        venue.close()


class TestLiveCashAccount(BrokerConformance):
    """An account that borrows neither money nor shares."""

    @pytest.fixture
    def venue(self, venue_in: Callable[[AccountRules], VenueUnderTest]) -> VenueUnderTest:
        return venue_in(CashAccount())


class TestLiveMarginAccount(BrokerConformance):
    """An account that borrows both."""

    @pytest.fixture
    def venue(self, venue_in: Callable[[AccountRules], VenueUnderTest]) -> VenueUnderTest:
        return venue_in(MarginAccount())
