# /// script
# requires-python = ">=3.11"
# dependencies = ["backtesting==0.6.6", "pandas==2.3.3", "pyarrow==26.0.1"]
#
# [tool.uv]
# exclude-newer = "2026-11-15T00:00:00Z"
# ///
"""backtesting.py: its indicators, which are computed before the run, and its own crossover."""

from pathlib import Path

import pandas as pd
from backtesting import Backtest, Strategy
from peer_report import FAST, QUANTITY, SLOW, SMALL_CASH, Stopwatch, answer


def mean(values: object, window: int) -> pd.Series:
    """The moving average that its documentation uses."""
    return pd.Series(values).rolling(window).mean()


class Crossover(Strategy):
    """Holds the asset while the fast mean is above the slow one."""

    def init(self) -> None:
        self.fast = self.I(mean, self.data.Close, FAST)
        self.slow = self.I(mean, self.data.Close, SLOW)

    def next(self) -> None:
        above = self.fast[-1] > self.slow[-1]
        if above and not self.position:
            self.buy(size=QUANTITY)
        elif self.position and not above:
            self.position.close()


def crossover(folder: Path) -> dict[str, object]:
    """Crossing averages of one asset."""
    clock = Stopwatch()
    frame = clock.time("load", lambda: load(folder))
    run = Backtest(frame, Crossover, cash=SMALL_CASH)
    stats = clock.time("run", run.run)
    return {
        **clock.seconds,
        "trades": len(stats["_trades"]),
        "final": float(stats["Equity Final [$]"]),
    }


def load(folder: Path) -> pd.DataFrame:
    """The prices in the columns that it wants."""
    frame = pd.read_parquet(folder / "prices.parquet").set_index("timestamp")
    return frame.drop(columns="symbol").rename(columns=str.capitalize)


if __name__ == "__main__":
    answer("backtesting", {"crossover": crossover})
