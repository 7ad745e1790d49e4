"""Plays a program at the simulated venue, as the driver of a backtest does."""

import math
from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from ml4t.core import Asset, InvalidOrderError, MarketSlice, Order, OrderSide, OrderType, Panel
from ml4t.core import TimeInForce as Life
from ml4t.core.calendar import Session
from ml4t.core.order_requests import OrderRequest
from ml4t.simulation import (
    MarketAssumptions,
    NextBarOpen,
    NoCommission,
    NoSlippage,
    SimulatedBroker,
    UncheckedAccount,
)

from .programs import (
    PER_SESSION,
    TICK,
    Action,
    Bracket,
    Cancel,
    Close,
    OneCancelsOther,
    OneTriggersOther,
    Replace,
    Scenario,
    Submit,
    Tape,
    Ticket,
)

FIRST = datetime(2024, 1, 1, tzinfo=UTC)


def instant(row: int, per_session: int = PER_SESSION) -> datetime:
    """When the bars of a row are complete: some each day, from ten o'clock on."""
    return FIRST + timedelta(days=row // per_session, hours=10 + row % per_session)


class Daily:
    """A session a day, of so many bars."""

    def __init__(self, bars: int = PER_SESSION) -> None:
        self.bars = bars

    def session_of(self, moment: datetime) -> Session:
        day = moment.replace(hour=0)
        closes = day + timedelta(hours=9 + self.bars)
        return Session(label=day.date(), opens=day + timedelta(hours=9), closes=closes)


class Filled(NamedTuple):
    """One fill, the price in money."""

    row: int
    order: int
    change: float
    price: float


def symbol(asset: int) -> str:
    return f"A{asset}"


def panel_of(tapes: Sequence[Tape], times: Sequence[datetime]) -> Panel:
    """The tapes as columns; a missing bar is NaN."""
    names = ("open", "high", "low", "close", "volume", "marks")
    columns = {name: array("d") for name in names}
    last = [math.nan] * len(tapes)
    for row in range(len(times)):
        for asset, tape in enumerate(tapes):
            bar = tape[row]
            numbers = [math.nan] * 5 if bar is None else [*(p * TICK for p in bar[:4]), bar[4]]
            last[asset] = last[asset] if bar is None else numbers[3]
            for name, number in zip(names, [*numbers, last[asset]], strict=True):
                columns[name].append(number)
    views = {name: memoryview(column) for name, column in columns.items()}
    marks = views.pop("marks")
    return Panel(times, [symbol(a) for a in range(len(tapes))], views, marks)


def request_of(ticket: Ticket, asset: int, row: int, times: Sequence[datetime]) -> OrderRequest:
    """The ticket as the venue takes it, submitted after ``row``."""
    trails = ticket.kind is OrderType.TRAILING_STOP
    until = row + ticket.rows
    later = times[-1] + timedelta(days=1)
    good = (times[until] if until < len(times) else later) if until else None
    return OrderRequest(
        asset=symbol(asset),
        side=OrderSide.BUY if ticket.buy else OrderSide.SELL,
        quantity=float(ticket.quantity),
        order_type=ticket.kind,
        limit_price=ticket.limit * TICK if ticket.has_limit else None,
        stop_price=ticket.stop * TICK if ticket.has_stop else None,
        trail_amount=ticket.trail * TICK if trails and not ticket.in_percent else None,
        trail_percent=float(ticket.trail) if trails and ticket.in_percent else None,
        time_in_force=ticket.time_in_force,
        good_till=good if ticket.time_in_force is Life.GTD else None,
        reduce_only=ticket.reduce_only,
    )


class Play:
    """One run of a program; afterwards ``broker`` has the fills and the orders."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        per_session: int = PER_SESSION,
        times: Sequence[datetime] | None = None,
        cash: float = 1_000_000.0,
        terms: dict[str, Any] | None = None,
        **market: Any,
    ) -> None:
        self.scenario = scenario
        rows = len(scenario.tapes[0])
        self.times = times or [instant(row, per_session) for row in range(rows)]
        self.panel = panel_of(scenario.tapes, self.times)
        usual = {
            "timing": NextBarOpen(),
            "slippage": NoSlippage(),
            "commission": NoCommission(),
            "account": UncheckedAccount(),
        }
        self.assumptions = MarketAssumptions(**{**usual, **market})
        assets = {name: Asset(symbol=name, **(terms or {})) for name in self.panel.assets}
        self.broker = SimulatedBroker(cash, assets, self.assumptions, Daily(per_session))
        self.equity: list[float] = []
        self.held: list[dict[str, float]] = []
        for row in range(rows):
            self._show(row)

    def _show(self, row: int) -> None:
        broker = self.broker
        broker.bars = MarketSlice(self.panel, row)
        broker.now = self.times[row]
        if broker.book.working:
            broker.match()
        for action in self.scenario.program:
            if action.row == row:
                self._act(action)
        if self.assumptions.timing.same_bar and broker.book.working:
            broker.match_same_bar()
        self.equity.append(broker.get_account_value())
        self.held.append({a: p.quantity for a, p in broker.positions.items()})

    def _request(self, action: Any, ticket: Ticket) -> OrderRequest:
        return request_of(ticket, action.asset, action.row, self.times)

    def _act(self, action: Action) -> None:
        broker = self.broker
        match action:
            case Submit():
                request = self._request(action, action.ticket)
                broker.submit_order(
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
                    reduce_only=request.reduce_only,
                )
            case Bracket():
                self._bracket(action)
            case OneCancelsOther():
                broker.submit_oco([self._request(action, ticket) for ticket in action.tickets])
            case OneTriggersOther():
                children = [self._request(action, ticket) for ticket in action.children]
                broker.submit_oto(self._request(action, action.parent), children)
            case Cancel() if len(broker.book):
                broker.cancel_order(str(action.which % len(broker.book) + 1))
            case Replace() if len(broker.book):
                self._replace(action)
            case Close():
                broker.close_position(symbol(action.asset))

    def _bracket(self, action: Bracket) -> None:
        parent = action.parent
        if parent.kind is OrderType.TRAILING_STOP:
            children = [self._request(action, ticket) for ticket in action.children]
            self.broker.submit_oto(self._request(action, parent), children)
            return
        request = self._request(action, parent)
        self.broker.submit_bracket(
            request.asset,
            request.quantity,
            request.side,
            request.order_type,
            request.limit_price,
            request.stop_price,
            take_profit=action.target * TICK,
            stop_loss=None if action.trail else action.stop * TICK,
            stop_limit=action.stop_limit * TICK if action.stop_limit else None,
            trail_amount=action.trail * TICK if action.trail else None,
            time_in_force=request.time_in_force,
            good_till=request.good_till,
        )

    def _replace(self, action: Replace) -> None:
        order = self.broker.book[str(action.which % len(self.broker.book) + 1)]
        try:
            self.broker.replace_order(
                order.id,
                quantity=float(action.quantity) if action.quantity else None,
                limit_price=action.limit * TICK if order.limit_price else None,
                stop_price=action.stop * TICK if order.stop_price else None,
            )
        except InvalidOrderError:
            assert 0 < action.quantity <= order.filled_quantity

    @property
    def orders(self) -> list[Order]:
        return list(self.broker.book.orders.values())

    @property
    def fills(self) -> list[Filled]:
        row_of = {time: row for row, time in enumerate(self.times)}
        return [
            Filled(row_of[fill.timestamp], int(fill.order_id), fill.signed_quantity, fill.price)
            for fill in self.broker.fills
        ]

    def fills_by_row(self) -> Iterator[tuple[int, Any]]:
        row_of = {time: row for row, time in enumerate(self.times)}
        for fill in self.broker.fills:
            yield row_of[fill.timestamp], fill
