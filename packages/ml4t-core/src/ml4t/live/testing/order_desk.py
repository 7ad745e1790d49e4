"""How a simulated venue takes, trades, changes and ends orders."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random

import attrs

from ml4t.core.capabilities import Capabilities
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.venue_events import Environment, FeeReport, FillBust, VenueEvent
from ml4t.live.testing.agenda import Agenda
from ml4t.live.testing.execution_faults import (
    Execution,
    ExecutionFault,
    RefuseOrder,
    ReplaceByCopy,
)
from ml4t.live.testing.injector import FaultInjector
from ml4t.live.testing.market import Market
from ml4t.live.testing.true_account import TrueAccount
from ml4t.live.testing.true_orders import Owner, TrueOrder
from ml4t.live.testing.truth_watch import TruthWatch, is_increasing

__all__ = ["OrderDesk", "VenueParts", "VenueRules"]

_TWO = 2.0


@attrs.frozen(kw_only=True)
class VenueRules:
    """What a simulated venue does and charges.

    Attributes:
        deduplicates: whether a reference that was used before is refused for ever; else a second
            order under the same reference is a second order.
        fractional: whether quantities may have fractions.
        leverage: how many times the equity the positions may be worth.
        fee: money per unit traded.
        least_fee: money per execution at least.
        half_spread: money per unit that a market order pays on top.
        whole: the probability that all that is left of an order trades at once.
        reaction: seconds between a cause and what the venue does about it, from and to.
        account_id: the name of the account.
        environment: whose money it says to hold.
    """

    deduplicates: bool = False
    fractional: bool = False
    leverage: float = 4.0
    fee: float = 0.005
    least_fee: float = 0.01
    half_spread: float = 0.01
    whole: float = 0.6
    reaction: tuple[float, float] = (0.02, 0.5)
    account_id: str = "SIM-1"
    environment: Environment = Environment.PAPER

    @property
    def capabilities(self) -> Capabilities:
        """What the venue accepts."""
        return Capabilities(
            order_types=[OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT],
            times_in_force=[TimeInForce.DAY, TimeInForce.GTC],
            fractional=self.fractional,
            short_selling=True,
            replace_orders=True,
        )


@attrs.frozen(kw_only=True)
class VenueParts:
    """What a desk works with."""

    agenda: Agenda
    origin: datetime
    market: Market
    account: TrueAccount
    watch: TruthWatch


class OrderDesk:
    """Every order of the account, and the trades that they make.

    Args:
        parts: time, prices, account and the watch that judges what arrives.
        rules: what the venue does and charges.
        rng: where chance comes from; nobody else may draw from it.
        report: who is told of everything that happens.

    Attributes:
        orders: every order there ever was, in the order of arrival.
        working: those that can still trade, by symbol and key.
        restriction: why the account may place no order; "" if it may.
        faults: what may go wrong at an acceptance or a trade; None for nothing.
    """

    def __init__(
        self,
        parts: VenueParts,
        rules: VenueRules,
        rng: Random,
        report: Callable[[VenueEvent], None],
    ) -> None:
        self.orders: list[TrueOrder] = []
        self.working: dict[str, dict[int, TrueOrder]] = {asset: {} for asset in parts.market.prices}
        self.restriction = ""
        self.faults: FaultInjector | None = None
        self._by_id: dict[str, list[TrueOrder]] = {}
        self._agenda, self._market, self._account = parts.agenda, parts.market, parts.account
        self._watch, self._origin = parts.watch, parts.origin
        self._rules = rules
        self._capabilities = rules.capabilities
        self._rng = rng
        self._report = report
        self._rounded = parts.market.settings.rounded
        self._executions = 0
        self._market.on_open = self._market.on_tick = self.match
        self._market.on_close = self._expire

    def instant(self) -> datetime:
        """The true time."""
        return self._origin + timedelta(seconds=self._agenda.now)

    def named(self, order_id: str) -> list[TrueOrder]:
        """Every order that was sent under a reference."""
        return self._by_id.get(order_id, [])

    def open_orders(self) -> list[TrueOrder]:
        """Every order that can still trade, in the order of arrival."""
        orders = [order for group in self.working.values() for order in group.values()]
        return sorted(orders, key=lambda order: order.key)

    def submit(self, order_id: str, request: OrderRequest, owner: Owner) -> Order:
        """Take an order or refuse it, and give what it is now."""
        namesakes = self._by_id.setdefault(order_id, [])
        if namesakes and self._rules.deduplicates:
            self._watch.counts["resent"] += 1
            return namesakes[-1].latest
        order = TrueOrder(len(self.orders) + 1, order_id, request, owner, self.instant())
        self.orders.append(order)
        namesakes.append(order)
        if objection := self._objection(request, owner):
            order.status, order.reason = OrderStatus.REJECTED, objection
            self._watch.counts["rejected"] += 1
            return self._note(order)
        order.status = OrderStatus.ACCEPTED
        self.working[request.asset][order.key] = order
        self._judge(order)
        answer = self._note(order)
        self._meet(order)
        return answer

    def cancel(self, order: TrueOrder) -> None:
        """Take an order out after the venue's usual reaction; until then it can trade."""
        self._soon(partial(self.end, order, OrderStatus.CANCELLED, "cancelled on request"))

    def replace(self, order: TrueOrder, request: OrderRequest) -> Order:
        """Change a working order, or give it as it is with the reason why not."""
        reason = ""
        if not order.is_working:
            reason = f"it has ended as {order.status.value}"
        elif request.asset != order.request.asset or request.side is not order.request.side:
            reason = "asset and side cannot change"
        elif request.quantity <= order.filled:
            reason = f"{order.filled:g} of it has filled"
        else:
            reason = self._capabilities.objection(request) or ""
        if reason:
            return attrs.evolve(order.latest, reason=f"not replaced: {reason}")
        fault = self.faults.draw("replacement") if self.faults is not None else None
        if isinstance(fault, ReplaceByCopy):
            return self._copy(order, request)
        order.request, order.triggered = request, False
        self._judge(order)
        answer = self._note(order)
        self._meet(order)
        return answer

    def end(self, order: TrueOrder, status: OrderStatus, reason: str) -> None:
        """End a working order; nothing happens to one that has ended."""
        if not order.is_working:
            return
        order.status, order.reason = status, reason
        self.working[order.request.asset].pop(order.key, None)
        self._note(order)

    def match(self) -> None:
        """Let every working order look at the prices."""
        for orders in self.working.values():
            if orders:
                for order in tuple(orders.values()):
                    self._meet(order)

    def execute(self, order: TrueOrder, execution: Execution, price: float) -> None:
        """Let a piece of an order trade."""
        asset, sign = order.request.asset, order.request.side.sign
        if execution.end_before is not None:
            self.end(order, execution.end_before, "cancelled")
            self._watch.outside(asset, sign * execution.quantity, self._agenda.now)
        quantity = execution.quantity
        if execution.excess:
            order.may_exceed = True
            quantity = order.remaining + execution.excess
            self._watch.outside(asset, sign * execution.excess, self._agenda.now)
        self._executions += 1
        fill = self._fill(f"x{self._executions}", order, quantity, price)
        fee = fill.fee
        if execution.fee_delay is not None:
            fill = attrs.evolve(fill, fee=0.0)
        self._book(order, fill)
        if execution.end_after is not None:
            self.end(order, execution.end_after, "the venue ended the rest")
        if execution.fee_delay is not None:
            self._agenda.after(execution.fee_delay, partial(self._charge, order, fill.id, fee))
        if execution.bust_delay is not None:
            bust = partial(self.bust, order, fill.id, execution.correction)
            self._agenda.after(execution.bust_delay, bust)

    def bust(self, order: TrueOrder, fill_id: str, correction: float | None = None) -> None:
        """Take an execution back; with a correction it comes again at another price."""
        old = self._account.bust(fill_id)
        order.filled -= old.quantity
        order.value -= old.quantity * old.price
        order.fees -= old.fee
        order.note(self._agenda.now, self.instant())
        self._watch.counts["busts"] += 1
        self._account.remember(self._agenda.now)
        self._report(FillBust(fill_id=fill_id, reason="trade was taken back"))
        if correction is not None:
            new = attrs.evolve(old, id=f"{fill_id}.1", price=self._rounded(old.price + correction))
            self._book(order, new)
        else:
            self._watch.outside(old.asset, -old.signed_quantity, self._agenda.now)

    def _copy(self, order: TrueOrder, request: OrderRequest) -> Order:
        left = attrs.evolve(request, quantity=request.quantity - order.filled)
        copy = TrueOrder(len(self.orders) + 1, order.id, left, order.owner, self.instant())
        copy.status = OrderStatus.ACCEPTED
        self.orders.append(copy)
        self._by_id[order.id].append(copy)
        self.working[left.asset][copy.key] = copy
        self._watch.outside(left.asset, copy.signed_remaining, self._agenda.now)
        answer = self._note(copy)
        self._meet(copy)
        return answer

    def _objection(self, request: OrderRequest, owner: Owner) -> str | None:
        if request.asset not in self.working:
            return f"the venue does not list {request.asset}"
        if objection := self._capabilities.objection(request):
            return objection
        if owner is not Owner.ENGINE:
            return None
        if self.restriction:
            return f"account is restricted: {self.restriction}"
        fault = self.faults.draw("acceptance") if self.faults is not None else None
        if isinstance(fault, RefuseOrder):
            return fault.reason
        return self._money_objection(request)

    def _money_objection(self, request: OrderRequest) -> str | None:
        prices, account = self._market.prices, self._account
        if not is_increasing(account.held.get(request.asset, 0.0), request.side):
            return None
        worth = sum(abs(held) * prices[asset] for asset, held in account.held.items())
        if worth + request.quantity * prices[request.asset] <= (
            self._rules.leverage * account.equity(prices)
        ):
            return None
        return "insufficient buying power"

    def _judge(self, order: TrueOrder) -> None:
        asset, now = order.request.asset, self._agenda.now
        if order.owner is not Owner.ENGINE:
            self._watch.outside(asset, order.signed_remaining, now)
            return
        count = sum(
            other.owner is Owner.ENGINE
            for group in self.working.values()
            for other in group.values()
        )
        if not order.reports:
            self._watch.accepted(order, self.named(order.id), count)
        held = self._account.held.get(asset, 0.0)
        self._watch.exposed(order, self.working[asset].values(), held, now)

    def _meet(self, order: TrueOrder) -> None:
        if order.is_busy or not order.is_working or not self._market.trades(order.request.asset):
            return
        if self._price(order) is not None:
            order.is_busy = True
            self._soon(partial(self._trade, order))

    def _trade(self, order: TrueOrder) -> None:
        order.is_busy = False
        if not order.is_working or not self._market.trades(order.request.asset):
            return
        price = self._price(order)
        if price is None:
            return
        execution = Execution(quantity=self._piece(order))
        fault = self.faults.draw("execution") if self.faults is not None else None
        if isinstance(fault, ExecutionFault) and order.owner is Owner.ENGINE:
            execution = fault.shape(execution)
        self.execute(order, execution, price)
        self._meet(order)

    def _piece(self, order: TrueOrder) -> float:
        left = order.remaining
        if left < _TWO or self._rng.random() < self._rules.whole:
            return left
        return float(self._rng.randint(1, int(left) - 1))

    def _price(self, order: TrueOrder) -> float | None:
        """Where an order would trade now; None where it would not."""
        request, last = order.request, self._market.prices[order.request.asset]
        buys = request.side is OrderSide.BUY
        stop, limit = request.stop_price, request.limit_price
        if stop is not None and not order.triggered:
            if last < stop if buys else last > stop:
                return None
            order.triggered = True
        if limit is not None:
            return last if (last <= limit if buys else last >= limit) else None
        return last + request.side.sign * self._rules.half_spread

    def _fill(self, name: str, order: TrueOrder, quantity: float, price: float) -> Fill:
        fee = max(round(quantity * self._rules.fee, 2), self._rules.least_fee)
        return Fill(
            id=name,
            order_id=order.id,
            asset=order.request.asset,
            side=order.request.side,
            quantity=quantity,
            price=self._rounded(price),
            timestamp=self.instant(),
            fee=fee,
        )

    def _book(self, order: TrueOrder, fill: Fill) -> None:
        order.traded(fill.quantity, fill.price)
        order.fees += fill.fee
        if not order.is_working:
            self.working[fill.asset].pop(order.key, None)
        self._account.book(fill)
        self._watch.traded(order)
        if order.owner is not Owner.ENGINE:
            self._watch.outside(fill.asset, fill.signed_quantity, self._agenda.now)
        self._report(fill)
        self._note(order)

    def _charge(self, order: TrueOrder, fill_id: str, fee: float) -> None:
        if fill_id not in self._account.fills:
            return
        self._account.set_fee(fill_id, fee)
        order.fees += fee
        order.note(self._agenda.now, self.instant())
        self._account.remember(self._agenda.now)
        self._report(FeeReport(fill_id=fill_id, fee=fee))

    def _expire(self) -> None:
        for order in self.open_orders():
            if order.request.time_in_force is TimeInForce.DAY:
                self.end(order, OrderStatus.EXPIRED, "the session ended")

    def _note(self, order: TrueOrder) -> Order:
        state = order.note(self._agenda.now, self.instant())
        self._account.remember(self._agenda.now)
        self._report(state)
        return state

    def _soon(self, do: Callable[[], None]) -> None:
        self._agenda.after(self._rng.uniform(*self._rules.reaction), do)
