"""One bar of one asset: the value that a feed delivers and a strategy reads."""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

import attrs

from ml4t.core.errors import DataError, InvalidValueError
from ml4t.core.times import require_aware

__all__ = ["PRICE_FIELDS", "Bar", "PriceBar"]

PRICE_FIELDS = ("open", "high", "low", "close")


class PriceBar(Protocol):
    """What matching needs of a bar: four prices of one asset over one interval."""

    @property
    def open(self) -> float:
        """The first traded price of the interval."""

    @property
    def high(self) -> float:
        """The highest traded price of the interval."""

    @property
    def low(self) -> float:
        """The lowest traded price of the interval."""

    @property
    def close(self) -> float:
        """The last traded price of the interval."""


@attrs.frozen(kw_only=True)
class Bar(Mapping[str, float]):
    """One complete bar of one asset.

    A bar is also a mapping of its numbers, so ``bar["close"]`` and ``bar.close`` are the same.

    Attributes:
        timestamp: the instant at which the bar was complete and could be known, timezone-aware.
        asset: the symbol.
        open, high, low, close: traded prices, ``0 < low <= open, close <= high``.
        volume: traded quantity, not negative; None where the source has none.

    Raises:
        InvalidValueError: the timestamp is naive or the asset is empty.
        DataError: a price or the volume is not possible.

    >>> from datetime import UTC, datetime
    >>> when = datetime(2024, 1, 2, 21, tzinfo=UTC)
    >>> Bar(timestamp=when, asset="SPY", open=10, high=12, low=9, close=11)["high"]
    12.0
    """

    timestamp: datetime
    asset: str
    open: float = attrs.field(converter=float)
    high: float = attrs.field(converter=float)
    low: float = attrs.field(converter=float)
    close: float = attrs.field(converter=float)
    volume: float | None = attrs.field(default=None, converter=attrs.converters.optional(float))

    def __attrs_post_init__(self) -> None:
        require_aware(self.timestamp, "timestamp")
        if not self.asset:
            msg = "asset of a bar must be a symbol, was ''"
            raise InvalidValueError(msg)
        where = f"bar of {self.asset} at {self.timestamp.isoformat()}"
        for name in PRICE_FIELDS:
            price = getattr(self, name)
            if not 0 < price < math.inf:
                msg = f"{where}: {name} must be positive and finite, was {price}"
                raise DataError(msg)
        if not self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            msg = (
                f"{where}: open and close must lie between low and high, was open={self.open} "
                f"high={self.high} low={self.low} close={self.close}"
            )
            raise DataError(msg)
        if self.volume is not None and not 0 <= self.volume < math.inf:
            msg = f"{where}: volume must be finite and not negative, was {self.volume}"
            raise DataError(msg)

    def __getitem__(self, name: str) -> float:
        if name in PRICE_FIELDS or (name == "volume" and self.volume is not None):
            return getattr(self, name)  # type: ignore[no-any-return]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        yield from PRICE_FIELDS
        if self.volume is not None:
            yield "volume"

    def __len__(self) -> int:
        return len(PRICE_FIELDS) + (self.volume is not None)
