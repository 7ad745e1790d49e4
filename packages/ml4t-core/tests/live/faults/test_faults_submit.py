"""Faults on the way of an order to the venue and of the answer back."""

import asyncio

import pytest

from ml4t.core import OrderType
from ml4t.core.errors import CallTimeoutError
from ml4t.core.orders import OrderStatus as S
from ml4t.live.events import IntentRecorded, OrderChanged, OrderDenied, ReplaceRequested
from ml4t.live.testing import At
from ml4t.live.testing.call_faults import (
    ArriveLate,
    DelayAnswer,
    DropRequest,
    FailAfterDone,
    FailBeforeDone,
    LoseAnswer,
    NeverAnswer,
    TooManyRequests,
)
from ml4t.live.testing.execution_faults import RefuseOrder, ReplaceByCopy

GATEWAY = ["500 Internal Server Error", "502 Bad Gateway", "503 Unavailable", "504 Time-out"]


def free(scene, asset="AAA"):
    """How much of the limits an asset takes up: what it could come to, both ways."""
    worst = scene.engine.account.risk.worst_case(asset)
    return worst.long, worst.short


def test_f01_an_order_that_never_left_is_unknown_and_then_known_not_to_exist(play):
    """It takes two looks, and is not sent again (R5, R9, R21)."""

    async def act(scene):
        order = await scene.submit(10)
        assert order.status is S.UNKNOWN
        assert (10.0, 0.0) == free(scene)
        assert scene.causes["disconnected"] == "REDUCING"
        await scene.pass_time(20)
        assert scene.order(order.id).status is S.UNKNOWN
        assert scene.state == "ACTIVE"
        await scene.pass_time(40)
        assert scene.order(order.id).status is S.REJECTED
        assert "two looks" in scene.order(order.id).reason
        assert (0.0, 0.0) == free(scene)
        assert (scene.sent, len(scene.arrived)) == (1, 0)
        assert scene.broker.faults.seen["find_order"] >= 2
        await scene.finish()

    play(act, At(call="submit", do=DropRequest(seconds=2)))


def test_f02_an_order_whose_answer_was_lost_is_found_under_its_id(play):
    """One order at the venue, whatever the connection did (R9, R16)."""

    async def act(scene):
        order = await scene.submit(10)
        assert order.status is S.UNKNOWN
        await scene.pass_time(15)
        assert scene.order(order.id).status is S.FILLED
        assert [found.id for found in scene.arrived] == [order.id]
        assert (scene.sent, scene.believed()) == (1, 10.0)
        statuses = [each.order.status for each in scene.journaled(OrderChanged)]
        assert statuses[0] is S.UNKNOWN
        await scene.finish()

    play(act, At(call="submit", do=LoseAnswer(seconds=2)))


@pytest.mark.parametrize("text", GATEWAY)
def test_f03_an_error_after_the_venue_took_the_order_makes_no_second_one(play, text):
    """(R9)"""

    async def act(scene):
        order = await scene.submit(10)
        assert order.status in {S.UNKNOWN, S.ACCEPTED, S.FILLED}
        await scene.pass_time(10)
        assert scene.order(order.id).status is S.FILLED
        assert (scene.sent, len(scene.arrived), scene.believed()) == (1, 1, 10.0)
        assert [text in message for message in scene.told("venue")] == [True]
        await scene.finish()

    play(act, At(call="submit", do=FailAfterDone(text=text)))


def test_f04_an_error_before_the_venue_took_the_order_expires_it(play):
    """By default it is not sent again (R5)."""

    async def act(scene):
        order = await scene.submit(10)
        assert order.status is S.UNKNOWN
        await scene.pass_time(60)
        assert scene.order(order.id).status is S.REJECTED
        assert (scene.sent, len(scene.arrived), free(scene)) == (1, 0, (0.0, 0.0))
        await scene.finish()

    play(act, At(call="submit", do=FailBeforeDone()))


def test_f04_an_order_that_arrives_after_its_error_is_taken_over(play):
    async def act(scene):
        order = await scene.submit(10)
        assert order.status is S.UNKNOWN
        await scene.pass_time(15)
        assert scene.order(order.id).status is S.FILLED
        assert (scene.sent, len(scene.arrived), scene.believed()) == (1, 1, 10.0)
        await scene.finish()

    play(act, At(call="submit", do=ArriveLate(seconds=8)))


def test_f05_orders_that_are_refused_for_their_number_are_neither_lost_nor_doubled(play):
    """(R9)"""

    async def act(scene):
        working = await scene.working()
        order = await scene.submit(10, "BBB")
        assert order.status is S.UNKNOWN
        assert await scene.engine.safe.cancel(working.id) is True
        await scene.pass_time(60)
        assert scene.order(order.id).status is S.REJECTED
        assert (scene.sent, len(scene.arrived)) == (2, 1)
        assert scene.order(working.id).status is S.ACCEPTED
        assert await scene.engine.safe.cancel(working.id) is True
        await scene.pass_time(1)
        assert scene.order(working.id).status is S.CANCELLED
        await scene.finish()

    play(act, At(call="submit", number=2, do=TooManyRequests(seconds=5)))


def test_f05_a_quarter_of_the_messages_is_kept_for_cancels(play):
    async def act(scene):
        scene.broker.link.latency = (0.0, 0.0)
        sent = [await scene.submit(1, limit=90.0 - number) for number in range(4)]
        assert [S.ACCEPTED] * 3 + [S.REJECTED] == [order.status for order in sent]
        assert await scene.engine.safe.cancel(sent[0].id) is True
        assert [11] == [denied.control for denied in scene.journaled(OrderDenied)]
        await scene.pass_time(1)
        assert scene.order(sent[0].id).status is S.CANCELLED
        await scene.finish()

    play(act, limits={"max_messages_per_second": 4.0}, rules={"reaction": (0.01, 0.02)})


@pytest.mark.parametrize("is_done", [True, False])
def test_f07_a_call_that_never_returns_is_given_up(play, is_done):
    """It counts as unknown after five seconds (R16)."""

    async def act(scene):
        began = scene.clock.monotonic()
        order = await scene.submit(10)
        assert scene.clock.monotonic() - began == pytest.approx(5.0)
        if not is_done:
            assert order.status is S.UNKNOWN
        await scene.pass_time(60)
        expected = (S.FILLED, 10.0, 1) if is_done else (S.REJECTED, 0.0, 0)
        found = scene.order(order.id)
        assert expected == (found.status, scene.believed(), len(scene.arrived))
        assert scene.sent == 1
        await scene.finish()

    play(act, At(call="submit", do=NeverAnswer(is_done=is_done)))


def test_f08_placements_that_are_never_answered_are_capped(play):
    """Two of unknown fate in one asset halt trading; the engine goes on (R16)."""

    async def act(scene):
        requests = [scene.submit(10), scene.submit(20)]
        first, second = await asyncio.gather(*requests)
        assert (S.UNKNOWN, S.UNKNOWN) == (first.status, second.status)
        await scene.pass_time(1)
        assert scene.causes["control 27"] == "HALTED!"
        third = await scene.submit(5, "BBB")
        assert (third.status, scene.sent) == (S.REJECTED, 2)
        await scene.pass_time(60)
        statuses = [scene.order(order.id).status for order in (first, second)]
        assert [S.REJECTED, S.REJECTED] == statuses
        scene.engine.rearm("anna", "both never arrived")
        await scene.finish()

    never = NeverAnswer(is_done=False)
    play(act, At(call="submit", do=never), At(call="submit", number=2, do=never))


@pytest.mark.parametrize("error", [ValueError("<html>"), KeyError("id"), RecursionError("deep")])
def test_f09_an_answer_that_cannot_be_read_leaves_the_order_unknown_and_the_engine_alive(
    play, error
):
    async def act(scene):
        submit = scene.broker.submit

        async def garbled(order_id, request):
            await submit(order_id, request)
            raise error

        scene.broker.submit = garbled
        order = await scene.submit(10)
        scene.broker.submit = submit
        await scene.pass_time(10)
        assert scene.order(order.id).status is S.FILLED
        assert (scene.sent, len(scene.arrived), scene.believed()) == (1, 1, 10.0)
        assert type(error).__name__ in scene.told("venue")[0]
        await scene.finish()

    play(act)


@pytest.mark.parametrize(
    "reason",
    ["201: rejected", "202: cancelled", "200: no security", "460: no trading", "110: price step",
     "403: not allowed", "422: unprocessable"],
)  # fmt: skip
def test_f10_a_refusal_is_final_and_gives_its_part_of_the_limits_back_once(play, reason):
    """(R27)"""

    async def act(scene):
        held = await scene.working(100)
        order = await scene.submit(10)
        assert (S.REJECTED, reason) == (order.status, order.reason)
        assert (100.0, 0.0) == free(scene)
        again = scene.venue.find_order(order.id)
        scene.hear(again, again)
        await scene.pass_time(1)
        assert (100.0, 0.0) == free(scene)
        assert (await scene.submit(10)).status is not S.REJECTED
        await scene.engine.safe.cancel(held.id)
        await scene.finish()

    play(act, At(call="acceptance", number=2, do=RefuseOrder(reason=reason)))


def test_f13_a_call_that_was_withdrawn_is_never_sent_later(play, script):
    """The strategy is told that nothing was sent, and nothing is (R25)."""

    def step(step):
        with pytest.raises(CallTimeoutError):
            step.broker.submit_order("AAA", 10)

    async def act(scene):
        scene.thread.withhold()
        await scene.pass_time(600)
        assert scene.strategy.bars >= 1
        assert scene.strategy.raised == []
        assert (scene.sent, scene.journaled(IntentRecorded)) == (0, [])
        await scene.finish()

    play(act, strategy=script(step))


def test_f13_an_answer_after_the_time_out_is_an_order_of_unknown_fate_for_the_strategy(
    play, script
):
    """(R25)"""
    seen = []

    def step(step):
        order = step.broker.submit_order("AAA", 10, order_type=OrderType.LIMIT, limit_price=90.0)
        seen.append(order)

    async def act(scene):
        await scene.pass_time(230)
        # The stream is silent, too: only a question brings the truth.
        scene.broker.link.mute(20)
        await scene.pass_time(60)
        assert [S.UNKNOWN] == [order.status for order in seen]
        assert scene.order(seen[0].id).status is S.ACCEPTED
        assert (scene.sent, len(scene.arrived)) == (1, 1)
        await scene.finish()

    # Compared every 50 seconds, the order is not found by chance within the first five.
    late = At(call="submit", do=DelayAnswer(seconds=8))
    play(act, late, strategy=script(step), limits={"reconcile_seconds": 50.0})


def test_f14_no_order_is_changed_while_the_connection_is_lost(play):
    """(R18)"""

    async def act(scene):
        order = await scene.working()
        scene.broker.link.down(10)
        await scene.pass_time(1)
        changed = await scene.engine.safe.replace(order.id, limit_price=91.0)
        assert "not connected" in changed.reason
        assert scene.journaled(ReplaceRequested) == []
        await scene.pass_time(20)
        assert scene.true(order.id)[0].request.limit_price == 90.0
        await scene.engine.safe.cancel(order.id)
        await scene.finish()

    play(act)


def test_f14_a_change_that_made_a_second_order_is_cancelled_with_both(play):
    """Both count until then, and a cancel reaches both (R18)."""

    async def act(scene):
        order = await scene.working(10)
        await scene.engine.safe.replace(order.id, limit_price=91.0)
        await scene.pass_time(10)
        assert len(scene.true(order.id)) == 2
        assert free(scene)[0] >= 10.0
        await scene.engine.safe.cancel(order.id)
        await scene.pass_time(2)
        assert [S.CANCELLED] * 2 == [each.status for each in scene.true(order.id)]
        assert scene.order(order.id).status is S.CANCELLED
        assert (scene.sent, scene.believed()) == (1, 0.0)
        await scene.finish()

    play(
        act,
        At(call="replacement", do=ReplaceByCopy()),
        At(call="replace", do=LoseAnswer(seconds=2)),
    )
