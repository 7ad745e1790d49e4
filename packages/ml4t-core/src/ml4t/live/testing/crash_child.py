"""A live engine in a process of its own, at a venue behind a socket, to be killed at any moment.

``python -m ml4t.live.testing.crash_child SETTINGS`` with the settings as JSON. It says what happens
in lines of JSON on its standard output and obeys words on its standard input; when that ends, so
does the process.
"""

import asyncio
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import date, datetime, timedelta
from pathlib import Path

import attrs

from ml4t.core.calendar import Session
from ml4t.core.errors import Ml4tError
from ml4t.core.risk import LiveRiskConfig
from ml4t.core.venue_events import Environment
from ml4t.live.clock import SystemClock
from ml4t.live.config import ExecutionMode, LiveConfig, Timing
from ml4t.live.engine import LiveEngine
from ml4t.live.events import Alert
from ml4t.live.journal import (
    Journal,
    JournalDamagedError,
    JournalOwner,
    StateDirectory,
    quarantine,
)
from ml4t.live.testing.chance import seeded
from ml4t.live.testing.crash_state import state_of
from ml4t.live.testing.crash_strategy import BusyStrategy
from ml4t.live.testing.listed_sessions import ListedSessions
from ml4t.live.testing.wire import WireBroker, WireClient, WireFeed

__all__ = ["OWNER", "REFUSED", "ChildSettings", "main"]

OWNER = JournalOwner(account_id="SIM-1", environment=Environment.PAPER, broker="wire")
"""Whose the journal is."""

REFUSED = 3
"""The exit status where the journal or the venue did not let the engine begin."""

_ALLOWED = 5.0


@attrs.frozen(kw_only=True)
class ChildSettings:
    """What one process is told.

    Attributes:
        port: of the venue.
        state: the folder of the account.
        assets: the symbols.
        opens, closes: of the one session, in ISO format.
        bar: seconds of a bar.
        seed: of the strategy's chance.
        limits: the risk limits, as in a file.
        timing: what the runtime waits for, in seconds.
        digest: of the configuration.
        quiet: whether the strategy begins without sending anything.
        with_signals: whether signals mean what they mean to ``ml4t live run``.
    """

    port: int
    state: str
    assets: Sequence[str]
    opens: str
    closes: str
    bar: float
    seed: int = 0
    limits: Mapping[str, object] = attrs.field(factory=dict)
    timing: Mapping[str, float] = attrs.field(factory=dict)
    digest: str = "1"
    quiet: bool = False
    with_signals: bool = False

    @property
    def session(self) -> Session:
        """The one session."""
        opens, closes = datetime.fromisoformat(self.opens), datetime.fromisoformat(self.closes)
        return Session(label=date(opens.year, opens.month, opens.day), opens=opens, closes=closes)

    @property
    def config(self) -> LiveConfig:
        """How the run is set up."""
        return LiveConfig(
            assets=tuple(self.assets),
            bar_size=timedelta(seconds=self.bar),
            account=OWNER.account_id,
            mode=ExecutionMode.PAPER,
            state=Path(self.state),
            risk=LiveRiskConfig.of(self.limits),
            timing=Timing(**self.timing),
            digest=self.digest,
        )


class _Voice:
    """Says things in whole lines, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, message: Mapping[str, object]) -> None:
        line = memoryview((json.dumps(message) + "\n").encode())
        with self._lock:
            while line:
                line = line[os.write(1, line) :]


_say = _Voice()


class _Child:
    """The engine and what it is told from outside."""

    def __init__(self, settings: ChildSettings, journal: Journal, state: StateDirectory) -> None:
        self._loop = asyncio.get_running_loop()
        self._settings = settings
        self._journal = journal
        self._limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._files = resource.getrlimit(resource.RLIMIT_NOFILE)
        client = WireClient(settings.port)
        self.strategy = BusyStrategy(
            seeded(settings.seed),
            _say,
            lambda: self._loop.call_soon_threadsafe(self._report, "started"),
        )
        self.strategy.is_quiet = settings.quiet
        self.engine = LiveEngine(
            self.strategy,
            WireBroker(client),
            WireFeed(client),
            settings.config,
            journal=journal,
            state=state,
            calendar=ListedSessions((settings.session,)),
        )
        self.engine.account.alarm = _tell_alert
        # Bars are so short that an answer of the venue may take longer.
        self.engine.runner.allowed = _ALLOWED

    async def run(self) -> int:
        """Run until stopped."""
        listening = asyncio.ensure_future(self._listen())
        with _signals(self.engine) if self._settings.with_signals else nullcontext():
            status = await self.engine.run()
        listening.cancel()
        self._report("ended")
        return status

    async def _listen(self) -> None:
        reader = asyncio.StreamReader()
        await self._loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb", buffering=0)
        )
        while line := await reader.readline():
            await self._obey(line.decode().split())
        # Whoever started this process is gone.
        os._exit(1)

    async def _obey(self, words: Sequence[str]) -> None:
        match words:
            case ["state"]:
                self._report("asked")
            case ["quiet" | "busy" as word]:
                self.strategy.is_quiet = word == "quiet"
            case ["stop"]:
                await self.engine.stop("asked to")
            case ["kill"]:
                await self.engine.kill("a test asked for it", "test")
                self._report("killed")
            case ["rearm"]:
                self.engine.rearm("test", "looked at")
                self._report("rearmed")
            case [word, value]:
                self._suffer(word, value)

    def _suffer(self, word: str, value: str) -> None:
        """Let something go wrong in this process, or end it."""
        match word:
            case "block":
                # The event loop is to stand still.
                time.sleep(float(value))
            case "disk":
                self._limit_disk(value)
            case "files":
                self._limit_files(value)

    def _limit_disk(self, word: str) -> None:
        """Let no file grow, or let them again; what is written to a pipe does not count."""
        soft = 0 if word == "full" else self._limit[0]
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, self._limit[1]))
        self._report("disk")

    def _limit_files(self, word: str) -> None:
        """Let no file be opened, or let them again."""
        soft = 0 if word == "none" else self._files[0]
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, self._files[1]))
        self._report("files")

    def _report(self, why: str) -> None:
        """Say how things stand; between two steps of the loop, so that all parts agree."""
        engine = self.engine
        _say(
            {
                "state": why,
                "rows": self._journal.rows,
                "head": self._journal.head,
                "is_written": not engine.account.has_unwritten,
                "connected": engine.safe.is_connected,
                "sending": engine.safe.is_sending,
                "differences": [str(each) for each in engine.reconciler.differences],
                "bars": engine.runner.bars_seen,
                "book": state_of(engine.account.book),
            }
        )


def _signals(engine: LiveEngine) -> AbstractContextManager[object]:
    # Most children are to start fast, and this brings the whole command line with it.
    from ml4t.live.live_cli.signals import Signals  # noqa: PLC0415

    return Signals(engine)


def _tell_alert(alert: Alert) -> None:
    _say({"alert": alert.kind, "text": alert.message})


def _opened(state: StateDirectory) -> Journal:
    """The journal; one that is damaged is put aside and never begun anew."""
    clock = SystemClock()
    try:
        return Journal.open(state.journal, OWNER, clock)
    except JournalDamagedError:
        quarantine(state.journal, clock)
        raise


async def _serve(settings: ChildSettings, journal: Journal, state: StateDirectory) -> int:
    return await _Child(settings, journal, state).run()


def main(arguments: Sequence[str]) -> int:
    """Run one engine; gives the exit status."""
    settings = ChildSettings(**json.loads(arguments[0]))
    try:
        state = StateDirectory(Path(settings.state))
        with state.lock(OWNER.account_id), closing(_opened(state)) as journal:
            return asyncio.run(_serve(settings, journal, state))
    except Ml4tError as error:
        _say({"refused": type(error).__name__, "text": str(error)})
        return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
