"""What cannot be right is kept away from the strategy, and its asset from new risk."""

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypedDict, Unpack

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import AlwaysOpen, Bar, DataError, InvalidValueError, Session
from ml4t.live.bars import (
    Admitted,
    BarQuarantine,
    BarRules,
    Dropped,
    Fault,
    Quarantined,
    RawBar,
)

START = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
LATER = START + timedelta(days=2)


class OneDay:
    """One session, in a calendar that begins with its day."""

    def session_of(self, instant: datetime) -> Session | None:
        if instant < START - timedelta(days=1):
            msg = "the calendar does not reach that far"
            raise DataError(msg)
        session = Session(label=START.date(), opens=START, closes=START + 60 * MINUTE)
        return session if session.opens < instant <= session.closes else None


def gate(*, move: float = 0.25, calendar: OneDay | AlwaysOpen | None = None) -> BarQuarantine:
    return BarQuarantine("AB", BarRules(max_bar_move=move), calendar or AlwaysOpen())


def bar(row: float, close: float = 100.0, asset: str = "A", reach: float = 0.0) -> Bar:
    return Bar(
        timestamp=START + row * MINUTE,
        asset=asset,
        open=close,
        high=close + reach,
        low=close - reach,
        close=close,
    )


class Changed(TypedDict, total=False):
    """What of a raw bar is not as usual."""

    timestamp: str
    asset: str
    open: float
    high: float
    low: float
    close: float | None
    volume: float


def raw(row: float, **changed: Unpack[Changed]) -> RawBar:
    good = RawBar(
        timestamp=START + row * MINUTE, asset="A", open=100, high=101, low=99, close=100, volume=5
    )
    return attrs.evolve(good, **changed)


def admit(gate: BarQuarantine, *bars: Bar | RawBar, now: datetime = LATER) -> list[str]:
    """What became of bars, in one word each."""
    words = []
    for one in bars:
        found = gate.admit(one, now)
        if isinstance(found, Admitted):
            words.append("released" if found.released else "admitted")
        else:
            words.append(found.fault.name)
    return words


def test_good_bars_are_admitted_as_they_are() -> None:
    quarantine = gate()

    assert Admitted(bar=bar(1)) == quarantine.admit(bar(1), LATER)
    assert ["admitted"] == admit(quarantine, raw(2))
    assert ({}, {}) == (quarantine.quarantined, quarantine.counts)


IMPOSSIBLE: list[Changed] = [
    {"close": math.nan},
    {"open": 0.0},
    {"low": -1.0},
    {"high": math.inf},
    {"high": 98.0},
    {"close": None},
    {"volume": -5.0},
    {"timestamp": "2016-12-31T23:59:60+00:00"},
]


@pytest.mark.parametrize("wrong", IMPOSSIBLE, ids=str)
def test_impossible_bars_quarantine_their_asset(wrong: Changed) -> None:
    quarantine = gate()
    found = quarantine.admit(raw(1, **wrong), LATER)

    assert isinstance(found, Quarantined)
    assert ("A", Fault.IMPOSSIBLE, True) == (found.asset, found.fault, found.is_new)
    assert {"A": f"{Fault.IMPOSSIBLE.value}: {found.reason}"} == quarantine.quarantined
    assert ["admitted"] == admit(quarantine, bar(1, asset="B"))


def test_a_bar_without_volume_is_faulty_only_where_one_is_needed() -> None:
    strict = BarQuarantine("A", BarRules(needs_volume=True), AlwaysOpen())

    assert ["IMPOSSIBLE"] == admit(strict, bar(1))
    assert ["admitted"] == admit(gate(), bar(1))


@pytest.mark.parametrize(
    ("close", "expected"),
    [
        (125, "admitted"),
        (126, "MOVE"),
        (75, "admitted"),
        (74, "MOVE"),
        (10_000, "MOVE"),
        (25, "MOVE"),
    ],
    ids=["limit up", "up", "limit down", "down", "100 times", "split 4:1"],
)
def test_a_bar_moves_as_far_as_the_limit(close: float, expected: str) -> None:
    assert ["admitted", expected] == admit(gate(), bar(1), bar(2, close))


@pytest.mark.parametrize(("close", "move"), [(1.1, 0.1), (1.3, 0.3), (0.7, 0.3)])
def test_the_very_limit_is_allowed_however_it_rounds(close: float, move: float) -> None:
    assert ["admitted"] * 2 == admit(gate(move=move), bar(1, 1), bar(2, close))


def test_a_price_within_the_bar_counts_like_its_close() -> None:
    assert ["admitted", "MOVE"] == admit(gate(), bar(1), bar(2, reach=26))


def test_the_first_bar_is_compared_with_the_history() -> None:
    quarantine = gate()
    quarantine.seed(bar(0))

    assert ["MOVE"] == admit(quarantine, bar(1, 130))


def test_a_night_is_no_excuse_since_splits_show_after_it() -> None:
    next_day = 60 * 24

    assert ["admitted", "MOVE"] == admit(gate(), bar(1), bar(next_day, 50))


def test_after_a_known_halt_one_bar_may_be_at_any_price() -> None:
    quarantine = gate()
    admit(quarantine, bar(1))
    quarantine.note_halt("A")

    assert ["admitted", "admitted", "MOVE"] == admit(
        quarantine, bar(30, 50), bar(31, 51), bar(32, 100)
    )


def test_without_a_limit_any_move_is_admitted() -> None:
    assert ["admitted"] * 2 == admit(gate(move=math.inf), bar(1), bar(2, 1e9))


def test_time_that_goes_back_is_refused() -> None:
    assert ["admitted", "REVERSED"] == admit(gate(), bar(2), bar(1, 101))


@pytest.mark.parametrize(("ahead", "expected"), [(2, "admitted"), (2.1, "FUTURE")])
def test_a_bar_is_at_most_two_seconds_ahead_of_the_clock(ahead: float, expected: str) -> None:
    now = START + MINUTE - ahead * SECOND

    assert [expected] == admit(gate(), bar(1), now=now)


def test_a_bar_from_the_future_does_not_make_the_present_go_back() -> None:
    quarantine = gate()
    now = START + 5 * MINUTE
    admit(quarantine, bar(500), now=now)

    assert ["PROBATION"] == admit(quarantine, bar(4), now=now)


def test_the_same_bar_again_is_dropped_and_counted() -> None:
    quarantine = gate()
    sent_again = [bar(row) for row in (1, 2, 3)]

    assert ["admitted"] * 3 + ["DUPLICATE"] * 3 == admit(quarantine, *sent_again, *sent_again)
    assert {} == quarantine.quarantined
    assert {Fault.DUPLICATE: 3} == quarantine.counts


def test_another_bar_of_the_same_instant_is_refused() -> None:
    quarantine = gate()

    assert ["admitted", "CHANGED"] == admit(quarantine, bar(1), bar(1, 101))
    assert ["A"] == list(quarantine.quarantined)


def test_a_bar_whose_instant_was_handed_over_is_late() -> None:
    quarantine = gate()
    admit(quarantine, bar(1), bar(1, asset="B"), bar(2))
    quarantine.note_handed_over(START + 2 * MINUTE)

    assert ["LATE", "admitted"] == admit(quarantine, bar(2, asset="B"), bar(3))
    assert ["B"] == list(quarantine.quarantined)


def test_a_gap_is_no_fault() -> None:
    """How old the latest bar may be is judged elsewhere."""
    assert ["admitted"] * 2 == admit(gate(), bar(1), bar(55))


def test_bars_in_no_session_are_dropped() -> None:
    quarantine = gate(calendar=OneDay())

    assert ["OUTSIDE_SESSION", "admitted", "OUTSIDE_SESSION"] == admit(
        quarantine, bar(0), bar(60), bar(61, 500)
    )
    assert {} == quarantine.quarantined


def test_a_year_that_the_calendar_does_not_reach_is_in_no_session() -> None:
    ancient = raw(1, timestamp="1970-01-01T00:00:00+00:00")

    assert ["OUTSIDE_SESSION"] == admit(gate(calendar=OneDay()), ancient)


def test_bars_of_other_assets_are_dropped() -> None:
    quarantine = gate()
    found = quarantine.admit(raw(1, asset="RENAMED", close=math.nan), LATER)

    assert isinstance(found, Dropped)
    assert ("RENAMED", Fault.UNKNOWN_ASSET) == (found.asset, found.fault)


def test_the_third_consistent_bar_releases_the_asset() -> None:
    """Here the new level is right, as after a split."""
    quarantine = gate()
    expected = ["admitted", "MOVE", "PROBATION", "PROBATION", "released", "admitted"]

    assert expected == admit(
        quarantine, bar(1), bar(2, 50), bar(3, 51), bar(4, 49), bar(5, 50), bar(6, 50)
    )
    assert {} == quarantine.quarantined


def test_a_spike_that_is_over_is_released_at_the_old_level() -> None:
    expected = ["admitted", "MOVE", "PROBATION", "PROBATION", "released"]

    assert expected == admit(gate(), bar(1), bar(2, 10_000), bar(3, 100), bar(4, 101), bar(5, 100))


def test_a_fault_in_between_begins_the_count_again() -> None:
    quarantine = gate()
    admit(quarantine, bar(1), bar(2, 500), bar(3), bar(4))

    expected = ["IMPOSSIBLE", "PROBATION", "PROBATION", "released"]
    assert expected == admit(quarantine, raw(5, close=math.nan), bar(6), bar(7), bar(8))


def test_prices_that_jump_back_and_forth_stay_in_quarantine() -> None:
    quarantine = gate()
    admit(quarantine, bar(1))
    jumping = [bar(row, 100 if row % 2 else 500) for row in range(2, 50)]

    assert {"MOVE", "PROBATION"} == set(admit(quarantine, *jumping))


def test_the_same_bar_again_is_not_a_consistent_one() -> None:
    quarantine = gate()
    admit(quarantine, bar(1), bar(2, 500), bar(3))

    assert ["DUPLICATE", "PROBATION", "released"] == admit(quarantine, bar(3), bar(4), bar(5))


def test_only_the_first_fault_is_news() -> None:
    quarantine = gate()
    admit(quarantine, bar(1))
    found = [quarantine.admit(bar(row, price), LATER) for row, price in ((2, 500), (3, 9), (4, 9))]

    assert [True, False, False] == [isinstance(f, Quarantined) and f.is_new for f in found]


def test_a_person_releases_an_asset_and_its_next_price_is_trusted() -> None:
    quarantine = gate()
    admit(quarantine, bar(1), bar(2, 500))

    assert (True, False) == (quarantine.release("A"), quarantine.release("A"))
    assert ["admitted", "admitted", "MOVE"] == admit(
        quarantine, bar(3, 300), bar(4, 310), bar(5, 100)
    )


def test_assets_that_are_not_watched_are_refused() -> None:
    quarantine = gate()
    for question in (quarantine.release, quarantine.note_halt):
        with pytest.raises(InvalidValueError, match=r"must be among \['A', 'B'\], was 'X'"):
            question("X")
    with pytest.raises(InvalidValueError, match="was 'X'"):
        quarantine.seed(bar(1, asset="X"))


@pytest.mark.parametrize("move", [0, -1, math.nan])
def test_a_move_is_positive(move: float) -> None:
    with pytest.raises(InvalidValueError, match="max_bar_move must be positive"):
        BarRules(max_bar_move=move)


def test_instants_have_a_zone() -> None:
    naive = START.replace(tzinfo=None)
    with pytest.raises(InvalidValueError, match="now"):
        gate().admit(bar(1), naive)
    with pytest.raises(InvalidValueError, match="timestamp"):
        gate().note_handed_over(naive)


def test_what_is_remembered_is_bounded() -> None:
    quarantine = gate()
    for row in range(2_000):
        admit(quarantine, raw(row, close=math.nan), raw(row, asset=f"X{row}"))

    assert 256 == len(quarantine.record)
    assert {Fault.IMPOSSIBLE: 2_000, Fault.UNKNOWN_ASSET: 2_000} == quarantine.counts
    assert ["A"] == list(quarantine.quarantined)
    assert quarantine.record[-1].asset == "X1999"


prices = st.sampled_from([1.0, 99.0, 100.0, 101.0, 120.0, 10_000.0, math.nan, 0.0, -1.0, math.inf])


@given(st.lists(st.tuples(st.integers(0, 30), prices), max_size=60))
def test_what_is_admitted_ascends_and_never_jumps_unless_released(
    sent: list[tuple[int, float]],
) -> None:
    quarantine = gate()
    now = START + 20 * MINUTE
    admitted: list[Admitted] = []
    for row, price in sent:
        one = raw(row, open=price, high=price, low=price, close=price)
        held = "A" in quarantine.quarantined
        found = quarantine.admit(one, now)
        if isinstance(found, Admitted):
            assert held == found.released
            admitted.append(found)
        elif isinstance(found, Quarantined):
            assert "A" in quarantine.quarantined
            assert held != found.is_new
        else:
            assert Fault.DUPLICATE is found.fault

    times = [one.bar.timestamp for one in admitted]
    assert times == sorted(set(times))
    assert all(when <= now + 2 * SECOND for when in times)
    for before, after in pairwise(admitted):
        move = abs(after.bar.close / before.bar.close - 1)
        assert after.released or move <= 0.25
