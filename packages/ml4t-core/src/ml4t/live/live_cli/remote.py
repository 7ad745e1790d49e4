"""What is asked of a running engine: status, rearm, flatten, adopt, stop."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from ml4t.core.errors import ConfigError
from ml4t.live.control import ask
from ml4t.live.journal import StateDirectory
from ml4t.live.live_cli.options import add_state, person, say, state_of, warn

__all__ = [
    "add_config_and_state",
    "add_rearm",
    "add_status",
    "add_stop",
    "command",
    "send",
    "status",
]

_NOT_RUNNING = 3
_FIRST = ("state", "causes", "account", "mode", "equity", "cash", "pnl", "positions")


def add_config_and_state(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the engine."""
    parser.add_argument(
        "--config", metavar="FILE.toml", type=Path, help="only to find the state folder"
    )
    parser.set_defaults(mode=None, broker=None)
    add_state(parser)


def add_status(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ml4t live status``."""
    add_config_and_state(parser)
    parser.add_argument("--json", action="store_true", help="one object for programs")


def add_rearm(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ml4t live rearm``."""
    add_config_and_state(parser)
    parser.add_argument("--reason", required=True, help="why it is safe again; kept in the journal")


def add_stop(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``ml4t live stop``."""
    add_config_and_state(parser)
    parser.add_argument("--reason", default="asked to", help="kept in the journal")


def status(args: argparse.Namespace) -> int:
    """Print how the engine stands; 3 where none runs.

    Raises:
        Ml4tError: there is no state folder, or the engine did not answer.
    """
    state = state_of(args)
    try:
        told = ask(state.socket, "status", timeout=5.0)
    except ConnectionRefusedError:
        killed = ", and the kill file is there" if state.kill.exists() else ""
        warn(f"no engine runs in {state.path}{killed}")
        return _NOT_RUNNING
    if args.json or not isinstance(told, dict):
        say(json.dumps(told, indent=None if args.json else 2))
        return 0
    for line in _lines(told):
        say(line)
    return 0


def command(args: argparse.Namespace) -> int:
    """Ask the engine for what the subcommand is called.

    Raises:
        Ml4tError: no engine runs, or it said no.
    """
    name: str = args.command
    texts = {"by": person()}
    if name in {"rearm", "stop"}:
        texts["reason"] = _reason(args.reason)
    answer = send(state_of(args), name, texts)
    say(f"{name}: done" if answer is None else f"{name}: {_text(answer)}")
    return 0


def send(state: StateDirectory, name: str, texts: Mapping[str, str]) -> object:
    """Ask the engine of a state folder.

    Raises:
        ConfigError: no engine runs there.
        ControlError: it said no.
    """
    try:
        return ask(state.socket, name, texts)
    except ConnectionRefusedError as error:
        msg = (
            f"no engine runs in {state.path}: `{name}` is asked of a running one. One that was "
            "halted comes up halted again, and can be asked then"
        )
        raise ConfigError(msg) from error


def _reason(text: str) -> str:
    if not text.strip():
        msg = "--reason must say why: it is what the journal keeps of it"
        raise ConfigError(msg)
    return text


def _lines(told: Mapping[str, object]) -> list[str]:
    names = [name for name in _FIRST if name in told] + [n for n in told if n not in _FIRST]
    width = max((len(name) for name in names), default=0)
    return [f"{name.replace('_', ' '):<{width}}  {_text(told[name])}" for name in names]


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_text(inner) for inner in value) or "none"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return "-" if value is None else str(value)
