"""The live runtime of ml4t: an engine, the one safe way to a venue, a journal, and the commands.

What is heavy is imported when it is first asked for, since every ``ml4t`` command passes here.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ml4t.live.commands import Command, find_commands
from ml4t.live.discovery import find_broker

if TYPE_CHECKING:
    from ml4t.core.risk import UNLIMITED, LiveRiskConfig, TradingState
    from ml4t.live.bars import BarAggregator, BarBarrier, ReplayFeed, Tick
    from ml4t.live.clock import BarClock, Clock, SystemClock
    from ml4t.live.config import ExecutionMode, LiveConfig, Timing
    from ml4t.live.engine import LiveEngine
    from ml4t.live.journal import Journal, JournalOwner, MemoryJournal, StateDirectory
    from ml4t.live.kill_switch import CancelReport, KillSwitch
    from ml4t.live.safe_broker import SafeBroker
    from ml4t.live.shadow import ShadowBroker

    __version__: str

__all__ = [
    "UNLIMITED",
    "BarAggregator",
    "BarBarrier",
    "BarClock",
    "CancelReport",
    "Clock",
    "Command",
    "ExecutionMode",
    "Journal",
    "JournalOwner",
    "KillSwitch",
    "LiveConfig",
    "LiveEngine",
    "LiveRiskConfig",
    "MemoryJournal",
    "ReplayFeed",
    "SafeBroker",
    "ShadowBroker",
    "StateDirectory",
    "SystemClock",
    "Tick",
    "Timing",
    "TradingState",
    "find_broker",
    "find_commands",
]

_PLACES = {
    "ml4t.core.risk": ("UNLIMITED", "LiveRiskConfig", "TradingState"),
    "ml4t.live.bars": ("BarAggregator", "BarBarrier", "ReplayFeed", "Tick"),
    "ml4t.live.clock": ("BarClock", "Clock", "SystemClock"),
    "ml4t.live.config": ("ExecutionMode", "LiveConfig", "Timing"),
    "ml4t.live.engine": ("LiveEngine",),
    "ml4t.live.journal": ("Journal", "JournalOwner", "MemoryJournal", "StateDirectory"),
    "ml4t.live.kill_switch": ("CancelReport", "KillSwitch"),
    "ml4t.live.safe_broker": ("SafeBroker",),
    "ml4t.live.shadow": ("ShadowBroker",),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """A name of another module, or the version, looked up when it is asked for."""
        if name in _MODULE_OF:
            return getattr(import_module(_MODULE_OF[name]), name)
        if name == "__version__":
            from importlib import metadata  # noqa: PLC0415 - a third of the package's import time

            return metadata.version("ml4t-core")
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
