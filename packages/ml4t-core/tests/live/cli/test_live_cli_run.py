"""``ml4t live run``, with the real engine over recorded bars."""

import asyncio
import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from ml4t.live.journal import StateDirectory
from ml4t.live.live_cli import main
from ml4t.live.live_cli.signals import INTERRUPTED, Signals

RUN = ["run", "buy.py", "--config", "shadow.toml", "--replay", "bars.csv"]


def entries(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    """The journal as the command prints it."""
    capsys.readouterr()
    assert 0 == main(["journal", "--state", "state", "--tail", "1000", *options])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_run_in_shadow_fills_and_leaves_a_journal(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # At a pace, so that no bar is folded into another.
    assert 0 == main([*RUN, "--speed", "18000"])

    assert "shadow on account shadow, broker shadow" in capsys.readouterr().out
    kinds = [entry["kind"] for entry in entries(capsys)]
    assert "EngineStarted" == kinds[0]
    assert "EngineStopped" == kinds[-1]
    started = entries(capsys, "--kind", "EngineStarted")[0]["body"]
    assert hashlib.sha256((folder / "buy.py").read_bytes()).hexdigest() == started["strategy_hash"]
    assert 64 == len(started["config_hash"])


def test_the_log_goes_to_a_file_that_is_private(folder: Path) -> None:
    assert 0 == main([*RUN, "--log-file", "logs/run.jsonl", "--log-level", "DEBUG"])

    path = folder / "logs" / "run.jsonl"
    assert 0o600 == path.stat().st_mode & 0o777
    assert all(json.loads(line)["event"] for line in path.read_text().splitlines())


def test_a_kill_switch_of_an_older_program_is_still_set(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = StateDirectory(folder / "state").legacy_risk_state
    old.write_text(json.dumps({"kill_switch_active": True, "kill_switch_reason": "too wild"}))

    assert 0 == main(RUN)

    assert "too wild" in capsys.readouterr().out
    assert not old.exists()
    kinds = [entry["kind"] for entry in entries(capsys)]
    assert "CauseRaised" in kinds
    assert "OrderDenied" in kinds
    assert "IntentRecorded" not in kinds


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--require-hash", "0" * 64], "it was changed"),
        (["--mode", "paper"], "recorded bars are played in shadow only"),
        (["--broker", "nobody"], "no installed package offers a broker 'nobody'"),
        (["--config", "gone.toml"], "cannot read the configuration gone.toml"),
        (["--replay", "gone.csv"], "cannot read the bars gone.csv"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_started_is_refused_with_a_message(
    folder: Path, capsys: pytest.CaptureFixture[str], change: list[str], message: str
) -> None:
    extra = ["--broker", "nobody"] if change[0] == "--mode" else []
    status = main([*RUN, *change, *extra])

    assert 1 == status
    assert message in capsys.readouterr().err
    assert not (folder / "state").exists()


def test_the_hash_that_is_asked_for_may_be_the_right_one(folder: Path) -> None:
    digest = hashlib.sha256((folder / "buy.py").read_bytes()).hexdigest()

    assert 0 == main([*RUN, "--require-hash", digest.upper()])


def test_a_pace_without_a_replay_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1 == main(["run", "buy.py", "--config", "shadow.toml", "--speed", "2"])
    assert "--speed belongs to --replay" in capsys.readouterr().err


def test_without_bars_a_shadow_run_is_told_where_they_come_from(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1 == main(["run", "buy.py", "--config", "shadow.toml"])
    assert "play recorded ones with --replay BARS.csv" in capsys.readouterr().err


def test_one_engine_runs_for_one_account(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with StateDirectory(folder / "state").lock("shadow"):
        assert 1 == main(RUN)

    assert f"another engine, process {os.getpid()}, trades account" in capsys.readouterr().err


def test_a_damaged_journal_is_put_aside_and_nothing_trades(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == main(RUN)
    path = folder / "state" / "journal.db"
    path.write_bytes(b"x" * 5000)

    assert 1 == main(RUN)

    told = capsys.readouterr().err
    assert "it was put aside as" in told
    assert "ml4t live recover" in told
    assert [] != list((folder / "state").glob("journal.db.corrupt-*"))


def test_a_strategy_that_needs_more_than_the_venue_has_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (folder / "buy.py").read_text()
    text = text.replace(
        "class Buy(Strategy):",
        "from ml4t.core.needs import Needs\n\nclass Buy(Strategy):\n"
        "    needs = Needs(short_selling=True)\n",
    )
    (folder / "buy.py").write_text(text)

    assert 1 == main(RUN)
    assert "buy.py needs what ShadowBroker does not offer: short sales" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2026-01-05T09:00:00,SPY,1,1,1,1,1", "bars.csv, line 6:"),
        ("2026-01-05T09:00:00+00:00,SPY,1,1,1,one,1", "close must be a number, was 'one'"),
        ("2026-01-05T09:00:00+00:00,SPY,1,1,2,1,1", "bars.csv, line 6:"),
        ("2026-01-05T09:00:00+00:00,SPY,,1,2,1,1", "open must be a number, was ''"),
    ],
)
def test_a_row_that_is_no_bar_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], row: str, message: str
) -> None:
    with (folder / "bars.csv").open("a") as file:
        file.write(f"{row}\n")

    assert 1 == main(RUN)
    assert message in capsys.readouterr().err


def test_a_file_without_the_columns_is_told_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bars.csv").write_text("date,close\n")

    assert 1 == main(RUN)
    assert "lacks the column timestamp, symbol, open, high, low" in capsys.readouterr().err


class StoppableEngine:
    """Waits until it is stopped."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def status(self) -> dict[str, object]:
        return {}

    async def stop(self, reason: str) -> None:
        self.told.append(reason)

    async def kill(self, reason: str, by: str) -> None:
        self.told.append(f"kill {reason} by {by}")

    async def flatten(self, by: str) -> None: ...

    def rearm(self, by: str, reason: str) -> None: ...

    def adopt(self, by: str) -> None: ...


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
async def test_the_first_signal_stops_and_the_second_leaves(name: str) -> None:
    engine = StoppableEngine()
    left: list[int] = []

    with Signals(engine, leave=left.append):
        for _ in range(2):
            os.kill(os.getpid(), getattr(signal, name))
            await asyncio.sleep(0.05)

    assert [name] == engine.told
    assert [INTERRUPTED] == left


async def test_sigusr1_kills_and_does_not_stop() -> None:
    engine = StoppableEngine()

    with Signals(engine):
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.sleep(0.05)

    assert ["kill SIGUSR1 by signal"] == engine.told


async def test_a_stop_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    engine = StoppableEngine()

    async def fail(reason: str) -> None:
        raise ZeroDivisionError

    engine.stop = fail  # type: ignore[method-assign]
    with Signals(engine):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.05)

    assert "what a signal asked for failed" in caplog.text
