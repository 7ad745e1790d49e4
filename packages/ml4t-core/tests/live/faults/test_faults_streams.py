"""Faults of the connection and of the stream of reports."""

import pytest

from ml4t.core.orders import OrderStatus as S
from ml4t.core.risk import UNLIMITED
from ml4t.live.events import CauseCleared, FillBooked, OrderChanged, OrderDenied
from ml4t.live.testing import At
from ml4t.live.testing.call_faults import InterruptPages, NeverAnswer, RefuseConnection
from ml4t.live.testing.stream_faults import BreakAfterEvent
from ml4t.live.testing.world_faults import (
    FloodReports,
    FreezeLink,
    GoDown,
    MuteStream,
    PlaceForeignOrders,
    ReconnectStorm,
)

NEVER = NeverAnswer(is_done=False)


@pytest.mark.parametrize("missed", [1, 10, 100])
def test_f27_missed_executions_are_caught_up_with_before_trading_goes_on(play, missed):
    """(R14)"""

    async def act(scene):
        order = await scene.working(float(missed + 1))
        scene.broker.strike(GoDown(seconds=5))
        await scene.pass_time(1)
        assert scene.causes == {"disconnected": "REDUCING"}
        for _ in range(missed):
            scene.trade(order.id, 1, 90.0)
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        await scene.until(lambda: scene.state == "ACTIVE", within=15)
        assert scene.believed() == float(missed)
        names = [type(e.event) for e in scene.journal.entries()]
        last_fill = len(names) - 1 - names[::-1].index(FillBooked)
        back = scene.place(CauseCleared, lambda event: event.name == "disconnected")
        assert last_fill < back
        assert (await scene.submit(1, "BBB")).status is not S.REJECTED
        await scene.engine.safe.cancel(order.id)
        await scene.finish()

    play(act)


def test_f28_a_mute_stream_is_made_up_for_by_asking(play):
    """Connected and mute: executions are found within half a minute (R10, R23)."""

    async def act(scene):
        order = await scene.working(10)
        scene.broker.strike(MuteStream(seconds=600))
        scene.trade(order.id, 10, 90.0)
        await scene.until(lambda: scene.believed() == 10.0, within=35)
        assert scene.order(order.id).status is S.FILLED
        await scene.finish()

    play(act)


def test_f28_mute_data_leave_only_exits_until_they_come_again(play):
    """No bar of most assets for two and a half bars: control 16 (R10)."""

    async def act(scene):
        await scene.holding(10)
        scene.feed.line.mute(1800)
        await scene.pass_time(1000)
        assert scene.causes == {"control 16": "REDUCING"}
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        closing = await scene.engine.safe.close_position("AAA")
        await scene.pass_time(1)
        assert scene.order(closing.id).status is S.FILLED
        await scene.pass_time(1200)
        assert scene.state == "ACTIVE"
        await scene.finish()

    play(act)


def test_f29_an_event_that_cannot_be_taken_in_costs_only_itself(play):
    """It is set aside, a person is told, and the stream goes on."""

    async def act(scene):
        order = await scene.working(10)
        take = scene.engine.intake.take

        def broken(event, evidence="event"):
            scene.engine.intake.take = take
            msg = "cannot be"
            raise ArithmeticError(msg)

        scene.engine.intake.take = broken
        scene.trade(order.id, 4, 90.0)
        scene.trade(order.id, 6, 90.0)
        await scene.pass_time(1)
        assert scene.causes == {"events": "REDUCING!"}
        assert "ArithmeticError: cannot be while Fill(" in scene.told("events")[0]
        await scene.pass_time(45)
        assert (scene.order(order.id).status, scene.believed()) == (S.FILLED, 10.0)
        scene.engine.rearm("anna", "the execution was found")
        await scene.finish()

    play(act)


def test_f30_a_storm_of_reconnections_ends_in_one_comparison_at_a_time(play):
    """While it lasts nothing new leaves; it is asked at most once a second (R11)."""

    async def act(scene):
        order = await scene.working(20)
        before = scene.broker.faults.seen["account"]
        scene.broker.strike(ReconnectStorm(times=15))
        for _ in range(15):
            scene.trade(order.id, 1, 90.0)
            await scene.pass_time(2)
            if scene.state != "ACTIVE":
                assert (await scene.submit(1, "BBB")).status is S.REJECTED
        await scene.until(lambda: scene.state == "ACTIVE", within=20)
        assert scene.broker.faults.seen["account"] - before <= 45
        assert scene.believed() == 15.0
        assert len(scene.journaled(FillBooked)) == 15
        await scene.engine.safe.cancel(order.id)
        await scene.finish()

    play(act)


def test_f30_a_venue_that_takes_no_session_ends_the_start(play):
    async def act(scene):
        assert not scene.is_running
        assert scene.ended() == 1
        assert "connection limit exceeded" in scene.told("start")[0]
        await scene.restart()
        await scene.pass_time(5)
        await scene.finish()

    play(act, At(call="connect", do=RefuseConnection()))


@pytest.mark.parametrize("at", [1, 2, 5])
def test_f31_a_break_within_a_burst_of_executions_loses_none(play, at):
    """Neither executions nor an end while the session was away (R14)."""

    async def act(scene):
        order = await scene.working(10)
        for _ in range(6):
            scene.trade(order.id, 1, 90.0)
        await scene.pass_time(3)
        scene.venue.desk.end(scene.true(order.id)[0], S.CANCELLED, "by the venue")
        await scene.until(lambda: scene.state == "ACTIVE", within=30)
        found = scene.order(order.id)
        assert (S.CANCELLED, 6.0) == (found.status, found.filled_quantity)
        assert scene.believed() == 6.0
        await scene.finish()

    play(act, At(call="event.fill", number=at, do=BreakAfterEvent(seconds=10)))


def test_f32_nothing_is_sent_while_the_venue_restarts(play):
    """A minute on each side of the window; cancels pass (R15)."""

    async def act(scene):
        order = await scene.working()
        await scene.pass_time(180)
        # 14:39: a minute before the window.
        denied = await scene.submit(1, "BBB")
        assert denied.status is S.REJECTED
        assert [22] == [event.control for event in scene.journaled(OrderDenied)]
        scene.broker.strike(GoDown(seconds=60))
        await scene.pass_time(70)
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        assert await scene.engine.safe.cancel(order.id)
        await scene.pass_time(120)
        assert (await scene.submit(1, "BBB")).status is not S.REJECTED
        assert scene.sent == 2
        await scene.finish()

    play(act, limits={"blackouts": ["14:40-14:41 UTC"]})


def test_f32_the_ids_of_an_earlier_session_are_never_given_again(play):
    """Reports under them still find their orders (R15, R19)."""

    async def act(scene):
        first = await scene.working()
        await scene.crash()
        await scene.restart()
        await scene.pass_time(3)
        second = await scene.working(20)
        assert second.id != first.id
        scene.trade(first.id, 4, 90.0)
        scene.trade(second.id, 5, 90.0)
        await scene.pass_time(1)
        filled = [scene.order(each.id).filled_quantity for each in (first, second)]
        assert ([4.0, 5.0], 9.0) == (filled, scene.believed())
        assert scene.told("foreign order") == []
        await scene.finish()

    play(act)


@pytest.mark.parametrize("call", ["account", "open_orders", "fills_since", "identity"])
def test_f34_a_start_without_an_answer_is_no_start(play, call):
    """(R30)"""

    async def act(scene):
        assert not scene.is_running
        assert scene.ended() == 1
        assert "did not answer within 10 s" in scene.told("start")[0]
        assert scene.strategy.bars == 0
        assert scene.sent == 0

    play(act, *[At(call=call, number=n, do=NEVER) for n in (1, 2, 3)], before=15.0)


def test_f35_a_dead_socket_is_noticed_by_its_silence(play):
    """After ten seconds, whatever the socket says."""

    async def act(scene):
        order = await scene.working(10)
        scene.broker.strike(FreezeLink(seconds=120))
        scene.trade(order.id, 10, 90.0)
        await scene.until(lambda: scene.causes.get("silence") == "REDUCING", within=15)
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        assert scene.sent == 1
        await scene.pass_time(150)
        assert scene.state == "ACTIVE"
        assert (scene.order(order.id).status, scene.believed()) == (S.FILLED, 10.0)
        await scene.finish()

    play(act)


def test_f36_ten_thousand_reports_at_once_are_all_taken_in(play):
    """Nothing that an order or an execution tells is dropped (R6)."""

    async def act(scene):
        orders = [await scene.working(10) for _ in range(5)]
        taken = []
        take = scene.engine.intake.take

        def counted(event, evidence="event"):
            taken.append(event)
            take(event, evidence)

        scene.engine.intake.take = counted
        for order in orders:
            scene.trade(order.id, 3, 90.0)
        scene.broker.strike(FloodReports(count=10_000))
        for order in orders:
            scene.trade(order.id, 4, 90.0)
        await scene.pass_time(1)
        assert len(taken) >= 10_020
        assert (scene.believed(), len(scene.journaled(FillBooked))) == (35.0, 10)
        assert scene.broker.link.events.qsize() == 0
        await scene.engine.kill("enough", "anna")
        scene.engine.rearm("anna", "it was a test")
        await scene.finish()

    play(act)


def test_f36_a_strategy_that_blocks_for_minutes_is_told_everything_and_shown_the_latest(
    play, script
):
    """Bars are folded together, reports are not; meanwhile only exits leave."""
    stage = []

    async def act(scene):
        stage.append(scene)
        order = await scene.working(10)
        await scene.pass_time(240)
        for number in range(10):
            scene.trade(order.id, 1, 90.0 + number / 100)
            await scene.pass_time(500)
        assert scene.believed() == 10.0
        assert 0 < scene.engine.runner.waiting < 40
        assert scene.causes["strategy"] == "REDUCING!"
        await scene.pass_time(1200)
        assert scene.engine.runner.waiting == 0
        assert scene.engine.runner.conflated > 0
        pieces = [each.id for each in scene.strategy.told if hasattr(each, "order_id")]
        assert pieces == list(scene.book.fills)
        scene.engine.rearm("anna", "it computes again")
        await scene.finish()

    play(act, strategy=script(lambda _: stage[0].thread.pass_time(6000)))


def test_f37_more_than_five_hundred_open_orders_are_all_seen(play):
    """(R29)"""

    async def act(scene):
        scene.broker.strike(PlaceForeignOrders(count=600, quantity=1.0, distance=0.2))
        ours = await scene.working()
        await scene.pass_time(40)
        assert len(scene.engine.intake.foreign) == 600
        worst = sum(
            scene.engine.account.risk.worst_case(asset).long for asset in ("AAA", "BBB", "CCC")
        )
        assert worst == 600 + 10
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        await scene.engine.safe.cancel(ours.id)
        await scene.pass_time(2)
        assert len(scene.venue.open_orders()) == 600
        await scene.finish()

    play(act, limits={"max_working_orders": 100.0, "max_working_orders_per_side": UNLIMITED})


def test_f37_a_list_that_breaks_off_proves_nothing(play):
    """What stands on the second page is not taken for gone (R21)."""

    async def act(scene):
        orders = [await scene.working(1.0 + number) for number in range(5)]
        await scene.pass_time(100)
        assert {S.ACCEPTED} == {scene.order(order.id).status for order in orders}
        assert [e for e in scene.journaled(OrderChanged) if e.order.status is S.UNKNOWN] == []
        await scene.engine.kill("enough", "anna")
        scene.engine.rearm("anna", "it was a test")
        await scene.finish()

    play(act, *[At(call="open_orders", number=n, do=InterruptPages()) for n in range(2, 6)])
