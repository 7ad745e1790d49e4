"""The nouns and contracts of ml4t: what a strategy, a broker and a feed are.

Pure and synchronous: nothing in here reads a clock or a socket, and nothing but attrs and the
standard library is imported. The one file that is read is the one that holds a strategy.
"""

from typing import TYPE_CHECKING

from ml4t.core.assets import Asset
from ml4t.core.bars import Bar, PriceBar
from ml4t.core.broker import (
    AsyncBrokerProtocol,
    BarDrivenBroker,
    BrokerProtocol,
    GroupBroker,
    LendingBroker,
)
from ml4t.core.calendar import AlwaysOpen, Session, TradingCalendar
from ml4t.core.capabilities import Capabilities
from ml4t.core.errors import (
    CallTimeoutError,
    ConfigError,
    DataError,
    InvalidOrderError,
    InvalidValueError,
    JournalError,
    Ml4tError,
    ProtocolError,
    RebalanceError,
    StrategyError,
    TransitionError,
    UnknownAssetError,
    UnknownOrderError,
    VenueRefusedError,
    VenueUnavailableError,
)
from ml4t.core.feed import DataFeedProtocol
from ml4t.core.fills import Fill
from ml4t.core.groups import Bracket, BracketRequest
from ml4t.core.ledger import Ledger
from ml4t.core.needs import Needs
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.panel import BarView, MarketSlice, Panel
from ml4t.core.positions import AccountSnapshot, Position
from ml4t.core.protocol import PROTOCOL, check_protocol
from ml4t.core.raw_bars import RawBar
from ml4t.core.rebalance import TargetWeightExecutor
from ml4t.core.rebalance_config import RebalanceConfig
from ml4t.core.rebalance_plan import RebalanceRow
from ml4t.core.strategy import Strategy
from ml4t.core.venue_events import (
    AccountIdentity,
    AccountRestriction,
    CashFlow,
    ConnectionChange,
    Environment,
    FeeReport,
    FillBust,
    TradingHalt,
    VenueEvent,
)

__all__ = [
    "PROTOCOL",
    "AccountIdentity",
    "AccountRestriction",
    "AccountSnapshot",
    "AlwaysOpen",
    "Asset",
    "AsyncBrokerProtocol",
    "Bar",
    "BarDrivenBroker",
    "BarView",
    "Bracket",
    "BracketRequest",
    "BrokerProtocol",
    "CallTimeoutError",
    "Capabilities",
    "CashFlow",
    "ConfigError",
    "ConnectionChange",
    "DataError",
    "DataFeedProtocol",
    "Environment",
    "FeeReport",
    "Fill",
    "FillBust",
    "GroupBroker",
    "InvalidOrderError",
    "InvalidValueError",
    "JournalError",
    "Ledger",
    "LendingBroker",
    "MarketSlice",
    "Ml4tError",
    "Needs",
    "Order",
    "OrderRequest",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "Panel",
    "Position",
    "PriceBar",
    "ProtocolError",
    "RawBar",
    "RebalanceConfig",
    "RebalanceError",
    "RebalanceRow",
    "Session",
    "Strategy",
    "StrategyError",
    "TargetWeightExecutor",
    "TimeInForce",
    "TradingCalendar",
    "TradingHalt",
    "TransitionError",
    "UnknownAssetError",
    "UnknownOrderError",
    "VenueEvent",
    "VenueRefusedError",
    "VenueUnavailableError",
    "check_protocol",
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
