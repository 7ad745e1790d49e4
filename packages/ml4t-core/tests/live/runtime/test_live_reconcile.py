"""The account at the venue against the journal."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from ml4t.core import OrderRequest, Position
from ml4t.core.errors import VenueUnavailableError
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import TradingState
from ml4t.core.venue_events import FillBust
from ml4t.live.events import CashFlowBooked, DifferenceFound
from ml4t.live.reconcile import Reconciler

S = OrderStatus
Play = Callable[..., Any]


def reconciler_of(bench: Any) -> Reconciler:
    """Compares the account of a bench."""
    return Reconciler(
        bench.broker, bench.account, bench.intake, bench.safe, clock=bench.clock, patience=5.0
    )


def at_venue(bench: Any, cash: float = 1e6, **held: float) -> None:
    """What the venue says the account is."""
    positions = {asset: Position(asset, units, 100.0) for asset, units in held.items()}
    bench.broker.snapshot = attrs.evolve(
        bench.broker.snapshot, cash=cash, equity=cash, positions=positions
    )


def journaled(bench: Any, kind: type) -> list[Any]:
    """What the journal holds of one kind."""
    return [e.event for e in bench.journal.entries() if isinstance(e.event, kind)]


def test_an_account_that_agrees_is_clean(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        assert await reconciler.run()
        assert ((), 0.0) == (reconciler.differences, reconciler.done_at)
        assert TradingState.ACTIVE is bench.book.state

    play(scene)


def test_a_position_that_differs_stops_new_risk_after_a_while_and_is_never_explained_away(
    play: Play,
) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        at_venue(bench, A=5.0)
        assert not await reconciler.run()
        assert TradingState.ACTIVE is bench.book.state
        await asyncio.sleep(11.0)
        assert not await reconciler.run()
        assert "REDUCING" == bench.book.state.name
        assert (0.0, {}) == (bench.book.held("A"), bench.book.fills)
        await reconciler.run()
        assert 1 == len(journaled(bench, DifferenceFound))
        at_venue(bench)
        assert await reconciler.run()
        assert TradingState.ACTIVE is bench.book.state

    play(scene)


def test_at_a_reconnection_a_difference_counts_at_once(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        at_venue(bench, A=5.0)
        assert not await reconciler.run(at_once=True)
        assert TradingState.REDUCING is bench.book.state

    play(scene)


def test_a_difference_that_passes_starts_its_time_anew(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        for units in (5.0, 0.0, 5.0, 6.0):
            at_venue(bench, A=units)
            await reconciler.run()
            await asyncio.sleep(7.0)
        assert TradingState.ACTIVE is bench.book.state

    play(scene)


def test_executions_that_the_stream_lost_are_fetched(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        order = await bench.safe.submit(OrderRequest.of("A", 10))
        bench.broker.fills = [bench.fill("x1", order.id, 10.0)]
        at_venue(bench, cash=1e6 - 1000.0, A=10.0)
        assert await reconciler.run()
        assert S.FILLED is bench.book.orders[order.id].status
        assert 10.0 == bench.book.held("A")

    play(scene)


def test_an_order_that_ended_unseen_is_asked_for(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        order = await bench.safe.submit(OrderRequest.of("A", 10))
        bench.broker.found[order.id] = bench.report(order.id, S.EXPIRED)
        await asyncio.sleep(1.0)
        await reconciler.run()
        assert S.EXPIRED is bench.book.orders[order.id].status

    play(scene)


def test_an_order_that_the_venue_does_not_find_counts_as_working(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        order = await bench.safe.submit(OrderRequest.of("A", 10))
        await asyncio.sleep(1.0)
        for _ in range(10):
            await reconciler.run()
            await asyncio.sleep(30.0)
        assert S.UNKNOWN is bench.book.orders[order.id].status
        assert 10.0 == bench.risk.worst_case("A").long

    play(scene)


def test_an_order_on_its_way_is_not_missed(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)

        async def slow(order_id: str, request: OrderRequest) -> Order:
            await asyncio.sleep(3.0)
            return Order(order_id, request, S.ACCEPTED)

        bench.broker.answers.append(slow)
        sending = asyncio.ensure_future(bench.safe.submit(OrderRequest.of("A", 10)))
        await asyncio.sleep(1.0)
        await reconciler.run()
        assert [] == bench.broker.names("find_order")
        assert S.ACCEPTED is (await sending).status

    play(scene)


def test_a_stand_in_is_booked_after_a_while_and_only_once(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        order = await bench.safe.submit(OrderRequest.of("A", 10))
        bench.intake.take(bench.report(order.id, S.FILLED, 10.0))
        bench.broker.found[order.id] = bench.report(order.id, S.FILLED, 10.0)
        at_venue(bench, cash=1e6 - 1000.0, A=10.0)
        await reconciler.run()
        assert {} == bench.book.fills
        for _ in range(3):
            await asyncio.sleep(11.0)
            await reconciler.run()
        assert 1 == len(bench.book.fills)
        assert (10.0, 1e6 - 1000.0) == (bench.book.held("A"), bench.book.ledger.cash)
        assert TradingState.ACTIVE is bench.book.state

    play(scene)


def test_no_stand_in_is_booked_for_an_execution_that_was_taken_back_unseen(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        order = await bench.safe.submit(OrderRequest.of("A", 10))
        bench.intake.take(bench.report(order.id, S.FILLED, 10.0))
        bench.intake.take(FillBust(fill_id="never-seen", reason="erroneous"))
        bench.broker.found[order.id] = bench.report(order.id, S.FILLED, 0.0)
        for _ in range(3):
            await reconciler.run()
            await asyncio.sleep(11.0)
        assert (0.0, {}) == (bench.book.held("A"), bench.book.fills)
        assert not bench.book.orders[order.id].is_open
        assert TradingState.ACTIVE is bench.book.state

    play(scene)


def test_a_stand_in_whose_execution_was_taken_back_unseen_goes_again(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        order = await bench.safe.submit(OrderRequest.of("A", 10))
        bench.intake.take(bench.report(order.id, S.FILLED, 10.0))
        bench.intake.fill_gap(order.id)
        bench.intake.take(FillBust(fill_id="never-seen", reason="erroneous"))
        bench.broker.found[order.id] = bench.report(order.id, S.FILLED, 0.0)
        for _ in range(3):
            await reconciler.run()
            await asyncio.sleep(11.0)
        assert (0.0, {}) == (bench.book.held("A"), bench.book.fills)
        assert TradingState.ACTIVE is bench.book.state

    play(scene)


def test_money_that_differs_while_all_positions_agree_is_booked_once(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        at_venue(bench, cash=1e6 + 25.0)
        for _ in range(5):
            assert await reconciler.run()
            await asyncio.sleep(11.0)
        (booked,) = journaled(bench, CashFlowBooked)
        assert (25.0, "account") == (booked.flow.amount, booked.evidence)
        assert 1e6 + 25.0 == bench.book.ledger.cash

    play(scene)


def test_money_that_differs_for_a_moment_is_not_booked(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        for cash in (1e6 + 25.0, 1e6, 1e6 + 25.0, 1e6 + 10.0):
            at_venue(bench, cash=cash)
            await reconciler.run()
            await asyncio.sleep(7.0)
        assert [] == journaled(bench, CashFlowBooked)

    play(scene)


def test_money_is_not_judged_while_positions_differ(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        at_venue(bench, cash=1e6 - 500.0, A=5.0)
        for _ in range(4):
            await reconciler.run()
            await asyncio.sleep(11.0)
        assert [] == journaled(bench, CashFlowBooked)

    play(scene)


def test_orders_of_others_are_shown_and_forgotten_when_they_are_gone(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        bench.broker.orders = [Order("tws-1", OrderRequest.of("A", 40.0), S.ACCEPTED)]
        assert await reconciler.run()
        assert 40.0 == bench.risk.worst_case("A").long
        bench.broker.orders = []
        await reconciler.run()
        assert 0.0 == bench.risk.worst_case("A").long

    play(scene)


def test_an_ended_order_that_works_at_the_venue_is_a_difference(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        order = await bench.safe.submit(OrderRequest.of("A", 10))
        bench.intake.take(bench.report(order.id, S.CANCELLED))
        bench.broker.orders = [bench.report(order.id, S.ACCEPTED)]
        await asyncio.sleep(1.0)
        assert not await reconciler.run(at_once=True)
        assert TradingState.REDUCING is bench.book.state
        assert not bench.book.orders[order.id].is_open
        bench.broker.orders = []
        assert await reconciler.run()
        assert "ACTIVE" == bench.book.state.name

    play(scene)


def test_a_person_may_take_over_the_account_as_the_venue_has_it(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        at_venue(bench, cash=10.0, B=3.0)
        await reconciler.run(at_once=True)
        await reconciler.adopt("me")
        assert await reconciler.run(at_once=True)
        assert (3.0, 0.0, 10.0) == (
            bench.book.held("B"),
            bench.book.held("A"),
            bench.book.ledger.cash,
        )
        assert TradingState.ACTIVE is bench.book.state
        assert (3.0, 0.0) == (bench.risk.worst_case("B").long, bench.risk.worst_case("A").long)

    play(scene, held={"A": 7.0})


def test_a_venue_that_does_not_answer_leaves_everything_as_it_was(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        bench.broker.silent = True
        with pytest.raises(VenueUnavailableError):
            await reconciler.run()
        assert reconciler.done_at is None
        bench.broker.silent = False
        assert await reconciler.run()

    play(scene)


def test_it_looks_again_at_executions_from_before_the_round_that_failed(play: Play) -> None:
    async def scene(bench: Any) -> None:
        reconciler = reconciler_of(bench)
        order = await bench.safe.submit(OrderRequest.of("A", 10))
        bench.broker.orders = [bench.book.orders[order.id]]
        await reconciler.run()
        traded = bench.clock.now() + timedelta(seconds=1)
        bench.broker.failure = VenueUnavailableError("down")
        for _ in range(60):
            await asyncio.sleep(60.0)
            with pytest.raises(VenueUnavailableError):
                await reconciler.run()
        bench.broker.failure = None
        bench.broker.fills = [bench.fill("x1", order.id, 10.0, timestamp=traded)]
        bench.broker.orders = []
        at_venue(bench, cash=1e6 - 1000.0, A=10.0)
        assert await reconciler.run()
        assert 10.0 == bench.book.held("A")

    play(scene)
