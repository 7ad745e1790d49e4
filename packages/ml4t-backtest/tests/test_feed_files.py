"""Files are read as what they are, and what they are not is said."""

import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from ml4t.backtest.data.feed import DataFeed
from ml4t.core.errors import DataError

HEADER = "timestamp,symbol,close\n"


def refusal_of(path, **arguments):
    with pytest.raises(DataError) as caught:
        DataFeed(path, **arguments)
    return str(caught.value)


def oracle_file(name):
    """A file of the oracles, which lie beside the repository or where ``ML4T_ORACLES`` says."""
    given = os.environ.get("ML4T_ORACLES")
    folders = [Path(given)] if given else [up / "shared/oracles" for up in Path(__file__).parents]
    found = [path for path in (folder / "data" / name for folder in folders) if path.is_file()]
    if not found:
        pytest.skip(f"the oracle {name} is not beside the repository")
    return found[0]


def test_daily_bars_of_a_csv_file_are_loaded_to_the_last_digit():
    path = oracle_file("synth_daily.csv")
    feed = DataFeed(path, timezone="America/New_York")
    frame = pd.read_csv(path)
    assert (len(feed), feed.assets) == (757, ("AAA", "BBB", "CCC", "DDD", "EEE"))
    for name in ("open", "high", "low", "close", "volume"):
        expected = frame.pivot(index="date", columns="symbol", values=name)
        assert (feed.panel.arrays[name] == expected.to_numpy()).all()
    days = sorted(frame["date"].unique())
    assert [when.isoformat()[:19] for when in feed.times] == [f"{day}T00:00:00" for day in days]
    assert feed.digest == DataFeed(frame, timezone="America/New_York").digest


def test_minute_bars_of_a_csv_file_are_loaded():
    path = oracle_file("synth_minute.csv")
    feed = DataFeed(path, timezone="America/New_York")
    frame = pd.read_csv(path)
    assert feed.times[0].isoformat() == "2021-06-07T09:30:00-04:00"
    assert len(feed) == frame["timestamp"].nunique()
    assert feed.digest == DataFeed(frame, timezone="America/New_York").digest


def test_wall_times_of_a_csv_file_need_a_declared_zone(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(HEADER + "2024-01-02,SPY,1\n2024-01-03,SPY,2\n")
    assert "row 0 of prices: timestamp must be an instant with a timezone" in refusal_of(path)


def test_symbols_of_a_csv_file_are_text_whatever_they_look_like(tmp_path):
    path = tmp_path / "prices.csv"
    symbols = ["005930", "NA", "NaN", "TRUE", "null"]
    path.write_text(HEADER + "".join(f"2024-01-02T21:00Z,{symbol},1\n" for symbol in symbols))
    assert DataFeed(path).assets == tuple(symbols)


def test_a_csv_file_may_begin_with_a_mark_of_its_encoding(tmp_path):
    path = tmp_path / "prices.CSV"
    path.write_text("symbol,timestamp,close\nNA,2024-01-02T21:00Z,1\n", encoding="utf-8-sig")
    assert DataFeed(path).assets == ("NA",)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2024-01-02T21:00Z,,1", "row 0 of prices: symbol must be text without surrounding blanks"),
        (",SPY,1", "row 0 of prices: timestamp is missing"),
        ("2024-01-02T21:00Z,SPY,", "close must be a positive, finite number, was nan"),
        ("2024-01-02T21:00Z,SPY,inf", "close must be a positive, finite number, was inf"),
        ("2024-01-02T21:00Z,SPY,ten", "row 0 of prices: close must be a number"),
        ("20240102,SPY,1", "row 0 of prices: timestamp must be a datetime (the column has type in"),
        ("21:00:00,SPY,1", "row 0 of prices: timestamp must be a datetime (the column has type ti"),
        ("2024-01-02T21:00Z,SPY", "cannot be read as csv: CSV parse error: Expected 3 columns"),
    ],
    ids=["symbol", "timestamp", "price", "inf", "word", "number", "time", "short"],
)
def test_a_faulty_row_of_a_csv_file_is_refused(tmp_path, row, message):
    path = tmp_path / "prices.csv"
    path.write_text(f"{HEADER}{row}\n")
    assert message in refusal_of(path)


def test_an_empty_csv_file_is_refused(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("")
    assert "prices.csv cannot be read as csv: Empty CSV file" in refusal_of(path)
    path.write_text(HEADER)
    assert refusal_of(path) == "prices has no rows; it needs at least one"


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    path = tmp_path / "prices.parquet"
    path.write_text(HEADER)
    assert "prices.parquet cannot be read as parquet" in refusal_of(path)


@pytest.mark.parametrize("name", ["prices.xlsx", "prices"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    message = f"{name}: the name of a file of market data must end in .parquet or .csv"
    assert message in refusal_of(tmp_path / name)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path, ending):
    with pytest.raises(FileNotFoundError):
        DataFeed(tmp_path / f"prices.{ending}")


def test_the_unnamed_index_that_pandas_stores_is_no_column(tmp_path):
    times = pd.to_datetime(["2024-01-02", "2024-01-03"], utc=True)
    frame = pd.DataFrame({"timestamp": times, "symbol": "SPY", "close": [1.0, 2.0]})
    path = tmp_path / "prices.parquet"
    frame.set_index(pd.Index(["x", "y"])).to_parquet(path)
    assert "__index_level_0__" in parquet.read_schema(path).names
    assert DataFeed(path).digest == DataFeed(frame).digest


def test_groups_of_rows_with_symbols_of_their_own_are_one_file(tmp_path):
    times = pd.date_range("2024-01-01", periods=4, tz="UTC")
    frame = pd.DataFrame(
        {"timestamp": times, "symbol": ["D", "A", "C", "B"], "close": [1.0, 2, 3, 4]}
    )
    path = tmp_path / "prices.parquet"
    parquet.write_table(pa.Table.from_pandas(frame), path, row_group_size=1)
    assert DataFeed(path).digest == DataFeed(frame).digest


def test_symbols_of_a_parquet_file_must_be_text(tmp_path):
    times = pd.date_range("2024-01-01", periods=2, tz="UTC")
    path = tmp_path / "prices.parquet"
    pd.DataFrame({"timestamp": times, "symbol": [1, 2], "close": 1.0}).to_parquet(path)
    assert "row 0 of prices: symbol must be text without surrounding blanks, was 1" in refusal_of(
        path
    )
