"""The account at the venue against the journal: what was missed is fetched, the rest is shown."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import attrs

from ml4t.core.broker import AsyncBrokerProtocol
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.positions import AccountSnapshot
from ml4t.core.risk import TradingState
from ml4t.core.risk.config import bound
from ml4t.core.venue_events import CashFlow
from ml4t.live.account import LiveAccount
from ml4t.live.answers import answer_to
from ml4t.live.clock import Clock
from ml4t.live.events import BalanceAdopted, CashFlowBooked, DifferenceFound
from ml4t.live.failpoints import failpoint
from ml4t.live.intake import Intake
from ml4t.live.safe_broker import SafeBroker

__all__ = ["Difference", "Reconciler"]

T = TypeVar("T")

_CAUSE = "unreconciled"
_OVERLAP = timedelta(minutes=10)
_LOOK_BACK = timedelta(days=1)
_CENT = 0.01
_TOLERANCE = 1e-9
_ATTEMPTS = 3


@attrs.frozen
class Difference:
    """One thing on which journal and venue do not agree.

    Attributes:
        kind: "position", "order" or "cash".
        subject: the symbol or the id.
        ours: what the journal says.
        theirs: what the venue says.
    """

    kind: str
    subject: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: ours {self.ours}, at the venue {self.theirs}"


class Reconciler:
    """Compares the account at the venue with the journal.

    Orders and executions that the stream of events has lost are fetched and booked. A position
    that differs is never explained away by a made-up trade: new risk stops until the difference is
    gone or a person adopts the venue's account. Money that differs while all positions agree is
    booked as money that came or went without a trade, once it has stayed for a while.

    Args:
        broker: the adapter.
        account: the journal's side.
        intake: where what was missed goes.
        safe: whether an order is on its way just now.
        clock: for ages.
        patience: seconds to wait for each answer.

    Attributes:
        differences: what did not agree in the latest round.
        done_at: when the latest complete round ended, in monotonic seconds; None before the first.
        snapshot: the account in the latest complete round.
    """

    def __init__(
        self,
        broker: AsyncBrokerProtocol,
        account: LiveAccount,
        intake: Intake,
        safe: SafeBroker,
        *,
        clock: Clock,
        patience: float,
    ) -> None:
        self.differences: tuple[Difference, ...] = ()
        self.done_at: float | None = None
        self.snapshot: AccountSnapshot | None = None
        self._broker = broker
        self._account = account
        self._intake = intake
        self._safe = safe
        self._clock = clock
        self._patience = patience
        self._grace = bound(account.risk.config.mismatch_seconds)
        self._since: datetime | None = None
        self._first_seen: dict[Difference, float] = {}
        self._missing_since: dict[str, float] = {}
        self._told: set[Difference] = set()
        self._running = asyncio.Lock()

    async def run(self, *, at_once: bool = False) -> bool:
        """Go through one round.

        Args:
            at_once: let a difference stop new risk without waiting whether it passes.

        Returns:
            Whether everything agrees.

        Raises:
            VenueUnavailableError: the venue did not answer; nothing is known.
        """
        async with self._running:
            started = self._clock.now()
            snapshot, is_settled = await self._look()
            for _ in range(_ATTEMPTS - 1):
                if is_settled:
                    break
                snapshot, is_settled = await self._look()
            failpoint("reconcile.looked")
            self._fill_gaps(at_once=at_once)
            self.snapshot, self.done_at = snapshot, self._clock.monotonic()
            equity = snapshot.equity - self._unexplained(snapshot)
            self._account.risk.set_account(snapshot.cash, equity, self.done_at)
            self._compare(snapshot, is_settled=is_settled)
            # Executions have the venue's time, and the clock here may be wrong.
            self._since = min(started, snapshot.timestamp)
            failpoint("reconcile.compared")
            return self._judge(at_once=at_once)

    async def _look(self) -> tuple[AccountSnapshot, bool]:
        """Fetch what was missed, and the account; also whether nothing happened meanwhile."""
        seen = self._version
        await self._fetch_executions()
        failpoint("reconcile.executions_known")
        await self._compare_orders()
        failpoint("reconcile.orders_known")
        snapshot = await self._ask(self._broker.account())
        return snapshot, seen == self._version and not self._safe.is_sending

    async def adopt(self, by: str) -> AccountSnapshot:
        """Take over cash and positions as the venue has them, on a person's word.

        Raises:
            VenueUnavailableError: the venue did not answer.
            JournalError: the journal cannot be written.
        """
        async with self._running:
            await self._fetch_executions()
            snapshot = await self._ask(self._broker.account())
            self._account.commit(
                BalanceAdopted(
                    cash=snapshot.cash,
                    positions=dict(snapshot.positions),
                    by=by,
                    since=snapshot.timestamp,
                )
            )
            self._intake.unknown_fills.clear()
            self._first_seen.clear()
            return snapshot

    # What the venue has

    @property
    def _version(self) -> tuple[int, int]:
        book = self._account.book
        return (len(book.fills) + len(book.busted), len(book.orders))

    async def _fetch_executions(self) -> None:
        book = self._account.book
        if self._since is not None:
            since = self._since - _OVERLAP
        else:
            latest = max((fill.timestamp for fill in book.fills.values()), default=None)
            since = (latest or book.since or self._clock.now()) - _LOOK_BACK
        for fill in await self._ask(self._broker.fills_since(since)):
            self._intake.take(fill, "query")

    async def _compare_orders(self) -> None:
        before = self._clock.now()
        listed = await self._ask(self._broker.open_orders())
        self._intake.take_all(listed, "snapshot")
        working = {order.id for order in listed}
        self._intake.forget_foreign(working)
        for order in tuple(self._account.book.open.values()):
            sent = order.submitted_at
            if order.id in working or (sent is not None and sent >= before):
                continue
            if not self._safe.is_on_its_way(order.id):
                await self._look_for(order)
        for order in self._doubtful():
            await self._look_for(order)

    def _doubtful(self) -> list[Order]:
        """Ended orders that lack executions, or whose stand-ins a position contradicts."""
        book = self._account.book
        differing = {each.subject for each in self.differences if each.kind == "position"}
        standing = (book.orders[order_id] for order_id in book.totals.stood_in_for)
        doubtful = {order.id for order in standing if order.asset in differing}
        doubtful.update(book.behind)
        return [book.orders[order_id] for order_id in sorted(doubtful - book.open.keys())]

    async def _look_for(self, order: Order) -> None:
        found = await self._ask(self._broker.find_order(order.id))
        if found is not None:
            self._intake.take(found, "query")
            return
        now = self._account.book.orders[order.id]
        if now.is_open and now.status is not OrderStatus.UNKNOWN:
            # Absent is not cancelled: it counts as working until there is evidence.
            reason = "the venue does not find it"
            self._intake.take(now.to(OrderStatus.UNKNOWN, self._clock.now(), reason), "query")

    def _fill_gaps(self, *, at_once: bool) -> None:
        """Book stand-ins for executions that stay missing although the order's total has them."""
        now, behind = self._clock.monotonic(), self._account.book.behind
        self._missing_since = {
            order_id: self._missing_since.get(order_id, now) for order_id in behind
        }
        for order_id, since in self._missing_since.items():
            if at_once or now - since >= self._grace:
                self._intake.fill_gap(order_id)

    async def _ask(self, question: Coroutine[object, object, T]) -> T:
        return await answer_to(question, self._patience)

    # Comparison

    def _compare(self, snapshot: AccountSnapshot, *, is_settled: bool) -> None:
        found = [*self._of_positions(snapshot), *self._of_orders()]
        if not found and is_settled and not self._account.book.behind:
            found += self._of_cash(snapshot)
        now = self._clock.monotonic()
        self.differences = tuple(found)
        self._first_seen = {each: self._first_seen.get(each, now) for each in found}

    def _of_positions(self, snapshot: AccountSnapshot) -> Sequence[Difference]:
        ledger = self._account.book.ledger
        ours = ledger.positions if ledger is not None else {}
        found = []
        for asset in sorted(ours.keys() | snapshot.positions.keys()):
            held = ours[asset].quantity if asset in ours else 0.0
            there = snapshot.positions[asset].quantity if asset in snapshot.positions else 0.0
            if abs(held - there) > _TOLERANCE * max(abs(held), abs(there)):
                found.append(Difference("position", asset, f"{held!r}", f"{there!r}"))
        return found

    def _of_orders(self) -> Sequence[Difference]:
        book = self._account.book
        return [
            Difference("order", order_id, book.orders[order_id].status.name, "works")
            for order_id in sorted(self._intake.risen)
            if not book.orders[order_id].is_open
        ]

    def _of_cash(self, snapshot: AccountSnapshot) -> Sequence[Difference]:
        ledger = self._account.book.ledger
        if ledger is None or abs(snapshot.cash - ledger.cash) < _CENT / 2:
            return []
        return [Difference("cash", snapshot.currency, f"{ledger.cash:.2f}", f"{snapshot.cash:.2f}")]

    def _unexplained(self, snapshot: AccountSnapshot) -> float:
        """Money that no trade has earned or lost and that is not booked yet: no profit, no loss."""
        ledger = self._account.book.ledger
        if ledger is None or self._account.book.behind or self._of_positions(snapshot):
            return 0.0
        return snapshot.cash - ledger.cash

    def _judge(self, *, at_once: bool) -> bool:
        now = self._clock.monotonic()
        lasting = [
            each
            for each, since in self._first_seen.items()
            if now - since >= self._grace or (at_once and each.kind != "cash")
        ]
        for each in lasting:
            if each.kind == "cash":
                self._book_flow()
        lasting = [each for each in lasting if each.kind != "cash"]
        for each in lasting:
            if each not in self._told:
                self._told.add(each)
                self._account.record(DifferenceFound(**attrs.asdict(each)))
        if lasting:
            reason = "; ".join(str(each) for each in lasting)
            self._account.restrict(_CAUSE, TradingState.REDUCING, reason)
        elif not any(each.kind != "cash" for each in self.differences):
            self._told.clear()
            self._account.relax(_CAUSE, "journal and venue agree")
            return True
        return False

    def _book_flow(self) -> None:
        ledger, snapshot = self._account.book.ledger, self.snapshot
        assert ledger is not None and snapshot is not None  # noqa: S101, PT018 - compared above
        flow = CashFlow(
            id=f"balance-{snapshot.timestamp.isoformat()}",
            amount=snapshot.cash - ledger.cash,
            reason="the balance differs by as much while all positions agree",
            timestamp=snapshot.timestamp,
        )
        self._account.record(CashFlowBooked(flow=flow, evidence="account"))
        self._account.alert("cash", f"{flow.amount:+.2f} came or went without a trade")
        self._first_seen = {
            each: since for each, since in self._first_seen.items() if each.kind != "cash"
        }
