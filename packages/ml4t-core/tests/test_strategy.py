"""The base of strategies."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from ml4t.core import BrokerProtocol, Fill, MarketSlice, Order, OrderRequest, OrderSide, Strategy
from ml4t.simulation import SimulatedBroker


class DoesNothing(Strategy):
    """The least that a strategy must write."""

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        """Nothing."""


def test_on_data_must_be_written() -> None:
    with pytest.raises(TypeError, match="on_data"):
        Strategy()  # type: ignore[abstract]


def test_every_other_call_does_nothing_by_default(
    broker_of: Callable[..., SimulatedBroker],
) -> None:
    broker = broker_of("SPY")
    strategy = DoesNothing()
    order = Order("1", OrderRequest.of("SPY", 1))
    fill = Fill("1", "1", "SPY", OrderSide.BUY, 1.0, 1.0, datetime(2024, 1, 2, tzinfo=UTC))

    strategy.on_start(broker)
    strategy.on_order(order, broker)
    strategy.on_fill(fill, broker)
    strategy.on_end(broker)

    assert broker.pending_orders == ()
