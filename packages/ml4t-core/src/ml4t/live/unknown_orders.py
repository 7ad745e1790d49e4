"""What became of orders without an answer: found out by asking, never by guessing."""

import attrs

from ml4t.core.broker import AsyncBrokerProtocol
from ml4t.core.orders import Order, OrderStatus
from ml4t.live.account import LiveAccount
from ml4t.live.answers import answer_to
from ml4t.live.clock import Clock
from ml4t.live.failpoints import failpoint
from ml4t.live.intake import Intake

__all__ = ["UnknownOrders"]

_PAUSES = (1.0, 2.0, 5.0, 10.0)
"""Seconds between questions about one order; the last one repeats."""


@attrs.define
class _Search:
    """What was asked about one order so far."""

    next_at: float
    asked: int = 0
    absent_since: float | None = None
    connection: int = 0


class UnknownOrders:
    """Asks the venue for every order that is UNKNOWN until there is evidence.

    An order that the venue has is taken over as it is. One that it never confirmed, and that it
    does not have in two looks at least ``apart`` seconds from each other over one uninterrupted
    connection, was never accepted. One that it did confirm once and does not find any more stays
    UNKNOWN: only a person can say what became of it.

    Args:
        broker: the adapter.
        account: where orders are known from.
        intake: where answers go.
        clock: measures the time between looks.
        apart: seconds between the two looks that prove absence.
        patience: seconds to wait for each answer.

    Attributes:
        connection: counts connections; whoever notices a new one raises it.
    """

    def __init__(
        self,
        broker: AsyncBrokerProtocol,
        account: LiveAccount,
        intake: Intake,
        *,
        clock: Clock,
        apart: float,
        patience: float,
    ) -> None:
        self.connection = 0
        self._broker = broker
        self._account = account
        self._intake = intake
        self._clock = clock
        self._apart = apart
        self._patience = patience
        self._searches: dict[str, _Search] = {}

    @property
    def pending(self) -> list[Order]:
        """The orders whose fate is not known."""
        orders = self._account.book.open.values()
        return [order for order in orders if order.status is OrderStatus.UNKNOWN]

    def is_due(self) -> bool:
        """Whether there is something to ask now."""
        return bool(self._due())

    async def ask(self) -> None:
        """Ask about every order that is due.

        Raises:
            VenueUnavailableError: the venue could not be asked; what was absent before does not
                count any more.
        """
        for order in self._due():
            search = self._searches[order.id]
            search.next_at = self._clock.monotonic() + _PAUSES[min(search.asked, 3)]
            search.asked += 1
            found = await answer_to(self._broker.find_order(order.id), self._patience)
            failpoint("unknown.asked")
            if found is not None:
                self._found(found)
            else:
                self._absent(order.id, search)

    async def ask_now(self) -> None:
        """Ask about every order at once, due or not; raises as :meth:`ask` does."""
        self._due()
        for search in self._searches.values():
            search.next_at = self._clock.monotonic()
        await self.ask()

    def interrupted(self) -> None:
        """Take note that the connection was lost: earlier looks prove nothing any more."""
        self.connection += 1

    def _due(self) -> list[Order]:
        now = self._clock.monotonic()
        pending = self.pending
        known = {order.id for order in pending}
        self._searches = {key: found for key, found in self._searches.items() if key in known}
        for order in pending:
            self._searches.setdefault(order.id, _Search(now + _PAUSES[0]))
        return [order for order in pending if self._searches[order.id].next_at <= now]

    def _found(self, found: Order) -> None:
        self._intake.take(found, "query")

    def _absent(self, order_id: str, search: _Search) -> None:
        order = self._account.book.orders[order_id]
        if order.status is not OrderStatus.UNKNOWN:
            return
        now = self._clock.monotonic()
        if search.absent_since is None or search.connection != self.connection:
            search.absent_since, search.connection = now, self.connection
            return
        if now - search.absent_since < self._apart:
            return
        if order_id in self._account.book.acknowledged:
            if search.asked % 100 == 0:
                self._account.alert("unknown order", f"the venue has lost order {order_id}")
            return
        reason = f"not accepted: the venue did not have it in two looks {self._apart:g} s apart"
        never = order.to(OrderStatus.REJECTED, self._clock.now(), reason)
        self._intake.take(never, "query")
        failpoint("unknown.never_accepted")
