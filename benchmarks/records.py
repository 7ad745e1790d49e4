"""What was measured last, kept in one small file beside this module."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from benchmarks.measure import Figures
from benchmarks.profiles import ProfileRow

__all__ = ["CEILINGS", "RECORDED", "PeerRow", "Record", "load", "occasion", "store"]

RECORDED = Path(__file__).with_name("recorded.json")
CEILINGS = Path(__file__).with_name("ceilings.json")


class PeerRow(TypedDict, total=False):
    """One library at one workload; ``skipped`` says why there are no figures."""

    library: str
    workload: str
    size: int
    skipped: str
    version: str
    python: str
    figures: Figures
    ratio: float
    agrees: str


class Record(TypedDict, total=False):
    """The sections of the file; each was measured in one session."""

    occasions: dict[str, str]
    workloads: dict[str, Figures]
    parts: dict[str, Figures]
    fresh: dict[str, Figures]
    curves: dict[str, list[Figures]]
    profiles: dict[str, list[ProfileRow]]
    peers: list[PeerRow]
    live: dict[str, float]


def load() -> Record:
    """The sections recorded so far."""
    if not RECORDED.exists():
        return Record()
    record: Record = json.loads(RECORDED.read_text())
    return record


def store(record: Record) -> None:
    """Write the sections back."""
    RECORDED.write_text(json.dumps(_rounded(record), indent=1) + "\n")


def occasion() -> str:
    """When and on what a section was measured."""
    day = datetime.now(UTC).date().isoformat()
    return f"{day}, {_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def _rounded(value: object) -> object:
    """Six digits say all that a measurement knows."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if abs(value) < 1e4 else round(value, 2)  # noqa: PLR2004
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return value
