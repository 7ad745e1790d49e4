"""One number that stands for everything a feed delivers."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.contexts import Context
from ml4t.backtest.data.time_axis import TimeAxis
from ml4t.core.assets import Asset

__all__ = ["feed_digest"]

_BLOCK = 1 << 17  # numbers brought into their common form together


def feed_digest(
    times: TimeAxis,
    arrays: Mapping[str, NDArray[np.float64]],
    contexts: Sequence[Context] | None,
    terms: Iterable[Asset],
    closes: NDArray[np.int64] | None = None,
) -> str:
    """The SHA-256 of all that a strategy could see, in hexadecimal.

    It depends on values alone: every NaN counts as one value, as do 0.0 and -0.0, and 1 and 1.0.
    """
    digest = hashlib.sha256(b"ml4t feed 1\n")
    digest.update(f"{times.zone} {len(times)}\n".encode())
    digest.update(times.nanoseconds.astype("<i8").data)
    if closes is not None:
        digest.update(b"sessions\n")
        digest.update(closes.astype("<i8").data)
    for asset in terms:
        digest.update(f"{asset!r}\n".encode())
    for name in sorted(arrays):
        digest.update(f"{name!r}\n".encode())
        flat = arrays[name].reshape(-1)
        for start in range(0, len(flat), _BLOCK):
            block = flat[start : start + _BLOCK] + 0.0
            block[np.isnan(block)] = np.nan
            digest.update(block.astype("<f8", copy=False).data)
    for row, context in enumerate(contexts or ()):
        if context:
            items = [(name, _canonical(context[name])) for name in sorted(context)]
            digest.update(f"{row} {items}\n".encode())
    return digest.hexdigest()


def _canonical(value: object) -> str:
    """A text that is the same for equal values of different types."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, int | float | Decimal):
        number = float(value)
        return repr(number if number == value else value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return repr(value)
