"""What the rules answer."""

from typing import TypeAlias

import attrs

from ml4t.core.order_requests import Constant, OrderRequest
from ml4t.core.risk.states import TradingState

__all__ = ["Action", "Approved", "Breach", "Finding", "Refused", "Verdict"]


class Action(Constant):
    """What was approved: to send an order, to change one, or to cancel one."""

    SUBMIT = "submit"
    REPLACE = "replace"
    CANCEL = "cancel"


@attrs.frozen(kw_only=True)
class Breach:
    """A limit that was reached and what it does to trading.

    Attributes:
        control: its number in :data:`~ml4t.core.risk.CONTROLS`.
        state: how much trading is allowed from now on.
        is_latched: whether only a person can lift it; else it ends when the evidence does.
        reason: what happened, in words for a person.
    """

    control: int
    state: TradingState
    is_latched: bool
    reason: str


@attrs.frozen
class Finding:
    """Why a rule refuses, without the order.

    Attributes:
        value: what was found.
        limit: what was allowed.
        reason: both in a sentence that says what to do.
        breach: what it does to trading beyond this order, or None.
        conflicts: ids of the orders that are in the way.
    """

    value: str
    limit: str
    reason: str
    breach: Breach | None = None
    conflicts: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Refused:
    """An order that no venue gets to see, and why.

    Attributes:
        request: the order.
        rule: the name of the rule.
        control: its number in :data:`~ml4t.core.risk.CONTROLS`; 0 for the state of trading.
        value: what was found.
        limit: what was allowed.
        reason: both in a sentence.
        breach: what it does to trading beyond this order, or None.
        conflicts: ids of the orders that are in the way, where cancelling them would help.
    """

    request: OrderRequest
    rule: str
    control: int
    value: str
    limit: str
    reason: str
    breach: Breach | None = None
    conflicts: tuple[str, ...] = ()


_SEAL = object()


@attrs.frozen
class Approved:
    """An order that every rule has seen. Only the functions of ``review`` make one.

    Attributes:
        request: what may be sent; it can differ from what was asked, see ``market_as_limit``.
        action: what may be done with it.
        order_id: which order may be changed or cancelled; empty for a new one.

    Raises:
        TypeError: somebody else tries to make one.
    """

    request: OrderRequest
    action: Action
    order_id: str
    _seal: object = attrs.field(repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self._seal is not _SEAL:
            msg = "only review() approves orders"
            raise TypeError(msg)


Verdict: TypeAlias = Approved | Refused


def _approve(request: OrderRequest, action: Action, order_id: str = "") -> Approved:
    return Approved(request, action, order_id, _SEAL)
