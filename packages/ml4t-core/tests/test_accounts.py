"""What an account allows: no debt in the one, no more risk than margin covers in the other."""

import math
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ml4t.core import Asset, ConfigError, Position
from ml4t.core.sizing import whole_lots
from ml4t.simulation import (
    AccountRules,
    CashAccount,
    Commission,
    MarginAccount,
    NoCommission,
    Percentage,
    PerShare,
    PerTrade,
    RejectOrder,
    TrimOrder,
)
from ml4t.simulation.accounts import Trade, Verdict
from ml4t.simulation.exposure import Exposure

tariffs = st.one_of(
    st.just(NoCommission()),
    st.builds(Percentage, st.floats(0, 0.05)),
    st.builds(PerShare, st.floats(0, 1), st.floats(0, 20)),
    st.builds(PerTrade, st.floats(0, 50)),
)


def trade(
    signed: float,
    price: float = 100.0,
    held: float = 0.0,
    terms: Asset | None = None,
    commission: Commission | None = None,
) -> Trade:
    terms, commission = terms or Asset(symbol="SPY"), commission or NoCommission()
    fee = commission.fee(abs(signed), price, terms.multiplier)
    return Trade(signed, price, terms, held, fee, commission)


@st.composite
def trades(draw: st.DrawFn, *, short: bool) -> Trade:
    lot = draw(st.sampled_from([0.0, 0.0, 1.0, 10.0]))
    terms = Asset(symbol="SPY", multiplier=draw(st.sampled_from([1.0, 50.0])), lot_size=lot)
    whole = st.integers(1, 100).map(lambda lots: lots * (lot or 1.0))
    quantity = draw(whole if lot else st.one_of(whole, st.floats(0.01, 100)))
    held = draw(st.integers(-50 if short else 0, 50)) * (lot or 1.0)
    sign = draw(st.sampled_from([1, -1]))
    return trade(sign * quantity, draw(st.floats(0.01, 1e4)), held, terms, draw(tariffs))


def exposure(of: Trade, cash: float, elsewhere: float = 0.0) -> Callable[[], Exposure]:
    """Marked at the price of the trade, with a position of some value in another asset."""
    positions = {}
    if of.held:
        positions["SPY"] = Position("SPY", of.held, of.price, of.terms.multiplier)
    if elsewhere:
        positions["QQQ"] = Position("QQQ", math.copysign(1, elsewhere), abs(elsewhere))
    marks = {"SPY": of.price, "QQQ": abs(elsewhere)}
    return lambda: Exposure(cash, positions, marks.get)


def unasked() -> Exposure:
    pytest.fail("the exposure was worked out where nobody needed it")


def outcome(rules: AccountRules, of: Trade, cash: float) -> tuple[float, float]:
    """What fills and the cash that it leaves."""
    verdict = rules.review(of, cash, exposure(of, cash))
    quantity = abs(of.signed_quantity) if verdict is None else verdict.quantity
    signed = math.copysign(quantity, of.signed_quantity)
    return signed, cash - signed * of.unit_value - (of.fee_of(quantity) if quantity else 0.0)


class TestTrade:
    @pytest.mark.parametrize(
        ("signed", "lot", "step"),
        [(10.0, 0.0, 1.0), (-10.0, 0.0, 1.0), (10.5, 0.0, 0.0), (10.5, 0.5, 0.5), (9.0, 3.0, 3.0)],
    )
    def test_a_whole_order_is_cut_to_whole_units(
        self, signed: float, lot: float, step: float
    ) -> None:
        assert trade(signed, terms=Asset(symbol="SPY", lot_size=lot)).step == step

    def test_a_unit_is_worth_price_and_multiplier(self) -> None:
        assert trade(1, 4_000.0, terms=Asset(symbol="ES", multiplier=50)).unit_value == 200_000.0


class TestCashAccount:
    def test_it_declares_no_short_selling(self) -> None:
        assert not CashAccount().allows_short

    @pytest.mark.parametrize("signed", [10.0, -10.0])
    def test_what_is_covered_passes_without_a_count(self, signed: float) -> None:
        assert CashAccount().review(trade(signed, held=10.0), 1_000.0, unasked) is None

    @pytest.mark.parametrize(
        ("cash", "expected"),
        [(999.0, 9.0), (550.0, 5.0), (99.0, 0.0), (0.0, 0.0), (-50.0, 0.0)],
    )
    def test_a_buy_is_trimmed_to_what_the_cash_pays_for(self, cash: float, expected: float) -> None:
        reason = f"not enough cash: costs 1000.00, cash is {cash:.2f}"

        assert CashAccount().review(trade(10), cash, unasked) == Verdict(expected, reason)

    def test_the_fee_is_part_of_the_cost(self) -> None:
        verdict = CashAccount().review(trade(10, commission=PerTrade(1.0)), 1_000.0, unasked)

        assert verdict == Verdict(9.0, "not enough cash: costs 1001.00, cash is 1000.00")

    def test_a_buy_is_rejected_whole_if_that_is_chosen(self) -> None:
        verdict = CashAccount(RejectOrder()).review(trade(10), 999.0, unasked)

        assert verdict == Verdict(0.0, "not enough cash: costs 1000.00, cash is 999.00")

    @pytest.mark.parametrize(
        ("rules", "held", "expected"),
        [
            (CashAccount(), 4.0, 4.0),
            (CashAccount(), 0.0, 0.0),
            (CashAccount(RejectOrder()), 4.0, 0.0),
        ],
    )
    def test_a_sale_ends_at_what_is_held(
        self, rules: CashAccount, held: float, expected: float
    ) -> None:
        reason = f"a cash account cannot sell short: sells 10, holds {held:g}"

        assert rules.review(trade(-10, held=held), 0.0, unasked) == Verdict(expected, reason)

    @pytest.mark.parametrize("signed", [-1.0, -10.0])
    def test_a_sale_that_would_cost_more_than_there_is_does_not_happen(self, signed: float) -> None:
        """Trimmed to what is held, or not: it brings 1 and costs 5."""
        sale = trade(signed, price=1.0, held=1.0, commission=PerTrade(5.0))

        verdict = CashAccount().review(sale, 3.0, unasked)
        assert verdict == Verdict(0.0, "the fee of 5.00 exceeds proceeds and cash")

    @given(trades(short=False), st.floats(0, 1e5), st.sampled_from([TrimOrder(), RejectOrder()]))
    def test_neither_cash_nor_position_becomes_negative(
        self, of: Trade, cash: float, shortfall: TrimOrder | RejectOrder
    ) -> None:
        """A5 and A6."""
        signed, left = outcome(CashAccount(shortfall), of, cash)

        flows = 1 + cash + abs(signed) * of.unit_value
        assert left >= -1e-9 * flows
        assert of.held + signed >= -1e-9 * abs(signed)

    @given(trades(short=False), st.floats(0, 1e5))
    def test_a_trimmed_buy_is_all_but_one_lot_of_what_the_cash_pays_for(
        self, of: Trade, cash: float
    ) -> None:
        assume(of.signed_quantity > 0)
        signed, left = outcome(CashAccount(), of, cash)
        if signed < of.signed_quantity:
            lot = (of.step or 0.0) * of.unit_value
            more = of.fee_of(signed + (of.step or 1e-6)) - of.fee_of(signed)
            assert left < lot + more + 1e-6 * (1 + cash)


class TestMarginAccount:
    def test_it_declares_short_selling(self) -> None:
        assert MarginAccount().allows_short

    @pytest.mark.parametrize(("held", "signed"), [(10.0, -10.0), (10.0, -4.0), (-10.0, 10.0)])
    def test_a_reduction_passes_without_a_count(self, held: float, signed: float) -> None:
        assert MarginAccount().review(trade(signed, held=held), -1e9, unasked) is None

    @pytest.mark.parametrize("sign", [1, -1])
    def test_half_margin_carries_twice_the_equity(self, sign: int) -> None:
        enough, more = trade(sign * 20), trade(sign * 25)

        assert MarginAccount(0.5).review(enough, 1_000.0, exposure(enough, 1_000.0)) is None
        assert MarginAccount(0.5).review(more, 1_000.0, exposure(more, 1_000.0)) == Verdict(
            20.0, "not enough margin: adds 2500.00 of exposure, 2000.00 is free"
        )

    def test_a_whole_order_is_rejected_if_that_is_chosen(self) -> None:
        more = trade(25)
        verdict = MarginAccount(0.5, RejectOrder()).review(more, 1_000.0, exposure(more, 1_000.0))

        assert verdict is not None
        assert verdict.quantity == 0.0

    def test_positions_elsewhere_use_margin_up(self) -> None:
        more = trade(25)
        verdict = MarginAccount(0.5).review(more, 500.0, exposure(more, 500.0, elsewhere=500.0))

        assert verdict is not None
        assert verdict.quantity == 15.0

    def test_a_flip_frees_what_it_closes(self) -> None:
        flip = trade(-40, held=20.0)

        assert MarginAccount(0.5).review(flip, -1_000.0, exposure(flip, -1_000.0)) is None

    def test_a_flip_beyond_the_margin_is_trimmed_and_still_closes(self) -> None:
        flip = trade(-50, held=20.0)
        verdict = MarginAccount(0.5).review(flip, -1_000.0, exposure(flip, -1_000.0))

        assert verdict is not None
        assert verdict.quantity == 40.0

    def test_without_equity_a_flip_only_closes(self) -> None:
        flip = trade(-50, held=20.0)
        verdict = MarginAccount(0.5).review(flip, -2_500.0, exposure(flip, -2_500.0))

        assert verdict is not None
        assert verdict.quantity == 20.0

    @pytest.mark.parametrize("margin", [0.0, 0.009, 1.1, math.nan])
    def test_a_margin_is_a_share(self, margin: float) -> None:
        with pytest.raises(ConfigError, match="initial_margin of MarginAccount"):
            MarginAccount(margin)

    @given(trades(short=True), st.floats(-1e5, 1e5), st.floats(0.05, 1.0), st.floats(-1e5, 1e5))
    def test_no_trade_adds_more_exposure_than_the_margin_covers(
        self, of: Trade, cash: float, margin: float, elsewhere: float
    ) -> None:
        now = exposure(of, cash, elsewhere)
        before = now()
        verdict = MarginAccount(margin).review(of, cash, now)
        quantity = abs(of.signed_quantity) if verdict is None else verdict.quantity
        after = of.held + math.copysign(quantity, of.signed_quantity)
        added = (abs(after) - abs(of.held)) * of.unit_value
        equity = before.equity - (of.fee_of(quantity) if quantity else 0.0)
        flows = 1 + abs(cash) + before.gross + abs(added)

        assert 0 <= quantity <= abs(of.signed_quantity) * (1 + 1e-9)
        if added > 1e-9 * flows:
            assert margin * (before.gross + added) <= equity + 1e-8 * flows

    @given(trades(short=True), st.floats(-1e5, 1e5))
    def test_a_reduction_is_never_cut(self, of: Trade, cash: float) -> None:
        assume(of.held * of.signed_quantity < 0)
        verdict = MarginAccount().review(of, cash, exposure(of, cash))
        least = min(abs(of.held), abs(of.signed_quantity))

        assert verdict is None or verdict.quantity >= least

    @given(trades(short=True), st.floats(0, 1e5))
    def test_a_trimmed_trade_is_a_whole_number_of_lots(self, of: Trade, cash: float) -> None:
        verdict = MarginAccount().review(of, cash, exposure(of, cash))
        if verdict is not None and of.step:
            assert whole_lots(verdict.quantity, of.step) == pytest.approx(verdict.quantity)
