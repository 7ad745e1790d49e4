"""Charges the account for the positions that it holds, as time passes."""

from collections.abc import Callable
from datetime import datetime

from ml4t.core.ledger import Ledger
from ml4t.simulation.financing import Charge, Financing

__all__ = ["HoldingCosts"]


class HoldingCosts:
    """Takes what a financing asks for, once for each instant at which bars were complete.

    Args:
        financing: what holding costs.
        ledger: the account that pays.

    Attributes:
        charges: what was taken so far, in order of time.
    """

    __slots__ = ("_financing", "_last", "_ledger", "charges")

    def __init__(self, financing: Financing, ledger: Ledger) -> None:
        self._financing = financing
        self._ledger = ledger
        self._last: datetime | None = None
        self.charges: list[Charge] = []

    def accrue(self, now: datetime, mark: Callable[[str], float | None]) -> None:
        """Charge what is held for the days since the instant before.

        Args:
            now: when the bars were complete before which the positions were held.
            mark: the price of an asset as known before these bars.
        """
        days = 0 if self._last is None else (now.date() - self._last.date()).days
        self._last = now
        if not days:
            return
        for asset, position in self._ledger.positions.items():
            price = mark(asset) or position.average_price
            amount = self._financing.charge(position, price, days)
            if amount:
                self._ledger.charge(amount)
                self.charges.append(Charge(now, asset, amount))
