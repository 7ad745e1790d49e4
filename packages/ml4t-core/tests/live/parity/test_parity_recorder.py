"""A recording holds all that a strategy saw and did, also where it was cut off."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from ml4t.core import (
    Asset,
    Bar,
    BrokerProtocol,
    ConfigError,
    DataError,
    Fill,
    MarketSlice,
    Order,
    OrderSide,
    Strategy,
)
from ml4t.live.assumption_table import ShadowMarket
from ml4t.live.bars import GrowingPanel
from ml4t.live.clock import SystemClock
from ml4t.live.engine import LiveEngine
from ml4t.live.recording import Recorder, Recording, RunFacts, check_decisions
from ml4t.simulation import Delayed, MarketAssumptions, SimulatedBroker

NOW = datetime(2024, 3, 4, 15, tzinfo=UTC)
FACTS = RunFacts(strategy="s", assets=(Asset(symbol="AAA"),), is_daily=True, cash=100.0)


class Notebook(Strategy):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def on_start(self, broker: BrokerProtocol) -> None:
        self.seen.append(("on_start", broker.get_cash()))

    def on_data(self, timestamp, data, context, broker) -> None:
        self.seen.append((timestamp, str(timestamp.tzinfo), look(data), broker.get_account_value()))
        if not broker.positions and not broker.pending_orders:
            broker.submit_order("AAA", 10)

    def on_order(self, order: Order, broker: BrokerProtocol) -> None:
        self.seen.append((order, broker.pending_orders))

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        self.seen.append((fill, broker.positions))

    def on_end(self, broker: BrokerProtocol) -> None:
        self.seen.append(("on_end", broker.get_position("AAA")))


def look(data: MarketSlice) -> object:
    """All that can be read of a slice."""
    return (
        {asset: dict(bar) for asset, bar in data.items()},
        data.marks(data.universe),
        data.previous_timestamp,
        [data.average_range(asset, 5) for asset in data.universe],
    )


def test_a_strategy_that_is_recorded_does_the_same(record: Callable[..., LiveEngine]) -> None:
    plain, recorded = Notebook(), Notebook()
    record(plain, name="a")
    record(recorded, name="b")

    assert [str(each) for each in plain.seen[:3]] == [str(each) for each in recorded.seen[:3]]


@pytest.mark.parametrize("warmup", [0, 7])
def test_what_was_seen_is_shown_again(
    record: Callable[..., LiveEngine], tmp_path: Path, warmup: int
) -> None:
    then, now = Notebook(), Notebook()
    record(then, warmup=warmup)
    check = check_decisions(Recording(tmp_path / "run.rec"), now)

    assert check.difference is None
    assert then.seen == now.seen
    assert len(now.seen) > 60


def test_the_run_is_described(recorded: Recording) -> None:
    facts = recorded.facts
    names = ("strategy", "strategy_hash", "config_digest", "account", "mode", "cash", "is_daily")

    assert [facts[name] for name in names] == [
        "strategy", "h", "d", "shadow", "shadow", 100_000.0, False
    ]  # fmt: skip
    assert list(recorded.assets) == ["AAA", "BBB"]
    assert sorted(facts["versions"]) == ["ml4t-core", "python", "sqlite"]  # type: ignore[call-overload]
    assert recorded.market.to_table()["slippage"] == {"kind": "basis_points", "bps": 5.0}
    assert recorded.is_complete


def test_missing_bars_are_told(recorded: Recording) -> None:
    connection = sqlite3.connect(recorded.path)
    shown = {
        (number, callback.data is not None and "BBB" in callback.data)
        for number, callback in enumerate(c for c in recorded.callbacks() if c.data is not None)
    }
    missing = connection.execute("SELECT asset, count(*) FROM missing GROUP BY asset").fetchall()
    connection.close()

    assert missing == [("BBB", sum(not present for _, present in shown))]


def test_the_executions_are_those_of_the_account(
    record: Callable[..., LiveEngine], busy: type[Strategy], tmp_path: Path
) -> None:
    engine = record(busy())

    assert Recording(tmp_path / "run.rec").fills() == list(engine.account.book.fills.values())


def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="exists"):
        Recorder(path, SystemClock())
    assert path.read_text() == "precious"


def test_a_market_that_has_no_name_is_refused(tmp_path: Path) -> None:
    market = ShadowMarket(market=MarketAssumptions(timing=Delayed(1)))
    with pytest.raises(ConfigError, match="timing: Delayed has no name"):
        Recorder(tmp_path / "run.rec", SystemClock(), market)
    assert not (tmp_path / "run.rec").exists()


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    for name, content in (("text", "hello, this is no database, of no kind"), ("empty", "")):
        path = tmp_path / name
        path.write_text(content)
        with pytest.raises(DataError, match="recording"):
            Recording(path)
    with pytest.raises(DataError, match="there is no recording"):
        Recording(tmp_path / "gone")


def test_newer_tables_are_refused(recorded: Recording) -> None:
    connection = sqlite3.connect(recorded.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DataError, match="version 99"):
        Recording(recorded.path)


def test_a_run_goes_on_where_it_cannot_be_recorded(tmp_path: Path) -> None:
    recorder, told = Recorder(tmp_path / "run.rec", SystemClock()), list[str]()
    recorder.begin(FACTS)
    recorder.on_failure = told.append
    recorder.watch(Notebook())
    recorder.close()
    recorder.failure = ""
    calls: list[int] = []
    recorder.record_callback("on_end", None, None, lambda: calls.append(1))

    assert calls == [1]
    assert len(told) == 1
    assert "ends here" in told[0]


def test_bars_that_were_folded_away_leave_their_closes(tmp_path: Path) -> None:
    recorder, then, now = Recorder(tmp_path / "run.rec", SystemClock()), Notebook(), Notebook()
    recorder.begin(FACTS)
    broker = SimulatedBroker(100.0, {"AAA": Asset(symbol="AAA")}, MarketAssumptions())
    panel, strategy = GrowingPanel(["AAA", "BBB"], has_volume=True), recorder.watch(then)
    for number in range(6):
        when = NOW + timedelta(hours=number)
        shown, hidden = ("AAA", "BBB") if number % 2 else ("BBB", "AAA")
        bars = {shown: flat(shown, when, 10.0 + number)}
        carried = [flat(hidden, when - timedelta(minutes=30), 20.0 + number)]
        data = panel.append(when, bars, carried)
        strategy.on_data(when, data, {}, broker)
    recorder.finish([])

    assert check_decisions(Recording(recorder.path), now).is_same
    assert then.seen == now.seen


def flat(asset: str, when: datetime, price: float) -> Bar:
    """A bar of one price."""
    return Bar(
        timestamp=when, asset=asset, open=price, high=price, low=price, close=price, volume=1.0
    )


@pytest.mark.parametrize(
    "table",
    [
        {"cash": 5.0},
        {"timing": "next_bar_close", "limits": "trade_through_fills", "account": "margin_account"},
        {"account": {"kind": "margin_account", "initial_margin": 0.25}},
        {"commission": {"kind": "per_share", "amount": 0.005, "minimum": 1.0}},
        {"participation": {"kind": "volume_share", "share": 0.1}, "slippage": "no_slippage"},
    ],
)
def test_the_market_reads_back_as_it_was(table: dict[str, object], tmp_path: Path) -> None:
    market = ShadowMarket.of(table)
    recorder = Recorder(tmp_path / "run.rec", SystemClock(), market)
    recorder.begin(FACTS)
    recorder.close()

    assert Recording(recorder.path).market == market


CHILD = """
    import os, signal, sys
    sys.path.insert(0, {folder!r})
    from conftest import Busy, _run, MARKET, bars
    import asyncio
    from pathlib import Path

    class Killed(Busy):
        count = 0

        def on_data(self, timestamp, data, context, broker):
            super().on_data(timestamp, data, context, broker)
            self.count += 1
            if self.count == 40:
                broker.get_cash()
                os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(_run(Killed(), Path({path!r}), MARKET, bars(), 0))
"""


def test_a_killed_run_leaves_what_it_had_recorded(tmp_path: Path, busy: type[Strategy]) -> None:
    path = tmp_path / "run.rec"
    code = dedent(CHILD.format(folder=str(Path(__file__).parent), path=str(path)))
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, check=False, env=dict(os.environ))  # noqa: S603
    assert ended.returncode == -9

    recording = Recording(path)
    callbacks = list(recording.callbacks())
    check = check_decisions(recording, busy())

    assert sum(callback.name == "on_data" for callback in callbacks) == 40
    assert not callbacks[-1].ended
    assert callbacks[-1].calls[-1].name == "get_cash"
    assert not recording.is_complete
    assert recording.fills()
    assert all(fill.side in OrderSide for fill in recording.fills())
    # The last call is not one of this strategy, all before are.
    assert check.difference is not None
    assert check.callbacks == len(callbacks)
