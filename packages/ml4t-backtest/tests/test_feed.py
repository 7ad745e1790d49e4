"""A feed is the same whatever library, order, index or file its frames come in."""

import os
import subprocess
import sys
from datetime import UTC
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from ml4t.backtest.data.feed import DataFeed
from ml4t.core.assets import Asset
from ml4t.core.bars import PRICE_FIELDS
from ml4t.core.errors import DataError, InvalidValueError

TIMES = pd.to_datetime(["2024-01-02 21:00", "2024-01-03 21:00", "2024-01-04 21:00"], utc=True)
NAN = np.nan

PRICES = pd.DataFrame(
    {
        "timestamp": [TIMES[0], TIMES[1], TIMES[2], TIMES[0], TIMES[2]],
        "symbol": ["AAA", "AAA", "AAA", "BBB", "BBB"],
        "open": [10.0, 11, 12, 20, 22],
        "high": [10.5, 11.5, 12.5, 20.5, 22.5],
        "low": [9.5, 10.5, 11.5, 19.5, 21.5],
        "close": [10.25, 11.25, 12.25, 20.25, 22.25],
        "volume": [100, 0, 300, 400, 500],
    }
)
SIGNALS = pd.DataFrame(
    {
        "timestamp": [TIMES[2], TIMES[0], TIMES[0]],
        "symbol": ["AAA", "BBB", "AAA"],
        "value": [3.0, NAN, 1.0],
        "momentum": [0.3, 0.2, 0.1],
    }
)
CONTEXT = pd.DataFrame(
    {"timestamp": [TIMES[2], TIMES[0]], "vix": [13.5, NAN], "regime": ["calm", "wild"]}
)
FRAMES = (PRICES, SIGNALS, CONTEXT)
KEYS = ("timestamp", "symbol")
DIGEST = DataFeed(*FRAMES).digest


def as_files(folder, ending):
    paths = []
    for name, frame in zip(("prices", "signals", "context"), FRAMES, strict=True):
        path = folder / f"{name}.{ending}"
        if ending == "parquet":
            parquet.write_table(pa.Table.from_pandas(frame), path)
        else:
            frame.to_csv(path, index=False)
        paths.append(path)
    return paths


def run_python(code, **environment):
    """What a program prints in a process of its own."""
    run = subprocess.run(  # noqa: S603 - this interpreter, code of this file
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


def test_bars_stand_on_a_grid_of_instants_and_sorted_symbols():
    feed = DataFeed(PRICES)
    assert ("AAA", "BBB") == feed.assets
    assert TIMES.tolist() == list(feed.times)
    assert 3 == len(feed)
    arrays = feed.panel.arrays
    np.testing.assert_array_equal([[10, 20], [11, NAN], [12, 22]], arrays["open"])
    np.testing.assert_array_equal([[10.5, 20.5], [11.5, NAN], [12.5, 22.5]], arrays["high"])
    np.testing.assert_array_equal([[9.5, 19.5], [10.5, NAN], [11.5, 21.5]], arrays["low"])
    np.testing.assert_array_equal([[10.25, 20.25], [11.25, NAN], [12.25, 22.25]], arrays["close"])
    np.testing.assert_array_equal([[100, 400], [0, NAN], [300, 500]], arrays["volume"])


def test_signals_stand_beside_their_bars_and_are_nan_elsewhere():
    arrays = DataFeed(PRICES, SIGNALS).panel.arrays
    assert [*PRICE_FIELDS, "volume", "momentum", "value"] == list(arrays)
    np.testing.assert_array_equal([[0.1, 0.2], [NAN, NAN], [0.3, NAN]], arrays["momentum"])
    np.testing.assert_array_equal([[1, NAN], [NAN, NAN], [3, NAN]], arrays["value"])


def test_context_is_a_mapping_for_each_instant():
    contexts = DataFeed(PRICES, context=CONTEXT).contexts
    expected = [{"regime": "wild", "vix": None}, {}, {"regime": "calm", "vix": 13.5}]
    assert expected == [dict(context) for context in contexts]


def test_without_a_frame_of_context_there_are_no_contexts():
    assert DataFeed(PRICES).contexts is None


def test_contexts_cannot_be_changed():
    contexts = DataFeed(PRICES, context=CONTEXT).contexts
    for context in contexts:
        with pytest.raises(TypeError):
            context["vix"] = 0


@pytest.mark.parametrize(
    "convert",
    [
        pl.from_pandas,
        pa.Table.from_pandas,
        lambda frame: pa.Table.from_pandas(pd.concat([frame[:1], frame[1:]])),
        lambda frame: pd.concat([frame[:1], frame[1:]]),
        lambda frame: frame.astype({"symbol": "category"} if "symbol" in frame else {}),
        lambda frame: frame.astype({"symbol": object} if "symbol" in frame else {}),
        lambda frame: frame.convert_dtypes(),
        lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
        lambda frame: frame.set_index([name for name in KEYS if name in frame]),
        lambda frame: frame.set_index("timestamp"),
        lambda frame: frame.rename(columns=str.title),
        lambda frame: frame.rename(columns={"timestamp": "date", "symbol": "TICKER"}),
        lambda frame: frame.rename(columns={"timestamp": "DateTime", "symbol": "asset"}),
        lambda frame: frame.rename(columns={"timestamp": "time"}),
        lambda frame: frame[frame.columns[::-1]],
        lambda frame: frame.astype({"timestamp": object}),
        lambda frame: frame.assign(timestamp=frame.timestamp.map(lambda when: when.isoformat())),
        lambda frame: frame.astype({"timestamp": "datetime64[ns, UTC]"}),
        lambda frame: pl.from_pandas(frame).with_columns(
            pl.selectors.string().cast(pl.Categorical)
        ),
    ],
    ids=[
        "polars",
        "arrow",
        "arrow in chunks",
        "pandas in chunks",
        "pandas category",
        "pandas objects",
        "pandas nullable",
        "pandas arrow",
        "pandas index of two",
        "pandas index",
        "title case",
        "date and ticker",
        "datetime and asset",
        "time",
        "columns reversed",
        "timestamps as objects",
        "timestamps as text",
        "nanoseconds",
        "polars category",
    ],
)
def test_the_library_and_layout_of_the_frames_do_not_matter(convert):
    prices, signals, context = map(convert, FRAMES)
    if "Vix" in list(context.columns):
        signals, context = SIGNALS, CONTEXT  # their names are the user's own
    assert DIGEST == DataFeed(prices, signals, context).digest


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_files_are_as_good_as_frames(tmp_path, ending):
    paths = as_files(tmp_path, ending)
    assert DIGEST == DataFeed(*paths).digest
    assert DIGEST == DataFeed(*map(str, paths)).digest


@given(st.permutations(range(5)), st.permutations(range(3)), st.permutations(range(2)))
def test_the_order_of_rows_does_not_matter(prices, signals, context):
    feed = DataFeed(PRICES.iloc[prices], SIGNALS.iloc[signals], CONTEXT.iloc[context])
    assert DIGEST == feed.digest


@pytest.mark.parametrize("order", [["timestamp", "symbol"], ["symbol", "timestamp"]])
@pytest.mark.parametrize("library", [lambda frame: frame, pl.from_pandas], ids=["pandas", "polars"])
def test_the_order_of_rows_of_a_full_grid_does_not_matter(order, library):
    days = pd.date_range("2024-01-01", periods=7, tz="UTC", name="timestamp")
    grid = pd.MultiIndex.from_product([days, ["A", "B", "C"]], names=KEYS).to_frame(index=False)
    grid["close"] = np.arange(1.0, len(grid) + 1)
    shuffled = grid.sample(frac=1, random_state=3)
    expected = np.arange(1.0, 22).reshape(7, 3)
    for frame in (grid.sort_values(order), shuffled):
        np.testing.assert_array_equal(expected, DataFeed(library(frame)).panel.arrays["close"])


def test_categories_without_a_row_are_no_assets():
    frame = PRICES.astype({"symbol": "category"})
    assert ("BBB",) == DataFeed(frame[frame["symbol"] == "BBB"]).assets


def test_a_close_alone_serves_as_all_four_prices_without_a_copy():
    arrays = DataFeed(PRICES[["timestamp", "symbol", "close"]]).panel.arrays
    assert list(PRICE_FIELDS) == list(arrays)
    assert all(array is arrays["close"] for array in arrays.values())


def test_a_change_of_the_frame_does_not_reach_the_feed():
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    frame = pd.DataFrame({"timestamp": days, "symbol": "A", "close": [1.0, 2, 3]})
    feed = DataFeed(frame)
    frame.loc[0, "close"] = 99.0
    frame["close"].array[1] = 99.0
    assert [1, 2, 3] == feed.panel.arrays["close"][:, 0].tolist()


def test_numbers_of_any_width_are_numbers():
    frame = PRICES.astype({"open": "float32", "high": "float32", "volume": "int32"})
    frame["open"] = frame["open"].round()
    decimals = pl.from_pandas(frame).with_columns(pl.col("low").cast(pl.Decimal(10, 2)))
    expected = DataFeed(PRICES.assign(open=PRICES["open"].round())).digest
    assert expected == DataFeed(decimals).digest


def test_all_assets_have_terms_and_given_ones_count():
    future = Asset(symbol="BBB", multiplier=50)
    terms = DataFeed(PRICES, assets=[future]).terms
    assert {"AAA": Asset(symbol="AAA"), "BBB": future} == dict(terms)
    with pytest.raises(TypeError):
        terms["AAA"] = future


def test_terms_of_an_asset_without_bars_are_refused():
    with pytest.raises(DataError, match="assets has 'ZZZ', of which prices has no bar; remove it"):
        DataFeed(PRICES, assets=[Asset(symbol="ZZZ")])


def test_terms_given_twice_are_refused():
    with pytest.raises(DataError, match="assets has 'AAA' twice; keep one"):
        DataFeed(PRICES, assets=[Asset(symbol="AAA"), Asset(symbol="AAA", multiplier=5)])


def test_terms_are_asset_objects():
    with pytest.raises(InvalidValueError, match="assets must be Asset objects, was 'AAA'"):
        DataFeed(PRICES, assets=["AAA"])


@pytest.mark.parametrize(
    "feed",
    [
        DataFeed(PRICES.assign(close=PRICES["close"] + 0.01), SIGNALS, CONTEXT),
        DataFeed(PRICES.drop(columns="volume"), SIGNALS, CONTEXT),
        DataFeed(PRICES.replace("BBB", "CCC"), SIGNALS.replace("BBB", "CCC"), CONTEXT),
        DataFeed(PRICES, SIGNALS.assign(value=0.0), CONTEXT),
        DataFeed(PRICES, SIGNALS.rename(columns={"value": "worth"}), CONTEXT),
        DataFeed(PRICES, SIGNALS, CONTEXT.replace("calm", "wild")),
        DataFeed(PRICES, SIGNALS, CONTEXT.assign(until=CONTEXT["timestamp"])),
        DataFeed(PRICES, SIGNALS),
        DataFeed(*FRAMES, assets=[Asset(symbol="AAA", multiplier=2)]),
        DataFeed(*FRAMES, timezone="America/New_York"),
        DataFeed(
            *(frame.assign(timestamp=frame.timestamp + pd.Timedelta("1h")) for frame in FRAMES)
        ),
    ],
    ids=[
        "price",
        "column",
        "symbol",
        "signal",
        "name of signal",
        "context",
        "instants in context",
        "no context",
        "terms",
        "zone",
        "times",
    ],
)
def test_whatever_a_strategy_could_see_changes_the_digest(feed):
    assert feed.digest != DIGEST


def test_the_digest_sees_values_not_their_bits_or_types():
    weird = np.array([0x7FF8000000000001], np.uint64).view(np.float64)[0]
    signals = SIGNALS.assign(value=[3.0, -weird, 1.0])
    context = CONTEXT.assign(
        vix=pd.Series([13.5, None], dtype=object), count=pd.array([1, 2], "Int64")
    )
    floats = CONTEXT.assign(count=[1.0, 2.0])
    prices = PRICES.assign(volume=PRICES["volume"] * -1.0 * -1.0)
    prices.loc[1, "volume"] = -0.0
    feed = DataFeed(prices, signals, context)
    assert feed.digest == DataFeed(PRICES, SIGNALS, floats).digest
    assert feed.digest == feed.digest


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_digest_is_the_same_in_every_process(tmp_path, seed):
    paths = [str(path) for path in as_files(tmp_path, "parquet")]
    code = f"from ml4t.backtest.data.feed import DataFeed; print(DataFeed(*{paths!r}).digest)"
    assert run_python(code, PYTHONHASHSEED=seed) == DIGEST


def test_repr_tells_what_there_is():
    expected = (
        "DataFeed(2024-01-02T21:00:00+00:00 .. 2024-01-04T21:00:00+00:00, 3 instants, "
        "2 assets: open, high, low, close, volume)"
    )
    assert expected == repr(DataFeed(PRICES))


def test_repr_of_a_close_alone_shows_it_alone():
    feed = DataFeed(PRICES[["timestamp", "symbol", "close"]])
    assert repr(feed).endswith("2 assets: close)")


def test_a_feed_imports_neither_pandas_nor_arrow_until_it_reads_a_frame():
    code = (
        "import sys, numpy as np; from ml4t.backtest.data.feed import DataFeed\n"
        "days = np.array(['2024-01-02', '2024-01-03'], 'datetime64[D]')\n"
        "DataFeed.from_arrays(days, ['A'], {'close': np.array([[1.0], [2.0]])}).digest\n"
        "print(sorted({'narwhals', 'pandas', 'pyarrow'} & sys.modules.keys()))"
    )
    assert run_python(code) == "[]"


def test_reading_parquet_does_not_import_pandas(tmp_path):
    prices, signals, context = as_files(tmp_path, "parquet")
    code = (
        "import sys; from ml4t.backtest.data.feed import DataFeed\n"
        f"DataFeed({str(prices)!r}, {str(signals)!r}, {str(context)!r}).digest\n"
        "print('pandas' in sys.modules)"
    )
    assert run_python(code) == "False"


def test_the_zone_of_the_prices_is_what_the_strategy_sees():
    tokyo = PRICES.assign(timestamp=PRICES["timestamp"].dt.tz_convert("Asia/Tokyo"))
    assert ZoneInfo("Asia/Tokyo") == DataFeed(tokyo).times.zone
    assert UTC is DataFeed(PRICES).times.zone
