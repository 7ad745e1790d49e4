"""What is done about a run: status, kill, rearm, doctor, selfcheck, journal, recover."""

import asyncio
import io
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml4t.core import ConfigError, Environment
from ml4t.core.risk import CONTROLS
from ml4t.live.control import ControlServer
from ml4t.live.journal import StateDirectory, verify
from ml4t.live.live_cli import main

RUN = ["run", "buy.py", "--config", "shadow.toml", "--replay", "bars.csv"]
CANARY = "canary-5e02-never-shown"


class Engine:
    """Answers as an engine does."""

    def __init__(self, *, verified: float | None = 0.2) -> None:
        self.verified = verified
        self.asked: list[tuple[str, ...]] = []

    def status(self) -> dict[str, object]:
        return {
            "uptime": 12.5,
            "state": "halted",
            "causes": {"kill": {"reason": "odd", "latched": True}},
            "positions": {},
            "equity": None,
            "open_orders": ["a"],
        }

    async def kill(self, reason: str, by: str) -> dict[str, object]:
        self.asked.append(("kill", reason))
        return {"asked": 2, "verified": self.verified}

    async def stop(self, reason: str) -> None:
        self.asked.append(("stop", reason))

    async def flatten(self, by: str) -> list[str]:
        self.asked.append(("flatten",))
        return ["m4-1"]

    def rearm(self, by: str, reason: str) -> tuple[str, ...]:
        self.asked.append(("rearm", reason))
        return ("kill",)

    async def adopt(self, by: str) -> None:
        self.asked.append(("adopt",))


@contextmanager
def running(engine: Engine, journal: Path | None = None) -> Iterator[Engine]:
    """An engine that runs in the folder ``state``, on another thread."""
    state = StateDirectory(Path("state"))
    ready, done = threading.Event(), threading.Event()

    def copy(path: Path) -> None:
        path.write_bytes(journal.read_bytes() if journal is not None else b"")

    async def serve() -> None:
        async with ControlServer(engine, state.socket, snapshot=copy):
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield engine
    finally:
        done.set()
        thread.join(10)


def test_the_status_begins_with_what_matters(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(Engine()):
        assert 0 == main(["status", "--state", "state"])

    lines = capsys.readouterr().out.splitlines()
    assert ["state        halted", "causes       kill reason odd, latched True"] == lines[:2]
    assert "equity       -" in lines
    assert "positions    none" in lines
    assert "uptime       12.50" in lines


def test_programs_get_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(Engine()):
        assert 0 == main(["status", "--config", "shadow.toml", "--json"])

    assert Engine().status() == json.loads(capsys.readouterr().out)


def test_where_no_engine_runs_status_is_3(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    StateDirectory(Path("state")).kill.touch()

    assert 3 == main(["status", "--state", "state"])
    assert "no engine runs in state, and the kill file is there" in capsys.readouterr().err


def test_a_state_folder_that_is_not_there_is_not_made(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1 == main(["status", "--state", "elsewhere"])
    assert "there is no state folder elsewhere" in capsys.readouterr().err
    assert not (folder / "elsewhere").exists()


@pytest.mark.parametrize(
    ("arguments", "call", "told"),
    [
        (["rearm", "--reason", "all fine"], ("rearm", "all fine"), "rearm: kill"),
        (["flatten"], ("flatten",), "flatten: m4-1"),
        (["adopt"], ("adopt",), "adopt: done"),
    ],
    ids=["rearm", "flatten", "adopt"],
)
def test_a_running_engine_is_asked(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    call: tuple[str, ...],
    told: str,
) -> None:
    with running(Engine()) as engine:
        assert 0 == main([*arguments, "--state", "state"])

    assert [call] == engine.asked
    assert f"{told}\n" == capsys.readouterr().out


def test_stop_says_who_and_why(folder: Path) -> None:
    with running(Engine()) as engine:
        assert 0 == main(["stop", "--state", "state", "--reason", "update"])

    assert engine.asked[0][1].startswith("update (by ")


def test_to_rearm_without_a_reason_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(Engine()) as engine:
        assert 1 == main(["rearm", "--reason", "  ", "--state", "state"])

    assert [] == engine.asked
    assert "--reason must say why" in capsys.readouterr().err


def test_what_only_a_running_engine_can_do_is_refused_without_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    StateDirectory(Path("state"))

    assert 1 == main(["rearm", "--reason", "fine", "--state", "state"])
    assert "comes up halted again" in capsys.readouterr().err


# Kill


def test_kill_sets_the_file_and_asks_the_engine(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(Engine()) as engine:
        assert 0 == main(["kill", "--state", "state", "--reason", "odd prices"])

    assert [("kill", "odd prices")] == engine.asked
    assert (folder / "state" / "KILL").read_text().startswith("odd prices (by ")
    assert "the venue shows no order: 2 were cancelled" in capsys.readouterr().out


def test_kill_without_an_engine_cancels_at_the_venue_until_none_is_left(
    folder: Path, venue: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    StateDirectory(Path("state"))
    venue.unreachable = 1

    assert 1 == main(["kill", "--config", "paper.toml"])
    assert "the venue did not answer" in capsys.readouterr().err
    assert 0 == main(["kill", "--config", "paper.toml"])

    captured = capsys.readouterr()
    assert [] == venue.orders
    assert 0 == venue.connections
    assert "account PA1 has no open order" in captured.out
    assert CANARY not in captured.out + captured.err
    assert (folder / "state" / "KILL").exists()


def test_an_engine_that_cannot_see_that_nothing_works_is_not_believed(
    folder: Path, venue: Any
) -> None:
    with running(Engine(verified=None)):
        assert 0 == main(["kill", "--config", "paper.toml"])

    assert [] == venue.orders


def test_orders_that_stay_are_named_and_the_status_says_so(
    folder: Path, venue: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    StateDirectory(Path("state"))
    venue.stubborn = {"b"}

    assert 1 == main(["kill", "--config", "paper.toml", "--wait", "0.3"])
    assert "1 orders still work: b. Call the broker" in capsys.readouterr().err


def test_the_wrong_account_is_not_touched(
    folder: Path, venue: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    StateDirectory(Path("state"))
    venue.account_id = "PA2"

    assert 1 == main(["kill", "--config", "paper.toml"])
    assert "reaches account PA2, not PA1" in capsys.readouterr().err
    assert ["a", "b"] == venue.orders
    assert 0 == venue.connections


def test_without_engine_and_file_the_kill_file_is_set_and_more_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    StateDirectory(Path("state"))

    assert 1 == main(["kill", "--state", "state"])
    assert "give --config FILE.toml" in capsys.readouterr().err
    assert (folder / "state" / "KILL").exists()


def test_a_shadow_account_has_nothing_to_cancel(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    StateDirectory(Path("state"))

    assert 0 == main(["kill", "--config", "shadow.toml"])
    assert "no orders outside of its engine" in capsys.readouterr().out


def test_an_engine_that_was_killed_comes_up_halted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    StateDirectory(Path("state"))
    assert 0 == main(["kill", "--config", "shadow.toml", "--reason", "odd"])

    assert 0 == main([*RUN, "--speed", "18000"])

    capsys.readouterr()
    main(["journal", "--state", "state", "--tail", "1000"])
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert "CauseRaised" in kinds
    assert "FillBooked" not in kinds


# Doctor


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The status of the command and what it printed."""
    status = main(["doctor", *arguments])
    return status, capsys.readouterr().out


def test_a_run_in_order_is_told_so(
    folder: Path, venue: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = doctor(capsys, "buy.py", "--config", "paper.toml")

    assert (0, "everything is in order") == (status, told.splitlines()[-1])
    assert "ok    clock: 0.0 s from the venue's, allowed are 2" in told
    assert "ok    balance: equity 2,000.00, cash 1,000.00, 1 positions" in told
    assert CANARY not in told
    assert 0 == venue.connections


def test_offline_the_venue_is_not_asked(
    folder: Path, venue: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    venue.unreachable = 9

    assert 0 == doctor(capsys, "--config", "paper.toml", "--offline")[0]


def test_everything_that_is_wrong_is_told_at_once_with_what_to_do(
    folder: Path, venue: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    venue.account_id, venue.environment = "U9", Environment.LIVE
    venue.skew = timedelta(seconds=-7)
    state = StateDirectory(Path("state"))
    state.kill.touch()
    state.journal.write_bytes(b"x" * 5000)
    text = (folder / "paper.toml").read_text().replace('["SPY"]', '["SPY", "XYZ"]')
    (folder / "paper.toml").write_text(text)

    status, told = doctor(capsys, "--config", "paper.toml")

    assert 1 == status
    failed = [line.split(":")[0] for line in told.splitlines() if line.startswith("FAIL")]
    assert [
        "FAIL  kill file",
        "FAIL  journal",
        "FAIL  account",
        "FAIL  environment",
        "FAIL  clock",
        "FAIL  asset XYZ",
    ] == failed
    assert 6 == told.count("      -> ")
    assert "6 of " in told.splitlines()[-1]


def test_a_folder_that_others_can_read_is_not_in_order(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    StateDirectory(Path("state")).path.chmod(0o755)

    status, told = doctor(capsys, "--config", "shadow.toml")

    assert 1 == status
    assert "FAIL  state folder: state has mode 0755" in told
    assert "chmod 700 state" in told


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("buy.py", "class Buy", "class Buy("), "buy.py:5: loading the file raised SyntaxError"),
        (("paper.toml", "[run]", "[rum]"), "FAIL  configuration: paper.toml: unknown key 'rum'"),
        (("paper.toml", '"stub"', '"nobody"'), "FAIL  broker made: no installed package offers"),
        (("paper.toml", '"stub"', '"bare"'), "FAIL  broker made: the broker 'bare' cannot be made"),
        (("paper.toml", '"stub"', '"stub"\nwrong = 1'), "FAIL  broker made: wrong is no option"),
        (("paper.toml", 'name = "stub"', ""), "FAIL  broker named: no broker is named"),
        (
            (
                "buy.py",
                "class Buy(Strategy):",
                "from ml4t.core.needs import Needs\nclass Buy(Strategy):\n    needs = "
                "Needs(fractional=True)",
            ),
            "FAIL  what the strategy needs: stub lacks quantities with fractions",
        ),
    ],
    ids=range(7),
)
def test_what_is_wrong_with_the_files_is_told(
    folder: Path,
    venue: Any,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str, str],
    message: str,
) -> None:
    name, old, new = change
    (folder / name).write_text((folder / name).read_text().replace(old, new))

    status, told = doctor(capsys, "buy.py", "--config", "paper.toml")

    assert 1 == status
    assert message in told


def test_a_secret_that_is_missing_is_told_by_name(
    folder: Path, venue: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STUB_KEY")
    monkeypatch.setenv("HOME", str(folder))

    status, told = doctor(capsys, "--config", "paper.toml")

    assert 1 == status
    assert "there is no secret STUB_KEY: set the environment variable STUB_KEY" in told


def test_a_venue_that_cannot_be_reached_is_told(
    folder: Path, venue: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    venue.unreachable = 1

    status, told = doctor(capsys, "--config", "paper.toml")

    assert 1 == status
    assert "FAIL  connection: the venue did not answer" in told


@pytest.mark.parametrize("command", ["doctor", "kill", "recover", "run"])
@pytest.mark.parametrize("kind", [ConfigError, ZeroDivisionError], ids=["refusal", "fault"])
def test_an_adapter_that_tells_its_key_does_not_get_through(
    folder: Path,
    venue: Any,
    capsys: pytest.CaptureFixture[str],
    command: str,
    kind: type[Exception],
) -> None:
    damaged(folder)
    venue.fault = kind

    arguments = ["buy.py"] if command == "run" else []
    assert 1 == main([command, *arguments, "--config", "paper.toml"])

    captured = capsys.readouterr()
    told = captured.out + captured.err
    assert "the key was ***" in told
    assert CANARY not in told


# Selfcheck


def test_every_control_is_listed_with_its_limits(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1 == main(["selfcheck"])

    told = capsys.readouterr().out
    numbers = [int(line[:2]) for line in told.splitlines() if line[:2].strip().isdigit()]
    assert list(range(1, 32)) == numbers == [control.number for control in CONTROLS]
    assert "max_daily_loss = MISSING: set a number or UNLIMITED" in told
    assert "missing, live trading refuses to start: " in told


def test_what_is_configured_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = {
        "max_order_shares": "10",
        "max_order_value": '"UNLIMITED"',
        "max_position_shares": "10",
        "max_position_value": "10",
        "max_total_exposure": "10",
        "allowed_assets": '["SPY"]',
        "max_daily_loss": "55",
    }
    lines = "\n".join(f"{name} = {value}" for name, value in limits.items())
    text = (folder / "shadow.toml").read_text()
    text = text.replace('allowed_assets = ["SPY"]', lines)
    (folder / "shadow.toml").write_text(text)

    assert 0 == main(["selfcheck", "--config", "shadow.toml"])

    told = capsys.readouterr().out
    assert "max_daily_loss = 55 (mandatory)" in told
    assert "max_order_value = UNLIMITED (mandatory)" in told


# Journal


def test_the_journal_is_printed_filtered_and_exported(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == main(RUN)
    capsys.readouterr()

    assert 0 == main(["journal", "--state", "state", "--tail", "1"])
    assert "EngineStopped" == json.loads(capsys.readouterr().out)["kind"]
    assert 0 == main(["journal", "--state", "state", "--kind", "EngineStarted"])
    assert 1 == json.loads(capsys.readouterr().out)["seq"]
    assert 0 == main(["journal", "--state", "state", "--jsonl", "out.jsonl"])
    exported = (folder / "out.jsonl").read_text().splitlines()
    assert "EngineStarted" == json.loads(exported[0])["kind"]
    assert 1 == main(["journal", "--state", "state", "--jsonl", "out.jsonl"])
    assert exported == (folder / "out.jsonl").read_text().splitlines()


def test_an_examination_says_sound_or_damaged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == main(RUN)
    capsys.readouterr()

    assert 0 == main(["journal", "--state", "state", "--verify"])
    assert capsys.readouterr().out.startswith("sound: ")
    (folder / "state" / "journal.db").write_bytes(b"x" * 5000)
    assert 1 == main(["journal", "--state", "state", "--verify"])
    assert "damaged: " in capsys.readouterr().err


def test_while_an_engine_runs_a_copy_is_read_and_goes_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == main(RUN)
    journal = folder / "state" / "journal.db"
    capsys.readouterr()

    with running(Engine(), journal):
        assert 0 == main(["journal", "--state", "state", "--verify"])

    assert capsys.readouterr().out.startswith("sound: ")
    assert [] == list((folder / "state").glob("snapshot-*"))


@pytest.mark.parametrize("arguments", [["--tail", "-1"], []], ids=["count", "no journal"])
def test_what_cannot_be_printed_is_refused(folder: Path, arguments: list[str]) -> None:
    StateDirectory(Path("state"))

    assert 1 == main(["journal", "--state", "state", *arguments])


# Recover


def damaged(folder: Path) -> Path:
    """The path of a journal that cannot be read."""
    path = StateDirectory(folder / "state").journal
    path.write_bytes(b"x" * 5000)
    return path


def test_a_damaged_journal_is_rebuilt_after_the_account_was_typed(
    folder: Path, venue: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = damaged(folder)
    monkeypatch.setattr(sys, "stdin", io.StringIO("PA1\n"))

    assert 0 == main(["recover", "--config", "paper.toml"])

    told = capsys.readouterr().out
    assert "position SPY: 10 at 100" in told
    assert "open orders: a, b" in told
    assert "comes up halted" in told
    assert verify(path).is_sound
    assert [] != list(path.parent.glob("journal.db.corrupt-*"))
    assert 0 == venue.connections


@pytest.mark.parametrize("typed", ["\n", "PA2\n", "yes\n", ""], ids=["none", "other", "yes", "eof"])
def test_anything_else_that_is_typed_changes_nothing(
    folder: Path, venue: Any, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    path = damaged(folder)
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))

    assert 1 == main(["recover", "--config", "paper.toml"])
    assert b"x" * 5000 == path.read_bytes()


def test_another_account_changes_nothing(
    folder: Path, venue: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = damaged(folder)
    venue.environment = Environment.LIVE

    assert 1 == main(["recover", "--config", "paper.toml"])
    assert "the venue says account PA1, live; the file says PA1, paper" in capsys.readouterr().err
    assert b"x" * 5000 == path.read_bytes()


def test_a_sound_journal_is_not_recovered(
    folder: Path, venue: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == main(RUN)

    assert 1 == main(["recover", "--config", "shadow.toml"])
    assert "is sound: there is nothing to recover" in capsys.readouterr().err


def test_a_shadow_account_cannot_be_recovered(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged(folder)

    assert 1 == main(["recover", "--config", "shadow.toml"])
    assert "begin with a new state folder" in capsys.readouterr().err
