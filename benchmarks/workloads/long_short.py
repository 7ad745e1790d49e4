"""A portfolio by weights, rebalanced at every bar or once a day: orders, and many of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.prices import Grid, grid, trading_days
from ml4t.backtest import BacktestConfig, MarginAccount
from ml4t.core import (
    BrokerProtocol,
    MarketSlice,
    RebalanceConfig,
    Strategy,
    TargetWeightExecutor,
)

__all__ = [
    "CASH",
    "LOOKBACK",
    "SIDE",
    "LongShort",
    "case",
    "long_short",
    "momentum_weights",
    "targets_of",
]

CASH = 1e7
LOOKBACK = 20
"""Over how many rows the strength of an asset is taken."""

SIDE = 0.75
"""The sum of the weights of all longs, and of all shorts: below what the margin allows."""


class LongShort(Strategy):
    """Goes to the weights that were worked out beforehand, at the instants that have any."""

    def __init__(self, targets: Mapping[datetime, Mapping[str, float]]) -> None:
        self.targets = targets
        self.executor = TargetWeightExecutor(
            RebalanceConfig(allow_short=True, max_gross_leverage=2.0)
        )

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],  # noqa: ARG002
        broker: BrokerProtocol,
    ) -> None:
        weights = self.targets.get(timestamp)
        if weights is not None:
            self.executor.execute(weights, data, broker)


def momentum_weights(close: NDArray[np.float64], positions: int) -> NDArray[np.float64]:
    """Weights by row: the best ``positions`` of the last 20 rows long, the worst short.

    The weights of each side sum to 0.75; all others are 0. The first 20 rows are NaN.
    """
    weights = np.full(close.shape, np.nan)
    weight = SIDE / positions
    for row in range(LOOKBACK, len(close)):
        ranks = np.argsort(close[row] / close[row - LOOKBACK], kind="stable")
        weights[row] = 0.0
        weights[row, ranks[:positions]] = -weight
        weights[row, ranks[-positions:]] = weight
    return weights


def targets_of(
    instants: Iterable[datetime], symbols: Sequence[str], weights: NDArray[np.float64]
) -> dict[datetime, dict[str, float]]:
    """The weights that are not 0 by instant and symbol; rows of NaN are left out."""
    return {
        instant: {symbols[column]: float(row[column]) for column in np.flatnonzero(row).tolist()}
        for instant, row in zip(instants, weights, strict=True)
        if not np.isnan(row[0])
    }


def long_short(made: Grid, positions: int, every: int = 1) -> Case:
    """The case of one grid: ``positions`` long and as many short, anew at each ``every``-th bar."""
    feed = made.feed()
    weights = momentum_weights(made.columns["close"][::every], positions)
    instants = [feed.times[row] for row in range(0, len(feed), every)]
    return Case(
        feed=feed,
        strategy=LongShort(targets_of(instants, feed.assets, weights)),
        config=BacktestConfig(initial_cash=CASH, account=MarginAccount()),
        nbytes=made.nbytes,
    )


def case(days: int = 5040, assets: int = 250, positions: int = 25) -> Case:
    """Daily bars, rebalanced daily."""
    return long_short(grid(trading_days(days), assets, volatility=0.01), positions)
