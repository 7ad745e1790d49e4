"""The inputs that all libraries read, as Parquet files in one folder."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.prices import Grid, grid, trading_days, walk
from benchmarks.workloads.long_short import momentum_weights

__all__ = ["write_inputs"]


def write_inputs(folder: Path, workload: str, size: int) -> None:
    """Write what ``workload`` reads: ``prices.parquet``, and ``weights.parquet`` where it has any.

    Args:
        folder: an empty folder.
        workload: ``crossover`` or ``long-short``.
        size: how many instants.
    """
    if workload == "crossover":
        long_frame(walk(size)).to_parquet(folder / "prices.parquet")
        return
    made = grid(trading_days(size), assets=250, volatility=0.01)
    long_frame(made).to_parquet(folder / "prices.parquet")
    weights = momentum_weights(made.columns["close"], positions=25)
    times = pd.DatetimeIndex(made.times, name="timestamp").tz_localize("UTC")
    pd.DataFrame(weights, index=times, columns=list(made.symbols)).to_parquet(
        folder / "weights.parquet"
    )


def long_frame(made: Grid) -> pd.DataFrame:
    """One row for each bar, instant by instant."""
    width = len(made.symbols)
    times = pd.DatetimeIndex(np.repeat(made.times, width)).tz_localize("UTC")
    return pd.DataFrame(
        {
            "timestamp": times,
            "symbol": np.tile(np.array(made.symbols), len(made.times)),
            **{name: column.reshape(-1) for name, column in made.columns.items()},
        }
    )
