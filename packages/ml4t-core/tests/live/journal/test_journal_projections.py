"""The tables that follow from the events, against a slow and obvious reckoning."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import TypeAlias

import attrs
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import Fill, OrderSide, Position
from ml4t.core.venue_events import CashFlow
from ml4t.live.events import (
    BalanceAdopted,
    CashFlowBooked,
    FeeBooked,
    FillBooked,
    FillBusted,
    JournalEvent,
)
from ml4t.live.journal import Journal
from ml4t.live.journal.projections import exact, project, text
from ml4t.live.journal.schema import run_steps

Open = Callable[..., Journal]
Look = Callable[[Journal, str], list[tuple[object, ...]]]
Booked: TypeAlias = BalanceAdopted | CashFlowBooked | FeeBooked | FillBooked | FillBusted
NOW = datetime(2026, 3, 2, tzinfo=UTC)

assets = st.sampled_from(["SPY", "QQQ"])
amounts = st.sampled_from([0.1, 0.2, 0.3, 1.0, 1e-7, 123456789.125]) | st.floats(1e-9, 1e9)
money = st.floats(-1e9, 1e9)


@st.composite
def histories(draw: st.DrawFn) -> list[Booked]:
    """Executions under new ids, and what may happen to them."""
    events: list[Booked] = []
    for number in range(draw(st.integers(0, 12))):
        known = st.integers(0, number).map(lambda n: f"f{n}")
        fill = Fill(
            f"f{number}", "o", draw(assets), draw(st.sampled_from(OrderSide)), draw(amounts),
            100.0, NOW, fee=draw(money),
        )  # fmt: skip
        flow = CashFlow(id=f"c{number}", amount=draw(money), reason="", timestamp=NOW)
        held = draw(st.dictionaries(assets, money, max_size=2))
        positions = {name: Position(name, units, 1.0) for name, units in held.items()}
        choices: list[Booked] = [
            FillBooked(fill=fill, evidence="event"),
            FillBooked(fill=fill, evidence="event"),
            FillBusted(fill_id=draw(known), reason=""),
            FeeBooked(fill_id=draw(known), fee=draw(money)),
            CashFlowBooked(flow=flow, evidence="event"),
            BalanceAdopted(cash=draw(money), positions=positions, by="", since=NOW),
        ]
        events.append(draw(st.sampled_from(choices)))
    return events


def dec(number: float) -> Decimal:
    return Decimal(repr(number))


def reckoned(events: Sequence[Booked]) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Positions and the parts of the cash, from the first event to the last."""
    held: dict[str, Decimal] = {}
    cash: dict[str, Decimal] = {}
    fills: dict[str, Fill] = {}
    for event in events:
        if isinstance(event, BalanceAdopted):
            held = {name: dec(position.quantity) for name, position in event.positions.items()}
            cash = {"adopted": dec(event.cash)}
        elif isinstance(event, CashFlowBooked):
            cash["flows"] = cash.get("flows", Decimal(0)) + dec(event.flow.amount)
        elif isinstance(event, FillBooked):
            fills[event.fill.id] = event.fill
            book(held, cash, event.fill, 1)
        elif event.fill_id in fills and isinstance(event, FeeBooked):
            # A fee is money alone: the position may be one that was adopted since.
            fill = fills[event.fill_id]
            cash["fees"] = cash.get("fees", Decimal(0)) + dec(fill.fee) - dec(event.fee)
            fills[event.fill_id] = attrs.evolve(fill, fee=event.fee)
        elif event.fill_id in fills:
            book(held, cash, fills.pop(event.fill_id), -1)
    return held, cash


def book(held: dict[str, Decimal], cash: dict[str, Decimal], fill: Fill, times: int) -> None:
    signed = dec(fill.quantity) * fill.side.sign * times
    held[fill.asset] = held.get(fill.asset, Decimal(0)) + signed
    cash["fees"] = cash.get("fees", Decimal(0)) - dec(fill.fee) * times


@given(histories())
def test_quantities_and_money_are_exact_sums(events: list[Booked]) -> None:
    with (
        localcontext() as context,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as connection,
    ):
        context.prec = 2000
        run_steps(connection)
        for number, event in enumerate(events):
            project(connection, number, event)
        held, cash = reckoned(events)
        assert held == table(connection, "positions")
        assert cash == table(connection, "cash")


def table(connection: sqlite3.Connection, name: str) -> dict[str, Decimal]:
    rows = connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608
    return {key: Decimal(amount) for key, amount in rows}


def test_a_tenth_and_two_tenths_are_three_tenths(
    open_journal: Open, look: Look, session: list[JournalEvent]
) -> None:
    journal = open_journal()
    fills = [event for event in session if isinstance(event, FillBooked)]
    journal.append(fills)
    assert [("SPY", "0")] == look(journal, "SELECT * FROM positions")


def test_the_tables_show_the_session(
    open_journal: Open, look: Look, session: list[JournalEvent]
) -> None:
    journal = open_journal()
    journal.append(session)
    assert [("QQQ", "-3"), ("SPY", "-0.2")] == look(journal, "SELECT * FROM positions ORDER BY 1")
    assert [("adopted", "100000"), ("fees", "-0.6"), ("flows", "12.5")] == look(
        journal, "SELECT * FROM cash ORDER BY 1"
    )
    assert [("o1", "s", "SPY", "BUY", "10", "LIMIT", "100.25", "ACCEPTED", "0")] == look(
        journal,
        "SELECT order_id, strategy, asset, side, quantity, order_type, limit_price, status, filled "
        "FROM intents",
    )
    assert [("f1", "0.1", "0.35", None), ("f2", "0.2", "0", 11), ("f3", "0.3", "0.25", None)] == (
        look(journal, "SELECT fill_id, quantity, fee, busted_seq FROM fills ORDER BY 1")
    )
    assert [("kill", "HALTED", "by hand", 1)] == look(
        journal, "SELECT name, state, reason, latched FROM causes"
    )
    assert [("98798.5", "2026-03-02", "98798.5")] == look(
        journal, "SELECT high_water_mark, session, session_equity FROM risk_state"
    )


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_has_a_text_that_is_the_same_number(number: float) -> None:
    assert "e" not in text(exact(number)).lower()
    assert number == float(text(exact(number)))
