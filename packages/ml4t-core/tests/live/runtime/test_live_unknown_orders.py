"""An order without an answer is found out about, never guessed about."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ml4t.core import OrderRequest
from ml4t.core.errors import VenueUnavailableError
from ml4t.core.orders import OrderStatus
from ml4t.live.unknown_orders import UnknownOrders

S = OrderStatus
Play = Callable[..., Any]


async def unknown_of(bench: Any) -> UnknownOrders:
    """One order without an answer, and who finds out about it."""
    unknown = UnknownOrders(
        bench.broker, bench.account, bench.intake, clock=bench.clock, apart=30.0, patience=5.0
    )
    bench.order("o1")
    bench.intake.take(bench.report("o1", S.UNKNOWN), "time-out")
    bench.log.clear()
    return unknown


async def ask_for(unknown: UnknownOrders, seconds: int) -> None:
    """Ask whenever it is due, once a second."""
    for _ in range(seconds):
        if unknown.is_due():
            await unknown.ask()
        await asyncio.sleep(1.0)


def status(bench: Any) -> OrderStatus:
    """Of the order."""
    found: OrderStatus = bench.book.orders["o1"].status
    return found


def test_two_looks_half_a_minute_apart_prove_that_it_never_arrived(play: Play) -> None:
    async def scene(bench: Any) -> None:
        unknown = await unknown_of(bench)
        await ask_for(unknown, 30)
        assert S.UNKNOWN is status(bench)
        assert 10.0 == bench.risk.worst_case("A").long
        await ask_for(unknown, 15)
        assert S.REJECTED is status(bench)
        assert 0.0 == bench.risk.worst_case("A").long
        assert 0 == len(bench.broker.names("submit"))

    play(scene)


def test_questions_come_less_and_less_often(play: Play) -> None:
    async def scene(bench: Any) -> None:
        unknown = await unknown_of(bench)
        bench.book.acknowledged.add("o1")
        await ask_for(unknown, 60)
        assert 5 <= len(bench.broker.names("find_order")) <= 10

    play(scene)


def test_a_lost_connection_makes_the_first_look_worthless(play: Play) -> None:
    async def scene(bench: Any) -> None:
        unknown = await unknown_of(bench)
        await ask_for(unknown, 20)
        unknown.interrupted()
        await ask_for(unknown, 25)
        assert S.UNKNOWN is status(bench)
        await ask_for(unknown, 30)
        assert S.REJECTED is status(bench)

    play(scene)


def test_what_the_venue_confirmed_once_stays_unknown_for_ever(play: Play) -> None:
    async def scene(bench: Any) -> None:
        unknown = await unknown_of(bench)
        bench.intake.take(bench.report("o1", S.ACCEPTED))
        bench.intake.take(bench.report("o1", S.UNKNOWN), "query")
        await ask_for(unknown, 2_000)
        assert S.UNKNOWN is status(bench)
        assert any(alert.startswith("unknown order") for alert in bench.alerts)

    play(scene)


def test_what_filled_in_part_is_never_taken_for_an_order_that_did_not_arrive(play: Play) -> None:
    async def scene(bench: Any) -> None:
        unknown = await unknown_of(bench)
        bench.intake.take(bench.fill("x1", "o1", 3.0))
        bench.intake.take(bench.report("o1", S.UNKNOWN, 3.0), "query")
        await ask_for(unknown, 200)
        assert S.UNKNOWN is status(bench)
        assert 10.0 == bench.risk.worst_case("A").long

    play(scene)


@pytest.mark.parametrize("found", [S.ACCEPTED, S.REJECTED, S.CANCELLED])
def test_what_the_venue_has_is_taken_over_as_it_is(play: Play, found: OrderStatus) -> None:
    async def scene(bench: Any) -> None:
        unknown = await unknown_of(bench)
        bench.broker.found["o1"] = bench.report("o1", found)
        await unknown.ask_now()
        assert found is status(bench)
        assert [] == unknown.pending

    play(scene)


def test_a_venue_that_cannot_be_asked_says_nothing(play: Play) -> None:
    async def scene(bench: Any) -> None:
        unknown = await unknown_of(bench)
        bench.broker.silent = True
        with pytest.raises(VenueUnavailableError):
            await unknown.ask_now()
        assert S.UNKNOWN is status(bench)

    play(scene)


def test_nothing_is_asked_about_orders_that_are_known(play: Play) -> None:
    async def scene(bench: Any) -> None:
        unknown = await unknown_of(bench)
        await bench.safe.submit(OrderRequest.of("B", 1))
        bench.intake.take(bench.report("o1", S.ACCEPTED))
        await asyncio.sleep(60.0)
        assert not unknown.is_due()

    play(scene)
