"""Bars of one instant are handed over together, once, and in the order of time."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import AlwaysOpen, Bar, InvalidValueError, Session
from ml4t.live.bars import BarBarrier, BarGrid, BarGroup, Undelivered

START = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class ShortSession:
    """Two and a half minutes."""

    def session_of(self, instant: datetime) -> Session | None:
        session = Session(label=START.date(), opens=START, closes=START + 150 * SECOND)
        return session if session.opens < instant <= session.closes else None


def barrier(assets: str = "ABC", calendar: AlwaysOpen | ShortSession | None = None) -> BarBarrier:
    return BarBarrier(assets, BarGrid(calendar or AlwaysOpen(), MINUTE), 2 * SECOND)


def bar(asset: str, row: float) -> Bar:
    when = START + row * MINUTE
    return Bar(timestamp=when, asset=asset, open=1, high=1, low=1, close=1)


def at(row: float, seconds: float = 0) -> datetime:
    return START + row * MINUTE + seconds * SECOND


def add(gate: BarBarrier, asset: str, row: float, seconds: float = 0.1) -> list[BarGroup]:
    found = gate.add(bar(asset, row), at(row, seconds))
    assert isinstance(found, list)
    return found


def refused(gate: BarBarrier, asset: str, row: float) -> str:
    found = gate.add(bar(asset, row), at(row))
    assert isinstance(found, Undelivered)
    assert bar(asset, row) == found.bar
    return found.reason


def shown(groups: list[BarGroup]) -> list[tuple[float, str, str]]:
    return [
        ((group.timestamp - START) / MINUTE, "".join(group.bars), "".join(group.missing))
        for group in groups
    ]


def test_a_group_is_handed_over_when_every_asset_is_there() -> None:
    gate = barrier()

    assert [] == add(gate, "C", 1)
    assert [] == add(gate, "A", 1)
    assert [(1, "ABC", "")] == shown(add(gate, "B", 1))
    assert at(1) == gate.last
    assert gate.next_deadline is None


def test_at_the_deadline_it_is_handed_over_with_what_is_missing() -> None:
    gate = barrier()
    add(gate, "A", 1)

    assert at(1, 2.1) == gate.next_deadline
    assert [] == gate.due(at(1, 2))
    assert [(1, "A", "BC")] == shown(gate.due(at(1, 2.1)))
    assert [] == gate.due(at(9))


def test_the_deadline_of_bars_that_are_replayed_runs_from_their_arrival() -> None:
    gate = barrier()
    years_later = START + timedelta(days=1_000)
    gate.add(bar("A", 1), years_later)

    assert [] == gate.due(years_later)
    assert years_later + 2 * SECOND == gate.next_deadline


def test_the_deadline_of_a_bar_ahead_of_the_clock_runs_from_its_end() -> None:
    gate = barrier()
    add(gate, "A", 1, -1)

    assert at(1, 2) == gate.next_deadline


def test_an_asset_that_has_gone_on_is_not_waited_for() -> None:
    gate = barrier()
    add(gate, "A", 1)
    add(gate, "B", 1)

    assert [(1, "AB", "C")] == shown(add(gate, "C", 2))


def test_groups_are_handed_over_in_the_order_of_time() -> None:
    """A whole one waits for the one before it, or takes it along at its own deadline."""
    gate = barrier("AB")
    add(gate, "A", 1)
    add(gate, "A", 2)

    assert [(1, "A", "B"), (2, "AB", "")] == shown(add(gate, "B", 2))


def test_deadlines_that_have_passed_hand_over_several_groups() -> None:
    gate = barrier("AB")
    add(gate, "A", 1)
    add(gate, "A", 2)

    assert [(1, "A", "B"), (2, "A", "B")] == shown(gate.due(at(3)))


def test_an_instant_without_any_bar_gives_no_group() -> None:
    gate = barrier()

    assert [] == gate.due(at(5))
    add(gate, "A", 6)
    assert [6] == [row for row, *_ in shown(gate.due(at(7)))]


def test_the_last_bar_of_a_session_is_the_one_at_its_close() -> None:
    gate = barrier("AB", ShortSession())
    add(gate, "A", 2.5)

    assert [(2.5, "AB", "")] == shown(add(gate, "B", 2.5))


def test_a_late_bar_is_reported_and_not_delivered() -> None:
    gate = barrier()
    add(gate, "A", 1)
    gate.due(at(2))

    assert refused(gate, "B", 1).startswith("late: the bars of 2024-01-02T14:31:00+00:00 were")
    add(gate, "B", 3)
    assert [(3, "B", "AC")] == shown(gate.due(at(4)))


@pytest.mark.parametrize(
    ("asset", "row", "reason"),
    [
        ("X", 1, "X is none of the assets"),
        ("A", 2.7, "no bar is complete at"),
        ("A", 1, "has delivered its bar of"),
        ("A", 0, "has delivered its bar of"),
        ("B", 2.75, "no bar is complete at"),
    ],
)
def test_other_bars_are_reported_too(asset: str, row: float, reason: str) -> None:
    gate = barrier(calendar=ShortSession())
    add(gate, "A", 1)

    assert reason in refused(gate, asset, row)


def test_an_asset_that_is_halted_is_not_waited_for_and_comes_back() -> None:
    gate = barrier()
    gate.set_expected("AB")
    add(gate, "A", 1)
    assert [(1, "AB", "")] == shown(add(gate, "B", 1))

    add(gate, "C", 2)
    add(gate, "A", 2)
    assert [(2, "ABC", "")] == shown(add(gate, "B", 2))


def test_an_asset_that_is_no_longer_expected_frees_what_waited_for_it() -> None:
    gate = barrier("AB")
    add(gate, "A", 1)
    gate.set_expected("A")

    assert [(1, "A", "")] == shown(gate.due(at(1, 0.2)))


def test_if_none_is_expected_the_deadline_is_waited_for() -> None:
    gate = barrier("AB")
    gate.set_expected("")
    add(gate, "A", 1)
    add(gate, "B", 1)

    assert [(1, "AB", "")] == shown(gate.due(at(2)))


def test_expected_are_only_assets_of_the_barrier() -> None:
    with pytest.raises(InvalidValueError, match=r"was \['X'\]"):
        barrier().set_expected("AX")


def test_a_deadline_is_not_negative() -> None:
    with pytest.raises(InvalidValueError, match="must not be negative"):
        BarBarrier("A", BarGrid(AlwaysOpen(), MINUTE), -SECOND)


def test_an_asset_that_is_silent_does_not_fill_the_memory() -> None:
    """Also where all bars come before the first deadline."""
    gate = barrier("AB")
    groups = []
    for row in range(1, 1_001):
        found = gate.add(bar("A", row), START)
        assert isinstance(found, list)
        groups += found

    assert [float(row) for row in range(1, 937)] == [row for row, *_ in shown(groups)]


ASSETS = "ABC"
days = st.lists(st.sets(st.sampled_from(ASSETS), min_size=1), min_size=1, max_size=12)
"""For each minute which assets have a bar."""


def arrivals(rows: list[set[str]], random: Random, spread: float) -> list[tuple[datetime, Bar]]:
    """Bars and when they arrive, those of an asset in their order."""
    found = []
    for asset in ASSETS:
        last = START
        for row, assets in enumerate(rows, 1):
            if asset in assets:
                last = max(last, at(row, random.uniform(0, spread)))
                found.append((last, bar(asset, row)))
    return sorted(found, key=lambda one: one[0])


def played(rows: list[set[str]], random: Random, spread: float) -> tuple[list[BarGroup], int]:
    """What a barrier hands over while time goes on, and how many bars it refuses."""
    gate = barrier()
    groups: list[BarGroup] = []
    late = 0
    for now, one in arrivals(rows, random, spread):
        while gate.next_deadline is not None and gate.next_deadline < now:
            groups += gate.due(gate.next_deadline)
        found = gate.add(one, now)
        if isinstance(found, Undelivered):
            late += 1
        else:
            groups += found
    return groups + gate.due(at(len(rows) + 1_000)), late


@given(days, st.randoms())
def test_within_the_deadline_the_order_of_arrival_does_not_matter(
    rows: list[set[str]], random: Random
) -> None:
    groups, late = played(rows, random, 2.0)

    expected = [
        (row, "".join(sorted(assets)), "".join(sorted(set(ASSETS) - assets)))
        for row, assets in enumerate(rows, 1)
    ]
    assert (expected, 0) == (shown(groups), late)


@given(days, st.randoms(), st.floats(0, 300))
def test_groups_ascend_and_no_bar_is_invented_or_comes_twice(
    rows: list[set[str]], random: Random, spread: float
) -> None:
    groups, late = played(rows, random, spread)
    times = [group.timestamp for group in groups]
    bars = [one for group in groups for one in group.bars.values()]

    assert times == sorted(set(times))
    assert all(one.timestamp == group.timestamp for group in groups for one in group.bars.values())
    assert len(bars) == len({(one.asset, one.timestamp) for one in bars})
    assert all(one.asset in rows[int((one.timestamp - START) / MINUTE) - 1] for one in bars)
    assert sum(map(len, rows)) == len(bars) + late
