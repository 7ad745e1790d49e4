"""The ``ml4t`` command: finds the subcommands of the installed wheels and runs one."""

import sys
from collections.abc import Sequence
from importlib.metadata import distributions

from ml4t.core.errors import Ml4tError
from ml4t.live.commands import find_commands, load_command, summary_of

__all__ = ["main"]

_USAGE = 2
_REFUSED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Returns:
        The exit status: 0 done, 1 refused or failed with a message, 2 wrong usage.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(words)
    except Ml4tError as error:
        sys.stderr.write(f"ml4t: {error}\n")
        return _REFUSED


def _run(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(_help())
        return 0 if words else _USAGE
    if words[0] in ("-V", "--version"):
        sys.stdout.write(_versions())
        return 0
    name, rest = words[0], words[1:]
    found = find_commands()
    if name not in found:
        known = ", ".join(found) or "none: install ml4t-backtest or a broker's wheel"
        sys.stderr.write(f"ml4t: there is no subcommand {name!r}; installed are {known}\n")
        return _USAGE
    return load_command(found[name])(rest)


def _help() -> str:
    rows = [(name, summary_of(load_command(point))) for name, point in find_commands().items()]
    width = max((len(name) for name, _ in rows), default=0)
    listing = [f"  {name:<{width}}  {summary}" for name, summary in rows]
    lines = [
        "usage: ml4t SUBCOMMAND [ARGUMENTS ...]",
        "",
        "One strategy class, from backtest to live trading.",
        "",
        "subcommands of the installed packages:",
        *(listing or ["  none yet: install ml4t-backtest, ml4t-live-ib or ml4t-live-alpaca"]),
        "",
        "options:",
        "  -h, --help     show this text",
        "  -V, --version  show the versions of the installed ml4t packages",
        "",
        "`ml4t SUBCOMMAND --help` explains one.",
        "",
    ]
    return "\n".join(lines)


def _versions() -> str:
    ours = {
        distribution.name: distribution.version
        for distribution in distributions()
        if distribution.name == "ml4t" or distribution.name.startswith("ml4t-")
    }
    return "".join(f"{name} {version}\n" for name, version in sorted(ours.items()))
