"""Tests of :mod:`ml4t.live.testing.fault_feed` and :mod:`ml4t.live.testing.bar_faults`."""

import asyncio

import pytest

from ml4t.core.bars import Bar
from ml4t.core.raw_bars import RawBar
from ml4t.live.testing import At
from ml4t.live.testing.bar_faults import (
    DelayBar,
    DropBar,
    MuteFeed,
    RepeatBar,
    ReverseBars,
    ScaleBar,
    SpoilBar,
    StampInFuture,
)


async def _three_bars(stage) -> list[Bar]:
    """What has arrived of asset A two hours after the opening; three bars if nothing goes wrong."""
    await stage.feed.subscribe(["A"])
    await asyncio.sleep(90 * 60)
    await stage.feed.close()
    return [bar async for bar in stage.feed.bars()]


def _minutes(bars: list[Bar]) -> list[int]:
    return [(bar.timestamp.hour - 9) * 60 + bar.timestamp.minute - 30 for bar in bars]


@pytest.mark.parametrize(
    ("fault", "minutes"),
    [
        (None, [30, 60, 90]),
        (DropBar(), [60, 90]),
        (DelayBar(seconds=2_000), [60, 30, 90]),
        (RepeatBar(), [30, 30, 60, 90]),
        (RepeatBar(seconds=2_000), [30, 60, 30, 90]),
        (ReverseBars(), [60, 30, 90]),
        (StampInFuture(seconds=600), [40, 60, 90]),
        (MuteFeed(seconds=2_000), [90]),
    ],
)
def test_which_bars_arrive_in_which_order(play, fault, minutes) -> None:
    script = [] if fault is None else [At(call="bar.delivery", do=fault)]
    assert minutes == _minutes(play(_three_bars, *script))


def test_prices_can_be_wrong_by_a_factor(play) -> None:
    right = play(_three_bars)
    wrong = play(_three_bars, At(call="bar.delivery", number=2, do=ScaleBar(factor=100)))
    assert wrong[0] == right[0]
    assert wrong[1].close == right[1].close * 100


def test_what_is_no_bar_comes_as_it_is(play) -> None:
    spoil = At(call="bar.delivery", number=2, do=SpoilBar(field="high", value=-1.0))
    first, second, third = play(_three_bars, spoil)
    assert [Bar, RawBar, Bar] == [type(bar) for bar in (first, second, third)]
    assert (second.asset, second.high) == ("A", -1.0)
    assert second.low > second.high


def test_history_ends_before_what_is_to_come(play) -> None:
    async def scene(stage):
        before = await stage.feed.history("A", 5)
        await asyncio.sleep(60 * 60)
        return before, await stage.feed.history("A", 5)

    before, after = play(scene)
    assert (len(before), _minutes(list(after))) == (0, [30, 60])


def test_a_halted_asset_has_no_bars(play) -> None:
    async def scene(stage):
        await asyncio.sleep(30 * 60)
        stage.venue.market.halt("A", 3_600)
        return await _three_bars(stage)

    assert [120] == _minutes(play(scene))


def test_what_was_lost_is_known_and_healing_ends_it(play) -> None:
    async def scene(stage):
        await stage.feed.subscribe(["A"])
        await asyncio.sleep(60 * 60)
        lost = len(stage.feed.line.lost)
        stage.feed.line.heal()
        await asyncio.sleep(30 * 60)
        return lost, stage.feed.line.bars.qsize()

    assert (2, 1) == play(scene, At(call="bar.delivery", do=MuteFeed(seconds=50_000)))
