"""What is wrong with the account at a moment, whether or not an order is sent."""

from ml4t.core.risk.book import RiskBook
from ml4t.core.risk.config import UNLIMITED
from ml4t.core.risk.facts import Moment
from ml4t.core.risk.judgements import (
    judge_account_age,
    judge_daily_loss,
    judge_drawdown,
    judge_rejects,
    judge_round_trips,
    judge_staleness,
    judge_unknown,
)
from ml4t.core.risk.verdicts import Breach

__all__ = ["standing_breaches"]


def standing_breaches(book: RiskBook, moment: Moment) -> tuple[Breach, ...]:
    """The limits that are broken at a moment: for each account update, each bar and a timer.

    It looks at every asset once.
    """
    config, account, activity = book.config, book.account, book.activity
    now = moment.monotonic
    found = [
        judge_daily_loss(account.equity, account.session_start, config),
        judge_drawdown(account.equity, account.high_water, config),
        None
        if config.max_daily_loss in {None, UNLIMITED}
        else judge_account_age(account.age(now), config),
        judge_rejects(activity.rejects, config),
        judge_round_trips(activity.round_trips.count(now), config),
        judge_staleness(len(book.stale_assets(moment)), book.watched_assets, config),
        judge_unknown(config, book.unknown_orders),
    ]
    found += [judge_unknown(config, 0, f.unknown_count, f.symbol) for f in book if f.unknown_count]
    return tuple(breach for breach in found if breach is not None)
