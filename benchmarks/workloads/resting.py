"""Orders that rest: each is looked at in every bar, none ever fills."""

from collections.abc import Mapping
from datetime import datetime

from benchmarks.cases import Case
from benchmarks.prices import grid, trading_minutes
from ml4t.backtest import BacktestConfig
from ml4t.core import BrokerProtocol, Fill, MarketSlice, OrderType, Strategy, TimeInForce

__all__ = ["case"]

GTC = TimeInForce.GTC


class Resting(Strategy):
    """Buys the first ``positions`` symbols and protects each far below and far above its price."""

    def __init__(self, positions: int) -> None:
        self.positions = positions

    def on_data(
        self,
        timestamp: datetime,  # noqa: ARG002
        data: MarketSlice,
        context: Mapping[str, object],  # noqa: ARG002
        broker: BrokerProtocol,
    ) -> None:
        if data.row == 0:
            for symbol in list(data)[: self.positions]:
                broker.submit_order(symbol, 10)

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        stop, target = fill.price / 4, fill.price * 4
        broker.submit_order(
            fill.asset, -10, order_type=OrderType.STOP, stop_price=stop, time_in_force=GTC
        )
        broker.submit_order(
            fill.asset, -10, order_type=OrderType.LIMIT, limit_price=target, time_in_force=GTC
        )


def case(minutes: int = 8_580, assets: int = 100, positions: int = 20) -> Case:
    """Minute bars; two resting orders for each position from the third bar to the last."""
    made = grid(trading_minutes(minutes), assets, volatility=0.001)
    config = BacktestConfig(initial_cash=1e7)
    return Case(feed=made.feed(), strategy=Resting(positions), config=config, nbytes=made.nbytes)
