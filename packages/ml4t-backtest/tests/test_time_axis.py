"""Instants are integers inside and exact datetimes outside, in any zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.backtest.data.time_axis import TimeAxis
from ml4t.core.errors import DataError

NEW_YORK = ZoneInfo("America/New_York")
HOUR = 3_600_000_000_000
MICROSECONDS = st.integers(-(2**29) * 10**6, 2**32 * 10**6)
ZONES = st.sampled_from(
    ["UTC", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "Africa/Casablanca"]
)


def axis_of(*moments, zone=UTC):
    nanoseconds = [(moment - datetime(1970, 1, 1, tzinfo=UTC)) for moment in moments]
    values = [delta // timedelta(microseconds=1) * 1000 for delta in nanoseconds]
    return TimeAxis(np.array(values, np.int64), zone)


def shown(moments):
    """What tells two datetimes apart; equality of aware ones compares instants alone."""
    return [(moment.isoformat(), moment.fold, moment.tzinfo) for moment in moments]


@given(st.sets(MICROSECONDS, min_size=1, max_size=30), ZONES)
def test_iterating_gives_the_datetimes_that_the_zone_itself_gives(microseconds, name):
    zone = UTC if name == "UTC" else ZoneInfo(name)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    ordered = sorted(microseconds)
    expected = [(epoch + timedelta(microseconds=count)).astimezone(zone) for count in ordered]
    axis = TimeAxis(np.array(ordered, np.int64) * 1000, zone)
    assert shown(expected) == shown(axis)
    assert shown(expected) == shown(axis[row] for row in range(len(axis)))
    assert [moment.toordinal() for moment in expected] == axis.sessions.tolist()


@given(
    st.lists(
        st.tuples(st.integers(1, 120), st.sampled_from([1, 60, 3_600])), min_size=1, max_size=6
    ),
    st.integers(0, 2**24),
    ZONES,
)
def test_instants_that_are_equal_steps_apart_are_no_others(sessions, first, name):
    zone = UTC if name == "UTC" else ZoneInfo(name)
    steps = [3_600 * 17, *(step for count, step in sessions for _ in range(count))]
    instants = (first * 60 + np.cumsum(steps)) * 10**9
    axis = TimeAxis(instants, zone)
    assert shown(axis) == shown(axis[row] for row in range(len(axis)))
    assert shown(axis.iterate(3)) == shown(axis[row] for row in range(3, len(axis)))


def test_the_hour_that_clocks_show_twice_has_both_folds():
    first = datetime(2024, 11, 3, 5, 30, tzinfo=UTC)
    axis = axis_of(*(first + timedelta(minutes=30 * n) for n in range(4)), zone=NEW_YORK)
    expected = [
        ("2024-11-03T01:30:00-04:00", 0, NEW_YORK),
        ("2024-11-03T01:00:00-05:00", 1, NEW_YORK),
        ("2024-11-03T01:30:00-05:00", 1, NEW_YORK),
        ("2024-11-03T02:00:00-05:00", 0, NEW_YORK),
    ]
    assert expected == shown(axis)
    assert expected == shown(axis[row] for row in range(4))


def test_iterating_over_a_part_gives_that_part_across_chunks():
    axis = TimeAxis(np.arange(10_000, dtype=np.int64) * HOUR, NEW_YORK)
    everything = shown(axis)
    assert everything[4000:8300] == shown(axis.iterate(4000, 8300))
    assert everything[9990:] == shown(axis.iterate(9990))
    assert [] == list(axis.iterate(5, 5))


def test_rows_count_from_the_end_as_in_any_sequence():
    axis = TimeAxis(np.arange(3, dtype=np.int64) * HOUR)
    assert axis[2] == axis[-1]
    with pytest.raises(IndexError):
        axis[3]


def test_a_slice_is_an_axis_of_those_rows():
    axis = TimeAxis(np.arange(5, dtype=np.int64) * HOUR, NEW_YORK)
    part = axis[1:3]
    assert isinstance(part, TimeAxis)
    assert shown(axis)[1:3] == shown(part)


def test_sessions_are_local_dates():
    evening = datetime(2024, 1, 3, 1, tzinfo=UTC)
    expected = {UTC: date(2024, 1, 3), NEW_YORK: date(2024, 1, 2)}
    found = {
        zone: date.fromordinal(int(axis_of(evening, zone=zone).sessions[0])) for zone in expected
    }
    assert expected == found


def test_locate_finds_rows_and_says_what_is_none():
    axis = TimeAxis(np.array([10, 20, 30]) * HOUR)
    assert [1, -1, -1, -1, 2] == axis.locate(np.array([20, 5, 25, 35, 30]) * HOUR).tolist()
    assert [-1] == TimeAxis(np.array([], np.int64)).locate(np.array([5])).tolist()


def test_sessions_are_worked_out_once():
    axis = TimeAxis(np.arange(3, dtype=np.int64) * HOUR)
    first = axis.sessions
    assert axis.sessions is first


def test_its_arrays_are_read_only():
    axis = TimeAxis(np.arange(3, dtype=np.int64) * HOUR)
    for array in (axis.nanoseconds, axis.sessions):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_instants_must_ascend():
    message = r"row 2: timestamps must ascend, 1970-01-01T01:00:00Z does not come after 1970-01-01T"
    with pytest.raises(DataError, match=message):
        TimeAxis(np.array([0, 1, 1]) * HOUR)


def test_instants_finer_than_a_microsecond_are_refused():
    with pytest.raises(DataError, match=r"row 1: .* whole microseconds, was .*00.0000015Z; round"):
        TimeAxis(np.array([0, 1500]))


def test_instants_must_be_int64():
    with pytest.raises(DataError, match="int64 in one dimension, was float64"):
        TimeAxis(np.array([0.0]))


def test_repr_shows_both_ends():
    axis = TimeAxis(np.arange(3, dtype=np.int64) * HOUR)
    expected = "TimeAxis(1970-01-01T00:00:00+00:00 .. 1970-01-01T02:00:00+00:00, 3 rows)"
    assert expected == repr(axis)
    assert "TimeAxis(empty, UTC)" == repr(axis[:0])
