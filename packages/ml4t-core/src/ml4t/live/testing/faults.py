"""What a fault is: a small value whose class says what goes wrong."""

from random import Random
from typing import ClassVar, Self

import attrs

__all__ = ["CALLS", "OPPORTUNITIES", "READS", "WRITES", "Fault"]

WRITES = frozenset({"submit", "cancel", "cancel_all", "replace"})
"""The calls that change something at the venue."""

CALLS = WRITES | {
    "connect", "identity", "time", "get_asset", "account", "open_orders", "find_order",
    "fills_since",
}  # fmt: skip
"""The calls of an adapter that a fault can hit."""

READS = CALLS - WRITES - {"connect"}
"""The calls that only ask."""

OPPORTUNITIES = CALLS | {
    "acceptance", "replacement", "execution", "event.order", "event.fill", "event.other",
    "bar.delivery", "bar", "session",
}  # fmt: skip
"""Where faults are injected.

``acceptance``: an order has reached the venue. ``replacement``: a change of an order has.
``execution``: a piece of an order is about to trade. ``event.*``, ``bar.delivery``: a report or a
bar is about to go out. ``bar``: the bars of an interval were completed. ``session``: the same, for
the first time in a session.
"""


@attrs.frozen(kw_only=True)
class Fault:
    """Something that goes wrong once.

    Attributes:
        ids: the names of the fault in the list of what a live runtime must survive.
        opportunities: where it can be injected.
        likely: the greatest probability per opportunity that a random plan gives it.
    """

    ids: ClassVar[tuple[str, ...]] = ()
    opportunities: ClassVar[frozenset[str]] = frozenset()
    likely: ClassVar[float] = 0.05

    @classmethod
    def drawn(cls, rng: Random) -> Self:  # noqa: ARG003 - most have no numbers to draw
        """One with random numbers, for a random plan."""
        return cls()
