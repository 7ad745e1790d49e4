"""One trade of the market, from which bars are made."""

import math
from datetime import datetime

import attrs

from ml4t.core.errors import DataError, InvalidValueError
from ml4t.core.times import require_aware

__all__ = ["Tick"]


@attrs.frozen(kw_only=True)
class Tick:
    """One trade of one asset.

    Attributes:
        timestamp: when it happened, timezone-aware.
        asset: the symbol.
        price: money per unit, positive.
        size: units traded, not negative; 0 where the source does not say.

    Raises:
        InvalidValueError: the timestamp is naive or the asset is empty.
        DataError: the price or the size is not possible.

    >>> from datetime import UTC, datetime
    >>> Tick(timestamp=datetime(2024, 1, 2, 15, tzinfo=UTC), asset="SPY", price=472, size=100).price
    472.0
    """

    timestamp: datetime
    asset: str
    price: float = attrs.field(converter=float)
    size: float = attrs.field(default=0.0, converter=float)

    def __attrs_post_init__(self) -> None:
        require_aware(self.timestamp, "timestamp")
        if not self.asset:
            msg = "asset of a tick must be a symbol, was ''"
            raise InvalidValueError(msg)
        where = f"tick of {self.asset} at {self.timestamp.isoformat()}"
        if not 0 < self.price < math.inf:
            msg = f"{where}: price must be positive and finite, was {self.price}"
            raise DataError(msg)
        if not 0 <= self.size < math.inf:
            msg = f"{where}: size must be finite and not negative, was {self.size}"
            raise DataError(msg)
