"""What real trading cost against the paper portfolio of the same decisions.

The implementation shortfall is what the paper portfolio gained less what the real one did (Perold,
The implementation shortfall: paper versus reality, Journal of Portfolio Management 14(3), 1988).
Paper here is the simulated market. Everything is in the account's currency, and **positive means
that reality was worse** than the simulation.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import attrs

from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderSide
from ml4t.core.orders import Order
from ml4t.live.recording.simulated import Simulated

__all__ = ["Execution", "OrderShortfall", "ShortfallReport", "compare_fills", "shortfall_of"]

_BASIS = 10_000.0


@attrs.frozen(kw_only=True)
class Execution:
    """What became of one order in one of the two worlds.

    Attributes:
        quantity: how much filled, without sign.
        price: the mean price; None where nothing filled.
        fees: what its fills cost.
        timestamp: of the last fill; None where nothing filled.
    """

    quantity: float = 0.0
    price: float | None = None
    fees: float = 0.0
    timestamp: datetime | None = None

    @classmethod
    def of(cls, fills: Iterable[Fill]) -> "Execution":
        """The fills of one order together."""
        quantity = fees = 0.0
        price: float | None = None
        timestamp = None
        for fill in fills:
            quantity += fill.quantity
            before = fill.price if price is None else price
            price = before + (fill.price - before) * (fill.quantity / quantity)
            fees += fill.fee
            timestamp = fill.timestamp
        return cls(quantity=quantity, price=price, fees=fees, timestamp=timestamp)


@attrs.frozen(kw_only=True)
class OrderShortfall:
    """One order, real and simulated. Money is positive where reality was worse.

    Attributes:
        order_id: as recorded.
        asset: the symbol.
        side: of the order.
        real: what the venue did.
        simulated: what the simulated market did.
        price_cost: of the quantity that filled in both worlds, by its price.
        fee_cost: real fees less simulated ones.
        opportunity_cost: of what filled in one world alone, at the last recorded close.
        notional: the simulated value, or the real one where nothing filled in the simulation.
    """

    order_id: str
    asset: str
    side: OrderSide
    real: Execution
    simulated: Execution
    price_cost: float
    fee_cost: float
    opportunity_cost: float
    notional: float

    @property
    def total(self) -> float:
        """The implementation shortfall of the order."""
        return self.price_cost + self.fee_cost + self.opportunity_cost

    @property
    def basis_points(self) -> float | None:
        """The total against the notional, in hundredths of a percent; None where nothing filled."""
        return self.total / self.notional * _BASIS if self.notional else None

    @property
    def seconds(self) -> float | None:
        """How much later the last real fill was than the last simulated one."""
        real, simulated = self.real.timestamp, self.simulated.timestamp
        if real is None or simulated is None:
            return None
        return real.timestamp() - simulated.timestamp()


@attrs.frozen(kw_only=True)
class ShortfallReport:
    """All orders of a run, real and simulated.

    Attributes:
        orders: in the order of sending.
        unknown_fills: how many real fills belong to none of them, such as those of orders that a
            person sent.
        has_account: whether the simulated account said what it can pay for.
    """

    orders: tuple[OrderShortfall, ...]
    unknown_fills: int = 0
    has_account: bool = True

    @property
    def price_cost(self) -> float:
        """By prices, over all orders."""
        return sum((order.price_cost for order in self.orders), 0.0)

    @property
    def fee_cost(self) -> float:
        """By fees, over all orders."""
        return sum((order.fee_cost for order in self.orders), 0.0)

    @property
    def opportunity_cost(self) -> float:
        """By what filled in one world alone, over all orders."""
        return sum((order.opportunity_cost for order in self.orders), 0.0)

    @property
    def total(self) -> float:
        """The implementation shortfall of the run."""
        return self.price_cost + self.fee_cost + self.opportunity_cost

    @property
    def notional(self) -> float:
        """What was traded, by the simulation."""
        return sum((order.notional for order in self.orders), 0.0)

    @property
    def basis_points(self) -> float | None:
        """The total against what was traded; None where nothing was."""
        return self.total / self.notional * _BASIS if self.notional else None

    @property
    def differences(self) -> tuple[OrderShortfall, ...]:
        """The orders that did not do the very same in both worlds."""
        return tuple(order for order in self.orders if order.real != order.simulated)


def compare_fills(
    simulated: Simulated, real: Sequence[Fill], multipliers: Mapping[str, float]
) -> ShortfallReport:
    """Compare the fills of a run with those of the same orders in a simulated market.

    Args:
        simulated: what the orders did there.
        real: every execution of the run.
        multipliers: money per point and unit, by symbol; 1 where it says nothing.
    """
    by_order: dict[str, list[Fill]] = {order_id: [] for order_id in simulated.orders}
    unknown = 0
    for fill in real:
        if fill.order_id in by_order:
            by_order[fill.order_id].append(fill)
        else:
            unknown += 1
    orders = tuple(
        shortfall_of(
            order,
            Execution.of(by_order[order_id]),
            Execution.of(simulated.fills[order_id]),
            mark=simulated.marks.get(order.asset),
            multiplier=multipliers.get(order.asset, 1.0),
        )
        for order_id, order in simulated.orders.items()
    )
    return ShortfallReport(orders=orders, unknown_fills=unknown, has_account=simulated.has_account)


def shortfall_of(
    order: Order,
    real: Execution,
    simulated: Execution,
    *,
    mark: float | None,
    multiplier: float = 1.0,
) -> OrderShortfall:
    """The implementation shortfall of one order.

    What filled in both worlds costs the difference in price. What filled in the simulation alone
    is gain or loss that was missed, up to the last recorded close; what filled in reality alone is
    the opposite.

    Args:
        order: the order.
        real: what the venue did.
        simulated: what the simulated market did.
        mark: the last recorded close; None where there is none, so that nothing was missed.
        multiplier: money per point and unit.
    """
    sign = order.side.sign * multiplier
    common = min(real.quantity, simulated.quantity)
    price_cost = opportunity = 0.0
    if real.price is not None and simulated.price is not None:
        price_cost = sign * common * (real.price - simulated.price)
    if mark is not None:
        for world, direction in ((simulated, 1), (real, -1)):
            if world.price is not None:
                left = world.quantity - common
                opportunity += direction * sign * left * (mark - world.price)
    traded = simulated if simulated.price is not None else real
    return OrderShortfall(
        order_id=order.id,
        asset=order.asset,
        side=order.side,
        real=real,
        simulated=simulated,
        # Adding 0 makes -0 a 0.
        price_cost=price_cost + 0.0,
        fee_cost=real.fees - simulated.fees,
        opportunity_cost=opportunity + 0.0,
        notional=traded.quantity * (traded.price or 0.0) * multiplier,
    )
