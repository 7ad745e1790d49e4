"""One run in a process of its own, where nothing is left of other runs."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ml4t.backtest.config import BacktestConfig
from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.engine import Engine
from ml4t.backtest.guards.decisions import Entry, Observation
from ml4t.backtest.guards.lookahead import Features, Variant, observe_variant
from ml4t.backtest.guards.run_inputs import RunInputs
from ml4t.core import Ml4tError, Strategy, StrategyError
from ml4t.core.strategy_file import load_strategy, place_in, split_strategy

__all__ = ["observe_in_child", "rerun_in_child"]

_REFUSED = 3
_TAIL = 2000  # characters of what a process said before it died


def rerun_in_child(
    inputs: RunInputs, config: Mapping[str, object], folder: Path, out: Path, hash_seed: int
) -> None:
    """Run a strategy again in another process and write the result into ``out``.

    Args:
        inputs: the files, absolute.
        config: account and market, as :meth:`.BacktestConfig.to_dict` gives them.
        folder: the current folder of the process.
        out: the folder for the result.
        hash_seed: the seed of Python's hashes of text, on which the order of a set depends.

    Raises:
        StrategyError: the run failed, or the process died.
    """
    job = {"task": "rerun", "inputs": inputs.to_table(), "config": dict(config), "out": str(out)}
    _spawn(job, folder, hash_seed)


def observe_in_child(job: Mapping[str, Any], folder: Path) -> Observation:
    """Make one run of the check for look-ahead in another process.

    Args:
        job: ``inputs`` of the data, ``config``, ``variant``, and ``strategy`` and ``features`` as
            paths in the tree of copies.
        folder: the current folder of the process.

    Raises:
        StrategyError: the run could not be made, or the process died.
    """
    with TemporaryDirectory() as scratch:
        out = Path(scratch)
        # One seed for all runs: the order of a set is not what this check is about.
        _spawn({"task": "observe", **job, "out": scratch}, folder, 0)
        told = json.loads((out / "entries.json").read_text(encoding="utf-8"))
        with np.load(out / "signals.npz") as arrays:
            signals = {name: arrays[name] for name in arrays.files}
    entries = [Entry(*entry) for entry in told["entries"]]
    return Observation(entries=entries, signals=signals, opened=told["opened"])


def _spawn(job: Mapping[str, Any], folder: Path, hash_seed: int) -> None:
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        ended = subprocess.run(  # noqa: S603 - this very Python, and a module of ours
            [sys.executable, "-P", "-m", "ml4t.backtest.guards.child", str(path)],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode == _REFUSED:
            raise StrategyError((Path(scratch) / "refusal.txt").read_text(encoding="utf-8"))
    if ended.returncode:
        said = ended.stderr.strip()[-_TAIL:]
        msg = f"the process of the run ended with status {ended.returncode}: {said}"
        raise StrategyError(msg)


def main(path: Path) -> int:
    """Do the job that a file describes; what is refused is written beside it."""
    job = json.loads(path.read_text(encoding="utf-8"))
    task = {"rerun": _rerun, "observe": _observe}[job["task"]]
    try:
        task(job)
    except (Ml4tError, OSError) as error:
        (path.parent / "refusal.txt").write_text(str(error), encoding="utf-8")
        return _REFUSED
    return 0


def _rerun(job: Mapping[str, Any]) -> None:
    inputs = RunInputs.from_table(job["inputs"])
    config = BacktestConfig.from_dict(job["config"], source="the manifest")
    engine = Engine(inputs.feed(), load_strategy(inputs.strategy), config)
    try:
        result = engine.run()
    except Exception as error:
        path, _ = split_strategy(inputs.strategy)
        msg = f"{place_in(error, path)}: {type(error).__name__}: {error}"
        raise StrategyError(msg) from error
    result.to_parquet(job["out"])


def _observe(job: Mapping[str, Any]) -> None:
    inputs = RunInputs.from_table(job["inputs"])
    config = BacktestConfig.from_dict(job["config"], source="the configuration")
    feed = inputs.feed()
    opened = _watch(inputs.data.values())
    features = _features(job["features"]) if job["features"] else None

    def make(_: DataFeed) -> Strategy:
        return load_strategy(job["strategy"])

    seen = observe_variant(feed, make, config, Variant(*job["variant"]), features)
    out = Path(job["out"])
    document = {"entries": seen.entries, "opened": sorted(opened)}
    (out / "entries.json").write_text(json.dumps(document), encoding="utf-8")
    np.savez(out / "signals.npz", **seen.signals)  # type: ignore[arg-type]


def _features(spec: str) -> Features:
    """The function that ``FILE.py:function`` names."""
    name, _, function = spec.rpartition(":")
    path = Path(name)
    if path.suffix != ".py" or not path.is_file() or not function:
        msg = f"there is no function {spec!r}: give FILE.py:function"
        raise StrategyError(msg)
    sys.path.insert(0, str(path.parent))
    try:
        found = runpy.run_path(str(path)).get(function)
    except Exception as error:
        msg = f"{place_in(error, path)}: loading the file raised {type(error).__name__}: {error}"
        raise StrategyError(msg) from error
    if not callable(found):
        msg = f"{path} holds no function {function!r}"
        raise StrategyError(msg)
    made: Features = found
    return made


def _watch(files: Iterable[Path]) -> set[str]:
    """From now on, the files among these that Python code opens."""
    watched = {os.path.realpath(path) for path in files}
    opened: set[str] = set()

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and arguments and isinstance(arguments[0], str | bytes | os.PathLike):
            path = os.path.realpath(os.fsdecode(arguments[0]))
            if path in watched:
                opened.add(path)

    sys.addaudithook(hear)
    return opened


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
