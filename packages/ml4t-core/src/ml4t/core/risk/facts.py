"""What is known at the moment of a decision."""

import math
from datetime import datetime

import attrs

from ml4t.core.calendar import Session
from ml4t.core.times import require_aware

__all__ = ["Moment", "Quote", "WorstCase"]


def _price(value: float | None) -> float | None:
    """A price, or None for what is none, such as NaN: what is not known must not be compared."""
    return value if value is not None and 0 < value < math.inf else None


@attrs.frozen(kw_only=True)
class Quote:
    """The latest prices of one asset. What is not a positive finite number counts as not known.

    Attributes:
        price: the last traded price; None where it is not known.
        at: when it arrived, in monotonic seconds.
        bid, ask: the best prices on each side; None where the feed has none.
    """

    price: float | None = attrs.field(converter=_price)
    at: float
    bid: float | None = None
    ask: float | None = None

    @property
    def reference(self) -> float | None:
        """The middle of bid and ask, else the last price; None where neither is known."""
        bid, ask = _price(self.bid), _price(self.ask)
        return self.price if bid is None or ask is None or bid > ask else (bid + ask) / 2

    @property
    def spread_pct(self) -> float | None:
        """Spread in percent of the middle; None without bid and ask, NaN for impossible ones."""
        if self.bid is None and self.ask is None:
            return None
        bid, ask = _price(self.bid), _price(self.ask)
        if bid is None or ask is None or bid > ask:
            return math.nan
        return 200.0 * (ask - bid) / (ask + bid)


@attrs.frozen(kw_only=True)
class Moment:
    """When a decision is taken.

    Attributes:
        monotonic: seconds of a clock that never goes back; ages and windows are measured on it.
        instant: the wall clock, timezone-aware.
        session: the trading session that holds the instant; None while the market is closed.
        is_regular: whether the instant lies in the session's regular hours.
        next_opens: when the next session opens, timezone-aware; None where it is not known.
        blackout: why nothing may be sent now, such as a restart of the gateway; empty for none.
    """

    monotonic: float
    instant: datetime
    session: Session | None = None
    is_regular: bool = False
    next_opens: datetime | None = None
    blackout: str = ""

    def __attrs_post_init__(self) -> None:
        require_aware(self.instant, "instant")


@attrs.frozen
class WorstCase:
    """How far a position can go, if every open order of one side fills and none of the other.

    Attributes:
        long: the highest quantity, with sign.
        short: the lowest quantity, with sign.
    """

    long: float
    short: float

    @property
    def size(self) -> float:
        """The larger of both without sign."""
        return max(abs(self.long), abs(self.short))
