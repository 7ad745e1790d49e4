"""Panels, and the views of them that a strategy is handed."""

import math
from array import array
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import BarView, DataError, MarketSlice, Panel

WHEN = datetime(2024, 1, 2, 14, 31, tzinfo=UTC)


@pytest.fixture
def panel(panel_of: Callable[..., Panel]) -> Panel:
    """Three rows; A has no bar in the second, B none in the first."""
    bars = {"A": [(10, 12, 9, 11), None, 13.0], "B": [None, 5.0, (5, 7, 4, 6)]}
    signals = {
        "volume": {"A": [100, math.nan, 300], "B": [math.nan, 50, 0]},
        "score": {"A": [0.5, -0.5, math.nan], "B": [1, 2, 3]},
    }
    return panel_of(bars, signals)


def doubles(*numbers: float) -> memoryview:
    return memoryview(array("d", numbers))


def columns(**changes: memoryview) -> dict[str, memoryview]:
    return {**{name: doubles(1.0) for name in ("open", "high", "low", "close")}, **changes}


class TestPanel:
    def test_a_bar_stands_at_row_times_width_plus_asset(self, panel: Panel) -> None:
        assert panel.position(2, "B") == 5
        assert panel.closes[5] == 6.0

    def test_a_missing_bar_has_no_position(self, panel: Panel) -> None:
        assert panel.position(1, "A") == -1

    def test_an_unknown_asset_has_no_position(self, panel: Panel) -> None:
        assert panel.position(0, "C") == -1

    def test_columns_cannot_be_written(self, panel: Panel) -> None:
        for column in (*panel.columns.values(), panel.closes, panel.marks):
            with pytest.raises(TypeError, match="read-only"):
                column[0] = 1

    @pytest.mark.parametrize("name", ["open", "high", "low", "close"])
    def test_each_price_column_is_needed(self, name: str) -> None:
        rest = columns()
        del rest[name]
        with pytest.raises(DataError, match=f"a panel needs the column '{name}'"):
            Panel([WHEN], ["A"], rest, doubles(1.0))

    def test_a_column_of_another_length_is_refused(self) -> None:
        with pytest.raises(DataError, match="column 'score' must be 1 doubles"):
            Panel([WHEN], ["A"], columns(score=doubles(1.0, 2.0)), doubles(1.0))

    def test_marks_of_another_length_are_refused(self) -> None:
        with pytest.raises(DataError, match="column 'marks' must be 1 doubles"):
            Panel([WHEN], ["A"], columns(), doubles())

    def test_a_column_of_other_numbers_is_refused(self) -> None:
        whole = memoryview(array("q", [1]))
        with pytest.raises(DataError, match="column 'close' must be 1 doubles"):
            Panel([WHEN], ["A"], columns(close=whole), doubles(1.0))

    def test_a_column_of_two_dimensions_is_refused(self) -> None:
        square = doubles(1.0).cast("B").cast("d", (1, 1))
        with pytest.raises(DataError, match="in one dimension"):
            Panel([WHEN], ["A"], columns(close=square), doubles(1.0))  # type: ignore[arg-type]


class TestMarketSlice:
    def test_a_slice_has_the_assets_with_a_bar(self, panel: Panel) -> None:
        assert [list(MarketSlice(panel, row)) for row in range(3)] == [["A"], ["B"], ["A", "B"]]
        assert [len(MarketSlice(panel, row)) for row in range(3)] == [1, 1, 2]

    def test_the_universe_has_all_assets(self, panel: Panel) -> None:
        assert MarketSlice(panel, 0).universe == ("A", "B")

    def test_a_slice_knows_its_instant(self, panel: Panel) -> None:
        assert MarketSlice(panel, 2).timestamp == panel.timestamps[2]
        assert MarketSlice(panel, 2).row == 2

    def test_a_bar_is_found_by_symbol(self, panel: Panel) -> None:
        assert MarketSlice(panel, 0)["A"]["high"] == 12.0

    @pytest.mark.parametrize("asset", ["B", "C"])
    def test_an_asset_without_a_bar_is_not_in_it(self, panel: Panel, asset: str) -> None:
        bars = MarketSlice(panel, 0)

        assert asset not in bars
        assert bars.get(asset) is None
        assert bars.get(asset, 7) == 7
        with pytest.raises(KeyError):
            bars[asset]

    def test_only_symbols_are_in_it(self, panel: Panel) -> None:
        assert 7 not in MarketSlice(panel, 0)  # type: ignore[comparison-overlap]

    def test_items_give_the_bars(self, panel: Panel) -> None:
        closes = {asset: bar["close"] for asset, bar in MarketSlice(panel, 2).items()}

        assert closes == {"A": 13.0, "B": 6.0}

    def test_a_mark_is_the_last_close_there_was(self, panel: Panel) -> None:
        marks = [[MarketSlice(panel, row).mark(asset) for asset in "ABC"] for row in range(3)]

        assert marks == [[11.0, None, None], [11.0, 5.0, None], [13.0, 6.0, None]]

    def test_the_previous_mark_was_known_before_these_bars(self, panel: Panel) -> None:
        marks = [
            [MarketSlice(panel, row).previous_mark(asset) for asset in "ABC"] for row in range(3)
        ]

        assert marks == [[None, None, None], [11.0, None, None], [11.0, 5.0, None]]

    def test_it_shows_when_and_how_much(self, panel: Panel) -> None:
        assert repr(MarketSlice(panel, 0)) == "MarketSlice(2024-01-02T14:31:00+00:00, 1 assets)"

    def test_slices_of_equal_bars_are_equal(self, panel: Panel) -> None:
        assert MarketSlice(panel, 1) == MarketSlice(panel, 1)
        assert MarketSlice(panel, 1) != MarketSlice(panel, 2)


class TestBarView:
    def test_attributes_and_keys_are_the_same(self, panel: Panel) -> None:
        bar = MarketSlice(panel, 0)["A"]

        assert (bar.open, bar.high, bar.low, bar.close) == (10.0, 12.0, 9.0, 11.0)
        assert [bar[name] for name in ("open", "high", "low", "close")] == [10.0, 12.0, 9.0, 11.0]

    def test_volume_is_none_where_the_source_has_none(
        self, panel: Panel, panel_of: Callable[..., Panel]
    ) -> None:
        assert MarketSlice(panel, 0)["A"].volume == 100.0
        assert MarketSlice(panel_of({"A": [1.0]}), 0)["A"].volume is None

    def test_signals_are_keys(self, panel: Panel) -> None:
        assert MarketSlice(panel, 1)["B"]["score"] == 2.0

    def test_a_view_is_a_mapping_of_all_columns(self, panel: Panel) -> None:
        bar = MarketSlice(panel, 2)["B"]

        assert dict(bar) == {
            "open": 5.0,
            "high": 7.0,
            "low": 4.0,
            "close": 6.0,
            "volume": 0.0,
            "score": 3.0,
        }
        assert len(bar) == 6
        assert repr(bar) == f"BarView({dict(bar)})"

    def test_an_unknown_name_is_a_key_error(self, panel: Panel) -> None:
        bar = MarketSlice(panel, 0)["A"]

        assert "vwap" not in bar
        with pytest.raises(KeyError):
            bar["vwap"]

    def test_a_view_cannot_be_written(self, panel: Panel) -> None:
        bar = MarketSlice(panel, 0)["A"]

        with pytest.raises(TypeError):
            bar["close"] = 1.0  # type: ignore[index]
        with pytest.raises(AttributeError):
            bar.close = 1.0  # type: ignore[misc]

    def test_a_view_keeps_its_values_while_the_run_moves_on(self, panel: Panel) -> None:
        first = MarketSlice(panel, 0)["A"]
        before = dict(first)
        for row in (1, 2):
            dict(MarketSlice(panel, row))

        assert dict(first) == pytest.approx(before)


quotes = st.one_of(st.none(), st.floats(min_value=1e-4, max_value=1e6))


@given(st.lists(st.tuples(quotes, quotes, quotes), min_size=1, max_size=12))
def test_a_slice_agrees_with_the_rows_it_was_made_from(
    panel_of: Callable[..., Panel], rows: list[tuple[float | None, ...]]
) -> None:
    """The oracle is plain dictionaries."""
    assets = ("A", "B", "C")
    panel = panel_of({asset: [row[j] for row in rows] for j, asset in enumerate(assets)})
    known: dict[str, float] = {}
    for number, row in enumerate(rows):
        bars: Mapping[str, BarView] = MarketSlice(panel, number)
        shown = {a: price for a, price in zip(assets, row, strict=True) if price is not None}
        previous, known = known, {**known, **shown}

        assert {asset: bar["close"] for asset, bar in bars.items()} == shown
        assert [asset in bars for asset in assets] == [asset in shown for asset in assets]
        slice_ = MarketSlice(panel, number)
        assert [slice_.mark(asset) for asset in assets] == [known.get(a) for a in assets]
        assert slice_.marks((*assets, "Z")) == [*map(known.get, assets), None]
        assert [slice_.previous_mark(asset) for asset in assets] == [
            previous.get(asset) for asset in assets
        ]
