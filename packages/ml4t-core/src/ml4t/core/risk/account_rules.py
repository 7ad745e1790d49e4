"""Rules about what the account has lost."""

from typing import ClassVar

import attrs

from ml4t.core.risk.judgements import judge_account_age, judge_daily_loss, judge_drawdown
from ml4t.core.risk.proposal import Proposal
from ml4t.core.risk.verdicts import Finding

__all__ = ["DailyLoss", "Drawdown"]


@attrs.frozen
class DailyLoss:
    """After too large a loss in a session nothing is added, nor while equity is not known."""

    number: ClassVar[int] = 14

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        config, account = proposal.config, proposal.book.account
        if proposal.reduces or config.max_daily_loss is None:
            return None
        breach = judge_account_age(account.age(proposal.moment.monotonic), config)
        breach = breach or judge_daily_loss(account.equity, account.session_start, config)
        if breach is None:
            return None
        return Finding(str(account.equity), str(config.max_daily_loss), breach.reason, breach)


@attrs.frozen
class Drawdown:
    """After too large a fall from the highest equity nothing is added."""

    number: ClassVar[int] = 15

    def check(self, proposal: Proposal) -> Finding | None:
        """Why the order is refused; None where it is not."""
        config, account = proposal.config, proposal.book.account
        if proposal.reduces:
            return None
        breach = judge_drawdown(account.equity, account.high_water, config)
        if breach is None:
            return None
        return Finding(str(account.equity), str(config.max_drawdown_pct), breach.reason, breach)
