# /// script
# requires-python = ">=3.11"
# dependencies = ["akquant==0.3.71", "pandas==2.3.3", "pyarrow==26.0.1"]
#
# [tool.uv]
# exclude-newer = "2026-11-15T00:00:00Z"
# ///
"""akquant: an engine in Rust that calls a strategy in Python, which keeps running sums."""

from collections import deque
from pathlib import Path

import akquant as aq
import pandas as pd
from peer_report import FAST, QUANTITY, SLOW, SMALL_CASH, Stopwatch, answer


class Crossover(aq.Strategy):
    """Holds the asset while the fast mean of its closes is above the slow one."""

    def __init__(self) -> None:
        super().__init__()
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

    def on_bar(self, bar: aq.Bar) -> None:
        above = self.above(bar.close)
        if above != self.long:
            self.long = above
            if above:
                self.buy("SPY", QUANTITY)
            else:
                self.close_position("SPY")


def crossover(folder: Path) -> dict[str, object]:
    """Crossing averages of one asset."""
    clock = Stopwatch()
    frame = clock.time("load", lambda: pd.read_parquet(folder / "prices.parquet"))

    def run() -> aq.BacktestResult:
        return aq.run_backtest(
            frame.set_index("timestamp"),
            strategy=Crossover,
            symbols="SPY",
            initial_cash=SMALL_CASH,
            fill_policy=aq.NextOpen(),
            lot_size=1,
            timezone="UTC",
            show_progress=False,
        )

    result = clock.time("run", run)
    metrics = result.metrics_df["value"]
    return {
        **clock.seconds,
        "fills": int(metrics["execution_count"]),
        "trades": int(metrics["closed_trade_count"]),
        "final": float(metrics["end_market_value"]),
    }


if __name__ == "__main__":
    answer("akquant", {"crossover": crossover})
