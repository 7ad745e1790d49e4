"""The help of ``ml4t live``: complete, and it teaches."""

import re
import shlex
from pathlib import Path

import pytest

from ml4t.live.cli import main as ml4t
from ml4t.live.live_cli import main, replay
from ml4t.live.live_cli.commands import COMMANDS


def test_the_installed_command_knows_live_and_replay(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == ml4t(["--help"])

    told = capsys.readouterr().out
    assert "live " in told
    assert "replay " in told


def test_the_overview_names_every_command_and_where_to_begin(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert 0 == main(["--help"])

    told = capsys.readouterr().out
    assert [] == [name for name in COMMANDS if f"    {name}" not in told]
    assert "Begin in shadow, which sends nothing:" in told
    assert "ml4t live kill" in told


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_text_examples_and_a_word_for_each_option(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == main([name, "--help"])

    told = capsys.readouterr().out
    assert COMMANDS[name].text in told
    assert "examples:\n  " in told


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_are_possible_commands(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    for line in COMMANDS[name].examples:
        words = shlex.split(line, comments=True)
        if words[:2] == ["ml4t", "live"]:
            # What they name is not here; but they are not wrong usage, which is 2.
            assert main(words[2:]) in {0, 1, 3}, line


def test_replay_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == replay(["--help"])
    assert "example:\n  ml4t replay" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["start"],
        ["run"],
        ["run", "buy.py"],
        ["rearm"],
        ["run", "buy.py", "--config", "x", "--mode", "real"],
        ["run", "buy.py", "--config", "x", "--speed", "0"],
        ["run", "buy.py", "--config", "x", "--speed", "fast"],
        ["journal", "--kind", "Nothing"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == main(arguments)
    assert "usage: ml4t live" in capsys.readouterr().err


def test_no_option_takes_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        main([name, "--help"])

    options = re.findall(r"--[a-z-]+", capsys.readouterr().out)
    assert [] == [each for each in options if re.search(r"key|secret|token|password", each)]
