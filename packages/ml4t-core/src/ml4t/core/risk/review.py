"""The one place where orders are approved."""

import math
from collections.abc import Sequence

import attrs

from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import Order
from ml4t.core.risk.account_rules import DailyLoss, Drawdown
from ml4t.core.risk.book import RiskBook
from ml4t.core.risk.exposure_rules import BuyingPower, CumulativeValue, Exposure
from ml4t.core.risk.facts import Moment
from ml4t.core.risk.order_rules import (
    OrderShares,
    OrderValue,
    PossibleNumbers,
    ReduceOnly,
    Steps,
    TermsKnown,
    TradingAllowed,
)
from ml4t.core.risk.position_rules import (
    AllowedAssets,
    PositionCount,
    PositionShares,
    PositionValue,
    Quarantine,
    Restrictions,
    Reversal,
    ShortSales,
)
from ml4t.core.risk.price_rules import (
    Collar,
    FreshPrice,
    SelfTradePrevention,
    Spread,
    market_as_limit,
)
from ml4t.core.risk.proposal import ALONE, Placement, Proposal, propose
from ml4t.core.risk.rate_rules import (
    Duplicates,
    MessageRate,
    OrderRate,
    Repeats,
    UnknownOrders,
    WorkingOrders,
    cancel_finding,
)
from ml4t.core.risk.session_rules import Auctions, Blackouts, Hours
from ml4t.core.risk.verdicts import Action, Approved, Finding, Refused, Verdict, _approve

__all__ = [
    "RULES",
    "is_reducing",
    "review",
    "review_alternatives",
    "review_cancel",
    "review_family",
    "review_replace",
    "split_flip",
]

RULES = (
    PossibleNumbers(),
    TradingAllowed(),
    TermsKnown(),
    Blackouts(),
    Hours(),
    Auctions(),
    AllowedAssets(),
    Restrictions(),
    Quarantine(),
    UnknownOrders(),
    FreshPrice(),
    Steps(),
    OrderShares(),
    OrderValue(),
    Collar(),
    Spread(),
    ReduceOnly(),
    Reversal(),
    ShortSales(),
    SelfTradePrevention(),
    PositionShares(),
    PositionValue(),
    PositionCount(),
    WorkingOrders(),
    Exposure(),
    DailyLoss(),
    Drawdown(),
    BuyingPower(),
    CumulativeValue(),
    Duplicates(),
    Repeats(),
    OrderRate(),
    MessageRate(),
)
"""Every rule in the order in which they are asked; the first refusal is the answer."""

_CHECKS = tuple((rule, rule.check) for rule in RULES)


def review(
    request: OrderRequest,
    book: RiskBook,
    moment: Moment,
    *,
    placement: Placement = ALONE,
    by_human: bool = False,
) -> Verdict:
    """Whether a new order may be sent.

    What was approved has to be noted in the book (``note_sent``, then ``set_order``) before the
    next order is reviewed.

    Args:
        request: the order.
        book: the facts about the account.
        moment: now.
        placement: the group or parent that it belongs to.
        by_human: whether a person sends it by hand to get out of a position: it passes while
            trading is halted, and the limits of size and rate, if it reduces.
    """
    proposal = propose(request, book, moment, placement=placement, by_human=by_human)
    # A person who does not reduce is treated like a strategy.
    proposal.by_human = by_human and proposal.reduces
    refused = _judge(proposal)
    return refused or _approve(market_as_limit(proposal), Action.SUBMIT)


def review_replace(order: Order, request: OrderRequest, book: RiskBook, moment: Moment) -> Verdict:
    """Whether a working order may be changed to ``request``.

    Until the venue has answered, both the old and the new order count; what was approved has to be
    noted with ``set_order(order, replacing=request)``.
    """
    proposal = propose(request, book, moment, replaced=order)
    refused = _judge(proposal)
    return refused or _approve(request, Action.REPLACE, order.id)


def review_cancel(
    order: Order, book: RiskBook, moment: Moment, *, by_human: bool = False
) -> Verdict:
    """Whether a cancel may be sent: always but for the rate of messages, for a person without it.

    What was approved has to be noted with ``note_message``.
    """
    finding = None if by_human else cancel_finding(book, moment.monotonic)
    if finding is None:
        return _approve(order.request, Action.CANCEL, order.id)
    return _refused(order.request, "MessageRate", 11, finding)


def review_family(
    parent: OrderRequest, children: Sequence[OrderRequest], book: RiskBook, moment: Moment
) -> tuple[Approved, ...] | Refused:
    """Whether an order and the alternatives that close what it opens may be sent together.

    Returns:
        The approved orders, parent first, or the first refusal, which is that of all.
    """
    approved = []
    for ahead, request in enumerate((parent, *children)):
        is_child = ahead > 0
        if is_child and (finding := _not_a_child(parent, request)):
            return _refused(request, "ChildOfParent", 1, finding)
        place = Placement(
            is_child=is_child,
            orders_ahead=ahead,
            orders_ahead_of_side=max(ahead - 1, 0),
        )
        verdict = review(request, book, moment, placement=place)
        if isinstance(verdict, Refused):
            return verdict
        approved.append(verdict)
    return tuple(approved)


def _not_a_child(parent: OrderRequest, child: OrderRequest) -> Finding | None:
    if child.asset != parent.asset or child.side is parent.side:
        expected = f"{parent.side.opposite.name} {parent.asset}"
        found = f"{child.side.name} {child.asset}"
        return Finding(found, expected, f"a child must {expected}, was {found}")
    if not child.quantity <= parent.quantity:
        found, limit = f"{child.quantity:g}", f"{parent.quantity:g}"
        return Finding(found, limit, f"a child asks for {found}, its parent for {limit}")
    return None


def review_alternatives(
    requests: Sequence[OrderRequest], book: RiskBook, moment: Moment
) -> tuple[Approved, ...] | Refused:
    """Whether orders of which only one may fill may be sent together.

    Returns:
        The approved orders as given, or the first refusal, which is that of all.
    """
    approved: list[Approved] = []
    for request in requests:
        of_side = sum(other.request.side is request.side for other in approved)
        place = Placement(orders_ahead=len(approved), orders_ahead_of_side=of_side)
        verdict = review(request, book, moment, placement=place)
        if isinstance(verdict, Refused):
            return verdict
        approved.append(verdict)
    return tuple(approved)


def is_reducing(request: OrderRequest, book: RiskBook) -> bool:
    """Whether a position is smaller and on the same side when the order has filled in full.

    All open orders of its side count as filled, too.
    """
    return book.reduces(request)


def split_flip(request: OrderRequest, position: float) -> tuple[OrderRequest, OrderRequest | None]:
    """A reversal as the order that closes and the one that opens.

    The second may be sent, and is to be reviewed, when the first has filled.

    Args:
        request: the order that would take the position through zero.
        position: the quantity held, with sign.

    Returns:
        Both; the second is None where the order does not reach beyond zero, and the first is the
        order itself where it does not reduce at all.

    >>> close, more = split_flip(OrderRequest.of("SPY", -15), 10.0)
    >>> close.quantity, more.quantity
    (10.0, 5.0)
    """
    if request.signed_quantity * position >= 0 or request.quantity <= abs(position):
        return request, None
    closing = attrs.evolve(request, quantity=math.fabs(position))
    return closing, attrs.evolve(request, quantity=request.quantity - closing.quantity)


def _judge(proposal: Proposal) -> Refused | None:
    for rule, check in _CHECKS:
        finding = check(proposal)
        if finding is not None:
            return _refused(proposal.request, type(rule).__name__, rule.number, finding)
    return None


def _refused(request: OrderRequest, rule: str, control: int, finding: Finding) -> Refused:
    return Refused(
        request=request,
        rule=rule,
        control=control,
        value=finding.value,
        limit=finding.limit,
        reason=finding.reason,
        breach=finding.breach,
        conflicts=finding.conflicts,
    )
