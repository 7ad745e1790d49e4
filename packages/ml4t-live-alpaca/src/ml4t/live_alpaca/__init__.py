"""Alpaca for ml4t strategies.

Importing this package imports neither alpaca-py nor anything that opens a connection.
"""

from typing import TYPE_CHECKING

from ml4t.live_alpaca.capabilities import CAPABILITIES
from ml4t.live_alpaca.config import AlpacaConfig

__all__ = ["CAPABILITIES", "AlpacaConfig"]

if TYPE_CHECKING:
    __version__: str
else:
    # Hidden from type checkers: they would take any misspelt name of this package for a string.
    def __getattr__(name: str) -> str:
        if name == "__version__":
            from importlib import metadata  # noqa: PLC0415 - costs more than the rest

            return metadata.version("ml4t-live-alpaca")
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
