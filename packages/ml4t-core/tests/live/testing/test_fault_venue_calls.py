"""Tests of :mod:`ml4t.live.testing.call_faults`: what the caller sees and what is true."""

import asyncio

import pytest

from ml4t.core.errors import VenueRefusedError, VenueUnavailableError
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import OrderStatus
from ml4t.core.venue_events import ConnectionChange
from ml4t.live.testing import At
from ml4t.live.testing.call_faults import (
    ArriveLate,
    DelayAnswer,
    DropRequest,
    FailAfterDone,
    FailBeforeDone,
    InterruptPages,
    LagRead,
    LoseAnswer,
    NeverAnswer,
    RefuseConnection,
    TooManyRequests,
)
from ml4t.live.testing.execution_faults import RefuseOrder


def _at_submit(fault):
    return At(call="submit", do=fault)


async def _fails_and_counts(stage):
    """Whether the first order failed, and how many orders the venue has a while later."""
    try:
        await asyncio.wait_for(stage.buy(), 5)
    except VenueUnavailableError as error:
        outcome = str(error)
    except TimeoutError:
        outcome = "no answer"
    else:
        outcome = "answer"
    await asyncio.sleep(60)
    return outcome, len(stage.venue.desk.orders)


@pytest.mark.parametrize(
    ("fault", "outcome", "orders"),
    [
        (DropRequest(), "connection reset while sending submit", 0),
        (LoseAnswer(), "connection reset while waiting for submit", 1),
        (FailAfterDone(), "504 Gateway Timeout", 1),
        (FailAfterDone(text="<html>"), "<html>", 1),
        (FailBeforeDone(), "504 Gateway Timeout", 0),
        (ArriveLate(seconds=10), "502 Bad Gateway", 1),
        (DelayAnswer(seconds=2), "answer", 1),
        (DelayAnswer(seconds=8), "no answer", 1),
        (NeverAnswer(is_done=True), "no answer", 1),
        (NeverAnswer(is_done=False), "no answer", 0),
        (TooManyRequests(seconds=5), "429: too many requests", 0),
    ],
)
def test_what_the_caller_sees_and_what_is_true(play, fault, outcome, orders) -> None:
    assert (outcome, orders) == play(_fails_and_counts, _at_submit(fault))


def test_the_fault_comes_at_the_call_that_is_named(play) -> None:
    async def scene(stage):
        await stage.buy(1, "m1")
        with pytest.raises(VenueUnavailableError):
            await stage.buy(1, "m2")
        await stage.buy(1, "m3")
        return dict(stage.broker.faults.injected), len(stage.venue.desk.orders)

    fault = At(call="submit", number=2, do=FailBeforeDone())
    assert ({"FailBeforeDone": 1}, 2) == play(scene, fault)


def test_a_break_is_reported_and_ends_by_itself(play) -> None:
    async def scene(stage):
        with pytest.raises(VenueUnavailableError):
            await stage.buy()
        with pytest.raises(VenueUnavailableError, match="not connected"):
            await stage.broker.account()
        await asyncio.sleep(10)
        await stage.broker.account()
        return [event.is_up for event in stage.reported() if isinstance(event, ConnectionChange)]

    assert [False, True] == play(scene, _at_submit(DropRequest(seconds=5)))


def test_a_storm_of_refusals_hits_every_call_for_a_while(play) -> None:
    async def scene(stage):
        for _ in range(3):
            with pytest.raises(VenueUnavailableError, match="429"):
                await stage.broker.cancel("m1")
            await asyncio.sleep(1)
        await asyncio.sleep(10)
        await stage.broker.cancel("m1")

    play(scene, At(call="cancel", do=TooManyRequests(seconds=5)))


def test_a_call_in_flight_when_the_session_breaks_is_lost(play) -> None:
    async def scene(stage):
        call = asyncio.create_task(stage.buy())
        await asyncio.sleep(0.001)
        stage.broker.link.down(1)
        with pytest.raises(VenueUnavailableError, match="the connection broke"):
            await call
        return len(stage.venue.desk.orders)

    assert play(scene) == 0


def test_answers_from_the_past_do_not_know_what_is_new(play) -> None:
    async def scene(stage):
        await stage.buy()
        await asyncio.sleep(3)
        broker = stage.broker
        return (
            await broker.find_order("m1"),
            await broker.open_orders(),
            (await broker.account()).positions,
            await broker.fills_since(stage.venue.origin),
            (await broker.find_order("m1")).status,
        )

    script = [
        At(call=call, do=LagRead(seconds=10))
        for call in ("find_order", "open_orders", "account", "fills_since")
    ]
    assert (None, [], {}, [], OrderStatus.FILLED) == play(scene, *script)


def test_a_long_answer_can_break_off(play) -> None:
    async def scene(stage):
        with pytest.raises(VenueUnavailableError, match="second page"):
            await stage.broker.open_orders()
        return await stage.broker.open_orders()

    assert play(scene, At(call="open_orders", do=InterruptPages())) == []


def test_a_session_can_be_refused(play) -> None:
    async def scene(stage):
        await stage.broker.disconnect()
        with pytest.raises(VenueUnavailableError, match="406"):
            await stage.broker.connect()
        with pytest.raises(VenueUnavailableError, match="not connected"):
            await stage.broker.account()
        stage.broker.link.down(5)
        with pytest.raises(VenueUnavailableError, match="refused"):
            await stage.broker.connect()
        await asyncio.sleep(6)
        await stage.broker.connect()
        return (await stage.broker.account()).cash

    assert play(scene, At(call="connect", number=2, do=RefuseConnection())) == 100_000


def test_a_session_may_never_open(play) -> None:
    async def scene(stage):
        await stage.broker.disconnect()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stage.broker.connect(), 30)
        await stage.broker.connect()

    play(scene, At(call="connect", number=2, do=NeverAnswer()))


def test_a_late_request_of_a_revoked_key_is_not_done(play) -> None:
    async def scene(stage):
        with pytest.raises(VenueUnavailableError):
            await stage.buy()
        stage.venue.is_key_valid = False
        with pytest.raises(VenueRefusedError, match="401"):
            await stage.broker.account()
        await asyncio.sleep(60)
        return len(stage.venue.desk.orders)

    assert play(scene, _at_submit(ArriveLate(seconds=10))) == 0


def test_a_refused_order_says_why(play) -> None:
    async def scene(stage):
        first = await stage.buy(10, "m1")
        second = await stage.buy(10, "m2")
        return first.status, first.reason, second.status

    fault = At(call="acceptance", do=RefuseOrder(reason="201: no"))
    assert (OrderStatus.REJECTED, "201: no", OrderStatus.ACCEPTED) == play(scene, fault)


def test_a_fill_can_come_before_the_answer(play) -> None:
    async def scene(stage):
        call = asyncio.create_task(stage.broker.submit("m1", OrderRequest.of("A", 1)))
        await asyncio.sleep(3)
        fills = [event for event in stage.reported() if isinstance(event, Fill)]
        return len(fills), call.done(), (await call).status

    assert (1, False, OrderStatus.ACCEPTED) == play(scene, _at_submit(DelayAnswer(seconds=4)))
