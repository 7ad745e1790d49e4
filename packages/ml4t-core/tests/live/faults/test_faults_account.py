"""Faults of the account: what others did to it, and what the venue does."""

import pytest

from ml4t.core.orders import OrderStatus as S
from ml4t.live.events import BalanceAdopted, CashFlowBooked, DifferenceFound, EngineStarted
from ml4t.live.journal import mint
from ml4t.live.testing.true_orders import Owner
from ml4t.live.testing.world_faults import (
    LiquidatePositions,
    PayCash,
    PlaceForeignOrders,
    RestrictAccount,
    RevokeKey,
    SplitShares,
    TradeByHand,
)


def differences(scene):
    """What the journal says about differences."""
    return [(each.kind, each.subject, each.ours, each.theirs) for each in
            scene.journaled(DifferenceFound)]  # fmt: skip


def test_f53_a_position_that_nobody_knows_at_the_start_leaves_only_exits(play):
    """It is shown and never explained by a made-up trade; adopting it is a person's decision."""

    async def act(scene):
        await scene.stop()
        scene.venue.trade_by_hand("AAA", 7)
        await scene.pass_time(1)
        await scene.restart()
        await scene.pass_time(3)
        assert scene.causes == {"unreconciled": "REDUCING"}
        assert differences(scene) == [("position", "AAA", "0.0", "7.0")]
        assert scene.book.fills == {}
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        await scene.pass_time(120)
        assert scene.causes == {"unreconciled": "REDUCING"}
        await scene.engine.adopt("anna")
        assert (scene.believed(), scene.state) == (7.0, "ACTIVE")
        assert scene.journaled(BalanceAdopted)[-1].by == "anna"
        assert (await scene.submit(1, "BBB")).status is not S.REJECTED
        await scene.finish()

    play(act)


def test_f53_a_trade_by_hand_while_running_leaves_only_exits_within_a_minute(play):
    """(R3, R23)"""

    async def act(scene):
        await scene.holding(10)
        scene.broker.strike(TradeByHand(quantity=5.0, asset="AAA"))
        await scene.until(lambda: scene.causes == {"unreconciled": "REDUCING"}, within=60)
        assert differences(scene) == [("position", "AAA", "10.0", "15.0")]
        assert "is not ours" in scene.told("foreign fill")[0]
        assert "position AAA: ours 10.0, at the venue 15.0" in scene.told("unreconciled")[0]
        assert scene.believed() == 10.0
        await scene.engine.adopt("anna")
        assert (scene.believed(), scene.state) == (15.0, "ACTIVE")
        await scene.finish()

    play(act)


def test_f54_foreign_orders_are_shown_and_counted_and_left_alone(play):
    """They count towards every limit as our own do."""

    async def act(scene):
        scene.broker.strike(PlaceForeignOrders(count=3, quantity=300.0, distance=0.1))
        await scene.pass_time(40)
        worst = {a: scene.engine.account.risk.worst_case(a).long for a in ("AAA", "BBB", "CCC")}
        assert sum(worst.values()) == 900.0
        assert len(scene.told("foreign order")) == 3
        assert scene.state == "ACTIVE"
        await scene.pass_time(60)
        full = max(worst, key=lambda asset: worst[asset])
        orders = scene.venue.desk.orders
        assert {S.ACCEPTED} == {order.status for order in orders if order.owner is Owner.OTHER}
        if worst[full] >= 600:
            assert (await scene.submit(500, full)).status is S.REJECTED
        await scene.finish()

    play(act)


def test_f51_an_order_of_another_engine_on_the_account_halts_trading(play, request_for):
    """Its id looks like ours and is not in the journal (R4)."""

    async def act(scene):
        strange = mint("SIM-1", 12345, 1)
        scene.venue.submit(strange, request_for(1, "BBB", 45.0), Owner.OTHER)
        await scene.until(lambda: scene.causes == {"other engine": "HALTED!"}, within=35)
        assert strange in scene.told("other engine")[0]
        assert (await scene.submit(1)).status is S.REJECTED
        await scene.finish("HALTED")

    play(act)


@pytest.mark.parametrize("amount", [5_000.0, -5_000.0, 0.37, -12.5])
@pytest.mark.parametrize("is_told", [True, False], ids=["told", "not told"])
def test_f55_money_that_comes_or_goes_is_neither_profit_nor_loss(play, amount, is_told):
    """A twentieth of the account, five times the loss that a day may bring."""

    async def act(scene):
        await scene.holding(10)
        before = scene.cash
        if not is_told:
            scene.broker.link.mute(5)
        scene.broker.strike(PayCash(amount=amount, reason="dividend"))
        await scene.pass_time(90)
        assert scene.causes == {}
        assert scene.cash == pytest.approx(before + amount)
        (flow,) = scene.journaled(CashFlowBooked)
        assert flow.flow.amount == pytest.approx(amount)
        facts = scene.engine.account.risk.account
        assert facts.session_start == pytest.approx(100_000 + amount)
        assert facts.high_water == pytest.approx(100_000 + amount, abs=1.0)
        assert scene.state == "ACTIVE"
        await scene.finish()

    play(act, limits={"max_drawdown_pct": 2.0})


def test_f55_a_split_is_no_loss_and_is_taken_over_on_a_persons_word(play):
    async def act(scene):
        await scene.holding(100)
        scene.broker.strike(SplitShares(ratio=2.0, asset="AAA"))
        await scene.until(lambda: "unreconciled" in scene.causes, within=60)
        assert scene.causes == {"unreconciled": "REDUCING"}
        assert differences(scene) == [("position", "AAA", "100.0", "200.0")]
        await scene.engine.adopt("anna")
        await scene.pass_time(60)
        assert (scene.believed(), scene.state) == (200.0, "ACTIVE")
        await scene.finish()

    play(act)


def test_f55_a_split_that_nobody_adopts_is_no_loss_by_our_own_account_either(play):
    """The new price is believed after three bars, and what we hold by then is half of it."""

    async def act(scene):
        await scene.holding(100)
        scene.broker.strike(SplitShares(ratio=2.0, asset="AAA"))
        await scene.pass_time(1800)
        assert scene.engine.bars.last_bars["AAA"].close == 50.0
        assert scene.causes == {"unreconciled": "REDUCING"}
        await scene.engine.adopt("anna")
        await scene.pass_time(600)
        await scene.finish()

    play(act)


def test_f56_an_account_that_the_venue_restricts_is_halted(play):
    async def act(scene):
        await scene.holding(10)
        scene.broker.strike(RestrictAccount(reason="account suspended"))
        await scene.pass_time(1)
        assert scene.causes == {"account": "HALTED!"}
        assert scene.told("account") == ["account suspended"]
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        assert scene.sent == 1
        await scene.finish("HALTED")

    play(act)


def test_f56_positions_that_the_venue_closed_leave_no_phantoms(play):
    """What it did is shown as a difference; the restriction that goes with it halts."""

    async def act(scene):
        await scene.holding(10)
        scene.broker.strike(RestrictAccount(reason="liquidation only"))
        scene.broker.strike(LiquidatePositions())
        await scene.until(lambda: "unreconciled" in scene.causes, within=60)
        assert scene.causes == {"account": "HALTED!", "unreconciled": "REDUCING"}
        assert differences(scene) == [("position", "AAA", "10.0", "0.0")]
        await scene.engine.adopt("anna")
        assert scene.believed() == 0.0
        await scene.finish("HALTED")

    play(act)


def test_f57_a_revoked_key_halts_and_is_not_tried_again_and_again(play):
    """The venue is asked twice a minute at most until a person has seen to it."""

    async def act(scene):
        order = await scene.working()
        scene.broker.strike(RevokeKey())
        await scene.until(lambda: scene.causes.get("account") == "HALTED!", within=35)
        assert "401" in scene.told("account")[0]
        before = sum(scene.broker.faults.seen.values())
        await scene.pass_time(600)
        bars = 2 * 3 + 2
        assert sum(scene.broker.faults.seen.values()) - before <= 2 * 10 + bars
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        await scene.heal()
        scene.engine.rearm("anna", "a new key")
        await scene.pass_time(120)
        assert scene.state == "ACTIVE"
        await scene.engine.safe.cancel(order.id)
        await scene.finish()

    play(act)


def test_f57_a_key_revoked_while_an_order_is_sent_leaves_it_unknown(play):
    """(R16)"""

    async def act(scene):
        scene.broker.strike(RevokeKey())
        order = await scene.submit(10)
        assert (order.status, scene.causes["account"]) == (S.UNKNOWN, "HALTED!")
        assert (scene.sent, len(scene.arrived)) == (1, 0)
        await scene.heal()
        scene.engine.rearm("anna", "a new key")
        await scene.pass_time(120)
        assert scene.order(order.id).status is S.REJECTED
        await scene.finish()

    play(act)


def test_f52_looser_limits_wait_for_a_person(play, tighter):
    """They are in the journal of every start, and a looser one leaves only exits (R4)."""

    async def act(scene):
        await scene.holding(10)
        await scene.stop()
        scene.setting = tighter(scene.setting, max_order_shares=600.0, max_daily_loss=500.0)
        await scene.restart()
        await scene.pass_time(3)
        assert scene.causes == {"limits": "REDUCING!"}
        assert "max_order_shares" in scene.told("limits")[0]
        assert "max_daily_loss" not in scene.told("limits")[0]
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        first, second = scene.journaled(EngineStarted)
        assert (first.limits["max_order_shares"], second.limits["max_order_shares"]) == (
            "500.0",
            "600.0",
        )
        scene.engine.rearm("anna", "larger orders are wanted")
        await scene.finish()

    play(act)


def test_f52_tighter_limits_hold_at_once(play, tighter):
    async def act(scene):
        await scene.stop()
        scene.setting = tighter(scene.setting, max_order_shares=5.0)
        await scene.restart()
        await scene.pass_time(3)
        assert scene.causes == {}
        assert (await scene.submit(6)).status is S.REJECTED
        assert (await scene.submit(5)).status is not S.REJECTED
        await scene.finish()

    play(act)
