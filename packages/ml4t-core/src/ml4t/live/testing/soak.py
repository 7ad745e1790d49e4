"""``python -m ml4t.live.testing.soak COMMAND``: long runs that look for broken invariants.

The progress goes to standard error and one line of JSON to standard output; the exit status is 1
where an invariant was broken.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from ml4t.live.testing.crash_soak import add_crash, crash
from ml4t.live.testing.days_soak import add_days, days

__all__ = ["main"]

_Command = Callable[[argparse.Namespace], int]
_COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None], _Command]] = {
    "crash": ("kill engines in processes of their own", add_crash, crash),
    "days": ("play trading days with random faults in virtual time", add_days, days),
}
"""Each command: what it does, what adds its arguments, and what runs it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ml4t.live.testing.soak", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (text, add, run) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        add(command)
        command.set_defaults(run=run)
    args = parser.parse_args(arguments)
    return int(args.run(args))


if __name__ == "__main__":
    sys.exit(main())
