"""Sessions, and the calendar of a market that never closes."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ml4t.core import AlwaysOpen, InvalidValueError, Session
from ml4t.core.calendar import next_opening

NOON = datetime(2024, 3, 9, 12, tzinfo=UTC)


def test_an_instant_belongs_to_its_day() -> None:
    session = AlwaysOpen().session_of(NOON)

    assert session == Session(
        label=date(2024, 3, 9),
        opens=datetime(2024, 3, 9, tzinfo=UTC),
        closes=datetime(2024, 3, 10, tzinfo=UTC),
    )


def test_a_bar_complete_at_midnight_belongs_to_the_day_that_ends() -> None:
    midnight = datetime(2024, 3, 10, tzinfo=UTC)

    before, after = (AlwaysOpen().session_of(midnight + timedelta(0, s)) for s in (0, 1))
    assert (before.label, before.closes) == (date(2024, 3, 9), midnight)
    assert (after.label, after.opens) == (date(2024, 3, 10), midnight)


def test_the_days_are_those_of_utc() -> None:
    late = datetime(2024, 3, 9, 22, tzinfo=ZoneInfo("America/New_York"))
    session = AlwaysOpen().session_of(late)

    assert session.label == date(2024, 3, 10)


@pytest.mark.parametrize(("hours", "day"), [(-12, 9), (-11, 10), (0, 10), (12, 10), (13, 11)])
def test_the_next_session_is_the_first_that_has_not_opened(hours: int, day: int) -> None:
    session = AlwaysOpen().next_session(NOON + timedelta(hours=hours))

    assert date(2024, 3, day) == session.label


def test_when_a_session_opens_next_is_known_of_calendars_that_can_tell() -> None:
    class Blind:
        def session_of(self, instant: datetime) -> Session | None:
            return None

    assert datetime(2024, 3, 10, tzinfo=UTC) == next_opening(AlwaysOpen(), NOON)
    assert next_opening(Blind(), NOON) is None


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="instant"):
        AlwaysOpen().session_of(datetime(2024, 3, 9))  # noqa: DTZ001


@pytest.mark.parametrize("length", [timedelta(0), timedelta(-1)])
def test_a_session_closes_after_it_opens(length: timedelta) -> None:
    with pytest.raises(InvalidValueError, match="must close after it opens"):
        Session(label=NOON.date(), opens=NOON, closes=NOON + length)


@pytest.mark.parametrize("name", ["opens", "closes"])
def test_a_session_has_a_zone(name: str) -> None:
    instants = {"opens": NOON, "closes": NOON + timedelta(hours=1)}
    instants[name] = instants[name].replace(tzinfo=None)
    with pytest.raises(InvalidValueError, match=name):
        Session(label=NOON.date(), **instants)
