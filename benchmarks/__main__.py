"""The command line: ``python -m benchmarks --help``."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import gate, page, records

# What measures is imported by the command that needs it: the children that measure start small.
# ruff: noqa: PLC0415

_DESCRIPTION = """\
How fast the backtest and the live runtime are.

  bench    our own workloads, five times each in fresh processes (about 15 minutes)
  peers    the same workloads in other libraries (about 20 minutes, and their downloads)
  live     decisions, journal, kill switch and restart of the live runtime (half a minute)
  count    the interpreter's work for each bar and order, which the tests compare with ceilings
  render   the tables of docs/reference/speed.md, from what was recorded last

`bench`, `peers` and `live` replace their sections of benchmarks/recorded.json and of the page. To
look at one workload by itself, at any size, without recording anything:

  python -m benchmarks measure crossover bars=100000
  python -m benchmarks profile long-short days=500
"""


def main() -> int:
    """Do what the command line asks for."""
    arguments = _parser().parse_args()
    do: Callable[[argparse.Namespace], int] = arguments.do
    return do(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    bench = commands.add_parser("bench", help="measure our own workloads")
    bench.add_argument("--repeat", type=int, default=5, help="processes for each (default 5)")
    bench.add_argument(
        "--sections",
        nargs="+",
        choices=("workloads", "fresh", "curves", "profiles"),
        default=("workloads", "fresh", "curves", "profiles"),
        help="measure these alone; the others stay as recorded",
    )
    bench.set_defaults(do=_bench)

    peers = commands.add_parser("peers", help="measure other libraries")
    peers.add_argument("--repeat", type=int, default=3, help="turns of each (default 3)")
    peers.set_defaults(do=_peers)

    live = commands.add_parser("live", help="measure the live runtime")
    live.add_argument("--folder", type=Path, help="on the disk to measure (default here)")
    live.set_defaults(do=_live)

    count = commands.add_parser("count", help="count the interpreter's work")
    count.add_argument("--record", action="store_true", help="make this the ceiling from now on")
    count.set_defaults(do=_count)

    commands.add_parser("render", help="make the tables anew").set_defaults(do=_render)

    for name, do in (("measure", _measure), ("profile", _profile)):
        one = commands.add_parser(name, help=f"{name} one workload once, in this process")
        one.add_argument("workload")
        one.add_argument("sizes", nargs="*", metavar="NAME=SIZE")
        one.set_defaults(do=do)

    write = commands.add_parser("write", help="write the inputs that others read")
    write.add_argument("workload")
    write.add_argument("folder", type=Path)
    write.add_argument("sizes", nargs="*", metavar="NAME=SIZE")
    write.set_defaults(do=_write)
    return parser


def _bench(arguments: argparse.Namespace) -> int:
    from benchmarks import sessions

    record = records.load()
    sessions.bench(record, arguments.repeat, arguments.sections)
    records.store(record)
    return _render(arguments)


def _peers(arguments: argparse.Namespace) -> int:
    from benchmarks import sessions

    record = records.load()
    agree = sessions.peers(record, arguments.repeat)
    records.store(record)
    _render(arguments)
    if not agree:
        print("not all agree with ours, see the table", file=sys.stderr)
    return 0 if agree else 1


def _live(arguments: argparse.Namespace) -> int:
    from benchmarks import sessions

    record = records.load()
    sessions.live(record, arguments.folder or Path.cwd())
    records.store(record)
    return _render(arguments)


def _count(arguments: argparse.Namespace) -> int:
    from benchmarks.counting import COUNTED, counts_of

    counts = {counted.workload: counts_of(counted) for counted in COUNTED}
    if arguments.record:
        gate.record_ceilings(counts)
    print(json.dumps(counts, indent=1))
    return 0


def _render(_: argparse.Namespace) -> int:
    page.write_page(records.load())
    print(f"wrote the tables of {page.PAGE}")
    return 0


def _measure(arguments: argparse.Namespace) -> int:
    from benchmarks.measure import measured
    from benchmarks.workloads import WORKLOADS

    case = WORKLOADS[arguments.workload].make(**_sizes(arguments))
    print(json.dumps(measured(case)))
    return 0


def _profile(arguments: argparse.Namespace) -> int:
    from benchmarks.profiles import profiled
    from benchmarks.workloads import WORKLOADS

    case = WORKLOADS[arguments.workload].make(**_sizes(arguments))
    print(json.dumps(profiled(case)))
    return 0


def _write(arguments: argparse.Namespace) -> int:
    from benchmarks.peer_inputs import write_inputs

    write_inputs(arguments.folder, arguments.workload, **_sizes(arguments))
    print("null")
    return 0


def _sizes(arguments: argparse.Namespace) -> dict[str, Any]:
    """Sizes as ``name=1000``; those with a point are numbers with a fraction."""
    pairs = (given.split("=") for given in arguments.sizes)
    return {name: float(size) if "." in size or "e" in size else int(size) for name, size in pairs}


if __name__ == "__main__":
    sys.exit(main())
