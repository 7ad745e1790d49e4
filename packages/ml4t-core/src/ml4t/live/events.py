"""What the journal holds: all that ever changed the state of a live run, as frozen values."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TypeAlias

import attrs

from ml4t.core.assets import Asset
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import Order
from ml4t.core.positions import Position
from ml4t.core.risk import TradingState
from ml4t.core.venue_events import CashFlow

__all__ = [
    "EVENT_TYPES",
    "Alert",
    "AssetListed",
    "BalanceAdopted",
    "CancelRequested",
    "CashFlowBooked",
    "CauseCleared",
    "CauseRaised",
    "DifferenceFound",
    "EngineStarted",
    "EngineStopped",
    "FeeBooked",
    "FillBooked",
    "FillBusted",
    "HighWaterMark",
    "IntentRecorded",
    "JournalEvent",
    "OrderChanged",
    "OrderDenied",
    "Rearmed",
    "ReplaceRequested",
    "SessionBegan",
]


@attrs.frozen(kw_only=True)
class EngineStarted:
    """An engine opened the journal.

    Attributes:
        account_id: the account that the venue named.
        environment: whose money it holds, in the words of ``Environment``.
        broker: which adapter.
        app_version: the version of ml4t-core.
        config_hash: of everything configured, so that a change between runs shows.
        strategy_hash: of the strategy's file; "" where it is not known.
        limits: the risk limits by name, as text, so that a looser one shows.
    """

    account_id: str
    environment: str
    broker: str
    app_version: str
    config_hash: str
    strategy_hash: str = ""
    limits: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class EngineStopped:
    """An engine closed the journal of its own accord."""

    reason: str


@attrs.frozen(kw_only=True)
class AssetListed:
    """The venue named the terms of an instrument, or other terms than before."""

    asset: Asset


@attrs.frozen(kw_only=True)
class BalanceAdopted:
    """What the account held was taken over: at the first start, or because a person said so.

    Attributes:
        cash: money not invested from now on.
        positions: everything held from now on, by symbol.
        by: who said so; "first start" where the account had no position and no history.
        since: executions before this instant are contained in it, timezone-aware.
    """

    cash: float
    positions: Mapping[str, Position]
    by: str
    since: datetime


@attrs.frozen(kw_only=True)
class IntentRecorded:
    """Orders passed every check and may be sent from now on, and never before.

    Attributes:
        orders: in status PENDING or HELD, several where they hang together.
        strategy: whose they are.
        purpose: "strategy", or which part of the runtime wanted them.
    """

    orders: tuple[Order, ...]
    strategy: str
    purpose: str = "strategy"


@attrs.frozen(kw_only=True)
class OrderDenied:
    """An order was not sent.

    Attributes:
        request: what was asked.
        rule: the name of the rule that said no.
        control: its number in the table of controls.
        value: what the rule measured.
        limit: what it allows.
        reason: both in words.
        instead_of: the working order that it would have changed; "" for a new one.
    """

    request: OrderRequest
    rule: str
    control: int
    value: str
    limit: str
    reason: str
    instead_of: str = ""


@attrs.frozen(kw_only=True)
class OrderChanged:
    """An order has another state.

    Attributes:
        order: the new state.
        evidence: where it is known from: "answer", "event", "query", "snapshot" or "time-out".
    """

    order: Order
    evidence: str


@attrs.frozen(kw_only=True)
class FillBooked:
    """An execution changed the account.

    Attributes:
        fill: the execution.
        evidence: "event" from the stream, "query" where the stream had lost it, "gap" where only
            the order's total said that more had filled and this stands in for it, "covered" where
            a stand-in was booked before it was reported, whose place it takes.
    """

    fill: Fill
    evidence: str


@attrs.frozen(kw_only=True)
class FillBusted:
    """The venue took an execution back; its effect on the account is undone."""

    fill_id: str
    reason: str


@attrs.frozen(kw_only=True)
class FeeBooked:
    """The fee of an execution became known after the execution."""

    fill_id: str
    fee: float


@attrs.frozen(kw_only=True)
class CashFlowBooked:
    """Money came or went without a trade.

    Attributes:
        flow: how much and what for.
        evidence: "event" where the venue reported it, "account" where the balance showed it.
    """

    flow: CashFlow
    evidence: str


@attrs.frozen(kw_only=True)
class CancelRequested:
    """A cancel is about to be sent.

    Attributes:
        order_id: which order.
        by: who wants it gone.
    """

    order_id: str
    by: str


@attrs.frozen(kw_only=True)
class ReplaceRequested:
    """A change of a working order passed every check and is about to be sent."""

    order_id: str
    request: OrderRequest


@attrs.frozen(kw_only=True)
class CauseRaised:
    """Something makes trading more restricted.

    Attributes:
        name: which cause.
        state: what it restricts trading to.
        reason: in words for a person.
        latched: whether only a person may take it away.
    """

    name: str
    state: TradingState
    reason: str
    latched: bool


@attrs.frozen(kw_only=True)
class CauseCleared:
    """Evidence arrived that a cause is over."""

    name: str
    evidence: str


@attrs.frozen(kw_only=True)
class Rearmed:
    """A person took away the latched causes.

    Attributes:
        by: who.
        reason: why, as they said.
        names: the causes that were taken away.
    """

    by: str
    reason: str
    names: tuple[str, ...]


@attrs.frozen(kw_only=True)
class SessionBegan:
    """The first look at the account in a trading session, from which the day's loss counts."""

    label: date
    equity: float


@attrs.frozen(kw_only=True)
class HighWaterMark:
    """The greatest equity so far, without money that came or went."""

    equity: float


@attrs.frozen(kw_only=True)
class DifferenceFound:
    """The account at the venue is not what the journal says.

    Attributes:
        kind: "position", "cash", "order" or "fill".
        subject: the symbol or id.
        ours: what the journal says.
        theirs: what the venue says.
    """

    kind: str
    subject: str
    ours: str
    theirs: str


@attrs.frozen(kw_only=True)
class Alert:
    """Something that a person should know."""

    kind: str
    message: str


JournalEvent: TypeAlias = (
    EngineStarted
    | EngineStopped
    | AssetListed
    | BalanceAdopted
    | IntentRecorded
    | OrderDenied
    | OrderChanged
    | FillBooked
    | FillBusted
    | FeeBooked
    | CashFlowBooked
    | CancelRequested
    | ReplaceRequested
    | CauseRaised
    | CauseCleared
    | Rearmed
    | SessionBegan
    | HighWaterMark
    | DifferenceFound
    | Alert
)
"""Whatever the journal may hold."""

EVENT_TYPES: dict[str, type[JournalEvent]] = {
    kind.__name__: kind
    for kind in (
        EngineStarted, EngineStopped, AssetListed, BalanceAdopted, IntentRecorded, OrderDenied,
        OrderChanged, FillBooked, FillBusted, FeeBooked, CashFlowBooked, CancelRequested,
        ReplaceRequested, CauseRaised, CauseCleared, Rearmed, SessionBegan,
        HighWaterMark, DifferenceFound, Alert,
    )
}  # fmt: skip
"""The kinds of event by the name that the journal uses for them."""
