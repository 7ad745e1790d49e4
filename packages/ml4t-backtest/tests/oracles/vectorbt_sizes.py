"""How vectorbt turns sizes into quantities, for one purse and one direction."""

import math
from collections.abc import Mapping
from typing import Any

import attrs

__all__ = ["Rules"]


@attrs.frozen
class Rules:
    """The settings that decide on sizes."""

    fees: float = 0.0
    fixed_fees: float = 0.0
    slippage: float = 0.0
    size_type: str = "amount"
    direction: str = "both"
    size: float = math.inf
    sl_stop: float | None = None
    tp_stop: float | None = None
    sl_trail: bool = False
    stop_exit_price: str = "StopLimit"

    @classmethod
    def of(cls, settings: Mapping[str, Any], **defaults: Any) -> "Rules":
        """From a file's settings; what is not about sizes is left out."""
        known = {field.name for field in attrs.fields(cls)}
        return cls(**defaults | {name: settings[name] for name in settings if name in known})

    def affordable(self, cash: float, price: float) -> float:
        """What ``cash`` pays for, slippage and fees on top."""
        cost = price * (1 + self.slippage) * (1 + self.fees)
        return max(cash - self.fixed_fees, 0.0) / cost

    def change(self, size: float, held: float, cash: float, value: float, price: float) -> float:
        """The signed quantity that a size asks for."""
        size = -size if self.direction == "shortonly" else size
        kind = self.size_type
        if kind == "targetpercent":
            size, kind = size * value, "targetvalue"
        if kind in ("value", "targetvalue"):
            size, kind = size / price, kind.replace("value", "amount")
        if kind == "targetamount":
            size -= held
        share = abs(size) if kind == "percent" else 1.0
        if kind == "percent" or math.isinf(size):
            return self._all(math.copysign(1.0, size), share, held, cash, price)
        return self._allowed(size, held, cash, price)

    def _all(self, sign: float, share: float, held: float, cash: float, price: float) -> float:
        if sign > 0:
            return self.affordable(cash * share, price)
        if self.direction == "longonly":
            return -share * held
        proceeds = max(held, 0.0) * price * (1 - self.slippage) * (1 - self.fees)
        short = (cash + proceeds - self.fixed_fees) / (
            price * (1 - self.slippage) * (1 + self.fees)
        )
        return -share * (max(held, 0.0) + short)

    def _allowed(self, change: float, held: float, cash: float, price: float) -> float:
        if self.direction == "longonly":
            change = max(change, -held)
        if self.direction == "shortonly":
            change = min(change, -held)
        return min(change, self.affordable(cash, price)) if change > 0 else change

    def cash_after(self, cash: float, change: float, price: float) -> float:
        """The cash that is left, or comes in."""
        paid = price * (1 + math.copysign(self.slippage, change))
        return cash - change * paid - abs(change) * paid * self.fees - self.fixed_fees
