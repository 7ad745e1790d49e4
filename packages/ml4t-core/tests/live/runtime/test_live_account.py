"""The one way in which state changes, through the journal or not at all."""

from collections.abc import Callable
from typing import Any

import pytest

from ml4t.core import OrderRequest, Position
from ml4t.core.errors import JournalError
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import TradingState
from ml4t.live.events import BalanceAdopted, FillBooked, IntentRecorded

S = OrderStatus
T = TradingState
Play = Callable[..., Any]


def intent(order_id: str) -> IntentRecorded:
    """An order that may be sent."""
    order = Order(order_id, OrderRequest.of("A", 5), S.PENDING)
    return IntentRecorded(orders=(order,), strategy="s")


def test_an_intention_that_is_not_durable_changes_nothing(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.disk.is_full = True
        with pytest.raises(JournalError):
            bench.account.commit(intent("o1"))
        assert {} == bench.book.orders
        assert 0.0 == bench.risk.worst_case("A").long
        assert T.HALTED is bench.book.state is bench.risk.state

    play(scene)


def test_nothing_new_is_intended_before_what_happened_is_written(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.disk.is_full = True
        bench.intake.take(bench.fill("x1", "o1", 10.0))
        with pytest.raises(JournalError):
            bench.account.commit(intent("o2"))
        bench.disk.is_full = False
        bench.account.commit(intent("o2"))
        kinds = [type(entry.event) for entry in bench.journal.entries()]
        assert kinds.index(FillBooked) < len(kinds) - 1 - kinds[::-1].index(IntentRecorded)

    play(scene)


def test_what_happened_is_written_once_and_in_order(play: Play, public_state: Any) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.disk.is_full = True
        for number in range(5):
            bench.intake.take(bench.fill(f"x{number}", "o1", 2.0))
            assert not bench.account.write_what_is_left()
        bench.disk.is_full = False
        assert bench.account.write_what_is_left()
        assert bench.account.write_what_is_left()
        booked = [e.event.fill.id for e in bench.journal.entries() if type(e.event) is FillBooked]
        assert [f"x{number}" for number in range(5)] == booked
        assert public_state(bench.book) == public_state(bench.replayed().account.book)

    play(scene)


def test_a_person_cannot_re_arm_while_the_disk_is_full(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.disk.is_full = True
        bench.account.alert("test", "to touch the disk")
        with pytest.raises(JournalError):
            bench.account.rearm("me", "hopeful")
        assert T.HALTED is bench.book.state

    play(scene)


def test_what_is_latched_does_not_pass(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.account.restrict("loss", T.HALTED, "lost", latched=True)
        bench.account.restrict("silence", T.REDUCING, "no word")
        bench.account.relax("loss", "it came back")
        bench.account.relax("silence", "heard")
        assert ["loss"] == list(bench.book.causes)
        assert ("loss",) == bench.account.rearm("me", "looked")
        assert T.ACTIVE is bench.book.state is bench.risk.state

    play(scene)


def test_a_restriction_is_told_once_and_again_when_it_gets_worse(play: Play) -> None:
    async def scene(bench: Any) -> None:
        for state in (T.REDUCING, T.REDUCING, T.HALTED, T.HALTED, T.REDUCING):
            bench.account.restrict("x", state, f"because {state.name}")
        assert ["x: because REDUCING", "x: because HALTED"] == bench.alerts

    play(scene)


def test_the_listener_hears_of_orders_and_executions_in_order(play: Play) -> None:
    async def scene(bench: Any) -> None:
        order = await bench.safe.submit(OrderRequest.of("A", 5))
        bench.intake.take(bench.fill("x1", order.id, 5.0))
        kinds = [(type(e).__name__, getattr(e, "status", None)) for e in bench.heard]
        assert [("Order", S.ACCEPTED), ("Fill", None), ("Order", S.FILLED)] == kinds

    play(scene)


def test_the_risk_book_follows_whatever_the_book_takes_in(
    play: Play, public_state: Any, risk_state: Any
) -> None:
    async def scene(bench: Any) -> None:
        order = await bench.safe.submit(OrderRequest.of("A", 5))
        bench.intake.take(bench.fill("x1", order.id, 2.0))
        bench.account.restrict("x", T.REDUCING, "why not", latched=True)
        bench.account.commit(
            BalanceAdopted(
                cash=1.0,
                positions={"B": Position("B", 3.0, 10.0)},
                by="me",
                since=bench.clock.now(),
            )
        )
        other = bench.replayed()
        assert public_state(bench.book) == public_state(other.account.book)
        assert risk_state(bench.risk) == risk_state(other.risk)
        assert 3.0 == bench.risk.worst_case("B").long

    play(scene)
