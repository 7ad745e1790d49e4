"""Every symbol bought, protected and closed by name, over and over, while all stops rest."""

from collections.abc import Mapping
from datetime import datetime

from benchmarks.cases import Case
from benchmarks.prices import grid, trading_minutes
from ml4t.backtest import BacktestConfig
from ml4t.core import BrokerProtocol, MarketSlice, OrderType, Strategy, TimeInForce

__all__ = ["case"]

CYCLE = 4  # bars


class Closing(Strategy):
    """Buys, protects what it bought, closes it with the stops still open, cancels the stops."""

    def on_data(
        self,
        timestamp: datetime,  # noqa: ARG002
        data: MarketSlice,
        context: Mapping[str, object],  # noqa: ARG002
        broker: BrokerProtocol,
    ) -> None:
        step = data.row % CYCLE
        if step == 0:
            for symbol in data:
                broker.submit_order(symbol, 10)
        elif step == 1:
            for symbol in data:
                broker.submit_order(
                    symbol,
                    -10,
                    order_type=OrderType.STOP,
                    stop_price=1.0,
                    time_in_force=TimeInForce.GTC,
                )
        elif step == 2:  # noqa: PLR2004
            for symbol in data:
                broker.close_position(symbol)
        else:
            for order in broker.pending_orders:
                broker.cancel_order(order.id)


def case(minutes: int = 80, assets: int = 400) -> Case:
    """Minute bars; three orders for each symbol in four bars."""
    made = grid(trading_minutes(minutes), assets, volatility=0.001)
    config = BacktestConfig(initial_cash=1e8)
    return Case(feed=made.feed(), strategy=Closing(), config=config, nbytes=made.nbytes)
