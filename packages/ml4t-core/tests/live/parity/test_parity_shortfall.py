"""Implementation shortfall: positive where reality was worse than the simulation."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ml4t.core import Fill, Order, OrderRequest, OrderSide, Strategy
from ml4t.live.assumption_table import ShadowMarket
from ml4t.live.engine import LiveEngine
from ml4t.live.recording import (
    Execution,
    Recording,
    ShortfallReport,
    Simulated,
    compare_fills,
    shortfall_of,
    simulate,
)
from ml4t.live.recording.values import as_text, from_text

NOW = datetime(2024, 3, 4, 15, tzinfo=UTC)
BUY = Order("1", OrderRequest.of("AAA", 100))
SELL = Order("2", OrderRequest.of("AAA", -100))


def execution(quantity: float, price: float, fees: float = 0.0) -> Execution:
    """Something that filled."""
    return Execution(quantity=quantity, price=price, fees=fees, timestamp=NOW)


NOTHING = Execution()


@pytest.mark.parametrize(
    ("order", "real", "simulated", "price", "fees", "opportunity", "basis_points"),
    [
        # Bought 100 at 10.05 instead of 10.00: 5 of 1000.
        (BUY, execution(100, 10.05), execution(100, 10.0), 5.0, 0.0, 0.0, 50.0),
        # Sold at 10.05 instead of 10.00: 5 better.
        (SELL, execution(100, 10.05), execution(100, 10.0), -5.0, 0.0, 0.0, -50.0),
        # The same price for 3 instead of 1.
        (BUY, execution(100, 10.0, 3.0), execution(100, 10.0, 1.0), 0.0, 2.0, 0.0, 20.0),
        # A limit that was never reached in reality, and the price is 12 now: 200 missed, 1 saved.
        (BUY, NOTHING, execution(100, 10.0, 1.0), 0.0, -1.0, 200.0, 1990.0),
        # Not sold at 10 and it is 12 now: 200 to the good.
        (SELL, NOTHING, execution(100, 10.0), 0.0, 0.0, -200.0, -2000.0),
        # Bought in reality alone, at 10 to 12 now.
        (BUY, execution(100, 10.0), NOTHING, 0.0, 0.0, -200.0, -2000.0),
        # 60 at 10.10 instead of 100 at 10: 6 by price, 40 missed a rise of 2.
        (BUY, execution(60, 10.1), execution(100, 10.0), 6.0, 0.0, 80.0, 860.0),
        (BUY, NOTHING, NOTHING, 0.0, 0.0, 0.0, None),
    ],
)
def test_one_order_by_hand(  # noqa: PLR0913, PLR0917 - one for each number
    order: Order,
    real: Execution,
    simulated: Execution,
    price: float,
    fees: float,
    opportunity: float,
    basis_points: float | None,
) -> None:
    found = shortfall_of(order, real, simulated, mark=12.0)

    assert found.price_cost == pytest.approx(price)
    assert found.fee_cost == pytest.approx(fees)
    assert found.opportunity_cost == pytest.approx(opportunity)
    assert found.total == pytest.approx(price + fees + opportunity)
    assert found.basis_points == pytest.approx(basis_points)


def test_a_multiplier_counts() -> None:
    found = shortfall_of(BUY, execution(2, 10.5), execution(2, 10.0), mark=12.0, multiplier=50.0)

    assert (found.total, found.notional, found.basis_points) == (50.0, 1000.0, 500.0)


def test_a_delay_is_told_in_seconds() -> None:
    late = attrs.evolve(execution(1, 10.0), timestamp=NOW + timedelta(seconds=90))

    assert shortfall_of(BUY, late, execution(1, 10.0), mark=None).seconds == 90.0
    assert shortfall_of(BUY, NOTHING, execution(1, 10.0), mark=None).seconds is None


def test_several_fills_are_one_execution_at_their_mean_price() -> None:
    fills = [
        Fill("1", "1", "AAA", OrderSide.BUY, 1.0, 10.0, NOW, fee=0.5),
        Fill("2", "1", "AAA", OrderSide.BUY, 3.0, 12.0, NOW + timedelta(hours=1), fee=0.25),
    ]

    assert Execution.of(fills) == Execution(
        quantity=4.0, price=11.5, fees=0.75, timestamp=NOW + timedelta(hours=1)
    )


numbers = st.floats(0.01, 1e4)


@given(
    st.sampled_from([BUY, SELL]),
    st.lists(st.tuples(numbers, numbers, numbers), max_size=2),
    numbers,
)
def test_it_is_what_paper_gained_less_what_reality_did(
    order: Order, worlds: list[tuple[float, float, float]], mark: float
) -> None:
    assume(len(worlds) == 2)
    real, simulated = (execution(*numbers) for numbers in worlds)

    def gain(world: Execution) -> float:
        return order.side.sign * world.quantity * (mark - (world.price or 0.0)) - world.fees

    found = shortfall_of(order, real, simulated, mark=mark).total
    size = max(abs(gain(real)), abs(gain(simulated)), mark * (real.quantity + simulated.quantity))
    assert found == pytest.approx(gain(simulated) - gain(real), abs=1e-9 * size)


def report_of(recording: Recording, market: ShadowMarket | None = None) -> ShortfallReport:
    """The comparison that `ml4t replay` makes."""
    return compare_fills(simulate(recording, market), recording.fills(), {})


def test_a_shadow_run_has_no_shortfall_at_all(recorded: Recording) -> None:
    report = report_of(recorded)

    assert len(report.orders) > 50
    assert sum(order.real.quantity > 0 for order in report.orders) > 20
    assert report.differences == ()
    assert [order.total for order in report.orders] == [0.0] * len(report.orders)
    assert {order.seconds for order in report.orders} == {0.0, None}
    assert (report.total, report.basis_points, report.unknown_fills) == (0.0, 0.0, 0)
    assert report.has_account


@pytest.mark.parametrize("warmup", [0, 9])
def test_what_was_decided_while_warming_up_is_not_traded(
    record: Callable[..., LiveEngine], busy: type[Strategy], tmp_path: Path, warmup: int
) -> None:
    engine = record(busy(), warmup=warmup)
    recording = Recording(tmp_path / "run.rec")
    report = report_of(recording)

    assert report.differences == ()
    assert [order.order_id for order in report.orders] == list(engine.account.book.orders)


def test_another_market_is_another_comparison(recorded: Recording) -> None:
    free = ShadowMarket(cash=100_000.0)
    report = report_of(recorded, free)
    filled = [order for order in report.orders if order.real.quantity]

    # Reality paid 1 for each order that filled, and 5 basis points where it took the price.
    assert {order.fee_cost for order in filled} == {1.0}
    assert report.price_cost > 0
    assert report.total == pytest.approx(
        report.price_cost + report.fee_cost + report.opportunity_cost
    )


def test_a_live_run_that_filled_worse_costs_what_it_filled_worse(recorded: Recording) -> None:
    """What a venue reports that fills 0.10 worse and takes half a unit more than was assumed."""
    connection = sqlite3.connect(recorded.path)
    rows = connection.execute("SELECT seq, fill FROM executions").fetchall()
    quantity = 0.0
    for seq, text in rows:
        fill: Fill = from_text(text)
        worse = attrs.evolve(
            fill,
            price=fill.price + 0.1 * fill.side.sign,
            fee=fill.fee + 0.5,
            timestamp=fill.timestamp + timedelta(seconds=2),
        )
        quantity += fill.quantity
        connection.execute("UPDATE executions SET fill = ? WHERE seq = ?", [as_text(worse), seq])
    # And one order that never filled: what it missed stands in the opportunity cost.
    lost = from_text(rows[0][1])
    connection.execute("DELETE FROM executions WHERE seq = ?", [rows[0][0]])
    connection.commit()
    connection.close()

    report = report_of(recorded)
    simulated = simulate(recorded)
    mark = simulated.marks[lost.asset]
    missed = lost.side.sign * lost.quantity * (mark - lost.price)

    assert report.price_cost == pytest.approx(0.1 * (quantity - lost.quantity))
    assert report.fee_cost == pytest.approx(0.5 * (len(rows) - 1) - lost.fee)
    assert report.opportunity_cost == pytest.approx(missed)
    assert {o.seconds for o in report.orders if o.real.quantity} == {2.0}


def test_fills_of_nobody_are_counted() -> None:
    fill = Fill("1", "another", "AAA", OrderSide.BUY, 1.0, 10.0, NOW)
    report = compare_fills(Simulated(orders={}, fills={}, marks={}, has_account=True), [fill], {})

    assert (report.orders, report.unknown_fills, report.basis_points) == ((), 1, None)
