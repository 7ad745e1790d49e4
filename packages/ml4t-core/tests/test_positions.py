"""Positions, and the account as a venue reports it."""

import math
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import AccountSnapshot, InvalidValueError, Position
from ml4t.core.positions import DUST

FLAT = Position("SPY", 0.0, 0.0)
WHEN = datetime(2024, 1, 2, 21, tzinfo=UTC)

quantities = st.one_of(
    st.floats(min_value=1e-3, max_value=1e6), st.floats(min_value=-1e6, max_value=-1e-3)
)
prices = st.floats(min_value=1e-4, max_value=1e6)


class TestAfter:
    @pytest.mark.parametrize(
        ("trades", "quantity", "average"),
        [
            ([(10, 100)], 10, 100),
            ([(-10, 100)], -10, 100),
            ([(10, 100), (10, 110)], 20, 105),
            ([(-10, 100), (-30, 120)], -40, 115),
            ([(10, 100), (-4, 150)], 6, 100),
            ([(-10, 100), (4, 50)], -6, 100),
            ([(10, 100), (-15, 90)], -5, 90),
            ([(-10, 100), (15, 90)], 5, 90),
            ([(10, 100), (-10, 90)], 0, 0),
            ([(10, 100), (-10, 90), (3, 80)], 3, 80),
        ],
        ids=str,
    )
    def test_trades_average_reduce_and_flip(
        self, trades: list[tuple[float, float]], quantity: float, average: float
    ) -> None:
        position = FLAT
        for change, price in trades:
            position = position.after(change, price)

        assert position.quantity == quantity
        assert position.average_price == pytest.approx(average)

    def test_a_remainder_of_rounding_is_flat(self) -> None:
        position = FLAT.after(0.1, 5.0).after(0.2, 5.0)

        assert position.quantity != 0.3
        assert position.after(-0.3, 5.0) == FLAT

    def test_a_small_position_is_not_rounding(self) -> None:
        assert FLAT.after(1e-8, 5.0).quantity == 1e-8

    def test_the_multiplier_stays(self) -> None:
        position = Position("ES", 0.0, 0.0, 50.0).after(2.0, 4_000.0)

        assert position.multiplier == 50.0
        assert position.after(-2.0, 4_000.0).multiplier == 50.0

    @given(quantities, prices, quantities, prices)
    def test_the_average_lies_between_what_was_paid(
        self, first: float, at: float, second: float, then: float
    ) -> None:
        position = FLAT.after(first, at).after(second, then)

        if position.quantity:
            low, high = min(at, then), max(at, then)
            assert low * (1 - 1e-9) <= position.average_price <= high * (1 + 1e-9)

    @given(quantities, prices, quantities, prices)
    def test_the_quantity_is_the_sum(
        self, first: float, at: float, second: float, then: float
    ) -> None:
        position = FLAT.after(first, at).after(second, then)

        assert position.quantity == pytest.approx(first + second, abs=DUST * abs(second))


class TestValue:
    def test_a_long_position_gains_with_the_price(self) -> None:
        position = Position("ES", 2.0, 4_000.0, 50.0)

        assert position.market_value(4_010.0) == 401_000.0
        assert position.unrealized_profit(4_010.0) == 1_000.0

    def test_a_short_position_loses_with_the_price(self) -> None:
        position = Position("SPY", -2.0, 100.0)

        assert position.market_value(110.0) == -220.0
        assert position.unrealized_profit(110.0) == -20.0


class TestPosition:
    def test_it_never_changes(self) -> None:
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            FLAT.quantity = 1.0  # type: ignore[misc]

    @pytest.mark.parametrize("quantity", [math.nan, math.inf, -math.inf])
    def test_a_quantity_is_finite(self, quantity: float) -> None:
        with pytest.raises(InvalidValueError, match="quantity of SPY must be finite"):
            Position("SPY", quantity, 100.0)

    @pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
    def test_an_open_position_was_paid_for(self, price: float) -> None:
        with pytest.raises(InvalidValueError, match="average_price of SPY must be positive"):
            Position("SPY", 1.0, price)

    @pytest.mark.parametrize("multiplier", [0.0, -1.0, math.nan, math.inf])
    def test_a_multiplier_is_positive(self, multiplier: float) -> None:
        with pytest.raises(InvalidValueError, match="multiplier of SPY must be positive"):
            Position("SPY", 1.0, 100.0, multiplier)


class TestAccountSnapshot:
    def test_it_holds_what_the_venue_says(self) -> None:
        position = Position("SPY", 2.0, 100.0)
        account = AccountSnapshot(timestamp=WHEN, cash=5, equity=205, positions={"SPY": position})

        assert (account.cash, account.equity, account.currency) == (5, 205, "USD")
        assert account.positions == {"SPY": position}

    @pytest.mark.parametrize("field", ["cash", "equity"])
    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
    def test_unknown_is_not_a_number(self, field: str, number: float) -> None:
        fields: dict[str, Any] = {"timestamp": WHEN, "cash": 1.0, "equity": 1.0, field: number}
        with pytest.raises(InvalidValueError, match=f"{field} of an account must be finite"):
            AccountSnapshot(**fields)

    def test_accounts_do_not_share_positions(self) -> None:
        first = AccountSnapshot(timestamp=WHEN, cash=0, equity=0)
        second = AccountSnapshot(timestamp=WHEN, cash=0, equity=0)

        assert first.positions is not second.positions

    def test_a_naive_time_is_refused(self) -> None:
        naive = datetime(2024, 1, 2)  # noqa: DTZ001 - the point of the test
        with pytest.raises(InvalidValueError, match="timestamp must be a timezone-aware"):
            AccountSnapshot(timestamp=naive, cash=0, equity=0)
