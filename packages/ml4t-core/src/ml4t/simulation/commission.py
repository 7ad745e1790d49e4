"""What the broker charges for a fill: one small class for each tariff.

A fee is asked for one execution at a time. Where a tariff charges something once for an order, it
charges with each execution what the order so far costs, less what the order before it cost; so
executions in parts together cost what one would have.
"""

import math
from collections.abc import Iterable
from typing import Protocol

import attrs

from ml4t.core.orders import Order
from ml4t.simulation.amounts import within

__all__ = [
    "CombinedCommission",
    "Commission",
    "MaximumPerOrder",
    "MinimumPerExecution",
    "MinimumPerOrder",
    "NoCommission",
    "PerContract",
    "PerOrder",
    "PerShare",
    "PerTrade",
    "Percentage",
]


class Commission(Protocol):
    """A tariff. Fees are never negative and never fall as the quantity grows."""

    def fee(
        self, quantity: float, price: float, multiplier: float, order: Order | None = None
    ) -> float:
        """Money charged for one execution.

        Args:
            quantity: units, without sign; 0 costs nothing.
            price: money per point, after slippage and impact.
            multiplier: points to a unit, as in the asset's terms.
            order: the order before this execution, with what has filled of it; None for an
                execution that is the whole order.
        """


@attrs.frozen
class NoCommission:
    """Nothing is charged."""

    def fee(
        self,
        quantity: float,  # noqa: ARG002
        price: float,  # noqa: ARG002
        multiplier: float,  # noqa: ARG002
        order: Order | None = None,  # noqa: ARG002
    ) -> float:
        """0."""
        return 0.0


@attrs.frozen
class Percentage:
    """A share of the money that changes hands, the contract multiplier included.

    Attributes:
        rate: share of the value, 0.001 for ten basis points; not negative and below 1.

    Raises:
        ConfigError: ``rate`` is outside.

    >>> Percentage(0.001).fee(2, 4_000.0, 50.0)
    400.0
    """

    rate: float = attrs.field(validator=within(0.0, 1.0))

    def fee(
        self,
        quantity: float,
        price: float,
        multiplier: float,
        order: Order | None = None,  # noqa: ARG002
    ) -> float:
        """``rate`` times the value."""
        return self.rate * quantity * price * multiplier


@attrs.frozen
class PerShare:
    """The same money for each unit, within a minimum and a maximum for an execution.

    Put :class:`MinimumPerOrder` or :class:`MaximumPerOrder` around it for those of an order.

    Attributes:
        amount: money per unit, not negative.
        minimum: least money per execution, not negative.
        maximum_share: most money per execution, as a share of its value, from 0 to below 1; it
            goes before the minimum. None, the default, for no maximum.

    Raises:
        ConfigError: a number is outside.

    >>> PerShare(0.005, minimum=1.0).fee(100, 50.0, 1.0)
    1.0
    >>> PerShare(0.005, minimum=1.0, maximum_share=0.01).fee(1_000, 0.25, 1.0)
    2.5
    """

    amount: float = attrs.field(validator=within(0.0))
    minimum: float = attrs.field(default=0.0, validator=within(0.0))
    maximum_share: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(within(0.0, 1.0))
    )

    def fee(
        self,
        quantity: float,
        price: float,
        multiplier: float,
        order: Order | None = None,  # noqa: ARG002
    ) -> float:
        """``amount`` times the quantity, within the bounds."""
        if quantity == 0:
            return 0.0
        fee = max(self.amount * quantity, self.minimum)
        if self.maximum_share is None:
            return fee
        return min(fee, self.maximum_share * quantity * price * multiplier)


@attrs.frozen
class PerContract:
    """The same money for each contract, however much a contract stands for.

    Attributes:
        amount: money per contract, not negative.

    Raises:
        ConfigError: ``amount`` is negative or not finite.

    >>> PerContract(0.85).fee(2, 4_000.0, 50.0)
    1.7
    """

    amount: float = attrs.field(validator=within(0.0))

    def fee(
        self,
        quantity: float,
        price: float,  # noqa: ARG002
        multiplier: float,  # noqa: ARG002
        order: Order | None = None,  # noqa: ARG002
    ) -> float:
        """``amount`` times the quantity."""
        return self.amount * quantity


@attrs.frozen
class PerTrade:
    """The same money for each execution, however large.

    Attributes:
        amount: money per execution, not negative.

    Raises:
        ConfigError: ``amount`` is negative or not finite.

    >>> PerTrade(7.5).fee(100, 50.0, 1.0)
    7.5
    """

    amount: float = attrs.field(validator=within(0.0))

    def fee(
        self,
        quantity: float,
        price: float,  # noqa: ARG002
        multiplier: float,  # noqa: ARG002
        order: Order | None = None,  # noqa: ARG002
    ) -> float:
        """``amount``."""
        return self.amount if quantity else 0.0


@attrs.frozen
class PerOrder:
    """The same money for each order that fills, charged with its first execution.

    Attributes:
        amount: money per order, not negative.

    Raises:
        ConfigError: ``amount`` is negative or not finite.

    >>> PerOrder(7.5).fee(100, 50.0, 1.0)
    7.5
    """

    amount: float = attrs.field(validator=within(0.0))

    def fee(
        self,
        quantity: float,
        price: float,  # noqa: ARG002
        multiplier: float,  # noqa: ARG002
        order: Order | None = None,
    ) -> float:
        """``amount``, or 0 where the order has filled in part before."""
        has_paid = order is not None and order.filled_quantity > 0
        return 0.0 if has_paid or not quantity else self.amount


@attrs.frozen
class MinimumPerExecution:
    """Another tariff, but no less than a minimum for each execution.

    Attributes:
        commission: the other tariff.
        minimum: least money per execution, not negative.

    Raises:
        ConfigError: ``minimum`` is negative or not finite.

    >>> MinimumPerExecution(Percentage(0.001), 5.0).fee(10, 50.0, 1.0)
    5.0
    """

    commission: Commission
    minimum: float = attrs.field(validator=within(0.0))

    def fee(
        self, quantity: float, price: float, multiplier: float, order: Order | None = None
    ) -> float:
        """That of ``commission``, at least ``minimum``."""
        if not quantity:
            return 0.0
        return max(self.commission.fee(quantity, price, multiplier, order), self.minimum)


@attrs.frozen
class MinimumPerOrder:
    """Another tariff, but no less than a minimum for each order that fills.

    The other tariff sees the order as one execution at the average price. The first execution pays
    the minimum, a later one what the order costs beyond it.

    Attributes:
        commission: the other tariff.
        minimum: least money per order, not negative.

    Raises:
        ConfigError: ``minimum`` is negative or not finite.

    >>> MinimumPerOrder(PerShare(0.005), 1.0).fee(100, 50.0, 1.0)
    1.0
    """

    commission: Commission
    minimum: float = attrs.field(validator=within(0.0))

    def fee(
        self, quantity: float, price: float, multiplier: float, order: Order | None = None
    ) -> float:
        """What the order costs with this execution, less what it cost before."""
        if order is not None and order.filled_quantity:
            return _added(self, quantity, price, multiplier, order)
        if not quantity:
            return 0.0
        return max(self.commission.fee(quantity, price, multiplier), self.minimum)


@attrs.frozen
class MaximumPerOrder:
    """Another tariff, but no more than a share of the order's value.

    The other tariff sees the order as one execution at the average price.

    Attributes:
        commission: the other tariff.
        share: of the value, the contract multiplier included; from 0 to below 1.

    Raises:
        ConfigError: ``share`` is outside.

    >>> MaximumPerOrder(PerShare(0.005), 0.01).fee(1_000, 0.25, 1.0)
    2.5
    """

    commission: Commission
    share: float = attrs.field(validator=within(0.0, 1.0))

    def fee(
        self, quantity: float, price: float, multiplier: float, order: Order | None = None
    ) -> float:
        """What the order costs with this execution, less what it cost before."""
        if order is not None and order.filled_quantity:
            return _added(self, quantity, price, multiplier, order)
        most = self.share * quantity * price * multiplier
        return min(self.commission.fee(quantity, price, multiplier), most)


def _tuple(parts: Iterable[Commission]) -> tuple[Commission, ...]:
    return tuple(parts)


@attrs.frozen
class CombinedCommission:
    """Several tariffs together, such as the broker's and the exchange's.

    Attributes:
        parts: each is charged on its own, and the fees are added.

    >>> CombinedCommission([PerContract(0.85), PerOrder(0.3)]).fee(2, 4_000.0, 50.0)
    2.0
    """

    parts: tuple[Commission, ...] = attrs.field(converter=_tuple)

    def fee(
        self, quantity: float, price: float, multiplier: float, order: Order | None = None
    ) -> float:
        """The sum of the parts."""
        return math.fsum(part.fee(quantity, price, multiplier, order) for part in self.parts)


def _added(
    tariff: Commission, quantity: float, price: float, multiplier: float, order: Order
) -> float:
    """What an execution adds to the fee of an order that has filled in part.

    It does not look at what the order has paid: inside a combination that holds the fees of the
    other parts too.
    """
    filled, mean = order.filled_quantity, order.average_fill_price
    assert mean is not None  # noqa: S101 - what has filled has a price
    whole = filled + quantity
    average = mean + (price - mean) * (quantity / whole)
    now = tariff.fee(whole, average, multiplier)
    return max(now - tariff.fee(filled, mean, multiplier), 0.0)
