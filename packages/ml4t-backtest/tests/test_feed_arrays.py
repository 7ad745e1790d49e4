"""A feed over given arrays is the feed over the same bars in a frame, without a copy."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.backtest.data.feed import DataFeed
from ml4t.core.assets import Asset
from ml4t.core.errors import DataError, InvalidValueError

NAN = np.nan
STAMPS = np.array(["2024-01-02T21:00", "2024-01-03T21:00", "2024-01-04T21:00"], "datetime64[m]")
SYMBOLS = ["AAA", "BBB"]


def columns(**changes):
    """Three instants of two assets with one bar missing, and a signal."""
    close = np.array([[10.0, 20], [11, NAN], [12, 22]])
    return {
        "open": close + 0.25,
        "high": close + 0.5,
        "low": close - 0.5,
        "close": close,
        "volume": close * 10,
        "momentum": close / 100,
    } | changes


def changed(name, row, column, value):
    arrays = columns()
    arrays[name][row, column] = value
    return arrays


def refusal_of(arrays, stamps=STAMPS, symbols=SYMBOLS, **arguments):
    with pytest.raises(DataError) as caught:
        DataFeed.from_arrays(stamps, symbols, arrays, **arguments)
    return str(caught.value)


def test_it_is_the_feed_over_the_same_bars_in_a_frame():
    arrays = columns()
    index = pd.MultiIndex.from_product(
        [pd.DatetimeIndex(STAMPS.astype("M8[us]"), tz="UTC"), SYMBOLS],
        names=["timestamp", "symbol"],
    )
    frame = pd.DataFrame({name: array.ravel() for name, array in arrays.items()}, index).dropna()
    expected = DataFeed(frame.drop(columns="momentum"), frame[["momentum"]])
    feed = DataFeed.from_arrays(STAMPS, SYMBOLS, arrays)
    assert feed.digest == expected.digest
    assert feed.panel.marks.tolist() == expected.panel.marks.tolist()
    assert feed.contexts is None


def test_arrays_are_shared_and_locked():
    arrays = columns()
    feed = DataFeed.from_arrays(STAMPS, SYMBOLS, arrays)
    for name, array in arrays.items():
        assert feed.panel.arrays[name] is array
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_arrays_that_are_refused_are_not_locked():
    arrays = changed("close", 0, 0, -1)
    refusal_of(arrays)
    arrays["close"][0, 0] = 10
    DataFeed.from_arrays(STAMPS, SYMBOLS, arrays)


def test_a_close_alone_serves_as_all_four_prices():
    arrays = {"close": columns()["close"]}
    feed = DataFeed.from_arrays(STAMPS, SYMBOLS, arrays)
    assert all(array is arrays["close"] for array in feed.panel.arrays.values())


def test_terms_can_be_given():
    future = Asset(symbol="BBB", multiplier=50)
    assert DataFeed.from_arrays(STAMPS, SYMBOLS, columns(), assets=[future]).terms["BBB"] == future


@pytest.mark.parametrize(
    "stamps",
    [
        STAMPS.astype("M8[s]"),
        STAMPS.astype("M8[ns]"),
        [datetime(2024, 1, day, 21, tzinfo=UTC) for day in (2, 3, 4)],
        pd.date_range("2024-01-02 16:00", periods=3, tz="America/New_York"),
    ],
    ids=["seconds", "nanoseconds", "datetimes", "pandas"],
)
def test_timestamps_are_datetime64_or_aware_datetimes(stamps):
    expected = DataFeed.from_arrays(STAMPS, SYMBOLS, columns()).digest
    assert DataFeed.from_arrays(stamps, SYMBOLS, columns()).digest == expected


def test_datetime64_are_wall_times_of_the_zone():
    feed = DataFeed.from_arrays(STAMPS, SYMBOLS, columns(), timezone="America/New_York")
    assert feed.times[0].isoformat() == "2024-01-02T21:00:00-05:00"


def test_aware_datetimes_are_instants_shown_in_the_zone():
    stamps = [datetime(2024, 1, day, 21, tzinfo=UTC) for day in (2, 3, 4)]
    feed = DataFeed.from_arrays(stamps, SYMBOLS, columns(), timezone="America/New_York")
    assert feed.times[0].isoformat() == "2024-01-02T16:00:00-05:00"


@pytest.mark.parametrize(
    ("stamps", "message"),
    [
        (
            STAMPS[[0, 2, 1]],
            "row 2: timestamps must ascend, 2024-01-03T21:00:00Z does not come aft",
        ),
        (
            STAMPS[[0, 1, 1]],
            "row 2: timestamps must ascend, 2024-01-03T21:00:00Z does not come aft",
        ),
        (np.array(["2024", "NaT", "2025"], "M8[D]"), "row 1 of timestamps: timestamp is missing"),
        (
            STAMPS.astype("M8[ns]") + np.arange(3).astype("m8[ns]"),
            "row 1 of timestamps: timestamp must be a whole number of microseconds, was 2024-01-03T"
            "21:00:00.000000001",
        ),
        (
            [datetime(2024, 1, day) for day in (2, 3, 4)],  # noqa: DTZ001 - what is refused
            "row 0 of timestamps: timestamp must be an instant with a timezone, was 2024-01-02T00",
        ),
        (
            [datetime(2024, 1, 1, tzinfo=UTC), None, None],
            "row 1 of timestamps: timestamp must be a datetime, was None",
        ),
        ([1, 2, 3], "row 0 of timestamps: timestamp must be a datetime, was 1"),
        (
            np.array(["2024-01-01", "2024-01-02", "3000-01-01"], "M8[D]"),
            "row 2 of timestamps: timestamp must be between the years 1678 and 2262, was 3000-01",
        ),
    ],
    ids=["order", "twice", "NaT", "fine", "naive", "None", "numbers", "far"],
)
def test_timestamps_are_known_and_ascend(stamps, message):
    assert refusal_of(columns(), stamps=stamps).startswith(message)


def test_a_wall_time_that_clocks_show_twice_is_refused():
    stamps = np.array(["2024-11-03T00:30", "2024-11-03T01:30", "2024-11-03T02:30"], "M8[m]")
    message = refusal_of(columns(), stamps=stamps, timezone="America/New_York")
    assert message.startswith("row 1 of timestamps: timestamp must be one instant (clocks of Ame")


def test_symbols_may_be_an_array():
    expected = DataFeed.from_arrays(STAMPS, SYMBOLS, columns())
    feed = DataFeed.from_arrays(STAMPS, np.array(SYMBOLS), columns())
    assert {type(symbol) for symbol in feed.assets} == {str}
    assert feed.digest == expected.digest


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        (["BBB", "AAA"], "row 1 of symbols: symbol must be after 'BBB' in ascending order, was 'A"),
        (["AAA", "AAA"], "row 1 of symbols: symbol must be after 'AAA' in ascending order, was 'A"),
        (["", "AAA"], "row 0 of symbols: symbol must be text without surrounding blanks, was ''"),
        ([1, 2], "row 0 of symbols: symbol must be text without surrounding blanks, was 1"),
    ],
    ids=["order", "twice", "blank", "number"],
)
def test_symbols_are_text_and_ascend(symbols, message):
    assert refusal_of(columns(), symbols=symbols).startswith(message)


def test_there_must_be_a_bar():
    nothing = {"close": np.empty((0, 1))}
    message = refusal_of(nothing, stamps=STAMPS[:0], symbols=["AAA"])
    assert message == "there must be a bar, was 0 timestamps of 1 assets"


@pytest.mark.parametrize(
    ("close", "part"),
    [
        (
            np.ones((2, 3)),
            "must be float64 of shape (3, 2) in C order, was float64 of shape (2, 3)",
        ),
        (np.ones((3, 2), np.float32), "was float32"),
        (np.ones((3, 2), ">f8"), "was >f8"),
        (np.ones((2, 3)).T, "in another order; np.ascontiguousarray(x, np.float64) converts"),
        ([[1.0]], "column 'close' must be a numpy array, was list"),
    ],
    ids=["shape", "single", "foreign", "transposed", "list"],
)
def test_an_array_fits_the_grid_as_it_is(close, part):
    assert part in refusal_of({"close": close})


def test_columns_need_their_prices():
    arrays = columns()
    del arrays["low"]
    assert "columns needs the columns open, high, low, close, or of these" in refusal_of(arrays)


WHERE = "row 2, column 1 of the arrays (2024-01-04T21:00:00+00:00, BBB): "


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("open", NAN, "open must be a positive, finite number, was nan"),
        ("close", -1.0, "close must be a positive, finite number, was -1.0"),
        ("high", 21.0, "high must be at least low, which is 21.5, was 21.0"),
        ("open", 23.0, "open must be between low, which is 21.5, and high, which is 22.5, was 23"),
        ("volume", -1.0, "volume must be a finite number, not negative, was -1.0"),
        ("volume", NAN, "volume must be a finite number, not negative, was nan"),
        ("momentum", np.inf, "momentum must be finite, was inf"),
    ],
)
def test_impossible_numbers_are_refused_as_in_frames(name, value, message):
    assert refusal_of(changed(name, 2, 1, value)).startswith(WHERE + message)


@pytest.mark.parametrize("name", ["volume", "momentum"])
def test_where_no_bar_is_there_is_nothing(name):
    expected = (
        f"row 1, column 1 of the arrays (2024-01-03T21:00:00+00:00, BBB): {name} must be NaN where "
        "all four prices are NaN, which is how a missing bar is written, was 0.0; "
        f"np.where(np.isnan(close), np.nan, {name}) makes it so"
    )
    assert refusal_of(changed(name, 1, 1, 0.0)) == expected


@given(st.integers(0, 5), st.sampled_from(["open", "high", "low", "close"]))
def test_a_bar_with_some_prices_is_refused(cell, name):
    row, column = divmod(cell, 2)
    hole = (row, column) == (1, 1)
    message = refusal_of(changed(name, row, column, 11.0 if hole else NAN))
    assert message.startswith(f"row {row}, column {column} of the arrays")
    assert "must be a positive, finite number, was nan" in message


def test_a_declared_zone_must_exist():
    with pytest.raises(InvalidValueError, match="IANA name"):
        DataFeed.from_arrays(STAMPS, SYMBOLS, columns(), timezone="Nowhere")


def test_a_long_axis_costs_no_datetimes_until_they_are_asked_for():
    count = 300_000
    stamps = np.datetime64("2020-01-01T00:00", "m") + np.arange(count)
    feed = DataFeed.from_arrays(stamps, ["AAA"], {"close": np.ones((count, 1))})
    expected = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=count - 1)
    assert feed.times[-1] == expected
