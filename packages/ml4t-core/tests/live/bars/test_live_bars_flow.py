"""The parts together, as a feed's bars pass through them on their way to a strategy."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ml4t.core import AlwaysOpen, MarketSlice
from ml4t.live.bars import (
    Admitted,
    BarBarrier,
    BarGrid,
    BarGroup,
    BarQuarantine,
    BarQueue,
    BarRules,
    Dropped,
    GrowingPanel,
    Quarantined,
    RawBar,
    Undelivered,
)

START = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def raw(row: int, asset: str, close: float = 100.0) -> RawBar:
    return RawBar(
        timestamp=START + row * MINUTE, asset=asset, open=close, high=close, low=close, close=close
    )


class Line:
    """Quarantine, barrier, queue and panel in a row."""

    def __init__(self, assets: Iterable[str], limit: int = 8) -> None:
        calendar = AlwaysOpen()
        self.quarantine = BarQuarantine(assets, BarRules(), calendar)
        self.barrier = BarBarrier(assets, BarGrid(calendar, MINUTE), 2 * SECOND)
        self.queue = BarQueue(limit)
        self.panel = GrowingPanel(assets, has_volume=False)
        self.refused: list[Quarantined | Dropped | Undelivered] = []

    def arrive(self, row: float, *bars: RawBar) -> None:
        """Bars arrive a second after the row is complete, whatever they say themselves."""
        now = START + row * MINUTE + SECOND
        self.hand_over(self.barrier.due(now))
        for one in bars:
            judged = self.quarantine.admit(one, now)
            if not isinstance(judged, Admitted):
                self.refused.append(judged)
                continue
            found = self.barrier.add(judged.bar, now)
            if isinstance(found, Undelivered):
                self.refused.append(found)
            else:
                self.hand_over(found)

    def hand_over(self, groups: list[BarGroup]) -> None:
        for group in groups:
            self.quarantine.note_handed_over(group.timestamp)
            self.queue.put(group)

    async def slices(self) -> list[tuple[BarGroup, MarketSlice]]:
        """What the strategy sees when it comes back."""
        found = []
        while len(self.queue):
            group = await self.queue.get()
            data = self.panel.append(group.timestamp, group.bars, group.carried)
            found.append((group, data))
        return found


async def test_bad_bars_do_not_stop_the_others() -> None:
    line = Line("AB")
    line.arrive(1, raw(1, "A"), raw(1, "B"))
    line.arrive(2, raw(2, "A", math.nan), raw(2, "B", 101))
    line.arrive(3, raw(3, "A", 10_000), raw(3, "B", 102))
    line.arrive(4)

    seen = await line.slices()
    assert [["A", "B"], ["B"], ["B"]] == [list(data) for _, data in seen]
    assert [(), ("A",), ("A",)] == [group.missing for group, _ in seen]
    assert 100 == seen[-1][1].mark("A")
    assert ["A"] == list(line.quarantine.quarantined)


async def test_a_bar_that_comes_late_is_refused_by_the_quarantine() -> None:
    line = Line("AB")
    line.arrive(1, raw(1, "A"), raw(1, "B"))
    line.arrive(2, raw(2, "A"))
    line.arrive(2.5, raw(2, "B"))
    line.arrive(3, raw(3, "A"), raw(3, "B"))

    assert [True, True] == [isinstance(one, Quarantined) for one in line.refused]
    assert [START + 2 * MINUTE, START + 3 * MINUTE] == [
        one.timestamp for one in line.quarantine.record
    ]


async def test_an_asset_that_is_halted_in_mid_session_comes_back_at_its_new_price() -> None:
    line = Line("AB")
    line.arrive(1, raw(1, "A"), raw(1, "B"))
    line.quarantine.note_halt("B")
    line.barrier.set_expected("A")
    line.arrive(2, raw(2, "A", 101))
    line.arrive(3, raw(3, "A", 102))
    line.barrier.set_expected("AB")
    line.arrive(4, raw(4, "A", 103), raw(4, "B", 40))

    seen = await line.slices()
    assert [["A", "B"], ["A"], ["A"], ["A", "B"]] == [list(data) for _, data in seen]
    assert [100, 100, 100, 40] == [data.mark("B") for _, data in seen]
    assert [()] * 4 == [group.missing for group, _ in seen]
    assert [] == line.refused


async def test_a_renamed_asset_goes_missing_and_its_new_name_is_not_traded() -> None:
    line = Line("AB")
    line.arrive(1, raw(1, "A"), raw(1, "B"))
    line.arrive(2, raw(2, "A"), raw(2, "NEW"))
    line.arrive(3)

    seen = await line.slices()
    assert [(), ("B",)] == [group.missing for group, _ in seen]
    assert ["NEW"] == [one.asset for one in line.refused if isinstance(one, Dropped)]


async def test_a_strategy_that_was_away_sees_the_latest_bars_and_every_last_price() -> None:
    line = Line("AB", limit=2)
    line.arrive(1, raw(1, "A"), raw(1, "B", 50))
    for row in range(2, 301):
        line.arrive(row, raw(row, "A", 100 + row / 10))
    line.arrive(400)

    seen = await line.slices()
    assert [START + 299 * MINUTE, START + 300 * MINUTE] == [data.timestamp for _, data in seen]
    assert [298, 0] == [group.conflated for group, _ in seen]
    assert [(129.9, 50), (130, 50)] == [(data["A"].close, data.mark("B")) for _, data in seen]
