"""The engine as the commands see it, so that they know nothing of how it works."""

import logging
from typing import Protocol

import attrs

from ml4t.core.calendar import TradingCalendar
from ml4t.core.strategy import Strategy
from ml4t.live.clock import Clock
from ml4t.live.config import LiveConfig
from ml4t.live.control import Controllable
from ml4t.live.engine import LiveEngine
from ml4t.live.events import Alert
from ml4t.live.journal import EventLog, StateDirectory
from ml4t.live.live_cli.assembly import Assembly
from ml4t.live.recording import Recorder
from ml4t.live.redaction import Redact
from ml4t.live.secrets import Redactor

__all__ = ["EngineParts", "RunningEngine", "make_engine"]

_log = logging.getLogger(__name__)


class RunningEngine(Controllable, Protocol):
    """An engine that can be run."""

    async def run(self) -> int:
        """Run until the feed ends or the engine is stopped; gives the exit status."""


@attrs.frozen(kw_only=True)
class EngineParts:
    """Everything that an engine is made of.

    Attributes:
        strategy: an instance.
        config: how the run is set up.
        assembly: broker, feed and calendar.
        journal: where every change is made durable.
        state: the folder of the account; None for a run that leaves nothing.
        clock: of the run.
        recorder: writes down what the strategy sees and does; None for nobody.
        redact: masks secrets in what is journaled, shown and told.
    """

    strategy: Strategy
    config: LiveConfig
    assembly: Assembly
    journal: EventLog
    state: StateDirectory | None
    clock: Clock
    recorder: Recorder | None = None
    redact: Redact = attrs.field(factory=Redactor)

    @property
    def calendar(self) -> TradingCalendar:
        """The sessions of the market."""
        return self.assembly.calendar


def make_engine(parts: EngineParts) -> RunningEngine:
    """The engine of the live runtime; to be called inside a running event loop."""
    engine = LiveEngine(
        parts.strategy,
        parts.assembly.broker,
        parts.assembly.feed,
        parts.config,
        journal=parts.journal,
        state=parts.state,
        clock=parts.clock,
        calendar=parts.calendar,
        recorder=parts.recorder,
    )
    engine.account.alarm = _tell
    engine.account.redact = parts.redact
    return engine


def _tell(alert: Alert) -> None:
    """Write what a person should know where they look first."""
    _log.warning(alert.message, extra={"kind": alert.kind})
