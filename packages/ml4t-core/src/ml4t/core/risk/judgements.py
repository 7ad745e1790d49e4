"""Judgements of numbers that the runtime observes: losses, ages, counts and clocks.

Each gives the breach, or None where the limit is kept. What is not known counts as a breach that
ends when it is known.
"""

import math

from ml4t.core.risk.config import LiveRiskConfig, StrategyFault, bound
from ml4t.core.risk.states import TradingState
from ml4t.core.risk.verdicts import Breach

__all__ = [
    "clock_jump",
    "judge_account_age",
    "judge_clock",
    "judge_daily_loss",
    "judge_drawdown",
    "judge_mismatch",
    "judge_rejects",
    "judge_repeats",
    "judge_round_trips",
    "judge_silence",
    "judge_staleness",
    "judge_strategy_errors",
    "judge_unknown",
]

_NEAR = 1 + 1e-12


def _halted(control: int, reason: str) -> Breach:
    return Breach(control=control, state=TradingState.HALTED, is_latched=True, reason=reason)


def _reduced(control: int, reason: str) -> Breach:
    return Breach(control=control, state=TradingState.REDUCING, is_latched=False, reason=reason)


def judge_daily_loss(
    equity: float | None, session_start: float | None, config: LiveRiskConfig
) -> Breach | None:
    """Control 14: the loss since the session began, cash flows already in ``session_start``.

    >>> judge_daily_loss(900.0, 1000.0, LiveRiskConfig(max_daily_loss=100)).state.name
    'HALTED'
    """
    limit = bound(config.max_daily_loss)
    if limit == math.inf:
        return None
    if equity is None or session_start is None or not math.isfinite(session_start - equity):
        return _reduced(14, "equity, or that of the session's start, is not known")
    loss = session_start - equity
    if loss < limit:
        return None
    return _halted(14, f"the session has lost {loss:.2f}, max_daily_loss is {limit:g}")


def judge_drawdown(
    equity: float | None, high_water: float | None, config: LiveRiskConfig
) -> Breach | None:
    """Control 15: the fall from the highest equity, cash flows already in ``high_water``."""
    limit = bound(config.max_drawdown_pct)
    if limit == math.inf:
        return None
    if equity is None or high_water is None or not math.isfinite(high_water - equity):
        return _reduced(15, "equity, or the highest of it, is not known")
    fall = 100.0 * (high_water - equity) / high_water if high_water > 0 else math.inf
    if fall * _NEAR < limit:
        return None
    return _halted(15, f"equity fell {fall:.2f}% from its highest, max_drawdown_pct is {limit:g}")


def judge_account_age(age: float, config: LiveRiskConfig) -> Breach | None:
    """Control 14: how many seconds ago cash and equity were known."""
    limit = bound(config.max_account_age_seconds)
    if age <= limit:
        return None
    return _reduced(14, f"equity was known {age:.0f} s ago, {limit:g} s are allowed")


def judge_repeats(what: str, count: int, config: LiveRiskConfig) -> Breach | None:
    """Control 13: how many orders of one asset and side there are without a fill between them."""
    limit = bound(config.max_repeat)
    if count <= limit:
        return None
    seconds = f"{config.repeat_seconds:g} s"
    return _halted(13, f"{count} times {what} in {seconds} without a fill, max_repeat is {limit:g}")


def judge_rejects(count: int, config: LiveRiskConfig) -> Breach | None:
    """Control 13: how many orders the venue has refused in a row."""
    limit = bound(config.max_rejects)
    if count < limit:
        return None
    return _halted(13, f"the venue refused {count} orders in a row, max_rejects is {limit:g}")


def judge_round_trips(count: int, config: LiveRiskConfig) -> Breach | None:
    """Control 13: how many positions were closed within an hour."""
    limit = bound(config.max_round_trips_per_hour)
    if count < limit:
        return None
    field = "max_round_trips_per_hour"
    return _halted(13, f"{count} positions were closed within an hour, {field} is {limit:g}")


def judge_unknown(
    config: LiveRiskConfig, in_all: int, of_asset: int = 0, asset: str = ""
) -> Breach | None:
    """Control 27: of how many orders nobody knows what became of them."""
    limit, each = bound(config.max_unknown_orders), bound(config.max_unknown_orders_per_asset)
    if in_all > limit:
        return _halted(27, f"{in_all} orders are of unknown fate, max_unknown_orders is {limit:g}")
    if of_asset > each:
        field = "max_unknown_orders_per_asset"
        return _halted(27, f"{of_asset} orders of {asset} are of unknown fate, {field} is {each:g}")
    return None


def judge_staleness(stale: int, watched: int, config: LiveRiskConfig) -> Breach | None:
    """Control 16: how many of the watched assets have no fresh price."""
    limit = bound(config.max_stale_share_pct)
    if not watched or 100.0 * stale / watched <= limit:
        return None
    return _reduced(16, f"{stale} of {watched} assets have no fresh price, {limit:g}% may be so")


def judge_silence(seconds: float, config: LiveRiskConfig) -> Breach | None:
    """Control 19: for how long nothing was heard of the venue."""
    limit = bound(config.disconnect_seconds)
    if seconds < limit:
        return None
    return _reduced(19, f"nothing was heard of the venue for {seconds:.1f} s")


def judge_mismatch(seconds: float, config: LiveRiskConfig) -> Breach | None:
    """Control 26: for how long the venue has said something else than the journal."""
    limit = bound(config.mismatch_seconds)
    if seconds <= limit:
        return None
    return _reduced(26, f"venue and journal have differed for {seconds:.1f} s")


def judge_clock(skew: float, config: LiveRiskConfig) -> Breach | None:
    """Control 29: by how many seconds the local clock is ahead of the venue's, or behind."""
    limit = bound(config.max_clock_skew_seconds)
    if abs(skew) <= limit:
        return None
    return _reduced(29, f"the clock differs from the venue's by {skew:.2f} s")


def clock_jump(wall: float, monotonic: float, config: LiveRiskConfig) -> float | None:
    """Control 29: the seconds by which the wall clock was set while both clocks ran; None for none.

    >>> clock_jump(wall=65.0, monotonic=60.0, config=LiveRiskConfig())
    5.0
    """
    jump = wall - monotonic
    return None if abs(jump) <= bound(config.max_clock_jump_seconds) else jump


def judge_strategy_errors(count: int, config: LiveRiskConfig) -> Breach | None:
    """Control 30: how many times the strategy has raised or overrun in this session."""
    if not count:
        return None
    if config.strategy_error is StrategyFault.HALT or count >= bound(config.max_strategy_errors):
        return _halted(30, f"the strategy failed {count} times in this session")
    reason = f"the strategy failed {count} times in this session"
    return Breach(control=30, state=TradingState.REDUCING, is_latched=True, reason=reason)
