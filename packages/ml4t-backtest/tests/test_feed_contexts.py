"""Context is what is known at an instant about the market as a whole."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ml4t.backtest.data.feed import DataFeed
from ml4t.core.errors import DataError

TIMES = pd.to_datetime(["2024-01-02 21:00", "2024-01-03 21:00"], utc=True)
PRICES = pd.DataFrame({"timestamp": TIMES, "symbol": "AAA", "close": [1.0, 2.0]})


def context(**changes):
    return pd.DataFrame({"timestamp": TIMES, "vix": [13.0, 14.0]} | changes)


def values_of(column, name="value"):
    frame = context().drop(columns="vix").assign(**{name: column})
    return [row[name] for row in DataFeed(PRICES, context=frame).contexts]


def refusal_of(frame):
    with pytest.raises(DataError) as caught:
        DataFeed(PRICES, context=frame)
    return str(caught.value)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([1, 2], [1, 2]),
        ([1.5, np.nan], [1.5, None]),
        (pd.array([1, None], "Int64"), [1, None]),
        ([True, False], [True, False]),
        (["bull", None], ["bull", None]),
        (pd.Series(["bull", None], dtype="category"), ["bull", None]),
        ([date(2024, 1, 3), None], [date(2024, 1, 3), None]),
        ([1, "x"], [1, "x"]),
        ([None, None], [None, None]),
        (pd.Series([np.int64(3), "x"], dtype=object), [3, "x"]),
        ([Decimal("1.5"), True], [Decimal("1.5"), True]),
        (
            pd.Series(TIMES),
            [datetime(2024, 1, 2, 21, tzinfo=UTC), datetime(2024, 1, 3, 21, tzinfo=UTC)],
        ),
    ],
    ids=[
        "integers",
        "floats",
        "nullable",
        "booleans",
        "text",
        "category",
        "dates",
        "mixed",
        "nothing",
        "numpy scalar",
        "decimal",
        "instants",
    ],
)
def test_values_are_python_scalars_and_none_where_missing(column, expected):
    values = values_of(column)
    assert values == expected
    assert [type(value) for value in values] == [type(value) for value in expected]


def test_a_column_may_have_any_name_that_is_no_timestamp():
    assert values_of(["SPY", "QQQ"], name="symbol") == ["SPY", "QQQ"]
    assert values_of([1.0, 2.0], name="Close") == [1, 2]


def test_polars_and_arrow_give_the_same_values():
    frame = context(regime=["calm", None], day=[date(2024, 1, 2), None])
    expected = DataFeed(PRICES, context=frame).contexts
    assert DataFeed(PRICES, context=pl.from_pandas(frame)).contexts == expected
    assert DataFeed(PRICES, context=pa.Table.from_pandas(frame)).contexts == expected


def test_a_row_of_no_bar_is_refused():
    expected = (
        "row 1 of context (2024-01-04T21:00:00+00:00): timestamp must be one of a bar, prices has "
        "none at it; move it to a bar or remove the row"
    )
    assert refusal_of(context(timestamp=[TIMES[0], TIMES[1] + pd.Timedelta("1D")])) == expected


def test_two_rows_of_one_instant_are_refused():
    expected = (
        "row 2 of context (2024-01-02T21:00:00+00:00): there must be one row for each timestamp, "
        "row 0 has it already; remove one of them (1 more row has the same fault)"
    )
    assert refusal_of(pd.concat([context(), context()])) == expected


def test_context_needs_a_column_beside_the_timestamps():
    message = "context has no column beside the timestamps; add one"
    assert refusal_of(context()[["timestamp"]]) == message


def test_context_needs_a_timestamp():
    assert "context needs a column named one of timestamp" in refusal_of(context()[["vix"]])


@pytest.mark.parametrize(
    ("column", "shown"),
    [([[1], [2]], "[1]"), ([{"a": 1}, {"a": 2}], "{'a': 1}"), ([1, ()], "()")],
    ids=["list", "struct", "mixed"],
)
def test_a_value_is_a_scalar(column, shown):
    message = refusal_of(context(value=column))
    assert "value must be a number, text, a boolean, a date or a datetime with a timez" in message
    assert f"was {shown}; convert the column" in message


def test_a_datetime_without_zone_is_refused():
    message = refusal_of(context(value=TIMES.tz_localize(None)))
    assert "row 0 of context: value must be a datetime with a timezone, was 2024-01-02" in message
