"""What makes the numbers of a bar impossible."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.refusals import refusal
from ml4t.core.bars import PRICE_FIELDS
from ml4t.core.errors import DataError

__all__ = ["FIELDS", "Rule", "check", "gap_rules", "missing_bars", "price_rules", "signal_rules"]

Numbers: TypeAlias = Mapping[str, NDArray[np.float64]]
Mask: TypeAlias = NDArray[np.bool_]
Test: TypeAlias = Callable[[Numbers], Mask]

FIELDS = (*PRICE_FIELDS, "volume")
_BLOCK = 1 << 15  # rows checked together: all columns of a block fit into the processor's cache


@attrs.frozen(kw_only=True)
class Rule:
    """One thing that must hold of each bar.

    Attributes:
        column: the column that is to blame where it does not hold.
        broken: given columns, which rows break the rule.
        expected: what was expected; ``{low}`` stands for the row's number in that column.
        remedy: what to do.
    """

    column: str
    broken: Test
    expected: str
    remedy: str = "repair the value or remove the row"


def price_rules(numbers: Numbers) -> list[Rule]:
    """What must hold of the price fields and the volume among the columns."""
    if numbers["open"] is numbers["close"]:
        rules = [_positive("close")]
    else:
        rules = [
            *map(_positive, PRICE_FIELDS),
            Rule(
                column="high",
                broken=lambda bars: bars["high"] < bars["low"],
                expected="at least low, which is {low}",
            ),
            _within_range("open"),
            _within_range("close"),
        ]
    if "volume" in numbers:
        rules.append(
            Rule(
                column="volume",
                broken=lambda bars: ~((bars["volume"] >= 0) & (bars["volume"] < np.inf)),
                expected="a finite number, not negative",
            )
        )
    return rules


def signal_rules(names: Iterable[str]) -> list[Rule]:
    """What must hold of signals."""
    return [
        Rule(
            column=name,
            broken=lambda bars, name=name: np.isinf(bars[name]),  # type: ignore[misc]
            expected="finite",
            remedy="NaN means that there is no signal",
        )
        for name in names
    ]


def gap_rules(names: Iterable[str]) -> list[Rule]:
    """What must hold where a bar is missing, of all columns but the prices."""
    return [
        Rule(
            column=name,
            broken=lambda bars, name=name: missing_bars(bars) & ~np.isnan(bars[name]),  # type: ignore[misc]
            expected="NaN where all four prices are NaN, which is how a missing bar is written",
            remedy=f"np.where(np.isnan(close), np.nan, {name}) makes it so",
        )
        for name in names
    ]


def missing_bars(bars: Numbers) -> Mask:
    """Where all price fields are NaN."""
    missing = np.isnan(bars["close"])
    if bars["open"] is bars["close"] or not missing.any():
        return missing
    return missing & np.isnan(bars["open"]) & np.isnan(bars["high"]) & np.isnan(bars["low"])


def check(
    numbers: Numbers,
    rules: Iterable[Rule],
    where: Callable[[int], str],
    exempt: Test | None = None,
) -> None:
    """Refuse numbers that break a rule.

    Args:
        numbers: columns of one dimension and equal length.
        rules: the rules.
        where: names a row in the message.
        exempt: given columns, which rows no rule applies to.

    Raises:
        DataError: the message names the first row that breaks the rule which was found broken
            first, and how many others do.
    """
    rules = list(rules)
    for _, block in _blocks(numbers):
        excused = None if exempt is None else exempt(block)
        for rule in rules:
            broken = rule.broken(block)
            if excused is not None:
                broken &= ~excused
            if broken.any():
                raise _fault(numbers, rule, where, exempt)


def _fault(
    numbers: Numbers, rule: Rule, where: Callable[[int], str], exempt: Test | None
) -> DataError:
    first, count = -1, 0
    for start, block in _blocks(numbers):
        broken = rule.broken(block)
        if exempt is not None:
            broken &= ~exempt(block)
        rows = np.flatnonzero(broken)
        if len(rows) and first < 0:
            first = start + int(rows[0])
        count += len(rows)
    row = {name: float(column[first]) for name, column in numbers.items()}
    expected = rule.expected.format_map(row)
    found = row[rule.column]
    return refusal(where(first), rule.column, expected, found, rule.remedy, count - 1)


def _blocks(numbers: Numbers) -> Iterator[tuple[int, Numbers]]:
    length = len(next(iter(numbers.values())))
    for start in range(0, length, _BLOCK):
        # Columns that are one array stay one, so that rules can tell.
        views = {id(column): column[start : start + _BLOCK] for column in numbers.values()}
        yield start, {name: views[id(column)] for name, column in numbers.items()}


def _positive(name: str) -> Rule:
    return Rule(
        column=name,
        broken=lambda bars: ~((bars[name] > 0) & (bars[name] < np.inf)),
        expected="a positive, finite number",
    )


def _within_range(name: str) -> Rule:
    return Rule(
        column=name,
        broken=lambda bars: (bars[name] < bars["low"]) | (bars[name] > bars["high"]),
        expected="between low, which is {low}, and high, which is {high}",
    )
