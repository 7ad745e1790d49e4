"""Where bars end: at the open of the session counted from, whatever the clock on the wall does."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import AlwaysOpen, InvalidValueError, Session
from ml4t.live.bars import BarGrid, read_bar_length

NEW_YORK = ZoneInfo("America/New_York")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)


@attrs.frozen
class Stocks:
    """Weekdays from 9:30 to 16:00 of New York, to 13:00 on some, and on some not at all.

    Its sessions have instants in the zone of New York, as a calendar of one's own may.
    """

    early: frozenset[date] = frozenset({date(2024, 11, 29)})
    holidays: frozenset[date] = frozenset({date(2024, 11, 28)})

    def session_of(self, instant: datetime) -> Session | None:
        day = instant.astimezone(NEW_YORK).date()
        if day.weekday() > 4 or day in self.holidays:
            return None
        closes = time(13) if day in self.early else time(16)
        session = Session(
            label=day,
            opens=datetime.combine(day, time(9, 30), NEW_YORK),
            closes=datetime.combine(day, closes, NEW_YORK),
        )
        inside = session.opens < instant.astimezone(UTC) <= session.closes
        return session if inside else None


@attrs.frozen
class Futures:
    """From 18:00 of New York to 17:00 of the next day, every day of the week."""

    def session_of(self, instant: datetime) -> Session | None:
        local = instant.astimezone(NEW_YORK)
        for day in (local.date(), local.date() + timedelta(days=1)):
            opens = datetime.combine(day - timedelta(days=1), time(18), NEW_YORK)
            closes = datetime.combine(day, time(17), NEW_YORK)
            if opens.astimezone(UTC) < instant.astimezone(UTC) <= closes.astimezone(UTC):
                return Session(label=day, opens=opens, closes=closes)
        return None


def at(text: str) -> datetime:
    """An instant from the clock of New York."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def ends(grid: BarGrid, inside: str) -> list[str]:
    session = grid.calendar.session_of(at(inside))
    assert session is not None
    return [end.astimezone(NEW_YORK).strftime("%H:%M") for end in grid.ends(session)]


def test_bars_are_counted_from_the_open_and_the_last_is_short() -> None:
    grid = BarGrid(Stocks(), HOUR)

    expected = ["10:30", "11:30", "12:30", "13:30", "14:30", "15:30", "16:00"]
    assert expected == ends(grid, "2024-11-27 12:00")


def test_bars_of_a_half_day_end_with_it() -> None:
    grid = BarGrid(Stocks(), HOUR)

    assert ["10:30", "11:30", "12:30", "13:00"] == ends(grid, "2024-11-29 12:00")
    assert grid.is_end(at("2024-11-29 13:00"))
    assert not grid.is_end(at("2024-11-29 13:30"))


@pytest.mark.parametrize("day", ["2024-11-28", "2024-11-30", "2024-12-01"])
def test_there_are_no_bars_on_holidays_and_weekends(day: str) -> None:
    grid = BarGrid(Stocks(), HOUR)

    assert grid.end_of_bar(at(f"{day} 12:00")) is None
    assert grid.end_of_tick(at(f"{day} 12:00")) is None
    assert not grid.is_end(at(f"{day} 12:30"))


def test_without_a_length_a_session_is_one_bar() -> None:
    grid = BarGrid(Stocks(), None)

    assert ["13:00"] == ends(grid, "2024-11-29 12:00")
    assert at("2024-11-29 13:00") == grid.end_of_tick(at("2024-11-29 09:30"))
    assert at("2024-11-29 09:30") == grid.start_of(at("2024-11-29 13:00"))


@pytest.mark.parametrize(
    ("before", "after"), [("2024-03-08", "2024-03-11"), ("2024-11-01", "2024-11-04")]
)
def test_a_change_of_the_clock_between_sessions_moves_bars_in_utc(before: str, after: str) -> None:
    grid = BarGrid(Stocks(), 30 * MINUTE)
    first, second = (grid.end_of_tick(at(f"{day} 09:30")) for day in (before, after))

    assert (at(f"{before} 10:00"), at(f"{after} 10:00")) == (first, second)
    assert first is not None
    assert second is not None
    assert first.timetz() != second.timetz()


@pytest.mark.parametrize(
    ("day", "hours"), [("2024-03-10", 22), ("2024-11-03", 24), ("2024-07-10", 23)]
)
def test_a_change_of_the_clock_within_a_session_changes_the_number_of_bars(
    day: str, hours: int
) -> None:
    """The bars last an hour each, also those around the hour that is missing or comes twice."""
    grid = BarGrid(Futures(), HOUR)
    session = Futures().session_of(at(f"{day} 12:00"))
    assert session is not None
    found = grid.ends(session)

    assert hours == len(found)
    assert {HOUR} == {later - earlier for earlier, later in pairwise(found)}
    assert all(grid.is_end(end) for end in found)
    assert [end - HOUR for end in found] == [grid.start_of(end) for end in found]


def test_the_hour_that_comes_twice_is_two_bars() -> None:
    grid = BarGrid(Futures(), HOUR)
    first = at("2024-11-03 01:30")
    second = first.replace(fold=1)

    expected = [datetime(2024, 11, 3, hour, tzinfo=UTC) for hour in (6, 7)]
    assert expected == [grid.end_of_tick(first), grid.end_of_tick(second)]


def test_a_midnight_of_utc_ends_a_day_and_begins_the_next() -> None:
    midnight = datetime(2024, 1, 3, tzinfo=UTC)
    grid = BarGrid(AlwaysOpen(), 7 * HOUR)

    assert midnight == grid.end_of_bar(midnight)
    assert midnight + 7 * HOUR == grid.end_of_tick(midnight)
    assert midnight - 3 * HOUR == grid.start_of(midnight)


def test_a_midnight_within_a_session_means_nothing() -> None:
    """Neither the one of UTC nor the one of the exchange."""
    grid = BarGrid(Futures(), 5 * HOUR)

    assert not grid.is_end(datetime(2024, 7, 10, tzinfo=UTC))
    assert not grid.is_end(at("2024-07-10 00:00"))
    assert at("2024-07-10 04:00") == grid.end_of_tick(at("2024-07-10 00:00"))


def test_trades_at_the_edges_of_a_session() -> None:
    grid = BarGrid(Stocks(), HOUR)
    opens, closes = at("2024-11-27 09:30"), at("2024-11-27 16:00")

    assert at("2024-11-27 10:30") == grid.end_of_tick(opens)
    assert closes == grid.end_of_tick(closes)
    assert grid.end_of_tick(opens - MOMENT) is None
    assert grid.end_of_tick(closes + MOMENT) is None
    assert at("2024-11-27 11:30") == grid.end_of_tick(at("2024-11-27 10:30"))


def test_a_bar_complete_at_the_open_is_in_no_session() -> None:
    grid = BarGrid(Stocks(), HOUR)

    assert grid.end_of_bar(at("2024-11-27 09:30")) is None
    assert at("2024-11-27 10:30") == grid.end_of_bar(at("2024-11-27 10:30"))


def test_no_bar_begins_off_the_grid() -> None:
    grid = BarGrid(Stocks(), HOUR)
    with pytest.raises(InvalidValueError, match="not on the grid of 1:00:00"):
        grid.start_of(at("2024-11-27 10:31"))


def test_a_naive_instant_is_refused() -> None:
    grid = BarGrid(AlwaysOpen(), HOUR)
    naive = datetime(2024, 1, 2)  # noqa: DTZ001
    for question in (grid.end_of_bar, grid.end_of_tick, grid.is_end, grid.start_of):
        with pytest.raises(InvalidValueError):
            question(naive)


@pytest.mark.parametrize("length", [timedelta(), -HOUR])
def test_a_length_is_positive(length: timedelta) -> None:
    with pytest.raises(InvalidValueError, match="must be positive"):
        BarGrid(AlwaysOpen(), length)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2025, 1, 1)),  # noqa: DTZ001
    st.integers(1, 86_400),
    st.sampled_from([AlwaysOpen(), Stocks(), Futures()]),
)
def test_every_instant_of_a_session_is_in_one_bar_of_its_list(
    moment: datetime, seconds: int, calendar: AlwaysOpen | Stocks | Futures
) -> None:
    grid = BarGrid(calendar, timedelta(seconds=seconds))
    instant = moment.replace(tzinfo=UTC)
    end = grid.end_of_bar(instant)
    session = calendar.session_of(instant)

    if end is None or session is None:
        assert (end, session) == (None, None)
        return
    expected = next(one for one in grid.ends(session) if instant <= one)
    assert expected == end
    assert grid.start_of(end) < instant
    assert grid.is_end(end)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", timedelta(seconds=30)),
        ("5min", 5 * MINUTE),
        ("2 h", 2 * HOUR),
        ("1d", None),
    ],
)
def test_lengths_are_read_from_text(text: str, expected: timedelta | None) -> None:
    assert expected == read_bar_length(text)


@pytest.mark.parametrize("text", ["", "0min", "5", "5 minutes", "2d", "-1h"])
def test_other_text_is_no_length(text: str) -> None:
    with pytest.raises(InvalidValueError, match="must be such as"):
        read_bar_length(text)
