"""Whether a bar can be believed."""

from datetime import datetime, timedelta

from ml4t.core.bars import Bar
from ml4t.core.risk.config import LiveRiskConfig, bound

__all__ = ["bar_objection"]

_AHEAD = timedelta(seconds=2)
_NEAR = 1 + 1e-12


def bar_objection(
    bar: Bar,
    now: datetime,
    config: LiveRiskConfig,
    *,
    previous: Bar | None = None,
    was_halted: bool = False,
) -> str | None:
    """Control 17: why a bar is not believed, in words; None where it is.

    Impossible prices, such as a high below the low, never become a :class:`~ml4t.core.bars.Bar`.

    Args:
        bar: the bar.
        now: the wall clock, timezone-aware.
        config: the limits.
        previous: the last bar of the asset that was believed; None before the first.
        was_halted: whether trading in the asset was halted since, after which any price is new.
    """
    if bar.timestamp > now + _AHEAD:
        return f"its time {bar.timestamp.isoformat()} lies ahead of {now.isoformat()}"
    if previous is None:
        return None
    if bar.timestamp == previous.timestamp:
        return f"there is already a bar for {bar.timestamp.isoformat()}"
    if bar.timestamp < previous.timestamp:
        return f"its time {bar.timestamp.isoformat()} lies before {previous.timestamp.isoformat()}"
    move, limit = bar.close / previous.close - 1, bound(config.max_bar_move)
    if not was_halted and not abs(move) <= limit * _NEAR:
        return f"the price moved {100 * move:+.1f}%, max_bar_move is {100 * limit:g}%"
    return None
