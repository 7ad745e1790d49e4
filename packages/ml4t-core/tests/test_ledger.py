"""The ledger: cash and positions follow from the fills, and from nothing else."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import Fill, InvalidValueError, Ledger, OrderSide, Position

WHEN = datetime(2024, 1, 2, 21, tzinfo=UTC)
CASH = 10_000.0
MULTIPLIERS = {"A": 1.0, "B": 50.0, "C": 100.0}

fees = st.one_of(st.just(0.0), st.floats(min_value=-10, max_value=1e3))
fills = st.builds(
    Fill,
    st.just("f"),
    st.just("o"),
    st.sampled_from("ABC"),
    st.sampled_from(OrderSide),
    st.one_of(
        st.floats(min_value=1e-3, max_value=1e4), st.integers(min_value=1, max_value=5).map(float)
    ),
    st.floats(min_value=1e-4, max_value=1e6),
    st.just(WHEN),
    fees,
)
programs = st.lists(fills, max_size=30)


def book(program: Sequence[Fill], cash: float = CASH) -> Ledger:
    ledger = Ledger(cash, MULTIPLIERS)
    for fill in program:
        ledger.apply(fill)
    return ledger


def value(fill: Fill) -> float:
    return fill.signed_quantity * fill.price * MULTIPLIERS[fill.asset]


def tolerance(program: Sequence[Fill]) -> float:
    return 1e-9 * (1 + CASH + sum(abs(value(fill)) + abs(fill.fee) for fill in program))


def trade(signed: float, price: float, fee: float = 0.0, asset: str = "A") -> Fill:
    side = OrderSide.BUY if signed > 0 else OrderSide.SELL
    return Fill("f", "o", asset, side, abs(signed), price, WHEN, fee)


def holding(ledger: Ledger, asset: str) -> float:
    return ledger.positions[asset].quantity if asset in ledger.positions else 0.0


@given(programs)
def test_cash_is_what_the_fills_left(program: list[Fill]) -> None:
    """A1: the start, less what was bought, plus what was sold, less the fees."""
    expected = math.fsum([CASH, *(-value(f) for f in program), *(-f.fee for f in program)])

    assert book(program).cash == pytest.approx(expected, abs=tolerance(program))


@given(programs)
def test_a_position_is_the_sum_of_its_fills(program: list[Fill]) -> None:
    """A2: after each fill, per asset; what rounding leaves is flat."""
    ledger = Ledger(CASH, MULTIPLIERS)
    traded = dict.fromkeys(MULTIPLIERS, 0.0)
    signed = dict(traded)
    for fill in program:
        left = ledger.apply(fill)
        signed[fill.asset] += fill.signed_quantity
        traded[fill.asset] += fill.quantity

        assert left.quantity == holding(ledger, fill.asset)
        for asset, quantity in signed.items():
            slack = 1e-9 * (1 + traded[asset])
            assert holding(ledger, asset) == pytest.approx(quantity, abs=slack)


@given(programs)
def test_positions_hold_no_flat_asset(program: list[Fill]) -> None:
    positions = book(program).positions

    assert all(position.quantity for position in positions.values())
    assert all(asset == position.asset for asset, position in positions.items())
    assert all(p.multiplier == MULTIPLIERS[a] for a, p in positions.items())


@given(programs)
def test_fees_add_up(program: list[Fill]) -> None:
    expected = math.fsum(fill.fee for fill in program)

    assert book(program).fees == pytest.approx(expected, abs=tolerance(program))


@given(programs, st.data())
def test_splitting_fills_changes_nothing(program: list[Fill], data: st.DataObject) -> None:
    """Each fill may have come in parts, at its price and with its share of the fee."""
    parts = []
    for fill in program:
        share = data.draw(st.floats(min_value=0.01, max_value=0.99))
        first = attrs.evolve(fill, quantity=fill.quantity * share, fee=fill.fee * share)
        rest = attrs.evolve(fill, quantity=fill.quantity - first.quantity, fee=fill.fee - first.fee)
        parts += [first, rest]
    whole, split = book(program), book(parts)

    assert split.cash == pytest.approx(whole.cash, abs=tolerance(program))
    assert split.fees == pytest.approx(whole.fees, abs=tolerance(program))
    for asset in MULTIPLIERS:
        slack = 1e-9 * (1 + sum(fill.quantity for fill in program if fill.asset == asset))
        assert holding(split, asset) == pytest.approx(holding(whole, asset), abs=slack)
    for asset in whole.positions.keys() & split.positions.keys():
        # Only where the quantity is far from rounding does an average price mean anything.
        if abs(holding(whole, asset)) > 1e-3:
            average = whole.positions[asset].average_price
            assert split.positions[asset].average_price == pytest.approx(average, rel=1e-5)


@given(st.lists(fills, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_assets_changes_nothing(program: list[Fill], random: object) -> None:
    """Fills of one asset in their sequence, those of different assets in any."""
    by_asset = sorted(program, key=lambda fill: fill.asset)

    straight, sorted_ = book(program), book(by_asset)

    assert sorted_.cash == pytest.approx(straight.cash, abs=tolerance(program))
    assert dict(sorted_.positions) == dict(straight.positions)


@given(
    st.lists(st.floats(min_value=1e-3, max_value=1e4), min_size=1, max_size=8),
    st.floats(min_value=1e-4, max_value=1e6),
    st.sampled_from([1, -1]),
    st.sampled_from(sorted(MULTIPLIERS)),
)
def test_a_round_trip_at_one_price_leaves_the_cash(
    parts: list[float], price: float, sign: int, asset: str
) -> None:
    """A27: in several parts, out at once, without costs."""
    program = [trade(sign * part, price, asset=asset) for part in parts]
    program.append(trade(-sign * math.fsum(parts), price, asset=asset))
    ledger = book(program)

    assert ledger.cash == pytest.approx(CASH, abs=tolerance(program))
    assert dict(ledger.positions) == {}


@given(programs, st.floats(min_value=1e-4, max_value=1e6))
def test_profit_is_the_same_from_cash_and_from_averages(program: list[Fill], mark: float) -> None:
    """A3: equity is the start, plus realized and unrealized profit, less fees."""
    ledger = Ledger(CASH, MULTIPLIERS)
    realized = 0.0
    for fill in program:
        before = ledger.positions.get(fill.asset, Position(fill.asset, 0.0, 0.0))
        ledger.apply(fill)
        if before.quantity * fill.signed_quantity < 0:
            closed = math.copysign(min(abs(before.quantity), fill.quantity), before.quantity)
            gain = fill.price - before.average_price
            realized += closed * gain * MULTIPLIERS[fill.asset]
    positions = ledger.positions.values()
    equity = ledger.cash + sum(position.market_value(mark) for position in positions)
    unrealized = sum(position.unrealized_profit(mark) for position in positions)

    flows = tolerance(program) + 1e-9 * sum(
        f.quantity * mark * MULTIPLIERS[f.asset] for f in program
    )
    expected = CASH + realized + unrealized - ledger.fees
    assert equity == pytest.approx(expected, abs=10 * flows)


class TestByHand:
    def test_a_buy_takes_value_and_fee(self) -> None:
        assert book([trade(2, 100, fee=1)]).cash == CASH - 201

    def test_a_sale_brings_value_less_fee(self) -> None:
        assert book([trade(-2, 100, fee=1)]).cash == CASH + 199

    def test_a_multiplier_is_money_per_point(self) -> None:
        ledger = book([trade(1, 4_000, asset="B"), trade(-1, 4_010, asset="B")])

        assert ledger.cash == CASH + 500

    def test_an_unlisted_asset_has_multiplier_one(self) -> None:
        ledger = Ledger(CASH)
        ledger.apply(trade(3, 10, asset="Z"))

        assert (ledger.cash, ledger.positions["Z"].multiplier) == (CASH - 30, 1.0)

    def test_a_flip_goes_through_zero(self) -> None:
        ledger = book([trade(10, 100), trade(-15, 110)])

        assert ledger.positions["A"] == Position("A", -5.0, 110.0)
        assert ledger.cash == CASH - 1_000 + 1_650

    def test_a_rebate_adds_to_the_cash(self) -> None:
        ledger = book([trade(1, 100, fee=-0.25)])

        assert (ledger.cash, ledger.fees) == (CASH - 99.75, -0.25)

    def test_what_is_left_is_given_back(self) -> None:
        ledger = Ledger(CASH)

        assert ledger.apply(trade(2, 100)).quantity == 2.0
        assert ledger.apply(trade(-2, 100)).quantity == 0.0

    def test_the_view_follows_and_cannot_be_written(self) -> None:
        ledger = Ledger(CASH)
        view = ledger.positions
        ledger.apply(trade(2, 100))

        assert view["A"].quantity == 2.0
        with pytest.raises(TypeError):
            view["A"] = view["A"]  # type: ignore[index]

    def test_cash_may_start_borrowed(self) -> None:
        assert Ledger(-5).cash == -5.0

    @pytest.mark.parametrize("cash", [math.nan, math.inf, -math.inf])
    def test_cash_is_finite(self, cash: float) -> None:
        with pytest.raises(InvalidValueError, match="cash must be finite"):
            Ledger(cash)
