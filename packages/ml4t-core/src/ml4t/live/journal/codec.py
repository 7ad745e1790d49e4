"""Events of the journal to canonical JSON and back, driven by the annotations of their classes.

Canonical means that equal events have equal text: keys sorted, no blanks, ASCII only, floats as the
shortest digits that read back as the same number, enumerations by name, instants in ISO 8601 with
their offset.
"""

import json
import math
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from numbers import Real
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs

from ml4t.core.errors import InvalidValueError, JournalError
from ml4t.live.events import EVENT_TYPES, JournalEvent, OrderDenied
from ml4t.live.journal.errors import JournalTooNewError

__all__ = ["CODEC", "Codec", "canonical", "decode", "encode"]

Convert: TypeAlias = Callable[[Any], Any]
Upcaster: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
E = TypeVar("E", bound=Enum)

_ANY_NUMBER = frozenset({(OrderDenied, "request")})
"""Where a number need not be finite: the refusal of an order for NaN units must be on record."""

_DUMP = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


@attrs.frozen
class _Pair:
    """How one type is written and read; None for a reader that gives back what it is given."""

    write: Convert
    read: Convert | None


def canonical(value: Mapping[str, object]) -> str:
    """The canonical text of a mapping of strings and whole numbers."""
    return _DUMP(dict(value))


class Codec:
    """Writes and reads one set of event classes.

    A row carries the version ``v`` of its kind. When the fields of a kind change their meaning, its
    version grows and an upcaster turns the fields of the version before into those of the next. A
    new field with a default needs neither.

    Args:
        kinds: the classes by the name that the journal uses for them.
        upcasters: by kind, what turns version 1 into 2, version 2 into 3, and so on.
    """

    def __init__(
        self,
        kinds: Mapping[str, type[JournalEvent]],
        upcasters: Mapping[str, tuple[Upcaster, ...]] | None = None,
    ) -> None:
        self._upcasters = dict(upcasters or {})
        self._readers: dict[str, Convert] = {}
        self._writers: dict[type, tuple[str, int, Convert]] = {}
        for kind, cls in kinds.items():
            pair = _pair_of(cls, is_any_number=False)
            self._readers[kind] = pair.read or _same
            self._writers[cls] = (kind, self.version_of(kind), pair.write)

    def version_of(self, kind: str) -> int:
        """The newest version of a kind."""
        return 1 + len(self._upcasters.get(kind, ()))

    def refuse_newer(self, kind: str, version: int) -> None:
        """Refuse what a newer version of ml4t-core wrote.

        Raises:
            JournalTooNewError: the kind or this version of it is not known.
        """
        if kind not in self._readers or version > self.version_of(kind):
            msg = (
                f"the journal holds {kind} in version {version}, which this version of ml4t-core "
                "does not know: upgrade ml4t-core"
            )
            raise JournalTooNewError(msg)

    def encode(self, event: JournalEvent) -> tuple[str, int, str]:
        """The kind, its version and the canonical JSON of an event.

        Raises:
            JournalError: a value cannot be written so that it reads back the same.
        """
        try:
            kind, version, write = self._writers[type(event)]
            return kind, version, _DUMP(write(event))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            msg = f"{type(event).__name__} cannot be journaled: {error}"
            raise JournalError(msg) from error

    def decode(self, kind: str, version: int, body: str) -> JournalEvent:
        """The event that a row holds.

        Raises:
            JournalTooNewError: a newer version of ml4t-core wrote it.
            JournalError: the text does not describe such an event.
        """
        self.refuse_newer(kind, version)
        read = self._readers[kind]
        try:
            fields = json.loads(body)
            for upcast in self._upcasters.get(kind, ())[version - 1 :]:
                fields = upcast(fields)
            event: JournalEvent = read(fields)
        except (
            AttributeError, InvalidValueError, KeyError, TypeError, ValueError
        ) as error:  # fmt: skip
            msg = f"a {kind} in the journal cannot be read: {error!r}"
            raise JournalError(msg) from error
        return event


def _pair_of(kind: Any, *, is_any_number: bool) -> _Pair:
    if attrs.has(kind):
        return _values(kind, is_any_number=is_any_number)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enums(kind)
    if kind is float and is_any_number:
        return _Pair(_write_any_float, float)
    if kind in _PLAIN:
        return _PLAIN[kind]
    return _containers(kind, is_any_number=is_any_number)


def _containers(kind: Any, *, is_any_number: bool) -> _Pair:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        (inner,) = (option for option in arguments if option is not type(None))
        return _optional(_pair_of(inner, is_any_number=is_any_number))
    if origin is tuple and arguments[1:] == (...,):
        return _tuples(_pair_of(arguments[0], is_any_number=is_any_number))
    if isinstance(origin, type) and issubclass(origin, Mapping) and arguments[0] is str:
        return _mappings(_pair_of(arguments[1], is_any_number=is_any_number))
    msg = f"the journal has no text for a value of type {kind}"
    raise TypeError(msg)


def _values(cls: type, *, is_any_number: bool) -> _Pair:
    hints = get_type_hints(cls)
    writers: list[tuple[str, Convert]] = []
    readers: list[tuple[str, Convert]] = []
    for field in attrs.fields(cls):
        is_free = is_any_number or (cls, field.name) in _ANY_NUMBER
        pair = _pair_of(hints[field.name], is_any_number=is_free)
        writers.append((field.name, pair.write))
        if pair.read is not None:
            readers.append((field.name, pair.read))

    def write(value: Any) -> dict[str, Any]:
        if type(value) is not cls:
            msg = f"expected a {cls.__name__}, was {value!r}"
            raise TypeError(msg)
        return {name: convert(getattr(value, name)) for name, convert in writers}

    def read(fields: dict[str, Any]) -> Any:
        for name, convert in readers:
            # A field that is younger than the row takes its default.
            if name in fields:
                fields[name] = convert(fields[name])
        return cls(**fields)

    return _Pair(write, read)


def _optional(inner: _Pair) -> _Pair:
    write, read = inner.write, inner.read

    def write_optional(value: Any) -> Any:
        return None if value is None else write(value)

    if read is None:
        return _Pair(write_optional, None)

    def read_optional(value: Any) -> Any:
        return None if value is None else read(value)

    return _Pair(write_optional, read_optional)


def _tuples(inner: _Pair) -> _Pair:
    write, read = inner.write, inner.read or _same
    return _Pair(
        lambda values: [write(value) for value in values],
        lambda values: tuple([read(value) for value in values]),
    )


def _mappings(inner: _Pair) -> _Pair:
    write, read = inner.write, inner.read or _same
    return _Pair(
        lambda values: {_write_text(name): write(value) for name, value in values.items()},
        lambda values: {name: read(value) for name, value in values.items()},
    )


def _enums(kind: type[E]) -> _Pair:
    members = dict(kind.__members__)

    def write(value: E) -> str:
        if type(value) is not kind:
            msg = f"expected a {kind.__name__}, was {value!r}"
            raise TypeError(msg)
        return value.name

    return _Pair(write, members.__getitem__)


def _same(value: Any) -> Any:
    return value


def _write_text(value: Any) -> str:
    if not isinstance(value, str):
        msg = f"expected a text, was {value!r}"
        raise TypeError(msg)
    return str(value)


def _write_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        msg = f"expected True or False, was {value!r}"
        raise TypeError(msg)
    return value


def _write_whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        msg = f"expected a whole number, was {value!r}"
        raise TypeError(msg)
    return int(value)


def _write_float(value: Any) -> float:
    number = _number(value)
    if not math.isfinite(number):
        msg = f"expected a finite number, was {number}"
        raise ValueError(msg)
    return number


def _write_any_float(value: Any) -> float | str:
    number = _number(value)
    return number if math.isfinite(number) else str(number)


def _number(value: Any) -> float:
    if not isinstance(value, Real) or isinstance(value, bool):
        msg = f"expected a number, was {value!r}"
        raise TypeError(msg)
    return float(value)


def _write_instant(value: Any) -> str:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        msg = f"expected a timezone-aware datetime, was {value!r}"
        raise TypeError(msg)
    return value.isoformat()


def _write_date(value: Any) -> str:
    if type(value) is not date:
        msg = f"expected a date, was {value!r}"
        raise TypeError(msg)
    return value.isoformat()


_PLAIN: dict[type, _Pair] = {
    str: _Pair(_write_text, None),
    bool: _Pair(_write_flag, None),
    int: _Pair(_write_whole, None),
    float: _Pair(_write_float, None),
    datetime: _Pair(_write_instant, datetime.fromisoformat),
    date: _Pair(_write_date, date.fromisoformat),
}

CODEC = Codec(EVENT_TYPES)
"""Of the events that this version of ml4t-core writes."""

encode = CODEC.encode
decode = CODEC.decode
