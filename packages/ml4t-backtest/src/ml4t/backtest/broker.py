"""The simulated broker of a backtest, which also takes and gives numpy arrays."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ml4t.core import Asset, Order, RebalanceError, TargetWeightExecutor
from ml4t.core.calendar import TradingCalendar
from ml4t.simulation import MarketAssumptions, SimulatedBroker

__all__ = ["ArrayBroker"]


class ArrayBroker(SimulatedBroker):
    """A simulated broker for strategies that work on all assets at once.

    Arrays have one number for each symbol, in the order of ``data.universe``, as the rows of
    ``data`` have. A strategy that uses them runs in backtests only: elsewhere a broker knows no
    universe.

    Args:
        cash: the money to start with.
        assets: the terms of every symbol, in the order of the universe.
        market: the market assumptions.
        calendar: the sessions of the venue, if they are known.
    """

    __slots__ = ("_executor", "_index", "_symbols")

    def __init__(
        self,
        cash: float,
        assets: Mapping[str, Asset],
        market: MarketAssumptions,
        calendar: TradingCalendar | None = None,
    ) -> None:
        super().__init__(cash, assets, market, calendar)
        self._symbols = np.array(list(assets), dtype=object)
        self._index = {symbol: position for position, symbol in enumerate(assets)}
        self._executor = TargetWeightExecutor()

    @property
    def quantities(self) -> NDArray[np.float64]:
        """Units held of each symbol, negative for short; the caller's own array."""
        held = np.zeros(len(self._symbols))
        for asset, position in self.positions.items():
            held[self._index[asset]] = position.quantity
        return held

    def rebalance(
        self, weights: NDArray[np.float64], executor: TargetWeightExecutor | None = None
    ) -> list[Order]:
        """Bring the account to target weights, as ``TargetWeightExecutor.execute`` does.

        Args:
            weights: share of the account's value for each symbol. They are the whole target: a
                symbol of weight 0 is closed if it is held.
            executor: what turns weights into orders; one of the default configuration if left out.

        Raises:
            RebalanceError: there is not one finite weight for each symbol, the account has no
                positive value, or no bar is known yet.
        """
        if self.bars is None:
            msg = "no bar is known yet: rebalance in on_data, not in on_start"
            raise RebalanceError(msg)
        weights = np.asarray(weights, dtype=np.float64)
        if weights.shape != self._symbols.shape:
            msg = f"weights must be of shape {self._symbols.shape}, was {weights.shape}"
            raise RebalanceError(msg)
        named = np.flatnonzero(weights)
        targets = dict(zip(self._symbols[named], weights[named].tolist(), strict=True))
        return (executor or self._executor).execute(targets, self.bars, self)
