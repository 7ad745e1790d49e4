"""What a strategy is: one class that runs in a backtest, in shadow, on paper and live."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from ml4t.core.broker import BrokerProtocol
from ml4t.core.fills import Fill
from ml4t.core.needs import Needs
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice

__all__ = ["Strategy"]


class Strategy(ABC):
    """The base of every strategy; only ``on_data`` must be written.

    Within one bar the calls come in this order: ``on_order`` and ``on_fill`` for what the venue did
    during the bar, then ``on_data`` with the complete bar.

    Attributes:
        needs: what it asks of its venue, so that a run that could not work is refused before its
            first bar. Nothing unless a strategy says so.
    """

    needs: ClassVar[Needs] = Needs()

    def on_start(self, broker: BrokerProtocol) -> None:
        """Called once before the first bar."""

    @abstractmethod
    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        """Called once for each instant at which bars became complete.

        Args:
            timestamp: that instant, timezone-aware.
            data: the bars by symbol; an asset without a bar at this instant is not in it.
            context: what the feed knows about this instant besides bars; often empty.
            broker: where orders go and positions are read.
        """

    def on_order(self, order: Order, broker: BrokerProtocol) -> None:
        """Called after each change of an order's status."""

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        """Called after each execution, when the position already counts it."""

    def on_end(self, broker: BrokerProtocol) -> None:
        """Called once after the last bar."""
