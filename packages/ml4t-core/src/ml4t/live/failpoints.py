"""Named places at which a test can kill the process, to prove what a crash there leaves behind.

Nothing happens unless the environment variable ``ML4T_FAILPOINT`` names a place: ``name`` kills the
process with SIGKILL when it is reached, ``name:3`` when it is reached for the third time.
"""

import os
import signal
from collections import Counter

__all__ = ["FAILPOINTS", "failpoint"]

FAILPOINTS = (
    "account.committed",
    "account.recorded",
    "bars.handled",
    "bars.shown",
    "cancel.recorded",
    "cancel.sent",
    "connection.compared",
    "connection.lost",
    "fill.booked",
    "intent.committed",
    "journal.backed_up",
    "journal.before_commit",
    "journal.begin",
    "journal.closed",
    "journal.committed",
    "journal.created",
    "journal.creating",
    "journal.epoch",
    "journal.inserted",
    "journal.inspected",
    "journal.marked",
    "journal.migrated",
    "journal.migrating",
    "journal.opened",
    "journal.projected",
    "journal.quarantined",
    "journal.quarantining",
    "journal.rebuilding",
    "journal.rebuilt",
    "kill.cancelled",
    "kill.file",
    "kill.recorded",
    "kill.released",
    "order.answered",
    "order.changed",
    "order.denied",
    "order.leaving",
    "order.taken_in",
    "reconcile.compared",
    "reconcile.executions_known",
    "reconcile.looked",
    "reconcile.orders_known",
    "replace.answered",
    "replace.committed",
    "start.account_opened",
    "start.assets_listed",
    "start.balance_adopted",
    "start.connected",
    "start.orders_known",
    "start.orders_marked",
    "start.reconciled",
    "start.recorded",
    "start.venue_met",
    "state.locked",
    "strategy.ended",
    "strategy.started",
    "unknown.asked",
    "unknown.never_accepted",
    "venue.asked",
)
"""Every place there is; a test compares the list with the calls in the source."""

_NAME, _, _COUNT = os.environ.get("ML4T_FAILPOINT", "").partition(":")
_reached: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Mark a place where the process may die; nothing happens unless a test has armed it."""
    if name != _NAME:
        return
    _reached[name] += 1
    if _reached[name] >= int(_COUNT or 1):
        os.kill(os.getpid(), signal.SIGKILL)
