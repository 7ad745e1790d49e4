"""An order that is being judged, and what it would do to the account."""

import attrs

from ml4t.core.order_requests import OrderRequest, OrderSide
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk.asset_facts import AssetFacts, Pending, worst_price
from ml4t.core.risk.book import RiskBook
from ml4t.core.risk.config import LiveRiskConfig
from ml4t.core.risk.facts import Moment, WorstCase

__all__ = ["ALONE", "Placement", "Proposal", "propose"]


@attrs.frozen(kw_only=True)
class Placement:
    """Where an order stands among others.

    Attributes:
        reserved_as: the id under which it already counts in the book, such as that of a child
            whose parent has filled.
        parent: the id of the order that it waits for or waited for.
        group: the group of which only one may fill.
        is_child: whether it is judged together with a parent that the book does not hold yet.
        orders_ahead: orders of the same call that leave before it.
        orders_ahead_of_side: those of them of its side.
        value_ahead: money of those of them that open risk.
    """

    reserved_as: str = ""
    parent: str | None = None
    group: str | None = None
    is_child: bool = False
    orders_ahead: int = 0
    orders_ahead_of_side: int = 0
    value_ahead: float = 0.0


ALONE = Placement()
"""An order that came by itself."""


class Proposal:
    """An order that is being judged, with what all rules need to know of it.

    Attributes:
        request: what is asked.
        book: the facts about the account.
        moment: when it is judged.
        placement: where it stands among others.
        replaced: the order that it changes; None for a new one.
        by_human: whether a person sends it by hand to get out of a position.
        facts: what is known about its asset.
        reference: the price to judge it by; None where it is not known or too old.
        value: money at the worst price it may fill at; None where it cannot be said.
        reduces: whether it makes a position smaller, whatever else of its side fills.
        pending: what the open orders of the asset could do together with it.
        worst: how far the position could go then.
    """

    __slots__ = (
        "book",
        "by_human",
        "facts",
        "moment",
        "pending",
        "placement",
        "reduces",
        "reference",
        "replaced",
        "request",
        "value",
        "worst",
    )

    request: OrderRequest
    book: RiskBook
    moment: Moment
    placement: Placement
    replaced: Order | None
    by_human: bool
    facts: AssetFacts
    reference: float | None
    value: float | None
    reduces: bool
    pending: Pending
    worst: WorstCase

    @property
    def config(self) -> LiveRiskConfig:
        """The limits."""
        return self.book.config

    @property
    def is_buy(self) -> bool:
        """Whether it buys."""
        return self.request.side is OrderSide.BUY

    @property
    def own_id(self) -> str:
        """The id under which it already counts in the book; empty for none."""
        return self.placement.reserved_as if self.replaced is None else self.replaced.id

    @property
    def is_counted(self) -> bool:
        """Whether the book already counts it among the open orders."""
        return self.own_id in self.facts.orders


def propose(
    request: OrderRequest,
    book: RiskBook,
    moment: Moment,
    *,
    placement: Placement = ALONE,
    replaced: Order | None = None,
    by_human: bool = False,
) -> Proposal:
    """Work out what an order would do."""
    proposal = Proposal()
    proposal.request, proposal.book, proposal.moment = request, book, moment
    proposal.placement, proposal.replaced, proposal.by_human = placement, replaced, by_human
    facts = book.facts(request.asset) or AssetFacts(request.asset)
    proposal.facts = facts
    proposal.reference = facts.reference(moment, book.config.staleness_seconds)
    proposal.pending = _pending(proposal)
    held = facts.quantity
    proposal.worst = WorstCase(held + proposal.pending.buys, held - proposal.pending.sells)
    proposal.reduces = _reduces(proposal)
    proposal.value = _value(proposal)
    return proposal


def _pending(proposal: Proposal) -> Pending:
    request, facts, place = proposal.request, proposal.facts, proposal.placement
    if place.is_child:
        # It can only take back what its parent has bought or sold.
        return facts.pending
    old = proposal.replaced
    if old is not None:
        changed = attrs.evolve(old, request=request)
        before, after = facts.pending, facts.pending_with(changed)
        # Until the venue has answered, the old and the new order are both possible.
        return Pending(*map(max, attrs.astuple(before), attrs.astuple(after)))
    if place.reserved_as or place.parent or place.group or request.reduce_only:
        # A child that wakes can fill, which a sleeping one could not, and an exit only closes.
        order = Order(
            place.reserved_as,
            request,
            OrderStatus.PENDING,
            parent=place.parent,
            group=place.group,
        )
        return facts.pending_with(order)
    return facts.pending.plus(request)


def _reduces(proposal: Proposal) -> bool:
    if proposal.placement.is_child:
        return True
    held, quantity = proposal.facts.quantity, proposal.request.quantity
    if not held or not quantity > 0:
        return False
    if proposal.is_buy:
        return held < 0 and proposal.pending.buys <= -held * (1 + 1e-9)
    return held > 0 and proposal.pending.sells <= held * (1 + 1e-9)


def _value(proposal: Proposal) -> float | None:
    request, facts, reference = proposal.request, proposal.facts, proposal.reference
    if facts.factor is None:
        return None
    buffer = 0.0 if proposal.reduces and not proposal.is_buy else proposal.config.market_buffer
    price = worst_price(request, reference, buffer)
    if price is None:
        return None
    if not proposal.is_buy and reference is not None:
        # A sale fills at its limit or better, so the market may be worth more than the limit.
        price = max(price, reference)
    quantity = request.quantity
    if proposal.replaced is not None:
        quantity -= proposal.replaced.filled_quantity
    return quantity * price * facts.factor
