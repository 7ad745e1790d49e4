"""A strategy that does nothing: what the engine itself costs."""

from collections.abc import Callable, Mapping
from datetime import datetime

from benchmarks.cases import Case
from benchmarks.prices import walk
from ml4t.core import BrokerProtocol, MarketSlice, Strategy

__all__ = ["case"]


class Nothing(Strategy):
    """Looks at no bar and sends no order."""

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        pass


def case(bars: int = 1_000_000) -> Case:
    """One asset; the bare loop calls the same empty method as often."""
    made = walk(bars)
    strategy = Nothing()

    def bare() -> None:
        on_data: Callable[..., None] = strategy.on_data
        timestamp = data = context = broker = None
        for _ in range(bars):
            on_data(timestamp, data, context, broker)

    return Case(feed=made.feed(), strategy=strategy, nbytes=made.nbytes, bare=bare)
