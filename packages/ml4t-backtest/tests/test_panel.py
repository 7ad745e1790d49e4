"""A strategy sees the bars up to now, as a mapping and as numpy rows, and can change nothing."""

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ml4t.backtest.data import panel as panel_module
from ml4t.backtest.data.panel import ArrayPanel, ArraySlice, last_known
from ml4t.backtest.data.time_axis import TimeAxis
from ml4t.core.errors import DataError, InvalidValueError, UnknownAssetError

NAN = np.nan
MINUTE = 60 * 10**9


def panel_of(close, **columns):
    close = np.array(close, np.float64)
    arrays = {
        "open": close + 0.25,
        "high": close + 0.5,
        "low": close - 0.5,
        "close": close,
    } | {name: np.array(values, np.float64) for name, values in columns.items()}
    axis = TimeAxis(np.arange(len(close)) * MINUTE)
    return ArrayPanel(axis, [f"A{column}" for column in range(close.shape[1])], arrays)


@pytest.fixture
def panel():
    close = [[10, 20], [11, NAN], [12, 22], [13, 23]]
    volume = [[1, 2], [3, NAN], [5, 6], [7, 8]]
    return panel_of(close, volume=volume, momentum=np.array(volume) / 10)


def test_cross_sections_are_rows_in_the_order_of_the_universe(panel):
    data = ArraySlice(panel, 1)
    assert ("A0", "A1") == data.universe
    np.testing.assert_array_equal([11.25, NAN], data.open)
    np.testing.assert_array_equal([11.5, NAN], data.high)
    np.testing.assert_array_equal([10.5, NAN], data.low)
    np.testing.assert_array_equal([11, NAN], data.close)
    np.testing.assert_array_equal([3, NAN], data.volume)
    np.testing.assert_array_equal([0.3, NAN], data.cross_section("momentum"))


def test_the_mapping_shows_the_same_numbers(panel):
    data = ArraySlice(panel, 1)
    assert ["A0"] == list(data)
    assert "A1" not in data
    expected = {name: float(data.cross_section(name)[0]) for name in panel.arrays}
    assert expected == dict(data["A0"])


def test_volume_is_none_where_the_source_has_none():
    assert ArraySlice(panel_of([[1.0]]), 0).volume is None


def test_marks_are_the_last_known_closes(panel):
    assert [10, 20, 11, 20, 12, 22, 13, 23] == panel.marks.tolist()
    assert 20 == ArraySlice(panel, 1).mark("A1")


def test_without_a_gap_the_marks_are_the_closes_themselves():
    panel = panel_of([[1, 2], [3, 4]])
    assert np.shares_memory(np.frombuffer(panel.marks), panel.arrays["close"])


def test_before_its_first_bar_an_asset_has_no_mark():
    assert ArraySlice(panel_of([[1, NAN], [2, 3]]), 0).mark("A1") is None


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
        elements=st.sampled_from([1.0, 2.0, 3.0, NAN]),
    ),
    st.integers(1, 20),
)
def test_last_known_is_what_a_loop_finds_whatever_the_blocks(close, block):
    expected = close.copy()
    for row in range(1, len(close)):
        for column in range(close.shape[1]):
            if np.isnan(expected[row, column]):
                expected[row, column] = expected[row - 1, column]
    before = close.copy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panel_module, "_BLOCK", block)
        np.testing.assert_array_equal(expected, last_known(close))
    np.testing.assert_array_equal(before, close)


def test_history_ends_now_and_is_shorter_near_the_start(panel):
    data = ArraySlice(panel, 2)
    np.testing.assert_array_equal([[11, NAN], [12, 22]], data.history("close", 2))
    np.testing.assert_array_equal([[10, 20], [11, NAN], [12, 22]], data.history("close", 100))
    np.testing.assert_array_equal([20, NAN, 22], data.history("close", 3, asset="A1"))
    np.testing.assert_array_equal([0.5], data.history("momentum", np.int64(1), asset="A0"))


@given(st.integers(0, 30), st.integers(1, 60))
def test_history_never_reaches_past_now(row, length):
    panel = panel_of(np.arange(1.0, 32)[:, np.newaxis].repeat(2, axis=1))
    history = ArraySlice(panel, row).history("close", length)
    assert min(length, row + 1) == len(history)
    assert row + 1 == history.max()


def test_what_was_handed_out_stays_what_it_was(panel):
    data = ArraySlice(panel, 1)
    close, history, bar = data.close, data.history("close", 9), data["A0"]
    later = ArraySlice(panel, 3)
    assert 13 == later.close[0]
    assert 2 == len(history)
    assert [11, 11, 11] == [close[0], history[-1, 0], bar.close]


def test_what_was_handed_out_outlives_the_panel():
    history = ArraySlice(panel_of([[1.0], [2.0]]), 1).history("close", 2)
    gc.collect()
    assert [[1.0], [2.0]] == history.tolist()


@pytest.mark.parametrize(
    "reach",
    [
        lambda data: data.close,
        lambda data: data.volume,
        lambda data: data.cross_section("momentum"),
        lambda data: data.history("close", 2),
        lambda data: data.history("close", 2, asset="A0"),
    ],
    ids=["close", "volume", "cross section", "history", "history of one"],
)
def test_views_can_neither_be_written_nor_unlocked(panel, reach):
    view = reach(ArraySlice(panel, 1))
    with pytest.raises(ValueError, match="read-only"):
        view[...] = 0
    with pytest.raises(ValueError, match="WRITEABLE"):
        view.flags.writeable = True


def test_columns_and_their_table_are_locked(panel):
    for array in panel.arrays.values():
        assert not array.flags.writeable
    for column in [*panel.columns.values(), panel.marks]:
        assert column.readonly
    with pytest.raises(TypeError):
        panel.arrays["close"] = panel.arrays["open"]


def test_views_are_not_copies(panel):
    data = ArraySlice(panel, 1)
    assert np.shares_memory(data.close, panel.arrays["close"])
    assert np.shares_memory(data.history("close", 2), panel.arrays["close"])


def test_one_array_may_serve_several_columns_without_a_copy():
    close = np.array([[1.0], [2.0]])
    fields = dict.fromkeys(("open", "high", "low", "close"), close)
    panel = ArrayPanel(TimeAxis(np.arange(2) * MINUTE), ["A"], fields)
    assert all(array is close for array in panel.arrays.values())
    assert 1 == len({id(column.obj) for column in panel.columns.values()})


@pytest.mark.parametrize("length", [0, -1, 1.0, True, None, "2"])
def test_a_length_is_a_whole_number_of_rows(panel, length):
    with pytest.raises(InvalidValueError, match="length of a history must be a whole number"):
        ArraySlice(panel, 1).history("close", length)


def test_an_unknown_column_is_named_with_those_there_are(panel):
    with pytest.raises(InvalidValueError, match=r"no column 'carry', there are \['close', 'high'"):
        ArraySlice(panel, 1).cross_section("carry")


def test_an_unknown_asset_has_no_history(panel):
    with pytest.raises(UnknownAssetError, match="no asset 'ZZZ'"):
        ArraySlice(panel, 1).history("close", 2, asset="ZZZ")


@pytest.mark.parametrize(
    ("close", "message"),
    [
        (np.zeros((2, 1), np.float32), r"float64 of shape \(2, 1\) in C order, was float32"),
        (np.zeros((1, 2)), r"was float64 of shape \(1, 2\)"),
        (np.zeros((2, 2))[:, :1], "in another order; np.ascontiguousarray"),
        ([[1.0], [2.0]], "must be a numpy array, was list"),
    ],
    ids=["type", "shape", "order", "no array"],
)
def test_an_array_that_does_not_fit_is_refused(close, message):
    with pytest.raises(DataError, match=message):
        ArrayPanel(TimeAxis(np.arange(2) * MINUTE), ["A"], {"close": close})


def test_a_panel_needs_a_close():
    with pytest.raises(DataError, match=r"needs the column 'close', has \['open'\]"):
        ArrayPanel(TimeAxis(np.arange(1) * MINUTE), ["A"], {"open": np.ones((1, 1))})
