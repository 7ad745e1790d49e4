"""What an engine in virtual time leaves behind, held against the venue's truth and its journal.

Each finding begins with the name of the invariant that was broken:

* ``I1``, ``I4``, ``I7``: what the venue's own watch saw;
* ``I2``, ``I3``, ``I9``: executions, positions and cash against the truth;
* ``I5``: the journal's chain is broken, or it leads to another state than the engine is in;
* ``I8``: an order that had ended works again;
* ``I12``: something waits that nobody takes.
"""

from collections.abc import Iterable

from ml4t.live.book import LiveBook
from ml4t.live.engine import LiveEngine
from ml4t.live.events import FillBooked, IntentRecorded, JournalEvent, OrderChanged
from ml4t.live.journal import Entry
from ml4t.live.journal.chain import Row, walk
from ml4t.live.testing.comparison import compare
from ml4t.live.testing.crash_state import state_of
from ml4t.live.testing.fault_venue import FaultyVenue
from ml4t.live.testing.true_orders import Owner

__all__ = ["JournalReader", "of_chain", "of_truth"]


class JournalReader:
    """Follows a journal from entry to entry and looks at the state that it leads to.

    Attributes:
        book: the state up to the latest entry that was read.
        findings: what must not be.
        intended: the ids of all orders that may have been sent.
        seq: the number of the latest entry that was read.
    """

    def __init__(self) -> None:
        self.book = LiveBook()
        self.findings: list[str] = []
        self.intended: set[str] = set()
        self.seq = 0

    def read(self, entries: Iterable[Entry]) -> None:
        """Take in what follows the latest entry."""
        for entry in entries:
            if entry.seq <= self.seq:
                continue
            self._take(entry.event)
            self.seq = entry.seq

    def against(self, live: LiveBook) -> list[str]:
        """Where the state of an engine is not the one that its journal leads to."""
        ours, theirs = state_of(live), state_of(self.book)
        return [
            f"I5: {name} is {ours[name]!r}, the journal leads to {theirs[name]!r}"
            for name in ours
            if ours[name] != theirs[name]
        ]

    def unintended(self, venue: FaultyVenue) -> list[str]:
        """The orders at the venue that nobody had meant to send."""
        return [
            f"I1: order {order.id} is at the venue and not in the journal"
            for order in venue.desk.orders
            if order.owner is Owner.ENGINE and order.id not in self.intended
        ]

    def _take(self, event: JournalEvent) -> None:
        order_id = None
        match event:
            case IntentRecorded(orders=orders):
                self.intended.update(order.id for order in orders)
            case OrderChanged(order=order):
                order_id = order.id
            case FillBooked(fill=fill):
                order_id = fill.order_id
        before = self.book.orders.get(order_id) if order_id is not None else None
        self.book.apply(event)
        if before is None or order_id is None or before.is_open:
            return
        after = self.book.orders[order_id]
        if after.is_open:
            self.findings.append(
                f"I8: order {order_id} had ended as {before.status.name} and is "
                f"{after.status.name} in entry {self.seq + 1}"
            )


def of_chain(rows: Iterable[Row], start: bytes, head: str) -> list[str]:
    """Where the chain of hashes from ``start`` does not lead to ``head``."""
    found = walk(rows, start)
    if not found.is_sound:
        return [f"I5: the journal is not sound: {found.reason}"]
    return [] if found.head == head else ["I5: the journal ends in another hash than it says"]


def of_truth(engine: LiveEngine, venue: FaultyVenue) -> list[str]:
    """Where an engine believes what is not so; it and the market must have come to rest."""
    book = engine.account.book
    if book.ledger is None:
        return []
    held = {asset: position.quantity for asset, position in book.ledger.positions.items()}
    return compare(venue, held, book.ledger.cash, book.fills.values())
