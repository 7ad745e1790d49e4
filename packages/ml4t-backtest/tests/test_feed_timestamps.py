"""Every timestamp is one known instant, or the row is refused."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ml4t.backtest.data.feed import DataFeed
from ml4t.core.errors import DataError, InvalidValueError

NEW_YORK = "America/New_York"


def prices(timestamps):
    """One bar at each timestamp, each of another asset."""
    symbols = [f"S{row}" for row in range(len(timestamps))]
    return pd.DataFrame({"timestamp": timestamps, "symbol": symbols, "close": 1.0})


def seen(timestamps, **arguments):
    """What a strategy sees as timestamps."""
    return [when.isoformat() for when in DataFeed(prices(timestamps), **arguments).times]


def refusal_of(timestamps, **arguments):
    with pytest.raises(DataError) as caught:
        DataFeed(prices(timestamps), **arguments)
    return str(caught.value)


AWARE = pd.to_datetime(["2024-01-02 21:00", "2024-07-02 20:00"], utc=True)


@pytest.mark.parametrize(
    ("timestamps", "expected"),
    [
        (AWARE, ["2024-01-02T21:00:00+00:00", "2024-07-02T20:00:00+00:00"]),
        (AWARE.tz_convert(NEW_YORK), ["2024-01-02T16:00:00-05:00", "2024-07-02T16:00:00-04:00"]),
        (
            AWARE.tz_convert(timezone(timedelta(hours=5))),
            ["2024-01-02T21:00:00+00:00", "2024-07-02T20:00:00+00:00"],
        ),
        (
            ["2024-01-02T16:00:00-05:00", "2024-07-02T16:00:00-04:00"],
            ["2024-01-02T21:00:00+00:00", "2024-07-02T20:00:00+00:00"],
        ),
        (
            pd.Series(AWARE.tz_convert(NEW_YORK), dtype=object),
            ["2024-01-02T16:00:00-05:00", "2024-07-02T16:00:00-04:00"],
        ),
        (
            pd.Series([datetime(2024, 1, 2, tzinfo=ZoneInfo(NEW_YORK))], dtype=object),
            ["2024-01-02T00:00:00-05:00"],
        ),
    ],
    ids=["UTC", "named", "offset", "text", "objects", "datetimes"],
)
def test_without_a_declared_zone_the_zone_of_the_data_is_seen(timestamps, expected):
    assert seen(timestamps) == expected


def test_a_declared_zone_is_seen_and_moves_no_instant():
    expected = ["2024-01-02T16:00:00-05:00", "2024-07-02T16:00:00-04:00"]
    assert seen(AWARE, timezone=NEW_YORK) == expected
    assert seen(AWARE.tz_convert("Asia/Tokyo"), timezone=NEW_YORK) == expected


@pytest.mark.parametrize(
    "timestamps",
    [
        pd.to_datetime(["2024-01-02", "2024-07-02"]),
        [date(2024, 1, 2), date(2024, 7, 2)],
        [datetime(2024, 1, 2), date(2024, 7, 2)],  # noqa: DTZ001 - wall times
        ["2024-01-02", "2024-07-02 00:00"],
        pd.Series(["2024-01-02", "2024-07-02"], dtype="category"),
        pd.Series([date(2024, 1, 2), date(2024, 7, 2)], dtype=pd.ArrowDtype(pa.date32())),
        pd.Series([date(2024, 1, 2), date(2024, 7, 2)], dtype=pd.ArrowDtype(pa.date64())),
    ],
    ids=["datetimes", "dates", "both", "text", "category", "date32", "date64"],
)
def test_wall_times_need_a_declared_zone_and_are_of_it(timestamps):
    expected = ["2024-01-02T00:00:00-05:00", "2024-07-02T00:00:00-04:00"]
    assert seen(timestamps, timezone=NEW_YORK) == expected
    message = (
        "row 0 of prices: timestamp must be an instant with a timezone, was 2024-01-02T00:00:00; "
        'say which clock it is, such as timezone="America/New_York", or localize it '
        "(1 more row has the same fault)"
    )
    assert refusal_of(timestamps) == message


def test_polars_dates_and_naive_datetimes_are_wall_times():
    frame = pl.from_pandas(prices(pd.to_datetime(["2024-01-02", "2024-07-02"])))
    expected = ["2024-01-02T00:00:00-05:00", "2024-07-02T00:00:00-04:00"]
    for kind in (pl.Datetime("ms"), pl.Date):
        feed = DataFeed(frame.with_columns(pl.col("timestamp").cast(kind)), timezone=NEW_YORK)
        assert [when.isoformat() for when in feed.times] == expected


@pytest.mark.parametrize(
    "convert", [pd.to_datetime, list, lambda texts: [datetime.fromisoformat(x) for x in texts]]
)
def test_a_wall_time_that_clocks_show_twice_is_refused(convert):
    texts = ["2024-11-03 00:30", "2024-11-03 01:30", "2024-11-03 01:59", "2024-11-03 02:00"]
    expected = (
        "row 1 of prices: timestamp must be one instant (clocks of America/New_York show it "
        "twice), was 2024-11-03T01:30:00; give timestamps with a timezone, such as UTC "
        "(1 more row has the same fault)"
    )
    assert refusal_of(convert(texts), timezone=NEW_YORK) == expected


def test_a_wall_time_that_clocks_skip_is_refused():
    texts = ["2024-03-10 01:59", "2024-03-10 03:00", "2024-03-10 02:00"]
    message = refusal_of(texts, timezone=NEW_YORK)
    assert "row 2 of prices: timestamp must be an instant (clocks of America/New_York sk" in message


def test_around_a_change_of_the_clocks_wall_times_are_known():
    texts = ["2024-03-10 01:59", "2024-03-10 03:00", "2024-11-03 00:59", "2024-11-03 02:00"]
    expected = [
        "2024-03-10T01:59:00-05:00",
        "2024-03-10T03:00:00-04:00",
        "2024-11-03T00:59:00-04:00",
        "2024-11-03T02:00:00-05:00",
    ]
    assert seen(texts, timezone=NEW_YORK) == expected


def test_both_instants_of_one_wall_time_are_bars_of_their_own():
    twice = pd.to_datetime(["2024-11-03 05:30", "2024-11-03 06:30"], utc=True)
    expected = ["2024-11-03T01:30:00-04:00", "2024-11-03T01:30:00-05:00"]
    assert seen(twice, timezone=NEW_YORK) == expected
    assert seen(twice.tz_convert(NEW_YORK)) == expected


def test_datetimes_that_differ_in_their_fold_alone_are_two_instants():
    zone = ZoneInfo(NEW_YORK)
    twice = [datetime(2024, 11, 3, 1, 30, tzinfo=zone, fold=fold) for fold in (0, 1)]
    expected = ["2024-11-03T01:30:00-04:00", "2024-11-03T01:30:00-05:00"]
    assert seen(pd.Series(twice, dtype=object)) == expected


@pytest.mark.parametrize(
    ("other", "shown"),
    [
        (pd.Timestamp("2024-07-02", tz="Asia/Tokyo"), "2024-07-02T00:00:00+09:00"),
        (pd.Timestamp("2024-07-02"), "2024-07-02T00:00:00"),
        (date(2024, 7, 2), "2024-07-02"),
    ],
    ids=["zone", "none", "date"],
)
@pytest.mark.parametrize("declared", [{}, {"timezone": NEW_YORK}], ids=["own", "declared"])
def test_objects_of_several_zones_are_refused(other, shown, declared):
    message = refusal_of(pd.Series([AWARE[0], AWARE[1], other], dtype=object), **declared)
    expected = f"row 2 of prices: timestamp must be in the timezone of row 0, UTC, was {shown}"
    assert message.startswith(expected)


def test_objects_without_zone_beside_one_with_are_refused():
    message = refusal_of(pd.Series([pd.Timestamp("2024-01-01"), AWARE[0]], dtype=object))
    assert message.startswith("row 1 of prices: timestamp must be without timezone as row 0")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-01-02T21:00Z", "2024-01-03T21:00"], "row 1 of prices: timestamp must be with a"),
        (["2024-01-02T21:00", "2024-01-03T21:00Z"], "row 1 of prices: timestamp must be without"),
    ],
    ids=["aware first", "naive first"],
)
def test_text_with_and_without_offset_is_refused(texts, expected):
    assert refusal_of(texts, timezone=NEW_YORK).startswith(expected)


@pytest.mark.parametrize("text", ["yesterday", "02/01/2024", "", "2024-13-01", "16:00"])
def test_text_that_is_no_timestamp_is_refused(text):
    message = refusal_of(["2024-01-02T21:00Z", text], timezone=NEW_YORK)
    expected = "row 1 of prices: timestamp must be text in ISO 8601, to the microsecond at most, "
    assert message.startswith(f"{expected}was {text!r}; write it like 2024-01-02T16:00:00-05:00")


@pytest.mark.parametrize(
    ("timestamps", "kind"),
    [
        ([1704229200, 1704315600], "int64"),
        ([1704229200.5, 1704315600.5], "double"),
        ([True, False], "bool"),
        (pd.Series([timedelta(1), timedelta(2)]), "duration"),
        (pd.period_range("2024-01-02", periods=2), "period"),
    ],
    ids=["integer", "float", "boolean", "duration", "period"],
)
def test_what_is_no_datetime_is_refused(timestamps, kind):
    message = refusal_of(timestamps, timezone=NEW_YORK)
    assert message.startswith("row 0 of prices: timestamp must be a datetime (the column has type")
    assert kind in message
    assert "convert it, such as pandas.to_datetime" in message


def test_an_object_that_is_no_datetime_is_refused():
    message = refusal_of(pd.Series([AWARE[0], "soon"], dtype=object))
    assert message.startswith("row 1 of prices: timestamp must be a datetime, was 'soon'; make")


@pytest.mark.parametrize("kind", [object, "datetime64[us, UTC]"])
def test_a_missing_timestamp_is_refused(kind):
    message = refusal_of(pd.Series([AWARE[0], pd.NaT, pd.NaT], dtype=kind))
    expected = (
        "row 1 of prices: timestamp is missing; fill it in or remove the row "
        "(1 more row has the same fault)"
    )
    assert message == expected


def test_a_column_of_nothing_is_missing_at_row_0():
    assert refusal_of([None, None]).startswith("row 0 of prices: timestamp is missing")


@pytest.mark.parametrize(
    "timestamps",
    [
        pd.DatetimeIndex(["2024-01-02T21:00:00.000000001Z", "2024-01-03T21:00:00Z"]),
        pd.Series(
            pd.DatetimeIndex(["2024-01-02T21:00:00.000000001Z", "2024-01-03T21:00:00Z"]),
            dtype=object,
        ),
    ],
    ids=["column", "objects"],
)
def test_what_is_finer_than_a_microsecond_is_refused(timestamps):
    expected = (
        "row 0 of prices: timestamp must be a whole number of microseconds, was "
        "2024-01-02T21:00:00.000000001Z; round it"
    )
    assert refusal_of(timestamps) == expected


def test_text_finer_than_a_microsecond_is_refused():
    texts = ["2024-01-02T21:00:00.000000Z", "2024-01-02T21:00:00.0000000Z"]
    assert seen(texts) == ["2024-01-02T21:00:00+00:00"]
    assert refusal_of(["2024-01-02T21:00:00.0000001Z"]).startswith("row 0 of prices: timestamp")


@pytest.mark.parametrize("year", [1677, 2262, 9999])
def test_years_that_nanoseconds_cannot_count_are_refused(year):
    column = pd.Series([datetime(year, 6, 1, tzinfo=UTC)])
    for timestamps in (column.astype("datetime64[us, UTC]"), column.astype(object)):
        message = refusal_of(timestamps)
        expected = f"between the years 1678 and 2262, was {year}-06-01T00:00:00; remove the row"
        assert expected in message


def test_microseconds_survive():
    assert seen(["2024-01-02T21:00:00.123456Z"]) == ["2024-01-02T21:00:00.123456+00:00"]


def test_a_declared_zone_must_exist():
    with pytest.raises(InvalidValueError, match="timezone must be an IANA name"):
        DataFeed(prices(AWARE), timezone="EST5EDT4")


def test_sessions_are_days_of_the_zone_that_is_seen():
    evening = pd.to_datetime(["2024-01-03 01:00"], utc=True)
    days = [
        DataFeed(prices(evening), timezone=name).times.sessions[0] for name in ("UTC", NEW_YORK)
    ]
    assert days == [date(2024, 1, 3).toordinal(), date(2024, 1, 2).toordinal()]


def test_signals_and_context_meet_prices_of_another_zone_at_the_instant():
    tokyo = prices(AWARE.tz_convert("Asia/Tokyo"))
    signals = prices(AWARE.tz_convert(NEW_YORK)).rename(columns={"close": "signal"})
    context = pd.DataFrame({"timestamp": AWARE, "vix": [13.0, 14.0]})
    feed = DataFeed(tokyo, signals, context)
    assert np.nansum(feed.panel.arrays["signal"]) == 2
    assert [row["vix"] for row in feed.contexts] == [13, 14]
