"""What is played on a stage: market, money, limits, faults and strategy."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

import attrs

from ml4t.core.calendar import Session
from ml4t.core.risk import UNLIMITED, LiveRiskConfig
from ml4t.core.strategy import Strategy
from ml4t.live.config import Timing
from ml4t.live.testing.fault_plan import FaultPlan
from ml4t.live.testing.order_desk import VenueRules
from ml4t.live.testing.scripted import Scripted

__all__ = ["Setting"]

_OPENS = datetime(2024, 3, 4, 15, 0, tzinfo=UTC)


def _one_session() -> tuple[Session, ...]:
    return (Session(label=date(2024, 3, 4), opens=_OPENS, closes=_OPENS + timedelta(hours=8)),)


def _limits() -> LiveRiskConfig:
    """Limits that a test of something else does not meet."""
    return LiveRiskConfig(
        bar_seconds=60.0,
        max_order_shares=100.0,
        max_order_value=UNLIMITED,
        max_position_shares=1000.0,
        max_position_value=UNLIMITED,
        max_total_exposure=UNLIMITED,
        allowed_assets=UNLIMITED,
        max_daily_loss=50_000.0,
        max_repeat=UNLIMITED,
        dedup_window_seconds=0.0,
        max_orders_per_minute=UNLIMITED,
        max_messages_per_second=100.0,
    )


@attrs.frozen(kw_only=True)
class Setting:
    """What is played on a stage.

    Attributes:
        prices: what is traded and its first prices.
        cash: the money that the account begins with.
        bar_size: how long a bar is.
        sessions: the trading days; the play begins ``early`` before the first one opens.
        early: how long before the first session, or after its opening where negative.
        limits: of the engine; its limits in units are those that the truth is held against.
        timing: of the engine.
        rules: of the venue.
        plan: what goes wrong.
        seed: of all chance.
        strategy: makes the strategy of each life of the engine.
        market: other settings of the market, by the names of ``MarketSettings``.
        adopt, warmup: as in ``LiveConfig``.
    """

    prices: Mapping[str, float] = attrs.field(
        factory=lambda: {"AAA": 100.0, "BBB": 50.0, "CCC": 20.0}
    )
    cash: float = 100_000.0
    bar_size: timedelta = timedelta(minutes=1)
    sessions: tuple[Session, ...] = attrs.field(factory=_one_session)
    early: timedelta = timedelta(seconds=-30)
    limits: LiveRiskConfig = attrs.field(factory=_limits)
    timing: Timing = attrs.field(factory=lambda: Timing(watch=0.5))
    rules: VenueRules = attrs.field(factory=VenueRules)
    plan: FaultPlan = attrs.field(factory=FaultPlan)
    seed: int = 1
    strategy: Callable[[], Strategy] = Scripted
    market: Mapping[str, object] = attrs.field(factory=dict)
    adopt: bool = False
    warmup: int = 0

    @property
    def begins(self) -> datetime:
        """What the wall clock shows at the beginning: give it to ``run``."""
        return self.sessions[0].opens - self.early
