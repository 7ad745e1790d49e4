"""The risk limits and their rules: pure functions of a request and the facts about the account."""

from ml4t.core.risk.states import TradingState

__all__ = ["TradingState"]
