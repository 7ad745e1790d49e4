"""Equity and gross value: followed fill by fill, they are what a new count would give."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import Fill, Ledger, OrderSide
from ml4t.simulation.exposure import Exposure

WHEN = datetime(2024, 1, 2, 21, tzinfo=UTC)
MULTIPLIERS = {"A": 1.0, "B": 50.0, "C": 1.0}

prices = st.floats(0.01, 1e4)
fills = st.builds(
    Fill,
    st.just("f"),
    st.just("o"),
    st.sampled_from("ABC"),
    st.sampled_from(OrderSide),
    st.integers(1, 100).map(float),
    prices,
    st.just(WHEN),
    st.floats(0, 10),
)
marks = st.fixed_dictionaries(dict.fromkeys("ABC", st.one_of(st.none(), prices)))


@given(st.lists(fills, max_size=8), st.lists(fills, max_size=12), marks)
def test_following_fills_gives_what_counting_anew_gives(
    earlier: list[Fill], now: list[Fill], mark: dict[str, float | None]
) -> None:
    ledger = Ledger(100_000.0, MULTIPLIERS)
    for fill in earlier:
        ledger.apply(fill)
    exposure = Exposure(ledger.cash, ledger.positions, mark.get)
    # Without a bar yet, a position counts at the average it had when the bar began, and a new one
    # at the price of its first fill.
    known = {**{asset: p.average_price for asset, p in ledger.positions.items()}}
    flows = 100_000.0
    for fill in now:
        known.setdefault(fill.asset, fill.price)
        before = ledger.position(fill.asset)
        after = ledger.apply(fill)
        exposure.after(before, after, fill.price, fill.fee)
        shown = {asset: mark[asset] or known[asset] for asset in known}
        values = {a: p.market_value(shown[a]) for a, p in ledger.positions.items()}
        flows += fill.quantity * (fill.price + shown[fill.asset]) * MULTIPLIERS[fill.asset]

        assert exposure.equity == pytest.approx(
            ledger.cash + sum(values.values()), abs=1e-9 * flows
        )
        assert exposure.gross == pytest.approx(sum(map(abs, values.values())), abs=1e-9 * flows)


def test_an_account_without_positions_is_its_cash() -> None:
    exposure = Exposure(500.0, {}, lambda _: None)

    assert (exposure.equity, exposure.gross) == (500.0, 0.0)


def test_longs_and_shorts_add_up_in_the_gross_value() -> None:
    ledger = Ledger(1_000.0)
    ledger.apply(Fill("1", "1", "A", OrderSide.BUY, 2.0, 100.0, WHEN))
    ledger.apply(Fill("2", "2", "C", OrderSide.SELL, 3.0, 50.0, WHEN))
    exposure = Exposure(ledger.cash, ledger.positions, {"A": 110.0, "C": 60.0}.get)

    assert exposure.equity == 1_000.0 + 2 * 10.0 - 3 * 10.0
    assert exposure.gross == 2 * 110.0 + 3 * 60.0
