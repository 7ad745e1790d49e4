"""The values of the broker contract as lines of JSON, for a simulated venue behind a socket."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import Enum

import attrs

from ml4t.core.assets import Asset
from ml4t.core.bars import Bar
from ml4t.core.errors import (
    DataError,
    InvalidOrderError,
    Ml4tError,
    UnknownAssetError,
    VenueRefusedError,
    VenueUnavailableError,
)
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.positions import AccountSnapshot, Position
from ml4t.core.raw_bars import RawBar
from ml4t.core.venue_events import (
    AccountIdentity,
    AccountRestriction,
    CashFlow,
    ConnectionChange,
    Environment,
    FeeReport,
    FillBust,
)

__all__ = ["error_of", "from_line", "to_line"]

_KIND = "!"
_VALUES = {
    kind.__name__: kind
    for kind in (
        AccountIdentity, AccountRestriction, AccountSnapshot, Asset, Bar, CashFlow,
        ConnectionChange, FeeReport, Fill, FillBust, Order, OrderRequest, Position, RawBar,
    )
}  # fmt: skip
_ENUMS = {
    kind.__name__: kind for kind in (Environment, OrderSide, OrderStatus, OrderType, TimeInForce)
}
_ERRORS = {
    kind.__name__: kind
    for kind in (
        DataError, InvalidOrderError, UnknownAssetError, VenueRefusedError, VenueUnavailableError,
    )
}  # fmt: skip


def to_line(message: Mapping[str, object]) -> bytes:
    """One message as one line."""
    return json.dumps(_packed(message)).encode() + b"\n"


def from_line(line: bytes) -> dict[str, object]:
    """The message that a line holds.

    Raises:
        DataError: it holds none.
    """
    try:
        message = json.loads(line, object_hook=_unpacked)
    except ValueError as error:
        msg = f"not a message: {line[:80]!r} ({error})"
        raise DataError(msg) from error
    if not isinstance(message, dict):
        msg = f"not a message: {line[:80]!r}"
        raise DataError(msg)
    return message


def error_of(name: str, text: str) -> Ml4tError:
    """The error that the other end raised; one it does not know counts as unavailability."""
    return _ERRORS.get(name, VenueUnavailableError)(text)


def _packed(value: object) -> object:
    if isinstance(value, Enum):
        return {_KIND: type(value).__name__, "name": value.name}
    if isinstance(value, datetime):
        return {_KIND: "datetime", "iso": value.isoformat()}
    if type(value).__name__ in _VALUES:
        kind = _VALUES[type(value).__name__]
        fields = {field.name: _packed(getattr(value, field.name)) for field in attrs.fields(kind)}
        return {_KIND: kind.__name__, **fields}
    if isinstance(value, Mapping):
        return {key: _packed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(item) for item in value]
    return value


def _unpacked(fields: dict[str, object]) -> object:
    kind = fields.pop(_KIND, None)
    if kind is None:
        return fields
    if kind == "datetime":
        return datetime.fromisoformat(str(fields["iso"]))
    if kind in _ENUMS:
        return _ENUMS[str(kind)][str(fields["name"])]
    if kind in _VALUES:
        return _VALUES[str(kind)](**fields)  # type: ignore[arg-type]
    msg = f"unknown kind of value {kind!r}"
    raise ValueError(msg)
