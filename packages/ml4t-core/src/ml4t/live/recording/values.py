"""What a strategy and its broker say to each other, to canonical JSON and back.

A value that JSON does not have is an object with one key that says what it is. Numbers read back as
the same number, NaN included, and timestamps in the same zone.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from numbers import Integral, Real
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import attrs

from ml4t.core.assets import Asset
from ml4t.core.bars import Bar
from ml4t.core.capabilities import Capabilities
from ml4t.core.errors import DataError
from ml4t.core.fills import Fill
from ml4t.core.groups import Bracket
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.positions import Position

__all__ = ["as_text", "from_text"]

Convert: TypeAlias = Callable[[Any], Any]

_VALUES: Mapping[str, type] = {
    cls.__name__: cls
    for cls in (Asset, Bar, Bracket, Capabilities, Fill, Order, OrderRequest, Position)
}
_ENUMS: Mapping[str, type[Enum]] = {
    cls.__name__: cls for cls in (OrderSide, OrderStatus, OrderType, TimeInForce)
}
# The order of a mapping is part of it: strategies walk through their positions.
_DUMP = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def as_text(value: object) -> str:
    """The canonical JSON of a value: equal values in equal order have equal text.

    What it does not know, such as an object that a strategy passed by mistake, is written as its
    type and reads back as text.

    >>> as_text({"side": OrderSide.BUY, "quantity": 10.0})
    '{"map":{"side":{"OrderSide":"BUY"},"quantity":10.0}}'
    """
    return _DUMP(_plain(value))


def from_text(text: str) -> Any:
    """The value that :func:`as_text` wrote.

    Raises:
        DataError: the text was not written by it.
    """
    try:
        return _read(json.loads(text))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        msg = f"a value of the recording cannot be read: {error!r} in {text[:80]}"
        raise DataError(msg) from error


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, Enum):
        name = type(value).__name__
        return {name: value.name} if name in _ENUMS else {"unknown": repr(value)}
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) else {"float": str(number)}
    if isinstance(value, datetime):
        return {"datetime": [value.isoformat(), value.fold, getattr(value.tzinfo, "key", None)]}
    return _plain_container(value)


def _plain_container(value: Any) -> object:
    cls = type(value)
    if _VALUES.get(cls.__name__) is cls:
        names = [field.name for field in attrs.fields(cls)]
        return {cls.__name__: [_plain(getattr(value, name)) for name in names]}
    if isinstance(value, Mapping):
        return {"map": {str(name): _plain(each) for name, each in value.items()}}
    if isinstance(value, set | frozenset):
        return {"set": sorted((_plain(each) for each in value), key=_DUMP)}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(each) for each in value]
    return {"unknown": type(value).__name__}


def _read(value: object) -> object:
    if isinstance(value, list):
        return tuple(_read(each) for each in value)
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind in _VALUES:
        cls = _VALUES[kind]
        names = [field.name for field in attrs.fields(cls)]
        return cls(**{name: _read(each) for name, each in zip(names, content, strict=True)})
    if kind in _ENUMS:
        return _ENUMS[kind][content]
    return _READERS[kind](content)


def _read_datetime(content: Sequence[Any]) -> datetime:
    text, fold, zone = content
    instant = datetime.fromisoformat(text)
    if zone is None:
        return instant
    return instant.replace(tzinfo=ZoneInfo(zone), fold=fold)


_READERS: Mapping[str, Convert] = {
    "float": float,
    "datetime": _read_datetime,
    "map": lambda content: {name: _read(each) for name, each in content.items()},
    "set": lambda content: frozenset(_read(each) for each in content),
    "unknown": str,
}
