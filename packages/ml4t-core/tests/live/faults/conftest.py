"""A scene: one engine at a venue that lies, in virtual time, and what must be true at its end."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml4t.core import OrderRequest, OrderType, Session, Strategy, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import UNLIMITED, LiveRiskConfig
from ml4t.core.venue_events import Environment, VenueEvent
from ml4t.live.book import LiveBook, replayed
from ml4t.live.config import ExecutionMode, LiveConfig, Timing
from ml4t.live.engine import LiveEngine
from ml4t.live.events import FillBooked, IntentRecorded, OrderChanged
from ml4t.live.journal import JournalOwner, MemoryJournal, StateDirectory
from ml4t.live.testing import (
    At,
    FaultPlan,
    FaultyBroker,
    FaultyFeed,
    FaultyVenue,
    ListedSessions,
    LockstepThread,
    MarketSettings,
    TruthLimits,
    VenueRules,
    VirtualClock,
    compare,
    run,
    seeded,
)
from ml4t.live.testing.execution_faults import Execution
from ml4t.live.testing.true_orders import Owner, TrueOrder

START = datetime(2024, 3, 4, 14, 36, tzinfo=UTC)
BAR = timedelta(minutes=5)
SESSION = Session(
    label=date(2024, 3, 4), opens=START - timedelta(minutes=6), closes=START + timedelta(hours=6)
)
PRICES = {"AAA": 100.0, "BBB": 50.0, "CCC": 20.0}
ENDED = {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
LIMITS: dict[str, Any] = {
    **dict.fromkeys(
        (
            "max_order_value", "max_position_value", "max_total_exposure", "allowed_assets",
            "max_repeat", "max_rejects",
        ),
        UNLIMITED,
    ),
    "bar_seconds": BAR.total_seconds(),
    "max_order_shares": 500.0,
    "max_position_shares": 1000.0,
    "max_daily_loss": 1_000.0,
    "max_orders_per_minute": 100.0,
    "max_messages_per_second": 40.0,
    "dedup_window_seconds": 0.0,
}  # fmt: skip


class Quiet(Strategy):
    """Does what a test says at its next bar, and writes down what it is told.

    Attributes:
        told: the bars, orders and executions, in order.
        todo: what to do at the next bars, one for each.
        raised: what the steps raised that they did not catch.
    """

    def __init__(self, *todo: Callable[[Any], object]) -> None:
        self.told: list[Any] = []
        self.todo = list(todo)
        self.raised: list[BaseException] = []
        self.gave: list[Any] = []

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        self.told.append(data)
        if not self.todo:
            return
        step = self.todo.pop(0)
        try:
            self.gave.append(step(broker))
        except Exception as error:
            self.raised.append(error)
            raise

    def on_order(self, order: Order, broker: Any) -> None:
        self.told.append(order)

    def on_fill(self, fill: Any, broker: Any) -> None:
        self.told.append(fill)

    @property
    def bars(self) -> list[Any]:
        return [each for each in self.told if hasattr(each, "timestamp") and not self._is_fill(each)]

    @staticmethod
    def _is_fill(each: Any) -> bool:
        return isinstance(each, Order) or hasattr(each, "order_id")


class Scene:
    """One engine, one venue, and a clock that jumps.

    Prices stand still: 100, 50 and 20. A market order trades a cent worse, at once and whole.

    Attributes:
        alerts: what a person was told, as "kind: message".
    """

    def __init__(  # noqa: PLR0913 - everything that a fault can be about
        self,
        clock: VirtualClock,
        *script: At,
        strategy: Strategy | None = None,
        rules: dict[str, Any] | None = None,
        limits: dict[str, Any] | None = None,
        market: dict[str, Any] | None = None,
        journal: MemoryJournal | None = None,
        venue: FaultyVenue | None = None,
        folder: Path | None = None,
        disk: Any = None,
        sessions: Sequence[Session] = (SESSION,),
        **config: Any,
    ) -> None:
        self.clock = clock
        settings = {
            "prices": PRICES, "sessions": sessions, "bar_size": BAR, "volatility": 0.0, "gap": 0.0,
            **(market or {}),
        }  # fmt: skip
        given = {"whole": 1.0, "reaction": (0.02, 0.05), **(rules or {})}
        self.venue = venue or FaultyVenue(
            MarketSettings(**settings), clock.true_clock(), seeded(7), rules=VenueRules(**given)
        )
        self.broker = FaultyBroker(self.venue, FaultPlan(script=script), seeded(8))
        self.feed = FaultyFeed(self.venue, self.broker.faults, seeded(9))
        owner = JournalOwner(account_id="SIM-1", environment=Environment.PAPER, broker="faulty")
        self.disk = disk
        parts = {} if disk is None else {"disk": disk}
        self.journal = journal or MemoryJournal(owner, clock, **parts)
        self.strategy = strategy or Quiet()
        assets = tuple(settings["prices"])
        wanted = {
            "assets": assets, "bar_size": settings["bar_size"], "account": "SIM-1",
            "mode": ExecutionMode.PAPER, "timing": Timing(watch=0.5),
            "risk": LiveRiskConfig(**{**LIMITS, **(limits or {})}),
        }  # fmt: skip
        self.engine = LiveEngine(
            self.strategy,
            self.broker,
            self.feed,
            LiveConfig(**{**wanted, **config}),
            journal=self.journal,
            state=None if folder is None else StateDirectory(folder),
            clock=clock,
            calendar=ListedSessions(sessions),
            thread=LockstepThread,
        )
        self.alerts: list[str] = []
        self.engine.account.alarm = lambda alert: self.alerts.append(
            f"{alert.kind}: {alert.message}"
        )
        self.running: asyncio.Future[int] | None = None
        self._judge()

    def _judge(self) -> None:
        """Hold the venue's truth against what the engine may do, while it runs."""
        watch, most = self.venue.watch, self.engine.config.risk.max_position_shares
        watch.state = lambda: self.book.state.name
        watch.believed = self.engine.account.held
        assert isinstance(most, float) or most is UNLIMITED
        if isinstance(most, float):
            watch.limits = TruthLimits(max_position=dict.fromkeys(self.engine.config.assets, most))

    # What a test does

    async def start(self, seconds: float = 2.0) -> "Scene":
        """Run the engine, and let it come up."""
        self.venue.open()
        self.running = asyncio.ensure_future(self.engine.run())
        await asyncio.sleep(seconds)
        return self

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def submit(self, quantity: float, asset: str = "AAA", limit: float | None = None) -> Order:
        """Send an order as the strategy would, and wait for the venue's answer."""
        return await self.engine.safe.submit(request_of(quantity, asset, limit))

    async def rest(self, quantity: float = 10.0, asset: str = "AAA") -> Order:
        """Have an order work: its limit is a tenth away from the market."""
        side = 1 if quantity > 0 else -1
        limit = round(self.venue.market.prices[asset] * (1 - 0.1 * side), 2)
        order = await self.submit(quantity, asset, limit)
        assert order.status is OrderStatus.ACCEPTED, order
        await self.wait(0.5)
        return order

    def trade(self, order_id: str, quantity: float, price: float, **shape: Any) -> str:
        """Let a piece of a resting order trade; gives the name of the execution."""
        (order,) = self.true(order_id)
        self.venue.desk.execute(order, Execution(quantity=quantity, **shape), price)
        return next(reversed(self.venue.account_truth.fills))

    def hear(self, *events: VenueEvent) -> None:
        """Have the stream bring these events next."""
        for event in events:
            self.broker.link.events.put_nowait(event)

    # What a test looks at

    @property
    def book(self) -> LiveBook:
        return self.engine.account.book

    @property
    def state(self) -> str:
        return self.book.state.name

    @property
    def causes(self) -> dict[str, str]:
        """What restricts trading: the state, with "!" where only a person may lift it."""
        return {
            name: cause.state.name + ("!" if cause.latched else "")
            for name, cause in self.book.causes.items()
        }

    @property
    def cash(self) -> float:
        assert self.book.ledger is not None
        return self.book.ledger.cash

    def order(self, order_id: str) -> Order:
        return self.book.orders[order_id]

    def held(self, asset: str = "AAA") -> float:
        return self.book.held(asset)

    def true(self, order_id: str) -> list[TrueOrder]:
        """What the venue has under an id."""
        return self.venue.desk.named(order_id)

    @property
    def own(self) -> list[TrueOrder]:
        """Every order of the engine that reached the venue."""
        return [order for order in self.venue.desk.orders if order.owner is Owner.ENGINE]

    @property
    def sent(self) -> int:
        """How many orders the engine handed to the adapter."""
        return self.venue.watch.counts["sent"]

    def journaled(self, kind: type) -> list[Any]:
        return [e.event for e in self.journal.entries() if isinstance(e.event, kind)]

    def position_of(self, kind: type, matches: Callable[[Any], bool]) -> int:
        """Where the first such entry stands in the journal."""
        return next(
            number
            for number, entry in enumerate(self.journal.entries())
            if isinstance(entry.event, kind) and matches(entry.event)
        )

    # How it ends

    async def finish(self, *, heal: bool = True, rest: float = 45.0, ignore: Any = ()) -> int:
        """Let everything come to rest, check what must always be true, and stop."""
        if heal:
            self.broker.heal()
        await self.wait(rest)
        assert self.findings(ignore) == []
        return await self.stop()

    async def stop(self) -> int:
        assert self.running is not None
        await self.engine.stop("the scene is over")
        code = await self.running
        self.venue.close()
        return code

    def findings(self, ignore: Any = ()) -> list[str]:
        """Everything that must never be, and is."""
        book = self.book
        held = {} if book.ledger is None else book.ledger.positions
        positions = {asset: position.quantity for asset, position in held.items()}
        cash = self.venue.account_truth.cash if "cash" in ignore else self.cash
        found = compare(self.venue, positions, cash, book.fills.values(), ignore=ignore)
        found += self.venue.watch.check()
        events = [entry.event for entry in self.journal.entries()]
        again = replayed(events)
        if not self.engine.account.has_unwritten and shown(again) != shown(book):
            found.append("I5: the journal replayed is another state")
        found += _reopened(events)
        if self.state != "ACTIVE" and not any(cause.latched for cause in book.causes.values()):
            lasting = {"unreconciled", "control 16", "control 14", "clock"} & set(self.causes)
            if not lasting:
                found.append(f"I6: {self.causes} neither end nor ask for a person")
        return found


def shown(book: LiveBook) -> dict[str, Any]:
    """What two books must agree on."""
    ledger = book.ledger
    return {
        "orders": book.orders,
        "open": book.open,
        "fills": book.fills,
        "causes": book.causes,
        "flows": book.flows,
        "cash": None if ledger is None else ledger.cash,
        "positions": None if ledger is None else dict(ledger.positions),
    }


def _reopened(events: list[Any]) -> list[str]:
    """Orders that were at an end and then were not any more."""
    found, book = [], LiveBook()
    for event in events:
        before = {}
        if isinstance(event, OrderChanged | FillBooked | IntentRecorded):
            before = dict(book.orders)
        book.apply(event)
        found += [
            f"I8: {order.id} went from {order.status.name} to {book.orders[order.id].status.name}"
            for order in before.values()
            if order.status in ENDED and book.orders[order.id].status not in ENDED
        ]
    return found


def request_of(quantity: float, asset: str = "AAA", limit: float | None = None) -> OrderRequest:
    """A market order, or a limit order for the day."""
    if limit is None:
        return OrderRequest.of(asset, quantity)
    return OrderRequest.of(
        asset, quantity, None, OrderType.LIMIT, limit, time_in_force=TimeInForce.DAY
    )


@pytest.fixture(scope="session")
def scene() -> Callable[..., Any]:
    """Play a scene in virtual time and give what it returns."""

    def play(
        act: Callable[[Scene], Coroutine[Any, Any, Any]],
        *script: At,
        start: datetime = START,
        **parts: Any,
    ) -> Any:
        async def main(clock: VirtualClock) -> Any:
            return await act(Scene(clock, *script, **parts))

        return run(main, start)

    return play


@pytest.fixture(scope="session")
def another() -> type[Scene]:
    """:class:`Scene`, for a second start of the engine at the same venue."""
    return Scene


@pytest.fixture(scope="session")
def quiet() -> type[Quiet]:
    """:class:`Quiet`, to be given steps or to be built upon."""
    return Quiet


@pytest.fixture(scope="session")
def request_for() -> Callable[..., OrderRequest]:
    """:func:`request_of`."""
    return request_of


