"""Event-driven backtests: the strategy class that trades live, over frames of real prices."""

from typing import TYPE_CHECKING

from ml4t.backtest.broker import ArrayBroker
from ml4t.backtest.config import BacktestConfig
from ml4t.backtest.data.calendars import ExchangeCalendar
from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.data.labels import EndOfBar, SessionDate, StartOfBar
from ml4t.backtest.data.panel import ArraySlice
from ml4t.backtest.engine import Engine
from ml4t.backtest.results.manifest import RunManifest
from ml4t.backtest.results.result import BacktestResult
from ml4t.core import (
    Asset,
    Bracket,
    BrokerProtocol,
    Fill,
    Order,
    OrderRequest,
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
    Adaptive,
    BarAfterEntry,
    BasisPoints,
    BestCase,
    CapAtLimit,
    CashAccount,
    CloseConfirms,
    CloseOnly,
    CombinedCommission,
    CombinedSlippage,
    Delayed,
    EntryBar,
    FixedAmount,
    HalfSpread,
    HalfSpreadBps,
    IbkrFixed,
    IbkrTiered,
    LinearImpact,
    MarginAccount,
    MaximumPerOrder,
    MinimumPerExecution,
    MinimumPerOrder,
    NextBarClose,
    NextBarOpen,
    NoCommission,
    NoFinancing,
    NoImpact,
    NoSlippage,
    NotAtOpen,
    OpenHighLowClose,
    OpenLowHighClose,
    Percentage,
    PerContract,
    PerOrder,
    PerShare,
    PerTrade,
    PreviewedCashAccount,
    RejectOrder,
    ReversalConfirms,
    SameBarClose,
    ShortInterest,
    ShortInterestOnCost,
    SquareRootImpact,
    StaysTriggered,
    SubmissionOrder,
    Tier,
    TieredPerShare,
    TouchedAnew,
    TouchFills,
    TradedBars,
    TradeThroughFills,
    TrailAlongPath,
    TrailFromClose,
    TrailFromExtreme,
    TrimOrder,
    UncheckedAccount,
    UnitsPerBar,
    Unlimited,
    VolatilitySlippage,
    VolumeImpact,
    VolumeShare,
    WaitBeyond,
    WithinBar,
    WorstCase,
)

if TYPE_CHECKING:
    from ml4t.backtest.guards.lookahead import LookaheadDifference, LookaheadReport, check_lookahead
    from ml4t.backtest.guards.verify import ResultDifference, VerifyReport, verify_result

    __version__: str

__all__ = [
    "Adaptive",
    "ArrayBroker",
    "ArraySlice",
    "Asset",
    "BacktestConfig",
    "BacktestResult",
    "BarAfterEntry",
    "BasisPoints",
    "BestCase",
    "Bracket",
    "BrokerProtocol",
    "CapAtLimit",
    "CashAccount",
    "CloseConfirms",
    "CloseOnly",
    "CombinedCommission",
    "CombinedSlippage",
    "DataFeed",
    "Delayed",
    "EndOfBar",
    "Engine",
    "EntryBar",
    "ExchangeCalendar",
    "Fill",
    "FixedAmount",
    "HalfSpread",
    "HalfSpreadBps",
    "IbkrFixed",
    "IbkrTiered",
    "LinearImpact",
    "LookaheadDifference",
    "LookaheadReport",
    "MarginAccount",
    "MaximumPerOrder",
    "MinimumPerExecution",
    "MinimumPerOrder",
    "NextBarClose",
    "NextBarOpen",
    "NoCommission",
    "NoFinancing",
    "NoImpact",
    "NoSlippage",
    "NotAtOpen",
    "OpenHighLowClose",
    "OpenLowHighClose",
    "Order",
    "OrderRequest",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "PerContract",
    "PerOrder",
    "PerShare",
    "PerTrade",
    "Percentage",
    "Position",
    "PreviewedCashAccount",
    "RebalanceConfig",
    "RebalanceRow",
    "RejectOrder",
    "ResultDifference",
    "ReversalConfirms",
    "RunManifest",
    "SameBarClose",
    "SessionDate",
    "ShortInterest",
    "ShortInterestOnCost",
    "SquareRootImpact",
    "StartOfBar",
    "StaysTriggered",
    "Strategy",
    "SubmissionOrder",
    "TargetWeightExecutor",
    "Tier",
    "TieredPerShare",
    "TimeInForce",
    "TouchFills",
    "TouchedAnew",
    "TradeThroughFills",
    "TradedBars",
    "TrailAlongPath",
    "TrailFromClose",
    "TrailFromExtreme",
    "TrimOrder",
    "UncheckedAccount",
    "UnitsPerBar",
    "Unlimited",
    "VerifyReport",
    "VolatilitySlippage",
    "VolumeImpact",
    "VolumeShare",
    "WaitBeyond",
    "WithinBar",
    "WorstCase",
    "check_lookahead",
    "verify_result",
]

_ON_DEMAND = {
    "LookaheadDifference": "ml4t.backtest.guards.lookahead",
    "LookaheadReport": "ml4t.backtest.guards.lookahead",
    "check_lookahead": "ml4t.backtest.guards.lookahead",
    "ResultDifference": "ml4t.backtest.guards.verify",
    "VerifyReport": "ml4t.backtest.guards.verify",
    "verify_result": "ml4t.backtest.guards.verify",
}
"""Names of modules that a run does not need, by what they hold."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """What few programs need, and the version, when it is asked for."""
        if name in _ON_DEMAND:
            from importlib import import_module  # noqa: PLC0415

            return getattr(import_module(_ON_DEMAND[name]), name)
        if name == "__version__":
            from importlib import metadata  # noqa: PLC0415 - slow to load

            return metadata.version("ml4t-backtest")
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
