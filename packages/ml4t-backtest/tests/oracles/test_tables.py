"""Tables of other engines' own tests that need no run: fees and slippage by themselves."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml4t.backtest import (
    BasisPoints,
    CombinedCommission,
    MaximumPerOrder,
    MinimumPerOrder,
    Order,
    OrderRequest,
    OrderSide,
    PerContract,
    PerOrder,
    PerShare,
    Strategy,
    VolumeImpact,
)
from ml4t.simulation import Commission, Execution

from .scenarios import oracle_files, small_feed
from .zipline import commission_of


def is_stored(path: Path) -> bool:
    return "stored" in path.stem


def fees_by_execution(
    tariff: Commission, fills: Sequence[float], prices: Sequence[float]
) -> list[float]:
    """What an order pays for each of its executions."""
    request = OrderRequest(asset="A", side=OrderSide.BUY, quantity=float(sum(fills)))
    order = Order.submitted("1", request, None, None)
    now = small_feed([(1.0, 1.0, 1.0, 1.0)]).times[0]
    paid = []
    for quantity, price in zip(fills, prices, strict=True):
        paid.append(tariff.fee(quantity, price, 1.0, order))
        order = order.after_fill(quantity, price, now, paid[-1])
    return paid


@pytest.mark.parametrize("path", oracle_files("zipline", is_stored))
def test_fees_of_partial_fills_are_those_of_zipline(path: Path) -> None:
    table = json.loads(path.read_text())["commission"]
    cases: list[tuple[Commission, list[float]]] = [
        (PerShare(table["per_share_no_min"]["cost"]), table["per_share_no_min"]["incremental"]),
        (commission_of(f"PerDollar({table['per_dollar']['cost']})"),
         table["per_dollar"]["incremental"]),
        (PerOrder(table["per_trade"]["cost"]), increments(table["per_trade"])),
    ]  # fmt: skip
    cases += [
        (MinimumPerOrder(PerShare(case["cost"]), case["min"]), increments(case))
        for case in table["per_share_min"]
    ]
    for case in table["per_contract"]:
        parts: list[Commission] = [PerContract(case["cost"]), PerOrder(case["exchange_fee"])]
        tariff: Commission = CombinedCommission(parts)
        cases.append((MinimumPerOrder(tariff, case["min"] or 0.0), increments(case)))

    for tariff, expected in cases:
        paid = fees_by_execution(tariff, table["fills"], table["prices"])
        assert paid == pytest.approx(expected, rel=0, abs=1e-8), tariff


def increments(case: dict[str, Any]) -> list[float]:
    """Fees of executions from those of the order so far."""
    return [float(fee) for fee in np.diff([0.0, *case["cumulative"]])]


@pytest.mark.parametrize("path", oracle_files("lean", lambda path: "fill" in path.stem))
def test_the_tariff_per_share_is_that_of_lean(path: Path) -> None:
    # The cap gives way to the minimum there.
    tariff = MinimumPerOrder(MaximumPerOrder(PerShare(0.005), 0.005), 1.0)

    for case in json.loads(path.read_text())["fees"]["cases"]:
        assert tariff.fee(case["quantity"], case["price"], 1.0) == pytest.approx(case["fee"], 1e-12)


class Watcher(Strategy):
    """Keeps the bars of its first day."""

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        self.bars = data


@pytest.mark.parametrize("path", oracle_files("lean", lambda path: "fill" in path.stem))
def test_slippage_by_share_of_the_volume_is_that_of_lean(path: Path, run_engine: Any) -> None:
    for case in json.loads(path.read_text())["slippage"]["cases"]:
        price, watcher = case["price"], Watcher()
        run_engine(small_feed([(price, price, price, price, case["volume"])]), watcher)
        slippage = VolumeImpact(case["impact"], share_limit=case["limit"])

        cost = slippage.cost(
            Execution(price, "market_open", OrderSide.BUY, case["qty"], "A", watcher.bars)
        )

        assert cost == pytest.approx(case["slippage"], rel=0, abs=1e-8)


def test_constant_slippage_is_a_share_of_the_price_as_in_lean(run_engine: Any) -> None:
    watcher = Watcher()
    run_engine(small_feed([(100.0, 100.0, 100.0, 100.0)]), watcher)

    cost = BasisPoints(1).cost(
        Execution(100.0, "market_open", OrderSide.SELL, 1.0, "A", watcher.bars)
    )

    assert cost == pytest.approx(100.0 * 0.0001)
