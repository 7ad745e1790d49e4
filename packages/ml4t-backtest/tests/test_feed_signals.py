"""A signal belongs to a bar, and is seen with it and nowhere else."""

import numpy as np
import pandas as pd
import pytest

from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.data.panel import ArraySlice
from ml4t.core.errors import DataError

TIMES = pd.to_datetime(["2024-01-02 21:00", "2024-01-03 21:00"] * 2, utc=True)
PRICES = pd.DataFrame(
    {"timestamp": TIMES, "symbol": ["AAA", "AAA", "BBB", "BBB"], "close": [1.0, 2, 3, 4]}
)


def signals(**changes):
    columns = {
        "timestamp": TIMES[:2],
        "symbol": ["AAA", "BBB"],
        "momentum": [0.5, np.nan],
    } | changes
    return pd.DataFrame({name: column for name, column in columns.items() if column is not None})


def refusal_of(frame, prices=PRICES):
    with pytest.raises(DataError) as caught:
        DataFeed(prices, frame)
    return str(caught.value)


def test_a_strategy_finds_a_signal_in_the_bar():
    data = ArraySlice(DataFeed(PRICES, signals()).panel, 0)
    assert data["AAA"]["momentum"] == 0.5
    assert np.isnan(data["BBB"]["momentum"])
    assert data.history("momentum", 1, asset="AAA").tolist() == [0.5]


def test_names_of_signals_are_kept_as_given_and_sorted():
    frame = signals(Zeta=1, alpha=2.0)
    arrays = DataFeed(PRICES, frame).panel.arrays
    assert list(arrays)[4:] == ["Zeta", "alpha", "momentum"]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_signal_is_refused(value):
    expected = (
        f"row 1 of signals (2024-01-03T21:00:00+00:00, BBB): momentum must be finite, was {value}; "
        "NaN means that there is no signal"
    )
    assert refusal_of(signals(momentum=[0.5, value])) == expected


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"symbol": ["AAA", "CCC"]}, "row 1 of signals (2024-01-03T21:00:00+00:00, CCC)"),
        (
            {"timestamp": TIMES[:2] + pd.Timedelta("1us")},
            "row 0 of signals (2024-01-02T21:00:00.000001+00:00, AAA)",
        ),
    ],
    ids=["asset", "timestamp"],
)
def test_a_signal_without_a_bar_is_refused(changes, where):
    expected = (
        f"{where}: a signal must belong to a bar, prices has none of this asset at this timestamp; "
        "move it to a bar or remove the row"
    )
    assert refusal_of(signals(**changes)).startswith(expected)


def test_a_signal_in_a_gap_of_its_asset_is_refused():
    message = refusal_of(signals(), prices=PRICES.drop(index=3))
    assert message.startswith("row 1 of signals (2024-01-03T21:00:00+00:00, BBB): a signal must")


def test_two_signals_of_one_bar_are_refused():
    message = refusal_of(pd.concat([signals(), signals()]))
    expected = (
        "row 2 of signals (2024-01-02T21:00:00+00:00, AAA): there must be one row for each "
        "timestamp and asset, row 0 has both already; remove one of them "
        "(1 more row has the same fault)"
    )
    assert message == expected


def test_signals_need_a_column_of_numbers():
    expected = "signals has no column of numbers beside timestamp and asset; add one"
    assert refusal_of(signals(momentum=None)) == expected


@pytest.mark.parametrize("name", ["close", "Volume"])
def test_a_signal_is_no_field_of_the_bar(name):
    message = refusal_of(signals(**{name: 1.0}))
    assert f"signals has the column '{name}', which is a field of the bar itself; ren" in message


@pytest.mark.parametrize("column", [["up", "down"], [True, False]], ids=["text", "boolean"])
def test_a_signal_is_a_number(column):
    message = refusal_of(signals(momentum=column))
    assert "row 0 of signals: momentum must be a number" in message


def test_a_column_of_nothing_is_no_signal_anywhere():
    arrays = DataFeed(PRICES, signals(momentum=[None, None])).panel.arrays
    assert np.isnan(arrays["momentum"]).all()


@pytest.mark.parametrize("column", ["timestamp", "symbol"])
def test_signals_need_both_keys(column):
    assert f"signals needs a column named one of {column}" in refusal_of(signals(**{column: None}))


def test_signals_with_wall_times_need_a_declared_zone():
    naive = signals(timestamp=TIMES[:2].tz_convert("America/New_York").tz_localize(None))
    assert "row 0 of signals: timestamp must be an instant with a timezone" in refusal_of(naive)
    feed = DataFeed(PRICES, naive, timezone="America/New_York")
    assert np.nansum(feed.panel.arrays["momentum"]) == 0.5
