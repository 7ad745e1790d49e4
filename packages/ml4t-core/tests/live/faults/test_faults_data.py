"""Faults of the data: bars that are missing, late, doubled or wrong, halts, and the calendar."""

import math
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from ml4t.core import Session
from ml4t.core.orders import OrderStatus as S
from ml4t.core.venue_events import TradingHalt
from ml4t.live.config import Timing
from ml4t.live.events import OrderDenied, SessionBegan
from ml4t.live.testing import At, DayHours, weekday_sessions
from ml4t.live.testing.bar_faults import (
    DelayBar,
    DropBar,
    RepeatBar,
    ReverseBars,
    ScaleBar,
    SpoilBar,
    StampInFuture,
)
from ml4t.live.testing.stage import Scripted
from ml4t.live.testing.world_faults import HaltAsset

NEW_YORK = ZoneInfo("America/New_York")
FIRST = "bar.delivery"
MINUTE = 60.0


async def no_risk_in(scene, asset, control):
    """No new risk in an asset, and which control says so; another asset is not touched."""
    assert (await scene.submit(1, asset)).status is S.REJECTED
    assert scene.journaled(OrderDenied)[-1].control == control
    assert (await scene.submit(1, "BBB")).status is not S.REJECTED


def test_f38_a_gap_in_the_bars_is_told_and_waits_for_nobody(play):
    """The strategy sees the other assets in time."""

    async def act(scene):
        await scene.pass_time(4.5 * MINUTE)
        assert scene.strategy.bars == 1
        assert "no bar at 2024-03-04T14:40:00+00:00 of AAA" in scene.told("bars")[0]
        assert scene.state == "ACTIVE"
        await scene.pass_time(5 * MINUTE)
        assert scene.strategy.bars == 2
        await scene.finish()

    play(act, At(call=FIRST, number=1, do=DropBar()))


def test_f38_an_asset_without_bars_gets_no_new_risk_after_two_and_a_half(play):
    """Control 16, and the rest goes on (R10)."""

    async def act(scene):
        await scene.pass_time(11.6 * MINUTE)
        await no_risk_in(scene, "AAA", 16)
        assert scene.state == "ACTIVE"
        await scene.pass_time(5 * MINUTE)
        assert (await scene.submit(1, "AAA")).status is not S.REJECTED
        await scene.finish()

    play(act, *[At(call=FIRST, number=n, do=DropBar()) for n in (1, 4)])


def test_f38_a_late_bar_is_not_shown_and_quarantines_its_asset(play):
    async def act(scene):
        await scene.pass_time(5 * MINUTE)
        assert scene.strategy.bars == 1
        assert "handed over before it came" in scene.engine.bars.quarantine.quarantined["AAA"]
        assert "AAA is quarantined" in scene.told("bars")[1]
        await no_risk_in(scene, "AAA", 17)
        await scene.pass_time(15 * MINUTE)
        assert scene.told("bars")[-1] == "the bars of AAA are believed again"
        assert (await scene.submit(1, "AAA")).status is not S.REJECTED
        await scene.finish()

    play(act, At(call=FIRST, number=1, do=DelayBar(seconds=20)))


def test_f38_a_repeated_bar_is_shown_once(play):
    async def act(scene):
        await scene.pass_time(10 * MINUTE)
        assert scene.strategy.bars == 2
        assert dict(scene.engine.bars.quarantine.quarantined) == {}
        assert (await scene.submit(1, "AAA")).status is not S.REJECTED
        await scene.finish()

    play(act, At(call=FIRST, number=1, do=RepeatBar(seconds=100)))


def test_f38_bars_in_the_wrong_order_quarantine_their_asset(play):
    """Time never goes back for the strategy."""

    async def act(scene):
        await scene.pass_time(10 * MINUTE)
        assert scene.strategy.bars == 2
        assert set(scene.engine.bars.quarantine.quarantined) == {"AAA"}
        await no_risk_in(scene, "AAA", 17)
        await scene.pass_time(20 * MINUTE)
        assert dict(scene.engine.bars.quarantine.quarantined) == {}
        await scene.finish()

    play(act, At(call=FIRST, number=1, do=ReverseBars()))


def test_f38_a_bar_of_the_future_is_not_believed(play):
    async def act(scene):
        await scene.pass_time(5 * MINUTE)
        assert "more than 2 s ahead" in scene.engine.bars.quarantine.quarantined["AAA"]
        assert scene.strategy.bars == 1
        await no_risk_in(scene, "AAA", 17)
        await scene.finish()

    play(act, At(call=FIRST, number=1, do=StampInFuture(seconds=3600)))


@pytest.mark.parametrize(
    "fault",
    [
        *(SpoilBar(field="close", value=value) for value in (math.nan, 0.0, -1.0, math.inf)),
        SpoilBar(field="high", value=1.0),
        ScaleBar(factor=100.0),
        ScaleBar(factor=0.5),
    ],
    ids=["nan", "zero", "negative", "infinite", "high below low", "spike", "split"],
)
def test_f39_a_bar_that_cannot_be_is_never_shown_and_stops_new_risk(play, fault):
    """Positions keep their last believed price, so that no loss is invented either."""
    seen = []

    def look(step):
        if "AAA" in step.data:
            seen.append(dict(step.data["AAA"]))

    async def act(scene):
        await scene.holding(50, "AAA")
        await scene.pass_time(5 * MINUTE)
        assert set(scene.engine.bars.quarantine.quarantined) == {"AAA"}
        assert scene.engine.bars.last_bars["AAA"].close == 100.0
        await no_risk_in(scene, "AAA", 17)
        assert scene.state == "ACTIVE"
        closing = await scene.engine.safe.close_position("AAA")
        await scene.pass_time(1)
        assert scene.order(closing.id).status is S.FILLED
        await scene.pass_time(20 * MINUTE)
        await scene.finish()

    play(act, At(call=FIRST, number=1, do=fault), strategy=lambda: Scripted(always=look))
    assert seen
    assert {100.0} == {bar[name] for bar in seen for name in ("open", "high", "low", "close")}


def test_f40_a_halted_asset_gets_no_new_orders_and_a_person_is_told(play):
    """Until the venue says that it trades again."""

    async def act(scene):
        scene.hear(TradingHalt(asset="AAA", is_halted=True, reason="news pending"))
        scene.broker.strike(HaltAsset(asset="AAA", seconds=600))
        await scene.pass_time(1)
        assert scene.told("halt") == ["AAA: news pending"]
        await no_risk_in(scene, "AAA", 22)
        await scene.pass_time(9 * MINUTE)
        assert scene.strategy.bars == 2
        await scene.pass_time(6 * MINUTE)
        scene.hear(TradingHalt(asset="AAA", is_halted=False))
        await scene.pass_time(5 * MINUTE)
        assert scene.told("halt")[-1] == "AAA: trades again"
        assert (await scene.submit(1, "AAA")).status is not S.REJECTED
        await scene.finish()

    play(act)


def test_f40_a_halt_that_nobody_reports_shows_by_its_missing_bars(play):
    """Control 16 (R10)."""

    async def act(scene):
        scene.broker.strike(HaltAsset(asset="AAA", seconds=3600))
        await scene.pass_time(12 * MINUTE)
        await no_risk_in(scene, "AAA", 16)
        assert any("of AAA" in message for message in scene.told("bars"))
        await scene.finish()

    play(act)


def test_f40_an_asset_that_the_venue_lists_no_more_is_refused_by_it(play):
    """The refusal is an order's, not the account's: trading in others goes on."""

    async def act(scene):
        del scene.venue.desk.working["AAA"]
        order = await scene.submit(1, "AAA")
        assert (order.status, order.reason) == (S.REJECTED, "the venue does not list AAA")
        assert (await scene.submit(1, "BBB")).status is not S.REJECTED
        assert scene.state == "ACTIVE"
        scene.venue.desk.working["AAA"] = {}
        await scene.finish()

    play(act)


def local_times(play, sessions, seconds):
    """When the strategy was shown bars in New York, and when sessions began in the journal."""
    local = []

    def look(step):
        local.append(step.data.timestamp.astimezone(NEW_YORK).strftime("%d %H:%M"))

    async def act(scene):
        await scene.pass_time(seconds)
        assert scene.state == "ACTIVE"
        return [each.label for each in scene.journaled(SessionBegan)]

    began = play(
        act,
        strategy=lambda: Scripted(always=look),
        sessions=sessions,
        bar_size=timedelta(hours=1),
        early=timedelta(minutes=1),
        timing=Timing(watch=60.0),
        limits={
            "bar_seconds": 3600.0,
            "reconcile_seconds": 600.0,
            "max_account_age_seconds": 3000.0,
            "disconnect_seconds": 900.0,
        },
    )
    return local, began


def test_f41_bars_come_at_the_local_time_on_both_sides_of_a_change_of_the_clocks(play):
    """New York sets its clocks forth on 10 March 2024: the next day begins an hour sooner in UTC.
    The 12th is a holiday and the 13th ends at one."""
    half, closed = {date(2024, 3, 13): time(13)}, {date(2024, 3, 12)}
    hours = DayHours(zone=NEW_YORK, holidays=closed, early_closes=half)
    sessions = weekday_sessions(date(2024, 3, 8), 3, hours)
    assert [14, 13, 13] == [session.opens.hour for session in sessions]

    seconds = (sessions[-1].closes - sessions[0].opens).total_seconds() + 120
    local, began = local_times(play, sessions, seconds)

    whole = ["10:30", "11:30", "12:30", "13:30", "14:30", "15:30", "16:00"]
    short = ["10:30", "11:30", "12:30", "13:00"]
    expected = [("08", whole), ("11", whole), ("13", short)]
    assert local == [f"{day} {at}" for day, hours in expected for at in hours]
    assert began == [session.label for session in sessions]


def test_f41_midnight_in_utc_is_no_new_day_for_a_session_across_it(play):
    """The day's loss goes on to count from the session's beginning."""
    opens = datetime(2024, 3, 4, 22, tzinfo=UTC)
    session = Session(label=date(2024, 3, 5), opens=opens, closes=opens + timedelta(hours=5))

    local, began = local_times(play, [session], 5 * 3600 + 120)

    assert local == [f"04 {hour}:00" for hour in (18, 19, 20, 21, 22)]
    assert began == [date(2024, 3, 5)]


def test_f41_nothing_is_sent_after_the_close(play):
    async def act(scene):
        await scene.pass_time(10 * MINUTE)
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        assert [22] == [event.control for event in scene.journaled(OrderDenied)]
        assert scene.sent == 0
        await scene.finish()

    opens = datetime(2024, 3, 4, 14, 30, tzinfo=UTC)
    short = Session(label=date(2024, 3, 4), opens=opens, closes=opens + timedelta(minutes=15))
    play(act, sessions=[short])
