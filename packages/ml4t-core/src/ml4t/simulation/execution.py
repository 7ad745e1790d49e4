"""What a cost model is told about an order that is about to fill."""

from typing import NamedTuple

from ml4t.core.order_requests import OrderSide
from ml4t.core.panel import MarketSlice

__all__ = ["Execution"]


class Execution(NamedTuple):
    """An order that is about to fill, before any cost.

    Attributes:
        price: the price that the bar shows, money per unit.
        rule: the rule that fills it, such as ``"market_open"``.
        side: buy or sell.
        quantity: units that are about to fill, without sign.
        asset: the symbol.
        bars: the bars that are complete; ``bars[asset]`` is the one that fills it.
        filled_before: units of the asset that orders of ours have filled in this bar before.
    """

    price: float
    rule: str
    side: OrderSide
    quantity: float
    asset: str
    bars: MarketSlice
    filled_before: float = 0.0
