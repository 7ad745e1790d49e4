"""Whole sessions of measurements, each of which fills sections of the record."""

import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import cast

from benchmarks import curves, fresh
from benchmarks.children import answer_of, medians, repeated
from benchmarks.peer_runs import CONTESTS, held
from benchmarks.profiles import PROFILED, ProfileRow
from benchmarks.records import Record, occasion

__all__ = ["bench", "live", "peers"]

_CURVE_REPEAT = 3
_IMPORTED = ("ml4t.core", "ml4t.backtest", "ml4t.backtest, pandas, pyarrow.parquet")
"""The last holds what the first feed and the first result load besides."""


def bench(record: Record, repeat: int, sections: Collection[str]) -> None:
    """Measure our own workloads and put them into ``record``."""
    if "workloads" in sections:
        record["workloads"] = {
            name: medians(repeated(_told(name), {}, repeat))
            for name in ("nothing", "crossover", "long-short", "cross-section", "resting", "large")
        }
        # The same session as the loop and the whole, which the parts stand between.
        record["parts"] = {
            name: medians(repeated(_told(name), {}, repeat)) for name in ("reading", "deciding")
        }
    if "fresh" in sections:
        record["fresh"] = {
            "load": fresh.loading_times(repeat),
            **{f"import {_told(name)}": fresh.import_times(name, repeat) for name in _IMPORTED},
        }
    if "curves" in sections:
        record["curves"] = {
            name: curves.points_of(curve, _CURVE_REPEAT)
            for name, curve in curves.CURVES.items()
            if _told(f"curve of {name}")
        }
    if "profiles" in sections:
        record["profiles"] = {name: _profile(name) for name in PROFILED}
    for section in sections:
        record.setdefault("occasions", {})[section] = occasion()


def peers(record: Record, repeat: int) -> bool:
    """Measure the other libraries; whether all that ran agree with ours."""
    rows = [row for contest in CONTESTS for row in held(contest, repeat)]
    record["peers"] = rows
    record.setdefault("occasions", {})["peers"] = occasion()
    return not any(row.get("agrees", "").startswith("NO") for row in rows)


def live(record: Record, folder: Path) -> None:
    """Measure the live runtime, each part in a process of its own."""
    found: dict[str, float] = {}
    for part, arguments in (
        ("live_risk", ()),
        ("live_journal", (folder,)),
        ("live_engine", (folder,)),
    ):
        found |= cast(
            "dict[str, float]", answer_of("-m", f"benchmarks.{_told(part)}", *map(str, arguments))
        )
    record["live"] = found
    record.setdefault("occasions", {})["live"] = occasion()


def _profile(name: str) -> list[ProfileRow]:
    sizes = [f"{size}={value}" for size, value in PROFILED[name].items()]
    rows: list[ProfileRow] = json.loads(
        json.dumps(answer_of("-m", "benchmarks", "profile", _told(name), *sizes))
    )
    return rows


def _told(what: str) -> str:
    """``what``, having told a person at the terminal that it is being measured."""
    print(what, file=sys.stderr)
    return what
