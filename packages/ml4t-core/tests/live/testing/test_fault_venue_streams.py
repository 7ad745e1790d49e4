"""Tests of the faults of reports and of trades, and of those that strike the whole world."""

import asyncio
from datetime import timedelta

import pytest

from ml4t.core.errors import VenueRefusedError, VenueUnavailableError
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.venue_events import (
    AccountRestriction,
    CashFlow,
    ConnectionChange,
    FeeReport,
    FillBust,
)
from ml4t.live.testing import After, At, VenueRules
from ml4t.live.testing.execution_faults import (
    CorrectFill,
    EndRest,
    FillAfterCancel,
    LateFee,
    Overfill,
    ReplaceByCopy,
    TakeFillBack,
)
from ml4t.live.testing.stream_faults import (
    BreakAfterEvent,
    DropFill,
    DropStatus,
    HoldBackEvent,
    RepeatEvent,
)
from ml4t.live.testing.world_faults import (
    FloodReports,
    FreezeLink,
    GoDown,
    HaltAsset,
    LiquidatePositions,
    MuteStream,
    PayCash,
    PlaceForeignOrders,
    ReconnectStorm,
    RestrictAccount,
    RevokeKey,
    SkewVenueClock,
    SplitShares,
    TradeByHand,
)

WHOLE = VenueRules(whole=1.0)


async def _buy_and_wait(stage):
    """What is reported of an order that fills at once."""
    await stage.buy()
    await asyncio.sleep(120)
    return stage.reported()


def _kinds(events) -> list[str]:
    return [event.status.name if isinstance(event, Order) else type(event).__name__
            for event in events]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "kinds"),
    [
        ([], ["ACCEPTED", "Fill", "FILLED"]),
        ([At(call="event.fill", do=DropFill())], ["ACCEPTED", "FILLED"]),
        ([At(call="event.order", do=DropStatus())], ["Fill", "FILLED"]),
        ([At(call="event.fill", do=RepeatEvent(seconds=60))],
         ["ACCEPTED", "Fill", "FILLED", "Fill"]),
        ([At(call="event.order", do=HoldBackEvent(seconds=60))], ["Fill", "FILLED", "ACCEPTED"]),
        ([At(call="event.fill", do=HoldBackEvent(seconds=60))], ["ACCEPTED", "FILLED", "Fill"]),
        ([At(call="event.fill", do=BreakAfterEvent(seconds=60))],
         ["ACCEPTED", "Fill", "ConnectionChange", "ConnectionChange"]),
        ([At(call="execution", do=LateFee(seconds=5))],
         ["ACCEPTED", "Fill", "FILLED", "FeeReport"]),
        ([At(call="execution", do=TakeFillBack(seconds=5))],
         ["ACCEPTED", "Fill", "FILLED", "FillBust"]),
        ([At(call="execution", do=CorrectFill(seconds=5))],
         ["ACCEPTED", "Fill", "FILLED", "FillBust", "Fill", "FILLED"]),
        ([At(call="execution", do=FillAfterCancel())],
         ["ACCEPTED", "CANCELLED", "Fill", "FILLED"]),
    ],
)  # fmt: skip
def test_what_is_reported(play, script, kinds) -> None:
    assert kinds == _kinds(play(_buy_and_wait, *script, rules=WHOLE))


def test_an_overfill_is_more_than_was_asked_for(play) -> None:
    async def scene(stage):
        await stage.buy()
        await asyncio.sleep(60)
        return stage.venue.account_truth.held["A"], stage.venue.watch.check()

    assert (13.0, []) == play(scene, At(call="execution", do=Overfill(excess=3)), rules=WHOLE)


def test_a_fill_that_is_taken_back_leaves_nothing(play) -> None:
    async def scene(stage):
        await stage.buy()
        await asyncio.sleep(60)
        venue = stage.venue
        return venue.account_truth.held["A"], venue.snapshot().cash, venue.find_order("m1")

    held, cash, order = play(scene, At(call="execution", do=TakeFillBack(seconds=5)), rules=WHOLE)
    assert (held, order.filled_quantity) == (0.0, 0.0)
    assert cash == pytest.approx(100_000, abs=1e-6)


def test_a_corrected_fill_has_another_id_and_price(play) -> None:
    events = play(
        _buy_and_wait, At(call="execution", do=CorrectFill(seconds=5, change=0.5)), rules=WHOLE
    )
    old, new = (event for event in events if isinstance(event, Fill))
    assert FillBust(fill_id=old.id, reason="trade was taken back") in events
    assert (new.id, new.timestamp) == (f"{old.id}.1", old.timestamp)
    assert new.price == pytest.approx(old.price + 0.5)


def test_a_late_fee_is_charged_when_it_is_reported(play) -> None:
    async def scene(stage):
        await stage.buy()
        await asyncio.sleep(4)
        before = stage.venue.account_truth.cash
        await asyncio.sleep(10)
        (fill,) = await stage.broker.fills_since(stage.venue.origin)
        return before - stage.venue.account_truth.cash, fill.fee, stage.reported()

    charged, fee, events = play(scene, At(call="execution", do=LateFee(seconds=8)), rules=WHOLE)
    assert charged == pytest.approx(fee)
    assert FeeReport(fill_id="x1", fee=fee) in events
    assert fee > 0


def test_the_rest_of_an_order_can_be_ended(play) -> None:
    async def scene(stage):
        await stage.buy(100)
        await asyncio.sleep(60)
        return stage.venue.find_order("m1")

    fault = At(call="execution", do=EndRest(status=OrderStatus.EXPIRED))
    order = play(scene, fault, rules=VenueRules(whole=0.0))
    assert order.status is OrderStatus.EXPIRED
    assert 0 < order.filled_quantity < 100


def test_a_change_can_leave_two_orders_under_one_reference(play) -> None:
    async def scene(stage):
        await stage.broker.submit("m1", _resting(10))
        await stage.broker.replace("m1", _resting(12))
        working = await stage.broker.open_orders()
        await stage.broker.cancel("m1")
        await asyncio.sleep(5)
        return [order.quantity for order in working], await stage.broker.open_orders()

    assert ([10, 12], []) == play(scene, At(call="replacement", do=ReplaceByCopy()))


def _resting(quantity: float) -> OrderRequest:
    return OrderRequest(
        asset="A",
        side=OrderSide.BUY,
        quantity=quantity,
        order_type=OrderType.LIMIT,
        limit_price=1.0,
    )


def _struck(fault) -> After:
    return After(seconds=10, do=fault)


def test_what_happens_while_the_session_is_down_is_never_reported(play) -> None:
    async def scene(stage):
        await asyncio.sleep(9)
        call = asyncio.create_task(stage.buy())
        await asyncio.sleep(60)
        await call
        return _kinds(stage.reported()), stage.venue.account_truth.held["A"]

    script = [_struck(GoDown(seconds=30)), At(call="event.fill", do=HoldBackEvent(seconds=5))]
    kinds, held = play(scene, *script, rules=WHOLE)
    assert (["ACCEPTED", "FILLED", "ConnectionChange", "ConnectionChange"], 10) == (kinds, held)


def test_a_mute_stream_answers_calls(play) -> None:
    async def scene(stage):
        await asyncio.sleep(11)
        await stage.buy()
        await asyncio.sleep(30)
        lost = _kinds(stage.broker.link.lost)
        return _kinds(stage.reported()), lost

    assert ([], ["ACCEPTED", "Fill", "FILLED"]) == play(
        scene, _struck(MuteStream(seconds=60)), rules=WHOLE
    )


def test_a_frozen_session_answers_nothing_and_breaks_in_the_end(play) -> None:
    async def scene(stage):
        await asyncio.sleep(11)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stage.broker.account(), 5)
        await asyncio.sleep(60)
        await stage.broker.account()
        return stage.reported()

    assert [
        ConnectionChange(is_up=False, reason="the socket was dead"),
        ConnectionChange(is_up=True, reason="connected again"),
    ] == play(scene, _struck(FreezeLink(seconds=30)))


def test_a_reconnect_storm_breaks_again_and_again(play) -> None:
    async def scene(stage):
        await asyncio.sleep(60)
        return [event.is_up for event in stage.reported()]

    assert [False, True] * 3 == play(scene, _struck(ReconnectStorm(times=3)))


def test_a_restricted_account_takes_no_order(play) -> None:
    async def scene(stage):
        await asyncio.sleep(11)
        order = await stage.buy()
        stage.venue.lift_restriction()
        later = await stage.buy(1, "m2")
        return stage.reported()[0], order.status, later.status

    assert (
        AccountRestriction(reason="account suspended"), OrderStatus.REJECTED, OrderStatus.ACCEPTED,
    ) == play(scene, _struck(RestrictAccount()))  # fmt: skip


def test_the_venue_can_close_positions(play) -> None:
    async def scene(stage):
        await stage.buy()
        await asyncio.sleep(120)
        return stage.venue.account_truth.held["A"], stage.venue.desk.orders[-1].id

    held, name = play(scene, _struck(LiquidatePositions()))
    assert (held, name.partition("-")[0]) == (0.0, "liquidation")


def test_a_revoked_key_is_refused_until_healed(play) -> None:
    async def scene(stage):
        await asyncio.sleep(11)
        with pytest.raises(VenueRefusedError):
            await stage.buy()
        stage.broker.heal()
        return (await stage.buy()).status

    assert play(scene, _struck(RevokeKey())) is OrderStatus.ACCEPTED


def test_the_clock_of_the_venue_can_be_wrong(play) -> None:
    async def scene(stage):
        await asyncio.sleep(11)
        return (await stage.broker.time()) - stage.clock.now()

    difference = play(scene, _struck(SkewVenueClock(seconds=-7)))
    assert timedelta(seconds=-7.2) < difference < timedelta(seconds=-6.8)


def test_orders_of_others_are_seen(play) -> None:
    async def scene(stage):
        await asyncio.sleep(11)
        return await stage.broker.open_orders()

    orders = play(scene, _struck(PlaceForeignOrders(count=600)))
    assert len(orders) == len({order.id for order in orders}) == 600


def test_a_trade_by_hand_is_reported_under_a_foreign_id(play) -> None:
    async def scene(stage):
        await asyncio.sleep(30)
        return [event.order_id for event in stage.reported() if isinstance(event, Fill)]

    assert ["hand-1"] == play(scene, _struck(TradeByHand(quantity=-5, asset="B")), rules=WHOLE)


def test_money_comes_without_a_trade(play) -> None:
    async def scene(stage):
        await asyncio.sleep(11)
        (flow,) = stage.reported()
        return flow, (await stage.broker.account()).cash

    flow, cash = play(scene, _struck(PayCash(amount=12.5, reason="interest")))
    assert isinstance(flow, CashFlow)
    assert (flow.amount, flow.reason, cash) == (12.5, "interest", 100_012.5)


def test_a_split_changes_units_and_price_and_nothing_else(play) -> None:
    async def scene(stage):
        venue = stage.venue
        await stage.buy()
        await stage.broker.submit("m2", _resting(1))
        await asyncio.sleep(5)
        before = (await stage.broker.account()).equity
        stage.broker.strike(SplitShares(asset="A"))
        after = await stage.broker.account()
        return before - after.equity, after.positions["A"], venue.find_order("m2").status

    lost, position, status = play(scene)
    assert abs(lost) < 0.5
    assert position.quantity == 20
    assert 40 < position.average_price < 60
    assert status is OrderStatus.CANCELLED


def test_a_halted_asset_does_not_trade(play) -> None:
    async def scene(stage):
        await asyncio.sleep(11)
        await stage.buy()
        await asyncio.sleep(60)
        before = stage.venue.find_order("m1").status
        await asyncio.sleep(3_600)
        return before, stage.venue.find_order("m1").status

    assert (OrderStatus.ACCEPTED, OrderStatus.FILLED) == play(
        scene, _struck(HaltAsset(seconds=600, asset="A"))
    )


def test_a_flood_repeats_what_is_known(play) -> None:
    async def scene(stage):
        await stage.buy()
        await asyncio.sleep(5)
        stage.reported()
        await asyncio.sleep(30)
        events = stage.reported()
        return len(events), {event.status for event in events}

    assert (500, {OrderStatus.FILLED}) == play(scene, _struck(FloodReports(count=500)))


def test_healing_ends_what_is_wrong_now(play) -> None:
    async def scene(stage):
        await asyncio.sleep(11)
        with pytest.raises(VenueUnavailableError):
            await stage.broker.account()
        stage.broker.heal()
        await stage.broker.account()
        await asyncio.sleep(10_000)
        return [event.is_up for event in stage.reported() if isinstance(event, ConnectionChange)]

    assert [False, True] == play(scene, _struck(GoDown(seconds=9_000)))


def test_the_stream_is_read_through_the_contract(play) -> None:
    async def scene(stage):
        await stage.buy()
        async for event in stage.broker.events():
            if isinstance(event, Order) and not event.is_open:
                return event.status
        return None

    assert play(scene) is OrderStatus.FILLED
