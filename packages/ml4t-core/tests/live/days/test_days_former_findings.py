"""What random days found once, so that it stays mended."""

import asyncio

import attrs
import pytest

from ml4t.core.order_requests import OrderType
from ml4t.core.risk import TradingState
from ml4t.live.events import BalanceAdopted, CauseRaised
from ml4t.live.supervision import Supervision, settled
from ml4t.live.testing import FaultPlan, VirtualClock, run
from ml4t.live.testing.days import play_days
from ml4t.live.testing.fault_plan import At
from ml4t.live.testing.scripted import Scripted, Step
from ml4t.live.testing.setting import Setting
from ml4t.live.testing.stage import Stage
from ml4t.live.testing.stream_faults import DropFill

LENGTH = 5
HOUR = 3600.0

FORMER = {
    "the journal stayed unwritable after a heartbeat had failed": 2,
    "a refusal for an old equity kept trading reduced": 3119,
    "a start without a disk": 156,
    "an execution was taken back unseen and the position taken over": 80,
    "work was put to a thread that had ended": 6,
    "bars were unsound while the wall clock was wrong": 93,
    "somebody else traded after a person had looked": 1941,
    "the disk failed while an engine began": 7,
    "an execution was lost while the wall clock was ahead": 3141,
    "a frozen connection broke once more": 3412,
}


@pytest.mark.parametrize("seed", FORMER.values(), ids=FORMER.keys())
def test_days_that_found_something_find_nothing(seed: int) -> None:
    assert () == play_days(seed, LENGTH).findings


def test_journal_is_tried_again_after_a_heartbeat_that_failed() -> None:
    async def play(clock: VirtualClock) -> tuple[str, ...]:
        async with Stage(Setting(), clock) as stage:
            await stage.pass_time(70)
            # With the halt itself written, nothing is left that would try the disk.
            stage.disk.fail(0.4)
            with_halt = CauseRaised(
                name="journal", state=TradingState.HALTED, reason="full", latched=True
            )
            stage.engine.account.note(with_halt)
            await stage.pass_time(10)
            stage.disk.fail(3.0)
            await stage.pass_time(20)
            return stage.engine.rearm("operator", "there is room again")

    assert ("journal",) == run(play, Setting().begins)


def test_executions_are_looked_for_in_the_venues_time() -> None:
    def rest(step: Step) -> None:
        limit = round(step.price("AAA") * 0.99, 2)
        step.broker.submit_order("AAA", 10, order_type=OrderType.LIMIT, limit_price=limit)

    plan = FaultPlan(script=[At(call="event.fill", do=DropFill())])
    setting = Setting(strategy=lambda: Scripted({1: rest}), plan=plan)

    async def play(clock: VirtualClock) -> list[str]:
        async with Stage(setting, clock) as stage:
            await stage.until(lambda: stage.book.open, within=90)
            clock.jump_wall(HOUR)
            await stage.pass_time(70)
            stage.venue.market.move("AAA", 0.98)
            await stage.until(lambda: stage.held("AAA") == 10, within=200)
            await stage.pass_time(70)
            return sorted(stage.book.fills)

    assert [] == [fill for fill in run(play, setting.begins) if fill.startswith("gap")]


def test_balance_is_taken_over_at_the_venues_time() -> None:
    setting = attrs.evolve(Setting(), adopt=True)

    async def play(clock: VirtualClock) -> float:
        clock.jump_wall(HOUR)
        async with Stage(setting, clock) as stage:
            await stage.pass_time(10)
            (adopted,) = stage.journaled(BalanceAdopted)
            return (stage.venue.clock.now() - adopted.since).total_seconds()

    assert 0 < run(play, setting.begins) < 30


async def test_work_that_was_given_up_complains_to_nobody() -> None:
    complaints: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))

    async def fail() -> None:
        await asyncio.sleep(0.01)
        msg = "too late"
        raise OSError(msg)

    waiting = asyncio.ensure_future(settled([asyncio.ensure_future(fail())], 10.0))
    parts = Supervision(lambda reason: None)
    running = asyncio.ensure_future(parts.unless_stopped("the start", fail()))
    await asyncio.sleep(0)
    waiting.cancel()
    running.cancel()
    await asyncio.sleep(0.05)

    assert [] == complaints
