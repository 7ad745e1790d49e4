"""A venue in memory: one set of matching, fee and account rules for backtest and shadow."""

from typing import TYPE_CHECKING

from ml4t.simulation.accounts import (
    AccountRules,
    CashAccount,
    MarginAccount,
    RejectOrder,
    Shortfall,
    TrimOrder,
)
from ml4t.simulation.broker import MarketAssumptions, SimulatedBroker
from ml4t.simulation.commission import Commission, NoCommission, Percentage, PerShare, PerTrade
from ml4t.simulation.matching import Match, match
from ml4t.simulation.order_book import OrderBook
from ml4t.simulation.slippage import BasisPoints, FixedAmount, NoSlippage, Slippage
from ml4t.simulation.timing import NextBarClose, NextBarOpen, SameBarClose, Timing

__all__ = [
    "AccountRules",
    "BasisPoints",
    "CashAccount",
    "Commission",
    "FixedAmount",
    "MarginAccount",
    "MarketAssumptions",
    "Match",
    "NextBarClose",
    "NextBarOpen",
    "NoCommission",
    "NoSlippage",
    "OrderBook",
    "PerShare",
    "PerTrade",
    "Percentage",
    "RejectOrder",
    "SameBarClose",
    "Shortfall",
    "SimulatedBroker",
    "Slippage",
    "Timing",
    "TrimOrder",
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
