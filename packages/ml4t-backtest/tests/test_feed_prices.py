"""Impossible prices are refused, and the message says where, what and what to do."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.backtest.data import checks
from ml4t.backtest.data.feed import DataFeed
from ml4t.core.bars import Bar
from ml4t.core.errors import DataError

TIMES = pd.to_datetime(["2024-01-02 21:00", "2024-01-03 21:00"] * 2, utc=True)
LIBRARIES = [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas]
NAMES = ["pandas", "polars", "arrow"]


def prices(**changes):
    """Four sound bars of two assets, with changes; a column changed to None is left out."""
    columns = {
        "timestamp": TIMES,
        "symbol": ["AAA", "AAA", "BBB", "BBB"],
        "open": [1.0, 2, 3, 4],
        "high": [1.5, 2.5, 3.5, 4.5],
        "low": [0.5, 1.5, 2.5, 3.5],
        "close": [1.25, 2.25, 3.25, 4.25],
        "volume": [1.0, 2, 3, 4],
    } | changes
    return pd.DataFrame({name: column for name, column in columns.items() if column is not None})


def refusal_of(frame, **arguments):
    with pytest.raises(DataError) as caught:
        DataFeed(frame, **arguments)
    return str(caught.value)


ROW_1 = "row 1 of prices (2024-01-03T21:00:00+00:00, AAA): "
REPAIR = "; repair the value or remove the row"


@pytest.mark.parametrize("library", LIBRARIES, ids=NAMES)
@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, -np.inf, np.nan, None])
def test_a_price_is_a_positive_finite_number(library, field, value):
    column = prices()[field].astype(object)
    column[1] = column[3] = value
    shown = np.nan if value is None else value
    expected = f"{ROW_1}{field} must be a positive, finite number, was {shown}{REPAIR}"
    frame = library(prices(**{field: column.astype(float)}))
    assert refusal_of(frame) == f"{expected} (1 more row has the same fault)"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"high": [1.5, 1.4, 3.5, 4.5]}, "high must be at least low, which is 1.5, was 1.4"),
        (
            {"open": [1, 9.0, 3, 4]},
            "open must be between low, which is 1.5, and high, which is 2.5, was 9.0",
        ),
        (
            {"close": [1, 1.0, 3, 4]},
            "close must be between low, which is 1.5, and high, which is 2.5, was 1.0",
        ),
        ({"volume": [1, -1.0, 3, 4]}, "volume must be a finite number, not negative, was -1.0"),
        ({"volume": [1, np.nan, 3, 4]}, "volume must be a finite number, not negative, was nan"),
        ({"volume": [1, np.inf, 3, 4]}, "volume must be a finite number, not negative, was inf"),
    ],
    ids=["high", "open", "close", "volume -1", "volume nan", "volume inf"],
)
def test_the_numbers_of_a_bar_must_fit_each_other(changes, message):
    assert refusal_of(prices(**changes)) == f"{ROW_1}{message}{REPAIR}"


def test_the_row_is_counted_as_given_whatever_the_order_or_the_index():
    frame = prices(close=[1.25, -7.0, 3.25, 4.25]).iloc[[3, 2, 1, 0]]
    message = "row 2 of prices (2024-01-03T21:00:00+00:00, AAA): close must be positive"
    assert message.replace("positive", "a positive, finite number, was -7.0") in refusal_of(frame)


def test_a_fault_far_down_is_found_and_counted(monkeypatch):
    monkeypatch.setattr(checks, "_BLOCK", 3)
    days = pd.date_range("2020-01-01", periods=20, tz="UTC")
    close = np.ones(20)
    close[[13, 14, 19]] = -1
    frame = pd.DataFrame({"timestamp": days, "symbol": "A", "close": close})
    message = refusal_of(frame)
    assert message.startswith("row 13 of prices (2020-01-14T00:00:00+00:00, A): close must be")
    assert message.endswith("(2 more rows have the same fault)")


def test_of_a_close_alone_only_the_close_is_blamed():
    frame = prices(open=None, high=None, low=None, close=[1, np.nan, 1, 1])
    assert refusal_of(frame).startswith(f"{ROW_1}close must be a positive, finite number, was nan")


ANY = st.sampled_from([0.0, 1.0, 2.0, 3.0, -1.0, np.inf, np.nan])


@given(st.tuples(ANY, ANY, ANY, ANY, ANY))
def test_a_bar_is_refused_exactly_when_it_could_not_be_a_bar(numbers):
    names = ("open", "high", "low", "close", "volume")
    bar = dict(zip(names, numbers, strict=True))
    frame = pd.DataFrame({"timestamp": TIMES[:1], "symbol": "A"} | bar)
    try:
        Bar(timestamp=TIMES[0].to_pydatetime(), asset="A", **bar)
    except DataError:
        refusal_of(frame)
    else:
        assert dict(zip(names, numbers, strict=True)) == {
            name: float(array[0, 0]) for name, array in DataFeed(frame).panel.arrays.items()
        }


@pytest.mark.parametrize("library", LIBRARIES, ids=NAMES)
def test_two_rows_of_one_bar_are_refused(library):
    frame = pd.concat([prices(), prices().iloc[[2, 0]]], ignore_index=True)
    expected = (
        "row 4 of prices (2024-01-02T21:00:00+00:00, BBB): there must be one row for each "
        "timestamp and asset, row 2 has both already; remove one of them "
        "(1 more row has the same fault)"
    )
    assert refusal_of(library(frame)) == expected


@pytest.mark.parametrize("library", LIBRARIES, ids=NAMES)
def test_a_frame_needs_rows(library):
    assert refusal_of(library(prices().iloc[:0])) == "prices has no rows; it needs at least one"


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"symbol": None}, ["one of symbol, asset, ticker", "has timestamp, open", "add one"]),
        ({"timestamp": None}, ["one of timestamp, datetime, date, time", "pandas index counts"]),
        ({"high": None}, ["open, high, low, close, or of these close alone; high not found"]),
        ({"close": None}, ["close not found among timestamp, symbol, open, high, low, volume"]),
        ({"open": None, "low": None}, ["open, low not found"]),
    ],
    ids=["symbol", "timestamp", "high", "close", "two"],
)
def test_a_missing_column_is_named(changes, parts):
    message = refusal_of(prices(**changes))
    assert [part for part in parts if part not in message] == []


def test_a_frame_of_one_asset_says_what_to_add():
    expected = 'for a single asset add one, such as frame["symbol"] = "SPY"'
    assert refusal_of(prices(symbol=None)).endswith(expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ticker": "A"}, "prices has the columns 'symbol' and 'ticker' for one thing; keep one"),
        ({"date": TIMES}, "prices has the columns 'timestamp' and 'date' for one thing; keep one"),
        ({"Close": 1.0}, "prices has the columns 'close' and 'Close' for one thing; keep one"),
    ],
    ids=["asset", "time", "close"],
)
def test_two_columns_for_one_thing_are_refused(changes, message):
    assert message in refusal_of(prices(**changes))


def test_two_columns_of_one_name_are_refused():
    twice = pd.concat([prices(), prices()[["close"]]], axis=1)
    assert "the columns 'close' and 'close' for one thing; keep one" in refusal_of(twice)
    table = pa.table([[1], [2]], names=["close", "close"])
    assert "prices has two columns of one name; keep one of them" in refusal_of(table)


def test_a_column_that_is_also_an_index_level_is_refused():
    frame = prices().set_index("timestamp", drop=False)
    message = "prices has 'timestamp' as a column and as an index level; drop one of them"
    assert refusal_of(frame) == message


def test_a_wide_frame_is_told_from_a_long_one():
    wide = prices().pivot(index="timestamp", columns="symbol")
    expected = (
        "column names of prices must be text, was ('open', 'AAA'); rows are in long format, one "
        "for each timestamp and asset"
    )
    assert refusal_of(wide) == expected


def test_a_column_that_is_no_field_of_a_bar_is_not_dropped_in_silence():
    message = refusal_of(prices(momentum=1.0, sector="tech"))
    assert "prices has the column 'momentum', which is no field of a bar" in message
    assert "as `signals=`, or drop it (also sector)" in message
    assert refusal_of(prices(momentum=1.0)).endswith("as `signals=`, or drop it")


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["1", "2", "x", "4"], r"row 2 of prices: close must be a number .*String\), was 'x'"),
        (["1", "2", "3", "4"], r"row 0 of prices: close must be a number .*String\), was '1'"),
        ([1.0, None, "3", 4.0], r"row 2 of prices: close must be a number .*Object\), was '3'"),
        ([1.0, None, (), 4.0], r"row 2 of prices: close must be a number .*Object\), was \(\)"),
        ([True] * 4, r"row 0 of prices: close must be a number .*Boolean\), was True; convert"),
    ],
    ids=["text", "numbers as text", "mixed", "anything", "booleans"],
)
def test_a_price_column_holds_numbers(column, expected):
    with pytest.raises(DataError, match=expected):
        DataFeed(prices(close=column))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ([1, 2], "was list"),
        ({"close": [1]}, "was dict"),
        (None, "was NoneType"),
        (pl.from_pandas(prices()).lazy(), "was LazyFrame"),
    ],
    ids=["list", "dict", "None", "lazy"],
)
def test_what_is_no_frame_is_refused(source, shown):
    message = refusal_of(source)
    assert "prices must be a pandas, polars or pyarrow table or the path of" in message
    assert shown in message


@pytest.mark.parametrize("library", LIBRARIES, ids=NAMES)
def test_a_missing_symbol_is_refused(library):
    frame = library(prices(symbol=["AAA", None, "BBB", None]))
    expected = (
        "row 1 of prices: symbol is missing; fill it in or remove the row "
        "(1 more row has the same fault)"
    )
    assert refusal_of(frame) == expected


@pytest.mark.parametrize("blank", ["", " BBB", "BBB "])
@pytest.mark.parametrize("kind", ["str", "category"])
def test_a_symbol_is_text_without_surrounding_blanks(blank, kind):
    symbols = pd.Series(["AAA", "AAA", blank, blank], dtype=kind)
    expected = (
        f"row 2 of prices: symbol must be text without surrounding blanks, was {blank!r}; convert "
        "or strip it (1 more row has the same fault)"
    )
    assert refusal_of(prices(symbol=symbols)) == expected


@pytest.mark.parametrize("library", LIBRARIES, ids=NAMES)
def test_a_symbol_is_no_number(library):
    message = refusal_of(library(prices(symbol=[7, 7, 8, 8])))
    assert "row 0 of prices: symbol must be text without surrounding blanks, was 7" in message


def test_a_symbol_is_no_list():
    table = pa.Table.from_pandas(prices()).set_column(1, "symbol", pa.array([["AAA"]] * 4))
    expected = "row 0 of prices: symbol must be text without surrounding blanks, was ['AAA'];"
    assert refusal_of(table).startswith(expected)


def test_a_symbol_among_other_objects_is_refused():
    message = refusal_of(prices(symbol=["AAA", "AAA", 8, 8]))
    assert "row 2 of prices: symbol must be text without surrounding blanks, was 8" in message


def test_symbols_may_be_python_objects():
    objects = pl.Series("symbol", prices()["symbol"].to_list(), dtype=pl.Object)
    frame = pl.from_pandas(prices()).with_columns(objects)
    assert DataFeed(frame).digest == DataFeed(prices()).digest


def test_a_missing_entry_of_a_dictionary_is_a_missing_value():
    symbols = pa.DictionaryArray.from_arrays(pa.array([0, 0, 1, 1]), pa.array(["AAA", None]))
    table = pa.Table.from_pandas(prices()).set_column(1, "symbol", symbols)
    assert refusal_of(table).startswith("row 2 of prices: symbol is missing")
