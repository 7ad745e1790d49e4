"""The target sizing cases of LEAN's own tests: the same orders from ``TargetWeightExecutor``.

LEAN keeps a quarter of a percent of the account out of every target and takes the order's fee off
the account before it sizes. Ours sizes to the weight that it is given and keeps head-room only
where the cash is short, so the weight of each case carries LEAN's two deductions: the target times
99.75 % times (value - fee) / value. What is left to the executor agrees to the share: the whole
shares of a target, rounded towards zero, less what is held; and that a target of 0 sells
everything, whatever it costs. Each order is then filled at the same price with the fee charged and
the margin required, which is what LEAN asserts as sufficient buying power. A case runs with each of
its leverages.

Left out:

* ``PrecisionFailureAdjustment``: a target of 28 digits, a hair below a whole share. The executor
  counts what is within a billionth of a share as the whole of it.

The other file, of fills, fees and slippage, is read in ``oracles/``.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from ml4t.backtest import (
    BacktestConfig,
    BacktestResult,
    BrokerProtocol,
    DataFeed,
    MarginAccount,
    Order,
    OrderStatus,
    PerTrade,
    RebalanceConfig,
    Strategy,
    TargetWeightExecutor,
)
from ml4t.core import MarketSlice

RunEngine = Callable[..., BacktestResult]

LEFT_OUT = {"PrecisionFailureAdjustment"}
BUFFER = 0.0025
SYMBOL = "SPY"


class SetHoldings(Strategy):
    """Gets into the case's holdings, waits for its price, and goes for its target."""

    def __init__(self, held: float, weight_of: Callable[[float], float]) -> None:
        self.held = held
        self.weight_of = weight_of
        self.executor = TargetWeightExecutor(
            RebalanceConfig(
                allow_short=True, max_single_weight=2, max_gross_leverage=2, fee_headroom=0
            )
        )
        self.orders: list[Order] = []

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        if data.row == 0 and self.held:
            broker.submit_order(SYMBOL, self.held)
        if data.row == 2:
            weights = {SYMBOL: self.weight_of(broker.get_account_value())}
            self.orders = self.executor.execute(weights, data, broker)


def values_of(case: Mapping[str, Any]) -> dict[str, Any]:
    """The case's steps by name; prices is the list of them."""
    steps = {step["op"]: step.get("value", step) for step in case["steps"]}
    prices = [step["value"] for step in case["steps"] if step["op"] == "price"]
    return {"cash": 100_000.0, "holdings": {"quantity": 0.0}, **steps, "prices": prices}


def initial_margin(leverage: Any) -> float:
    return float(leverage["initial_margin"] if isinstance(leverage, dict) else 1 / leverage)


@pytest.mark.oracle_cases("lean/lean_sizing_unit_cases.json", LEFT_OUT)
def test_a_target_gives_the_order_of_lean_and_the_account_affords_it(
    case: Mapping[str, Any], run_engine: RunEngine
) -> None:
    values, fee = values_of(case), case["constant_fee"]
    before, after = values["prices"][0], values["prices"][-1]
    held = values["holdings"]["quantity"]
    setup_fee = fee if held else 0.0
    prices = np.array([[before], [before], [after], [after]])
    days = np.array([f"2024-01-0{day}T21:00" for day in (2, 3, 4, 5)], "M8[us]")
    feed = DataFeed.from_arrays(days, [SYMBOL], {"close": prices})

    for leverage in case["leverage"]:
        strategy = SetHoldings(
            held, lambda value: float(values["target"]) * (1 - BUFFER) * (value - fee) / value
        )
        config = BacktestConfig(
            initial_cash=values["cash"] + held * before + setup_fee,
            account=MarginAccount(initial_margin=initial_margin(leverage)),
            commission=PerTrade(fee),
        )
        result = run_engine(feed, strategy, config)

        assert result.positions[SYMBOL].tolist()[2] == held
        assert [order.request.signed_quantity for order in strategy.orders] == [
            values["expect_quantity"]
        ]
        (order,) = strategy.orders
        assert order.status is OrderStatus.ACCEPTED
        assert (result.orders["status"].iloc[-1] == "filled") is values[
            "expect_sufficient_buying_power"
        ]
