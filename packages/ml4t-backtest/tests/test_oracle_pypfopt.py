"""The discrete allocations of PyPortfolioOpt 1.6.0: ours is their first stage.

Their greedy allocation buys the whole shares of each weight, and then spends what is left on one
share after another: each time of the asset that is furthest below its weight and can be paid for. A
rebalance ends with the first stage, since the second would exceed targets. So our shares are an
independent floor, and completing them by the second stage gives their allocation to the share.

In their long-short cases the longs share the whole value (and the proceeds of the shorts, if they
are reinvested) and the shorts a part of it; the weights given to our executor say the same. Their
other allocation, by linear programming, is left out: it solves another problem.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from ml4t.backtest import (
    BacktestConfig,
    BacktestResult,
    BrokerProtocol,
    CashAccount,
    DataFeed,
    MarginAccount,
    RebalanceConfig,
    SameBarClose,
    Strategy,
    TargetWeightExecutor,
)
from ml4t.core import MarketSlice

RunEngine = Callable[..., BacktestResult]
Weights = dict[str, float]


class RebalanceOnce(Strategy):
    """Goes for fixed weights at the first bar."""

    def __init__(self, weights: Weights, gross: float) -> None:
        self.weights = weights
        self.executor = TargetWeightExecutor(
            RebalanceConfig(
                allow_short=True, max_gross_leverage=gross, max_single_weight=gross, fee_headroom=0
            )
        )

    def on_data(
        self,
        timestamp: object,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        self.executor.execute(self.weights, data, broker)


def sides_of(case: Mapping[str, Any]) -> list[tuple[int, float, Weights]]:
    """The longs and the shorts: the sign, the money for them, and weights that sum to 1."""
    weights, value = case["weights"], float(case["total_portfolio_value"])
    longs = {asset: weight for asset, weight in weights.items() if weight >= 0}
    shorts = {asset: -weight for asset, weight in weights.items() if weight < 0}
    proceeds = value * case["short_ratio"]
    reinvested = proceeds if shorts and case["reinvest"] else 0.0
    sides = [(1, value + reinvested, longs), (-1, proceeds, shorts)]
    return [
        (sign, money, {asset: weight / sum(side.values()) for asset, weight in side.items()})
        for sign, money, side in sides
        if side
    ]


def floor_of(money: float, weight: float, price: float) -> int:
    """The whole shares of a weight; what is short of one by rounding counts as one."""
    return math.floor(Fraction(weight) * Fraction(money) / Fraction(price) + Fraction(1, 10**9))


def second_stage(
    shares: dict[str, int], weights: Weights, prices: Weights, money: float
) -> tuple[dict[str, int], float]:
    """Their second stage, and what it leaves over."""
    shares = dict(shares)
    left = money - sum(count * prices[asset] for asset, count in shares.items())
    while True:
        value = sum(count * prices[asset] for asset, count in shares.items())
        deficit = {
            asset: weights[asset] - shares[asset] * prices[asset] / value for asset in shares
        }
        affordable = [asset for asset in shares if prices[asset] <= left and deficit[asset] > 0]
        if not affordable:
            return shares, left
        asset = max(affordable, key=lambda name: deficit[name])
        shares[asset] += 1
        left -= prices[asset]


@pytest.mark.oracle_cases("pypfopt/discrete_allocation.json", ())
def test_a_rebalance_is_the_first_stage_of_the_greedy_allocation(
    case: Mapping[str, Any], run_engine: RunEngine
) -> None:
    value, prices = float(case["total_portfolio_value"]), case["latest_prices"]
    sides = sides_of(case)
    targets = {
        asset: sign * weight * money / value
        for sign, money, side in sides
        for asset, weight in side.items()
    }
    symbols = sorted(targets)
    closes = np.array([[prices[symbol] for symbol in symbols]])
    feed = DataFeed.from_arrays(
        np.array(["2024-01-02T21:00"], "M8[us]"), symbols, {"close": closes}
    )
    gross = sum(map(abs, targets.values())) * (1 + 1e-12)
    account = CashAccount() if len(sides) == 1 else MarginAccount(initial_margin=0.25)
    config = BacktestConfig(initial_cash=value, account=account, timing=SameBarClose())

    result = run_engine(feed, RebalanceOnce(targets, gross), config)

    ours = {str(asset): int(count) for asset, count in result.positions.iloc[0].items()}
    expected: dict[str, int] = {}
    left: list[float] = []
    for sign, money, weights in sides:
        floors = {
            asset: floor_of(money, weight, prices[asset]) for asset, weight in weights.items()
        }
        assert {asset: sign * ours[asset] for asset in weights} == floors
        completed, over = second_stage(floors, weights, prices, money)
        expected |= {asset: sign * count for asset, count in completed.items() if count}
        left.append(over)
    assert expected == case["greedy"]
    assert sum(left) == pytest.approx(case["greedy_leftover"], abs=1e-6)
