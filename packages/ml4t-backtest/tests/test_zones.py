"""Wall times and instants agree with what zoneinfo says, one by one."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.backtest.data.zones import EPOCH, Offsets, clock_text, declared_zone, named_zone
from ml4t.core.errors import InvalidValueError

MINUTE = timedelta(minutes=1)
# Lord Howe moves by half an hour, Casablanca sets its clock back in spring, Apia lost a whole day.
ZONES = [
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Kolkata",
]


def localised(wall, zone):
    """The instant of a wall time, and whether it is shown twice or never; slow and obvious."""
    either = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    really = sorted(
        {moment for moment in either if moment.astimezone(zone).replace(tzinfo=None) == wall}
    )
    return really[0] if len(really) == 1 else None, len(really) == 2, not really


def near_changes(zone, year):
    """Wall times around each change of a year, ten minutes apart."""
    start = datetime(year, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=hour) for hour in range(24 * 366)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [
        hours[row].replace(tzinfo=None) + timedelta(minutes=minute)
        for row in range(1, len(hours))
        if offsets[row] != offsets[row - 1]
        for minute in range(-1800, 1800, 10)
    ]


def assert_agrees(walls, zone):
    naive_epoch = EPOCH.replace(tzinfo=None)
    counts = np.array([(wall - naive_epoch) // MINUTE for wall in walls]) * 60 * 10**9
    offsets = Offsets(zone, int(counts.min()), int(counts.max()))
    instants, twice, never = offsets.instants(counts)
    expected = [localised(wall, zone) for wall in walls]
    assert [case[1:] for case in expected] == list(zip(twice.tolist(), never.tolist(), strict=True))
    clear = [row for row, (moment, _, _) in enumerate(expected) if moment]
    found = [EPOCH + timedelta(microseconds=int(instants[row]) // 1000) for row in clear]
    assert [expected[row][0] for row in clear] == found
    assert counts[clear].tolist() == offsets.wall_times(instants[clear]).tolist()


@pytest.mark.parametrize("name", ZONES)
def test_wall_times_near_each_change_are_what_zoneinfo_says(name):
    zone = ZoneInfo(name)
    walls = near_changes(zone, 2011) + near_changes(zone, 2024)
    assert_agrees(walls or [datetime(2024, 1, 1)], zone)  # noqa: DTZ001 - a wall time


@given(st.lists(st.integers(5_000_000, 35_000_000), min_size=1), st.sampled_from(ZONES))
def test_wall_times_of_any_year_are_what_zoneinfo_says(minutes, name):
    naive_epoch = EPOCH.replace(tzinfo=None)
    assert_agrees([naive_epoch + count * MINUTE for count in minutes], ZoneInfo(name))


def test_utc_is_the_zone_of_the_standard_library():
    assert UTC is declared_zone("UTC")


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "America", "../etc/passwd", "+05:00", None])
def test_what_is_no_name_of_a_zone_has_none(name):
    assert named_zone(name) is None


def test_a_declared_zone_must_exist():
    with pytest.raises(InvalidValueError, match=r"IANA name such as .*, was 'Mars/Olympus'"):
        declared_zone("Mars/Olympus")


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (0, "1970-01-01T00:00:00"),
        (1, "1970-01-01T00:00:00.000000001"),
        (1_500_000_000, "1970-01-01T00:00:01.5"),
        (600_000_000_000, "1970-01-01T00:10:00"),
    ],
)
def test_clock_text_is_exact_and_short(nanoseconds, expected):
    assert expected == clock_text(nanoseconds)
