"""Round trips: first in first out, flips split, fees shared by quantity, the rest left open."""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.backtest import Fill, OrderSide
from ml4t.backtest.results.trades import RoundTrip, round_trips

START = datetime(2024, 1, 2, 21, tzinfo=UTC)


def fills_of(*trades: tuple[float, float, float], asset: str = "A") -> list[Fill]:
    """A fill a day for each signed quantity, price and fee."""
    return [
        Fill(
            f"{asset}{day}",
            f"{asset}{day}",
            asset,
            OrderSide.BUY if quantity > 0 else OrderSide.SELL,
            abs(quantity),
            price,
            START + timedelta(days=day),
            fee,
        )
        for day, (quantity, price, fee) in enumerate(trades)
    ]


def trips_of(
    fills: Sequence[Fill], mark: float = 100.0, multiplier: float = 1.0
) -> list[RoundTrip]:
    assets = {fill.asset for fill in fills}
    return list(round_trips(fills, dict.fromkeys(assets, multiplier), dict.fromkeys(assets, mark)))


def test_a_purchase_and_its_sale_are_one_round_trip() -> None:
    assert trips_of(fills_of((10, 50.0, 1.0), (-10, 53.0, 2.0))) == [
        RoundTrip(
            asset="A",
            side="long",
            quantity=10,
            entry_time=START,
            entry_price=50.0,
            exit_time=START + timedelta(days=1),
            exit_price=53.0,
            fees=3.0,
            profit=27.0,
            is_open=False,
        )
    ]


def test_a_short_sale_gains_where_the_price_falls() -> None:
    (trip,) = trips_of(fills_of((-10, 50.0, 0.0), (10, 47.0, 0.0)))

    assert (trip.side, trip.quantity, trip.profit) == ("short", 10, 30.0)


def test_a_profit_counts_the_multiplier_and_a_fee_does_not() -> None:
    (trip,) = trips_of(fills_of((2, 4000.0, 3.0), (-2, 4001.0, 3.0)), multiplier=50)

    assert (trip.fees, trip.profit) == (6.0, 94.0)


def test_what_came_first_goes_first() -> None:
    trips = trips_of(fills_of((10, 50.0, 0.0), (10, 60.0, 0.0), (-15, 70.0, 0.0)))

    assert [(t.entry_price, t.quantity, t.profit, t.is_open) for t in trips] == [
        (50.0, 10, 200.0, False),
        (60.0, 5, 50.0, False),
        (60.0, 5, 200.0, True),
    ]


def test_a_fee_is_shared_by_quantity() -> None:
    trips = trips_of(fills_of((10, 50.0, 10.0), (-4, 50.0, 2.0), (-6, 50.0, 3.0)))

    assert [trip.fees for trip in trips] == pytest.approx([4.0 + 2.0, 6.0 + 3.0])


def test_a_flip_closes_with_one_part_and_opens_with_the_other() -> None:
    closed, opened = trips_of(fills_of((10, 50.0, 5.0), (-15, 60.0, 3.0)), mark=58.0)

    assert (closed.side, closed.quantity, closed.is_open) == ("long", 10, False)
    assert (closed.fees, closed.profit) == (5.0 + 2.0, 100.0 - 7.0)
    assert (opened.side, opened.quantity, opened.is_open) == ("short", 5, True)
    assert (opened.fees, opened.profit) == (1.0, 10.0 - 1.0)
    assert opened.entry_time == closed.exit_time


def test_what_is_held_stands_at_the_mark_without_an_exit() -> None:
    (trip,) = trips_of(fills_of((10, 50.0, 1.0)), mark=58.0)

    assert (trip.exit_time, trip.exit_price, trip.is_open) == (None, 58.0, True)
    assert trip.profit == 79.0


def test_open_lots_come_last_by_symbol_and_then_by_entry() -> None:
    fills = [
        *fills_of((1, 10.0, 0.0), (2, 11.0, 0.0), asset="B"),
        *fills_of((3, 10.0, 0.0), asset="A"),
        *fills_of((4, 10.0, 0.0), (-4, 11.0, 0.0), asset="C"),
    ]

    assert [(trip.asset, trip.quantity, trip.is_open) for trip in trips_of(fills)] == [
        ("C", 4, False),
        ("A", 3, True),
        ("B", 1, True),
        ("B", 2, True),
    ]


def test_assets_are_paired_apart() -> None:
    fills = [*fills_of((10, 50.0, 0.0), asset="A"), *fills_of((-10, 50.0, 0.0), asset="B")]

    assert [(trip.asset, trip.side, trip.is_open) for trip in trips_of(fills)] == [
        ("A", "long", True),
        ("B", "short", True),
    ]


def test_a_remainder_of_rounding_is_no_round_trip() -> None:
    trips = trips_of(fills_of((0.1, 50.0, 0.0), (0.2, 50.0, 0.0), (-0.3, 50.0, 0.0)))

    assert [trip.is_open for trip in trips] == [False, False]


def test_no_fills_are_no_round_trips() -> None:
    assert trips_of([]) == []


trades = st.tuples(st.integers(1, 8) | st.integers(-8, -1), st.integers(1, 50), st.integers(0, 3))


@given(trades=st.lists(trades, max_size=12), mark=st.integers(1, 50))
def test_the_pairs_are_those_of_single_units_in_a_queue(
    trades: list[tuple[int, int, int]], mark: int
) -> None:
    fills = fills_of(*trades)
    trips = trips_of(fills, float(mark), 2.0)

    queue: deque[tuple[int, int]] = deque()  # the side and the price of each unit held
    expected: list[tuple[int, int, int]] = []  # the side, the entry and the exit of each unit
    for quantity, price, _ in trades:
        side = 1 if quantity > 0 else -1
        for _ in range(abs(quantity)):
            if queue and queue[0][0] != side:
                expected.append((*queue.popleft(), price))
            else:
                queue.append((side, price))
    expected += [(*unit, mark) for unit in queue]

    units = [
        (1 if trip.side == "long" else -1, trip.entry_price, trip.exit_price)
        for trip in trips
        for _ in range(round(trip.quantity))
    ]
    assert units == expected
    gain = sum(side * (left - entered) * 2 for side, entered, left in expected)
    fees = sum(fee for _, _, fee in trades)
    assert sum(trip.fees for trip in trips) == pytest.approx(fees)
    assert sum(trip.profit for trip in trips) == pytest.approx(gain - fees)
