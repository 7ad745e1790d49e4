"""What a killed engine left behind, held against the venue's truth and what it had said.

Each finding begins with the name of the invariant that was broken:

* ``I1``: an order is at the venue twice, or without an intent in the journal;
* ``I2``: an execution is missing, or was booked twice;
* ``I3``: positions or cash are not what the executions make of them;
* ``I5``: the journal is broken, has lost what somebody was told, or leads to another state;
* ``I9``: an execution that never was.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderSide
from ml4t.live.book import LiveBook
from ml4t.live.events import CancelRequested, FillBooked, JournalEvent, ReplaceRequested
from ml4t.live.journal import Entry, verify
from ml4t.live.journal.chain import entry_of
from ml4t.live.journal.inspection import reading, rows_after
from ml4t.live.testing.comparison import compare
from ml4t.live.testing.crash_market import CASH, CrashMarket
from ml4t.live.testing.crash_process import Message
from ml4t.live.testing.crash_state import state_of

__all__ = ["Examiner", "after_start", "at_rest", "believed", "own_fills"]

_CENT = 0.005
_GAP = "gap:"


def believed(message: Message) -> Mapping[str, object]:
    """The state in a report."""
    book = message["book"]
    assert isinstance(book, dict)  # noqa: S101 - a report has one
    return book


def own_fills(market: CrashMarket) -> dict[str, Fill]:
    """The true executions of an engine's orders."""
    market.venue.advance()
    return dict(market.venue.account_truth.fills)


class Examiner:
    """Reads the journal of one account after each death, from where it stopped the last time.

    Args:
        market: the truth.
        journal: the file.
    """

    def __init__(self, market: CrashMarket, journal: Path) -> None:
        self._market = market
        self._journal = journal
        self._book = LiveBook()
        self._seq = 0
        self._cancelled: set[str] = set()
        self._replaced: set[str] = set()
        self._filled: set[str] = set()

    def look(self, messages: Sequence[Message]) -> list[str]:
        """Everything that is wrong after a process had said this and ended."""
        found = verify(self._journal)
        has_spoken = any("order" in message or "state" in message for message in messages)
        if not self._seq and not has_spoken and not found.rows:
            return [f"I5: {found.reason}"] if self._market.own_orders else []
        if not found.is_sound:
            return [f"I5: the journal is not sound: {found.reason}"]
        states = {int(str(message["rows"])): message for message in messages if "state" in message}
        findings = self._read(states)
        findings += self._of_words(messages)
        findings += self._of_orders()
        findings += self._of_fills()
        findings += self._market.venue.watch.check()
        return findings

    def _read(self, states: Mapping[int, Message]) -> list[str]:
        findings = []
        for entry in self._new_entries():
            self._book.apply(entry.event)
            self._seq = entry.seq
            self._note(entry.event)
            if entry.seq in states:
                findings += self._of_state(states[entry.seq])
        lost = [rows for rows in states if rows > self._seq]
        findings += [f"I5: the journal had {rows} rows and has {self._seq}" for rows in lost]
        return findings

    def _note(self, event: JournalEvent) -> None:
        match event:
            case CancelRequested(order_id=order_id):
                self._cancelled.add(order_id)
            case ReplaceRequested(order_id=order_id):
                self._replaced.add(order_id)
            case FillBooked(fill=fill):
                # A stand-in goes when the execution that it stands for is known.
                self._filled.add(fill.id)

    def _new_entries(self) -> Iterable[Entry]:
        with reading(self._journal) as connection:
            while rows := rows_after(connection, self._seq):
                yield from map(entry_of, rows)

    def _of_state(self, message: Message) -> list[str]:
        """The journal up to a report must lead to the state that was reported."""
        if not message["is_written"]:
            return []
        ours, theirs = state_of(self._book), believed(message)
        return [
            f"I5: {name} was {theirs[name]!r}, the journal leads to {ours[name]!r}"
            for name in ours
            if ours[name] != theirs[name]
        ]

    def _of_words(self, messages: Sequence[Message]) -> list[str]:
        book = self._book
        known = {
            "order": book.orders.keys(),
            "fill": self._filled,
            "cancelled": self._cancelled,
            "replaced": self._replaced,
        }
        return [
            f"I5: the strategy was told of {kind} {message[kind]}, the journal has lost it"
            for message in messages
            for kind, kept in known.items()
            if kind in message and message[kind] not in kept
        ]

    def _of_orders(self) -> list[str]:
        own = self._market.own_orders
        findings = [
            f"I1: order {order.id} is at the venue and not in the journal"
            for order in own
            if order.id not in self._book.orders
        ]
        if len({order.id for order in own}) != len(own):
            findings.append("I1: an order is at the venue twice")
        return findings

    def _of_fills(self) -> list[str]:
        true = own_fills(self._market)
        return of_fills(self._book.fills.values(), true)


def of_fills(booked: Iterable[Fill], true: Mapping[str, Fill]) -> list[str]:
    """What is wrong with executions that were booked, as far as they can be told one by one."""
    findings = []
    for fill in booked:
        if fill.id.startswith(_GAP):
            continue
        real = true.get(fill.id)
        if real is None:
            findings.append(f"I9: execution {fill.id} never was")
        elif (real.signed_quantity, real.price) != (fill.signed_quantity, fill.price):
            findings.append(f"I2: execution {fill.id} was booked as {fill!r}")
    return findings


def as_fills(market: CrashMarket, message: Message) -> list[Fill]:
    """The executions in a report."""
    fills = believed(message)["fills"]
    assert isinstance(fills, dict)  # noqa: S101 - a report has them
    now = market.venue.instant()
    return [
        Fill(
            id=name,
            order_id=order_id,
            asset=asset,
            side=OrderSide.BUY if signed > 0 else OrderSide.SELL,
            quantity=abs(signed),
            price=price,
            timestamp=now,
            fee=fee,
        )
        for name, (order_id, asset, signed, price, fee) in fills.items()
    ]


def after_start(market: CrashMarket, message: Message, before: Mapping[str, Fill]) -> list[str]:
    """What is wrong with the state of an engine that has just compared its account.

    Args:
        market: the truth.
        message: the report.
        before: the executions that had happened when the engine was started.
    """
    state, fills = believed(message), as_fills(market, message)
    findings = of_fills(fills, own_fills(market))
    causes = state["causes"]
    assert isinstance(causes, dict)  # noqa: S101 - a report has them
    known = {fill.id for fill in fills}
    summed = {fill.order_id for fill in fills if fill.id.startswith(_GAP)}
    findings += [
        f"I2: execution {fill.id} of order {fill.order_id} is missing after the start"
        for fill in before.values()
        if fill.id not in known and fill.order_id not in summed
    ]
    if not summed:
        findings += _of_sums(state, fills)
    findings += [
        f"I6: latched by {name} after the start: {cause}"
        for name, cause in causes.items()
        if cause[1] and name != "kill"
    ]
    return findings


def _of_sums(state: Mapping[str, object], fills: Sequence[Fill]) -> list[str]:
    """Positions and cash must be what the executions make of them, to the cent."""
    held: dict[str, float] = {}
    for fill in fills:
        held[fill.asset] = held.get(fill.asset, 0.0) + fill.signed_quantity
    spent = math.fsum(fill.signed_quantity * fill.price + fill.fee for fill in fills)
    positions = {asset: quantity for asset, quantity in sorted(held.items()) if quantity}
    findings = []
    if positions != state["positions"]:
        findings.append(f"I3: positions are {state['positions']}, executions make {positions}")
    cash = state["cash"]
    if not isinstance(cash, float) or abs(cash - (CASH - spent)) >= _CENT:
        findings.append(f"I3: cash is {cash}, executions make {CASH - spent:.2f}")
    return findings


def at_rest(market: CrashMarket, message: Message, *, is_healed: bool) -> list[str]:
    """How a report differs from the truth while nothing trades.

    Args:
        market: the truth.
        message: the report.
        is_healed: whether there was time to find out about every order.
    """
    market.venue.advance()
    state = believed(message)
    positions, cash, orders = state["positions"], state["cash"], state["orders"]
    opened, behind = state["open"], state["behind"]
    assert isinstance(positions, dict) and isinstance(cash, float)  # noqa: S101, PT018
    assert isinstance(orders, dict) and isinstance(opened, list)  # noqa: S101, PT018
    findings = compare(market.venue, positions, cash, as_fills(market, message))
    if behind:
        findings.append(f"I2: executions of {behind} are missing")
    working = {order.id for order in market.own_orders if order.is_working}
    ours = {name for name in opened if is_healed or orders[name][0] != "UNKNOWN"}
    findings += [f"I3: order {name} works, believed ended" for name in working - set(opened)]
    findings += [f"I3: order {name} has ended, believed working" for name in ours - working]
    return findings
