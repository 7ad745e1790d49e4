"""How much trading is allowed at the moment."""

from ml4t.core.order_requests import Constant

__all__ = ["TradingState"]


class TradingState(Constant):
    """How much trading is allowed.

    ``ACTIVE``: everything that the limits allow. ``REDUCING``: only what makes a position smaller,
    and cancels. ``HALTED``: cancels only, until a person re-arms.
    """

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"

    severity: int
    """0 for ACTIVE, 1 for REDUCING, 2 for HALTED."""

    def __init__(self, value: str) -> None:
        self.severity = ("active", "reducing", "halted").index(value)
