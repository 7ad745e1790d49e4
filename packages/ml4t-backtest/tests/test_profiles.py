"""Named market assumptions: each answers every question, and can be read, shown and changed."""

import os
from pathlib import Path
from typing import Any

import attrs
import pytest

from ml4t.backtest import BacktestConfig, NextBarClose, NextBarOpen, SameBarClose
from ml4t.backtest.cli import main as backtest_main
from ml4t.backtest.profiles import load_profile, profile_names
from ml4t.backtest.profiles_cli import main
from ml4t.core import ConfigError
from ml4t.simulation import (
    BarAfterEntry,
    BasisPoints,
    CloseOnly,
    HalfSpreadBps,
    IbkrFixed,
    MarketAssumptions,
    NoCommission,
    PreviewedCashAccount,
    SubmissionOrder,
    TradeThroughFills,
    TrailFromClose,
    UncheckedAccount,
    VolumeShare,
)

# Risk limits belong to an account: no profile of a market sets any.
QUESTIONS = [field.name for field in attrs.fields(MarketAssumptions) if field.name != "risk"]


def test_the_engines_and_our_own_have_a_profile() -> None:
    assert profile_names() == (
        "backtesting_py",
        "backtrader",
        "bt",
        "lean",
        "realistic",
        "vectorbt",
        "zipline",
    )


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_answers_every_question_and_says_what_it_is(name: str) -> None:
    profile = load_profile(name)

    assert sorted(profile.answers) == sorted(QUESTIONS)
    assert profile.title
    assert profile.description.endswith(".")
    assert "\n" not in profile.description


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_comes_back_from_its_plain_form(name: str) -> None:
    config = BacktestConfig.of_profile(name)

    assert BacktestConfig.from_dict(config.to_dict(), source="a test") == config


PAGE = next(
    (path for path in Path(__file__).parents if (path / "uv.lock").is_file()), Path()
).joinpath("docs", "reference", "profiles.md")


def cell(answer: Any) -> str:
    """An answer as a cell of the table: its kind and numbers."""
    if isinstance(answer, str):
        return f"`{answer}`"
    fields = {name: value for name, value in answer.items() if name != "kind"}
    return f"`{answer['kind']}`, " + ", ".join(f"{name} {value}" for name, value in fields.items())


@pytest.mark.skipif(not PAGE.is_file(), reason="the documents are not beside the tests")
def test_the_page_on_profiles_says_what_they_consist_of() -> None:
    profiles = [load_profile(name).answers for name in profile_names()]
    rows = [["question", *(f"`{name}`" for name in profile_names())]]
    rows += [["---"] * len(rows[0])]
    rows += [[question, *(cell(each[question]) for each in profiles)] for question in QUESTIONS]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    begin, end = "<!-- begin answers -->\n", "\n<!-- end answers -->"
    before, _, rest = PAGE.read_text().partition(begin)
    written, _, after = rest.partition(end)
    if os.environ.get("ML4T_WRITE_AGREEMENT"):
        written = table
        PAGE.write_text(f"{before}{begin}{table}{end}{after}")

    assert written == table


def test_profiles_differ_in_what_makes_the_engines_differ() -> None:
    backtrader, zipline, lean, bt = map(
        BacktestConfig.of_profile, ("backtrader", "zipline", "lean", "bt")
    )

    assert (backtrader.timing, backtrader.path) == (NextBarOpen(), SubmissionOrder())
    assert (backtrader.children, backtrader.trailing) == (BarAfterEntry(), TrailFromClose())
    assert backtrader.account == PreviewedCashAccount()
    assert (zipline.timing, zipline.path) == (NextBarClose(), CloseOnly())
    assert zipline.account == UncheckedAccount()
    assert lean.limits == TradeThroughFills()
    assert bt.timing == SameBarClose()


def test_ours_charges_a_spread_and_fees_and_takes_a_tenth_of_the_volume() -> None:
    config = BacktestConfig.of_profile("realistic")

    assert config.timing == NextBarOpen()
    assert config.slippage == HalfSpreadBps(5)
    assert config.commission == IbkrFixed()
    assert config.participation == VolumeShare(0.1)
    assert not config.free_of_costs


def test_an_unknown_profile_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"called 'backtreader', there are .*bt, lean"):
        BacktestConfig.of_profile("backtreader")


@pytest.mark.parametrize("name", ["../config", "__init__", ""])
def test_a_name_is_not_a_path(name: str) -> None:
    with pytest.raises(ConfigError, match="no profile is called"):
        load_profile(name)


def test_a_file_begins_with_a_profile_and_answers_some_questions_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('profile = "realistic"\ninitial_cash = 5_000\ncommission = "no_commission"\n')

    config = BacktestConfig.from_toml(path)

    ours = BacktestConfig.of_profile("realistic")
    assert config == attrs.evolve(ours, initial_cash=5_000, commission=NoCommission())


def test_an_answer_of_a_file_takes_the_place_of_the_whole_answer(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('profile = "realistic"\n[slippage]\nkind = "basis_points"\nbps = 3\n')

    assert BacktestConfig.from_toml(path).slippage == BasisPoints(3)


@pytest.mark.parametrize("named", ['"backtreader"', "3", "[]"])
def test_a_file_with_an_unknown_profile_is_refused(named: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"profile = {named}\n")

    with pytest.raises(ConfigError, match=r"config\.toml: no profile is called .*realistic"):
        BacktestConfig.from_toml(path)


def test_the_list_names_every_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0

    assert all(name in capsys.readouterr().out for name in profile_names()[:1])


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_is_shown_question_by_question(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    assert main(["show", name]) == 0

    shown = capsys.readouterr().out
    config = BacktestConfig.of_profile(name)
    assert all(question in shown for question in QUESTIONS)
    assert all(type(getattr(config, question)).__name__ in shown for question in QUESTIONS)


def test_an_answer_is_explained_by_its_class(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    main(["show", "zipline"])

    assert "Market orders fill at the close of the next bar" in capsys.readouterr().out


def test_a_profile_that_is_not_there_is_told_on_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["show", "backtreader"]) == 1

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("ml4t profiles: no profile is called 'backtreader'")


@pytest.mark.parametrize("arguments", [["--help"], ["show", "--help"], ["list", "--help"]])
def test_help_teaches(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0

    assert "ml4t profiles" in capsys.readouterr().out


STRATEGY = """
from ml4t.core import Strategy


class Buy(Strategy):
    def on_data(self, timestamp, data, context, broker):
        if not broker.positions and not broker.pending_orders:
            broker.submit_order("SPY", 10)
"""
PRICES = """timestamp,symbol,open,high,low,close,volume
2024-01-02,SPY,100,101,99,100,1000
2024-01-03,SPY,102,103,101,102,1000
2024-01-04,SPY,104,105,103,104,1000
"""


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `ml4t backtest` over three days; status, output and errors."""
    (tmp_path / "buy.py").write_text(STRATEGY)
    (tmp_path / "prices.csv").write_text(PRICES)

    def run(*options: str) -> tuple[int, str, str]:
        files = [str(tmp_path / "buy.py"), "--prices", str(tmp_path / "prices.csv")]
        files += ["--timezone", "UTC"]
        status = backtest_main([*files, *options])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


def test_a_backtest_runs_under_a_profile(run: Any) -> None:
    status, free, _ = run("--profile", "backtrader")
    with_costs = run("--profile", "realistic")[1]

    assert status == 0
    assert "100,020.00" in free
    # Half of 5 basis points of 102 for each of 10, and the minimum fee of 1.
    assert "100,018.75" in with_costs or "100,018.74" in with_costs


def test_a_file_and_a_profile_together_are_refused(run: Any, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("initial_cash = 1_000")

    status, out, err = run("--profile", "bt", "--config", str(tmp_path / "config.toml"))

    assert (status, out) == (1, "")
    assert 'the file can begin with profile = "bt"' in err
