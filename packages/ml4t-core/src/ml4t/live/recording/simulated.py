"""The orders of a recording, traded again in a simulated market over the recorded bars."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from ml4t.core.calendar import TradingCalendar
from ml4t.core.fills import Fill
from ml4t.core.groups import Bracket
from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.panel import MarketSlice
from ml4t.live.assumption_table import ShadowMarket
from ml4t.live.recording.reading import RecordedCall, RecordedCallback, Recording
from ml4t.live.recording.sessions import calendar_of
from ml4t.live.recording.values import from_text
from ml4t.simulation import SimulatedBroker, UncheckedAccount

__all__ = ["Simulated", "simulate"]

_REFUSED = "refused-"
"""How the ids of orders begin that a risk limit refused, so that no venue ever saw them."""


@attrs.frozen(kw_only=True)
class Simulated:
    """What the recorded orders would have done in a simulated market.

    Attributes:
        orders: those that were sent, by their recorded id, as they were answered.
        fills: of each of them in the simulated market.
        marks: the last recorded close of each asset.
        has_account: whether the simulated account said what it can pay for; not where the run began
            with positions, which a simulation does not have.
    """

    orders: Mapping[str, Order]
    fills: Mapping[str, Sequence[Fill]]
    marks: Mapping[str, float]
    has_account: bool


def simulate(
    recording: Recording,
    market: ShadowMarket | None = None,
    calendar: TradingCalendar | None = None,
) -> Simulated:
    """Trade the recorded orders again.

    An order meets the first bar that was complete after it was sent. Whatever the strategy asked
    for is asked again at the same point of the run: orders, groups, changes and cancellations. What
    a risk limit refused is left out, since no venue saw it.

    Args:
        recording: of the run.
        market: the market; None for the one that was recorded.
        calendar: the sessions; None for the recorded ones.

    Raises:
        DataError: the recording is damaged.
        ConfigError: it names an assumption that is not known here.
    """
    sessions = calendar or calendar_of(str(recording.facts["calendar"]))
    return _Run(recording, market or recording.market, sessions).run()


class _Run:
    def __init__(
        self, recording: Recording, market: ShadowMarket, calendar: TradingCalendar | None
    ) -> None:
        facts: Mapping[str, Any] = recording.facts
        assumptions, self.has_account = market.market, not recording.positions
        if not self.has_account:
            assumptions = attrs.evolve(assumptions, account=UncheckedAccount())
        self.recording = recording
        self.broker = SimulatedBroker(facts["cash"], recording.assets, assumptions, calendar)
        self.broker.lifetimes.daily = facts["is_daily"]
        self.orders: dict[str, Order] = {}
        self.ids: dict[str, str] = {}
        self.marks: dict[str, float] = {}

    def run(self) -> Simulated:
        """Go through the recording once."""
        waiting: list[RecordedCallback] = []
        for callback in self.recording.callbacks():
            waiting.append(callback)
            if callback.data is not None:
                self.until(waiting, callback.data)
                waiting = []
        for callback in waiting:
            self.repeat(callback)
        return self.result()

    def until(self, callbacks: Sequence[RecordedCallback], data: MarketSlice) -> None:
        """Repeat what was done before these bars were complete, meet them, and do the rest."""
        met = False
        for callback in callbacks:
            if not met and (callback.data is not None or callback.at >= data.timestamp):
                self.meet(data)
                met = True
            self.repeat(callback)
        self.broker.finish_bar()

    def meet(self, data: MarketSlice) -> None:
        """Let the orders that work meet the bars."""
        self.broker.bars, self.broker.now = data, data.timestamp
        self.broker.begin_bar()
        for asset in data:
            self.marks[asset] = data[asset].close

    def repeat(self, callback: RecordedCallback) -> None:
        """Ask for what the strategy asked for."""
        for call in callback.calls:
            step = _STEPS.get(call.name)
            if step is not None and call.answer is not None:
                step(self, call, from_text(call.answer))

    def result(self) -> Simulated:
        """Orders and fills by the recorded ids."""
        names = {own: recorded for recorded, own in self.ids.items()}
        fills: dict[str, list[Fill]] = {recorded: [] for recorded in self.orders}
        for fill in self.broker.fills:
            fills[names[fill.order_id]].append(fill)
        return Simulated(
            orders=self.orders, fills=fills, marks=self.marks, has_account=self.has_account
        )

    # What a strategy asks for

    def submit(self, call: RecordedCall, answer: Order | None) -> None:  # noqa: ARG002
        """Send an order again, if it left."""
        if answer is not None and _left(answer):
            self.register((answer,), (self.send(answer.request),))

    def bracket(self, call: RecordedCall, answer: Bracket) -> None:
        """Send a bracket again."""
        legs = (answer.parent, answer.take_profit, answer.stop_loss)
        self.family(call, tuple(order for order in legs if order is not None))

    def family(self, call: RecordedCall, answer: Sequence[Order]) -> None:  # noqa: ARG002
        """Send an order and those that it wakes again."""
        parent, *children = answer
        if _left(parent):
            requests = [order.request for order in children]
            self.register(answer, self.broker.submit_oto(parent.request, requests))

    def alternatives(self, call: RecordedCall, answer: Sequence[Order]) -> None:  # noqa: ARG002
        """Send orders of which one may fill again."""
        if _left(answer[0]):
            sent = self.broker.submit_oco([order.request for order in answer])
            self.register(answer, sent)

    def cancel(self, call: RecordedCall, answer: bool) -> None:  # noqa: ARG002, FBT001
        """Cancel an order again."""
        own = self.ids.get(from_text(call.arguments)["order_id"])
        if own is not None:
            self.broker.cancel_order(own)

    def replace(self, call: RecordedCall, answer: Order) -> None:
        """Change an order again, if it was changed."""
        own = self.ids.get(answer.id)
        if own is not None and not answer.reason.startswith("not replaced"):
            changes = dict(from_text(call.arguments))
            del changes["order_id"]
            filled = self.broker.book[own].filled_quantity
            # What has filled beyond the new quantity here ends the order.
            if (changes["quantity"] or answer.quantity) <= filled:
                self.broker.cancel_order(own)
            else:
                self.broker.replace_order(own, **changes)

    def send(self, request: OrderRequest) -> Order:
        """Send a request to the simulated market."""
        return self.broker.submit_order(
            request.asset,
            request.quantity,
            request.side,
            request.order_type,
            request.limit_price,
            request.stop_price,
            trail_amount=request.trail_amount,
            trail_percent=request.trail_percent,
            time_in_force=request.time_in_force,
            good_till=request.good_till,
            tag=request.tag,
            reduce_only=request.reduce_only,
        )

    def register(self, recorded: Sequence[Order], own: Sequence[Order]) -> None:
        """Know the simulated orders by their recorded ids."""
        for order, sent in zip(recorded, own, strict=True):
            self.orders[order.id] = order
            self.ids[order.id] = sent.id


def _left(order: Order) -> bool:
    """Whether an order was sent to a venue at all."""
    return not (order.status is OrderStatus.REJECTED and order.id.startswith(_REFUSED))


_STEPS: Mapping[str, Callable[[_Run, RecordedCall, Any], None]] = {
    "submit_order": _Run.submit,
    "close_position": _Run.submit,
    "submit_bracket": _Run.bracket,
    "submit_oto": _Run.family,
    "submit_oco": _Run.alternatives,
    "cancel_order": _Run.cancel,
    "replace_order": _Run.replace,
}
