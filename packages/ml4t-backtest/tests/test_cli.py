"""The command ``ml4t backtest``, run as a user runs it but in this process."""

from pathlib import Path

import pandas as pd
import pytest

from ml4t.backtest import BacktestResult
from ml4t.backtest.cli import main

STRATEGY = """
from ml4t.core import Strategy


class BuyOnce(Strategy):
    def on_data(self, timestamp, data, context, broker):
        if not broker.positions and not broker.pending_orders:
            broker.submit_order("SPY", 10)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, holding a strategy and three days of prices."""
    days = pd.date_range("2024-01-02", periods=3, tz="UTC")
    prices = pd.DataFrame({"timestamp": days, "symbol": "SPY", "close": [100.0, 101.0, 103.0]})
    prices.to_parquet(tmp_path / "prices.parquet")
    (tmp_path / "buy_once.py").write_text(STRATEGY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_prints_the_summary_and_says_that_no_costs_were_charged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["buy_once.py", "--prices", "prices.parquet"]) == 0
    printed = capsys.readouterr().out
    assert "buy_once.BuyOnce, 2024-01-02 to 2024-01-04" in printed
    assert "100,020.00" in printed
    assert "No costs were charged" in printed


def test_out_writes_tables_manifest_and_picture(folder: Path) -> None:
    assert main(["buy_once.py", "--prices", "prices.parquet", "--out", "run"]) == 0
    assert BacktestResult.from_parquet("run").equity.tolist() == [100_000.0, 100_000.0, 100_020.0]
    assert (folder / "run" / "equity.png").read_bytes().startswith(b"\x89PNG")


def test_the_configuration_file_is_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "run.toml").write_text('[commission]\nkind = "per_trade"\namount = 7.5\n')
    assert main(["buy_once.py", "--prices", "prices.parquet", "--config", "run.toml"]) == 0
    printed = capsys.readouterr().out
    assert "7.50" in printed
    assert "No costs" not in printed


def test_csv_prices_need_the_timezone_that_the_message_asks_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "prices.csv").write_text("date,symbol,close\n2024-01-02,SPY,1\n2024-01-03,SPY,2\n")
    assert main(["buy_once.py", "--prices", "prices.csv"]) == 1
    assert "timezone" in capsys.readouterr().err
    zone = ["--timezone", "America/New_York"]
    assert main(["buy_once.py", "--prices", "prices.csv", *zone]) == 0


def test_a_strategy_that_raises_is_told_with_file_line_and_bar(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.py").write_text(STRATEGY.replace("if not", "1 / 0\n        if not"))
    assert main(["bad.py", "--prices", "prices.parquet"]) == 1
    said = capsys.readouterr().err
    assert "bad.py:7: ZeroDivisionError" in said
    assert "2024-01-02T00:00:00+00:00" in said


def test_a_class_is_chosen_by_name_and_asked_for_where_there_are_two(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "two.py").write_text(STRATEGY + "\n\nclass Other(BuyOnce):\n    pass\n")
    assert main(["two.py", "--prices", "prices.parquet"]) == 1
    assert "name one of BuyOnce, Other" in capsys.readouterr().err
    assert main(["two.py:Other", "--prices", "prices.parquet"]) == 0
    assert main(["two.py:Third", "--prices", "prices.parquet"]) == 1
    assert "holds no strategy 'Third'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def broken(:\n", ":1: loading the file raised SyntaxError"),
        ("x = 1\n\nraise RuntimeError('at import')\n", ":3: loading the file raised RuntimeError"),
        ("x = 1\n", "holds 0 strategies: derive a class"),
        (
            STRATEGY + "\n    def __init__(self, window):\n        pass\n",
            "BuyOnce() raised TypeError",
        ),
    ],
)
def test_a_file_without_a_usable_strategy_is_refused_with_its_place(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (folder / "odd.py").write_text(text)
    assert main(["odd.py", "--prices", "prices.parquet"]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [[], ["buy_once.py"], ["buy_once.py", "--prices", "missing.parquet"], ["x", "--unknown"]],
)
def test_wrong_usage_ends_with_status_2(folder: Path, arguments: list[str]) -> None:
    assert main(arguments) == 2


def test_a_missing_strategy_file_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["missing.py", "--prices", "prices.parquet"]) == 1
    assert "there is no strategy file 'missing.py'" in capsys.readouterr().err


def test_help_explains_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    for word in ("STRATEGY.py[:Class]", "--prices", "--signals", "--timezone", "--out", "Example"):
        assert word in printed
