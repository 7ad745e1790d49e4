"""Positions and the account as a whole, at one moment."""

import math
from datetime import datetime

import attrs

from ml4t.core.drafts import draft_of
from ml4t.core.errors import InvalidValueError
from ml4t.core.times import require_aware

__all__ = ["DUST", "AccountSnapshot", "Position"]

DUST = 1e-9
"""A remainder smaller than this share of the trade that left it is rounding, not a position."""


@attrs.frozen(weakref_slot=False)
class Position:
    """What is held of one asset.

    Attributes:
        asset: the symbol.
        quantity: units held; negative for a short position, 0 for none.
        average_price: the mean price at which the open quantity was entered; 0 when flat.
        multiplier: money per point of price and unit.

    Raises:
        InvalidValueError: a number is not finite, or the average price of an open position is not
            positive.
    """

    asset: str
    quantity: float
    average_price: float
    multiplier: float = 1.0

    def __attrs_post_init__(self) -> None:
        if not -math.inf < self.quantity < math.inf:
            msg = f"quantity of {self.asset} must be finite, was {self.quantity}"
            raise InvalidValueError(msg)
        if not 0 <= self.average_price < math.inf or (self.quantity and not self.average_price):
            msg = f"average_price of {self.asset} must be positive, was {self.average_price}"
            raise InvalidValueError(msg)
        if not 0 < self.multiplier < math.inf:
            msg = f"multiplier of {self.asset} must be positive, was {self.multiplier}"
            raise InvalidValueError(msg)

    def after(self, signed_quantity: float, price: float) -> "Position":
        """This position after a trade.

        Adding averages the price, reducing keeps it, and crossing zero starts anew at ``price``.
        """
        held = self.quantity
        quantity = held + signed_quantity
        if not held:
            average = price
        elif abs(quantity) <= DUST * abs(signed_quantity):
            quantity = average = 0.0
        elif held * signed_quantity >= 0:
            average = self.average_price + (price - self.average_price) * (
                signed_quantity / quantity
            )
        elif held * quantity < 0:
            average = price
        else:
            average = self.average_price
        position = _Draft()
        position.asset = self.asset
        position.quantity = quantity
        position.average_price = average
        position.multiplier = self.multiplier
        position.__class__ = Position
        return position  # type: ignore[no-any-return]

    def market_value(self, price: float) -> float:
        """Money that the position is worth at ``price``; negative for a short position."""
        return self.quantity * price * self.multiplier

    def unrealized_profit(self, price: float) -> float:
        """Money that closing at ``price`` would gain over the average price, before fees."""
        return self.quantity * (price - self.average_price) * self.multiplier


_Draft = draft_of(Position)


@attrs.frozen(kw_only=True)
class AccountSnapshot:
    """An account at one moment, as a venue reports it.

    Attributes:
        timestamp: when it held, timezone-aware.
        cash: money not invested; negative when borrowed.
        equity: cash and the market value of all positions.
        positions: by symbol, without flat ones.
        currency: ISO 4217 code of the money.

    Raises:
        InvalidValueError: a number is not finite or the timestamp is naive. Unknown is not zero: a
            venue that cannot say must not make a snapshot.
    """

    timestamp: datetime
    cash: float
    equity: float
    positions: dict[str, Position] = attrs.field(factory=dict)
    currency: str = "USD"

    def __attrs_post_init__(self) -> None:
        require_aware(self.timestamp, "timestamp")
        for name in ("cash", "equity"):
            if not math.isfinite(getattr(self, name)):
                msg = f"{name} of an account must be finite, was {getattr(self, name)}"
                raise InvalidValueError(msg)
