"""The live runtime of ml4t: so far the ``ml4t`` command and the discovery of brokers."""

from typing import TYPE_CHECKING

from ml4t.live.commands import Command, find_commands
from ml4t.live.discovery import find_broker

__all__ = ["Command", "find_broker", "find_commands"]

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        """The version, read from the installed metadata when it is asked for."""
        if name == "__version__":
            from importlib import metadata  # noqa: PLC0415 - a third of the package's import time

            return metadata.version("ml4t-core")
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
