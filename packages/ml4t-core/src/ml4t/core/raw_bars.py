"""Bars as a feed sends them, before anybody has looked at their numbers."""

import math
from datetime import UTC, datetime
from typing import TypeAlias

import attrs

from ml4t.core.bars import Bar

__all__ = ["BarFault", "RawBar", "bar_or_fault"]

Number: TypeAlias = float | None


@attrs.frozen(kw_only=True)
class RawBar:
    """What a feed sent as a bar; nothing about it is checked.

    Attributes:
        timestamp: when the bar was complete; ISO 8601 text with an offset will do.
        asset: the symbol.
        open, high, low, close: whatever came as prices.
        volume: whatever came as volume.
    """

    timestamp: datetime | str
    asset: str
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number = None


@attrs.frozen(kw_only=True)
class BarFault:
    """Why what a feed sent is no bar.

    Attributes:
        raw: what it sent.
        reason: what is wrong with it, in words.
    """

    raw: RawBar
    reason: str


def bar_or_fault(raw: RawBar) -> Bar | BarFault:
    """The bar that a feed sent, or why it is none; bad data never raise.

    A timestamp as text must have an offset; a leap second, which no datetime can hold, is a fault.

    >>> from datetime import UTC, datetime
    >>> when = datetime(2024, 1, 2, 21, tzinfo=UTC)
    >>> raw = RawBar(timestamp=when, asset="SPY", open=10, high=12, low=9, close=float("nan"))
    >>> bar_or_fault(raw).reason
    'bar of SPY at 2024-01-02T21:00:00+00:00: close must be positive and finite, was nan'
    """
    try:
        when = raw.timestamp
        bar = Bar(
            timestamp=datetime.fromisoformat(when) if isinstance(when, str) else when,
            asset=raw.asset,
            open=_price(raw.open),
            high=_price(raw.high),
            low=_price(raw.low),
            close=_price(raw.close),
            volume=raw.volume,
        )
        bar.timestamp.astimezone(UTC)  # not all years have a beginning and an end in UTC
    except (TypeError, ValueError, OverflowError) as error:
        return BarFault(raw=raw, reason=str(error))
    else:
        return bar


def _price(number: Number) -> float:
    return math.nan if number is None else number
