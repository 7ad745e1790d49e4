"""The workloads of our own engine, by name."""

from benchmarks.cases import Workload
from benchmarks.workloads import (
    closing,
    cross_section,
    crossover,
    crossover_parts,
    exits,
    large,
    long_short,
    nothing,
    resting,
)

__all__ = ["WORKLOADS"]

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            name="nothing",
            title="1 asset × 1M minute bars, a strategy that does nothing",
            make=nothing.case,
        ),
        Workload(
            name="crossover",
            title="1 asset × 1M minute bars, crossing averages",
            make=crossover.case,
        ),
        Workload(
            name="reading",
            title="the bars of crossing averages, their price read",
            make=crossover_parts.reading,
        ),
        Workload(
            name="deciding",
            title="crossing averages, none of them traded",
            make=crossover_parts.deciding,
        ),
        Workload(
            name="long-short",
            title="250 assets × 5,040 days, 25 long and 25 short, rebalanced daily",
            make=long_short.case,
        ),
        Workload(
            name="cross-section",
            title="the same, ranked at each bar in numpy and rebalanced by an array of weights",
            make=cross_section.case,
        ),
        Workload(
            name="resting",
            title="100 assets × 8,580 minute bars, 20 positions with stop and target",
            make=resting.case,
        ),
        Workload(
            name="large",
            title="500 assets × 97,500 minute bars, rebalanced daily",
            make=large.case,
        ),
        Workload(
            name="exits",
            title="100 assets × 2,000 minute bars, positions that stops and targets close",
            make=exits.case,
        ),
        Workload(
            name="closing",
            title="400 assets × 80 minute bars, all closed by name while their stops rest",
            make=closing.case,
        ),
    )
}
