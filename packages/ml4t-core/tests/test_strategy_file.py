"""Strategies out of files and installed modules."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from ml4t.core import StrategyError
from ml4t.core.strategy_file import load_strategy, place_in, split_strategy, strategy_hash

ONE = """
from ml4t.core import Strategy


class One(Strategy):
    def on_data(self, timestamp, data, context, broker):
        pass
"""
TWO = ONE + ONE.replace("One", "Two")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


def named(strategy: object) -> str:
    """The name of a strategy's class."""
    return type(strategy).__name__


def test_the_only_strategy_of_a_file_needs_no_name(folder: Path) -> None:
    (folder / "one.py").write_text(ONE)

    assert "One" == named(load_strategy("one.py"))


def test_one_of_several_is_named(folder: Path) -> None:
    (folder / "two.py").write_text(TWO)

    assert "Two" == named(load_strategy("two.py:Two"))


def test_an_installed_module_is_imported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "lib" / "shelf").mkdir(parents=True)
    (folder / "lib" / "shelf" / "__init__.py").touch()
    (folder / "lib" / "shelf" / "book.py").write_text(TWO)
    monkeypatch.syspath_prepend(folder / "lib")

    assert "Two" == named(load_strategy("shelf.book:Two"))
    assert (folder / "lib/shelf/book.py", "Two") == split_strategy("shelf.book:Two")


def test_a_module_in_the_current_folder_is_not_installed(folder: Path) -> None:
    (folder / "lonely_module.py").write_text(ONE)
    sys.path[:] = [entry for entry in sys.path if entry not in {"", str(folder)}]

    with pytest.raises(StrategyError, match="no module 'lonely_module' with a source file"):
        load_strategy("lonely_module:One")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("missing.py", "there is no strategy file 'missing.py'"),
        ("missing.py:One", "there is no strategy file 'missing.py'"),
        ("notes.txt", "give FILE.py, FILE.py:Class or module:Class"),
        ("__import__('os'):x", "there is no strategy file"),
        ("two.py", "two.py holds 2 strategies: name one of One, Two"),
        ("two.py:Three", "two.py holds no strategy 'Three'; it holds One, Two"),
        ("no.such.module:One", "there is no module 'no.such.module'"),
        ("sys:One", "no module 'sys' with a source file"),
    ],
)
def test_what_names_no_strategy_is_refused(folder: Path, spec: str, message: str) -> None:
    (folder / "two.py").write_text(TWO)
    (folder / "notes.txt").touch()

    with pytest.raises(StrategyError) as refused:
        load_strategy(spec)

    assert message in str(refused.value)


def test_a_module_that_raises_is_told_with_its_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "lib").mkdir()
    (folder / "lib" / "broken_module.py").write_text("x = 1\n1 / 0\n")
    monkeypatch.syspath_prepend(folder / "lib")

    with pytest.raises(StrategyError, match=r"broken_module.py:2: importing broken_module raised"):
        load_strategy("broken_module:One")


def test_a_package_that_raises_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "lib" / "broken_package").mkdir(parents=True)
    (folder / "lib" / "broken_package" / "__init__.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(folder / "lib")

    with pytest.raises(
        StrategyError, match=r"a package of 'broken_package\.a' raised ZeroDivision"
    ):
        load_strategy("broken_package.a:One")


def test_the_hash_is_that_of_the_files_bytes(folder: Path) -> None:
    (folder / "one.py").write_text(ONE)

    assert hashlib.sha256(ONE.encode()).hexdigest() == strategy_hash("one.py:One")


def test_a_file_without_a_hash_is_refused(folder: Path) -> None:
    with pytest.raises(
        StrategyError, match=r"cannot read the strategy file gone\.py: No such file"
    ):
        strategy_hash("gone.py")


def test_the_place_of_an_error_is_in_the_strategys_file(folder: Path) -> None:
    (folder / "odd.py").write_text("def f():\n    raise ValueError\n")
    spec: dict[str, object] = {}
    exec(compile((folder / "odd.py").read_text(), str(folder / "odd.py"), "exec"), spec)  # noqa: S102

    with pytest.raises(ValueError) as raised:  # noqa: PT011
        spec["f"]()  # type: ignore[operator]

    assert f"{folder}/odd.py:2" == place_in(raised.value, folder / "odd.py")


def test_a_file_that_was_written_again_at_once_runs_as_it_is_now(tmp_path: Path) -> None:
    """Python's cache of compiled files tells by second and length."""
    file = tmp_path / "quick.py"
    for number in ("1", "2"):
        file.write_text(
            "from ml4t.core import Strategy\n"
            f"class Quick(Strategy):\n    number = {number}\n"
            "    def on_data(self, timestamp, data, context, broker): ...\n"
        )
        os.utime(file, (1_700_000_000, 1_700_000_000))
        assert int(number) == vars(type(load_strategy(str(file))))["number"]
