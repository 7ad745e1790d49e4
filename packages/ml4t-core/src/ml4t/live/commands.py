"""The subcommands of ``ml4t``, which every installed wheel may add to.

A wheel adds one with an entry point in the group ``ml4t.commands``. Its name is the subcommand, its
object a function that takes the arguments after that name and returns the exit status; the first
line of the function's docstring is what ``ml4t --help`` shows.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import TypeAlias

from ml4t.core.errors import ConfigError

__all__ = ["GROUP", "Command", "find_commands", "load_command", "summary_of"]

GROUP = "ml4t.commands"

Command: TypeAlias = Callable[[Sequence[str]], int]
"""Takes the arguments after the subcommand's name, returns the exit status."""


def find_commands() -> dict[str, EntryPoint]:
    """The entry point of each subcommand by name, in alphabetical order.

    Raises:
        ConfigError: two distributions add a subcommand of one name.
    """
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            msg = (
                f"two installed packages add `ml4t {point.name}`: {other.value} and "
                f"{point.value}; uninstall one"
            )
            raise ConfigError(msg)
    return found


def load_command(point: EntryPoint) -> Command:
    """The function behind an entry point.

    Raises:
        ConfigError: it cannot be imported or is not callable.
    """
    try:
        command: Command = point.load()
    except (ImportError, AttributeError) as error:
        msg = f"`ml4t {point.name}` cannot be loaded from {point.value}: {error}"
        raise ConfigError(msg) from error
    if not callable(command):
        msg = f"`ml4t {point.name}` is no function: {point.value} is {type(command).__name__}"
        raise ConfigError(msg)
    return command


def summary_of(command: Command) -> str:
    """The first line of the function's docstring."""
    lines = (command.__doc__ or "").strip().splitlines()
    return lines[0] if lines else ""
