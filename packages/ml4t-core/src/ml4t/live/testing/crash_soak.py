"""``soak crash``: engines that are killed, several accounts at a time."""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

import attrs

from ml4t.live.testing.chance import seeded
from ml4t.live.testing.crash_harness import RANDOM, CrashReport, CrashStory, planned

__all__ = ["add_crash", "crash", "kill_engines"]

_LIVES = 25
_FIRST_START = ("journal.creating", "journal.created", "start.balance_adopted")


def add_crash(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``soak crash``."""
    parser.add_argument("--kills", type=int, default=1000, help="how many processes are killed")
    parser.add_argument("--seed", type=int, default=1, help="of what chance decides")
    parser.add_argument("--at-once", type=int, default=4, help="how many accounts live at one time")


def crash(args: argparse.Namespace) -> int:
    """Kill engines; gives 1 where an invariant was broken."""
    with tempfile.TemporaryDirectory(prefix="ml4t-crash-") as folder:
        report = asyncio.run(
            kill_engines(args.kills, args.seed, Path(folder), at_once=args.at_once, is_loud=True)
        )
    summary = attrs.asdict(report) | {"seed": args.seed}
    sys.stdout.write(json.dumps(summary) + "\n")
    if report.findings:
        sys.stderr.write(
            "again: python -m ml4t.live.testing.soak crash "
            f"--kills {args.kills} --seed {args.seed} --at-once {args.at_once}\n"
        )
    return 1 if report.findings else 0


async def kill_engines(
    kills: int, seed: int, folder: Path, *, at_once: int = 4, is_loud: bool = False
) -> CrashReport:
    """Kill so many engines, each failpoint twice where there are enough kills.

    Args:
        kills: how many.
        seed: of what chance decides; the times of real processes are their own.
        folder: an empty one.
        at_once: how many accounts live at one time.
        is_loud: whether the progress is told on standard error.
    """
    rng = seeded(seed)
    places = asyncio.Semaphore(at_once)
    report = CrashReport()

    async def tell(number: int, targets: list[str], story_seed: int) -> None:
        async with places:
            home = folder / str(number)
            home.mkdir()
            story = await CrashStory(story_seed, home, targets).run()
        report.add(story)
        if is_loud:
            for finding in story.findings:
                sys.stderr.write(f"account {number}: {finding}\n")
            sys.stderr.write(f"{report.kills} kills, {len(report.findings)} findings\n")

    stories = _shared(planned(kills, rng), max(kills // _LIVES, 1))
    async with asyncio.TaskGroup() as group:
        for number, targets in enumerate(stories):
            group.create_task(tell(number, targets, rng.getrandbits(32)))
    return report


def _shared(targets: list[str], count: int) -> list[list[str]]:
    """The targets in so many parts; what only a first start reaches goes to different ones."""
    parts: list[list[str]] = [[] for _ in range(count)]
    first = [target for target in targets if target in _FIRST_START]
    named = [target for target in targets if target not in _FIRST_START and target != RANDOM]
    rest = [target for target in targets if target == RANDOM]
    for number, target in enumerate([*sorted(first), *named, *rest]):
        parts[number % count].append(target)
    return parts
