"""The recording of a live run, where one is wanted."""

import asyncio
from typing import Protocol

from ml4t.core.calendar import TradingCalendar
from ml4t.core.strategy import Strategy
from ml4t.live.account import LiveAccount
from ml4t.live.config import LiveConfig
from ml4t.live.recording import Recorder, RunFacts, calendar_name

__all__ = ["Recordable", "RunRecording"]


class Recordable(Protocol):
    """The parts of an engine that a recording needs."""

    config: LiveConfig
    account: LiveAccount
    calendar: TradingCalendar


class RunRecording:
    """Begins and ends the recording of a run; does nothing without a recorder.

    Args:
        recorder: of the run; None for none.
    """

    def __init__(self, recorder: Recorder | None) -> None:
        self._recorder = recorder

    def watch(self, strategy: Strategy) -> Strategy:
        """The strategy as the runtime is to call it."""
        return strategy if self._recorder is None else self._recorder.watch(strategy)

    def begin(self, engine: Recordable) -> None:
        """Write down what the run begins with; on the event loop."""
        if self._recorder is None:
            return
        loop, account, config = asyncio.get_running_loop(), engine.account, engine.config

        def tell(why: str) -> None:
            loop.call_soon_threadsafe(account.alert, "recording", why)

        self._recorder.on_failure = tell
        ledger = account.book.ledger
        assert ledger is not None  # noqa: S101 - opened at the start
        self._recorder.begin(
            RunFacts(
                strategy=config.name,
                strategy_hash=config.strategy_hash,
                config_digest=config.digest,
                account=config.account,
                mode=config.mode.value,
                assets=tuple(account.book.assets.values()),
                calendar=calendar_name(engine.calendar),
                is_daily=config.bar_size is None,
                cash=ledger.cash,
                positions=dict(ledger.positions),
            )
        )

    def end(self, engine: Recordable) -> None:
        """Write down what the run came to."""
        if self._recorder is not None:
            self._recorder.finish(engine.account.book.fills.values())
