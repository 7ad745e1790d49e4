"""From a wish in money to a quantity that can be traded: lots, and what the cash pays for."""

from collections.abc import Sequence

import attrs

__all__ = ["Buy", "common_step", "fit_to_cash", "whole_lots"]

_ROUNDING = 1e-9
"""What a quotient may miss a whole number by and still count as it."""

_UP = 1 + 1e-14
"""The same for quotients so large that their own rounding is more than that."""

_NOISE = 1e-12
"""The share of the cash that a lot may lack and still be paid: sums of money are rounded."""


def whole_lots(quantity: float, step: float) -> float:
    """The largest multiple of ``step`` that is not larger than ``quantity``, sign kept.

    A step of 0 leaves the quantity as it is.

    >>> whole_lots(-250.7, 100.0), whole_lots(3.9, 1.0), whole_lots(3.9, 0.0)
    (-200.0, 3.0, 3.9)
    """
    if step <= 0:
        return quantity
    if quantity < 0:
        return -int(_ROUNDING - quantity / step * _UP) * step or 0.0
    return int(quantity / step * _UP + _ROUNDING) * step


def common_step(first: float, second: float) -> float:
    """The smallest quantity that is a multiple of both steps; a step of 0 allows any fraction.

    Steps that have no common multiple below a thousand of the larger give the larger.

    >>> common_step(1.0, 0.001), common_step(100.0, 0.0), common_step(1.0, 0.4)
    (1.0, 100.0, 2.0)
    """
    smaller, larger = (first, second) if first < second else (second, first)
    if smaller <= 0:
        return larger
    ratio = larger / smaller
    multiples = (n for n in range(1, 1_000) if abs(n * ratio - round(n * ratio)) <= _ROUNDING * n)
    return next(multiples, 1) * larger


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
    what the cutting leaves over goes to the least served, a lot each, then to whatever still fits
    until no further lot does. A buy that would end below ``smallest`` money is left out and its
    cash goes to the others. The result is a fixed point: asking again with what is left of the
    wishes and of the cash gives nothing.

    Args:
        buys: what is wished for.
        cash: money there is; nothing is bought where it is not positive.
        smallest: the least money that a purchase must be worth to be made.

    >>> fit_to_cash([Buy(10.0, 10.0, 1.0), Buy(10.0, 30.0, 1.0)], 200.0)
    [5.0, 5.0]
    """
    taking_part = list(range(len(buys)))
    while True:
        quantities = _deal_out(buys, taking_part, cash)
        enough = smallest * (1 - _ROUNDING)
        small = [i for i in taking_part if quantities[i] * buys[i].unit_cost < enough]
        if not small:
            return quantities
        least = min(small, key=lambda i: (quantities[i] * buys[i].unit_cost, i))
        taking_part.remove(least)


def _deal_out(buys: Sequence[Buy], taking_part: Sequence[int], cash: float) -> list[float]:
    quantities = [0.0] * len(buys)
    need = sum(buys[i].quantity * buys[i].unit_cost for i in taking_part)
    if cash <= 0 or need <= 0:
        return quantities
    factor = min(cash / need, 1.0)
    for i in taking_part:
        buy = buys[i]
        quantities[i] = buy.quantity if factor == 1 else whole_lots(buy.quantity * factor, buy.step)
    left = cash * (1 + _NOISE) - sum(quantities[i] * buys[i].unit_cost for i in taking_part)
    waiting = [i for i in taking_part if quantities[i] < buys[i].quantity]
    waiting.sort(key=lambda i: quantities[i] / buys[i].quantity)
    for one_lot_each in (True, False):
        for i in waiting:
            buy = buys[i]
            most = min(buy.quantity - quantities[i], max(left, 0.0) / buy.unit_cost)
            more = whole_lots(most, buy.step)
            if one_lot_each:
                more = min(more, buy.step)
            quantities[i] += more
            left -= more * buy.unit_cost
    return quantities
