"""What every script in this folder is asked and answers, so that one table can hold them all.

A script is called as ``run_LIBRARY.py WORKLOAD FOLDER`` and prints one line of JSON. The folder
holds the inputs that ``benchmarks.peer_inputs`` wrote. Standard library only: each script runs in
an environment of its own.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

__all__ = ["Stopwatch", "answer"]

FAST, SLOW, QUANTITY = 20, 60, 64
"""The windows of the crossing averages, and the units bought: 64 ticks of 1/64 make whole money."""

CASH = 1e7
"""What the portfolio by weights starts with."""

SMALL_CASH = 1e5
"""What the crossing averages start with."""

T = TypeVar("T")


class Stopwatch:
    """Times named stages of a script, by the wall and by the processor.

    >>> clock = Stopwatch()
    >>> clock.time("load", lambda: 1 + 1)
    2
    >>> sorted(clock.seconds)
    ['load', 'load_cpu']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, stage: str, work: Callable[[], T]) -> T:
        """What ``work`` gives; its seconds stand under ``stage`` and ``stage_cpu`` afterwards."""
        wall, cpu = time.perf_counter(), time.process_time()
        done = work()
        self.seconds[stage] = time.perf_counter() - wall
        self.seconds[f"{stage}_cpu"] = time.process_time() - cpu
        return done


def answer(package: str, workloads: Mapping[str, Callable[[Path], dict[str, object]]]) -> None:
    """Run the workload that the command line names and print what it measured.

    Args:
        package: the name of the distribution that was measured.
        workloads: by name what runs it: the stages' seconds, and figures to compare.
    """
    workload, folder = sys.argv[1:]
    figures = workloads[workload](Path(folder))
    figures.update(
        version=version(package),
        python=".".join(map(str, sys.version_info[:3])),
        peak=_peak(),
    )
    print(json.dumps(figures))


def _peak() -> int:
    """The most bytes of physical memory that this program held."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
