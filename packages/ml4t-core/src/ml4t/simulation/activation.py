"""From when on the children of an order work: one small class for each assumption."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import attrs

from ml4t.core.bars import PriceBar
from ml4t.core.order_requests import OrderRequest, OrderType

__all__ = ["BarAfterEntry", "ChildActivation", "EntryBar", "EntryBarWhereClear"]


class ChildActivation(Protocol):
    """From when on target and stop of a bracket work."""

    @property
    def in_entry_bar(self) -> bool:
        """Whether they may ever fill in the bar that filled their parent."""

    def wakes(self, parent: OrderRequest, children: Sequence[OrderRequest], bar: PriceBar) -> bool:
        """Whether they may fill in the very bar that fills ``parent``, after it does."""


@attrs.frozen
class EntryBar:
    """They work from the moment at which their parent fills, as at a real venue."""

    in_entry_bar: ClassVar[bool] = True

    def wakes(
        self,
        parent: OrderRequest,  # noqa: ARG002
        children: Sequence[OrderRequest],  # noqa: ARG002
        bar: PriceBar,  # noqa: ARG002
    ) -> bool:
        """Always."""
        return True


@attrs.frozen
class BarAfterEntry:
    """They work from the bar after the one that filled their parent."""

    in_entry_bar: ClassVar[bool] = False

    def wakes(
        self,
        parent: OrderRequest,  # noqa: ARG002
        children: Sequence[OrderRequest],  # noqa: ARG002
        bar: PriceBar,  # noqa: ARG002
    ) -> bool:
        """Never."""
        return False


@attrs.frozen
class EntryBarWhereClear:
    """They work in the bar that filled their parent where it is clear what came first, else after.

    It is where the parent is a market order, which fills before all else, and where the parent is a
    stop order and the bar reached a target and none of the stops. Source: backtesting.py.
    """

    in_entry_bar: ClassVar[bool] = True

    def wakes(self, parent: OrderRequest, children: Sequence[OrderRequest], bar: PriceBar) -> bool:
        """Where it is clear."""
        if parent.order_type is not OrderType.STOP:
            return parent.order_type is OrderType.MARKET
        prices = [child.limit_price or child.stop_price for child in children]
        reached = {
            child.order_type
            for child, price in zip(children, prices, strict=True)
            if price is not None and bar.low <= price <= bar.high
        }
        return reached == {OrderType.LIMIT}
