"""Faults at the moment of a trade: too much, taken back, or of an order that had ended."""

from random import Random
from typing import ClassVar, Self

import attrs

from ml4t.core.orders import OrderStatus
from ml4t.live.testing.faults import Fault

__all__ = [
    "CorrectFill",
    "EndRest",
    "Execution",
    "ExecutionFault",
    "FillAfterCancel",
    "LateFee",
    "Overfill",
    "RefuseOrder",
    "ReplaceByCopy",
    "TakeFillBack",
]


@attrs.frozen(kw_only=True)
class Execution:
    """How a piece of an order is about to trade.

    Attributes:
        quantity: units, without sign.
        excess: units more than the order asked for.
        fee_delay: seconds until the fee is known; None for at once.
        bust_delay: seconds until it is taken back; None for never.
        correction: by how much the price is corrected when it is taken back; None for not at all.
        end_before: the status in which the order ends before this trade is booked.
        end_after: the status in which the order ends after it.
    """

    quantity: float
    excess: float = 0.0
    fee_delay: float | None = None
    bust_delay: float | None = None
    correction: float | None = None
    end_before: OrderStatus | None = None
    end_after: OrderStatus | None = None


@attrs.frozen(kw_only=True)
class ExecutionFault(Fault):
    """A fault of one trade."""

    opportunities: ClassVar[frozenset[str]] = frozenset({"execution"})

    def shape(self, execution: Execution) -> Execution:
        """The trade as it happens instead."""
        return execution


@attrs.frozen(kw_only=True)
class Overfill(ExecutionFault):
    """More trades than the order asked for.

    Attributes:
        excess: units too much.
    """

    ids: ClassVar[tuple[str, ...]] = ("F22",)
    likely: ClassVar[float] = 0.005
    excess: float = 1.0

    def shape(self, execution: Execution) -> Execution:
        """The trade as it happens instead."""
        return attrs.evolve(execution, excess=self.excess)


@attrs.frozen(kw_only=True)
class TakeFillBack(ExecutionFault):
    """The venue takes the execution back after a while."""

    ids: ClassVar[tuple[str, ...]] = ("F23",)
    likely: ClassVar[float] = 0.01
    seconds: float = 5.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Within five minutes."""
        return cls(seconds=rng.uniform(0.0, 300.0))

    def shape(self, execution: Execution) -> Execution:
        """The trade as it happens instead."""
        return attrs.evolve(execution, bust_delay=self.seconds)


@attrs.frozen(kw_only=True)
class CorrectFill(ExecutionFault):
    """The venue corrects the price of the execution after a while.

    Attributes:
        seconds: until then.
        change: what is added to the price.
    """

    ids: ClassVar[tuple[str, ...]] = ("F16",)
    likely: ClassVar[float] = 0.02
    seconds: float = 5.0
    change: float = 0.02

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Within five minutes, by some cents."""
        return cls(seconds=rng.uniform(0.0, 300.0), change=rng.randint(1, 10) / 100)

    def shape(self, execution: Execution) -> Execution:
        """The trade as it happens instead."""
        return attrs.evolve(execution, bust_delay=self.seconds, correction=self.change)


@attrs.frozen(kw_only=True)
class LateFee(ExecutionFault):
    """The fee of the execution is reported, and charged, later."""

    ids: ClassVar[tuple[str, ...]] = ("F25",)
    likely: ClassVar[float] = 0.5
    seconds: float = 2.0

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """Within a minute."""
        return cls(seconds=rng.uniform(0.0, 60.0))

    def shape(self, execution: Execution) -> Execution:
        """The trade as it happens instead."""
        return attrs.evolve(execution, fee_delay=self.seconds)


@attrs.frozen(kw_only=True)
class EndRest(ExecutionFault):
    """The venue ends what is left of the order after this trade.

    Attributes:
        status: how: ``CANCELLED`` or ``EXPIRED``.
    """

    ids: ClassVar[tuple[str, ...]] = ("F21",)
    likely: ClassVar[float] = 0.05
    status: OrderStatus = OrderStatus.CANCELLED

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """One or the other."""
        return cls(status=rng.choice((OrderStatus.CANCELLED, OrderStatus.EXPIRED)))

    def shape(self, execution: Execution) -> Execution:
        """The trade as it happens instead."""
        return attrs.evolve(execution, end_after=self.status)


@attrs.frozen(kw_only=True)
class FillAfterCancel(ExecutionFault):
    """The order is reported as cancelled, and then this trade of it is."""

    ids: ClassVar[tuple[str, ...]] = ("F20",)
    likely: ClassVar[float] = 0.02

    def shape(self, execution: Execution) -> Execution:
        """The trade as it happens instead."""
        return attrs.evolve(execution, end_before=OrderStatus.CANCELLED)


@attrs.frozen(kw_only=True)
class ReplaceByCopy(Fault):
    """The changed order is a new one under the same reference, and the old one works on."""

    ids: ClassVar[tuple[str, ...]] = ("F14",)
    opportunities: ClassVar[frozenset[str]] = frozenset({"replacement"})
    likely: ClassVar[float] = 0.02


@attrs.frozen(kw_only=True)
class RefuseOrder(Fault):
    """The venue refuses an order that it could have taken.

    Attributes:
        reason: in the venue's words.
    """

    ids: ClassVar[tuple[str, ...]] = ("F10",)
    opportunities: ClassVar[frozenset[str]] = frozenset({"acceptance"})
    likely: ClassVar[float] = 0.1
    reason: str = "201: order rejected"
