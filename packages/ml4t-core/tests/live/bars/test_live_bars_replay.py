"""Known bars as a feed."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ml4t.core import Bar, InvalidValueError
from ml4t.core.feed import DataFeedProtocol
from ml4t.core.protocol import check_protocol
from ml4t.live.bars import ReplayFeed

START = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class HandClock:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Callable[[HandClock], list[float]]:
    """Makes waiting move a clock; the waits, in seconds."""

    def install(clock: HandClock) -> list[float]:
        asked: list[float] = []

        async def sleep(seconds: float) -> None:
            asked.append(seconds)
            clock.seconds += seconds

        monkeypatch.setattr(asyncio, "sleep", sleep)
        return asked

    return install


def bar(row: int, asset: str = "A") -> Bar:
    return Bar(timestamp=START + row * MINUTE, asset=asset, open=1, high=1, low=1, close=1)


async def play(feed: ReplayFeed, *assets: str) -> list[Bar]:
    await feed.subscribe(assets)
    return [one async for one in feed.bars()]


async def test_bars_are_played_by_time_and_then_by_asset() -> None:
    bars = {"B": [bar(1, "B"), bar(2, "B")], "A": [bar(1), bar(2)]}
    feed: DataFeedProtocol = ReplayFeed(bars, clock=HandClock())
    check_protocol(feed)
    assert isinstance(feed, ReplayFeed)

    expected = [bar(1), bar(1, "B"), bar(2), bar(2, "B")]
    assert expected == await play(feed, "A", "B")
    assert expected == await play(ReplayFeed(reversed(expected), clock=HandClock()), "A", "B")


async def test_only_what_is_subscribed_is_played() -> None:
    feed = ReplayFeed([bar(1), bar(1, "B"), bar(1, "C")], clock=HandClock())
    await feed.subscribe(["A"])

    assert [bar(1), bar(1, "B")] == await play(feed, "B")


async def test_the_warm_up_is_history_and_is_not_played() -> None:
    bars = [bar(row, asset) for row in range(5) for asset in "AB"]
    feed = ReplayFeed(bars, clock=HandClock(), warmup=3)

    assert [bar(1), bar(2)] == await feed.history("A", 2)
    assert [bar(0, "B"), bar(1, "B"), bar(2, "B")] == await feed.history("B", 9)
    assert [] == await feed.history("A", 0)
    assert [bar(3), bar(4)] == await play(feed, "A")


async def test_without_a_speed_nobody_waits(
    waits: Callable[[HandClock], list[float]],
) -> None:
    clock = HandClock()
    asked = waits(clock)
    await play(ReplayFeed([bar(1), bar(60)], clock=clock), "A")

    assert [0] == asked


async def test_a_speed_keeps_the_pace_of_the_market(
    waits: Callable[[HandClock], list[float]],
) -> None:
    clock = HandClock()
    asked = waits(clock)
    feed = ReplayFeed([bar(1), bar(1, "B"), bar(2), bar(4), bar(6)], clock=clock, speed=60)
    await feed.subscribe(["A", "B"])
    arrived = []
    async for _ in feed.bars():
        arrived.append(clock.seconds - 1_000)
        # The strategy takes its time, which is not added to the pace.
        clock.seconds += 0.25

    assert [0, 0.25, 1, 3, 5] == arrived
    assert [0.5, 1.75, 1.75] == asked


async def test_a_replay_that_is_late_does_not_wait(
    waits: Callable[[HandClock], list[float]],
) -> None:
    clock = HandClock()
    asked = waits(clock)
    feed = ReplayFeed([bar(1), bar(2)], clock=clock, speed=1)
    await feed.subscribe("A")
    async for _ in feed.bars():
        clock.seconds += 1_000

    assert [0] == asked


async def test_a_feed_that_is_closed_stops() -> None:
    feed = ReplayFeed([bar(1), bar(2)], clock=HandClock())
    await feed.subscribe(["A"])
    played = []
    async for one in feed.bars():
        played.append(one)
        await feed.close()

    assert [bar(1)] == played


async def test_a_feed_may_have_no_bars() -> None:
    assert [] == await play(ReplayFeed([], clock=HandClock()), "A")


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_is_positive(speed: float) -> None:
    with pytest.raises(InvalidValueError, match="speed"):
        ReplayFeed([], clock=HandClock(), speed=speed)


def test_a_warm_up_is_not_negative() -> None:
    with pytest.raises(InvalidValueError, match="warmup"):
        ReplayFeed([], clock=HandClock(), warmup=-1)
