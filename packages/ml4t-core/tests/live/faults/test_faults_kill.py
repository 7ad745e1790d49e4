"""The kill switch while something else goes wrong: it cancels everything, and nothing leaves."""

import math

import pytest

from ml4t.core.orders import OrderStatus as S
from ml4t.core.venue_events import TradingHalt
from ml4t.live.events import CauseRaised, IntentRecorded
from ml4t.live.testing import At
from ml4t.live.testing.bar_faults import DelayBar, DropBar, MuteFeed, ScaleBar, SpoilBar
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
    TooManyRequests,
)
from ml4t.live.testing.execution_faults import (
    CorrectFill,
    EndRest,
    FillAfterCancel,
    LateFee,
    Overfill,
    RefuseOrder,
    ReplaceByCopy,
    TakeFillBack,
)
from ml4t.live.testing.stage import Scripted
from ml4t.live.testing.stream_faults import (
    BreakAfterEvent,
    DropFill,
    DropStatus,
    HoldBackEvent,
    RepeatEvent,
)
from ml4t.live.testing.world_faults import (
    FloodReports,
    HaltAsset,
    LiquidatePositions,
    MuteStream,
    PayCash,
    PlaceForeignOrders,
    RestrictAccount,
    SkewVenueClock,
    SplitShares,
    TradeByHand,
)

THIRD = 3
"""The order that a fault of the submit path hits: two others work by then."""


def at(call, do, number=1):
    return [At(call=call, do=do, number=number)]


def strike(fault):
    async def act(scene):
        scene.broker.strike(fault)
        await scene.pass_time(1)

    return act


async def nothing(scene):
    """The script does it."""


async def submit(scene):
    """Send one more order, and do not wait for its answer."""
    scene.beside(scene.submit(5, "CCC", 18.0))
    await scene.pass_time(0.3)


async def buy(scene):
    """Send an order that fills."""
    scene.beside(scene.submit(5, "CCC"))
    await scene.pass_time(0.5)


async def change(scene):
    """Change an order that works."""
    order_id = next(iter(scene.book.open))
    scene.beside(scene.engine.safe.replace(order_id, limit_price=91.0))
    await scene.pass_time(0.3)


async def cancel_twice(scene):
    order_id = next(iter(scene.book.open))
    for _ in range(2):
        scene.beside(scene.engine.safe.cancel(order_id))


async def fill_pieces(scene):
    """Let the first order trade in pieces."""
    order_id = next(iter(scene.book.open))
    for _ in range(3):
        scene.trade(order_id, 1, 90.0)
    await scene.pass_time(0.3)


async def to_the_bar(scene):
    await scene.pass_time(245)


async def halt_asset(scene):
    scene.hear(TradingHalt(asset="AAA", is_halted=True, reason="news"))
    await scene.pass_time(0.5)


async def revoke_and_heal_soon(scene):
    """The key is wrong for a second."""
    scene.venue.is_key_valid = False
    scene.venue.agenda.after(1.0, lambda: setattr(scene.venue, "is_key_valid", True))


async def fill_up_the_disk(scene):
    scene.disk.fail(math.inf)


async def jump_the_clock(scene):
    scene.clock.jump_wall(3600)
    await scene.pass_time(4)


async def hold_up_the_loop(scene):
    scene.clock.block(30)


async def hang(scene):
    """The strategy computes for ever."""
    scene.beside(scene.thread.run(lambda: scene.thread.pass_time(1e6)))
    await scene.pass_time(1)


def fail(step):
    msg = "no"
    raise ValueError(msg)


async def many_orders(scene):
    for number in range(60):
        order = await scene.submit(1, "BBB", 45.0 - number / 100)
        assert order.status is S.ACCEPTED


async def down_for_a_moment(scene):
    scene.broker.link.down(1.5)
    await scene.pass_time(0.2)


NEVER_DONE, NEVER_HEARD = NeverAnswer(is_done=False), NeverAnswer(is_done=True)

SCENARIOS = {
    "F01": (at("submit", DropRequest(seconds=1), THIRD), submit),
    "F02": (at("submit", LoseAnswer(seconds=1), THIRD), submit),
    "F03": (at("submit", FailAfterDone(), THIRD), submit),
    "F04": (at("submit", FailBeforeDone(), THIRD), submit),
    "F05": (at("submit", TooManyRequests(seconds=1), THIRD), submit),
    "F07": (at("submit", NEVER_HEARD, THIRD), submit),
    "F08": (at("submit", NEVER_DONE, THIRD), submit),
    "F09": (at("submit", FailAfterDone(text="<html>"), THIRD), submit),
    "F10": (at("acceptance", RefuseOrder(), THIRD), submit),
    "F13": (at("submit", DelayAnswer(seconds=8), THIRD), submit),
    "F14": (at("replacement", ReplaceByCopy()), change),
    "F15": (at("event.fill", RepeatEvent(seconds=1)), fill_pieces),
    "F16": (at("execution", CorrectFill(seconds=1)), buy),
    "F17": (at("event.order", HoldBackEvent(seconds=3), THIRD), buy),
    "F18": (at("event.order", HoldBackEvent(seconds=1), THIRD), fill_pieces),
    "F19": (at("event.order", DropStatus(), THIRD), buy),
    "F20": (at("execution", FillAfterCancel()), buy),
    "F21": (at("execution", EndRest()), buy),
    "F22": (at("execution", Overfill()), buy),
    "F23": (at("execution", TakeFillBack(seconds=1)), buy),
    "F24": (at("event.fill", DropFill()), fill_pieces),
    "F25": (at("execution", LateFee()), buy),
    "F27": (at("event.fill", BreakAfterEvent(seconds=1)), fill_pieces),
    "F28": ([], strike(MuteStream(seconds=60))),
    "F28 data": (at("bar.delivery", MuteFeed(seconds=900)), to_the_bar),
    "F30": ([], down_for_a_moment),
    "F31": (at("event.fill", BreakAfterEvent(seconds=1), 2), fill_pieces),
    "F34": (at("account", LagRead(seconds=5), 2), nothing),
    "F36": ([], strike(FloodReports(count=10_000))),
    "F37": (at("open_orders", InterruptPages(), 2), many_orders),
    "F38": (at("bar.delivery", DropBar()), to_the_bar),
    "F38 late": (at("bar.delivery", DelayBar(seconds=30)), to_the_bar),
    "F39": (at("bar.delivery", SpoilBar()), to_the_bar),
    "F39 spike": (at("bar.delivery", ScaleBar(factor=100.0)), to_the_bar),
    "F40": ([], halt_asset),
    "F40 unreported": ([], strike(HaltAsset(asset="AAA", seconds=600))),
    "F42": ([], jump_the_clock),
    "F42 skew": ([], strike(SkewVenueClock(seconds=5))),
    "F45": ([], fill_up_the_disk),
    "F49": ([], hold_up_the_loop),
    "F53": ([], strike(TradeByHand(quantity=5.0, asset="AAA"))),
    "F54": ([], strike(PlaceForeignOrders(count=5, distance=0.1))),
    "F55": ([], strike(PayCash(amount=-5_000.0))),
    "F55 split": ([], strike(SplitShares(asset="AAA", ratio=2.0))),
    "F56": ([], strike(RestrictAccount())),
    "F56 closed": ([], strike(LiquidatePositions())),
    "F57": ([], revoke_and_heal_soon),
    "F58 hangs": ([], hang),
    "F58 raises": ([], to_the_bar),
    "F59": ([], cancel_twice),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_f60_the_kill_switch_works_whatever_else_goes_wrong(play, tmp_path, name):
    """All that works is cancelled within five seconds, and nothing new is sent (R6)."""
    script, happen = SCENARIOS[name]
    bars = {1: fail} if name == "F58 raises" else {}

    async def act(scene):
        await scene.working(10)
        await scene.working(10, "BBB")
        await happen(scene)
        sent, intents = scene.sent, len(scene.journaled(IntentRecorded))
        began = scene.clock.monotonic()
        scene.beside(scene.engine.kill("stop it", "anna"))
        await scene.pass_time(0)
        assert scene.state == "HALTED"
        assert (tmp_path / "KILL").read_text() == "stop it (anna)"
        await scene.until(lambda: not own_working(scene), within=5.0)
        assert scene.clock.monotonic() - began <= 5.0
        refused = await scene.submit(1, "CCC")
        assert refused.status is S.REJECTED
        await scene.heal()
        await scene.pass_time(90)
        assert own_working(scene) == []
        assert scene.book.open == {}
        assert (scene.sent, len(scene.journaled(IntentRecorded))) == (sent, intents)
        assert "HALTED!" in scene.causes["kill"]
        kills = [each for each in scene.journaled(CauseRaised) if each.name == "kill"]
        assert [each.reason for each in kills] == ["stop it (anna)"]
        assert scene.told("kill")
        assert [f for f in await scene.rest() if not is_expected(name, f)] == []
        assert scene.state == "HALTED"

    many = {"max_working_orders_per_side": 100.0}
    play(act, *script, folder=tmp_path, limits=many, strategy=lambda: Scripted(bars))


def own_working(scene):
    """What of the engine's works at the venue."""
    return [order for order in scene.arrived if order.is_working]


def is_expected(name, finding):
    """What others did to the account stays a difference until a person has looked at it, and who
    hangs is told nothing.
    """
    if name == "F58 hangs":
        return finding.startswith("I12")
    by_others = name in {"F53", "F55 split", "F56 closed"}
    return by_others and finding.startswith(("I3", "I9"))


def test_f60_a_kill_file_alone_is_enough(play, tmp_path):
    """Any program and any person can make it (R2)."""

    async def act(scene):
        await scene.working(10)
        (tmp_path / "KILL").write_text("the desk says stop")
        await scene.until(lambda: not own_working(scene), within=5.0)
        assert scene.causes["kill"] == "HALTED!"
        assert "the desk says stop" in scene.book.causes["kill"].reason
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        await scene.finish("HALTED")

    play(act, folder=tmp_path)


def test_f60_an_order_that_surfaces_after_the_kill_is_cancelled_then(play, tmp_path):
    """It was on its way when the switch was pulled (R18)."""

    async def act(scene):
        await submit(scene)
        await scene.engine.kill("stop it", "anna")
        await scene.pass_time(30)
        assert (len(scene.arrived), own_working(scene), scene.book.open) == (1, [], {})
        await scene.finish("HALTED")

    play(act, At(call="submit", do=ArriveLate(seconds=8)), folder=tmp_path)
