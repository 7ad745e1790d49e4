"""A strategy out of a Python file."""

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from ml4t.core import Strategy, StrategyError

__all__ = ["load_strategy", "place_in"]


def load_strategy(spec: str) -> Strategy:
    """Make the strategy that ``FILE.py`` or ``FILE.py:Class`` names, without arguments.

    The file is run as a module, with its folder importable as when Python runs it.

    Raises:
        StrategyError: the file is missing or raises, or holds no such strategy, or several and
            none is named, or the class cannot be made without arguments. Names file and line.
    """
    name, _, wanted = spec.partition(":") if ".py:" in spec else (spec, "", "")
    path = Path(name)
    if path.suffix != ".py" or not path.is_file():
        msg = f"there is no strategy file {name!r}: give FILE.py or FILE.py:Class"
        raise StrategyError(msg)
    module = _run(path)
    cls = _choose(module, path, wanted)
    try:
        return cls()
    except Exception as error:
        msg = f"{place_in(error, path)}: {cls.__name__}() raised {_said(error)}"
        raise StrategyError(msg) from error


def place_in(error: BaseException, path: Path) -> str:
    """``file:line`` of the innermost frame of ``error`` that lies in the file at ``path``."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    own = path.resolve()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).resolve() == own:
            return f"{path}:{frame.lineno}"
    return str(path)


def _run(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - it ends in .py
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    # Registered under its name, so that dataclasses and pickles in the file find their module.
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
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
