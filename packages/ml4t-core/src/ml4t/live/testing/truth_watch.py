"""Checks while it runs what a live runtime must never do, against the venue's own truth.

Each finding begins with the name of the invariant that was broken:

* ``I1``: more than one order was accepted for one intent, or more of it filled than was asked for;
* ``I4``: position and working orders could exceed a limit;
* ``I7``: an order with new risk left while the runtime said that none may.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping

import attrs

from ml4t.core.order_requests import OrderRequest, OrderSide
from ml4t.core.orders import OrderStatus
from ml4t.live.testing.true_orders import Owner, TrueOrder

__all__ = ["TruthLimits", "TruthWatch"]

_TOLERANCE = 1e-6
_ACTIVE = "ACTIVE"


@attrs.frozen(kw_only=True)
class TruthLimits:
    """The limits that the venue's truth is held against, in units; None for no limit.

    Attributes:
        max_position: units of one asset, without sign, by symbol.
        max_order: units of one order.
        max_open_orders: working orders of the program under test at one time.
        grace: seconds for which what others did to the account may be unknown to the program.
    """

    max_position: Mapping[str, float] = attrs.field(factory=dict)
    max_order: float | None = None
    max_open_orders: int | None = None
    grace: float = 90.0


class TruthWatch:
    """What was broken so far.

    Attributes:
        limits: the limits of ``I4``.
        state: gives the trading state that the program under test is in, by name; None where it
            is not checked.
        believed: gives the position that the program knows of, so that ``I7`` can tell whether an
            order reduces it; None for the true one.
        findings: what was broken, in words, in the order of time.
        counts: how many orders were sent, accepted and rejected, fills traded and taken back.
    """

    def __init__(self) -> None:
        self.limits = TruthLimits()
        self.state: Callable[[], str] | None = None
        self.believed: Callable[[str], float] | None = None
        self.findings: list[str] = []
        self.counts: Counter[str] = Counter()
        self._outside: deque[tuple[float, str, float]] = deque()

    def check(self) -> list[str]:
        """Everything that was broken so far."""
        return list(self.findings)

    def sent(self, request: OrderRequest, held: float) -> None:
        """Judge an order at the moment at which the program let it go."""
        self.counts["sent"] += 1
        state = self.state() if self.state is not None else _ACTIVE
        if state == _ACTIVE:
            return
        position = held if self.believed is None else self.believed(request.asset)
        signed = request.signed_quantity
        if position * signed < 0 and abs(signed) <= abs(position) + _TOLERANCE:
            return
        self.findings.append(
            f"I7: {request.side.value} {request.quantity:g} {request.asset} left in {state} with "
            f"a position of {position:g}"
        )

    def accepted(self, order: TrueOrder, namesakes: Iterable[TrueOrder], open_orders: int) -> None:
        """Judge an order of the program that the venue took."""
        self.counts["accepted"] += 1
        others = [other for other in namesakes if other is not order]
        if any(other.status is not OrderStatus.REJECTED for other in others):
            self.findings.append(f"I1: order {order.id} was accepted {len(others) + 1} times")
        limits = self.limits
        if limits.max_order is not None and order.request.quantity > limits.max_order:
            self.findings.append(f"I4: order {order.id} asks for {order.request.quantity:g}")
        if limits.max_open_orders is not None and open_orders > limits.max_open_orders:
            self.findings.append(f"I4: {open_orders} orders work at once")

    def exposed(
        self, order: TrueOrder, working: Iterable[TrueOrder], held: float, now: float
    ) -> None:
        """Judge what position and working orders could come to, after an order of the program."""
        asset, side = order.request.asset, order.request.side
        limit = self.limits.max_position.get(asset)
        if limit is None:
            return
        worst = (held + sum(other.signed_remaining for other in working
                            if other.request.side is side)) * side.sign  # fmt: skip
        # What others did a moment ago need not be known to the program yet.
        lenient = worst - self._recent(asset, now) * side.sign
        if min(worst, lenient) > limit + _TOLERANCE:
            self.findings.append(
                f"I4: {asset} could come to {worst:g} with order {order.id}, limit {limit:g}"
            )

    def traded(self, order: TrueOrder) -> None:
        """Judge a trade."""
        self.counts["fills"] += 1
        too_much = order.filled > order.request.quantity + _TOLERANCE
        if too_much and not order.may_exceed and order.owner is Owner.ENGINE:
            self.findings.append(f"I1: {order.filled:g} of order {order.id} filled")

    def outside(self, asset: str, signed: float, now: float) -> None:
        """Note that somebody else changed a position, or could do so with an order."""
        self._outside.append((now, asset, signed))
        while self._outside and self._outside[0][0] < now - self.limits.grace:
            self._outside.popleft()

    def _recent(self, asset: str, now: float) -> float:
        since = now - self.limits.grace
        return sum(signed for at, name, signed in self._outside if name == asset and at >= since)


def is_increasing(held: float, side: OrderSide) -> bool:
    """Whether a trade on ``side`` makes a position of ``held`` greater."""
    return held * side.sign >= 0
