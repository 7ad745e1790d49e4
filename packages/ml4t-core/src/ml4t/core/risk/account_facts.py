"""What is known about the account as a whole."""

import math

__all__ = ["AccountFacts"]


class AccountFacts:
    """Cash, equity, and the two equities that losses are measured from.

    Attributes:
        cash: money not invested; None where it is not known.
        equity: cash and the value of all positions; None where it is not known.
        buying_power: what new orders may cost as the venue says; None for the cash.
        at: when the three were known, in monotonic seconds; minus infinity for never.
        session_start: equity when the session began, moved by cash flows; None where not known.
        high_water: the highest equity ever, moved by cash flows; None where not known.
        spent: money that fills since ``at`` have taken from the cash.
    """

    __slots__ = ("at", "buying_power", "cash", "equity", "high_water", "session_start", "spent")

    def __init__(self) -> None:
        self.cash: float | None = None
        self.equity: float | None = None
        self.buying_power: float | None = None
        self.at = -math.inf
        self.session_start: float | None = None
        self.high_water: float | None = None
        self.spent = 0.0

    def update(self, cash: float, equity: float, at: float, buying_power: float | None) -> None:
        """Take what the venue reports; what is not finite is as good as not reported."""
        numbers = (cash, equity, at, 0.0 if buying_power is None else buying_power)
        if not all(math.isfinite(number) for number in numbers):
            self.cash = self.equity = self.buying_power = None
            self.at = -math.inf
            return
        self.cash, self.equity, self.buying_power, self.at = cash, equity, buying_power, at
        self.spent = 0.0
        if self.session_start is None:
            self.session_start = equity
        if self.high_water is None or equity > self.high_water:
            self.high_water = equity

    def flow(self, amount: float) -> None:
        """Money came (positive) or went that no trade earned or lost."""
        if self.session_start is not None:
            self.session_start += amount
        if self.high_water is not None:
            self.high_water += amount

    def change(self, amount: float) -> None:
        """Let the known equity change by ``amount``; what came can be spent when the venue says so.

        Nothing happens where it is not known.
        """
        if self.equity is not None and self.cash is not None:
            self.equity += amount
            self.cash += min(amount, 0.0)

    def age(self, now: float) -> float:
        """Seconds since cash and equity were known; infinity for never."""
        age = now - self.at
        return age if age >= 0 else math.inf
