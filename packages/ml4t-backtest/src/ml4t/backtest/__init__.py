"""Event-driven backtests: the strategy class that trades live, over frames of real prices."""

from typing import TYPE_CHECKING

from ml4t.backtest.broker import ArrayBroker
from ml4t.backtest.config import BacktestConfig
from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.data.panel import ArraySlice
from ml4t.backtest.engine import Engine
from ml4t.backtest.results.manifest import RunManifest
from ml4t.backtest.results.result import BacktestResult
from ml4t.core import (
    Asset,
    BrokerProtocol,
    Fill,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    Position,
    RebalanceConfig,
    RebalanceRow,
    Strategy,
    TargetWeightExecutor,
    TimeInForce,
)
from ml4t.simulation import (
    BasisPoints,
    CashAccount,
    FixedAmount,
    MarginAccount,
    NextBarClose,
    NextBarOpen,
    NoCommission,
    NoSlippage,
    Percentage,
    PerShare,
    PerTrade,
    RejectOrder,
    SameBarClose,
    TrimOrder,
)

__all__ = [
    "ArrayBroker",
    "ArraySlice",
    "Asset",
    "BacktestConfig",
    "BacktestResult",
    "BasisPoints",
    "BrokerProtocol",
    "CashAccount",
    "DataFeed",
    "Engine",
    "Fill",
    "FixedAmount",
    "MarginAccount",
    "NextBarClose",
    "NextBarOpen",
    "NoCommission",
    "NoSlippage",
    "Order",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "PerShare",
    "PerTrade",
    "Percentage",
    "Position",
    "RebalanceConfig",
    "RebalanceRow",
    "RejectOrder",
    "RunManifest",
    "SameBarClose",
    "Strategy",
    "TargetWeightExecutor",
    "TimeInForce",
    "TrimOrder",
]

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        """The version, read from the installed metadata when it is asked for."""
        if name == "__version__":
            from importlib import metadata  # noqa: PLC0415 - slow to load

            return metadata.version("ml4t-backtest")
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
