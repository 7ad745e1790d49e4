"""The kill switch: nothing new leaves, everything that works is cancelled, and that is verified."""

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import attrs

from ml4t.core.broker import AsyncBrokerProtocol
from ml4t.core.orders import Order
from ml4t.core.risk import TradingState
from ml4t.live.account import LiveAccount
from ml4t.live.answers import answer_to
from ml4t.live.clock import Clock
from ml4t.live.events import CancelRequested, CauseRaised
from ml4t.live.failpoints import failpoint
from ml4t.live.supervision import settled

__all__ = ["CancelReport", "KillSwitch", "cancel_everything"]

_POLL = 0.2
_ROUNDS = 5
_AGAIN = 5.0


@attrs.frozen(kw_only=True)
class CancelReport:
    """What cancelling everything came to.

    Attributes:
        asked: how many orders were asked to be cancelled.
        first: seconds until the first request had been sent; 0 where there was none.
        all_sent: seconds until the last had.
        verified: seconds until the venue showed no open order; None where it did not.
        left: the ids that the venue still shows as open, or did when it was last heard.
    """

    asked: int
    first: float
    all_sent: float
    verified: float | None
    left: tuple[str, ...]


class KillSwitch:
    """Halts trading at once and cancels everything, whatever else hangs.

    The halt is in force before anything is waited for. It is kept in the kill file first, since a
    journal on a full or hanging disk must not hold up a cancel; the journal gets it as soon as the
    cancels are on their way. The halt ends when a person re-arms.

    Args:
        broker: the adapter.
        account: the state.
        clock: measures how long it takes.
        file: the kill file; None keeps none.
        patience: seconds for all requests to be sent, and again for the venue to confirm.
    """

    def __init__(
        self,
        broker: AsyncBrokerProtocol,
        account: LiveAccount,
        *,
        clock: Clock,
        file: Path | None,
        patience: float,
    ) -> None:
        self._broker = broker
        self._account = account
        self._clock = clock
        self._file = file
        self._patience = patience
        self._is_on = False
        self._survivors: set[str] = set()
        self._swept_at = -math.inf

    @property
    def is_on(self) -> bool:
        """Whether it was pulled and nobody re-armed since."""
        return self._is_on

    @property
    def is_asked_for(self) -> bool:
        """Whether somebody made the kill file and it was not acted on yet."""
        return not self._is_on and self._file is not None and self._file.exists()

    def why(self) -> str:
        """What stands in the kill file."""
        with suppress(OSError):
            text = self._file.read_text(encoding="utf-8", errors="replace") if self._file else ""
            return text.strip()[:200] or "the kill file was made"
        return "the kill file was made"

    async def pull(self, reason: str, by: str) -> CancelReport:
        """Halt trading, cancel everything, and look until nothing is open."""
        self.halt(f"{reason} ({by})")
        working = tuple(self._account.book.open)
        self._survivors = set(working)
        self._swept_at = self._clock.monotonic()
        sending = asyncio.ensure_future(
            cancel_everything(self._broker, working, clock=self._clock, patience=self._patience)
        )
        # Let the requests leave before the disk is touched.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self._account.record(*(CancelRequested(order_id=each, by=by) for each in working))
        failpoint("kill.recorded")
        report = await sending
        failpoint("kill.cancelled")
        self._say(report)
        return report

    def has_survivors(self) -> bool:
        """Whether orders that were cancelled count as working still, and it is time to try again.

        An order that was on its way when the switch was pulled may arrive after its cancel.
        """
        self._survivors &= self._account.book.open.keys()
        is_due = self._clock.monotonic() - self._swept_at >= _AGAIN
        return self._is_on and bool(self._survivors) and is_due

    async def cancel_survivors(self) -> None:
        """Cancel them once more.

        Raises:
            VenueUnavailableError: the venue did not answer.
        """
        if not self.has_survivors():
            return
        self._swept_at = self._clock.monotonic()
        survivors = sorted(self._survivors)
        by = "kill switch"
        self._account.record(*(CancelRequested(order_id=each, by=by) for each in survivors))
        for order_id in survivors:
            await answer_to(self._broker.cancel(order_id), self._patience)

    def halt(self, reason: str) -> None:
        """Halt trading from this very moment, without a word to the venue or the journal."""
        self._is_on = True
        if self._file is not None:
            # A full disk does not keep the switch from working.
            with suppress(OSError):
                self._file.write_text(reason, encoding="utf-8")
        failpoint("kill.file")
        self._account.note(
            CauseRaised(name="kill", state=TradingState.HALTED, reason=reason, latched=True)
        )

    def release(self) -> None:
        """Take the kill file away, after a person re-armed."""
        self._is_on = False
        self._survivors.clear()
        if self._file is not None:
            self._file.unlink(missing_ok=True)
        failpoint("kill.released")

    def _say(self, report: CancelReport) -> None:
        left = f", {len(report.left)} STILL OPEN: {', '.join(report.left)}" if report.left else ""
        message = (
            f"asked for {report.asked} cancels, first after {report.first:.3f} s, all after "
            f"{report.all_sent:.3f} s{left}"
        )
        self._account.alert("kill", message)


async def cancel_everything(
    broker: AsyncBrokerProtocol, order_ids: Sequence[str], *, clock: Clock, patience: float
) -> CancelReport:
    """Cancel orders by id, then all that the account has, and look until nothing is open.

    Nothing that goes wrong on the way stops the rest.

    Args:
        broker: the adapter.
        order_ids: what is known to work.
        clock: measures how long it takes.
        patience: seconds for all requests to be sent, and again for the venue to confirm.
    """
    began = clock.monotonic()
    sent: list[float] = []

    async def cancel(order_id: str) -> None:
        await broker.cancel(order_id)
        sent.append(clock.monotonic() - began)

    async def sweep() -> None:
        await broker.cancel_all()

    requests = [asyncio.ensure_future(cancel(order_id)) for order_id in order_ids]
    requests.append(asyncio.ensure_future(sweep()))
    await settled(requests, patience)
    all_sent = clock.monotonic() - began
    left, verified = await _verify(broker, patience)
    return CancelReport(
        asked=len(order_ids),
        first=min(sent, default=0.0),
        all_sent=max(sent, default=all_sent) if len(sent) == len(order_ids) else all_sent,
        verified=clock.monotonic() - began if verified else None,
        left=tuple(order.id for order in left) if left is not None else tuple(order_ids),
    )


async def _verify(
    broker: AsyncBrokerProtocol, patience: float
) -> tuple[Sequence[Order] | None, bool]:
    """What is still open as far as the venue says, and whether it says that nothing is."""
    left: Sequence[Order] | None = None
    loop = asyncio.get_running_loop()
    ends = loop.time() + patience
    # A session that is lost may be back within the time.
    while loop.time() < ends:
        asking: asyncio.Future[Sequence[Order]] = asyncio.ensure_future(_listed(broker))
        await settled([asking], patience / _ROUNDS)
        if asking.done() and not asking.cancelled() and asking.exception() is None:
            left = asking.result()
            if not left:
                return left, True
            again = [asyncio.ensure_future(broker.cancel(order.id)) for order in left]
            await settled(again, patience / _ROUNDS)
        await asyncio.sleep(_POLL)
    return left, False


async def _listed(broker: AsyncBrokerProtocol) -> Sequence[Order]:
    return await broker.open_orders()
