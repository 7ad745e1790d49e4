"""One measurement of one workload, in this process."""

import time
from collections.abc import Callable

import pandas as pd  # noqa: F401 - the first result would load it, and imports are timed elsewhere

from benchmarks.cases import Case
from benchmarks.memory import peak_memory

__all__ = ["Figures", "measured", "timed"]

Figures = dict[str, float]
"""What one measurement gave, by name: seconds, bytes and counts."""


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds that ``work`` took by the wall, and by the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def measured(case: Case) -> Figures:
    """Run a case once, between two runs of its bare loop where it has one.

    The bare loop's seconds are the mean of both runs, so that a machine that changes its speed
    meanwhile changes both sides alike. The peak is that of the process, the data included.
    """
    figures: Figures = {}
    before = timed(case.bare) if case.bare else None
    wall, cpu = time.perf_counter(), time.process_time()
    result = case.run()
    figures["wall"], figures["cpu"] = time.perf_counter() - wall, time.process_time() - cpu
    figures["peak"], figures["nbytes"] = peak_memory(), case.nbytes
    if case.bare and before:
        after = timed(case.bare)
        figures["bare_wall"] = (before[0] + after[0]) / 2
        figures["bare_cpu"] = (before[1] + after[1]) / 2
        figures["ratio"] = figures["cpu"] / figures["bare_cpu"]
    figures["rows"], figures["asset_bars"] = len(case.feed), case.asset_bars
    _, figures["tables"] = timed(lambda: (result.orders, result.fills, result.trades))
    figures["orders"], figures["fills"] = len(result.orders), len(result.fills)
    figures["final"] = float(result.equity.iloc[-1])
    return figures
