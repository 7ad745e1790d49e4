"""The options that several subcommands of ``ml4t live`` share, and what they stand for."""

import argparse
import getpass
import sys
from pathlib import Path

from ml4t.core.errors import ConfigError
from ml4t.live.config_file import LiveFile, read_live_file
from ml4t.live.journal import StateDirectory

__all__ = [
    "add_config",
    "add_state",
    "person",
    "positive",
    "say",
    "settings_of",
    "state_of",
    "warn",
]

_DEFAULT_STATE = "ml4t-state"


def add_config(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add ``--config``, ``--broker`` and ``--mode``."""
    parser.add_argument(
        "--config",
        metavar="FILE.toml",
        type=Path,
        required=required,
        help="the run: assets, account, limits; holds no keys",
    )
    parser.add_argument(
        "--broker",
        metavar="NAME",
        help="of an installed wheel, such as ib or alpaca, or shadow; instead of [broker] name",
    )
    parser.add_argument(
        "--mode",
        choices=["shadow", "paper", "live"],
        help="where orders go, instead of [run] mode; shadow sends nothing anywhere",
    )


def add_state(parser: argparse.ArgumentParser) -> None:
    """Add ``--state``."""
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help="the folder that keeps journal, lock and kill file of one account "
        f"(the one that --config names, else {_DEFAULT_STATE})",
    )


def positive(text: str) -> float:
    """An option's number, which must be positive."""
    number = float(text)
    if not 0 < number < float("inf"):
        msg = f"must be positive, was {text}"
        raise argparse.ArgumentTypeError(msg)
    return number


def settings_of(args: argparse.Namespace) -> LiveFile:
    """What ``--config`` says, with what the command line says instead.

    Raises:
        ConfigError: there is no such file, or it cannot be used.
    """
    if args.config is None:
        msg = "this needs --config FILE.toml: it names broker, account and state folder"
        raise ConfigError(msg)
    said = {"mode": args.mode, "state": None if args.state is None else str(args.state)}
    return read_live_file(args.config, said)


def state_of(args: argparse.Namespace) -> StateDirectory:
    """The state folder that is meant; it must be there already.

    Raises:
        ConfigError: there is no such folder.
    """
    path: Path = args.state or Path(_DEFAULT_STATE)
    if args.state is None and getattr(args, "config", None) is not None:
        path = settings_of(args).live.state
    if not path.is_dir():
        msg = f"there is no state folder {path}: name it with --state, or the file with --config"
        raise ConfigError(msg)
    return StateDirectory(path)


def person() -> str:
    """Who gives the command, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown user"


def say(text: str) -> None:
    """One line on standard output."""
    sys.stdout.write(f"{text}\n")


def warn(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"ml4t live: {text}\n")
