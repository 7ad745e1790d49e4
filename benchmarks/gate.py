"""The gate against slower code: counts of the interpreter's work against recorded ceilings."""

import json
import sys
from collections.abc import Mapping

from benchmarks.records import CEILINGS

__all__ = ["PYTHON", "breaches", "ceilings", "record_ceilings"]

Counts = Mapping[str, Mapping[str, float]]
"""Steps and calls for each unit of each workload."""

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

_ROOM = 0.03
"""How much more than recorded passes: other versions of attrs or numpy count a little else."""


def ceilings() -> dict[str, dict[str, dict[str, float]]]:
    """What was recorded, by minor version of Python."""
    recorded: dict[str, dict[str, dict[str, float]]] = json.loads(CEILINGS.read_text())
    return recorded


def record_ceilings(counts: Counts) -> None:
    """Make what was counted the ceiling for this Python."""
    recorded = ceilings() if CEILINGS.exists() else {}
    recorded[PYTHON] = {name: dict(figures) for name, figures in counts.items()}
    CEILINGS.write_text(json.dumps(dict(sorted(recorded.items())), indent=1) + "\n")


def breaches(
    counts: Counts, recorded: Mapping[str, Mapping[str, Mapping[str, float]]], python: str = PYTHON
) -> list[str]:
    """The figures that are above their ceiling, in words.

    Versions of Python differ in the steps they make of the same code, and hardly in the calls. For
    one without ceilings of its own the calls alone are compared, with the highest recorded.

    >>> breaches({"a": {"steps": 9, "calls": 2}}, {"3.1": {"a": {"steps": 5, "calls": 2}}}, "3.1")
    ['a: 9 steps where 5 are recorded']
    >>> breaches({"a": {"steps": 9, "calls": 2}}, {"3.1": {"a": {"steps": 5, "calls": 2}}}, "3.2")
    []
    """
    if python in recorded:
        limits: Counts = recorded[python]
    else:
        limits = {
            name: {"calls": max(versions[name]["calls"] for versions in recorded.values())}
            for name in counts
        }
    return [
        f"{name}: {counts[name][figure]:g} {figure} where {limit:g} are recorded"
        for name, figures in limits.items()
        for figure, limit in figures.items()
        if counts[name][figure] > limit * (1 + _ROOM)
    ]
