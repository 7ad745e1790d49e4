"""The market that a shadow run assumes, out of a table of plain values."""

import math
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import attrs

from ml4t import simulation
from ml4t.core.errors import ConfigError, Ml4tError
from ml4t.simulation import MarketAssumptions

__all__ = ["ShadowMarket", "require_known"]

_QUESTIONS: Mapping[str, tuple[type, ...]] = {
    "account": (simulation.CashAccount, simulation.MarginAccount),
    "commission": (
        simulation.NoCommission,
        simulation.Percentage,
        simulation.PerShare,
        simulation.PerContract,
        simulation.PerTrade,
        simulation.PerOrder,
        simulation.IbkrFixed,
        simulation.IbkrTiered,
    ),
    "slippage": (
        simulation.NoSlippage,
        simulation.BasisPoints,
        simulation.FixedAmount,
        simulation.HalfSpread,
        simulation.HalfSpreadBps,
    ),
    "impact": (simulation.NoImpact, simulation.LinearImpact, simulation.SquareRootImpact),
    "participation": (
        simulation.Unlimited,
        simulation.VolumeShare,
        simulation.UnitsPerBar,
    ),
    "timing": (simulation.NextBarOpen, simulation.NextBarClose),
    "limits": (simulation.TouchFills, simulation.TradeThroughFills),
}
"""The questions that a plain table can answer, and the classes that answer them."""


def _kind(cls: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


@attrs.frozen(kw_only=True)
class ShadowMarket:
    """The simulated venue of a shadow run.

    Attributes:
        cash: the money to start with.
        market: what the venue does, question by question.

    Raises:
        ConfigError: ``cash`` is not positive and finite.

    >>> table = {"cash": 50_000, "commission": {"kind": "per_share", "amount": 0.005}}
    >>> ShadowMarket.of(table).market.commission.amount
    0.005
    """

    cash: float = 100_000.0
    market: MarketAssumptions = attrs.field(factory=MarketAssumptions)

    def __attrs_post_init__(self) -> None:
        if not 0 < self.cash < math.inf:
            msg = f"cash must be positive and finite, was {self.cash}"
            raise ConfigError(msg)

    @classmethod
    def of(cls, table: Mapping[str, object]) -> "ShadowMarket":
        """Read ``cash``, and each question as the name of a kind or a table with ``kind``.

        Raises:
            ConfigError: a key, a kind or a value is not known; names the key.
        """
        answers = dict(table)
        cash = answers.pop("cash", 100_000.0)
        for name in answers:
            require_known("", name, ("cash", *_QUESTIONS))
        if isinstance(cash, bool) or not isinstance(cash, int | float):
            msg = f"cash must be a number, was {cash!r}"
            raise ConfigError(msg)
        market = {name: _answer(name, value) for name, value in answers.items()}
        return cls(cash=float(cash), market=MarketAssumptions(**market))  # type: ignore[arg-type]

    def to_table(self) -> dict[str, object]:
        """The table that :meth:`of` reads.

        Raises:
            ConfigError: an assumption has no name in such a table.

        >>> ShadowMarket(cash=50_000).to_table()["timing"]
        {'kind': 'next_bar_open'}
        """
        table: dict[str, object] = {"cash": self.cash}
        for name in _QUESTIONS:
            table[name] = _table_of(name, getattr(self.market, name))
        return table


def _table_of(question: str, answer: attrs.AttrsInstance) -> dict[str, object]:
    cls, known = type(answer), _QUESTIONS[question]
    if cls not in known:
        names = ", ".join(_kind(each) for each in known)
        msg = f"{question}: {cls.__name__} has no name in a file, which {names} have"
        raise ConfigError(msg)
    table: dict[str, object] = {"kind": _kind(cls)}
    for field in attrs.fields(cls):
        number = getattr(answer, field.name)
        if isinstance(number, int | float):
            table[field.name] = number
        elif _default(field) != number:
            msg = f"{question}: {field.name} = {number!r} has no name in a file"
            raise ConfigError(msg)
    return table


def _default(field: "attrs.Attribute[Any]") -> object:
    default = field.default
    return getattr(default, "factory", lambda: default)()


def _answer(question: str, value: object) -> object:
    fields = {"kind": value} if isinstance(value, str) else value
    kinds = {_kind(cls): cls for cls in _QUESTIONS[question]}
    if not isinstance(fields, dict) or not isinstance(fields.get("kind"), str):
        msg = f"{question} must be one of {', '.join(kinds)}, or a table with such a `kind`"
        raise ConfigError(msg)
    cls = kinds.get(fields["kind"])
    if cls is None:
        msg = f"{question} must be of kind {', '.join(kinds)}, was {fields['kind']!r}"
        raise ConfigError(msg)
    numbers = {name: number for name, number in fields.items() if name != "kind"}
    known = [field.name for field in attrs.fields(cls) if field.init]
    for name, number in numbers.items():
        require_known(question, name, known)
        if isinstance(number, bool) or not isinstance(number, int | float):
            msg = f"{question}: {name} must be a number, was {number!r}"
            raise ConfigError(msg)
    try:
        return cls(**numbers)
    except (Ml4tError, TypeError, ValueError) as error:
        msg = f"{question}: {error}"
        raise ConfigError(msg) from error


def require_known(part: str, name: str, known: Iterable[str]) -> None:
    """Refuse a key that does not exist, with the nearest that does, or with all of them.

    Raises:
        ConfigError: ``name`` is not among ``known``.
    """
    names = tuple(known)
    if name in names:
        return
    place = f"{part}: " if part else ""
    near = get_close_matches(name, names, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names) or 'none'}"
    msg = f"{place}unknown key {name!r}, {advice}"
    raise ConfigError(msg)
