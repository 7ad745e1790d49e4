"""Faults of executions: twice, in the wrong order, too much, taken back, or never reported."""

import pytest

from ml4t.core import Asset
from ml4t.core.orders import OrderStatus as S
from ml4t.core.venue_events import FeeReport
from ml4t.live.events import FeeBooked, FillBooked, FillBusted, OrderChanged
from ml4t.live.testing import At
from ml4t.live.testing.call_faults import DelayAnswer
from ml4t.live.testing.execution_faults import (
    CorrectFill,
    EndRest,
    FillAfterCancel,
    LateFee,
    Overfill,
    TakeFillBack,
)
from ml4t.live.testing.stream_faults import DropFill, DropStatus, HoldBackEvent, RepeatEvent


def booked(scene):
    """The executions in the journal, in order."""
    return [event.fill.id for event in scene.journaled(FillBooked)]


def test_f15_an_execution_that_is_reported_twice_counts_once(play):
    """(R13)"""

    async def act(scene):
        order = await scene.holding(10)
        await scene.pass_time(20)
        assert (1, 10.0) == (len(booked(scene)), scene.believed())
        assert scene.order(order.id).filled_quantity == 10.0
        await scene.finish()

    play(act, At(call="event.fill", do=RepeatEvent(seconds=5)))


def test_f15_an_execution_that_comes_again_after_a_reconnection_counts_once(play):
    """The stream brings it, then the questions after the break do, then the stream once more
    (R13, R20)."""

    async def act(scene):
        await scene.holding(10)
        (fill,) = scene.venue.account_truth.fills.values()
        for _ in range(3):
            scene.broker.link.down(5)
            await scene.pass_time(10)
            scene.hear(fill)
        await scene.pass_time(10)
        assert ([fill.id], 10.0) == (booked(scene), scene.believed())
        await scene.finish()

    play(act)


def test_f16_a_corrected_execution_changes_the_account_by_the_difference(play):
    async def act(scene):
        order = await scene.holding(10)
        before = scene.cash
        await scene.pass_time(10)
        (bust,) = scene.journaled(FillBusted)
        assert [bust.fill_id, f"{bust.fill_id}.1"] == booked(scene)
        assert scene.cash == pytest.approx(before - 10 * 0.03)
        found = scene.order(order.id)
        assert (S.FILLED, 10.0) == (found.status, found.filled_quantity)
        assert found.average_fill_price == pytest.approx(100.04)
        await scene.finish()

    play(act, At(call="execution", do=CorrectFill(seconds=5, change=0.03)))


def test_f17_an_execution_before_the_acknowledgement_is_booked(play):
    """(R21)"""

    async def act(scene):
        order = await scene.submit(10)
        await scene.pass_time(10)
        assert scene.order(order.id).status is S.FILLED
        fill = scene.place(FillBooked)
        assert (1, scene.believed()) == (len(booked(scene)), 10.0)
        with pytest.raises(StopIteration):
            scene.place(OrderChanged, lambda event: event.order.status is S.ACCEPTED)
        assert fill < scene.place(OrderChanged, lambda e: e.order.id == order.id) or fill
        await scene.finish()

    play(
        act,
        At(call="submit", do=DelayAnswer(seconds=3)),
        At(call="event.order", do=HoldBackEvent(seconds=4)),
    )


def test_f18_reports_in_the_wrong_order_never_undo_anything(play):
    """Filled, then accepted, then filled in part: it stays filled, and every piece counts."""

    async def act(scene):
        order = await scene.working(10)
        scene.broker.link.mute(1)
        scene.trade(order.id, 4, 90.0)
        scene.trade(order.id, 6, 90.0)
        await scene.pass_time(2)
        accepted, partial, filled = (report for _, report in scene.true(order.id)[0].reports)
        first, second = scene.venue.account_truth.fills.values()
        scene.hear(filled, accepted, partial, second, accepted, first, partial, filled)
        seen = []
        scene.engine.account.listener = lambda _: seen.append(scene.order(order.id))
        await scene.pass_time(1)
        quantities = [each.filled_quantity for each in seen]
        assert quantities == sorted(quantities)
        assert (S.FILLED, 10.0) == (seen[-1].status, seen[-1].filled_quantity)
        assert {first.id, second.id} == set(booked(scene))
        await scene.finish()

    play(act)


def test_f19_an_order_whose_status_is_never_reported_is_filled_by_its_executions(play):
    async def act(scene):
        order = await scene.submit(10)
        await scene.pass_time(2)
        found = scene.order(order.id)
        assert (S.FILLED, 10.0, 10.0) == (found.status, found.filled_quantity, scene.believed())
        await scene.finish()

    play(act, *[At(call="event.order", number=number, do=DropStatus()) for number in (1, 2, 3)])


def test_f20_an_execution_after_the_cancel_was_confirmed_changes_the_position(play):
    """The order stays at its end, with what it filled (R21)."""

    async def act(scene):
        order = await scene.submit(10)
        await scene.pass_time(5)
        ended = scene.place(OrderChanged, lambda event: event.order.status is S.CANCELLED)
        assert ended < scene.place(FillBooked)
        found, filled = scene.order(order.id), scene.venue.account_truth.held["AAA"]
        assert 0 < filled < 10
        assert (S.CANCELLED, filled) == (found.status, found.filled_quantity)
        assert (scene.believed(), scene.book.open) == (filled, {})
        await scene.finish()

    play(act, At(call="execution", do=FillAfterCancel()), rules={"whole": 0.0})


def test_f20_an_execution_while_a_cancel_is_on_its_way_counts(play):
    async def act(scene):
        order = await scene.working(10)
        await scene.engine.safe.cancel(order.id)
        scene.trade(order.id, 4, 90.0)
        await scene.pass_time(5)
        found = scene.order(order.id)
        assert (S.CANCELLED, 4.0, 4.0) == (found.status, found.filled_quantity, scene.believed())
        assert scene.book.open == {}
        await scene.finish()

    play(act, rules={"reaction": (2.0, 2.0)})


@pytest.mark.parametrize("status", [S.CANCELLED, S.EXPIRED, S.REJECTED])
@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_f21_what_filled_before_the_rest_ended_is_kept(play, status, pieces):
    """A refusal of the rest is a cancel: what filled was not refused (R27)."""

    async def act(scene):
        order = await scene.working(10)
        for _ in range(pieces):
            scene.trade(order.id, 1, 90.0)
            await scene.pass_time(0.2)
        scene.venue.desk.end(scene.true(order.id)[0], status, "the venue ended the rest")
        await scene.pass_time(2)
        found = scene.order(order.id)
        ended = S.CANCELLED if status is S.REJECTED else status
        assert (ended, float(pieces)) == (found.status, found.filled_quantity)
        assert found.reason == "the venue ended the rest"
        assert (float(pieces), {}) == (scene.believed(), scene.book.open)
        assert scene.engine.account.risk.worst_case("AAA").long == pieces
        await scene.finish()

    play(act)


def test_f21_an_order_that_the_venue_ends_with_an_execution_keeps_it(play):
    async def act(scene):
        order = await scene.submit(10)
        await scene.pass_time(2)
        found = scene.order(order.id)
        filled = scene.venue.account_truth.held["AAA"]
        assert 0 < filled < 10
        assert (S.EXPIRED, filled) == (found.status, found.filled_quantity)
        await scene.finish()

    play(act, At(call="execution", do=EndRest(status=S.EXPIRED)), rules={"whole": 0.0})


def test_f22_an_overfill_is_booked_told_and_halts(play):
    """What happened is true whatever was asked for (R1)."""

    async def act(scene):
        order = await scene.submit(10)
        await scene.pass_time(2)
        assert (12.0, 12.0) == (scene.believed(), scene.order(order.id).filled_quantity)
        assert scene.causes == {"overfill": "HALTED!"}
        assert "asked for 10 AAA and 12 filled" in scene.told("overfill")[0]
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        assert scene.sent == 1
        await scene.finish("HALTED")

    play(act, At(call="execution", do=Overfill(excess=2)))


def test_f23_an_execution_that_is_taken_back_is_undone(play):
    async def act(scene):
        before = scene.cash
        order = await scene.holding(10)
        assert scene.believed() == 10.0
        await scene.pass_time(10)
        assert (0.0, before) == (scene.believed(), pytest.approx(scene.cash))
        (bust,) = scene.journaled(FillBusted)
        assert [bust.fill_id] == booked(scene)
        assert scene.order(order.id).filled_quantity == 0.0
        assert "taken back" in scene.told("bust")[0]
        await scene.finish()

    play(act, At(call="execution", do=TakeFillBack(seconds=5)))


def test_f24_an_execution_that_the_stream_lost_is_found_within_half_a_minute(play):
    """The stream looks sound all the time (R23)."""

    async def act(scene):
        order = await scene.working(10)
        scene.trade(order.id, 4, 90.0)
        await scene.pass_time(1)
        assert scene.believed() == 0.0
        await scene.until(lambda: scene.believed() == 4.0, within=30)
        (event,) = scene.journaled(FillBooked)
        assert (event.fill.quantity, event.evidence) == (4.0, "query")
        await scene.engine.safe.cancel(order.id)
        await scene.finish()

    lost = [At(call="event.fill", do=DropFill()), At(call="event.order", number=2, do=DropStatus())]
    play(act, *lost)


def test_f25_a_fee_that_comes_late_is_charged_then(play):
    async def act(scene):
        await scene.holding(10)
        before = scene.cash
        assert next(iter(scene.book.fills.values())).fee == 0.0
        await scene.pass_time(10)
        (fee,) = scene.journaled(FeeBooked)
        assert (fee.fee, scene.cash) == (0.05, pytest.approx(before - 0.05))
        await scene.finish()

    play(act, At(call="execution", do=LateFee(seconds=5)))


def test_f25_a_fee_that_is_reported_before_its_execution_is_charged_with_it(play):
    async def act(scene):
        order = await scene.submit(10)
        await scene.pass_time(1)
        fill = next(iter(scene.venue.account_truth.fills.values()))
        scene.hear(FeeReport(fill_id=fill.id, fee=fill.fee))
        await scene.pass_time(5)
        assert scene.order(order.id).fees == pytest.approx(0.05)
        assert scene.journaled(FeeBooked) == []
        await scene.finish()

    play(act, At(call="event.fill", do=HoldBackEvent(seconds=3)))


def test_f25_a_fee_that_is_never_reported_is_found_in_the_answers(play):
    async def act(scene):
        await scene.holding(10)
        scene.broker.link.mute(10)
        await scene.pass_time(45)
        (fee,) = scene.journaled(FeeBooked)
        assert fee.fee == 0.05
        await scene.finish()

    play(act, At(call="execution", do=LateFee(seconds=5)))


@pytest.mark.parametrize(
    ("quantity", "price"),
    [(1e-9, 100.0), (0.1, 0.0003), (3.0, 0.3333), (0.7, 47.11), (1e9, 0.0001), (100.0, 9e5)],
)
def test_f26_quantities_and_prices_of_any_size_are_booked_exactly(play, quantity, price):
    """Positions agree exactly, money to the cent."""

    async def act(scene):
        order = await scene.submit(quantity)
        await scene.pass_time(2)
        found = scene.order(order.id)
        assert (S.FILLED, quantity) == (found.status, found.filled_quantity)
        assert scene.believed() == quantity
        assert scene.engine.reconciler.differences == ()
        await scene.engine.safe.close_position("AAA")
        await scene.pass_time(2)
        assert "AAA" not in scene.book.ledger.positions
        await scene.finish()

    anything = dict.fromkeys(("max_order_shares", "max_position_shares"), 1e12)
    play(
        act,
        prices={"AAA": price},
        cash=1e9,
        rules={"fractional": True, "half_spread": 0.0, "fee": 0.0},
        market={"digits": 4, "assets": [Asset(symbol="AAA")]},
        limits={**anything, "max_daily_loss": 1e9},
    )


def test_f26_pieces_that_are_no_binary_fractions_sum_up_to_the_order(play):
    async def act(scene):
        order = await scene.working(1.0)
        for _ in range(10):
            scene.trade(order.id, 0.1, 90.0)
        await scene.pass_time(2)
        found = scene.order(order.id)
        assert (S.FILLED, 1.0) == (found.status, found.filled_quantity)
        assert scene.book.open == {}
        await scene.finish()

    terms = [Asset(symbol="AAA")]
    play(act, rules={"fractional": True}, market={"assets": terms})
