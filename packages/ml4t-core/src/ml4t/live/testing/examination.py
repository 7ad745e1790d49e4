"""What an engine in virtual time leaves behind, held against the venue's truth and its journal.

Each finding begins with the name of the invariant that was broken:

* ``I1``, ``I4``, ``I7``: what the venue's own watch saw;
* ``I2``, ``I3``, ``I9``: executions, positions and cash against the truth;
* ``I5``: the journal's chain is broken, or it leads to another state than the engine is in;
* ``I8``: an order that had ended works again;
* ``I12``: something waits that nobody takes.
"""

from itertools import islice

from ml4t.core.fills import Fill
from ml4t.live.book import LiveBook
from ml4t.live.engine import LiveEngine
from ml4t.live.events import FillBooked, IntentRecorded, JournalEvent, OrderChanged
from ml4t.live.journal import Journal, MemoryJournal
from ml4t.live.journal.chain import entry_of, hash_of
from ml4t.live.testing.comparison import compare
from ml4t.live.testing.crash_state import state_of
from ml4t.live.testing.fault_venue import FaultyVenue
from ml4t.live.testing.true_orders import Owner

__all__ = ["JournalReader", "of_truth"]


class JournalReader:
    """Follows a journal from entry to entry and looks at the state that it leads to.

    Attributes:
        book: the state up to the latest entry that was read.
        findings: what must not be.
        intended: the ids of all orders that may have been sent.
        seq: the number of the latest entry that was read.

    Args:
        start: the hash of the journal before its first entry.
    """

    def __init__(self, start: bytes) -> None:
        self.book = LiveBook()
        self.findings: list[str] = []
        self.intended: set[str] = set()
        self.seq = 0
        self._hash = start

    def read(self, journal: Journal | MemoryJournal) -> None:
        """Take in what follows the latest entry, and check that it does follow."""
        for row in islice(journal.stored(), self.seq, None):
            self._hash = hash_of(self._hash, row)
            if row[0] != self.seq + 1 or self._hash != row[-1]:
                self.findings.append(f"I5: entry {row[0]} is not as it was written")
                self._hash = row[-1]
            self._take(entry_of(row).event)
            self.seq += 1
        if journal.head != self._hash.hex():
            self.findings.append(f"I5: the journal does not end with entry {self.seq}")

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
        try:
            self.book.apply(event)
        except KeyError as missing:
            self.findings.append(f"I5: entry {self.seq + 1} is about {missing}, which is not there")
            return
        if before is None or order_id is None or before.is_open:
            return
        after = self.book.orders[order_id]
        if after.is_open:
            self.findings.append(
                f"I8: order {order_id} had ended as {before.status.name} and is "
                f"{after.status.name} in entry {self.seq + 1}"
            )


def of_truth(engine: LiveEngine, venue: FaultyVenue) -> list[str]:
    """Where an engine believes what is not so; it and the market must have come to rest."""
    book = engine.account.book
    if book.ledger is None:
        return []
    held = {asset: position.quantity for asset, position in book.ledger.positions.items()}
    fills = [fill for fill in book.fills.values() if not _is_settled(fill, book, venue)]
    return compare(venue, held, book.ledger.cash, fills)


def _is_settled(fill: Fill, book: LiveBook, venue: FaultyVenue) -> bool:
    """Whether an execution was taken back unseen and a person took over the position since.

    No question to a venue proves that an execution is gone, since many list only those of the day.
    The position shows it, and a person decides.
    """
    is_taken_over = book.since is not None and fill.timestamp < book.since
    return is_taken_over and fill.id in venue.account_truth.busted
