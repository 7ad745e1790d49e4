"""From a journal to an engine that may trade, or the reasons why it may not."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from ml4t.core import OrderRequest, OrderType, Position
from ml4t.core.errors import ConfigError, VenueRefusedError, VenueUnavailableError
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import UNLIMITED, TradingState
from ml4t.core.venue_events import Environment
from ml4t.live.events import AssetListed, BalanceAdopted, EngineStarted

S = OrderStatus
T = TradingState
Live = Callable[..., Any]


def limit(quantity: float, price: float = 99.0) -> OrderRequest:
    """An order that rests."""
    return OrderRequest.of("A", quantity, order_type=OrderType.LIMIT, limit_price=price)


def holding(world: Any, **held: float) -> None:
    """What the venue says is held."""
    positions = {asset: Position(asset, units, 100.0) for asset, units in held.items()}
    world.broker.snapshot = attrs.evolve(world.broker.snapshot, positions=positions)


def test_a_first_start_takes_over_the_balance_and_lists_the_assets(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        assert T.ACTIVE is world.book.state
        (adopted,) = world.journaled(BalanceAdopted)
        assert (1e6, {}, "first start") == (adopted.cash, adopted.positions, adopted.by)
        assert ["A", "B"] == [each.asset.symbol for each in world.journaled(AssetListed)]
        assert 0 == await world.stop()

    live(scene)


def test_a_second_start_goes_on_where_the_first_ended(live: Live, world: Any) -> None:
    async def scene(first: Any) -> None:
        await first.start()
        order = await first.engine.safe.submit(limit(3))
        await first.stop()
        second = world(first.clock, journal=first.journal.reopened())
        second.broker.orders = [first.book.orders[order.id]]
        await second.start()
        assert [order.id] == list(second.book.open)
        assert T.ACTIVE is second.book.state
        assert 1 == len(second.journaled(BalanceAdopted))
        assert 2 == len(second.journaled(EngineStarted)) == second.book.starts
        assert [] == second.broker.names("submit", "cancel")
        assert 3.0 == second.engine.account.risk.worst_case("A").long
        await second.stop()

    live(scene)


@pytest.mark.parametrize("arrived", [True, False])
def test_an_order_that_was_being_sent_when_the_program_ended_is_asked_for(
    live: Live, world: Any, arrived: bool
) -> None:
    async def scene(first: Any) -> None:
        async def hang(order_id: str, request: OrderRequest) -> Order:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

        await first.start()
        first.broker.answers.append(hang)
        sending = asyncio.ensure_future(first.engine.safe.submit(limit(3)))
        await asyncio.sleep(0.1)
        (order_id,) = first.book.open
        crashed = first.journal.reopened()
        second = world(first.clock, journal=crashed)
        if arrived:
            accepted = first.book.orders[order_id].to(S.ACCEPTED, first.clock.now())
            second.broker.found[order_id], second.broker.orders = accepted, [accepted]
        await second.start()
        expected = S.ACCEPTED if arrived else S.UNKNOWN
        assert expected is second.book.orders[order_id].status
        assert 3.0 == second.engine.account.risk.worst_case("A").long
        await asyncio.sleep(60.0)
        expected = S.ACCEPTED if arrived else S.REJECTED
        assert expected is second.book.orders[order_id].status
        assert [] == second.broker.names("submit")
        await second.stop()
        sending.cancel()
        await asyncio.wait({sending})
        await first.stop()

    live(scene)


def test_positions_that_nobody_adopted_keep_new_risk_away(live: Live) -> None:
    async def scene(world: Any) -> None:
        holding(world, A=5.0)
        await world.start()
        assert T.REDUCING is world.book.state
        assert 0.0 == world.book.held("A")
        await world.engine.adopt("me")
        assert (T.ACTIVE, 5.0) == (world.book.state, world.book.held("A"))
        await world.stop()

    live(scene)


def test_positions_are_adopted_where_the_configuration_says_so(live: Live) -> None:
    async def scene(world: Any) -> None:
        holding(world, A=5.0)
        await world.start()
        assert (T.ACTIVE, 5.0) == (world.book.state, world.book.held("A"))
        await world.stop()

    live(scene, adopt=True)


def test_a_strict_start_with_a_difference_ends(live: Live) -> None:
    async def scene(world: Any) -> None:
        holding(world, A=5.0)
        await world.start()
        assert 1 == await world.running
        assert [] == world.strategy.told

    live(scene, strict=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"account_id": "OTHER"}, "OTHER"),
        ({"environment": Environment.LIVE}, "live"),
        ({"environment": Environment.SIMULATED}, "simulated"),
    ],
)
def test_the_wrong_account_is_refused(live: Live, change: dict[str, Any], message: str) -> None:
    async def scene(world: Any) -> None:
        for name, value in change.items():
            setattr(world.broker, name, value)
        await world.start()
        with pytest.raises(ConfigError, match=message):
            await world.running
        assert [] == world.strategy.told
        assert [] == world.broker.names("account", "submit", "cancel", "cancel_all")

    live(scene)


@pytest.mark.parametrize("failure", [VenueUnavailableError("down"), VenueRefusedError("401"), None])
def test_a_venue_that_cannot_be_reached_means_no_start(
    live: Live, failure: Exception | None
) -> None:
    async def scene(world: Any) -> None:
        world.broker.failure, world.broker.silent = failure, failure is None
        await world.start()
        assert 1 == await asyncio.wait_for(world.running, 60.0)
        assert T.ACTIVE is not world.book.state
        assert [] == world.strategy.told
        assert any(alert.startswith("start") for alert in world.alerts)

    live(scene)


def test_an_adapter_that_raises_what_it_should_not_means_no_start(live: Live) -> None:
    async def scene(world: Any) -> None:
        world.broker.failure = ValueError("a bug")
        await world.start()
        assert 1 == await world.running
        assert T.HALTED is world.book.state

    live(scene)


def test_a_full_disk_means_no_start(live: Live) -> None:
    async def scene(world: Any) -> None:
        world.disk.is_full = True
        await world.start()
        assert 1 == await world.running
        assert [] == world.broker.names("connect", "submit")

    live(scene)


def test_looser_limits_need_a_person(live: Live, world: Any) -> None:
    async def scene(first: Any) -> None:
        await first.start()
        await first.stop()
        looser = world(
            first.clock, journal=first.journal.reopened(), limits={"max_order_shares": 20}
        )
        await looser.start()
        assert T.REDUCING is looser.book.state
        assert "max_order_shares" in looser.book.causes["limits"].reason
        await looser.stop()
        again = world(
            first.clock, journal=looser.journal.reopened(), limits={"max_order_shares": 20}
        )
        await again.start()
        assert T.REDUCING is again.book.state
        again.engine.rearm("me", "on purpose")
        assert "ACTIVE" == again.book.state.name
        await again.stop()

    live(scene, limits={"max_order_shares": 10})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"max_order_shares": 10}, {"max_order_shares": 5}),
        ({"max_order_shares": UNLIMITED}, {"max_order_shares": 5}),
        ({"allowed_assets": ["A", "B"]}, {"allowed_assets": ["A"]}),
        (
            {"blackouts": ["23:45-23:46 America/New_York"]},
            {"blackouts": ["23:45-23:46 America/New_York"]},
        ),
        ({}, {}),
    ],
)
def test_tighter_limits_need_nobody(
    live: Live, world: Any, before: dict[str, Any], after: dict[str, Any]
) -> None:
    async def scene(first: Any) -> None:
        await first.start()
        await first.stop()
        second = world(first.clock, journal=first.journal.reopened(), limits=after)
        await second.start()
        assert T.ACTIVE is second.book.state
        await second.stop()

    live(scene, limits=before)


def test_a_halt_outlives_the_restart(live: Live, world: Any) -> None:
    async def scene(first: Any) -> None:
        await first.start()
        await first.engine.kill("enough", "me")
        await first.stop()
        second = world(first.clock, journal=first.journal.reopened())
        await second.start()
        assert T.HALTED is second.book.state
        assert S.REJECTED is (await second.engine.safe.submit(limit(1))).status
        second.engine.rearm("me", "looked")
        assert S.ACCEPTED is (await second.engine.safe.submit(limit(1))).status
        await second.stop()

    live(scene)


def test_a_start_with_the_kill_file_stays_halted_and_cancels_nothing_again(
    live: Live, world: Any, tmp_path: Path
) -> None:
    async def scene(first: Any) -> None:
        await first.start()
        await first.engine.kill("enough", "me")
        await first.stop()
        second = world(first.clock, journal=first.journal.reopened(), folder=tmp_path)
        await second.start(10.0)
        assert T.HALTED is second.book.state
        assert [] == second.broker.names("cancel_all")
        assert (tmp_path / "KILL").exists()
        second.engine.rearm("me", "looked")
        assert not (tmp_path / "KILL").exists()
        await asyncio.sleep(5.0)
        assert "ACTIVE" == second.book.state.name
        await second.stop()

    live(scene, folder=tmp_path)


def test_a_kill_file_made_while_no_engine_ran_cancels_at_the_start(
    live: Live, world: Any, tmp_path: Path
) -> None:
    async def scene(first: Any) -> None:
        await first.start()
        order = await first.engine.safe.submit(limit(3))
        await first.stop()
        (tmp_path / "KILL").write_text("by hand")
        second = world(first.clock, journal=first.journal.reopened(), folder=tmp_path)
        await second.start()
        assert T.HALTED is second.book.state
        assert ("cancel", order.id) in second.log
        assert ["cancel_all"] == second.broker.names("cancel_all")
        assert "by hand" in second.book.causes["kill"].reason
        await second.stop()

    live(scene, folder=tmp_path)


def test_money_moved_while_the_engine_was_away_is_booked_once_over_restarts(
    live: Live, world: Any
) -> None:
    async def scene(first: Any) -> None:
        await first.start()
        await first.stop()
        journal = first.journal.reopened()
        for _ in range(3):
            second = world(first.clock, journal=journal)
            second.equity(1e6 + 70.0, flow=70.0)
            await second.start(120.0)
            assert 1e6 + 70.0 == second.book.ledger.cash
            assert 1 == len(second.book.flow_ids)
            await second.stop()
            journal = second.journal.reopened()

    live(scene)


def test_starting_again_and_again_changes_nothing(
    live: Live, world: Any, public_state: Any, risk_state: Any
) -> None:
    async def scene(first: Any) -> None:
        await first.start()
        order = await first.engine.safe.submit(limit(3))
        journal, states = first.journal.reopened(), []
        await first.stop()
        for _ in range(4):
            second = world(first.clock, journal=journal)
            second.broker.orders = [first.book.orders[order.id]]
            await second.start(3.0)
            state = public_state(second.book)
            del state["starts"]
            states.append((state, risk_state(second.engine.account.risk)))
            await second.stop()
            journal = second.journal.reopened()
        assert [states[0]] * 4 == states

    live(scene)
