"""Lots, and what the cash pays for."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core.sizing import Buy, common_step, fit_to_cash, whole_lots

steps = st.sampled_from([0.0, 0.001, 0.1, 1.0, 7.0, 100.0])


@st.composite
def wishes(draw: st.DrawFn) -> Buy:
    step = draw(steps)
    cost = draw(st.one_of(st.integers(1, 500).map(float), st.floats(1e-3, 1e5)))
    if step:
        return Buy(draw(st.integers(0, 300)) * step, cost, step)
    return Buy(draw(st.floats(1e-3, 1e4)), cost, step)


buys = st.lists(wishes(), max_size=6)
shares = st.one_of(st.just(0.0), st.floats(min_value=1e-6, max_value=1.2))
lots = st.floats(-1e9, 1e9)


def cost(of: list[Buy], quantities: list[float]) -> float:
    return math.fsum(q * b.unit_cost for b, q in zip(of, quantities, strict=True))


def wished(of: list[Buy]) -> float:
    return cost(of, [buy.quantity for buy in of])


class TestWholeLots:
    @pytest.mark.parametrize(
        ("quantity", "step", "expected"),
        [
            (3.9, 1, 3.0),
            (-3.9, 1, -3.0),
            (250.7, 100, 200.0),
            (99.0, 100, 0.0),
            (-99.0, 100, 0.0),
            (0.3, 0.1, 0.3),
            (2.9999999999, 1, 3.0),
            (3.9, 0, 3.9),
            (0.0, 1, 0.0),
        ],
    )
    def test_it_cuts_towards_zero(self, quantity: float, step: float, expected: float) -> None:
        assert whole_lots(quantity, step) == pytest.approx(expected)

    def test_no_lot_is_lost_among_millions(self) -> None:
        """The quotient is 262144185.99999997."""
        assert whole_lots(262144.189 - 0.003, 0.001) == pytest.approx(262144.186, abs=1e-9)

    def test_nothing_has_no_sign(self) -> None:
        assert math.copysign(1, whole_lots(-0.5, 1)) == 1

    @given(lots, steps.filter(bool))
    def test_it_misses_less_than_one_lot(self, wanted: float, step: float) -> None:
        cut = whole_lots(wanted * step, step)
        whole = cut / step

        assert whole == pytest.approx(round(whole), rel=1e-14, abs=1e-6)
        assert 0 <= whole * wanted
        assert -1e-4 <= abs(wanted) - abs(whole) < 1

    @given(lots, steps.filter(bool))
    def test_cutting_again_changes_nothing(self, wanted: float, step: float) -> None:
        cut = whole_lots(wanted * step, step)

        assert whole_lots(cut, step) == cut


class TestCommonStep:
    @pytest.mark.parametrize(
        ("first", "second", "expected"),
        [
            (1.0, 0.0, 1.0),
            (0.0, 0.0, 0.0),
            (1.0, 1.0, 1.0),
            (1.0, 0.001, 1.0),
            (100.0, 25.0, 100.0),
            (100.0, 30.0, 300.0),
            (1.0, 0.3, 3.0),
            (1.0, 2.5, 5.0),
            (2.0, 7.0, 14.0),
        ],
    )
    def test_it_is_the_smallest_multiple_of_both(
        self, first: float, second: float, expected: float
    ) -> None:
        assert common_step(first, second) == expected
        assert common_step(second, first) == expected

    def test_without_a_common_multiple_it_is_the_larger(self) -> None:
        assert common_step(1.0, math.pi) == math.pi


class TestFitToCash:
    def test_everything_is_bought_if_it_fits(self) -> None:
        assert fit_to_cash([Buy(3, 10.0, 1), Buy(2.5, 4.0, 0)], 40.0) == [3.0, 2.5]

    def test_all_are_scaled_by_one_factor(self) -> None:
        assert fit_to_cash([Buy(30, 1.0, 1.0), Buy(10, 3.0, 1.0)], 30.0) == [15.0, 5.0]

    def test_what_the_cut_leaves_is_dealt_out(self) -> None:
        """Nine tenths of a lot each would be nothing of either."""
        assert sorted(fit_to_cash([Buy(1, 100.0, 1), Buy(1, 100.0, 1)], 180.0)) == [0.0, 1.0]

    def test_the_least_served_comes_first(self) -> None:
        """Scaled they are 11.5 and 3.8: of its wish, the second loses more than the first."""
        assert fit_to_cash([Buy(30, 1.0, 1.0), Buy(10, 3.0, 1.0)], 23.0) == [11.0, 4.0]

    def test_a_lot_that_is_too_dear_leaves_its_cash_to_the_others(self) -> None:
        assert fit_to_cash([Buy(1, 1_000.0, 1), Buy(500, 1.0, 1)], 600.0) == [0.0, 500.0]

    def test_a_fraction_next_to_a_dear_lot_ends(self) -> None:
        """Dealing out by halves would never end."""
        fraction, lot = fit_to_cash([Buy(1.0, 1.0, 0.0), Buy(1, 1_000.0, 1)], 500.0)

        assert fraction == pytest.approx(1.0)
        assert lot == 0.0

    def test_a_purchase_that_ends_too_small_is_left_out(self) -> None:
        """Scaled, both would be 50; without the first, the second is whole."""
        bought = fit_to_cash([Buy(100, 1.0, 1), Buy(100, 1.0, 1)], 100.0, smallest=60.0)

        assert sorted(bought) == [0.0, 100.0]

    def test_a_purchase_of_just_the_smallest_is_made(self) -> None:
        """Thrice a third of a unit at its cost is the smallest, whatever rounding says."""
        unit_cost = 0.1 * 1.0025
        assert fit_to_cash([Buy(3, unit_cost, 1)], 1.0, smallest=0.3 * 1.0025) == [3.0]

    def test_a_small_wish_is_bought_out_of_a_large_purse(self) -> None:
        assert fit_to_cash([Buy(1, 100.0, 1)], 1e12) == [1.0]

    @pytest.mark.parametrize("cash", [0.0, -1.0, -math.inf])
    def test_without_cash_nothing_is_bought(self, cash: float) -> None:
        assert fit_to_cash([Buy(3, 10.0, 1), Buy(2.5, 4.0, 0)], cash) == [0.0, 0.0]

    def test_no_wish_buys_nothing(self) -> None:
        assert fit_to_cash([], 100.0) == []

    @given(buys, shares)
    def test_it_never_costs_more_than_there_is(self, of: list[Buy], share: float) -> None:
        cash = share * wished(of)

        assert cost(of, fit_to_cash(of, cash)) <= cash * (1 + 1e-9)

    @given(buys, shares)
    def test_it_never_buys_more_than_is_wished(self, of: list[Buy], share: float) -> None:
        bought = fit_to_cash(of, share * wished(of))

        assert all(0 <= q <= b.quantity * (1 + 1e-9) for b, q in zip(of, bought, strict=True))

    @given(buys, shares)
    def test_it_buys_whole_lots(self, of: list[Buy], share: float) -> None:
        bought = fit_to_cash(of, share * wished(of))

        for buy, quantity in zip(of, bought, strict=True):
            if buy.step:
                whole = quantity / buy.step
                assert whole == pytest.approx(round(whole), abs=1e-6)

    @given(buys)
    def test_it_buys_everything_that_fits(self, of: list[Buy]) -> None:
        bought = fit_to_cash(of, wished(of) * (1 + 1e-6))

        assert bought == pytest.approx([buy.quantity for buy in of])

    @given(buys, shares)
    def test_no_further_lot_fits(self, of: list[Buy], share: float) -> None:
        """Of what is still wished, nothing can be paid with what is left."""
        cash = share * wished(of)
        bought = fit_to_cash(of, cash)
        left = cash - cost(of, bought)

        for buy, quantity in zip(of, bought, strict=True):
            missing = buy.quantity - quantity
            if missing > 1e-6 * buy.quantity:
                lot = buy.step or missing
                assert lot * buy.unit_cost > left * (1 - 1e-6) - 1e-9 * cash

    @given(buys, shares)
    def test_each_gets_its_share_to_the_lot(self, of: list[Buy], share: float) -> None:
        """Nobody gets less than the common factor gives, cut to whole lots."""
        bought = fit_to_cash(of, share * wished(of))

        for buy, quantity in zip(of, bought, strict=True):
            fair = min(share, 1.0) * buy.quantity
            assert quantity >= whole_lots(fair * (1 - 1e-9), buy.step) * (1 - 1e-9)

    @given(buys, shares, st.floats(min_value=0.0, max_value=1e3))
    def test_asking_again_gives_nothing(self, of: list[Buy], share: float, smallest: float) -> None:
        cash = share * wished(of)
        bought = fit_to_cash(of, cash, smallest)
        left = cash - cost(of, bought)
        rest = [
            Buy(max(b.quantity - q, 0.0), b.unit_cost, b.step)
            for b, q in zip(of, bought, strict=True)
        ]

        again = fit_to_cash(rest, left, smallest)
        # A purse of rounding buys a fraction of rounding.
        assert cost(rest, again) <= 1e-6 * cash

    @given(buys, shares, st.floats(min_value=0.0, max_value=1e3))
    def test_no_purchase_is_smaller_than_the_smallest(
        self, of: list[Buy], share: float, smallest: float
    ) -> None:
        bought = fit_to_cash(of, share * wished(of), smallest)

        for buy, quantity in zip(of, bought, strict=True):
            assert quantity == 0 or quantity * buy.unit_cost >= smallest * (1 - 1e-9)
