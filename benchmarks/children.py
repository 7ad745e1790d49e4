"""Measurements in processes of their own, so that none warms up or fills memory for another."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Figures

__all__ = ["ROOT", "answer_of", "medians", "repeated"]

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE = 900  # seconds


def answer_of(*arguments: str) -> object:
    """What a fresh ``python`` with these arguments prints, read as JSON.

    Raises:
        subprocess.CalledProcessError: it failed; its complaint is on the terminal.
    """
    done = subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        check=True,
        timeout=_PATIENCE,
        text=True,
    )
    return json.loads(done.stdout)


def repeated(workload: str, sizes: Mapping[str, float], repeat: int) -> list[Figures]:
    """The figures of ``repeat`` measurements, each in its own process."""
    given = [f"{name}={size}" for name, size in sizes.items()]
    figures: list[Figures] = []
    for _ in range(repeat):
        answer = answer_of("-m", "benchmarks", "measure", workload, *given)
        assert isinstance(answer, dict)  # noqa: S101 - our own module answered
        figures.append(answer)
    return figures


def medians(measurements: Sequence[Figures]) -> Figures:
    """The median of each figure, the least seconds as ``least_wall``, and how many there were."""
    names = measurements[0]
    figures = {name: statistics.median(m[name] for m in measurements) for name in names}
    figures["least_wall"] = min(m["wall"] for m in measurements)
    figures["repeat"] = len(measurements)
    return figures
