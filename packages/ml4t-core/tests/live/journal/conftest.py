"""A clock that ticks when it is read, a journal's owner, and a short session of every event."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ml4t.core import Asset, Fill, Order, OrderRequest, OrderSide, OrderStatus, OrderType, Position
from ml4t.core.risk import TradingState
from ml4t.core.venue_events import CashFlow, Environment
from ml4t.live import events
from ml4t.live.events import Alert, JournalEvent
from ml4t.live.journal import SOUND_DISK, Disk, Journal, JournalOwner

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


class TickingClock:
    """A millisecond later at each reading."""

    def __init__(self) -> None:
        self.readings = 0

    def now(self) -> datetime:
        self.readings += 1
        return NOW + timedelta(milliseconds=self.readings)

    def monotonic(self) -> float:
        self.readings += 1
        return self.readings / 1000


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture
def owner() -> JournalOwner:
    return JournalOwner(
        account_id="DU123", environment=Environment.PAPER, broker="ib", app_version="1.0"
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def open_journal(
    path: Path, owner: JournalOwner, clock: TickingClock
) -> Iterator[Callable[..., Journal]]:
    """Opens the journal of the test; every one is closed in the end."""
    opened: list[Journal] = []

    def open_it(*, disk: Disk = SOUND_DISK) -> Journal:
        opened.append(Journal.open(path, owner, clock, disk=disk))
        return opened[-1]

    yield open_it
    for journal in opened:
        journal.close()


@pytest.fixture
def look(tmp_path: Path) -> Callable[[Journal, str], list[tuple[object, ...]]]:
    """What a query gives in a snapshot of an open journal."""

    def rows(journal: Journal, query: str) -> list[tuple[object, ...]]:
        copy = tmp_path / "look.db"
        copy.unlink(missing_ok=True)
        journal.snapshot_to(copy)
        with closing(sqlite3.connect(copy)) as connection:
            return connection.execute(query).fetchall()

    return rows


@pytest.fixture
def messages_of() -> Callable[[Journal], list[str]]:
    """What the alerts of a journal say, which holds nothing else."""

    def message(event: JournalEvent) -> str:
        assert isinstance(event, Alert)
        return event.message

    return lambda journal: [message(entry.event) for entry in journal.entries()]


@pytest.fixture
def session() -> list[JournalEvent]:
    return reference_session()


def reference_session() -> list[JournalEvent]:
    """One event of every kind at least, that belong together."""
    request = OrderRequest.of("SPY", 10, order_type=OrderType.LIMIT, limit_price=100.25)
    pending = Order("o1", request, OrderStatus.PENDING, NOW, NOW)
    working = pending.to(OrderStatus.ACCEPTED, NOW)
    fills = [
        Fill("f1", "o1", "SPY", OrderSide.BUY, 0.1, 100.2, NOW, fee=0.35),
        Fill("f2", "o1", "SPY", OrderSide.BUY, 0.2, 100.1, NOW),
        Fill("f3", "o2", "SPY", OrderSide.SELL, 0.3, 100.3, NOW, fee=0.1),
    ]
    halted = TradingState.HALTED
    return [
        events.EngineStarted(
            account_id="DU123", environment="PAPER", broker="ib", app_version="1.0",
            config_hash="c", limits={"max_orders": "5"},
        ),
        events.AssetListed(asset=Asset(symbol="SPY")),
        events.BalanceAdopted(
            cash=1e5, positions={"QQQ": Position("QQQ", -3.0, 400.5)}, by="first start", since=NOW
        ),
        events.SessionBegan(label=date(2026, 3, 2), equity=98_798.5),
        events.HighWaterMark(equity=98_798.5),
        events.IntentRecorded(orders=(pending,), strategy="s"),
        events.OrderChanged(order=working, evidence="answer"),
        *(events.FillBooked(fill=fill, evidence="event") for fill in fills),
        events.FillBusted(fill_id="f2", reason="erroneous"),
        events.FeeBooked(fill_id="f3", fee=0.25),
        events.CashFlowBooked(
            flow=CashFlow(id="d1", amount=12.5, reason="dividend", timestamp=NOW), evidence="event"
        ),
        events.OrderDenied(
            request=OrderRequest.of("SPY", float("nan")), rule="number", control=1, value="nan",
            limit="finite", reason="quantity must be positive and finite, was nan",
        ),
        events.ReplaceRequested(order_id="o1", request=request),
        events.CancelRequested(order_id="o1", by="strategy"),
        events.CauseRaised(name="loss", state=halted, reason="down 3 %", latched=True),
        events.CauseRaised(name="link", state=halted, reason="no answer", latched=False),
        events.CauseCleared(name="link", evidence="answers again"),
        events.Rearmed(by="anna", reason="looked at it", names=("loss",)),
        events.CauseRaised(name="kill", state=halted, reason="by hand", latched=True),
        events.DifferenceFound(kind="position", subject="SPY", ours="0.1", theirs="0"),
        events.Alert(kind="note", message='späť "quoted" \u2028 \x00'),
        events.EngineStopped(reason="end"),
    ]  # fmt: skip
