"""Slices of a run that has no end."""

import gc
import math
import tracemalloc
from array import array
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import Bar, DataError, InvalidValueError, MarketSlice, Panel
from ml4t.live.bars import GrowingPanel

START = datetime(2024, 1, 2, 14, 31, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def bar(row: int, asset: str = "A", close: float = 10.0, volume: float | None = None) -> Bar:
    return Bar(
        timestamp=START + row * MINUTE,
        asset=asset,
        open=close,
        high=close + 1,
        low=close - 1,
        close=close,
        volume=volume,
    )


def append(panel: GrowingPanel, row: int, **closes: float) -> MarketSlice:
    return panel.append(
        START + row * MINUTE, {asset: bar(row, asset, close) for asset, close in closes.items()}
    )


def test_a_slice_is_the_one_of_a_backtest() -> None:
    panel = GrowingPanel(["B", "A"], has_volume=True)
    when = START.astimezone(ZoneInfo("Asia/Tokyo"))
    data = panel.append(when, {"A": bar(0, volume=3)})

    assert type(data) is MarketSlice
    assert ("A", "B") == data.universe == panel.assets
    assert {"A": {"open": 10, "high": 11, "low": 9, "close": 10, "volume": 3}} == {
        asset: dict(view) for asset, view in data.items()
    }
    assert (when, "UTC") == (data.timestamp, str(data.timestamp.tzinfo))
    assert data.previous_timestamp is None


def test_timestamps_are_shown_in_the_zone_that_was_asked_for() -> None:
    zone = ZoneInfo("America/New_York")
    data = append(GrowingPanel(["A"], has_volume=False, zone=zone), 0, A=5)

    assert "2024-01-02T09:31:00-05:00" == data.timestamp.isoformat()


def test_a_missing_asset_is_not_there_and_keeps_its_mark() -> None:
    panel = GrowingPanel(["A", "B"], has_volume=False)
    append(panel, 0, A=5, B=7)
    data = append(panel, 1, A=6)

    assert ["A"] == list(data)
    assert [6, 7] == data.marks(["A", "B"])
    assert 5 == data.previous_mark("A")


def test_a_bar_that_is_carried_moves_the_mark_and_is_not_shown() -> None:
    panel = GrowingPanel(["A", "B"], has_volume=False)
    append(panel, 0, B=7)
    data = panel.append(START + 2 * MINUTE, {"A": bar(2)}, [bar(1, "B", 8), bar(1, "C")])

    assert (["A"], 8, 7) == (list(data), data.mark("B"), data.previous_mark("B"))


def test_a_slice_that_is_kept_stays_what_it_was() -> None:
    panel = GrowingPanel(["A"], has_volume=False, keep=2)
    rows = 70_000
    slices = [append(panel, row, A=10 + row) for row in range(rows)]

    assert [10 + row for row in range(rows)] == [data["A"].close for data in slices]
    assert [START + row * MINUTE for row in range(rows)] == [data.timestamp for data in slices]


def test_a_slice_looks_back_over_the_rows_that_are_kept_wherever_blocks_meet() -> None:
    keep = 40
    # So many assets that a block has the least number of rows.
    panel = GrowingPanel([f"A{n}" for n in range(500)], has_volume=False, keep=keep)
    whole = [10.0 + row % 7 + row / 1000 for row in range(5 * keep)]
    for row, close in enumerate(whole):
        data = append(panel, row, A7=close)
        expected = _average_range(whole[: row + 1], keep - 1)
        assert expected == pytest.approx(data.average_range("A7", keep - 1))
        if row:
            assert whole[row - 1] == data.previous_mark("A7")
            assert START + (row - 1) * MINUTE == data.previous_timestamp


def _average_range(closes: list[float], length: int) -> float | None:
    """The mean true range of the bars before the last one, each one high and low by 1."""
    ranges = [2.0] if len(closes) > 1 else []
    for before, close in pairwise(closes[:-1]):
        ranges.append(max(close + 1, before) - min(close - 1, before))
    recent = ranges[-length:]
    return sum(recent) / len(recent) if recent else None


def test_memory_does_not_grow_with_time() -> None:
    panel = GrowingPanel([f"A{n}" for n in range(500)], has_volume=False, keep=8)
    tracemalloc.start()
    used = []
    for row in range(4_000):
        append(panel, row, A0=10)
        if row % 1_000 == 999:
            gc.collect()
            used.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()

    # Two blocks and what Python keeps for itself; all rows would be 80 MB.
    assert max(used) < 2_000_000


@pytest.mark.parametrize("later", [0, -1])
def test_time_goes_forward(later: int) -> None:
    panel = GrowingPanel(["A"], has_volume=False)
    append(panel, 0, A=10)
    with pytest.raises(DataError, match="must be later than"):
        append(panel, later, A=10)


def test_a_volume_that_is_missing_is_not_a_number() -> None:
    data = GrowingPanel(["A"], has_volume=True).append(START, {"A": bar(0)})

    assert math.isnan(data["A"]["volume"])


def test_a_volume_is_not_shown_where_the_panel_has_none() -> None:
    data = GrowingPanel(["A"], has_volume=False).append(START, {"A": bar(0, volume=5)})

    assert data["A"].volume is None


def test_a_bar_must_fit_the_slice() -> None:
    panel = GrowingPanel(["A", "B"], has_volume=True)
    wrong = [
        ({"C": bar(0, "C")}, "the panel has"),
        ({"A": bar(0, "B", volume=1)}, "is one of B"),
        ({"A": bar(1, "A", volume=1)}, "is one of A at"),
    ]
    for bars, message in wrong:
        with pytest.raises(DataError, match=message):
            panel.append(START, bars)
    # And nothing of it was taken.
    assert 1 == len(panel.append(START, {"A": bar(0, volume=1)}))


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="timestamp"):
        GrowingPanel(["A"], has_volume=False).append(START.replace(tzinfo=None), {})


def test_a_panel_has_assets_and_rows_to_keep() -> None:
    with pytest.raises(InvalidValueError, match="at least one asset"):
        GrowingPanel([], has_volume=False)
    with pytest.raises(InvalidValueError, match="1 row or more"):
        GrowingPanel(["A"], has_volume=False, keep=0)


@given(st.lists(st.tuples(*[st.one_of(st.none(), st.floats(2, 99)) for _ in range(3)]), min_size=1))
def test_slices_equal_those_of_one_panel_that_holds_everything(
    rows: list[tuple[float | None, ...]],
) -> None:
    names = ("A", "B", "C")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ml4t.live.bars.growing_panel._CELLS", 0)
        panel = GrowingPanel(names, has_volume=False, keep=1)
    whole = _panel(names, rows)
    for number, row in enumerate(rows):
        closes = {a: c for a, c in zip(names, row, strict=True) if c is not None}
        expected, data = MarketSlice(whole, number), append(panel, number, **closes)
        assert {a: dict(b) for a, b in expected.items()} == {a: dict(b) for a, b in data.items()}
        assert expected.marks(names) == data.marks(names)
        assert [expected.previous_mark(a) for a in names] == [data.previous_mark(a) for a in names]
        assert expected.previous_timestamp == data.previous_timestamp
        assert expected.timestamp == data.timestamp


def _panel(names: tuple[str, ...], rows: list[tuple[float | None, ...]]) -> Panel:
    flat = [math.nan if close is None else close for row in rows for close in row]
    marks: list[float] = []
    for cell, close in enumerate(flat):
        before = marks[cell - len(names)] if cell >= len(names) else math.nan
        marks.append(before if math.isnan(close) else close)
    columns = {"open": flat, "close": flat}
    columns |= {"high": [c + 1 for c in flat], "low": [c - 1 for c in flat]}
    times = [START + row * MINUTE for row in range(len(rows))]
    return Panel(times, names, {n: _doubles(c) for n, c in columns.items()}, _doubles(marks))


def _doubles(numbers: list[float]) -> memoryview:
    return memoryview(array("d", numbers))
