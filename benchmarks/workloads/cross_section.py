"""The same portfolio by weights, worked out bar by bar in numpy without a loop over assets."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from benchmarks.cases import Case
from benchmarks.prices import grid, trading_days
from benchmarks.workloads.long_short import CASH, LOOKBACK, SIDE
from ml4t.backtest import ArrayBroker, ArraySlice, BacktestConfig, MarginAccount
from ml4t.core import RebalanceConfig, Strategy, TargetWeightExecutor

__all__ = ["case"]


class CrossSection(Strategy):
    """Ranks all assets at every bar and hands the broker an array of weights."""

    def __init__(self, positions: int) -> None:
        self.positions = positions
        self.executor = TargetWeightExecutor(
            RebalanceConfig(allow_short=True, max_gross_leverage=2.0)
        )

    def on_data(  # type: ignore[override] # arrays exist in backtests only
        self,
        timestamp: datetime,  # noqa: ARG002
        data: ArraySlice,
        context: Mapping[str, object],  # noqa: ARG002
        broker: ArrayBroker,
    ) -> None:
        past = data.history("close", LOOKBACK + 1)
        if len(past) <= LOOKBACK:
            return
        ranks = np.argsort(past[-1] / past[0], kind="stable")
        weights = np.zeros(len(ranks))
        weights[ranks[: self.positions]] = -SIDE / self.positions
        weights[ranks[-self.positions :]] = SIDE / self.positions
        broker.rebalance(weights, self.executor)


def case(days: int = 5040, assets: int = 250, positions: int = 25) -> Case:
    """Daily bars, rebalanced daily."""
    made = grid(trading_days(days), assets, volatility=0.01)
    return Case(
        feed=made.feed(),
        strategy=CrossSection(positions),
        config=BacktestConfig(initial_cash=CASH, account=MarginAccount()),
        nbytes=made.nbytes,
    )
