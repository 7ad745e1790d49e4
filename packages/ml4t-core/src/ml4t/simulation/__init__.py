"""A venue in memory: one set of matching, fee and account rules for backtest and shadow."""

from typing import TYPE_CHECKING

from ml4t.simulation.accounts import (
    AccountRules,
    CashAccount,
    MarginAccount,
    RejectOrder,
    Shortfall,
    TrimOrder,
    UncheckedAccount,
)
from ml4t.simulation.activation import (
    BarAfterEntry,
    ChildActivation,
    EntryBar,
    EntryBarWhereClear,
)
from ml4t.simulation.broker import SimulatedBroker
from ml4t.simulation.cash_previews import PreviewedCashAccount
from ml4t.simulation.commission import (
    CombinedCommission,
    Commission,
    MaximumPerOrder,
    MinimumPerExecution,
    MinimumPerOrder,
    NoCommission,
    Percentage,
    PerContract,
    PerOrder,
    PerShare,
    PerTrade,
)
from ml4t.simulation.cutoffs import ClosingCutoff, Cutoff, NoCutoff
from ml4t.simulation.execution import Execution
from ml4t.simulation.exit_combinations import AllOf, FirstOf
from ml4t.simulation.exit_rule import ClosedBar, Entry, ExitOrder, ExitRule
from ml4t.simulation.exit_rules import (
    ScaledExit,
    SignalExit,
    StopLoss,
    TakeProfit,
    TimeExit,
    TrailingExit,
    VolatilityStop,
)
from ml4t.simulation.exits import ExitByAsset, ExitForAll, Exits, NoExits
from ml4t.simulation.fill_record import FillRecord
from ml4t.simulation.financing import (
    Charge,
    Financing,
    NoFinancing,
    ShortInterest,
    ShortInterestOnCost,
)
from ml4t.simulation.impact import Impact, LinearImpact, NoImpact, SquareRootImpact
from ml4t.simulation.intrabar import (
    Adaptive,
    BestCase,
    CloseOnly,
    IntrabarPath,
    OpenHighLowClose,
    OpenLowHighClose,
    SubmissionOrder,
    WorstCase,
)
from ml4t.simulation.limits import (
    CapAtLimit,
    LimitCosts,
    LimitRule,
    TouchFills,
    TradeThroughFills,
    WaitBeyond,
)
from ml4t.simulation.market import MarketAssumptions
from ml4t.simulation.matching import Match, match
from ml4t.simulation.order_book import OrderBook
from ml4t.simulation.participation import (
    ForEachOrder,
    Participation,
    TradedBars,
    UnitsPerBar,
    Unlimited,
    VolumeShare,
)
from ml4t.simulation.slippage import (
    BasisPoints,
    CombinedSlippage,
    FixedAmount,
    HalfSpread,
    HalfSpreadBps,
    NoSlippage,
    NotAtOpen,
    Slippage,
    VolatilitySlippage,
    VolumeImpact,
    WithinBar,
)
from ml4t.simulation.stops import (
    CloseConfirms,
    CloseFills,
    NextBarTests,
    PartialStops,
    ReversalConfirms,
    StaysTriggered,
    StopLimitRule,
    TouchedAnew,
)
from ml4t.simulation.tariffs import IbkrFixed, IbkrTiered, Tier, TieredPerShare
from ml4t.simulation.timing import Delayed, NextBarClose, NextBarOpen, SameBarClose, Timing
from ml4t.simulation.trading_round import AmbiguousBar
from ml4t.simulation.trailing import TrailAlongPath, TrailFromClose, TrailFromExtreme, Trailing

__all__ = [
    "AccountRules",
    "Adaptive",
    "AllOf",
    "AmbiguousBar",
    "BarAfterEntry",
    "BasisPoints",
    "BestCase",
    "CapAtLimit",
    "CashAccount",
    "Charge",
    "ChildActivation",
    "CloseConfirms",
    "CloseFills",
    "CloseOnly",
    "ClosedBar",
    "ClosingCutoff",
    "CombinedCommission",
    "CombinedSlippage",
    "Commission",
    "Cutoff",
    "Delayed",
    "Entry",
    "EntryBar",
    "EntryBarWhereClear",
    "Execution",
    "ExitByAsset",
    "ExitForAll",
    "ExitOrder",
    "ExitRule",
    "Exits",
    "FillRecord",
    "Financing",
    "FirstOf",
    "FixedAmount",
    "ForEachOrder",
    "HalfSpread",
    "HalfSpreadBps",
    "IbkrFixed",
    "IbkrTiered",
    "Impact",
    "IntrabarPath",
    "LimitCosts",
    "LimitRule",
    "LinearImpact",
    "MarginAccount",
    "MarketAssumptions",
    "Match",
    "MaximumPerOrder",
    "MinimumPerExecution",
    "MinimumPerOrder",
    "NextBarClose",
    "NextBarOpen",
    "NextBarTests",
    "NoCommission",
    "NoCutoff",
    "NoExits",
    "NoFinancing",
    "NoImpact",
    "NoSlippage",
    "NotAtOpen",
    "OpenHighLowClose",
    "OpenLowHighClose",
    "OrderBook",
    "PartialStops",
    "Participation",
    "PerContract",
    "PerOrder",
    "PerShare",
    "PerTrade",
    "Percentage",
    "PreviewedCashAccount",
    "RejectOrder",
    "ReversalConfirms",
    "SameBarClose",
    "ScaledExit",
    "ShortInterest",
    "ShortInterestOnCost",
    "Shortfall",
    "SignalExit",
    "SimulatedBroker",
    "Slippage",
    "SquareRootImpact",
    "StaysTriggered",
    "StopLimitRule",
    "StopLoss",
    "SubmissionOrder",
    "TakeProfit",
    "Tier",
    "TieredPerShare",
    "TimeExit",
    "Timing",
    "TouchFills",
    "TouchedAnew",
    "TradeThroughFills",
    "TradedBars",
    "TrailAlongPath",
    "TrailFromClose",
    "TrailFromExtreme",
    "Trailing",
    "TrailingExit",
    "TrimOrder",
    "UncheckedAccount",
    "UnitsPerBar",
    "Unlimited",
    "VolatilitySlippage",
    "VolatilityStop",
    "VolumeImpact",
    "VolumeShare",
    "WaitBeyond",
    "WithinBar",
    "WorstCase",
    "match",
]

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        """The version, read from the installed metadata when it is asked for."""
        if name == "__version__":
            from importlib import metadata  # noqa: PLC0415 - a third of the package's import time

            return metadata.version("ml4t-core")
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
