"""``ml4t live journal``: read, examine and export the journal, also while an engine writes it."""

import argparse
import json
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml4t.core.errors import ConfigError
from ml4t.live.control import ask
from ml4t.live.events import EVENT_TYPES
from ml4t.live.journal import StateDirectory, export_jsonl, verify
from ml4t.live.live_cli.options import say, state_of, warn
from ml4t.live.live_cli.remote import add_config_and_state

__all__ = ["add_journal", "journal", "readable"]

_MANY = 20


def add_journal(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ml4t live journal``."""
    add_config_and_state(parser)
    parser.add_argument(
        "--jsonl", metavar="FILE", type=Path, help="write all of it there, one entry a line"
    )
    parser.add_argument("--verify", action="store_true", help="only examine it: 0 sound, 1 damaged")
    parser.add_argument(
        "--tail", metavar="N", type=int, default=_MANY, help=f"how many entries to print ({_MANY})"
    )
    parser.add_argument(
        "--kind",
        action="append",
        choices=sorted(EVENT_TYPES),
        metavar="KIND",
        help=f"print these only, may be repeated: {', '.join(sorted(EVENT_TYPES))}",
    )


@contextmanager
def readable(state: StateDirectory) -> Iterator[Path]:
    """A path of the journal that can be read now: its own, or that of a copy which goes again.

    Raises:
        ConfigError: there is no journal.
        ControlError: an engine runs and could not copy it.
    """
    if not state.journal.exists():
        msg = f"there is no journal in {state.path}"
        raise ConfigError(msg)
    # Inside the folder that nobody else may read.
    with tempfile.TemporaryDirectory(dir=state.path, prefix="snapshot-") as folder:
        copy = Path(folder).resolve() / "journal.db"
        try:
            ask(state.socket, "snapshot", {"path": str(copy)})
        except ConnectionRefusedError:
            yield state.journal
        else:
            yield copy


def journal(args: argparse.Namespace) -> int:
    """Print the last entries, or examine or export all of them.

    Raises:
        Ml4tError: there is no journal, or it cannot be read.
    """
    if args.tail < 0:
        msg = f"--tail must be 0 or more, was {args.tail}"
        raise ConfigError(msg)
    state = state_of(args)
    with readable(state) as path:
        if args.verify:
            return _verify(path)
        if args.jsonl is not None:
            with args.jsonl.open("x", encoding="utf-8") as file:
                lines = export_jsonl(path, file)
            say(f"{lines} lines written to {args.jsonl}")
            return 0
        for line in _tail(path, args.tail, args.kind):
            say(line)
    return 0


def _verify(path: Path) -> int:
    found = verify(path)
    if found.is_sound:
        say(f"sound: {found.rows} rows, head {found.head}")
        return 0
    warn(f"damaged: {found.reason}; keep the file, and see `ml4t live recover --help`")
    return 1


def _tail(path: Path, count: int, kinds: list[str] | None) -> Iterator[str]:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        export_jsonl(path, file)
        file.seek(0)
        lines = (line.rstrip("\n") for line in file)
        wanted = (line for line in lines if kinds is None or json.loads(line).get("kind") in kinds)
        yield from deque(wanted, maxlen=count)
