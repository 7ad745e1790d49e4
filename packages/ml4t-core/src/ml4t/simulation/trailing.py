"""From which price a trailing stop follows: one small class for each assumption."""

from typing import ClassVar, Protocol

import attrs

from ml4t.core.bars import PriceBar
from ml4t.core.order_requests import OrderRequest, OrderSide

__all__ = ["TrailAlongPath", "TrailFromClose", "TrailFromExtreme", "Trailing", "trail_stop"]

_PERCENT = 100.0


class Trailing(Protocol):
    """When, and after which price of a bar, the stop of a trailing order moves."""

    @property
    def within_bar(self) -> bool:
        """Whether the stop moves while the bar runs, rather than once it has ended."""

    def reference(self, side: OrderSide, bar: PriceBar) -> float:
        """The price that the stop follows once the bar has ended."""


@attrs.frozen
class TrailAlongPath:
    """The stop follows every price of the way that the bar is taken to have gone."""

    within_bar: ClassVar[bool] = True

    def reference(self, side: OrderSide, bar: PriceBar) -> float:
        """The best price of the bar."""
        return bar.low if side is OrderSide.BUY else bar.high


@attrs.frozen
class TrailFromClose:
    """The stop stands still while a bar runs and then follows its close."""

    within_bar: ClassVar[bool] = False

    def reference(self, side: OrderSide, bar: PriceBar) -> float:  # noqa: ARG002
        """The close."""
        return bar.close


@attrs.frozen
class TrailFromExtreme:
    """The stop stands still while a bar runs and then follows its best price."""

    within_bar: ClassVar[bool] = False

    def reference(self, side: OrderSide, bar: PriceBar) -> float:
        """The low for a buy, the high for a sell."""
        return bar.low if side is OrderSide.BUY else bar.high


def trail_stop(request: OrderRequest, price: float, stop: float | None = None) -> float:
    """Where the stop of a trailing order stands after ``price`` was reached.

    Args:
        request: a trailing-stop order.
        price: money per unit.
        stop: where the stop stood; it never goes back.
    """
    if request.trail_amount is not None:
        distance = request.trail_amount
    else:
        assert request.trail_percent is not None  # noqa: S101 - a request cannot be built without
        distance = price * request.trail_percent / _PERCENT
    moved = price + distance if request.side is OrderSide.BUY else price - distance
    if stop is None:
        return moved
    return min(stop, moved) if request.side is OrderSide.BUY else max(stop, moved)
