"""Writes down what a strategy is shown, is told and does, so that it can be gone through later."""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from importlib.metadata import version
from itertools import count
from pathlib import Path
from platform import python_version
from typing import TypeVar

import attrs

from ml4t.core.assets import Asset
from ml4t.core.broker import BrokerProtocol
from ml4t.core.errors import ConfigError
from ml4t.core.fills import Fill
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice
from ml4t.core.positions import Position
from ml4t.core.strategy import Strategy
from ml4t.live.assumption_table import ShadowMarket
from ml4t.live.clock import Clock
from ml4t.live.recording.broker import WatchedBroker
from ml4t.live.recording.tables import SCHEMA, VERSION
from ml4t.live.recording.values import as_text

__all__ = ["Recorder", "RunFacts"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class RunFacts:
    """What a run began with.

    Attributes:
        strategy: what it is called.
        strategy_hash: of its file; "" where it is not known.
        config_digest: of everything configured; "" where it is not known.
        account: the id of the account.
        mode: where the orders went.
        assets: the terms of what it could trade.
        calendar: the name of its sessions; "" where they have none.
        is_daily: whether each session has one bar.
        cash: money at the start.
        positions: what was held at the start.
    """

    strategy: str
    strategy_hash: str = ""
    config_digest: str = ""
    account: str = ""
    mode: str = ""
    assets: tuple[Asset, ...]
    calendar: str = ""
    is_daily: bool
    cash: float
    positions: Mapping[str, Position] = attrs.field(factory=dict)


class Recorder:
    """A recording of one run in a SQLite file.

    Every entry is on its way to the disk before the strategy goes on: what was recorded when the
    program is killed can be read. Where the file cannot be written any more the run goes on and
    the recording ends.

    Args:
        path: of the file; there must be none yet, since a recording begins with a new strategy.
        clock: of the run.
        market: the market that the run is to be compared with.

    Attributes:
        path: of the file.
        failure: why it ended early; "" where it did not.
        on_failure: told so, on the strategy's thread; None for nobody.

    Raises:
        ConfigError: the file is there already, or cannot be made.
    """

    def __init__(self, path: Path, clock: Clock, market: ShadowMarket | None = None) -> None:
        self.path = Path(path)
        self.failure = ""
        self.on_failure: Callable[[str], None] | None = None
        self._clock = clock
        self._market = (market or ShadowMarket()).to_table()
        self._numbers = count(1)
        self._callback = 0
        self._has_begun = False
        self._marks: dict[str, float | None] = {}
        self._lock = threading.Lock()
        self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        if self.path.exists():
            msg = f"{self.path} exists: a recording begins with the run, name another file"
            raise ConfigError(msg)
        try:
            # The strategy's thread writes, the engine's ends it.
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(SCHEMA)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        except sqlite3.Error as error:
            msg = f"cannot make the recording {self.path}: {error}"
            raise ConfigError(msg) from error
        return connection

    def watch(self, strategy: Strategy) -> Strategy:
        """The strategy, with everything written down that it is told and does."""
        return _WatchedStrategy(strategy, self)

    def begin(self, facts: RunFacts) -> None:
        """Write down what the run begins with; before ``on_start``."""
        fields = {field.name: getattr(facts, field.name) for field in attrs.fields(RunFacts)}
        fields["versions"] = {
            "python": python_version(),
            "sqlite": sqlite3.sqlite_version,
            "ml4t-core": version("ml4t-core"),
        }
        fields["market"] = self._market
        fields["started"] = self._clock.now()
        rows = [(name, as_text(value)) for name, value in fields.items()]
        self._has_begun = True
        self._write(("INSERT INTO facts VALUES (?, ?)", rows))

    def finish(self, fills: Iterable[Fill]) -> None:
        """End the recording with all executions as they stand now, corrections included."""
        rows = [(number, as_text(fill)) for number, fill in enumerate(fills)]
        ended = [("ended", as_text(self._clock.now()))]
        self._write(
            ("INSERT INTO executions VALUES (?, ?)", rows),
            ("INSERT INTO facts VALUES (?, ?)", ended),
        )
        self.close()

    def close(self) -> None:
        """Close the file; where the run never began there is none."""
        self.failure = self.failure or "it is closed"
        self._connection.close()
        if not self._has_begun:
            self.path.unlink(missing_ok=True)

    # What the watched strategy does

    def record_callback(
        self, name: str, told: object, data: MarketSlice | None, call: Callable[[], None]
    ) -> None:
        """Write a callback down, do it, and write down how it ended."""
        number = self._callback = next(self._numbers)
        self._begin_callback(number, name, told, data)
        try:
            call()
        except BaseException as error:
            self._end_callback(number, error)
            raise
        self._end_callback(number, None)

    def record_call(
        self,
        name: str,
        arguments: Mapping[str, object],
        answer: object,
        error: BaseException | None = None,
    ) -> None:
        """Write down what the strategy asked its broker, and what it answered or raised."""
        row = (
            next(self._numbers),
            self._callback,
            name,
            as_text(arguments),
            None if error is not None else as_text(answer),
            error_text(error),
        )
        self._write(("INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?)", [row]))

    def _begin_callback(
        self, number: int, name: str, told: object, data: MarketSlice | None
    ) -> None:
        body = None if told is None else as_text(told)
        row = (number, name, as_text(self._clock.now()), body, 0, None)
        statements: list[tuple[str, list[tuple[object, ...]]]] = [
            ("INSERT INTO callbacks VALUES (?, ?, ?, ?, ?, ?)", [row])
        ]
        if data is not None:
            statements.append(
                ("INSERT INTO bars VALUES (?, ?, ?, ?, ?, ?, ?)", _bars(number, data))
            )
            carried = self._carried(data)
            statements.append(
                ("INSERT INTO marks VALUES (?, ?, ?)", [(number, *each) for each in carried])
            )
        self._write(*statements)

    def _carried(self, data: MarketSlice) -> list[tuple[str, float]]:
        """The last prices that are new although their bars were not shown."""
        marks = dict(zip(data.universe, data.marks(data.universe), strict=True))
        new = [
            (asset, mark)
            for asset, mark in marks.items()
            if mark is not None and asset not in data and mark != self._marks.get(asset)
        ]
        self._marks = marks
        return new

    def _end_callback(self, number: int, error: BaseException | None) -> None:
        row = (error_text(error), number)
        self._write(("UPDATE callbacks SET ended = 1, error = ? WHERE seq = ?", [row]))

    def _write(self, *statements: tuple[str, Iterable[tuple[object, ...]]]) -> None:
        if self.failure:
            return
        try:
            # A strategy that hangs may come back while the engine ends the recording.
            with self._lock:
                self._connection.execute("BEGIN")
                for statement, rows in statements:
                    self._connection.executemany(statement, rows)
                self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            # The run matters more than its recording.
            self.failure = f"the recording {self.path} ends here: {error}"
            if self.on_failure is not None:
                self.on_failure(self.failure)


def error_text(error: BaseException | None) -> str | None:
    """An exception as type and message; None for none."""
    return None if error is None else f"{type(error).__name__}: {error}"


def _bars(number: int, data: MarketSlice) -> list[tuple[object, ...]]:
    return [
        (number, asset, bar.open, bar.high, bar.low, bar.close, bar.volume)
        for asset, bar in data.items()
    ]


class _WatchedStrategy(Strategy):
    """A strategy whose callbacks and calls are recorded."""

    def __init__(self, strategy: Strategy, recorder: Recorder) -> None:
        self._strategy = strategy
        self._recorder = recorder

    def on_start(self, broker: BrokerProtocol) -> None:
        """Pass it on."""
        watched = _RecordingBroker(broker, self._recorder)
        self._pass_on("on_start", None, None, lambda: self._strategy.on_start(watched))

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        """Pass it on."""
        watched = _RecordingBroker(broker, self._recorder)
        self._pass_on(
            "on_data",
            {"timestamp": timestamp, "context": context, "universe": data.universe},
            data,
            lambda: self._strategy.on_data(timestamp, data, context, watched),
        )

    def on_order(self, order: Order, broker: BrokerProtocol) -> None:
        """Pass it on."""
        watched = _RecordingBroker(broker, self._recorder)
        self._pass_on("on_order", order, None, lambda: self._strategy.on_order(order, watched))

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        """Pass it on."""
        watched = _RecordingBroker(broker, self._recorder)
        self._pass_on("on_fill", fill, None, lambda: self._strategy.on_fill(fill, watched))

    def on_end(self, broker: BrokerProtocol) -> None:
        """Pass it on."""
        watched = _RecordingBroker(broker, self._recorder)
        self._pass_on("on_end", None, None, lambda: self._strategy.on_end(watched))

    def _pass_on(
        self, name: str, told: object, data: MarketSlice | None, call: Callable[[], None]
    ) -> None:
        self._recorder.record_callback(name, told, data, call)


class _RecordingBroker(WatchedBroker):
    """A broker whose calls are recorded with what they answer or raise."""

    def __init__(self, broker: BrokerProtocol, recorder: Recorder) -> None:
        self._broker = broker
        self._recorder = recorder

    def pass_on(
        self, name: str, arguments: Mapping[str, object], ask: Callable[[BrokerProtocol], T]
    ) -> T:
        """Ask the broker, and write question and answer down."""
        try:
            answer = ask(self._broker)
        except BaseException as error:
            self._recorder.record_call(name, arguments, None, error)
            raise
        self._recorder.record_call(name, arguments, answer)
        return answer
