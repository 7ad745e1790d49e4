"""A strategy that does at each bar what a test tells it to."""

from collections.abc import Callable, Mapping
from datetime import datetime

from ml4t.core.broker import BrokerProtocol
from ml4t.core.fills import Fill
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice
from ml4t.core.strategy import Strategy

__all__ = ["Scripted", "Step"]


class Step:
    """What a :class:`Scripted` strategy is shown at a bar.

    Args:
        broker: where it places orders.
        data: the bars.
        number: which bar this is, counted from 1 in each life of the engine.
    """

    def __init__(self, broker: BrokerProtocol, data: MarketSlice, number: int) -> None:
        self.broker = broker
        self.data = data
        self.number = number

    def price(self, asset: str) -> float:
        """The close of the latest bar."""
        return self.data[asset]["close"]


class Scripted(Strategy):
    """Does at each bar what it is told to.

    Args:
        script: what to do, by the number of the bar, counted from 1.
        always: what to do at every bar; None for nothing.

    Attributes:
        bars: how many bars it was shown.
        told: the orders and executions that it was told of, in order.
        raised: what the script raised.
    """

    def __init__(
        self,
        script: Mapping[int, Callable[[Step], object]] | None = None,
        always: Callable[[Step], object] | None = None,
    ) -> None:
        self.bars = 0
        self.told: list[Order | Fill] = []
        self.raised: list[Exception] = []
        self._script = dict(script or {})
        self._always = always

    def on_data(
        self,
        timestamp: datetime,  # noqa: ARG002 - bars are counted
        data: MarketSlice,
        context: Mapping[str, object],  # noqa: ARG002 - none is needed
        broker: BrokerProtocol,
    ) -> None:
        """Do what stands in the script for this bar."""
        self.bars += 1
        step = Step(broker, data, self.bars)
        for do in (self._script.get(self.bars), self._always):
            if do is None:
                continue
            try:
                do(step)
            except Exception as error:
                self.raised.append(error)
                raise

    def on_order(self, order: Order, broker: BrokerProtocol) -> None:  # noqa: ARG002 - only told
        """Keep what was told."""
        self.told.append(order)

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:  # noqa: ARG002 - only told
        """Keep what was told."""
        self.told.append(fill)
