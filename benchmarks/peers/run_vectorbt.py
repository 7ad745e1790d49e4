# /// script
# requires-python = ">=3.11"
# dependencies = ["vectorbt==1.0.0", "pandas==2.3.3", "plotly==5.24.1", "pyarrow==26.0.1"]
#
# [tool.uv]
# exclude-newer = "2026-11-15T00:00:00Z"
# ///
"""vectorbt: whole columns at once, by compiled functions; the first run compiles them."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

# Compiled functions are kept on disk: an empty folder makes the first run a first run.
os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp()

import pandas as pd
import vectorbt as vbt
from peer_report import CASH, FAST, QUANTITY, SLOW, SMALL_CASH, Stopwatch, answer


def crossover(folder: Path) -> dict[str, object]:
    """Crossing averages of one asset."""
    clock = Stopwatch()
    close = clock.time("load", lambda: load(folder)["SPY"])

    def run() -> vbt.Portfolio:
        above = vbt.MA.run(close, FAST).ma_above(vbt.MA.run(close, SLOW))
        return vbt.Portfolio.from_signals(
            close, above, ~above, size=QUANTITY, init_cash=SMALL_CASH, freq="min"
        )

    return measured(clock, run)


def long_short(folder: Path) -> dict[str, object]:
    """A portfolio by weights; fractions of shares are allowed."""
    clock = Stopwatch()
    close = clock.time("load", lambda: load(folder))
    weights = pd.read_parquet(folder / "weights.parquet").tz_localize(None)

    def run() -> vbt.Portfolio:
        return vbt.Portfolio.from_orders(
            close,
            weights,
            size_type="targetpercent",
            group_by=True,
            cash_sharing=True,
            call_seq="auto",
            init_cash=CASH,
            freq="D",
        )

    return measured(clock, run)


def load(folder: Path) -> pd.DataFrame:
    """The closes, one column for each asset; instants with a zone cost it seconds at each step."""
    frame = pd.read_parquet(folder / "prices.parquet", columns=["timestamp", "symbol", "close"])
    return frame.pivot(index="timestamp", columns="symbol", values="close").tz_localize(None)


def measured(clock: Stopwatch, run: Callable[[], vbt.Portfolio]) -> dict[str, object]:
    """The figures of the second run, with the seconds of the first as ``cold``."""

    def with_equity() -> tuple[vbt.Portfolio, float]:
        portfolio = run()
        return portfolio, float(portfolio.value().iloc[-1])

    clock.time("cold", with_equity)
    portfolio, final = clock.time("run", with_equity)
    return {
        **clock.seconds,
        "fills": int(portfolio.orders.records_arr.size),
        "trades": int(portfolio.trades.closed.records_arr.size),
        "final": final,
    }


if __name__ == "__main__":
    answer("vectorbt", {"crossover": crossover, "long-short": long_short})
