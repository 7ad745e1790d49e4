"""The ``ml4t`` command and how it finds what the installed wheels bring."""

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace

import pytest

from ml4t.core import ConfigError, ProtocolError
from ml4t.live import cli, commands, discovery, find_broker, find_commands


def greet(arguments: Sequence[str]) -> int:
    """Say hello to each name.

    Longer text that the list of subcommands leaves out.
    """
    sys.stdout.write(f"hello {' '.join(arguments)}\n")
    return 7


def refuse(arguments: Sequence[str]) -> int:
    """Refuse everything."""
    msg = "not like this"
    raise ConfigError(msg)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """The entry points of the wheels that are installed, which a test may add to."""
    module = ModuleType("a_wheel")
    module.__dict__.update(
        greet=greet,
        refuse=refuse,
        number=3,
        Speaking=type("Speaking", (), {"protocol": 1}),
        Foreign=type("Foreign", (), {"protocol": 2}),
        Silent=type("Silent", (), {}),
    )
    monkeypatch.setitem(sys.modules, "a_wheel", module)
    points = [
        EntryPoint("refuse", "a_wheel:refuse", commands.GROUP),
        EntryPoint("greet", "a_wheel:greet", commands.GROUP),
    ]

    def entry_points(group: str) -> list[EntryPoint]:
        return [point for point in points if point.group == group]

    monkeypatch.setattr(commands, "entry_points", entry_points)
    monkeypatch.setattr(discovery, "entry_points", entry_points)
    return points


def test_a_subcommand_gets_its_arguments_and_gives_its_status(
    installed: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["greet", "Ada", "--loud"]) == 7
    assert capsys.readouterr().out == "hello Ada --loud\n"


def test_help_lists_the_subcommands_with_the_first_lines_of_their_docstrings(
    installed: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert "  greet   Say hello to each name.\n  refuse  Refuse everything.\n" in printed
    assert "Longer text" not in printed


def test_no_subcommand_shows_the_help_and_fails(
    installed: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([]) == 2
    assert "usage: ml4t" in capsys.readouterr().out


def test_an_unknown_subcommand_is_told_what_is_installed(
    installed: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["backtset"]) == 2
    assert "no subcommand 'backtset'; installed are greet, refuse" in capsys.readouterr().err


def test_a_refusal_is_a_message_and_not_a_traceback(
    installed: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["refuse"]) == 1
    assert capsys.readouterr().err == "ml4t: not like this\n"


def test_without_wheels_the_help_says_what_to_install(
    installed: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    installed.clear()
    assert cli.main(["--help"]) == 0
    assert "none yet: install ml4t-backtest" in capsys.readouterr().out


def test_versions_are_those_of_our_distributions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = [("ml4t-core", "0.1.0"), ("attrs", "25"), ("ml4t", "0.2.0"), ("ml4tea", "1")]
    monkeypatch.setattr(
        cli, "distributions", lambda: [SimpleNamespace(name=n, version=v) for n, v in there]
    )
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == "ml4t 0.2.0\nml4t-core 0.1.0\n"


def test_two_wheels_with_one_subcommand_are_refused(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("greet", "other:greet", commands.GROUP))
    with pytest.raises(ConfigError, match="two installed packages add `ml4t greet`"):
        find_commands()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a_wheel:missing", "cannot be loaded from a_wheel:missing"),
        ("no_such_module:x", "cannot be loaded from no_such_module:x"),
        ("a_wheel:number", "is no function: a_wheel:number is int"),
    ],
)
def test_a_subcommand_that_cannot_run_is_refused_by_name(
    installed: list[EntryPoint], value: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        commands.load_command(EntryPoint("odd", value, commands.GROUP))


def test_a_broker_is_found_by_the_name_its_wheel_gives(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("speaking", "a_wheel:Speaking", discovery.GROUP))
    assert find_broker("speaking").__name__ == "Speaking"


def test_an_unknown_broker_is_refused_with_those_there_are(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("speaking", "a_wheel:Speaking", discovery.GROUP))
    with pytest.raises(ConfigError, match="no installed package offers a broker 'ibkr'; offered"):
        find_broker("ibkr")


def test_a_broker_that_cannot_be_imported_is_refused(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("gone", "a_wheel:Gone", discovery.GROUP))
    with pytest.raises(ConfigError, match="'gone' cannot be loaded"):
        find_broker("gone")


@pytest.mark.parametrize(
    ("name", "message"), [("Foreign", "speaks protocol 2"), ("Silent", "states no protocol")]
)
def test_a_broker_of_another_protocol_is_refused(
    installed: list[EntryPoint], name: str, message: str
) -> None:
    installed.append(EntryPoint("odd", f"a_wheel:{name}", discovery.GROUP))
    with pytest.raises(ProtocolError, match=message):
        find_broker("odd")
