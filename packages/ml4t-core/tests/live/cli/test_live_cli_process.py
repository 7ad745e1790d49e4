"""A run as a process of its own, spoken to from outside as a person does."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml4t.live.live_cli import main

PATIENCE = 30.0


@pytest.fixture
def process(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A run that waits half an hour for its second bar."""
    code = "import sys; from ml4t.live.cli import main; sys.exit(main(sys.argv[1:]))"
    run = ["live", "run", "buy.py", "--config", "shadow.toml", "--replay", "bars.csv"]
    with subprocess.Popen(  # noqa: S603 - this very Python
        [sys.executable, "-c", code, *run, "--speed", "1", "--log-json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            wait_for(folder / "state" / "control.sock", started)
            yield started
        finally:
            started.kill()


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    """Wait for a file that a process makes."""
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.05)


def status(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """How the engine in the folder ``state`` says that it stands."""
    capsys.readouterr()
    assert 0 == main(["status", "--state", "state", "--json"])
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    return told


def wait_until_started(capsys: pytest.CaptureFixture[str]) -> None:
    """Wait until the engine knows its account."""
    end = time.monotonic() + PATIENCE
    while status(capsys)["cash"] is None:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_a_run_whose_feed_is_quiet(
    process: "subprocess.Popen[str]", name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()

    process.send_signal(getattr(signal, name))

    assert 0 == process.wait(PATIENCE)
    assert time.monotonic() - began < 5.0 + 2.0  # the runtime's own limit, and a busy machine
    main(["journal", "--state", "state", "--kind", "EngineStopped"])
    assert name == json.loads(capsys.readouterr().out)["body"]["reason"]


def test_a_run_is_looked_at_killed_rearmed_and_stopped(
    process: "subprocess.Popen[str]", folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wait_until_started(capsys)

    assert 0 == main(["kill", "--state", "state", "--reason", "odd prices"])
    assert "halted" == status(capsys)["state"]
    assert (folder / "state" / "KILL").exists()
    assert 0 == main(["journal", "--state", "state", "--verify"])
    assert 0 == main(["rearm", "--state", "state", "--reason", "prices compared"])
    assert "halted" != status(capsys)["state"]
    assert not (folder / "state" / "KILL").exists()
    assert 0 == main(["stop", "--state", "state", "--reason", "enough"])

    assert 0 == process.wait(PATIENCE)
    assert not (folder / "state" / "control.sock").exists()
    capsys.readouterr()
    main(["journal", "--state", "state", "--kind", "Rearmed"])
    assert "prices compared" == json.loads(capsys.readouterr().out)["body"]["reason"]


def test_the_kill_file_alone_halts(
    process: "subprocess.Popen[str]", folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wait_until_started(capsys)

    (folder / "state" / "KILL").touch()

    end = time.monotonic() + PATIENCE
    while status(capsys)["state"] != "halted":
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_second_run_of_the_account_is_refused(
    process: "subprocess.Popen[str]", capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1 == main(["run", "buy.py", "--config", "shadow.toml", "--replay", "bars.csv"])
    assert f"another engine, process {process.pid}, trades account" in capsys.readouterr().err


def test_the_log_of_a_process_is_lines_of_json(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGUSR1)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)

    _, errors = process.communicate(timeout=PATIENCE)

    lines = [json.loads(line) for line in errors.splitlines()]
    assert [] != lines
