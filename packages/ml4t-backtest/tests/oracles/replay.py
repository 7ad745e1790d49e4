"""Runs what the readers give under the profile of the engine, and compares all that is told."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import attrs

from ml4t.backtest import BacktestConfig, BacktestResult

from . import backtesting_py, backtesting_py_cases, backtrader, bt, lean, vectorbt, zipline
from .scenarios import Scenario

__all__ = ["ENGINES", "Agreement", "agreement_of", "scenarios_of"]

RunEngine = Callable[..., BacktestResult]


class Agreement(NamedTuple):
    """What was compared of one file, all of it alike.

    Attributes:
        cases: how many runs.
        fills: how many executions were expected, by the other engine.
        values: how many numbers of its curves.
        left_out: what the file tells besides, and why it is not compared.
    """

    cases: int
    fills: int
    values: int
    left_out: Sequence[str]


def zipline_cases(path: Path) -> Iterable[Scenario]:
    """A run, or the small cases of a table."""
    if "stored" in path.stem:
        return zipline.small_cases(json.loads(path.read_text()))
    return [zipline.load(path)]


def lean_cases(path: Path) -> Iterable[Scenario]:
    """The table of fills; targets, fees and slippage have tests of their own."""
    return lean.fill_cases(path) if "fill" in path.stem else ()


def backtesting_cases(path: Path) -> Iterable[Scenario]:
    """A run, or the small cases of a table."""
    if "stored" in path.stem:
        return backtesting_py_cases.small_cases(json.loads(path.read_text()))
    return [backtesting_py.load(path)]


ENGINES: dict[str, Callable[[Path], Iterable[Scenario]]] = {
    "backtesting_py": backtesting_cases,
    "backtrader": lambda path: [backtrader.load(path)],
    "bt": lambda path: [bt.load(path)],
    "lean": lean_cases,
    "vectorbt": vectorbt.load,
    "zipline": zipline_cases,
}


def scenarios_of(path: Path) -> list[Scenario]:
    """What a file asks to run; its folder is called by the engine."""
    return list(ENGINES[path.parent.name](path))


_DONE: dict[Path, Agreement] = {}


def agreement_of(path: Path, run_engine: RunEngine) -> Agreement:
    """Run a file, once for all tests that ask.

    Raises:
        AssertionError: a fill, the end of an order or a value differs.
    """
    if path not in _DONE:
        scenarios = scenarios_of(path)
        notes = [run(scenario, path.parent.name, run_engine) for scenario in scenarios]
        _DONE[path] = Agreement(
            cases=len(scenarios),
            fills=sum(scenario.told for scenario in scenarios),
            values=sum(len(curve) for scenario in scenarios for curve in scenario.curves.values()),
            left_out=list(dict.fromkeys(note for each in notes for note in each)),
        )
    return _DONE[path]


def run(scenario: Scenario, engine: str, run_engine: RunEngine) -> Sequence[str]:
    """Run one scenario under a profile and compare; what is not compared, and why."""
    config = attrs.evolve(
        BacktestConfig.of_profile(engine), initial_cash=scenario.cash, **scenario.assumptions
    )
    result = run_engine(scenario.feed, scenario.strategy, config)
    return scenario.assert_same(result)
