"""The command that plays days, and that they are the same wherever they are played."""

import json
import os
import subprocess
import sys

import pytest

from ml4t.live.testing import days_soak
from ml4t.live.testing.days import CANARY, DaysReport
from ml4t.live.testing.soak import main


def test_days_are_the_same_in_every_process() -> None:
    """The order of sets and the addresses of objects decide nothing."""
    program = (
        "from ml4t.live.testing.days import play_days\n"
        "report = play_days(11, 2)\nprint(report.head, report.digest)"
    )
    words = {
        subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert 1 == len(words)


def test_soak_says_what_it_played(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["days", "--days", "2", "--length", "2", "--seed", "1", "--jobs", "1"])
    told = json.loads(capsys.readouterr().out)
    assert (2, 1, []) == (told["days"], told["runs"], told["findings"])
    assert CANARY not in json.dumps(told)


def test_soak_names_the_run_that_found_something(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = DaysReport(
        seed=7, days=1, findings=("I3: cash",), head="", digest="", counts={}, plan=""
    )

    def found(*_: object, **__: object) -> days_soak.DaysSummary:
        summary = days_soak.DaysSummary()
        summary.add(report)
        return summary

    monkeypatch.setattr(days_soak, "play_many", found)
    assert 1 == main(["days", "--days", "5", "--seed", "7"])
    assert "soak days --days 5 --length 5 --seed 7 --jobs 1" in capsys.readouterr().err
