"""The one way to the venue: checked, reserved and journaled before the first byte leaves."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

import attrs

from ml4t.core.broker import AsyncBrokerProtocol, GroupBroker
from ml4t.core.closing import left_to_close
from ml4t.core.errors import JournalError, UnknownOrderError
from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import (
    Approved,
    Moment,
    Refused,
    RiskBook,
    SelfTrade,
    review,
    review_alternatives,
    review_cancel,
    review_family,
    review_replace,
    split_flip,
)
from ml4t.live.account import LiveAccount
from ml4t.live.clock import Clock
from ml4t.live.events import CancelRequested, IntentRecorded, ReplaceRequested
from ml4t.live.failpoints import failpoint
from ml4t.live.intake import Intake
from ml4t.live.refusals import Refusals
from ml4t.live.transmission import Transmission

__all__ = ["SafeBroker"]

_STRATEGY = "strategy"


class SafeBroker:
    """Sends orders to a venue, after every check and never twice.

    An order passes the risk rules, takes up its part of the limits and is made durable in the
    journal, all without giving way to anything else, and only then is handed to the adapter, once.
    If the venue does not answer in time the order is UNKNOWN: it counts as working until there is
    evidence, and it is not sent again.

    Args:
        broker: the adapter.
        account: the state, through its journal.
        intake: where the venue's answers go.
        moment: the present, as the risk rules see it.
        clock: for the times of orders.
        patience: seconds to wait for an answer.
        name: the strategy's name in the journal.

    Attributes:
        is_connected: whether orders can be sent and their events arrive.
    """

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        broker: AsyncBrokerProtocol,
        account: LiveAccount,
        intake: Intake,
        *,
        moment: Callable[[], Moment],
        clock: Clock,
        patience: float,
        name: str = _STRATEGY,
    ) -> None:
        self.is_connected = False
        self.capabilities = broker.capabilities
        self._broker = broker
        self._account = account
        self._intake = intake
        self._moment = moment
        self._clock = clock
        self._name = name
        self._refusals = Refusals(account, clock)
        self._transmission = Transmission(broker, account, intake, clock=clock, patience=patience)
        # Orders that wait for another to have closed a position, by that other's id.
        self._after_closing: dict[str, OrderRequest] = {}
        self._own_tasks: set[asyncio.Future[object]] = set()

    @property
    def is_sending(self) -> bool:
        """Whether an order is on its way at this moment."""
        return self._transmission.is_busy

    def is_on_its_way(self, order_id: str) -> bool:
        """Whether an order is being sent at this moment."""
        return self._transmission.is_on_its_way(order_id)

    @property
    def is_rehearsing(self) -> bool:
        """Whether the strategy is being shown the past, so that nothing may leave."""
        return self._refusals.is_quiet

    @is_rehearsing.setter
    def is_rehearsing(self, value: bool) -> None:
        self._refusals.is_quiet = value

    @property
    def on_refusal(self) -> Callable[[Order], None] | None:
        """Who is told of orders that never left; None for the account's listener."""
        return self._refusals.listener

    @on_refusal.setter
    def on_refusal(self, listener: Callable[[Order], None] | None) -> None:
        self._refusals.listener = listener

    async def submit(
        self, request: OrderRequest, *, purpose: str = _STRATEGY, by_human: bool = False
    ) -> Order:
        """Send one order.

        Returns:
            The order as far as it is known: REJECTED where a rule or the venue said no, UNKNOWN
            where no answer came.
        """
        trimmed = self._trimmed(request)
        if isinstance(trimmed, Order):
            return trimmed
        closing, opening = trimmed, None
        if self._account.risk.config.allow_flip:
            closing, opening = split_flip(trimmed, self._account.held(trimmed.asset))

        def judge(book: RiskBook, moment: Moment) -> tuple[Approved, ...] | Refused:
            verdict = review(closing, book, moment, by_human=by_human)
            return verdict if isinstance(verdict, Refused) else (verdict,)

        order = self._admit((closing,), judge, purpose=purpose)[0]
        if order.status is OrderStatus.REJECTED:
            return order
        if opening is not None:
            self._after_closing[order.id] = opening
        await self._transmission.send(
            (order.id,), lambda: self._broker.submit(order.id, order.request)
        )
        return self._account.book.orders[order.id]

    async def submit_family(
        self, parent: OrderRequest, children: Sequence[OrderRequest]
    ) -> tuple[Order, ...]:
        """Send an order and those that wake when it fills; all of them or none."""
        return await self._submit_group(
            (parent, *children),
            lambda book, moment: review_family(parent, children, book, moment),
            is_family=True,
        )

    async def submit_alternatives(self, requests: Sequence[OrderRequest]) -> tuple[Order, ...]:
        """Send orders of which only one may fill; all of them or none."""
        return await self._submit_group(
            tuple(requests),
            lambda book, moment: review_alternatives(requests, book, moment),
            is_family=False,
        )

    def follow_up(self) -> None:
        """Send what waited for a position to be closed, where it has been; call it now and then."""
        for order_id in tuple(self._after_closing):
            order = self._account.book.orders[order_id]
            if order.is_open:
                continue
            opening = self._after_closing.pop(order_id)
            if order.status is OrderStatus.FILLED:
                self._spawn(self.submit(opening))
            else:
                self._account.alert(
                    "flip", f"{opening.asset} was not closed, so the other side is not opened"
                )

    async def cancel(self, order_id: str, *, by: str = _STRATEGY) -> bool:
        """Ask for an order to be cancelled; False if it had ended before.

        Raises:
            UnknownOrderError: no order of ours has that id.
        """
        order = self._order(order_id)
        if not order.is_open:
            return False
        verdict = review_cancel(order, self._account.risk, self._moment())
        if isinstance(verdict, Refused):
            self._deny(verdict, instead_of=order_id)
            return False
        self._account.risk.note_message(self._clock.monotonic())
        # A cancel is sent even if the journal cannot be written: it only takes risk away.
        self._account.record(CancelRequested(order_id=order_id, by=by))
        failpoint("cancel.recorded")
        await self._transmission.ask(lambda: self._broker.cancel(order_id))
        failpoint("cancel.sent")
        return True

    async def replace(
        self,
        order_id: str,
        *,
        quantity: float | None = None,
        limit_price: float | None = None,
        stop_price: float | None = None,
    ) -> Order:
        """Ask for a working order to be changed; what is None stays.

        Returns:
            The order as far as it is known, with the reason where it could not be changed. Until
            the venue has answered it counts as the larger of both.

        Raises:
            UnknownOrderError: no order of ours has that id.
            InvalidOrderError: the result would make no order, or less than what has filled.
        """
        order = self._order(order_id)
        if not order.is_open:
            return order
        request = order.replacement(quantity, limit_price, stop_price)
        if reason := self._why_not_now() or self._why_not_replace(order, request):
            return attrs.evolve(order, reason=f"not replaced: {reason}")
        verdict = review_replace(order, request, self._account.risk, self._moment())
        if isinstance(verdict, Refused):
            self._deny(verdict, instead_of=order_id)
            return attrs.evolve(order, reason=f"not replaced: {verdict.reason}")
        try:
            self._account.commit(ReplaceRequested(order_id=order_id, request=verdict.request))
        except JournalError as error:
            return attrs.evolve(order, reason=f"not replaced: {error}")
        failpoint("replace.committed")
        self._account.risk.note_sent(verdict.request, self._clock.monotonic(), is_replacement=True)
        approved = verdict.request
        answer = await self._transmission.ask(lambda: self._broker.replace(order_id, approved))
        if answer is not None:
            self._intake.take(answer, "answer")
        failpoint("replace.answered")
        return self._account.book.orders[order_id]

    async def close_position(self, asset: str, *, by_human: bool = False) -> Order | None:
        """Send the market order that leaves ``asset`` flat, orders that already reduce it counted.

        Returns:
            The order; None if there is nothing left to close.
        """
        request = self._closing(asset)
        if request is None:
            return None
        purpose = "flatten" if by_human else _STRATEGY
        return await self.submit(request, purpose=purpose, by_human=by_human)

    # Parts

    def _order(self, order_id: str) -> Order:
        order = self._account.book.orders.get(order_id) or self._refusals.find(order_id)
        if order is None:
            msg = f"no order has the id {order_id!r}"
            raise UnknownOrderError(msg)
        return order

    def _why_not_now(self) -> str:
        if self.is_rehearsing:
            return "these bars are history: orders leave from the first live bar on"
        return "" if self.is_connected else "the venue is not connected"

    def _why_not_replace(self, order: Order, request: OrderRequest) -> str:
        if not self.capabilities.replace_orders:
            return "the venue does not change orders in place: cancel it and send another"
        if order.status is OrderStatus.UNKNOWN:
            return "it is not known what became of the order"
        return self.capabilities.objection(request) or ""

    def _closing(self, asset: str) -> OrderRequest | None:
        """The order that leaves ``asset`` flat; None if others do so already."""
        risk = self._account.risk
        if not self.capabilities.reduce_only:
            quantity = risk.closing_quantity(asset)
            return OrderRequest.of(asset, quantity) if quantity else None
        # A venue that lets no order reverse a position needs no room for resting exits.
        open_orders = self._account.book.open.values()
        same = [order for order in open_orders if order.asset == asset]
        left = left_to_close(self._account.held(asset), same)
        return OrderRequest.of(asset, -left, reduce_only=True) if left else None

    def _trimmed(self, request: OrderRequest) -> OrderRequest | Order:
        """The request no larger than what is held, if it must only reduce."""
        if not request.reduce_only:
            return request
        held = self._account.held(request.asset)
        if self.capabilities.reduce_only:
            # Such a venue sees to the rest; what is beyond the position no limit would let pass.
            is_too_much = held * request.side.sign < 0 and abs(held) < request.quantity
            return attrs.evolve(request, quantity=abs(held)) if is_too_much else request
        if held * request.side.sign >= 0:
            return self._refusals.reject_impossible(request, "nothing is held that it could reduce")
        left = abs(self._account.risk.closing_quantity(request.asset))
        if not left:
            return self._refusals.reject_impossible(request, "open orders reduce all of it already")
        quantity = min(request.quantity, left)
        return attrs.evolve(request, quantity=quantity, reduce_only=False)

    async def _submit_group(
        self,
        requests: tuple[OrderRequest, ...],
        judge: Callable[[RiskBook, Moment], tuple[Approved, ...] | Refused],
        *,
        is_family: bool,
    ) -> tuple[Order, ...]:
        broker = self._broker
        if not (self.capabilities.order_groups and isinstance(broker, GroupBroker)):
            reason = "the venue does not take orders that hang together"
            return tuple(self._refusals.reject_impossible(each, reason) for each in requests)
        orders = self._admit(requests, judge, is_family=is_family)
        if orders[0].status is OrderStatus.REJECTED:
            return orders
        ids = tuple(order.id for order in orders)
        send = broker.submit_family if is_family else broker.submit_alternatives
        sending = [order.request for order in orders]
        await self._transmission.send(ids, lambda: send(ids, sending))
        return tuple(self._account.book.orders[order_id] for order_id in ids)

    def _admit(
        self,
        requests: tuple[OrderRequest, ...],
        judge: Callable[[RiskBook, Moment], tuple[Approved, ...] | Refused],
        *,
        purpose: str = _STRATEGY,
        is_family: bool = False,
    ) -> tuple[Order, ...]:
        """Check, reserve and journal, in one go: nothing else happens in between."""
        for request in requests:
            if reason := self._why_not_now():
                return tuple(self._refusals.reject_unconnected(each, reason) for each in requests)
            if objection := self.capabilities.objection(request):
                return tuple(self._refusals.reject_impossible(each, objection) for each in requests)
        verdict = judge(self._account.risk, self._moment())
        if isinstance(verdict, Refused):
            reason = self._deny(verdict)
            return tuple(self._refusals.reject(each, reason) for each in requests)
        approved = [each.request for each in verdict]
        orders = self._orders_of(approved, is_family=is_family)
        for order in orders:
            self._account.risk.note_sent(order.request, self._clock.monotonic())
        try:
            self._account.commit(
                IntentRecorded(orders=orders, strategy=self._name, purpose=purpose)
            )
        except JournalError as error:
            return tuple(self._refusals.reject(each, str(error)) for each in requests)
        failpoint("intent.committed")
        return orders

    def _orders_of(self, requests: Sequence[OrderRequest], *, is_family: bool) -> tuple[Order, ...]:
        now, orders = self._clock.now(), []
        group = parent = None
        for request in requests:
            order_id = self._account.next_order_id()
            if len(requests) > 1 and group is None:
                group = f"group-{order_id}"
            status = OrderStatus.HELD if parent else OrderStatus.PENDING
            is_parent = is_family and parent is None
            orders.append(
                Order(
                    order_id,
                    request,
                    status,
                    now,
                    now,
                    parent=parent,
                    group=None if is_parent else group,
                )
            )
            if is_parent:
                parent = order_id
        return tuple(orders)

    def _deny(self, refused: Refused, instead_of: str = "") -> str:
        if refused.conflicts and self._account.risk.config.self_trade is SelfTrade.CANCEL_RESTING:
            for order_id in refused.conflicts:
                if order_id in self._account.book.open:
                    self._spawn(self.cancel(order_id, by="self-trade prevention"))
        return self._refusals.deny(refused, instead_of)

    def _spawn(self, work: Coroutine[object, object, object]) -> None:
        task = asyncio.ensure_future(work)
        self._own_tasks.add(task)
        task.add_done_callback(self._own_tasks.discard)
