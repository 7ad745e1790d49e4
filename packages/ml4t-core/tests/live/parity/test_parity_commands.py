"""``ml4t live run --record``, ``ml4t live record`` and ``ml4t replay``."""

import json
import sqlite3
import sys
from pathlib import Path

import pytest

from ml4t.live.live_cli import main, replay

STRATEGY = """
from ml4t.core import Strategy


class Buy(Strategy):
    quantity = 10

    def on_data(self, timestamp, data, context, broker):
        if not broker.positions and not broker.pending_orders:
            broker.submit_order("SPY", self.quantity)
"""
SHADOW = """
[run]
assets = ["SPY"]
bar_size = "30min"
state = "state"

[risk]
allowed_assets = ["SPY"]
market_buffer = 0.0

[calendar]
name = "always"

[shadow]
commission = { kind = "per_trade", amount = 2.0 }
"""
RUN = ["buy.py", "--config", "shadow.toml", "--replay", "bars.csv", "--record", "run.rec"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a strategy, a configuration and six bars."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "buy.py").write_text(STRATEGY)
    (tmp_path / "shadow.toml").write_text(SHADOW)
    (tmp_path / "free.toml").write_text(SHADOW[: SHADOW.index("[shadow]")])
    rows = [
        f"2026-01-05T0{hour}:{minute}:00+00:00,SPY,{opens},101,99,100,500"
        for hour in "123"
        for minute, opens in (("00", 100.0), ("30", 100.5))
    ]
    (tmp_path / "bars.csv").write_text(
        "\n".join(["timestamp,symbol,open,high,low,close,volume", *rows])
    )
    return tmp_path


@pytest.fixture
def recorded(folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A recorded run."""
    assert 0 == main(["record", *RUN])
    capsys.readouterr()
    return folder / "run.rec"


def test_a_recorded_run_is_explained_and_costs_nothing(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == replay([str(recorded), "buy.py", "--json", "out.json"])

    told = capsys.readouterr().out
    found = json.loads(Path("out.json").read_text())
    (order,) = found["shortfall"]["orders"]
    assert "decisions: the same, " in told
    assert "implementation shortfall: 0.00, 0.00 basis points of 1005.00;" in told
    assert "0 of 1 orders differ" in told
    assert found["complete"] is True
    assert found["decisions"]["same"] is True
    assert (found["shortfall"]["total"], found["shortfall"]["fees"]) == (0.0, 0.0)
    assert order["real"] == order["simulated"]
    assert order["real"] == {
        "quantity": 10.0,
        "price": 100.5,
        "fees": 2.0,
        "timestamp": "2026-01-05T01:30:00+00:00",
    }


def test_another_strategy_is_found_out(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("buy.py").write_text(STRATEGY.replace("= 10", "= 11"))

    assert 1 == replay([str(recorded), "buy.py"])

    told = capsys.readouterr().out
    assert "the file of the strategy is not the recorded one" in told
    assert "decisions: DIFFERENT in on_data of the bars of 2026-01-05T01:00:00+00:00" in told
    assert "recorded: submit_order(asset='SPY', quantity=10, order_type=MARKET," in told
    assert "now:      submit_order(asset='SPY', quantity=11, order_type=MARKET," in told


def test_another_market_gives_another_comparison(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == replay([str(recorded), "buy.py", "--config", "free.toml"])

    told = capsys.readouterr().out
    assert "implementation shortfall: 2.00, 19.90 basis points of 1005.00;" in told
    assert "price 0.00, fees 2.00, missed 0.00" in told
    assert "1 of 1 orders differ" in told


def test_a_recording_that_was_cut_off_says_so(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = sqlite3.connect(recorded)
    connection.execute("DELETE FROM facts WHERE name = 'ended'")
    connection.execute("DELETE FROM executions")
    connection.commit()
    connection.close()

    assert 0 == replay([str(recorded), "buy.py"])

    told = capsys.readouterr().out
    assert "the recording was cut off" in told
    assert "implementation shortfall: 0.00" in told


def test_run_records_where_it_is_told_to(folder: Path) -> None:
    assert 0 == main(["run", *RUN])
    assert (folder / "run.rec").is_file()


def test_record_needs_a_file(folder: Path) -> None:
    assert 2 == main(["record", "buy.py", "--config", "shadow.toml", "--replay", "bars.csv"])
    assert not (folder / "state").exists()


def test_a_recording_is_not_written_over(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = recorded.read_bytes()

    assert 1 == main(["record", *RUN])
    assert "run.rec exists" in capsys.readouterr().err
    assert before == recorded.read_bytes()


def test_a_run_that_never_began_leaves_no_recording(folder: Path) -> None:
    (folder / "shadow.toml").write_text(SHADOW.replace('"SPY"]\nbar', '"SPY", "SPY"]\nbar'))

    assert 1 == main(["record", *RUN])
    assert not (folder / "run.rec").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("gone.rec", "there is no recording gone.rec"), ("bars.csv", "bars.csv is no recording")],
)
def test_what_is_no_recording_is_refused(
    folder: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (folder / "buy.py").is_file()
    assert 1 == replay([name, "buy.py"])
    assert f"ml4t replay: {message}" in capsys.readouterr().err
