"""What filled, before anybody asks for it as a fill or as the order that it made."""

from datetime import datetime
from typing import NamedTuple

from ml4t.core.fills import Fill
from ml4t.core.orders import Order

__all__ = ["FillRecord"]

_fill_of = Fill.of  # a global is found faster than a function in its class


class FillRecord(NamedTuple):
    """One execution; its fields are those that :meth:`Fill.of` takes after the number.

    Most fills of a backtest are looked at when it is over, if at all, and making them takes as long
    as booking them.

    Attributes:
        order: the order as it was before.
        quantity: how much traded, positive.
        price: money per unit.
        timestamp: when the bar that filled it was complete.
        fee: what it cost.
        rule: the rule that filled it.
        reference_price: the price before slippage and impact.
        impact: the part of the price that its own size caused.
        volume_left: units that others could still fill in the bar; None for any number.
        path: which way the bar is taken to have gone, where the outcome depended on it.
    """

    order: Order
    quantity: float
    price: float
    timestamp: datetime
    fee: float
    rule: str
    reference_price: float
    impact: float
    volume_left: float | None
    path: str

    def fill(self, number: int) -> Fill:
        """The fill, which is the account's ``number``-th.

        Raises:
            InvalidValueError: quantity, price or fee is no number that can be booked.
        """
        return _fill_of(str(number), *self)

    def order_after(self) -> Order:
        """The order as it is after it."""
        return self.order.after_fill(self.quantity, self.price, self.timestamp, self.fee)
