"""What a process that has just started takes to import a package or to load prices."""

import tempfile
from pathlib import Path

from benchmarks.children import answer_of, medians
from benchmarks.measure import Figures

__all__ = ["import_times", "loading_times"]

_IMPORT = """
import json, time
wall, cpu = time.perf_counter(), time.process_time()
import {packages}
print(json.dumps({{"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}}))
"""

_LOAD = """
import json, time
began = time.perf_counter()
from ml4t.backtest import DataFeed
import pandas, pyarrow.parquet
wall, cpu = time.perf_counter(), time.process_time()
feed = DataFeed({path!r})
ready = time.perf_counter()
print(json.dumps({{
    "wall": ready - wall, "cpu": time.process_time() - cpu, "with_imports": ready - began,
    "rows": len(feed) * len(feed.assets),
}}))
"""


def import_times(packages: str, repeat: int) -> Figures:
    """The seconds that ``import packages`` takes; the interpreter's own start is not in them."""
    return _medians(_IMPORT.format(packages=packages), repeat)


def loading_times(repeat: int) -> Figures:
    """The seconds from a Parquet file to a ready feed, with and without the imports.

    One file of 1.26 million rows in the order of time. The first load, which brings the file into
    the memory of the operating system, is not counted.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer_of("-m", "benchmarks", "write", "long-short", folder, "size=5040")
        path = Path(folder) / "prices.parquet"
        return _medians(_LOAD.format(path=str(path)), repeat)


def _medians(code: str, repeat: int) -> Figures:
    answers = [answer_of("-c", code) for _ in range(repeat + 1)]
    return medians([answer for answer in answers[1:] if isinstance(answer, dict)])
