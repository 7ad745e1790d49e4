"""How much the interpreter does for one bar or one order: counted, not timed.

Two runs of different size are counted and the difference divided by what the larger had more of, so
that what a run does once is not in it. The same code on the same Python gives the same number.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Self

import attrs

from benchmarks.cases import Case
from benchmarks.workloads import WORKLOADS
from ml4t.backtest import BacktestResult, Engine

__all__ = ["COUNTED", "Counted", "counts_of"]


@attrs.frozen(kw_only=True)
class Counted:
    """A small and a larger version of one workload, and what the larger has more of.

    Attributes:
        workload: its name.
        sizes: the arguments of both versions.
        unit: what the cost is shared out among.
        units: how many of them a run had.
    """

    workload: str
    sizes: Sequence[Mapping[str, int]]
    unit: str
    units: Callable[[Case, BacktestResult], float]


COUNTED = (
    Counted(
        workload="nothing",
        sizes=({"bars": 2_000}, {"bars": 4_000}),
        unit="bar",
        units=lambda case, _: len(case.feed),
    ),
    Counted(
        workload="crossover",
        sizes=({"bars": 3_000}, {"bars": 6_000}),
        unit="bar",
        units=lambda case, _: len(case.feed),
    ),
    Counted(
        workload="long-short",
        sizes=({"days": 30, "assets": 60}, {"days": 40, "assets": 60}),
        unit="order",
        units=lambda _, result: len(result.orders),
    ),
    Counted(
        workload="resting",
        sizes=({"minutes": 60, "assets": 40}, {"minutes": 160, "assets": 40}),
        unit="resting order and bar",
        units=lambda case, result: len(case.feed) * len(result.orders) * 2 / 3,
    ),
)


def counts_of(counted: Counted) -> dict[str, float]:
    """Interpreter steps and calls for each unit of a workload."""
    # Whatever a first run does once is done here, and from Python 3.12 on the steps of functions
    # that run already when tracing is first asked for are not traced.
    _counted(counted, counted.sizes[0])
    (few, few_units), (many, many_units) = (_counted(counted, sizes) for sizes in counted.sizes)
    more = many_units - few_units
    return {name: round((many[name] - few[name]) / more, 2) for name in few}


class _Steps:
    """A trace function that counts what the interpreter steps through."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> Self:
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            self.count += 1
        return self


class _Calls:
    """A profile function that counts calls, those of what is built in too."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _: FrameType, event: str, __: object) -> None:
        if event in ("call", "c_call"):
            self.count += 1


def _counted(counted: Counted, sizes: Mapping[str, int]) -> tuple[dict[str, int], float]:
    case = WORKLOADS[counted.workload].make(**sizes)
    engine = Engine(case.feed, case.strategy, case.config)
    steps, calls = _Steps(), _Calls()
    sys.setprofile(calls)
    sys.settrace(steps)
    try:
        result = engine.run()
    finally:
        sys.settrace(None)
        sys.setprofile(None)
    return {"steps": steps.count, "calls": calls.count}, counted.units(case, result)
