"""The command ``ml4t verify``: proves a result that comes out the same, and finds what does not."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml4t.backtest import BacktestResult, DataFeed, Engine
from ml4t.backtest.cli import main as backtest
from ml4t.backtest.guards.run_inputs import RunInputs, sha256_of
from ml4t.backtest.guards.verify import verify_result
from ml4t.backtest.guards.verify_cli import main
from ml4t.core import DataError
from ml4t.core.strategy_file import load_strategy, split_strategy

SYMBOLS = [f"S{number}" for number in range(8)]
STRATEGY = """
from ml4t.core import Strategy
from sizes import SIZE


class EachDay(Strategy):
    def on_data(self, timestamp, data, context, broker):
        for symbol in %s:
            broker.submit_order(symbol, SIZE if data.row %% 2 == 0 else -SIZE)
"""
RUN = ["each_day.py", "--prices", "data/prices.csv", "--timezone", "America/New_York"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: prices, a strategy with a module, and the result of a run in run/."""
    place = tmp_path / "work"
    (place / "data").mkdir(parents=True)
    days = pd.date_range("2024-01-02 16:00", periods=20)
    walk = np.exp(np.random.default_rng(5).normal(0, 0.02, (20, len(SYMBOLS))).cumsum(axis=0)) * 50
    frames = [
        pd.DataFrame({"timestamp": days, "symbol": symbol, "close": walk[:, column]})
        for column, symbol in enumerate(SYMBOLS)
    ]
    pd.concat(frames).to_csv(place / "data" / "prices.csv", index=False)
    (place / "sizes.py").write_text("SIZE = 10\n")
    (place / "each_day.py").write_text(STRATEGY % "sorted(data)")
    monkeypatch.chdir(place)
    # The fixture's modules must not meet those of another test.
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.delitem(sys.modules, "sizes", raising=False)
    assert backtest([*RUN, "--out", "run"]) == 0
    return place


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_result_that_comes_out_the_same_is_proved(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = BacktestResult.from_parquet("run").digest
    capsys.readouterr()

    assert main(["run"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("identical: 2 runs in other processes, each with another hash seed")
    assert digest in said


def test_a_table_that_was_tampered_with_is_named_with_row_column_and_both_values(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "run" / "fills.parquet"
    fills = pd.read_parquet(path)
    prices = fills["price"].tolist()
    was, prices[3] = prices[3], 1.5
    fills.assign(price=prices).to_parquet(path)
    capsys.readouterr()

    assert main(["run", "--runs", "1"]) == 1

    said = capsys.readouterr().out
    assert "fills: another file in the folder, not the one whose SHA-256 the manifest has" in said
    assert f"fills, row 3, column price: 1.5 in the folder, {was!r} in the run made again" in said


def test_a_forger_who_writes_the_digest_anew_is_found_too(folder: Path) -> None:
    path = folder / "run" / "account.parquet"
    account = pd.read_parquet(path)
    account.assign(equity=[*account["equity"][:-1], 1e6]).to_parquet(path)
    manifest = json.loads((folder / "run" / "manifest.json").read_text())
    manifest["files"]["account"] = sha256_of(path)
    (folder / "run" / "manifest.json").write_text(json.dumps(manifest))

    report = verify_result("run", runs=1)

    (difference,) = report.differences
    assert (difference.table, difference.row, difference.column) == ("account", 19, "equity")
    assert not report.is_identical


def test_rows_that_were_left_out_are_found(folder: Path) -> None:
    path = folder / "run" / "trades.parquet"
    trades = pd.read_parquet(path)
    trades.iloc[:-1].to_parquet(path)

    report = verify_result("run", runs=1)

    assert str(report.differences[1]) == (
        f"trades, row {len(trades) - 1}: {len(trades) - 1} rows in the folder, {len(trades)} rows "
        "in the run made again"
    )


def test_a_table_that_is_gone_or_unreadable_is_found(folder: Path) -> None:
    (folder / "run" / "orders.parquet").unlink()
    (folder / "run" / "fills.parquet").write_bytes(b"nothing")

    said = [str(difference) for difference in verify_result("run", runs=1).differences]

    assert said[0].startswith("orders: no file in the folder")
    assert said[1].startswith("fills: another file in the folder")


def test_a_strategy_that_depends_on_the_order_of_a_set_is_found(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "each_day.py").write_text(STRATEGY % "set(data)")
    assert backtest([*RUN, "--out", "set"]) == 0
    capsys.readouterr()

    assert main(["set"]) == 1

    said = capsys.readouterr().out
    assert "not identical: orders, row " in said
    assert "column asset: 'S" in said


def test_a_result_that_does_not_repeat_is_found(folder: Path) -> None:
    (folder / "each_day.py").write_text(
        "import random\n" + (STRATEGY % "sorted(data)").replace("SIZE if", "random.random() if")
    )
    assert backtest([*RUN, "--out", "random"]) == 0

    assert {d.table for d in verify_result("random").differences} >= {"orders", "fills", "account"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("each_day.py", "the strategy file has changed since the run"),
        ("data/prices.csv", "the prices file has changed since the run"),
        ("sizes.py", "the module sizes.py has changed since the run"),
    ],
)
def test_a_file_that_changed_or_is_missing_is_refused(
    name: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / name).open("a") as file:
        file.write("\n")
    assert main(["run"]) == 2
    assert message in capsys.readouterr().err

    (folder / name).unlink()
    assert main(["run"]) == 2
    assert message.replace("has changed since the run", "is missing") in capsys.readouterr().err


def test_files_that_moved_are_pointed_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = folder.parent / "other"
    other.mkdir()
    for name in ("data/prices.csv", "each_day.py", "sizes.py"):
        shutil.move(folder / name, other)

    assert main(["run"]) == 2
    assert main(
        ["run", "--prices", "../other/prices.csv", "--strategy", "../other/each_day.py"]
    ) == 0  # fmt: skip
    assert main(["run", "--prices", "../other/each_day.py"]) == 2


def test_a_project_that_moved_as_a_whole_is_found_from_its_new_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = folder.parent / "moved"
    folder.rename(moved)
    monkeypatch.chdir(moved)

    assert verify_result("run", runs=1).is_identical


def test_an_option_for_a_file_that_the_run_had_not_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="the run had no signals: leave that option out"):
        verify_result("run", moved={"signals": Path("data/prices.csv")})
    with pytest.raises(DataError, match="runs must be at least 1"):
        verify_result("run", runs=0)


def test_a_result_of_python_code_cannot_be_verified_but_its_tables_are_checked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feed = DataFeed("data/prices.csv", timezone="America/New_York")
    Engine(feed, load_strategy("each_day.py")).run().to_parquet("python")
    capsys.readouterr()

    assert main(["python"]) == 2
    said = capsys.readouterr().err
    assert "made by Python code, not by `ml4t backtest`" in said
    assert "Its tables are those that were written" in said

    pd.DataFrame({"x": [1.0]}).to_parquet("python/fills.parquet")
    assert main(["python"]) == 1


def test_a_strategy_that_raises_where_it_did_not_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "flag").write_text("")
    source = (
        "from pathlib import Path\n"
        + STRATEGY % 'sorted(data) if Path("flag").read_text() == "" else 0'
    )
    (folder / "each_day.py").write_text(source)
    assert backtest([*RUN, "--out", "flagged"]) == 0
    (folder / "flag").unlink()

    assert main(["flagged"]) == 2
    said = capsys.readouterr().err
    assert "each_day.py:9: FileNotFoundError" in said


def test_other_versions_are_a_note(folder: Path) -> None:
    change(folder / "run" / "manifest.json", '"pandas": "', '"pandas": "0.')

    report = verify_result("run", runs=1)

    assert report.is_identical
    assert report.notes[0].startswith("The result was made with pandas 0.")


def test_the_manifest_records_what_makes_the_run_again(folder: Path) -> None:
    inputs = BacktestResult.from_parquet("run").manifest.inputs

    assert inputs is not None
    assert inputs["strategy"] == {
        "path": "each_day.py", "class": "", "sha256": sha256_of(folder / "each_day.py"),
    }  # fmt: skip
    assert inputs["modules"] == {"sizes.py": sha256_of(folder / "sizes.py")}
    assert list(inputs["files"]) == ["prices"]
    assert inputs["timezone"] == "America/New_York"
    assert inputs["folder"] == str(folder)


def test_inputs_come_back_from_their_table() -> None:
    inputs = RunInputs(strategy="a.py:B", prices=Path("p.csv"), context=Path("c.csv"))

    assert RunInputs.from_table(inputs.to_table()) == inputs
    assert split_strategy("/x.py/a.py:B") == (Path("/x.py/a.py"), "B")
    assert split_strategy("a.py") == (Path("a.py"), "")
    assert inputs.absolute().prices == Path.cwd() / "p.csv"


@pytest.mark.parametrize("arguments", [[], ["missing"], ["run", "--runs", "0"], ["data"]])
def test_wrong_usage_ends_with_status_2(folder: Path, arguments: list[str]) -> None:
    assert main(arguments) == 2


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    for word in ("RESULT_FOLDER", "--prices", "--strategy", "PYTHONHASHSEED", "Exit status"):
        assert word in printed
