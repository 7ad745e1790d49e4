"""What goes wrong without an event is noticed: clocks, silence, losses, files."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml4t.core import OrderRequest, OrderType, Session
from ml4t.core.errors import VenueRefusedError, VenueUnavailableError
from ml4t.core.fills import Fill
from ml4t.core.orders import OrderStatus
from ml4t.core.risk import TradingState
from ml4t.live.config import Timing
from ml4t.live.events import HighWaterMark, SessionBegan

S = OrderStatus
T = TradingState
Live = Callable[..., Any]


def limit(quantity: float, price: float = 99.0) -> OrderRequest:
    """An order that rests."""
    return OrderRequest.of("A", quantity, order_type=OrderType.LIMIT, limit_price=price)


def test_a_quiet_run_is_active_and_knows_the_account(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        for _ in range(5):
            await world.bar()
        assert (T.ACTIVE, {}) == (world.book.state, world.book.causes)
        (began,) = world.journaled(SessionBegan)
        assert 1e6 == began.equity
        assert 0 == await world.stop()

    live(scene)


# Losses


@pytest.mark.parametrize("flatten", [False, True])
def test_the_days_loss_halts_cancels_and_closes_where_that_is_wished(
    live: Live, flatten: bool
) -> None:
    async def scene(world: Any) -> None:
        world.equity(1e6)
        await world.start()
        await world.bar()
        order = await world.engine.safe.submit(OrderRequest.of("A", 10))
        world.engine.intake.take(_fill(world, order, 10.0))
        resting = await world.engine.safe.submit(limit(1))
        world.equity(1e6 - 2_000.0, A=10.0)
        await asyncio.sleep(35.0)
        assert T.HALTED is world.book.state
        assert resting.id in [what for name, what in world.log if name == "cancel"]
        closing = [each for each in world.book.orders.values() if each.side.sign < 0]
        assert (1 if flatten else 0) == len(closing)
        assert T.HALTED is world.book.state
        await world.stop()

    live(scene, limits={"max_daily_loss": 1_000, "flatten_on_loss": flatten})


def test_closing_after_a_loss_does_not_count_exits_that_were_just_cancelled(live: Live) -> None:
    async def scene(world: Any) -> None:
        world.equity(1e6)
        await world.start()
        await world.bar()
        order = await world.engine.safe.submit(OrderRequest.of("A", 10))
        world.engine.intake.take(_fill(world, order, 10.0))
        exits = await world.engine.safe.submit(limit(-10, 110.0))
        world.broker.orders = [world.book.orders[exits.id]]

        async def gone(order_id: str) -> None:
            cancelled = world.book.orders[exits.id].to(S.CANCELLED, world.clock.now())
            world.broker.found[exits.id], world.broker.orders = cancelled, []
            asyncio.get_running_loop().call_later(20.0, world.broker.stream.put_nowait, cancelled)

        world.broker.cancelling = gone
        world.equity(1e6 - 2_000.0, A=10.0)
        await asyncio.sleep(36.0)
        closing = [each for each in world.book.orders.values() if each.side.sign < 0]
        assert [(exits.id, 10.0), (closing[-1].id, 10.0)] == [
            (each.id, each.quantity) for each in closing
        ]
        assert 2 == len(closing)
        await world.stop()

    live(scene, limits={"max_daily_loss": 1_000, "flatten_on_loss": True, "allow_short": True})


def test_a_loss_while_trading_is_halted_already_cancels_as_well(live: Live) -> None:
    async def scene(world: Any) -> None:
        world.equity(1e6)
        await world.start()
        await world.bar()
        resting = await world.engine.safe.submit(limit(1))
        world.engine.account.restrict("strategy", T.HALTED, "three errors", latched=True)
        world.equity(1e6 - 2_000.0)
        await asyncio.sleep(35.0)
        assert "control 14" in world.book.causes
        assert resting.id in [what for name, what in world.log if name == "cancel"]
        await world.stop()

    live(scene, limits={"max_daily_loss": 1_000})


def test_a_loss_seen_late_halts_although_the_account_is_old_news_too(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        await world.bar()
        world.engine.account.risk.set_account(1e6 - 2_000.0, 1e6 - 2_000.0, -1_000.0)
        world.engine.watch.look_at_limits()
        assert T.HALTED is world.book.state
        await world.stop()

    live(scene, limits={"max_daily_loss": 1_000, "max_account_age_seconds": 60})


def test_equity_that_is_not_known_for_a_minute_stops_new_risk_until_it_is(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        world.broker.silent = True
        for _ in range(3):
            await world.bar()
        assert T.REDUCING is world.book.causes["control 14"].state
        world.broker.silent = False
        await asyncio.sleep(60.0)
        assert T.ACTIVE is world.book.state
        await world.stop()

    live(scene, limits={"max_daily_loss": 1_000, "max_account_age_seconds": 60})


def test_the_bars_show_a_loss_before_the_venue_does(live: Live) -> None:
    async def scene(world: Any) -> None:
        world.equity(1e6)
        await world.start()
        await world.bar()
        order = await world.engine.safe.submit(OrderRequest.of("A", 100))
        world.engine.intake.take(_fill(world, order, 100.0))
        world.equity(1e6, A=100.0)
        await world.bar(98.0)
        assert T.ACTIVE is world.book.state
        await world.bar(80.0)
        assert "HALTED" == world.book.state.name
        await world.stop()

    live(scene, limits={"max_daily_loss": 1_000})


def test_a_new_session_counts_losses_anew(live: Live) -> None:
    sessions = [_session(0), _session(1)]

    async def scene(world: Any) -> None:
        world.equity(1e6)
        await world.start()
        world.equity(1e6 - 800.0)
        await asyncio.sleep(86_400.0)
        world.equity(1e6 - 1_600.0)
        await asyncio.sleep(60.0)
        assert [1e6, 1e6 - 800.0] == [each.equity for each in world.journaled(SessionBegan)]
        assert "control 14" not in world.book.causes
        await world.stop()

    live(
        scene,
        limits={"max_daily_loss": 1_000},
        sessions=sessions,
        timing=Timing(watch=5.0),
    )


def test_the_drawdown_is_measured_from_the_highest_equity_of_earlier_runs(
    live: Live, world: Any
) -> None:
    async def scene(first: Any) -> None:
        first.equity(1.1e6)
        await first.start()
        await asyncio.sleep(60.0)
        await first.stop()
        assert 1.1e6 == first.journaled(HighWaterMark)[-1].equity
        second = world(
            first.clock, journal=first.journal.reopened(), limits={"max_drawdown_pct": 5.0}
        )
        second.equity(1.0e6)
        await second.start(5.0)
        assert T.HALTED is second.book.state
        assert "control 15" in second.book.causes
        await second.stop()

    live(scene, limits={"max_drawdown_pct": 5.0})


def test_the_days_loss_counts_on_after_a_restart(live: Live, world: Any) -> None:
    async def scene(first: Any) -> None:
        first.equity(1e6)
        await first.start()
        await asyncio.sleep(5.0)
        await first.stop()
        second = world(
            first.clock, journal=first.journal.reopened(), limits={"max_daily_loss": 1_000}
        )
        second.equity(1e6 - 1_500.0)
        await second.start(5.0)
        assert T.HALTED is second.book.state
        await second.stop()

    live(scene, limits={"max_daily_loss": 1_000})


# Clocks, silence, loop


def test_clocks_that_differ_stop_new_risk_until_they_agree(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        world.broker.skew = timedelta(seconds=5)
        await asyncio.sleep(10.0)
        assert T.REDUCING is world.book.causes["clock"].state
        world.broker.skew = timedelta(0)
        await asyncio.sleep(10.0)
        assert T.ACTIVE is world.book.state
        await world.stop()

    live(scene)


def test_a_wall_clock_that_was_set_is_told_of(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        world.clock.jump_wall(3_600.0)
        await asyncio.sleep(2.0)
        assert any("clock was set" in alert for alert in world.alerts)
        world.clock.jump_wall(-3_600.0)
        await asyncio.sleep(2.0)
        assert 2 == len([alert for alert in world.alerts if "clock was set" in alert])
        await world.stop()

    live(scene)


def test_a_silent_venue_stops_new_risk_within_seconds_and_is_forgiven(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        world.broker.silent = True
        await asyncio.sleep(12.0)
        assert T.REDUCING is world.book.causes["silence"].state
        world.broker.silent = False
        await asyncio.sleep(30.0)
        assert T.ACTIVE is world.book.state
        await world.stop()

    live(scene)


def test_a_loop_that_stood_still_is_told_of(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        world.clock.block(10.0)
        await asyncio.sleep(0.3)
        assert any("stood still" in alert for alert in world.alerts)
        await asyncio.sleep(5.0)
        assert T.ACTIVE is world.book.state
        await world.stop()

    live(scene)


def test_bars_that_stay_away_stop_new_risk(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        await world.bar()
        await asyncio.sleep(30.0)
        assert T.ACTIVE is world.book.state
        await asyncio.sleep(200.0)
        assert T.REDUCING is world.book.causes["control 16"].state
        await world.bar()
        await asyncio.sleep(1.0)
        assert T.ACTIVE is world.book.state
        await world.stop()

    live(scene, limits={"max_data_staleness_seconds": None})


@pytest.mark.parametrize("error", [ValueError("a bug"), OSError("cut"), KeyError("x")])
def test_an_adapter_that_raises_what_it_should_not_is_noticed(live: Live, error: Exception) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        world.broker.failure = error
        await asyncio.sleep(60.0)
        assert T.ACTIVE is not world.book.state
        assert any(type(error).__name__ in alert for alert in world.alerts)
        world.broker.failure = None
        await asyncio.sleep(60.0)
        assert T.ACTIVE is world.book.state
        assert 0 == await world.stop()

    live(scene, limits={"disconnect_seconds": 60})


def test_a_venue_that_says_no_halts(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        world.broker.failure = VenueRefusedError("401")
        await asyncio.sleep(10.0)
        assert T.HALTED is world.book.state
        await world.stop()

    live(scene)


def test_orders_of_unknown_fate_above_the_limit_halt(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        await world.bar()

        async def lose(order_id: str, request: OrderRequest) -> Any:
            msg = "reset"
            raise VenueUnavailableError(msg)

        world.broker.answers += [lose, lose]
        await world.engine.safe.submit(limit(1))
        await world.engine.safe.submit(limit(2))
        await asyncio.sleep(1.0)
        assert T.HALTED is world.book.causes["control 27"].state
        await world.stop()

    live(scene, limits={"max_unknown_orders_per_asset": 1})


def test_unknown_orders_close_nothing_although_losses_would(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        await world.bar()
        order = await world.engine.safe.submit(OrderRequest.of("B", 10))
        world.engine.intake.take(_fill(world, order, 10.0))
        world.equity(1e6, B=10.0)

        async def lose(order_id: str, request: OrderRequest) -> Any:
            msg = "reset"
            raise VenueUnavailableError(msg)

        world.broker.answers += [lose, lose]
        await world.engine.safe.submit(limit(1))
        await world.engine.safe.submit(limit(2))
        await asyncio.sleep(10.0)
        assert T.HALTED is world.book.causes["control 27"].state
        assert [] == [each for each in world.book.orders.values() if each.side.sign < 0]
        await world.stop()

    live(
        scene,
        limits={"max_unknown_orders_per_asset": 1, "max_daily_loss": 1e5, "flatten_on_loss": True},
    )


def test_a_full_disk_halts_and_the_run_goes_on(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        world.disk.is_full = True
        await asyncio.sleep(5.0)
        assert T.HALTED is world.book.state
        world.disk.is_full = False
        await asyncio.sleep(5.0)
        assert not world.engine.account.has_unwritten
        world.engine.rearm("me", "disk cleared")
        assert "ACTIVE" == world.book.state.name
        assert 0 == await world.stop()

    live(scene)


# The kill file


def test_the_kill_file_is_acted_on_within_a_second(live: Live, tmp_path: Path) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        await world.bar()
        resting = await world.engine.safe.submit(limit(1))
        (tmp_path / "KILL").touch()
        await asyncio.sleep(1.0)
        assert T.HALTED is world.book.state
        assert ("cancel", resting.id) in world.log
        count = len(world.broker.names("cancel_all"))
        await asyncio.sleep(30.0)
        assert count == len(world.broker.names("cancel_all"))
        world.engine.rearm("me", "looked")
        assert not (tmp_path / "KILL").exists()
        await asyncio.sleep(5.0)
        assert "ACTIVE" == world.book.state.name
        await world.stop()

    live(scene, folder=tmp_path)


def test_an_order_that_surfaces_after_the_kill_is_cancelled(live: Live, tmp_path: Path) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        await world.bar()

        async def lose(order_id: str, request: OrderRequest) -> Any:
            msg = "reset"
            raise VenueUnavailableError(msg)

        world.broker.answers.append(lose)
        order = await world.engine.safe.submit(limit(1))
        await world.engine.kill("enough", "me")
        world.log.clear()
        accepted = world.book.orders[order.id].to(S.ACCEPTED, world.clock.now())
        world.broker.orders, world.broker.found[order.id] = [accepted], accepted
        await asyncio.sleep(60.0)
        assert ("cancel", order.id) in world.log
        assert T.HALTED is world.book.state
        await world.stop()

    live(scene, folder=tmp_path)


def _fill(world: Any, order: Any, quantity: float) -> Any:
    return Fill(
        f"x-{order.id}", order.id, order.asset, order.side, quantity, 100.0, world.clock.now()
    )


def _session(day: int) -> Session:
    opens = datetime(2024, 1, 2, 14, tzinfo=UTC) + timedelta(days=day)
    return Session(label=opens.date(), opens=opens, closes=opens + timedelta(hours=6))
