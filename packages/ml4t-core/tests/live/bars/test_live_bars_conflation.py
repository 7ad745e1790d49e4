"""The hand-over to a strategy that is busy."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import Bar, InvalidValueError
from ml4t.live.bars import BarGroup, BarQueue

START = datetime(2024, 1, 2, 14, 31, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def group(row: int, assets: str = "A") -> BarGroup:
    """A group whose prices say which row it is."""
    when, price = START + row * MINUTE, float(row + 1)
    bars = {
        asset: Bar(timestamp=when, asset=asset, open=price, high=price, low=price, close=price)
        for asset in assets
    }
    return BarGroup(timestamp=when, bars=bars, missing=("M",))


async def drain(queue: BarQueue) -> list[BarGroup]:
    return [await queue.get() for _ in range(len(queue))]


async def test_groups_leave_in_the_order_in_which_they_came() -> None:
    queue = BarQueue(3)
    groups = [group(row) for row in range(3)]

    assert [0, 0, 0] == [queue.put(one) for one in groups]
    assert groups == await drain(queue)
    assert 0 == queue.conflated


async def test_of_a_full_queue_the_oldest_groups_are_folded() -> None:
    queue = BarQueue(2)
    assert [0, 0, 1, 1] == [queue.put(group(row)) for row in range(4)]

    folded, last = await drain(queue)
    assert (group(2).bars, (), 2) == (folded.bars, folded.carried, folded.conflated)
    assert group(3) == last
    assert 2 == queue.conflated


async def test_the_newest_bar_of_an_asset_that_is_missing_is_carried() -> None:
    queue = BarQueue(1)
    for one in (group(0, "ABC"), group(1, "BC"), group(2, "C"), group(3, "D")):
        queue.put(one)

    (folded,) = await drain(queue)
    assert ["D"] == list(folded.bars)
    assert [("A", 1), ("B", 2), ("C", 3)] == [(bar.asset, bar.close) for bar in folded.carried]
    assert (3, ("M",)) == (folded.conflated, folded.missing)


async def test_waiting_ends_when_a_group_comes() -> None:
    queue = BarQueue(1)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(group(0))

    assert group(0) == await waiting


async def test_a_wait_that_is_cancelled_takes_no_group() -> None:
    queue = BarQueue(1)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(group(0))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert group(0) == await queue.get()


async def test_a_strategy_that_blocks_does_not_fill_the_memory() -> None:
    """Three hundred thousand bars of thirty assets, and four groups stay."""
    assets = [f"A{n}" for n in range(30)]
    queue = BarQueue(4)
    for row in range(10_000):
        when = START + row * MINUTE
        one = Bar(timestamp=when, asset="A", open=1, high=1, low=1, close=1)
        queue.put(BarGroup(timestamp=when, bars={asset: one for asset in assets if row % 2}))

    groups = await drain(queue)
    assert 4 == len(groups)
    assert 9_996 == queue.conflated == groups[0].conflated


def test_a_queue_has_room() -> None:
    with pytest.raises(InvalidValueError, match="1 or more"):
        BarQueue(0)


@given(st.lists(st.sets(st.sampled_from("ABC"), min_size=1)), st.integers(1, 4))
def test_the_last_bar_of_every_asset_arrives_and_none_twice(
    rows: list[set[str]], limit: int
) -> None:
    async def run() -> list[BarGroup]:
        queue = BarQueue(limit)
        for row, assets in enumerate(rows):
            queue.put(group(row, "".join(assets)))
            assert len(queue) <= limit
        return await drain(queue)

    groups = asyncio.run(run())
    shown = [bar for one in groups for bar in (*one.carried, *one.bars.values())]
    known = {(bar.asset, bar.timestamp) for bar in shown}
    newest: dict[str, datetime] = {}
    for row, assets in enumerate(rows):
        newest.update(dict.fromkeys(assets, START + row * MINUTE))

    assert len(known) == len(shown)
    assert set(newest.items()) <= known
    assert all(bar.timestamp == one.timestamp for one in groups for bar in one.bars.values())
    assert len(rows) == len(groups) + sum(one.conflated for one in groups)
