"""What can be traded: the terms of one instrument."""

import math

import attrs

from ml4t.core.errors import InvalidValueError

__all__ = ["Asset"]


@attrs.frozen(kw_only=True)
class Asset:
    """The terms of one instrument.

    ``symbol`` identifies the instrument within a run: two contracts of one root need two symbols
    (``"ES-2026Z"``, ``"ES-2027H"``), since positions, orders and bars are keyed by it.

    Attributes:
        symbol: the key that strategies, orders and bars use.
        multiplier: money per point of price and unit of quantity (50 for an E-mini S&P future).
        lot_size: the smallest tradable quantity and the step between quantities; 0 means that any
            fraction can be traded.
        tick_size: the step between the prices of orders; 0 means that any price can be asked.
        currency: ISO 4217 code of the price.

    Raises:
        InvalidValueError: a field is empty, not finite or out of range.

    >>> Asset(symbol="ES-2026Z", multiplier=50).multiplier
    50.0
    """

    symbol: str
    multiplier: float = attrs.field(default=1.0, converter=float)
    lot_size: float = attrs.field(default=0.0, converter=float)
    tick_size: float = attrs.field(default=0.0, converter=float)
    currency: str = "USD"

    def __attrs_post_init__(self) -> None:
        if not self.symbol or self.symbol != self.symbol.strip():
            msg = f"symbol must be a name without surrounding blanks, was {self.symbol!r}"
            raise InvalidValueError(msg)
        if not 0 < self.multiplier < math.inf:
            msg = f"multiplier of {self.symbol} must be positive and finite, was {self.multiplier}"
            raise InvalidValueError(msg)
        if not 0 <= self.lot_size < math.inf:
            msg = f"lot_size of {self.symbol} must be finite and not negative, was {self.lot_size}"
            raise InvalidValueError(msg)
        if not 0 <= self.tick_size < math.inf:
            msg = (
                f"tick_size of {self.symbol} must be finite and not negative, was {self.tick_size}"
            )
            raise InvalidValueError(msg)
        if len(self.currency) != 3 or not self.currency.isupper():  # noqa: PLR2004
            msg = f"currency of {self.symbol} must be a three-letter code, was {self.currency!r}"
            raise InvalidValueError(msg)
