"""A session that was lost counts again only after the account was compared."""

import asyncio
from collections.abc import Callable
from typing import Any

import attrs

from ml4t.core import OrderRequest, Position
from ml4t.core.errors import VenueRefusedError, VenueUnavailableError
from ml4t.core.orders import OrderStatus
from ml4t.core.risk import TradingState
from ml4t.core.venue_events import ConnectionChange
from ml4t.live.connection import Connection
from ml4t.live.reconcile import Reconciler
from ml4t.live.unknown_orders import UnknownOrders

S = OrderStatus
Play = Callable[..., Any]

DOWN = ConnectionChange(is_up=False, reason="1100")
UP = ConnectionChange(is_up=True)


def connection_of(bench: Any, heard: list[float] | None = None) -> tuple[Connection, UnknownOrders]:
    """A session of a bench."""
    unknown = UnknownOrders(
        bench.broker, bench.account, bench.intake, clock=bench.clock, apart=30.0, patience=5.0
    )
    reconciler = Reconciler(
        bench.broker, bench.account, bench.intake, bench.safe, clock=bench.clock, patience=5.0
    )
    signs = heard if heard is not None else []
    connection = Connection(
        bench.safe,
        bench.account,
        reconciler,
        unknown,
        heard=lambda: signs.append(bench.clock.monotonic()),
    )
    return connection, unknown


def test_a_lost_session_stops_new_risk_at_once(play: Play) -> None:
    async def scene(bench: Any) -> None:
        connection, unknown = connection_of(bench)
        await connection.change(DOWN)
        assert TradingState.REDUCING is bench.book.state
        assert not bench.safe.is_connected
        assert 1 == unknown.connection
        assert S.REJECTED is (await bench.safe.submit(OrderRequest.of("A", 1))).status

    play(scene)


def test_a_session_that_is_back_counts_after_everything_was_compared(play: Play) -> None:
    async def scene(bench: Any) -> None:
        heard: list[float] = []
        connection, _ = connection_of(bench, heard)
        await connection.change(DOWN)
        bench.log.clear()
        await connection.change(UP)
        asked = [name for name, _ in bench.log if name != "journal"]
        assert ["fills_since", "open_orders", "account"] == asked
        assert TradingState.ACTIVE is bench.book.state
        assert [0.0] == heard

    play(scene)


def test_a_difference_found_then_keeps_new_risk_away(play: Play) -> None:
    async def scene(bench: Any) -> None:
        connection, _ = connection_of(bench)
        bench.broker.snapshot = attrs.evolve(
            bench.broker.snapshot, positions={"A": Position("A", 5.0, 100.0)}
        )
        await connection.change(DOWN)
        await connection.change(UP)
        assert ["unreconciled"] == list(bench.book.causes)
        assert TradingState.REDUCING is bench.book.state

    play(scene)


def test_it_asks_until_the_venue_answers(play: Play) -> None:
    async def scene(bench: Any) -> None:
        connection, _ = connection_of(bench)
        await connection.change(DOWN)
        bench.broker.failure = VenueUnavailableError("still starting")
        back = asyncio.ensure_future(connection.change(UP))
        await asyncio.sleep(20.0)
        assert TradingState.REDUCING is bench.book.state
        bench.broker.failure = None
        await back
        assert "ACTIVE" == bench.book.state.name

    play(scene)


def test_a_second_loss_during_the_comparison_keeps_the_restriction(play: Play) -> None:
    async def scene(bench: Any) -> None:
        connection, _ = connection_of(bench)
        await connection.change(DOWN)
        bench.broker.silent = True
        back = asyncio.ensure_future(connection.change(UP))
        await asyncio.sleep(1.0)
        connection.lost("again")
        bench.broker.silent = False
        await back
        assert TradingState.REDUCING is bench.book.state
        assert not bench.safe.is_connected

    play(scene)


def test_a_venue_that_says_no_halts_and_is_asked_again_after_a_person_looked(play: Play) -> None:
    async def scene(bench: Any) -> None:
        connection, _ = connection_of(bench)
        await connection.change(DOWN)
        bench.broker.failure = VenueRefusedError("401")
        back = asyncio.ensure_future(connection.change(UP))
        await asyncio.sleep(3.0)
        assert TradingState.HALTED is bench.book.state
        bench.broker.failure = None
        await back
        bench.account.rearm("me", "new key")
        assert "ACTIVE" == bench.book.state.name

    play(scene)
