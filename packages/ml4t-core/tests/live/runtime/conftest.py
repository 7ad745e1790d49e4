"""A bench for parts of the live runtime: a scripted adapter, a disk that fails, virtual time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from ml4t.core import (
    Asset,
    Bar,
    Capabilities,
    OrderRequest,
    OrderType,
    Session,
    Strategy,
    TimeInForce,
    TradingCalendar,
)
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderSide
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.positions import AccountSnapshot, Position
from ml4t.core.protocol import PROTOCOL
from ml4t.core.risk import UNLIMITED, LiveRiskConfig, Moment, Quote, RiskBook
from ml4t.core.venue_events import AccountIdentity, ConnectionChange, Environment, VenueEvent
from ml4t.live.account import LiveAccount
from ml4t.live.book import LiveBook
from ml4t.live.clock import Clock
from ml4t.live.config import ExecutionMode, LiveConfig
from ml4t.live.engine import LiveEngine
from ml4t.live.events import AssetListed, BalanceAdopted, IntentRecorded
from ml4t.live.intake import Intake
from ml4t.live.journal import JournalOwner, MemoryJournal, Origin, StateDirectory
from ml4t.live.safe_broker import SafeBroker
from ml4t.live.strategy_thread import StrategyThread
from ml4t.live.testing import ListedSessions, LockstepThread, VirtualClock, run

START = datetime(2024, 1, 2, 15, tzinfo=UTC)
SESSION = Session(
    label=date(2024, 1, 2), opens=START - timedelta(hours=1), closes=START + timedelta(hours=5)
)
OPEN_LIMITS: dict[str, Any] = {
    **dict.fromkeys(
        (
            "max_order_shares", "max_order_value", "max_price_deviation_pct", "far_limit_pct",
            "max_position_shares", "max_position_value", "max_total_exposure", "allowed_assets",
            "max_positions", "max_working_orders", "max_working_orders_per_side",
            "max_orders_per_minute", "max_messages_per_second", "max_repeat", "max_rejects",
            "max_daily_loss", "max_drawdown_pct", "max_bar_move", "max_data_staleness_seconds",
            "max_account_age_seconds", "max_unknown_orders", "max_unknown_orders_per_asset",
        ),
        UNLIMITED,
    ),
    "dedup_window_seconds": 0.0,
    "check_buying_power": False,
}  # fmt: skip


class FailingDisk:
    """A disk that a test fills up; it also writes down when it is touched."""

    def __init__(self, log: list[tuple[str, str]]) -> None:
        self.is_full = False
        self.log = log

    def reached(self, step: str) -> None:
        """Fail where the disk is full."""
        if step == "begin":
            self.log.append(("journal", ""))
        if self.is_full:
            msg = "no space left on device"
            raise OSError(28, msg)


Answer = Callable[[str, OrderRequest], Awaitable[Order]]


async def accept(order_id: str, request: OrderRequest) -> Order:
    """Take any order."""
    return Order(order_id, request, OrderStatus.ACCEPTED, START, START)


class ScriptedBroker:
    """An adapter that does what a test says, and writes down what reached it.

    Attributes:
        log: what happened in order, shared with the disk: ("submit", id), ("journal", "") ...
        answers: how the next submits end; the usual answer is that the order is accepted.
        found: what ``find_order`` gives by id, or raises.
        orders, fills, snapshot: what the other questions give.
    """

    protocol = PROTOCOL

    def __init__(self, log: list[tuple[str, str]], capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.log = log
        self.answers: deque[Answer] = deque()
        self.replacing: Answer = accept
        self.cancelling: Callable[[str], Awaitable[None]] | None = None
        self.found: dict[str, Order] = {}
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.snapshot = AccountSnapshot(timestamp=START, cash=1e6, equity=1e6)
        self.account_id = "ACC"
        self.environment = Environment.PAPER
        self.failure: BaseException | None = None
        self.silent = False
        self.skew = timedelta(0)
        self.clock: Clock | None = None
        self.stream: asyncio.Queue[VenueEvent | None] = asyncio.Queue()

    async def _reach(self, name: str, what: str = "") -> None:
        self.log.append((name, what))
        if self.silent:
            await asyncio.get_running_loop().create_future()
        if self.failure is not None:
            raise self.failure

    async def connect(self) -> None:
        await self._reach("connect")

    async def disconnect(self) -> None:
        self.log.append(("disconnect", ""))

    async def identity(self) -> AccountIdentity:
        await self._reach("identity")
        return AccountIdentity(account_id=self.account_id, environment=self.environment)

    async def time(self) -> datetime:
        await self._reach("time")
        assert self.clock is not None
        return self.clock.now() + self.skew

    async def get_asset(self, asset: str) -> Asset:
        await self._reach("get_asset", asset)
        return Asset(symbol=asset)

    async def account(self) -> AccountSnapshot:
        await self._reach("account")
        return self.snapshot

    async def open_orders(self) -> Sequence[Order]:
        await self._reach("open_orders")
        return list(self.orders)

    async def find_order(self, order_id: str) -> Order | None:
        await self._reach("find_order", order_id)
        return self.found.get(order_id)

    async def fills_since(self, instant: datetime) -> Sequence[Fill]:
        await self._reach("fills_since")
        return [fill for fill in self.fills if fill.timestamp >= instant]

    async def submit(self, order_id: str, request: OrderRequest) -> Order:
        self.log.append(("submit", order_id))
        answer = self.answers.popleft() if self.answers else accept
        return await answer(order_id, request)

    async def submit_family(
        self, order_ids: Sequence[str], requests: Sequence[OrderRequest]
    ) -> Sequence[Order]:
        self.log.append(("submit_family", " ".join(order_ids)))
        pairs = zip(order_ids, requests, strict=True)
        return [await accept(order_id, request) for order_id, request in pairs]

    async def submit_alternatives(
        self, order_ids: Sequence[str], requests: Sequence[OrderRequest]
    ) -> Sequence[Order]:
        self.log.append(("submit_alternatives", " ".join(order_ids)))
        pairs = zip(order_ids, requests, strict=True)
        return [await accept(order_id, request) for order_id, request in pairs]

    async def cancel(self, order_id: str) -> None:
        self.log.append(("cancel", order_id))
        if self.cancelling is not None:
            await self.cancelling(order_id)

    async def cancel_all(self) -> None:
        self.log.append(("cancel_all", ""))
        if self.cancelling is not None:
            await self.cancelling("")

    async def replace(self, order_id: str, request: OrderRequest) -> Order:
        self.log.append(("replace", order_id))
        return await self.replacing(order_id, request)

    async def events(self) -> AsyncIterator[VenueEvent]:
        while (event := await self.stream.get()) is not None:
            yield event

    def names(self, *kinds: str) -> list[str]:
        """What was asked of the adapter, of these kinds."""
        return [name for name, _ in self.log if name in kinds]


class Bench:
    """The parts around one account.

    Attributes:
        log: what touched the adapter and the disk, in order.
        heard: what the listener was told.
        alerts: what a person was told.
        connections: what the intake said about the session.
    """

    def __init__(
        self,
        clock: VirtualClock,
        *,
        limits: dict[str, Any] | None = None,
        capabilities: Capabilities | None = None,
        patience: float = 5.0,
        held: dict[str, float] | None = None,
    ) -> None:
        self.clock = clock
        self.log: list[tuple[str, str]] = []
        self.disk = FailingDisk(self.log)
        owner = JournalOwner(account_id="ACC", environment=Environment.PAPER, broker="scripted")
        self.journal = MemoryJournal(owner, clock, disk=self.disk)
        self.risk = RiskBook(LiveRiskConfig(**{**OPEN_LIMITS, **(limits or {})}))
        self.account = LiveAccount(self.journal, self.risk, clock)
        self.heard: list[Order | Fill] = []
        self.alerts: list[str] = []
        self.connections: list[ConnectionChange] = []
        self.account.listener = self.heard.append
        self.account.alarm = lambda alert: self.alerts.append(f"{alert.kind}: {alert.message}")
        self.intake = Intake(self.account, self._origin, self.connections.append)
        self.broker = ScriptedBroker(self.log, capabilities or every_ability())
        self.broker.clock = clock
        self.safe = SafeBroker(
            self.broker,
            self.account,
            self.intake,
            moment=self.moment,
            clock=clock,
            patience=patience,
        )
        self.safe.is_connected = True
        positions = {asset: Position(asset, units, 100.0) for asset, units in (held or {}).items()}
        self.account.commit(
            AssetListed(asset=Asset(symbol="A")),
            AssetListed(asset=Asset(symbol="B")),
            BalanceAdopted(
                cash=1e6, positions=positions, by="test", since=START - timedelta(days=1)
            ),
        )
        self.refresh()
        self.log.clear()

    def _origin(self, order_id: str) -> Origin:
        return Origin.OTHER_ENGINE if order_id.startswith("m4-") else Origin.FOREIGN

    def refresh(self) -> None:
        """Fresh prices and a fresh account."""
        now = self.clock.monotonic()
        for asset in ("A", "B"):
            self.risk.set_quote(asset, Quote(price=100.0, at=now, bid=100.0, ask=100.0))
            self.risk.set_shortable(asset, is_shortable=True)
        self.risk.set_account(1e6, 1e6, now)

    def moment(self) -> Moment:
        """Now, within a session."""
        return Moment(
            monotonic=self.clock.monotonic(),
            instant=self.clock.now(),
            session=SESSION,
            is_regular=True,
        )

    @property
    def book(self) -> LiveBook:
        return self.account.book

    def order(self, order_id: str, quantity: float = 10.0, asset: str = "A", **more: Any) -> Order:
        """An order that was journaled, and not sent yet."""
        request = more.pop("request", None) or OrderRequest.of(asset, quantity, **more)
        order = Order(order_id, request, OrderStatus.PENDING, self.clock.now(), self.clock.now())
        self.account.commit(IntentRecorded(orders=(order,), strategy="s"))
        return order

    def report(self, order_id: str, status: OrderStatus, filled: float = 0.0, **more: Any) -> Order:
        """What the venue says about an order."""
        known = self.book.orders[order_id]
        average = more.pop("average", 100.0 if filled else None)
        return attrs.evolve(
            known,
            status=status,
            filled_quantity=filled,
            average_fill_price=average,
            fees=0.0,
            **more,
        )

    def fill(self, fill_id: str, order_id: str, quantity: float, **more: Any) -> Fill:
        """One execution at 100."""
        order = self.book.orders[order_id]
        more = {"price": 100.0, "timestamp": self.clock.now(), **more}
        return Fill(fill_id, order_id, order.asset, order.side, quantity, **more)

    def replayed(self) -> "Bench":
        """A second bench that has only read the journal of this one."""
        other = Bench.__new__(Bench)
        other.clock = self.clock
        other.journal = self.journal.reopened()
        other.risk = RiskBook(self.risk.config)
        other.account = LiveAccount(other.journal, other.risk, self.clock)
        other.account.replay([entry.event for entry in other.journal.entries()])
        return other


def every_ability(**changed: Any) -> Capabilities:
    """A venue that takes everything."""
    return Capabilities(
        **{
            "order_types": list(OrderType),
            "times_in_force": list(TimeInForce),
            "fractional": True,
            "short_selling": True,
            "replace_orders": True,
            "order_groups": True,
            "reduce_only": True,
            **changed,
        }
    )


def signed(side: OrderSide, quantity: float) -> float:
    """The change of the position."""
    return side.sign * quantity


class ScriptedFeed:
    """A feed that brings what a test puts into it; None ends it."""

    protocol = PROTOCOL

    def __init__(self, past: Sequence[Bar] = ()) -> None:
        self.past = past
        self.coming: asyncio.Queue[Bar | None] = asyncio.Queue()
        self.subscribed: list[str] = []

    async def subscribe(self, assets: Sequence[str]) -> None:
        self.subscribed += assets

    async def history(self, asset: str, length: int) -> Sequence[Bar]:
        return [bar for bar in self.past if bar.asset == asset][-length:]

    async def bars(self) -> AsyncIterator[Bar]:
        while (bar := await self.coming.get()) is not None:
            yield bar

    async def close(self) -> None:
        """Nothing to do."""


class World:
    """An engine on a scripted venue and feed, with bars of a minute.

    Attributes:
        alerts: what a person was told.
    """

    def __init__(  # noqa: PLR0913 - what the tests vary
        self,
        clock: Clock,
        strategy: Strategy | None = None,
        *,
        limits: dict[str, Any] | None = None,
        journal: MemoryJournal | None = None,
        folder: Path | None = None,
        past: Sequence[Bar] | None = None,
        sessions: Sequence[Session] = (SESSION,),
        calendar: TradingCalendar | None = None,
        thread: type[StrategyThread] = LockstepThread,
        **config: Any,
    ) -> None:
        self.clock = clock
        self.log: list[tuple[str, str]] = []
        self.disk = FailingDisk(self.log)
        owner = JournalOwner(account_id="ACC", environment=Environment.PAPER, broker="scripted")
        self.journal = journal or MemoryJournal(owner, clock, disk=self.disk)
        self.broker = ScriptedBroker(self.log, every_ability())
        self.broker.clock = clock
        if past is None:
            at = clock.now().replace(second=0, microsecond=0) - timedelta(minutes=1)
            past = [bar_of(asset, at, 100.0) for asset in ("A", "B")]
        self.feed = ScriptedFeed(past)
        self.strategy = strategy or Idle()
        settings = {
            "assets": ("A", "B"),
            "bar_size": timedelta(minutes=1),
            "account": "ACC",
            "mode": ExecutionMode.PAPER,
            "risk": LiveRiskConfig(**{**OPEN_LIMITS, "bar_seconds": 60.0, **(limits or {})}),
        }
        self.engine = LiveEngine(
            self.strategy,
            self.broker,
            self.feed,
            LiveConfig(**{**settings, **config}),
            journal=self.journal,
            state=None if folder is None else StateDirectory(folder),
            clock=clock,
            calendar=calendar or ListedSessions(sessions),
            thread=thread,
        )
        self.alerts: list[str] = []
        self.engine.account.alarm = lambda alert: self.alerts.append(
            f"{alert.kind}: {alert.message}"
        )
        self.running: asyncio.Future[int] | None = None

    @property
    def book(self) -> LiveBook:
        return self.engine.account.book

    async def start(self, seconds: float = 1.0) -> "World":
        """Run, and let it come up."""
        self.running = asyncio.ensure_future(self.engine.run())
        await asyncio.sleep(seconds)
        return self

    async def stop(self) -> int:
        """End it as a person would, and give the exit status."""
        assert self.running is not None
        await self.engine.stop("the test is over")
        return await self.running

    async def bar(self, price: float = 100.0, *assets: str) -> None:
        """The bars of the minute that ends next, and the time until they were handled."""
        now = self.clock.now()
        end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        await asyncio.sleep((end - now).total_seconds())
        for asset in assets or ("A", "B"):
            self.feed.coming.put_nowait(bar_of(asset, end, price))
        await asyncio.sleep(0.5)

    def equity(self, equity: float, *, flow: float = 0.0, **held: float) -> None:
        """What the venue says the account is worth, of a million at first and what came since."""
        positions = {asset: Position(asset, units, 100.0) for asset, units in held.items()}
        self.broker.snapshot = attrs.evolve(
            self.broker.snapshot,
            timestamp=self.clock.now(),
            equity=equity,
            cash=1e6 + flow - 100.0 * sum(held.values()),
            positions=positions,
        )

    def journaled(self, kind: type) -> list[Any]:
        """What the journal holds of one kind."""
        return [e.event for e in self.journal.entries() if isinstance(e.event, kind)]


class Idle(Strategy):
    """Does nothing but write down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_start(self, broker: Any) -> None:
        self.told.append("start")

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        self.told.append("data")

    def on_end(self, broker: Any) -> None:
        self.told.append("end")


def bar_of(asset: str, at: datetime, price: float) -> Bar:
    """A flat bar."""
    return Bar(
        timestamp=at, asset=asset, open=price, high=price, low=price, close=price, volume=1000.0
    )


Scene = Callable[[Bench], Coroutine[Any, Any, Any]]


@pytest.fixture(scope="session")
def play() -> Callable[..., Any]:
    """Play a scene on a new bench in virtual time and give what it returns."""

    def play(scene: Scene, **parts: Any) -> Any:
        async def main(clock: VirtualClock) -> Any:
            return await scene(Bench(clock, **parts))

        return run(main, START)

    return play


@pytest.fixture(scope="session")
def live() -> Callable[..., Any]:
    """Play a scene in a world of its own in virtual time and give what it returns."""

    def live(scene: Callable[[World], Coroutine[Any, Any, Any]], *args: Any, **parts: Any) -> Any:
        async def main(clock: VirtualClock) -> Any:
            return await scene(World(clock, *args, **parts))

        return run(main, START)

    return live


@pytest.fixture(scope="session")
def world() -> type[World]:
    """:class:`World`, for a second start."""
    return World


@pytest.fixture(scope="session")
def bar() -> Callable[..., Bar]:
    """:func:`bar_of`."""
    return bar_of


@pytest.fixture(scope="session")
def idle() -> type[Idle]:
    """:class:`Idle`, to be built upon."""
    return Idle


@pytest.fixture(scope="session")
def abilities() -> Callable[..., Capabilities]:
    """A venue that takes everything but what is changed."""
    return every_ability


@pytest.fixture(scope="session")
def public_state() -> Callable[[LiveBook], dict[str, Any]]:
    """All that a book shows to the outside."""

    def state(book: LiveBook) -> dict[str, Any]:
        shown = {name: value for name, value in vars(book).items() if not name.startswith("_")}
        ledger = shown.pop("ledger")
        shown["cash"] = None if ledger is None else ledger.cash
        shown["positions"] = None if ledger is None else dict(ledger.positions)
        del shown["totals"]
        shown["state"], shown["behind"] = book.state, book.behind
        return shown

    return state


@pytest.fixture(scope="session")
def risk_state() -> Callable[[RiskBook], dict[str, Any]]:
    """What the limits are measured on: positions with everything that may still fill."""

    def state(risk: RiskBook) -> dict[str, Any]:
        return {
            "state": risk.state,
            "worst": {
                facts.symbol: risk.worst_case(facts.symbol)
                for facts in sorted(risk, key=lambda facts: facts.symbol)
                if facts.quantity or facts.orders
            },
            "working": risk.working_orders,
            "unknown": risk.unknown_orders,
        }

    return state
