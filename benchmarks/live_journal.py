"""How long the live journal takes: ``python -m benchmarks.live_journal [FOLDER]`` prints JSON.

The folder is where the journal is written, and its disk is what is measured; without it, the
current directory.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from ml4t.core import Fill, Order, OrderRequest, OrderSide, OrderStatus, OrderType
from ml4t.core.venue_events import Environment
from ml4t.live.clock import SystemClock
from ml4t.live.events import FillBooked, IntentRecorded, JournalEvent, OrderChanged
from ml4t.live.journal import Journal, JournalOwner, verify

APPENDS = 5_000
ROWS = 100_000
NOW = datetime.now(UTC)
REQUEST = OrderRequest.of("SPY", 10.0, order_type=OrderType.LIMIT, limit_price=100.25)
OWNER = JournalOwner(account_id="DU123", environment=Environment.PAPER, broker="ib")


def life_of(order_id: str) -> list[JournalEvent]:
    """What is journaled of an order that fills at once."""
    order = Order(order_id, REQUEST, OrderStatus.PENDING, NOW, NOW)
    fill = Fill(order_id, order_id, "SPY", OrderSide.BUY, 10.0, 100.1, NOW, fee=0.35)
    return [
        IntentRecorded(orders=(order,), strategy="s"),
        OrderChanged(order=order.to(OrderStatus.ACCEPTED, NOW), evidence="answer"),
        FillBooked(fill=fill, evidence="event"),
        OrderChanged(order=order.after_fill(10.0, 100.1, NOW, 0.35), evidence="event"),
    ]


def measured(folder: Path) -> dict[str, float]:
    """Seconds, by what took them."""
    path = folder / "journal.db"
    journal = Journal.open(path, OWNER, SystemClock())
    times = []
    for _ in range(APPENDS):
        events = life_of(journal.next_order_id())[:1]
        start = time.perf_counter()
        journal.append(events)
        times.append(time.perf_counter() - start)
    while journal.rows < ROWS:
        journal.append([event for _ in range(500) for event in life_of(journal.next_order_id())])
    times.sort()
    found = {"append_p50": times[len(times) // 2], "append_p99": times[len(times) * 99 // 100]}
    found["read"] = seconds(lambda: sum(1 for _ in journal.entries()))
    found["snapshot"] = seconds(lambda: journal.snapshot_to(folder / "copy.db"))
    journal.close()
    found["verify"] = seconds(lambda: verify(path))
    found["open"] = seconds(lambda: Journal.open(path, OWNER, SystemClock()).close())
    return found | {"rows": journal.rows, "bytes": path.stat().st_size}


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    with TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else ".") as place:
        print(json.dumps(measured(Path(place)), indent=2))
