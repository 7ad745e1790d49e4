"""Handing orders to an adapter: once, and with an answer or the knowledge that there is none."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

from ml4t.core.broker import AsyncBrokerProtocol
from ml4t.core.errors import VenueRefusedError
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import TradingState
from ml4t.live.account import LiveAccount
from ml4t.live.clock import Clock
from ml4t.live.failpoints import failpoint
from ml4t.live.intake import Intake

__all__ = ["Transmission"]

T = TypeVar("T")

_UNANSWERED = frozenset({OrderStatus.PENDING, OrderStatus.HELD})
_NO_ANSWER = "the venue did not answer: it counts as working until there is evidence"


class Transmission:
    """Calls of the adapter that send something.

    A call that takes too long is cancelled, so that the adapter does not send later what it has not
    sent by then. What it may have sent is UNKNOWN.

    Args:
        broker: the adapter.
        account: which orders there are.
        intake: where answers go.
        clock: for the times of changes.
        patience: seconds to wait for an answer.
    """

    def __init__(
        self,
        broker: AsyncBrokerProtocol,
        account: LiveAccount,
        intake: Intake,
        *,
        clock: Clock,
        patience: float,
    ) -> None:
        self._broker = broker
        self._account = account
        self._intake = intake
        self._clock = clock
        self._patience = patience
        self._sending: set[str] = set()

    @property
    def is_busy(self) -> bool:
        """Whether an order is on its way at this moment."""
        return bool(self._sending)

    def is_on_its_way(self, order_id: str) -> bool:
        """Whether an order is being sent at this moment."""
        return order_id in self._sending

    async def send(
        self,
        order_ids: Sequence[str],
        call: Callable[[], Coroutine[object, object, Order | Sequence[Order]]],
    ) -> None:
        """Hand over orders, and take in the answer or that there is none."""
        failpoint("order.leaving")
        self._sending.update(order_ids)
        try:
            answer = await self.ask(call)
        finally:
            self._sending.difference_update(order_ids)
        failpoint("order.answered")
        answered = (answer,) if isinstance(answer, Order) else tuple(answer or ())
        for order in answered:
            self._intake.take(order, "answer")
        named = {order.id for order in answered}
        for order_id in order_ids:
            order = self._account.book.orders[order_id]
            if order_id not in named and order.status in _UNANSWERED:
                unknown = order.to(OrderStatus.UNKNOWN, self._clock.now(), _NO_ANSWER)
                self._intake.take(unknown, "time-out")
        failpoint("order.taken_in")

    async def ask(self, call: Callable[[], Coroutine[object, object, T]]) -> T | None:
        """What the adapter answers; None if it does not, in time or at all."""
        task = asyncio.ensure_future(_made(call))
        try:
            done, _ = await asyncio.wait({task}, timeout=self._patience)
        finally:
            # What it has not sent by now it must not send later.
            task.cancel()
            task.add_done_callback(_take_note)
        failpoint("venue.asked")
        if not done or task.cancelled():
            return None
        if (error := task.exception()) is not None:
            self._explain(error)
            return None
        return task.result()

    def _explain(self, error: BaseException) -> None:
        if isinstance(error, VenueRefusedError):
            self._account.restrict("account", TradingState.HALTED, str(error), latched=True)
        else:
            self._account.alert("venue", f"no usable answer: {type(error).__name__}: {error}")


async def _made(call: Callable[[], Coroutine[object, object, T]]) -> T:
    """The answer of a call, so that what making it raises is raised in the same place."""
    return await call()


def _take_note(task: "asyncio.Future[T]") -> None:
    """Take what a call that was given up raises in the end, so that nobody complains."""
    if not task.cancelled():
        task.exception()
