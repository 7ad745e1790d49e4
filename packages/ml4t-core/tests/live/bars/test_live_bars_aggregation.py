"""Bars made out of trades and of shorter bars."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import AlwaysOpen, Bar, InvalidValueError, Session
from ml4t.live.bars import BarAggregator, BarGrid, Tick

OPEN = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class OneSession:
    """From 14:30 to 16:10, once."""

    def session_of(self, instant: datetime) -> Session | None:
        session = Session(label=OPEN.date(), opens=OPEN, closes=OPEN + 100 * MINUTE)
        return session if session.opens < instant <= session.closes else None


def grid(minutes: float, calendar: AlwaysOpen | OneSession | None = None) -> BarGrid:
    return BarGrid(calendar or OneSession(), timedelta(minutes=minutes))


def tick(seconds: float, price: float, size: float = 1, asset: str = "A") -> Tick:
    return Tick(timestamp=OPEN + seconds * SECOND, asset=asset, price=price, size=size)


Numbers: TypeAlias = tuple[str, float, float, float, float, float, float | None]


def numbers(bar: Bar) -> Numbers:
    minutes = (bar.timestamp - OPEN) / MINUTE
    return bar.asset, minutes, bar.open, bar.high, bar.low, bar.close, bar.volume


def test_a_bar_has_the_first_highest_lowest_and_last_price_and_all_that_traded() -> None:
    bars = BarAggregator(grid(5))
    for item in [tick(0, 10, 1), tick(60, 12, 2), tick(120, 8, 3), tick(299, 9, 4)]:
        assert [] == bars.add(item)

    assert [] == bars.advance(OPEN + 5 * MINUTE - SECOND)
    assert OPEN + 5 * MINUTE == bars.next_completion
    assert [("A", 5, 10, 12, 8, 9, 10)] == [numbers(b) for b in bars.advance(OPEN + 5 * MINUTE)]
    assert [] == bars.advance(OPEN + 50 * MINUTE)
    assert bars.next_completion is None


def test_a_trade_of_the_next_bar_completes_the_one_before() -> None:
    bars = BarAggregator(grid(5))
    bars.add(tick(10, 10))

    assert [("A", 5, 10, 10, 10, 10, 1)] == [numbers(b) for b in bars.add(tick(300, 11))]


def test_the_shorter_bar_that_ends_with_it_completes_a_bar() -> None:
    bars = BarAggregator(grid(5))
    one, two = (
        Bar(timestamp=OPEN + m * MINUTE, asset="A", open=2, high=3, low=1, close=2, volume=4)
        for m in (4, 5)
    )

    assert [] == bars.add(one)
    assert [("A", 5, 2, 3, 1, 2, 8)] == [numbers(b) for b in bars.add(two)]


def test_a_bar_without_volume_gives_one_without() -> None:
    bars = BarAggregator(grid(5))
    flat = {"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0}
    bars.add(Bar(timestamp=OPEN + MINUTE, asset="A", volume=3, **flat))
    bars.add(Bar(timestamp=OPEN + 2 * MINUTE, asset="A", **flat))

    assert [None] == [bar.volume for bar in bars.advance(OPEN + 5 * MINUTE)]


def test_intervals_without_trades_give_no_bar() -> None:
    bars = BarAggregator(grid(5))
    bars.add(tick(10, 10))
    bars.add(tick(3_000, 20))

    completed = bars.advance(OPEN + 100 * MINUTE)
    assert [55] == [numbers(bar)[1] for bar in completed]


def test_the_last_bar_of_a_session_is_short_and_holds_its_close() -> None:
    bars = BarAggregator(grid(30))
    bars.add(tick(5_400, 10))
    bars.add(tick(6_000, 11))

    completed = bars.advance(OPEN + 100 * MINUTE)
    assert [("A", 100, 10, 11, 10, 11, 2)] == [numbers(bar) for bar in completed]


def test_trades_in_no_session_are_counted_and_left_out() -> None:
    bars = BarAggregator(grid(5))
    for seconds in (-1, 6_001):
        assert [] == bars.add(tick(seconds, 10))

    assert 2 == bars.outside_count
    assert bars.next_completion is None


def test_what_comes_after_its_bar_is_recorded_and_changes_nothing() -> None:
    bars = BarAggregator(grid(5))
    bars.add(tick(10, 10))
    bars.advance(OPEN + 5 * MINUTE)
    late = tick(299, 99)
    bars.add(late)
    bars.add(tick(310, 11))
    later = tick(200, 98)
    bars.add(later)

    assert ([late, later], 2) == (list(bars.late), bars.late_count)
    assert [11] == [bar.high for bar in bars.advance(OPEN + 10 * MINUTE)]


def test_a_delay_waits_for_trades_on_their_way() -> None:
    bars = BarAggregator(grid(5), delay=2 * SECOND)
    bars.add(tick(10, 10))
    end = OPEN + 5 * MINUTE

    assert [] == bars.advance(end + SECOND)
    bars.add(tick(299, 12))
    assert end + 2 * SECOND == bars.next_completion
    assert [12] == [bar.close for bar in bars.advance(end + 2 * SECOND)]


def test_bars_complete_by_time_and_then_by_asset() -> None:
    bars = BarAggregator(grid(5))
    for item in [tick(301, 1, asset="A"), tick(5, 1, asset="C"), tick(9, 1, asset="B")]:
        bars.add(item)

    completed = bars.advance(OPEN + 10 * MINUTE)
    assert [("B", 5), ("C", 5), ("A", 10)] == [numbers(bar)[:2] for bar in completed]


def test_memory_is_bounded_by_the_assets() -> None:
    bars = BarAggregator(grid(1, AlwaysOpen()))
    for minute in range(1_000):
        bars.add(tick(60 * minute, 10))
        bars.add(tick(60 * minute - 120, 10))

    assert (1_000, 256) == (bars.late_count, len(bars.late))


def test_now_has_a_zone() -> None:
    with pytest.raises(InvalidValueError, match="now"):
        BarAggregator(grid(1)).advance(OPEN.replace(tzinfo=None))


trades = st.lists(
    st.builds(
        tick,
        # Whole seconds make trades meet at the edges of bars.
        st.integers(-60, 6_060),
        st.integers(1, 50).map(float),
        st.integers(0, 9).map(float),
        st.sampled_from("AB"),
    ),
    max_size=60,
)


def aggregated(items: list[Tick] | list[Bar], minutes: float) -> list[Bar]:
    bars = BarAggregator(grid(minutes))
    found = [bar for item in items for bar in bars.add(item)]
    found += bars.advance(OPEN + 200 * MINUTE)
    return sorted(found, key=lambda bar: (bar.timestamp, bar.asset))


def naive(items: list[Tick], minutes: int) -> list[Numbers]:
    """The same from lists of trades, one for each bar."""
    held: dict[tuple[float, str], list[Tick]] = defaultdict(list)
    for item in items:
        seconds = (item.timestamp - OPEN).total_seconds()
        if 0 <= seconds <= 6_000:
            end = min((seconds // (60 * minutes) + 1) * minutes, 100)
            held[end, item.asset].append(item)
    found: list[Numbers] = []
    for (end, asset), inside in sorted(held.items()):
        prices = [item.price for item in inside]
        volume = sum(item.size for item in inside)
        ohlc = (prices[0], max(prices), min(prices), prices[-1])
        found.append((asset, end, *ohlc, volume))
    return found


@given(trades, st.integers(1, 120))
def test_bars_are_those_of_lists_of_trades(items: list[Tick], minutes: int) -> None:
    items.sort(key=lambda item: item.timestamp)

    assert naive(items, minutes) == [numbers(bar) for bar in aggregated(items, minutes)]


@given(trades)
def test_steps_in_between_change_nothing(items: list[Tick]) -> None:
    items.sort(key=lambda item: item.timestamp)
    in_steps = aggregated(aggregated(aggregated(items, 1), 5), 30)

    assert in_steps == aggregated(items, 30)


@given(trades, st.randoms())
def test_the_order_in_which_the_trades_of_a_bar_arrive_does_not_matter(
    items: list[Tick], random: Random
) -> None:
    """Where no two have the same time."""
    distinct = list({(item.timestamp, item.asset): item for item in items}.values())
    inside = sorted(
        (item for item in distinct if item.timestamp < OPEN + 30 * MINUTE),
        key=lambda item: item.timestamp,
    )
    expected = aggregated(inside, 30)
    random.shuffle(inside)

    assert expected == aggregated(inside, 30)
