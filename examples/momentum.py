"""Cross-sectional momentum: each month hold the stocks that rose most over a year.

The measure is the usual "12-1": the return from twelve months ago to one month ago, since the most
recent month tends to reverse (Jegadeesh and Titman, Journal of Finance 48, 1993).

Run it from the repository's top folder with ``make demo``, or in parts::

    ml4t backtest examples/momentum.py --prices examples/data/us_stocks_daily.parquet \\
        --config examples/momentum.toml --out results/momentum
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime

from ml4t.core import (
    BrokerProtocol,
    MarketSlice,
    RebalanceConfig,
    Strategy,
    TargetWeightExecutor,
)

MONTHS = 12
"""How far back the return is measured from; the latest month is left out of it."""


class Momentum(Strategy):
    """On the first bar of each month, equal weights in the five strongest assets."""

    def __init__(self, count: int = 5) -> None:
        self.count = count
        self.executor = TargetWeightExecutor(RebalanceConfig(fee_headroom=0.01))
        # The closes on the first bar of this month and of the twelve months before it.
        self.month_starts: deque[Mapping[str, float]] = deque(maxlen=MONTHS + 1)
        self.month: int | None = None

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],  # noqa: ARG002 - this strategy needs none
        broker: BrokerProtocol,
    ) -> None:
        """Rebalance when a month begins and a year of closes is known."""
        if timestamp.month == self.month:
            return
        self.month = timestamp.month
        self.month_starts.append({asset: bar["close"] for asset, bar in data.items()})
        if len(self.month_starts) <= MONTHS:
            return
        year_ago, month_ago = self.month_starts[0], self.month_starts[-2]
        momentum = {
            asset: month_ago[asset] / year_ago[asset]
            for asset in data
            if asset in month_ago and asset in year_ago
        }
        best = sorted(momentum, key=lambda asset: momentum[asset], reverse=True)[: self.count]
        self.executor.execute(dict.fromkeys(best, 1 / self.count), data, broker)
