# /// script
# requires-python = ">=3.12"
# dependencies = ["ml4t-backtest==0.2.0", "pandas==3.1.1", "polars==2.1.0"]
#
# [tool.uv]
# exclude-newer = "2026-11-15T00:00:00Z"
# ///
"""ml4t-backtest as released before this project: the same strategies, nearly word for word."""

import warnings
from collections import deque
from pathlib import Path

import polars as pl
from peer_report import CASH, FAST, QUANTITY, SLOW, SMALL_CASH, Stopwatch, answer

from ml4t.backtest import (
    BacktestConfig,
    DataFeed,
    Engine,
    RebalanceConfig,
    Strategy,
    TargetWeightExecutor,
)


class Crossover(Strategy):
    """Holds the asset while the fast mean of its closes is above the slow one."""

    def __init__(self) -> None:
        self.fast = deque([0.0] * FAST, FAST)
        self.slow = deque([0.0] * SLOW, SLOW)
        self.fast_sum = self.slow_sum = 0.0
        self.seen = 0
        self.long = False

    def above(self, price: float) -> bool:
        fast, slow = self.fast, self.slow
        self.fast_sum += price - fast[0]
        fast.append(price)
        self.slow_sum += price - slow[0]
        slow.append(price)
        self.seen += 1
        return self.seen >= SLOW and self.fast_sum / FAST > self.slow_sum / SLOW

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002
        above = self.above(data["SPY"]["close"])
        if above != self.long:
            self.long = above
            if above:
                broker.submit_order("SPY", QUANTITY)
            else:
                broker.close_position("SPY")


class LongShort(Strategy):
    """Goes to the weights that were worked out beforehand, at the instants that have any."""

    def __init__(self, targets) -> None:
        self.targets = targets
        self.executor = TargetWeightExecutor(
            RebalanceConfig(allow_short=True, max_gross_leverage=2.0, share_rounding="truncate")
        )

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002
        weights = self.targets.get(timestamp)
        if weights is not None:
            self.executor.execute(weights, data, broker)


def crossover(folder: Path) -> dict[str, object]:
    """Crossing averages of one asset."""
    clock = Stopwatch()
    feed = clock.time("load", lambda: load(folder))
    engine = Engine(feed, Crossover(), BacktestConfig(initial_cash=SMALL_CASH))
    return figures(clock, clock.time("run", engine.run))


def long_short(folder: Path) -> dict[str, object]:
    """A portfolio by weights, in whole shares."""
    clock = Stopwatch()
    feed = clock.time("load", lambda: load(folder))
    frame = pl.read_parquet(folder / "weights.parquet")
    symbols = [name for name in frame.columns if name != "timestamp"]
    targets = {
        row["timestamp"].replace(tzinfo=None): {
            symbol: row[symbol] for symbol in symbols if row[symbol]
        }
        for row in frame.to_dicts()
        if row[symbols[0]] is not None
    }
    config = BacktestConfig(initial_cash=CASH, allow_short_selling=True, allow_leverage=True)
    return figures(clock, clock.time("run", Engine(feed, LongShort(targets), config).run))


def load(folder: Path) -> DataFeed:
    """A feed whose instants have no zone, as it wants them."""
    frame = pl.read_parquet(folder / "prices.parquet")
    return DataFeed(prices_df=frame.with_columns(pl.col("timestamp").dt.replace_time_zone(None)))


def figures(clock: Stopwatch, result) -> dict[str, object]:
    """What the table holds."""
    return {
        **clock.seconds,
        "fills": len(result.fills),
        "trades": len(result.trades),
        "final": float(result.metrics["final_value"]),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    answer("ml4t-backtest", {"crossover": crossover, "long-short": long_short})
