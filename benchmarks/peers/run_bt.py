# /// script
# requires-python = ">=3.11"
# dependencies = ["bt==1.4.1", "pandas==2.3.3", "pyarrow==26.0.1"]
#
# [tool.uv]
# exclude-newer = "2026-11-15T00:00:00Z"
# ///
"""bt: its tree of nodes, given the weights; it trades at the close it decides on."""

from pathlib import Path

import bt
import pandas as pd
from peer_report import CASH, Stopwatch, answer


def long_short(folder: Path) -> dict[str, object]:
    """A portfolio by weights, in whole shares."""
    clock = Stopwatch()
    close = clock.time("load", lambda: load(folder))
    weights = pd.read_parquet(folder / "weights.parquet").tz_localize(None).dropna()
    strategy = bt.Strategy("weights", [bt.algos.WeighTarget(weights), bt.algos.Rebalance()])
    test = bt.Backtest(strategy, close, initial_capital=CASH, progress_bar=False)
    clock.time("run", lambda: bt.run(test, progress_bar=False))
    return {
        **clock.seconds,
        "fills": len(test.strategy.get_transactions()),
        "final": float(test.strategy.value),
    }


def load(folder: Path) -> pd.DataFrame:
    """The closes, one column for each asset; it wants them without a zone."""
    frame = pd.read_parquet(folder / "prices.parquet", columns=["timestamp", "symbol", "close"])
    return frame.pivot(index="timestamp", columns="symbol", values="close").tz_localize(None)


if __name__ == "__main__":
    answer("bt", {"long-short": long_short})
