"""Many minute bars of many assets, few of them traded: memory, and the cost of passing by."""

from benchmarks.cases import Case
from benchmarks.prices import MINUTES_A_DAY, grid, trading_minutes
from benchmarks.workloads.long_short import long_short

__all__ = ["case"]


def case(minutes: int = 97_500, assets: int = 500, positions: int = 25) -> Case:
    """Minute bars, rebalanced at the first minute of each day."""
    made = grid(trading_minutes(minutes), assets, volatility=0.0005)
    return long_short(made, positions, every=MINUTES_A_DAY)
