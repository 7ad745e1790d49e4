"""What happens when the session with the venue is lost, and before it counts as back."""

import asyncio
from collections.abc import Callable

from ml4t.core.errors import VenueRefusedError, VenueUnavailableError
from ml4t.core.risk import TradingState
from ml4t.core.venue_events import ConnectionChange
from ml4t.live.account import LiveAccount
from ml4t.live.failpoints import failpoint
from ml4t.live.reconcile import Reconciler
from ml4t.live.safe_broker import SafeBroker
from ml4t.live.unknown_orders import UnknownOrders

__all__ = ["Connection"]

_CAUSE = "disconnected"
_PAUSES = (1.0, 2.0, 5.0)
_REFUSED = 30.0


class Connection:
    """Stops new risk while the session is lost, and until the account has been compared after it.

    Args:
        safe: whether orders may be sent.
        account: what is restricted.
        reconciler: compares the account.
        unknown: looks that a lost connection makes worthless.
        heard: told of every sign of life.
    """

    def __init__(
        self,
        safe: SafeBroker,
        account: LiveAccount,
        reconciler: Reconciler,
        unknown: UnknownOrders,
        *,
        heard: Callable[[], None],
    ) -> None:
        self._safe = safe
        self._account = account
        self._reconciler = reconciler
        self._unknown = unknown
        self._heard = heard
        self._number = 0

    def lost(self, reason: str) -> None:
        """The session is lost: what happens at the venue now is not reported."""
        self._number += 1
        self._safe.is_connected = False
        failpoint("connection.lost")
        self._unknown.interrupted()
        self._account.restrict(_CAUSE, TradingState.REDUCING, reason or "the session was lost")

    async def change(self, change: ConnectionChange) -> None:
        """Take in that the session was lost or is back.

        A session that is back counts when executions, orders and positions have been compared.
        """
        if not change.is_up:
            self.lost(change.reason)
            return
        self._number += 1
        self._safe.is_connected = True
        self._heard()
        await self._compare(self._number)

    async def _compare(self, number: int) -> None:
        for attempt in range(1_000_000):
            try:
                await self._reconciler.run(at_once=True)
            except VenueUnavailableError as error:
                self._account.alert("venue", f"not compared yet: {error}")
                pause = _PAUSES[min(attempt, len(_PAUSES) - 1)]
            except VenueRefusedError as error:
                self._account.restrict("account", TradingState.HALTED, str(error), latched=True)
                pause = _REFUSED
            else:
                break
            await asyncio.sleep(pause)
            if number != self._number:
                return
        failpoint("connection.compared")
        if number == self._number:
            self._account.relax(_CAUSE, "the session is back and the account was compared")
