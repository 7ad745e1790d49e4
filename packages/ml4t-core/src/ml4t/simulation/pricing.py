"""The price of a fill: what the bar shows, and what trading adds to it."""

from typing import NamedTuple

from ml4t.core.order_requests import OrderRequest, OrderSide
from ml4t.core.panel import MarketSlice
from ml4t.simulation.execution import Execution
from ml4t.simulation.impact import Impact, NoImpact
from ml4t.simulation.limits import LimitCosts
from ml4t.simulation.matching import Match
from ml4t.simulation.slippage import NoSlippage, Slippage, leave_a_price

__all__ = ["Priced", "Pricing"]


class Priced(NamedTuple):
    """The price of a fill, money per unit, and the part of it that the order's size caused."""

    price: float
    impact: float


class Pricing:
    """Adds slippage and impact to the price that a bar shows, never beyond an order's limit.

    Args:
        slippage: what trading costs whatever the size.
        impact: what the size of the order adds.
        limit_costs: what happens where the two would take a fill beyond its limit.

    Attributes:
        is_free: whether there is nothing to add.
    """

    __slots__ = ("_impact", "_limit_costs", "_slippage", "is_free")

    def __init__(self, slippage: Slippage, impact: Impact, limit_costs: LimitCosts) -> None:
        self._slippage = slippage
        self._impact = impact
        self._limit_costs = limit_costs
        self.is_free = isinstance(slippage, NoSlippage) and isinstance(impact, NoImpact)

    def of(
        self,
        met: Match,
        request: OrderRequest,
        quantity: float,
        bars: MarketSlice,
        filled_before: float,
    ) -> Priced | None:
        """The price of ``quantity`` units of ``request``; None where the order waits instead."""
        side = request.side
        execution = Execution(
            met.price, met.rule, side, quantity, request.asset, bars, filled_before
        )
        impact = self._impact.cost(execution)
        cost = leave_a_price(execution, self._slippage.cost(execution) + impact)
        price = met.price + side.sign * cost
        limit = request.limit_price
        if limit is not None and (price > limit if side is OrderSide.BUY else price < limit):
            if self._limit_costs.waits:
                return None
            price = limit
            impact = min(impact, max((price - met.price) * side.sign, 0.0))
        return Priced(price, impact)
