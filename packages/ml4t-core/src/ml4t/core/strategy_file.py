"""A strategy out of a Python file or an installed module, the same way for a backtest and live.

A strategy is code: whoever names a file here runs it.
"""

import hashlib
import importlib
import importlib.util
import re
import sys
import traceback
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from ml4t.core.errors import StrategyError
from ml4t.core.strategy import Strategy

__all__ = ["load_strategy", "place_in", "split_strategy", "strategy_hash"]

_MODULE_AND_CLASS = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def load_strategy(spec: str) -> Strategy:
    """Make the strategy that ``FILE.py``, ``FILE.py:Class`` or ``module:Class`` names.

    It is made without arguments. A file is run as a module, with its folder importable as when
    Python runs it; a module must be importable as it is, so that no folder is searched that nobody
    named.

    Raises:
        StrategyError: the file or module is missing or raises, or holds no such strategy, or
            several and none is named, or the class cannot be made without arguments. Names file
            and line.
    """
    name, _, wanted = spec.rpartition(":")
    if _MODULE_AND_CLASS.fullmatch(spec) and not name.endswith(".py"):
        path = _file_of(name)
        module = _imported(name, path)
    else:
        path, wanted = split_strategy(spec)
        module = _run(path)
    cls = _choose(module, path, wanted)
    try:
        return cls()
    except Exception as error:
        msg = f"{place_in(error, path)}: {cls.__name__}() raised {_said(error)}"
        raise StrategyError(msg) from error


def split_strategy(spec: str) -> tuple[Path, str]:
    """The file and the class, "" where none is named, of what :func:`load_strategy` takes.

    Raises:
        StrategyError: there is no such module. Whether a file is there is not looked at.
    """
    head, found, wanted = spec.rpartition(".py:")
    if not found and _MODULE_AND_CLASS.fullmatch(spec):
        name, _, wanted = spec.rpartition(":")
        return _file_of(name), wanted
    return (Path(f"{head}.py"), wanted) if found else (Path(spec), "")


def strategy_hash(spec: str) -> str:
    """The SHA-256 of the file that holds the strategy, in hexadecimal.

    What that file imports is not part of it.

    Raises:
        StrategyError: there is no such file, or it cannot be read.
    """
    path, _ = split_strategy(spec)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        msg = f"cannot read the strategy file {path}: {error.strerror}"
        raise StrategyError(msg) from error


class _SourceAsItIs(SourceFileLoader):
    """Runs a file as it is now.

    Python's own cache takes a file for unchanged that was written again within a second and kept
    its length, and would run the code from before.
    """

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the signature of the base
        return self.source_to_code(self.get_data(self.path), self.path)


def place_in(error: BaseException, path: Path) -> str:
    """``file:line`` of the innermost frame of ``error`` that lies in the file at ``path``."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    own = path.resolve()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).resolve() == own:
            return f"{path}:{frame.lineno}"
    return str(path)


def _file_of(module: str) -> Path:
    """Where a module's source lies; the packages that it lies in are imported to find it."""
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError) as error:
        msg = f"there is no module {module!r}: {error}"
        raise StrategyError(msg) from error
    except Exception as error:
        msg = f"a package of {module!r} raised {_said(error)}"
        raise StrategyError(msg) from error
    if found is None or not found.has_location or not found.origin:
        msg = f"there is no module {module!r} with a source file: install it, or name its file"
        raise StrategyError(msg)
    return Path(found.origin)


def _imported(name: str, path: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        msg = f"{place_in(error, path)}: importing {name} raised {_said(error)}"
        raise StrategyError(msg) from error


def _run(path: Path) -> ModuleType:
    if path.suffix != ".py" or not path.is_file():
        msg = (
            f"there is no strategy file {str(path)!r}: give FILE.py, FILE.py:Class or module:Class"
        )
        raise StrategyError(msg)
    loader = _SourceAsItIs(path.stem, str(path))
    spec = importlib.util.spec_from_file_location(path.stem, path, loader=loader)
    assert spec is not None  # noqa: S101 - it ends in .py
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    # Registered under its name, so that dataclasses and pickles in the file find their module.
    sys.modules[path.stem] = module
    try:
        loader.exec_module(module)
    except Exception as error:
        msg = f"{place_in(error, path)}: loading the file raised {_said(error)}"
        raise StrategyError(msg) from error
    return module


def _choose(module: ModuleType, path: Path, wanted: str) -> type[Strategy]:
    found = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Strategy)
        and value.__module__ == module.__name__
    }
    names = ", ".join(found)
    if wanted:
        if wanted not in found:
            msg = f"{path} holds no strategy {wanted!r}; it holds {names or 'none'}"
            raise StrategyError(msg)
        return found[wanted]
    if len(found) != 1:
        advice = f"name one of {names}" if found else "derive a class from ml4t.core.Strategy"
        msg = f"{path} holds {len(found)} strategies: {advice}"
        raise StrategyError(msg)
    return next(iter(found.values()))


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
