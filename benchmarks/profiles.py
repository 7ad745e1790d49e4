"""Where the time of a workload goes, function by function."""

import cProfile
import pstats
import re
from collections.abc import Mapping
from typing import TypedDict

from benchmarks.cases import Case

__all__ = ["PROFILED", "ProfileRow", "profiled"]

PROFILED: Mapping[str, Mapping[str, int]] = {
    "nothing": {"bars": 200_000},
    "crossover": {"bars": 200_000},
    "long-short": {"days": 1_000},
    "resting": {"minutes": 8_580},
    "large": {"minutes": 19_500},
}
"""The workloads that are profiled and their sizes: the profiler itself makes them slower."""

_ROWS = 10
_LEAST = 0.02
_HOME = re.compile(r"^.*(site-packages/|/src/(?=ml4t/)|/(?=benchmarks/))")
"""What of a path says only where this machine keeps a package."""

_WRAPPERS = re.compile(
    r"cases.py|engine.py:\d+ _?run$|/lib/python3|^<frozen|exec$|result.py|tables.py|numpy/_core|"
    r"pandas/core/(internals|construction)"
)
"""Functions that only hand on to others; they would fill the table with the same shares again."""


class ProfileRow(TypedDict):
    """One function: its share with what it calls, its own share, and how often it was called."""

    function: str
    share: float
    own: float
    calls: int


def profiled(case: Case) -> list[ProfileRow]:
    """The functions with the largest shares of a run."""
    profiler = cProfile.Profile()
    profiler.runcall(case.run)
    stats = pstats.Stats(profiler)
    total: float = stats.total_tt  # type: ignore[attr-defined]
    rows = [
        ProfileRow(function=_named(key), share=cumulative / total, own=own / total, calls=calls)
        for key, (_, calls, own, cumulative, _) in stats.stats.items()  # type: ignore[attr-defined]
    ]
    telling = [
        row for row in rows if row["share"] >= _LEAST and not _WRAPPERS.search(row["function"])
    ]
    return sorted(telling, key=lambda row: row["share"], reverse=True)[:_ROWS]


def _named(key: tuple[str, int, str]) -> str:
    """A function as ``package/module.py:line name``; what is built in as its name alone."""
    path, line, name = key
    if path == "~":
        return name.strip("<>").removeprefix("built-in method ").split(" at 0x")[0]
    return f"{_HOME.sub('', path)}:{line} {name}"
