"""Whatever a strategy does and the market shows, the account stays consistent."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ml4t.core import (
    Asset,
    Fill,
    InvalidOrderError,
    Order,
    OrderStatus,
    OrderType,
    Panel,
    TimeInForce,
)
from ml4t.simulation import (
    AccountRules,
    BasisPoints,
    CashAccount,
    FixedAmount,
    MarginAccount,
    NextBarClose,
    NextBarOpen,
    NoCommission,
    NoSlippage,
    Percentage,
    PerShare,
    PerTrade,
    RejectOrder,
    SameBarClose,
    SimulatedBroker,
)

ASSETS = {
    "A": Asset(symbol="A"),
    "B": Asset(symbol="B", multiplier=50.0),
    "C": Asset(symbol="C", lot_size=10.0),
}
AUCTIONS = {OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE}
START = datetime(2024, 1, 2, 14, 31, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=6), timedelta(days=1)

symbols = st.sampled_from(sorted(ASSETS))
ticks = st.integers(20, 60).map(float)


@st.composite
def quotes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    low, one, other, high = sorted(draw(st.lists(ticks, min_size=4, max_size=4)))
    opened, close = draw(st.permutations([one, other]))
    return opened, high, low, close


class LifeOfABroker(RuleBasedStateMachine):
    """A strategy that does anything, in a market that does anything, and a book-keeper beside."""

    def __init__(
        self,
        panel_of: Callable[..., Panel],
        broker_of: Callable[..., SimulatedBroker],
        show: Callable[[SimulatedBroker, Panel, int], None],
        account: AccountRules,
    ) -> None:
        super().__init__()
        self.panel_of, self.broker_of, self.show, self.account = panel_of, broker_of, show, account
        self.bars: dict[str, list[tuple[float, float, float, float] | None]] = {}
        self.times: list[datetime] = []
        self.marks: dict[str, float] = {}
        self.sessions: dict[str, date] = {}
        self.told: dict[str, Order] = {}
        self.told_fills: list[Fill] = []

    @initialize(
        cash=st.floats(1.0, 1e5),
        timing=st.sampled_from([NextBarOpen(), NextBarClose(), SameBarClose()]),
        slippage=st.sampled_from([NoSlippage(), BasisPoints(20), FixedAmount(1.0)]),
        commission=st.sampled_from(
            [NoCommission(), Percentage(0.01), PerShare(0.1, 2.0), PerTrade(5.0)]
        ),
    )
    def open_account(self, cash: float, timing: Any, slippage: Any, commission: Any) -> None:
        self.cash, self.timing = cash, timing
        self.broker = self.broker_of(
            *ASSETS.values(),
            cash=cash,
            account=self.account,
            timing=timing,
            slippage=slippage,
            commission=commission,
        )
        self.broker.outbox = []
        self.bars = {asset: [] for asset in ASSETS}

    @rule(
        after=st.sampled_from([MINUTE, MINUTE, HOUR, DAY]),
        shown=st.fixed_dictionaries({asset: st.one_of(quotes(), st.none()) for asset in ASSETS}),
    )
    def next_bar(
        self, after: timedelta, shown: dict[str, tuple[float, float, float, float] | None]
    ) -> None:
        now = self.times[-1] + after if self.times else START
        self.times.append(now)
        for asset, quote in shown.items():
            self.bars[asset].append(quote)
        panel = self.panel_of(self.bars)
        panel.timestamps = self.times
        before, waiting = len(self.broker.fills), dict(self.broker.book.working)
        self.show(self.broker, panel, len(self.times) - 1)
        for fill in self.broker.fills[before:]:
            self.check_fill(fill, waiting[fill.order_id], shown[fill.asset])
        for asset, quote in shown.items():
            if quote is not None:
                self.marks[asset] = quote[3]
        self.check_expiry(waiting, now)

    def check_fill(
        self, fill: Fill, order: Order, quote: tuple[float, float, float, float] | None
    ) -> None:
        """A7, A8, A9: in its bar, never better than shown, after it was asked for."""
        assert quote is not None
        assert fill.reference_price is not None
        assert quote[2] <= fill.reference_price <= quote[1]
        assert fill.slippage >= 0 or order.limit_price == fill.price
        assert fill.fee >= 0
        if order.limit_price is not None:
            assert (order.limit_price - fill.price) * order.side.sign >= 0
        assert order.submitted_at is None or fill.timestamp > order.submitted_at

    def check_expiry(self, waiting: dict[str, Order], now: datetime) -> None:
        """No order outlives its time, and none ends by itself before."""
        for number, order in waiting.items():
            if order.time_in_force is TimeInForce.DAY:
                over = now.date() > self.sessions.setdefault(number, now.date())
            else:
                till = order.request.good_till
                over = till is not None and now > till
            expired = self.broker.book[number].status is OrderStatus.EXPIRED
            assert expired == over

    @precondition(lambda self: self.times)
    @rule()
    def same_bar(self) -> None:
        before, waiting = len(self.broker.fills), dict(self.broker.book.working)
        self.broker.match_same_bar()
        new = self.broker.fills[before:]
        assert not new or self.timing.same_bar
        for fill in new:
            assert waiting[fill.order_id].order_type is OrderType.MARKET
            assert fill.reference_price == self.marks[fill.asset]
            assert fill.timestamp == self.times[-1]

    @rule(
        asset=st.one_of(symbols, st.just("Z")),
        lots=st.one_of(
            st.integers(-30, 30).filter(bool), st.floats(0.01, 20), st.floats(-20, -0.01)
        ),
        kind=st.sampled_from(OrderType),
        prices=st.tuples(ticks, ticks),
        time_in_force=st.sampled_from(TimeInForce),
        minutes=st.integers(0, 2_000),
    )
    def submit(
        self,
        asset: str,
        lots: float,
        kind: OrderType,
        prices: tuple[float, float],
        time_in_force: TimeInForce,
        minutes: int,
    ) -> None:
        named: dict[OrderType, dict[str, float]] = {
            OrderType.MARKET: {},
            OrderType.LIMIT: {"limit_price": prices[0]},
            OrderType.STOP: {"stop_price": prices[1]},
            OrderType.STOP_LIMIT: {"limit_price": prices[0], "stop_price": prices[1]},
            OrderType.TRAILING_STOP: {"trail_amount": 1.0},
            OrderType.MARKET_IF_TOUCHED: {"stop_price": prices[1]},
            OrderType.LIMIT_IF_TOUCHED: {"limit_price": prices[0], "stop_price": prices[1]},
        }
        latest = self.times[-1] if self.times else START
        till = latest + minutes * MINUTE if time_in_force is TimeInForce.GTD else None
        arguments: dict[str, Any] = {**named.get(kind, {}), "time_in_force": time_in_force}
        order = self.broker.submit_order(
            asset, lots * (10 if asset == "C" else 1), None, kind, good_till=till, **arguments
        )
        whole = asset != "C" or lots == int(lots)
        in_time = till is None or not self.times or till > latest
        auction = kind in AUCTIONS or time_in_force in {TimeInForce.OPG, TimeInForce.CLS}
        traded = asset in ASSETS and whole and in_time and not auction
        refused = asset == "C" or "could carry" in order.reason
        assert (order.status is OrderStatus.ACCEPTED) == traded or refused
        assert order.status in {OrderStatus.ACCEPTED, OrderStatus.REJECTED}
        assert bool(order.reason) == (order.status is OrderStatus.REJECTED)

    @precondition(lambda self: self.broker.book.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.broker.book.orders)))
        was_open = self.broker.book[number].is_open

        assert self.broker.cancel_order(number) == was_open
        assert not self.broker.book[number].is_open
        assert self.broker.cancel_order(number) is False

    @precondition(lambda self: self.broker.book.orders)
    @rule(data=st.data(), quantity=st.integers(1, 50).map(float), price=ticks)
    def replace(self, data: st.DataObject, quantity: float, price: float) -> None:
        number = data.draw(st.sampled_from(sorted(self.broker.book.orders)))
        before = self.broker.book[number]
        changes = {"quantity": quantity}
        changes |= {} if before.limit_price is None else {"limit_price": price}
        answer = self.broker.replace_order(number, **changes)
        after = self.broker.book[number]

        if after.request == before.request:
            assert attrs.evolve(after, updated_at=before.updated_at) == before
        else:
            assert before.is_open
            assert after == answer
            assert (after.quantity, after.status) == (quantity, before.status)

    @rule(asset=symbols)
    def close(self, asset: str) -> None:
        held = self.broker.get_position(asset)
        order = self.broker.close_position(asset)
        if order is not None:
            assert held is not None
            assert order.request.signed_quantity * held.quantity < 0
            assert order.quantity <= abs(held.quantity)
        # Where the venue refused the first, as it does an odd lot, it refuses the second.
        again = self.broker.close_position(asset)
        assert again is None or again.status is OrderStatus.REJECTED

    @rule(asset=symbols)
    def ask_for_nonsense(self, asset: str) -> None:
        before = dict(self.broker.book.orders)
        with pytest.raises(InvalidOrderError):
            self.broker.submit_order(asset, 1.0, limit_price=10.0)
        assert dict(self.broker.book.orders) == before
        assert self.broker.submit_order(asset, 0.0).status is OrderStatus.REJECTED

    def tolerance(self) -> float:
        flows = sum(f.quantity * f.price * ASSETS[f.asset].multiplier for f in self.broker.fills)
        return 1e-9 * (1 + self.cash + 3 * flows)

    @invariant()
    def cash_is_what_the_fills_left(self) -> None:
        """A1."""
        fills = self.broker.fills
        flows = [-f.signed_quantity * f.price * ASSETS[f.asset].multiplier for f in fills]
        expected = math.fsum([self.cash, *flows, *(-f.fee for f in fills)])
        assert self.broker.get_cash() == pytest.approx(expected, abs=self.tolerance())

    @invariant()
    def positions_are_the_sum_of_the_fills(self) -> None:
        """A2."""
        for asset in ASSETS:
            mine = [fill.signed_quantity for fill in self.broker.fills if fill.asset == asset]
            held = self.broker.get_position(asset)
            quantity = 0.0 if held is None else held.quantity
            slack = 1e-9 * (1 + sum(map(abs, mine)))
            assert quantity == pytest.approx(math.fsum(mine), abs=slack)
            assert held is None or held.quantity
            assert self.broker.positions.get(asset) == held

    @invariant()
    def equity_is_cash_and_positions_at_the_marks(self) -> None:
        """A3, after everything that happens and not only at the end."""
        invested = sum(
            position.quantity * self.marks[asset] * ASSETS[asset].multiplier
            for asset, position in self.broker.positions.items()
        )
        expected = self.broker.get_cash() + invested
        assert self.broker.get_account_value() == pytest.approx(expected, abs=self.tolerance())

    @invariant()
    def a_cash_account_owes_nothing(self) -> None:
        """A5 and A6."""
        if isinstance(self.account, CashAccount):
            assert self.broker.get_cash() >= -self.tolerance()
            assert all(position.quantity >= 0 for position in self.broker.positions.values())

    @invariant()
    def every_order_is_somewhere(self) -> None:
        """A31: open or ended, and open ones are pending in the order of submission."""
        orders = self.broker.book.orders
        assert [int(number) for number in orders] == list(range(1, len(orders) + 1))
        pending = [order for order in orders.values() if order.is_open]
        assert list(self.broker.pending_orders) == pending

    @invariant()
    def orders_show_their_fills(self) -> None:
        for order in self.broker.book.orders.values():
            mine = [fill for fill in self.broker.fills if fill.order_id == order.id]
            filled = sum(fill.quantity for fill in mine)
            assert order.filled_quantity == pytest.approx(filled)
            assert (order.status is OrderStatus.FILLED) == (order.remaining == 0 < order.quantity)
            if mine:
                mean = sum(fill.quantity * fill.price for fill in mine) / filled
                assert order.average_fill_price == pytest.approx(mean)

    @invariant()
    def whoever_reads_the_outbox_knows_everything(self) -> None:
        events, self.broker.outbox = self.broker.outbox or [], []
        for event in events:
            if isinstance(event, Fill):
                self.told_fills.append(event)
            else:
                self.told[event.id] = event
        assert self.told == dict(self.broker.book.orders)
        assert self.told_fills == self.broker.fills


@pytest.mark.parametrize(
    "account",
    [CashAccount(), CashAccount(RejectOrder()), MarginAccount(), MarginAccount(0.2, RejectOrder())],
    ids=["cash", "cash, whole orders", "margin", "margin, whole orders"],
)
def test_the_account_stays_consistent(
    panel_of: Callable[..., Panel],
    broker_of: Callable[..., SimulatedBroker],
    show: Callable[[SimulatedBroker, Panel, int], None],
    account: AccountRules,
) -> None:
    class Life(LifeOfABroker):
        def __init__(self) -> None:
            super().__init__(panel_of, broker_of, show, account)

    run_state_machine_as_test(Life)
