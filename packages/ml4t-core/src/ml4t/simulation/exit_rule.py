"""What a rule that closes positions is told, and what it answers."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import attrs

from ml4t.core.order_requests import OrderType

__all__ = ["ClosedBar", "Entry", "ExitOrder", "ExitRule"]


class Entry(NamedTuple):
    """How a position was entered.

    Attributes:
        sign: +1 for a long position, -1 for a short one.
        price: the average price at which the market stood, money per unit.
        average_range: the mean true range of so many bars before the one in which the position was
            opened; None where there was no such bar.
    """

    sign: int
    price: float
    average_range: Callable[[int], float | None]

    def level(self, gain: float) -> float:
        """The price at which the position has gained ``gain`` a unit; negative for a loss."""
        return self.price + self.sign * gain

    def is_beyond(self, price: float, level: float) -> bool:
        """Whether ``price`` is at least as good for the position as ``level``."""
        return self.sign * (price - level) >= 0


class ClosedBar(NamedTuple):
    """A position at the close of a bar of its asset.

    Attributes:
        entry: how it was entered.
        bars: bars of the asset that have ended since, the one of the entry included.
        best: the most favourable price that is known to have come after the entry.
        bar: the bar that has just ended, with its signals.
    """

    entry: Entry
    bars: int
    best: float
    bar: Mapping[str, float]


@attrs.frozen
class ExitOrder:
    """An order that rests at the venue while a position is open.

    Attributes:
        tag: which rule it is of, as its order's tag says.
        order_type: ``STOP``, ``LIMIT`` or ``TRAILING_STOP``.
        price: the stop or the limit; None for a trail, and where it cannot be said yet.
        trail_amount: as of an order request.
        trail_percent: as of an order request.
        share: which part of the position it closes; None for whatever is held.
        before: the shares of the orders that are to fill before it.
    """

    tag: str
    order_type: OrderType
    price: float | None = None
    trail_amount: float | None = None
    trail_percent: float | None = None
    share: float | None = None
    before: float = 0.0


class ExitRule(Protocol):
    """When a position is closed. A rule is a value: what it needs to know it is told."""

    def orders(self, entry: Entry) -> tuple[ExitOrder, ...]:
        """The orders that rest from the entry on; as many for every entry."""

    def decision(self, moment: ClosedBar) -> str:
        """The tag of a market order that closes the position now; "" to stay."""

    def agrees(self, moment: ClosedBar) -> bool:
        """Whether the rule, asked at the close of a bar, wants the position closed."""
