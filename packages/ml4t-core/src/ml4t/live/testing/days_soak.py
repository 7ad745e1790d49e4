"""``soak days``: many runs of simulated trading days, in several processes."""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import attrs

from ml4t.live.testing.days import DaysReport, play_days

__all__ = ["DaysSummary", "add_days", "days", "play_many", "play_twice"]

_LENGTH = 5
_TWICE = 10
_TOLD_EVERY = 50


@attrs.define(kw_only=True)
class DaysSummary:
    """What many runs came to.

    Attributes:
        days: how many were played.
        runs: in how many runs.
        findings: what was broken, each with the seed of its run.
        counts: how often what happened.
    """

    days: int = 0
    runs: int = 0
    findings: list[str] = attrs.field(factory=list)
    counts: Counter[str] = attrs.field(factory=Counter)

    def add(self, report: DaysReport) -> None:
        """Count one run."""
        self.days += report.days
        self.runs += 1
        self.counts.update(report.counts)
        self.findings += [f"seed {report.seed}: {finding}" for finding in report.findings]


def play_twice(seed: int, length: int = _LENGTH) -> DaysReport:
    """Play one run; each tenth seed a second time, to see that it is the same (``I10``)."""
    report = play_days(seed, length)
    if seed % _TWICE or report.findings:
        return report
    again = play_days(seed, length)
    findings = [
        f"I10: the {what} differs from run to run"
        for what, first, second in (
            ("journal", report.head, again.head),
            ("venue", report.digest, again.digest),
        )
        if first != second
    ]
    return attrs.evolve(report, findings=tuple(findings))


def play_many(
    seeds: Iterable[int], *, jobs: int = 2, length: int = _LENGTH, is_loud: bool = False
) -> DaysSummary:
    """Play one run for each seed.

    Args:
        seeds: of the runs.
        jobs: how many processes.
        length: days of a run.
        is_loud: whether the progress is told on standard error.
    """
    summary = DaysSummary()
    with ProcessPoolExecutor(jobs) as pool:
        for report in pool.map(partial(play_twice, length=length), seeds, chunksize=4):
            summary.add(report)
            for finding in report.findings:
                sys.stderr.write(f"seed {report.seed}, day {report.days}: {finding}\n")
            if is_loud and summary.runs % _TOLD_EVERY == 0:
                sys.stderr.write(f"{summary.days} days, {len(summary.findings)} findings\n")
    return summary


def add_days(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``soak days``."""
    parser.add_argument("--days", type=int, default=1000, help="how many are played at least")
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--length", type=int, default=_LENGTH, help="days of one run")
    parser.add_argument("--jobs", type=int, default=2, help="how many processes")


def days(args: argparse.Namespace) -> int:
    """Play days; gives 1 where an invariant was broken."""
    began = time.perf_counter()
    runs = -(-args.days // args.length)
    seeds = range(args.seed, args.seed + runs)
    summary = play_many(seeds, jobs=args.jobs, length=args.length, is_loud=True)
    took = time.perf_counter() - began
    told = {
        "days": summary.days,
        "runs": summary.runs,
        "seed": args.seed,
        "seconds": round(took, 1),
    }
    told |= {"findings": summary.findings, "counts": dict(sorted(summary.counts.items()))}
    sys.stdout.write(json.dumps(told) + "\n")
    for seed in dict.fromkeys(finding.split(":")[0].split()[1] for finding in summary.findings):
        sys.stderr.write(
            "again: python -m ml4t.live.testing.soak days "
            f"--days {args.length} --length {args.length} --seed {seed} --jobs 1\n"
        )
    return 1 if summary.findings else 0
