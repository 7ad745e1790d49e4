"""The tables that follow from the events: orders, executions, positions, cash, causes, risk.

They are written in the same transaction as the events and say nothing that the events do not. Their
keys refuse an intent or an execution that is journaled already. Quantities and money are exact
decimal sums of what the venue reported.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from decimal import Context, Decimal
from typing import Any, TypeAlias

from ml4t.core.orders import Order
from ml4t.live import events
from ml4t.live.events import JournalEvent
from ml4t.live.journal.entries import nanoseconds
from ml4t.live.journal.schema import PROJECTED, run_steps

__all__ = ["differing_table", "project"]

Projector: TypeAlias = Callable[[sqlite3.Connection, int, Any], None]

_EXACT = Context(prec=2000)
"""Room for the sum of any two numbers that a float can hold."""


def project(connection: sqlite3.Connection, seq: int, event: JournalEvent) -> None:
    """Write what an event changes. The caller has begun a transaction and commits it.

    Raises:
        sqlite3.IntegrityError: an intent or an execution is journaled already.
    """
    projector = _PROJECTORS.get(type(event))
    if projector is not None:
        projector(connection, seq, event)


def is_projected(kind: type[JournalEvent]) -> bool:
    """Whether events of a kind change a table."""
    return kind in _PROJECTORS


def differing_table(
    connection: sqlite3.Connection, entries: Iterable[tuple[int, JournalEvent]]
) -> str | None:
    """The first table that is not what the events make of it; None where all are."""
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    try:
        fresh.execute("BEGIN")
        run_steps(fresh)
        for seq, event in entries:
            project(fresh, seq, event)
        for table in PROJECTED:
            query = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608 - names of our own tables
            if connection.execute(query).fetchall() != fresh.execute(query).fetchall():
                return table
    finally:
        fresh.close()
    return None


def exact(number: float) -> Decimal:
    """The decimal number that the shortest digits of a float write."""
    return Decimal(repr(float(number)))


def text(number: Decimal) -> str:
    """A decimal number without exponent and superfluous zeros."""
    plain = format(_EXACT.normalize(number), "f")
    return "0" if plain == "-0" else plain


def _text(number: float | None) -> str | None:
    if number is None:
        return None
    digits = repr(float(number))
    # Most numbers are written as they are; the way over a decimal number takes five times as long.
    is_plain = number and "e" not in digits
    return digits.removesuffix(".0") if is_plain else text(Decimal(digits))


def _add(connection: sqlite3.Connection, table: str, key: str, amount: Decimal) -> None:
    column, value = _SUMS[table]
    query = f"SELECT {value} FROM {table} WHERE {column} = ?"  # noqa: S608 - our own tables
    row = connection.execute(query, (key,)).fetchone()
    total = amount if row is None else _EXACT.add(Decimal(row[0]), amount)
    connection.execute(
        f"INSERT INTO {table} VALUES (?, ?) "  # noqa: S608 - our own tables
        f"ON CONFLICT ({column}) DO UPDATE SET {value} = excluded.{value}",
        (key, text(total)),
    )


_SUMS: Mapping[str, tuple[str, str]] = {
    "positions": ("asset", "quantity"),
    "cash": ("part", "amount"),
}


def _balance_adopted(
    connection: sqlite3.Connection, _seq: int, event: events.BalanceAdopted
) -> None:
    connection.execute("DELETE FROM positions")
    connection.executemany(
        "INSERT INTO positions VALUES (?, ?)",
        [(asset, _text(held.quantity)) for asset, held in event.positions.items()],
    )
    connection.execute("DELETE FROM cash")
    _add(connection, "cash", "adopted", exact(event.cash))


def _intent_recorded(
    connection: sqlite3.Connection, seq: int, event: events.IntentRecorded
) -> None:
    for order in event.orders:
        connection.execute(_NEW_INTENT, _intent(order, event.strategy, event.purpose, seq))


_NEW_INTENT = "INSERT INTO intents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _intent(order: Order, strategy: str, purpose: str, seq: int) -> tuple[object, ...]:
    request = order.request
    return (
        order.id,
        strategy,
        purpose,
        request.asset,
        request.side.name,
        _text(request.quantity),
        request.order_type.name,
        _text(request.limit_price),
        _text(request.stop_price),
        request.time_in_force.name,
        order.status.name,
        _text(order.filled_quantity),
        order.reason,
        seq,
        seq,
    )


def _order_changed(connection: sqlite3.Connection, seq: int, event: events.OrderChanged) -> None:
    order, request = event.order, event.order.request
    changed = connection.execute(
        "UPDATE intents SET quantity = ?, limit_price = ?, stop_price = ?, status = ?, filled = ?, "
        "reason = ?, updated_seq = ? WHERE order_id = ?",
        (
            _text(request.quantity),
            _text(request.limit_price),
            _text(request.stop_price),
            order.status.name,
            _text(order.filled_quantity),
            order.reason,
            seq,
            order.id,
        ),
    )
    if not changed.rowcount:
        connection.execute(_NEW_INTENT, _intent(order, "", "foreign", seq))


def _fill_booked(connection: sqlite3.Connection, seq: int, event: events.FillBooked) -> None:
    fill = event.fill
    connection.execute(
        "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        (
            fill.id,
            fill.order_id,
            fill.asset,
            fill.side.name,
            _text(fill.quantity),
            _text(fill.price),
            _text(fill.fee),
            nanoseconds(fill.timestamp),
            event.evidence,
            seq,
        ),
    )
    _add(connection, "positions", fill.asset, exact(fill.quantity) * fill.side.sign)
    _add(connection, "cash", "fees", -exact(fill.fee))


def _fill_busted(connection: sqlite3.Connection, seq: int, event: events.FillBusted) -> None:
    row = connection.execute(
        "UPDATE fills SET busted_seq = ? WHERE fill_id = ? AND busted_seq IS NULL "
        "RETURNING asset, side, quantity, fee",
        (seq, event.fill_id),
    ).fetchone()
    if row is not None:
        asset, side, quantity, fee = row
        signed = Decimal(quantity) if side == "SELL" else -Decimal(quantity)
        _add(connection, "positions", asset, signed)
        _add(connection, "cash", "fees", Decimal(fee))


def _fee_booked(connection: sqlite3.Connection, _seq: int, event: events.FeeBooked) -> None:
    row = connection.execute(
        "SELECT fee FROM fills WHERE fill_id = ? AND busted_seq IS NULL", (event.fill_id,)
    ).fetchone()
    if row is not None:
        fee = exact(event.fee)
        connection.execute("UPDATE fills SET fee = ? WHERE fill_id = ?", (text(fee), event.fill_id))
        _add(connection, "cash", "fees", _EXACT.subtract(Decimal(row[0]), fee))


def _cash_flow_booked(
    connection: sqlite3.Connection, _seq: int, event: events.CashFlowBooked
) -> None:
    _add(connection, "cash", "flows", exact(event.flow.amount))


def _cause_raised(connection: sqlite3.Connection, seq: int, event: events.CauseRaised) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO causes VALUES (?, ?, ?, ?, ?)",
        (event.name, event.state.name, event.reason, int(event.latched), seq),
    )


def _cause_cleared(connection: sqlite3.Connection, _seq: int, event: events.CauseCleared) -> None:
    connection.execute("DELETE FROM causes WHERE name = ?", (event.name,))


def _rearmed(connection: sqlite3.Connection, _seq: int, event: events.Rearmed) -> None:
    connection.executemany("DELETE FROM causes WHERE name = ?", [(name,) for name in event.names])


def _session_began(connection: sqlite3.Connection, _seq: int, event: events.SessionBegan) -> None:
    connection.execute(
        "UPDATE risk_state SET session = ?, session_equity = ?",
        (event.label.isoformat(), _text(event.equity)),
    )


def _high_water_mark(
    connection: sqlite3.Connection, _seq: int, event: events.HighWaterMark
) -> None:
    connection.execute("UPDATE risk_state SET high_water_mark = ?", (_text(event.equity),))


_PROJECTORS: dict[type[JournalEvent], Projector] = {
    events.BalanceAdopted: _balance_adopted,
    events.IntentRecorded: _intent_recorded,
    events.OrderChanged: _order_changed,
    events.FillBooked: _fill_booked,
    events.FillBusted: _fill_busted,
    events.FeeBooked: _fee_booked,
    events.CashFlowBooked: _cash_flow_booked,
    events.CauseRaised: _cause_raised,
    events.CauseCleared: _cause_cleared,
    events.Rearmed: _rearmed,
    events.SessionBegan: _session_began,
    events.HighWaterMark: _high_water_mark,
}
