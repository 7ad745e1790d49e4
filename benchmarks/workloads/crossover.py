"""Two moving averages of one asset: an order now and then, arithmetic at every bar."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime

from benchmarks.cases import Case
from benchmarks.prices import walk
from ml4t.core import BrokerProtocol, MarketSlice, Strategy

__all__ = ["FAST", "QUANTITY", "SLOW", "case"]

FAST, SLOW = 20, 60
QUANTITY = 64


class Crossover(Strategy):
    """Holds the asset while the fast mean of its closes is above the slow one."""

    def __init__(self) -> None:
        self.fast = deque([0.0] * FAST, FAST)
        self.slow = deque([0.0] * SLOW, SLOW)
        self.fast_sum = self.slow_sum = 0.0
        self.seen = 0
        self.long = False

    def above(self, price: float) -> bool:
        """Take in a price; whether the fast mean is above the slow one."""
        fast, slow = self.fast, self.slow
        self.fast_sum += price - fast[0]
        fast.append(price)
        self.slow_sum += price - slow[0]
        slow.append(price)
        self.seen += 1
        return self.seen >= SLOW and self.fast_sum / FAST > self.slow_sum / SLOW

    def on_data(
        self,
        timestamp: datetime,  # noqa: ARG002
        data: MarketSlice,
        context: Mapping[str, object],  # noqa: ARG002
        broker: BrokerProtocol,
    ) -> None:
        above = self.above(data["SPY"]["close"])
        if above != self.long:
            self.long = above
            if above:
                broker.submit_order("SPY", QUANTITY)
            else:
                broker.close_position("SPY")


def case(bars: int = 1_000_000) -> Case:
    """One asset; the bare loop hands the same method the same prices as plain floats."""
    made = walk(bars)
    prices: list[float] = made.columns["close"][:, 0].tolist()

    def bare() -> int:
        above, long, crossings = Crossover().above, False, 0
        for price in prices:
            now = above(price)
            if now != long:
                long = now
                crossings += 1
        return crossings

    return Case(feed=made.feed(), strategy=Crossover(), nbytes=made.nbytes, bare=bare)
