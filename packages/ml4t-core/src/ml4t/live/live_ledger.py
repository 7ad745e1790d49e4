"""The book-keeper of an account that did not start empty."""

from collections.abc import Mapping

from ml4t.core.assets import Asset
from ml4t.core.ledger import Ledger
from ml4t.core.positions import Position

__all__ = ["LiveLedger"]


class LiveLedger(Ledger):
    """A ledger that begins with positions and learns the terms of instruments as it goes.

    Args:
        cash: the money to start with.
        positions: what is held at the start, by symbol.
        multipliers: money per point and unit of what is known already.
    """

    __slots__ = ()

    def __init__(
        self,
        cash: float,
        positions: Mapping[str, Position] | None = None,
        multipliers: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(cash, multipliers)
        for asset, position in (positions or {}).items():
            if position.quantity:
                self._positions[asset] = position

    def learn(self, asset: Asset) -> None:
        """Take the terms of an instrument; a position that is open keeps those it has."""
        self._multipliers[asset.symbol] = asset.multiplier
        self._flat.pop(asset.symbol, None)
