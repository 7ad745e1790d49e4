"""What was promised of each workload, and whether the figures keep it."""

from collections.abc import Callable

import attrs

from benchmarks.measure import Figures

__all__ = ["PEER_TARGETS", "TARGETS", "Target"]


@attrs.frozen
class Target:
    """A promise in words and as a test of the figures."""

    words: str
    holds: Callable[[Figures], bool]


def _large(figures: Figures) -> bool:
    return figures["least_wall"] <= 60 and figures["peak"] <= 1.5 * figures["nbytes"]  # noqa: PLR2004


PEER_TARGETS = {("crossover", "backtesting.py"): 6, ("long-short", "ml4t-backtest"): 10}
"""How many times our seconds a library must at least take, by workload and library."""

TARGETS = {
    "nothing": Target("at most 5 × the bare loop", lambda f: f["ratio"] <= 5),  # noqa: PLR2004
    "crossover": Target("at most 2.5 × the bare loop", lambda f: f["ratio"] <= 2.5),  # noqa: PLR2004
    "resting": Target(
        "at least 1M asset-bars/s",
        lambda f: f["asset_bars"] / f["least_wall"] >= 1e6,  # noqa: PLR2004
    ),
    "large": Target("60 s, peak memory at most 1.5 × the arrays", _large),
    "load": Target("at most 0.5 s", lambda f: f["least_wall"] <= 0.5),  # noqa: PLR2004
    "import ml4t.backtest": Target("at most 0.5 s", lambda f: f["least_wall"] <= 0.5),  # noqa: PLR2004
    "import ml4t.core": Target("at most 0.08 s", lambda f: f["least_wall"] <= 0.08),  # noqa: PLR2004
}
