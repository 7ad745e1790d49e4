"""The risk limits and their rules: pure functions of a request and the facts about the account.

:class:`LiveRiskConfig` holds the limits, :class:`RiskBook` the facts, and :func:`review` answers
with an :class:`Approved` order or a :class:`Refused` one. Nothing in here reads a clock.
"""

from ml4t.core.risk.book import RiskBook
from ml4t.core.risk.config import (
    MANDATORY,
    UNLIMITED,
    Limit,
    LiveRiskConfig,
    SelfTrade,
    StrategyFault,
    Unlimited,
)
from ml4t.core.risk.controls import CONTROLS, Control
from ml4t.core.risk.daily_windows import DailyWindow
from ml4t.core.risk.facts import Moment, Quote, WorstCase
from ml4t.core.risk.judgements import (
    clock_jump,
    judge_account_age,
    judge_clock,
    judge_daily_loss,
    judge_drawdown,
    judge_mismatch,
    judge_rejects,
    judge_repeats,
    judge_round_trips,
    judge_silence,
    judge_staleness,
    judge_strategy_errors,
    judge_unknown,
)
from ml4t.core.risk.proposal import Placement
from ml4t.core.risk.review import (
    is_reducing,
    review,
    review_alternatives,
    review_cancel,
    review_family,
    review_replace,
    split_flip,
)
from ml4t.core.risk.standing import standing_breaches
from ml4t.core.risk.states import TradingState
from ml4t.core.risk.verdicts import Action, Approved, Breach, Refused, Verdict

__all__ = [
    "CONTROLS",
    "MANDATORY",
    "UNLIMITED",
    "Action",
    "Approved",
    "Breach",
    "Control",
    "DailyWindow",
    "Limit",
    "LiveRiskConfig",
    "Moment",
    "Placement",
    "Quote",
    "Refused",
    "RiskBook",
    "SelfTrade",
    "StrategyFault",
    "TradingState",
    "Unlimited",
    "Verdict",
    "WorstCase",
    "clock_jump",
    "is_reducing",
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
    "review",
    "review_alternatives",
    "review_cancel",
    "review_family",
    "review_replace",
    "split_flip",
    "standing_breaches",
]
