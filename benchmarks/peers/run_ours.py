"""This project's own engine, asked as its peers are; runs in the project's environment."""

from datetime import datetime
from pathlib import Path

import pandas as pd
from benchmarks.workloads.crossover import Crossover
from benchmarks.workloads.long_short import CASH, LongShort, targets_of
from peer_report import Stopwatch, answer

from ml4t.backtest import BacktestConfig, BacktestResult, DataFeed, Engine, MarginAccount


def crossover(folder: Path) -> dict[str, object]:
    """Crossing averages of one asset."""
    clock = Stopwatch()
    feed = clock.time("load", lambda: DataFeed(folder / "prices.parquet"))
    engine = Engine(feed, Crossover())
    return figures(clock, clock.time("run", lambda: with_equity(engine)))


def long_short(folder: Path) -> dict[str, object]:
    """A portfolio by weights."""
    clock = Stopwatch()
    feed = clock.time("load", lambda: DataFeed(folder / "prices.parquet"))
    frame = pd.read_parquet(folder / "weights.parquet")
    instants: list[datetime] = frame.index.to_pydatetime().tolist()
    strategy = LongShort(targets_of(instants, list(frame.columns), frame.to_numpy()))
    engine = Engine(feed, strategy, BacktestConfig(initial_cash=CASH, account=MarginAccount()))
    return figures(clock, clock.time("run", lambda: with_equity(engine)))


def with_equity(engine: Engine) -> BacktestResult:
    """The result, its equity curve worked out."""
    result = engine.run()
    _ = result.equity
    return result


def figures(clock: Stopwatch, result: BacktestResult) -> dict[str, object]:
    """What the table holds."""
    return {
        **clock.seconds,
        "fills": len(result.fills),
        "trades": int((~result.trades["is_open"]).sum()),
        "final": float(result.equity.iloc[-1]),
    }


if __name__ == "__main__":
    answer("ml4t-backtest", {"crossover": crossover, "long-short": long_short})
