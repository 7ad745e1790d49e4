"""The sessions of exchanges: holidays, half days and changes of the clock."""

import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ml4t.core import ConfigError, DataError, InvalidValueError
from ml4t.core.calendar import next_opening
from ml4t.core.exchange_sessions import ExchangeSessions
from ml4t.live.bars import BarGrid

pytest.importorskip("exchange_calendars")

HOUR = timedelta(hours=1)
NEW_YORK = ExchangeSessions("XNYS")


def closes(day: date) -> datetime | None:
    session = NEW_YORK.session_named(day)
    return None if session is None else session.closes


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2024, 3, 8), datetime(2024, 3, 8, 21, tzinfo=UTC)),
        (date(2024, 3, 11), datetime(2024, 3, 11, 20, tzinfo=UTC)),
        (date(2024, 11, 1), datetime(2024, 11, 1, 20, tzinfo=UTC)),
        (date(2024, 11, 4), datetime(2024, 11, 4, 21, tzinfo=UTC)),
        (date(2024, 11, 28), None),
        (date(2024, 11, 29), datetime(2024, 11, 29, 18, tzinfo=UTC)),
        (date(2024, 11, 30), None),
    ],
    ids=["winter", "summer", "before the change", "after", "holiday", "half day", "weekend"],
)
def test_a_session_closes_when_the_exchange_does(day: date, expected: datetime | None) -> None:
    assert expected == closes(day)


def test_a_session_holds_its_close_and_not_its_opening() -> None:
    session = NEW_YORK.session_named(date(2024, 11, 29))
    assert session is not None
    moment = timedelta(microseconds=1)

    assert session == NEW_YORK.session_of(session.closes)
    assert session == NEW_YORK.session_of(session.opens + moment)
    assert NEW_YORK.session_of(session.opens) is None
    assert NEW_YORK.session_of(session.closes + moment) is None


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2024, 3, 11), 24), (date(2024, 11, 4), 24), (date(2024, 11, 29), 19)],
)
def test_a_session_over_midnight_has_all_its_hours(day: date, hours: int) -> None:
    """Chicago changes its clock on Sunday before the market opens; the Friday is short."""
    chicago = ExchangeSessions("CMES")
    session = chicago.session_named(day)
    assert session is not None

    assert hours == len(BarGrid(chicago, HOUR).ends(session))


def test_the_nearest_session_is_found_from_outside() -> None:
    saturday = datetime(2024, 11, 30, 12, tzinfo=UTC)
    nearest = NEW_YORK.nearest(saturday)

    assert nearest is not None
    assert date(2024, 11, 29) == nearest.label


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (datetime(2024, 11, 27, 14, 30, tzinfo=UTC), date(2024, 11, 27)),
        (datetime(2024, 11, 27, 14, 31, tzinfo=UTC), date(2024, 11, 29)),
        (datetime(2024, 11, 29, 21, tzinfo=UTC), date(2024, 12, 2)),
    ],
    ids=["at the opening", "over a holiday", "over a weekend"],
)
def test_the_next_session_is_the_first_that_has_not_opened(
    instant: datetime, expected: date
) -> None:
    session = NEW_YORK.next_session(instant)

    assert session is not None
    assert (expected, session.opens) == (session.label, next_opening(NEW_YORK, instant))


def test_a_session_beyond_the_end_of_a_calendar_is_not_known() -> None:
    assert ExchangeSessions("XHKG").next_session(datetime(2060, 1, 1, tzinfo=UTC)) is None


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="there is no calendar 'NYSE!'"):
        ExchangeSessions("NYSE!")


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="instant"):
        ExchangeSessions("XNYS").session_of(datetime(2024, 1, 2))  # noqa: DTZ001


def test_a_year_that_a_calendar_does_not_reach_is_refused() -> None:
    with pytest.raises(DataError, match="XKRX has no sessions"):
        ExchangeSessions("XKRX").session_of(datetime(1890, 1, 2, 5, tzinfo=UTC))


def test_without_the_package_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing: Any = None
    monkeypatch.setitem(sys.modules, "exchange_calendars", missing)
    with pytest.raises(ConfigError, match=r'pip install "ml4t-core\[calendars\]"'):
        ExchangeSessions("XNYS")
