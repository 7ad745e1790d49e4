"""Assumption objects as tables of plain values, and as TOML files."""

import operator
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

from ml4t import simulation
from ml4t.backtest.profiles import load_profile
from ml4t.core.errors import ConfigError
from ml4t.core.risk import LiveRiskConfig

__all__ = ["from_table", "read_toml", "to_table"]

T = TypeVar("T")

_QUESTIONS: dict[type, tuple[type, ...]] = {
    simulation.Timing: (
        simulation.NextBarOpen,
        simulation.NextBarClose,
        simulation.SameBarClose,
        simulation.Delayed,
    ),
    simulation.LimitRule: (simulation.TouchFills, simulation.TradeThroughFills),
    simulation.LimitCosts: (simulation.CapAtLimit, simulation.WaitBeyond),
    simulation.StopLimitRule: (
        simulation.CloseConfirms,
        simulation.ReversalConfirms,
        simulation.NextBarTests,
        simulation.CloseFills,
    ),
    simulation.PartialStops: (simulation.StaysTriggered, simulation.TouchedAnew),
    simulation.Cutoff: (simulation.NoCutoff, simulation.ClosingCutoff),
    simulation.Trailing: (
        simulation.TrailAlongPath,
        simulation.TrailFromClose,
        simulation.TrailFromExtreme,
    ),
    simulation.IntrabarPath: (
        simulation.WorstCase,
        simulation.BestCase,
        simulation.OpenHighLowClose,
        simulation.OpenLowHighClose,
        simulation.Adaptive,
        simulation.SubmissionOrder,
        simulation.CloseOnly,
    ),
    simulation.ChildActivation: (
        simulation.EntryBar,
        simulation.BarAfterEntry,
        simulation.EntryBarWhereClear,
    ),
    simulation.Slippage: (
        simulation.NoSlippage,
        simulation.BasisPoints,
        simulation.FixedAmount,
        simulation.HalfSpread,
        simulation.HalfSpreadBps,
        simulation.VolumeImpact,
        simulation.VolatilitySlippage,
        simulation.WithinBar,
        simulation.NotAtOpen,
        simulation.CombinedSlippage,
    ),
    simulation.Impact: (
        simulation.NoImpact,
        simulation.LinearImpact,
        simulation.SquareRootImpact,
    ),
    simulation.Participation: (
        simulation.Unlimited,
        simulation.TradedBars,
        simulation.VolumeShare,
        simulation.UnitsPerBar,
        simulation.ForEachOrder,
    ),
    simulation.Commission: (
        simulation.NoCommission,
        simulation.Percentage,
        simulation.PerShare,
        simulation.PerContract,
        simulation.PerTrade,
        simulation.PerOrder,
        simulation.TieredPerShare,
        simulation.IbkrFixed,
        simulation.IbkrTiered,
        simulation.MinimumPerExecution,
        simulation.MinimumPerOrder,
        simulation.MaximumPerOrder,
        simulation.CombinedCommission,
    ),
    simulation.Financing: (
        simulation.NoFinancing,
        simulation.ShortInterest,
        simulation.ShortInterestOnCost,
    ),
    simulation.AccountRules: (
        simulation.CashAccount,
        simulation.MarginAccount,
        simulation.UncheckedAccount,
        simulation.PreviewedCashAccount,
    ),
    simulation.Shortfall: (simulation.TrimOrder, simulation.RejectOrder),
    simulation.Exits: (simulation.NoExits, simulation.ExitForAll, simulation.ExitByAsset),
    simulation.ExitRule: (
        simulation.StopLoss,
        simulation.TakeProfit,
        simulation.TrailingExit,
        simulation.VolatilityStop,
        simulation.TimeExit,
        simulation.SignalExit,
        simulation.ScaledExit,
        simulation.FirstOf,
        simulation.AllOf,
    ),
}
"""The classes that answer each question about account and market."""


def _kind(cls: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(
        forbid_extra_keys=True,
        detailed_validation=True,
        unstruct_collection_overrides={tuple: list},
    )
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(int, _whole_number)
    converter.register_structure_hook(LiveRiskConfig, _limits)
    converter.register_unstructure_hook(LiveRiskConfig, LiveRiskConfig.to_table)
    for question, answers in _QUESTIONS.items():
        asks = partial(operator.is_, question)
        converter.register_structure_hook_func(asks, _picker(converter, answers))
        converter.register_unstructure_hook_func(asks, partial(_plain, converter))
    # The hooks of a class look up those of its fields, so these come second.
    for cls in (cls for answers in _QUESTIONS.values() for cls in answers):
        converter.register_structure_hook(cls, make_dict_structure_fn(cls, converter))
        converter.register_unstructure_hook(
            cls, partial(_named, _kind(cls), make_dict_unstructure_fn(cls, converter))
        )
    return converter


def _plain(converter: cattrs.Converter, answer: object) -> object:
    return converter.unstructure(answer, unstructure_as=type(answer))


def _named(
    kind: str, fields_of: Callable[[object], dict[str, object]], answer: object
) -> dict[str, object]:
    # A number that is not given has no plain form: TOML knows no null.
    fields = {name: value for name, value in fields_of(answer).items() if value is not None}
    return {"kind": kind, **fields}


def _limits(value: object, _: type) -> LiveRiskConfig:
    if not isinstance(value, dict):
        msg = f"expected a table of risk limits, was {value!r}"
        raise ConfigError(msg)
    return LiveRiskConfig.of(value)


def _number(value: object, _: type) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"expected a number, was {value!r}"
        raise ConfigError(msg)
    return float(value)


def _whole_number(value: object, _: type) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"expected a whole number, was {value!r}"
        raise ConfigError(msg)
    return value


def _picker(
    converter: cattrs.Converter, answers: Iterable[type]
) -> Callable[[object, type], object]:
    kinds = {_kind(cls): cls for cls in answers}

    def pick(value: object, _: type) -> object:
        fields = {"kind": value} if isinstance(value, str) else value
        if not isinstance(fields, dict) or "kind" not in fields:
            msg = f"expected the name of a kind or a table with `kind`, was {value!r}"
            raise ConfigError(msg)
        kind = fields["kind"]
        cls = kinds.get(kind) if isinstance(kind, str) else None
        if cls is None:
            msg = f"kind must be one of {', '.join(kinds)}, was {kind!r}"
            raise ConfigError(msg)
        rest = {name: number for name, number in fields.items() if name != "kind"}
        return converter.structure(rest, cls)

    return pick


_CONVERTER = _converter()


def read_toml(path: Path, cls: type[T]) -> T:
    """The ``cls`` that a TOML file describes.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or a key or value is not known.
    """
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        msg = f"cannot read the configuration {path}: {error.strerror}"
        raise ConfigError(msg) from error
    except tomllib.TOMLDecodeError as error:
        msg = f"{path} is not valid TOML: {error}"
        raise ConfigError(msg) from error
    return from_table(table, cls, source=str(path))


def from_table(table: Mapping[str, object], cls: type[T], source: str) -> T:
    """The ``cls`` that a table of plain values describes; ``source`` names it in errors.

    Raises:
        ConfigError: a key or value is not known.
    """
    try:
        return _CONVERTER.structure(_on_profile(table, source), cls)
    except cattrs.BaseValidationError as error:
        told = cattrs.transform_error(error, path="", format_exception=_describe)
        faults = "; ".join(line.removesuffix(" @ ").replace(" @ .", " at ") for line in told)
        msg = f"{source}: {faults}"
        raise ConfigError(msg) from error


def _on_profile(table: Mapping[str, object], source: str) -> Mapping[str, object]:
    """The table on top of the answers of the profile that it names, if it names one."""
    if "profile" not in table:
        return table
    own = dict(table)
    name = own.pop("profile")
    try:
        profile = load_profile(str(name))
    except ConfigError as error:
        msg = f"{source}: {error}"
        raise ConfigError(msg) from error
    return {**profile.answers, **own}


def to_table(config: object) -> dict[str, object]:
    """The table of plain values that :func:`from_table` would read back as ``config``."""
    table: dict[str, object] = _CONVERTER.unstructure(config)
    if table.get("risk", table) is None:
        # No limits have no plain form: TOML knows no null.
        del table["risk"]
    return table


def _describe(error: BaseException, _: type | None) -> str:
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        known = [f.name for f in getattr(error.cl, "__attrs_attrs__", ())]
        return f"unknown key {', '.join(sorted(error.extra_fields))}, known are {', '.join(known)}"
    if isinstance(error, KeyError):
        return f"the key {error.args[0]!r} is missing"
    return str(error)
