"""Positions that close by their own stop or target, each followed by a new entry."""

from collections.abc import Mapping
from datetime import datetime

from benchmarks.cases import Case
from benchmarks.prices import grid, trading_minutes
from ml4t.backtest import BacktestConfig
from ml4t.core import BrokerProtocol, Fill, MarketSlice, OrderType, Strategy, TimeInForce

__all__ = ["case"]

GTC = TimeInForce.GTC
VOLATILITY = 0.001


class Exits(Strategy):
    """Holds every symbol between a stop and a target ``distance`` away, and enters anew."""

    def __init__(self, distance: float) -> None:
        self.distance = distance
        self.protecting: dict[str, tuple[str, str]] = {}

    def on_data(
        self,
        timestamp: datetime,  # noqa: ARG002
        data: MarketSlice,
        context: Mapping[str, object],  # noqa: ARG002
        broker: BrokerProtocol,
    ) -> None:
        if data.row == 0:
            for symbol in data:
                broker.submit_order(symbol, 10)

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        symbol = fill.asset
        protecting = self.protecting.pop(symbol, None)
        if protecting is None:
            stop, target = fill.price * (1 - self.distance), fill.price * (1 + self.distance)
            self.protecting[symbol] = (
                broker.submit_order(
                    symbol, -10, order_type=OrderType.STOP, stop_price=stop, time_in_force=GTC
                ).id,
                broker.submit_order(
                    symbol, -10, order_type=OrderType.LIMIT, limit_price=target, time_in_force=GTC
                ).id,
            )
        elif symbol not in broker.positions:
            for order_id in protecting:
                broker.cancel_order(order_id)
            broker.submit_order(symbol, 10)


def case(minutes: int = 2_000, assets: int = 100, distance: float = 0.004) -> Case:
    """Minute bars; how often a position closes falls with the square of ``distance``."""
    made = grid(trading_minutes(minutes), assets, VOLATILITY)
    return Case(
        feed=made.feed(),
        strategy=Exits(distance),
        config=BacktestConfig(initial_cash=1e7),
        nbytes=made.nbytes,
    )
