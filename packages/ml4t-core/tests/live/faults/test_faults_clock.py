"""Faults of the clocks, and of a disk that takes its time."""

import pytest

from ml4t.core.orders import OrderStatus as S
from ml4t.live.events import IntentRecorded, OrderDenied
from ml4t.live.testing.world_faults import SkewVenueClock


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_f42_a_jump_of_the_wall_clock_is_told_and_leaves_only_exits(play, seconds):
    """The venue's clock differs then (control 29); when both agree again trading goes on."""

    async def act(scene):
        await scene.holding(10)
        scene.clock.jump_wall(seconds)
        await scene.until(lambda: scene.causes.get("clock") == "REDUCING", within=10)
        assert f"the wall clock was set by {seconds:+.1f} s" in scene.told("clock")
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        assert scene.sent == 1
        scene.clock.jump_wall(-seconds)
        await scene.pass_time(10)
        assert (await scene.submit(1, "BBB")).status is not S.REJECTED
        await scene.finish()

    play(act)


def test_f42_windows_do_not_follow_the_wall_clock(play):
    """Neither the rate of orders nor the age of prices and account."""

    async def act(scene):
        for number in range(3):
            assert (await scene.submit(1 + number)).status is not S.REJECTED
        scene.clock.jump_wall(3600.0)
        scene.clock.jump_wall(-3599.5)
        denied = await scene.submit(9)
        assert denied.status is S.REJECTED
        assert [10] == [event.control for event in scene.journaled(OrderDenied)]
        await scene.pass_time(30)
        assert (await scene.submit(9)).status is not S.REJECTED
        assert scene.state == "ACTIVE"
        await scene.finish()

    play(act, limits={"max_orders_per_minute": 3.0})


def test_f42_a_small_step_of_the_time_service_changes_nothing(play):
    async def act(scene):
        for _ in range(4):
            scene.clock.jump_wall(0.4)
            await scene.pass_time(5)
            scene.clock.jump_wall(-0.4)
            await scene.pass_time(5)
        assert (scene.causes, scene.told("clock")) == ({}, [])
        await scene.finish()

    play(act)


@pytest.mark.parametrize("seconds", [5.0, -5.0])
def test_f42_a_clock_that_differs_from_the_venues_leaves_only_exits(play, seconds):
    async def act(scene):
        await scene.holding(10)
        scene.broker.strike(SkewVenueClock(seconds=seconds))
        await scene.until(lambda: scene.causes.get("clock") == "REDUCING", within=10)
        closing = await scene.engine.safe.close_position("AAA")
        await scene.pass_time(1)
        assert scene.order(closing.id).status is S.FILLED
        await scene.finish()

    play(act)


def test_f42_after_a_suspension_everything_is_compared_before_new_risk(play):
    """Two hours in which the machine slept: an order filled, prices are old."""

    async def act(scene):
        order = await scene.working(10)
        scene.clock.block(7200)
        scene.trade(order.id, 10, 90.0)
        denied = await scene.submit(1, "BBB")
        assert denied.status is S.REJECTED
        assert scene.sent == 1
        await scene.until(lambda: scene.causes.get("event loop") == "REDUCING", within=5)
        await scene.pass_time(360)
        assert scene.believed() == 10.0
        assert scene.state == "ACTIVE"
        assert (await scene.submit(1, "BBB")).status is not S.REJECTED
        await scene.finish()

    play(act)


def test_f48_nothing_is_sent_before_it_is_durable_however_slow_the_disk(play):
    """Each write takes five seconds, in which the loop stands still: only exits leave after it."""

    async def act(scene):
        done = []
        sound = scene.disk.reached
        submit = scene.broker.submit

        def slow(step):
            sound(step)
            if step == "commit":
                scene.clock.block(5)
                done.append(scene.journal.rows)

        async def watched(order_id, request):
            assert order_id in {
                order.id for event in scene.journaled(IntentRecorded) for order in event.orders
            }
            assert done
            return await submit(order_id, request)

        scene.disk.reached, scene.broker.submit = slow, watched
        began = scene.clock.monotonic()
        order = await scene.submit(10)
        assert order.status in {S.ACCEPTED, S.UNKNOWN, S.FILLED}
        assert scene.venue.clock.monotonic() - began >= 5
        scene.disk.reached = sound
        await scene.until(lambda: "event loop" in scene.causes or "silence" in scene.causes, 20)
        await scene.pass_time(60)
        assert scene.order(order.id).status is S.FILLED
        assert (scene.sent, scene.believed(), scene.state) == (1, 10.0, "ACTIVE")
        await scene.finish()

    play(act)
