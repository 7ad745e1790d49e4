"""What a venue reports of its own accord, besides changes of orders and fills."""

import math
from datetime import datetime
from typing import TypeAlias

import attrs

from ml4t.core.errors import InvalidValueError
from ml4t.core.fills import Fill
from ml4t.core.order_requests import Constant
from ml4t.core.orders import Order
from ml4t.core.times import require_aware

__all__ = [
    "AccountIdentity",
    "AccountRestriction",
    "CashFlow",
    "ConnectionChange",
    "Environment",
    "FeeReport",
    "FillBust",
    "TradingHalt",
    "VenueEvent",
]


class Environment(Constant):
    """Whose money an account holds.

    ``SIMULATED``: nobody's, the venue is in this program. ``PAPER``: nobody's, at a real venue.
    ``LIVE``: the user's.
    """

    SIMULATED = "simulated"
    PAPER = "paper"
    LIVE = "live"


@attrs.frozen(kw_only=True)
class AccountIdentity:
    """Which account a session reaches.

    Attributes:
        account_id: the venue's name for the account.
        environment: whose money it holds.
    """

    account_id: str
    environment: Environment


@attrs.frozen(kw_only=True)
class ConnectionChange:
    """The session with the venue was lost or is back; what happened meanwhile was not reported.

    Attributes:
        is_up: whether orders can be sent and their events arrive.
        reason: what the venue or the socket said.
    """

    is_up: bool
    reason: str = ""


@attrs.frozen(kw_only=True)
class FillBust:
    """An execution that the venue took back.

    A corrected execution is a bust of the old one and a fill under a new id.

    Attributes:
        fill_id: the execution.
        reason: why, as the venue said it.
    """

    fill_id: str
    reason: str = ""


@attrs.frozen(kw_only=True)
class FeeReport:
    """What an execution cost, where the venue says so later than it reports the execution.

    Attributes:
        fill_id: the execution.
        fee: all that was charged for it, in the account's currency; negative for a rebate.
    """

    fill_id: str
    fee: float

    def __attrs_post_init__(self) -> None:
        if not -math.inf < self.fee < math.inf:
            msg = f"fee of fill {self.fill_id} must be finite, was {self.fee}"
            raise InvalidValueError(msg)


@attrs.frozen(kw_only=True)
class CashFlow:
    """Money that came or went without a trade: dividend, interest, deposit, withdrawal, fee.

    Attributes:
        id: the venue's name for it, unique within an account.
        amount: what the cash changed by, positive for money that came.
        reason: what it was for.
        timestamp: when it was booked, timezone-aware.
    """

    id: str
    amount: float
    reason: str
    timestamp: datetime

    def __attrs_post_init__(self) -> None:
        require_aware(self.timestamp, "timestamp")
        if not -math.inf < self.amount < math.inf:
            msg = f"amount of cash flow {self.id} must be finite, was {self.amount}"
            raise InvalidValueError(msg)


@attrs.frozen(kw_only=True)
class AccountRestriction:
    """The venue restricted, suspended or began to liquidate the account, or revoked its key.

    Attributes:
        reason: what the venue said.
    """

    reason: str


@attrs.frozen(kw_only=True)
class TradingHalt:
    """The venue halted trading in an asset, or lets it trade again.

    Attributes:
        asset: the symbol.
        is_halted: whether it is halted now.
        reason: what the venue said.
    """

    asset: str
    is_halted: bool
    reason: str = ""


VenueEvent: TypeAlias = (
    Order
    | Fill
    | ConnectionChange
    | FillBust
    | FeeReport
    | CashFlow
    | AccountRestriction
    | TradingHalt
)
"""Whatever a venue reports of its own accord."""
