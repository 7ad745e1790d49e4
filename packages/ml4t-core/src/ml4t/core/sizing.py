"""From a wish in money to a quantity that can be traded: lots, and what the cash pays for."""

from collections.abc import Sequence

import attrs

__all__ = ["Buy", "fit_to_cash", "whole_lots"]

_ROUNDING = 1e-9
"""What a quotient may miss a whole number by and still count as it."""


def whole_lots(quantity: float, step: float) -> float:
    """The largest multiple of ``step`` that is not larger than ``quantity``, sign kept.

    A step of 0 leaves the quantity as it is.

    >>> whole_lots(-250.7, 100), whole_lots(3.9, 1), whole_lots(3.9, 0)
    (-200.0, 3.0, 3.9)
    """
    if step <= 0:
        return quantity
    if quantity < 0:
        return -int(_ROUNDING - quantity / step) * step or 0.0
    return int(quantity / step + _ROUNDING) * step


@attrs.frozen
class Buy:
    """A purchase that is wished for.

    Attributes:
        quantity: how much, positive.
        unit_cost: money for one unit, head-room for fees included.
        step: the lot that the quantity must be a multiple of; 0 for any fraction.
    """

    quantity: float
    unit_cost: float
    step: float


def fit_to_cash(buys: Sequence[Buy], cash: float, smallest: float = 0.0) -> list[float]:
    """The quantities of ``buys`` that ``cash`` pays for.

    Everything, if it fits. Otherwise each buy is scaled by the same factor and cut to whole lots;
    what the cutting leaves over is dealt out the same way until no further lot fits. A buy that
    would end below ``smallest`` money is left out and its cash goes to the others. The result is a
    fixed point: asking again with what is left of the wishes and of the cash gives nothing.

    Args:
        buys: what is wished for.
        cash: money there is; nothing is bought where it is not positive.
        smallest: the least money that a purchase must be worth to be made.

    >>> fit_to_cash([Buy(10, 10.0, 1), Buy(10, 30.0, 1)], 200.0)
    [5.0, 5.0]
    """
    taking_part = list(range(len(buys)))
    while True:
        quantities = _deal_out(buys, taking_part, cash)
        small = [i for i in taking_part if quantities[i] * buys[i].unit_cost < smallest]
        if not small:
            return quantities
        least = min(small, key=lambda i: (quantities[i] * buys[i].unit_cost, i))
        taking_part.remove(least)


def _deal_out(buys: Sequence[Buy], taking_part: Sequence[int], cash: float) -> list[float]:
    quantities = [0.0] * len(buys)
    while taking_part:
        left = cash - sum(quantities[i] * buys[i].unit_cost for i in taking_part)
        need = sum((buys[i].quantity - quantities[i]) * buys[i].unit_cost for i in taking_part)
        if need <= _ROUNDING * max(cash, 0.0) or left <= _ROUNDING * cash:
            break
        factor = min(left / need, 1.0)
        more = [
            whole_lots((buys[i].quantity - quantities[i]) * factor, buys[i].step)
            for i in taking_part
        ]
        if not any(more):
            break
        for i, quantity in zip(taking_part, more, strict=True):
            quantities[i] += quantity
    return quantities
