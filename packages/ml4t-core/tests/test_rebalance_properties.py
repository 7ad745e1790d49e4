"""What is true of every rebalance, for random accounts, targets and pending orders."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from hypothesis import assume, given
from hypothesis import strategies as st

from ml4t.core import (
    Asset,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    RebalanceConfig,
    TargetWeightExecutor,
)
from ml4t.core.sizing import common_step
from ml4t.simulation import CashAccount, Percentage, SimulatedBroker

AccountOf = Callable[..., SimulatedBroker]
Wait = Callable[[SimulatedBroker], None]
NAMES = ("A", "B", "C", "D")

prices = st.one_of(st.integers(1, 500).map(float), st.floats(min_value=0.01, max_value=5_000))
headrooms = st.sampled_from([0.0, 0.0025, 0.01])


@attrs.frozen
class Waiting:
    """An order that was sent before the rebalance."""

    asset: str
    quantity: float
    kind: OrderType

    def send(self, broker: SimulatedBroker, price: float) -> None:
        near = {OrderType.LIMIT: 0.9, OrderType.STOP: 1.1}.get(self.kind)
        if near is None:
            broker.submit_order(self.asset, self.quantity)
            return
        at = price * (near if self.quantity > 0 else 2 - near)
        name = {OrderType.LIMIT: "limit_price", OrderType.STOP: "stop_price"}[self.kind]
        side = OrderSide.BUY if self.quantity > 0 else OrderSide.SELL
        arguments: dict[str, Any] = {"order_type": self.kind, name: at}
        broker.submit_order(self.asset, abs(self.quantity), side, **arguments)


@attrs.frozen
class Case:
    """An account, what is asked of it, and how."""

    terms: Mapping[str, Asset]
    prices: Mapping[str, float]
    held: Mapping[str, float]
    cash: float
    waiting: list[Waiting]
    weights: Mapping[str, float]
    config: RebalanceConfig

    def account(self, account_of: AccountOf, **market: Any) -> SimulatedBroker:
        broker = account_of(self.prices, self.held, self.cash, terms=self.terms, **market)
        for order in self.waiting:
            order.send(broker, self.prices[order.asset])
        return broker

    def unit(self, asset: str) -> float:
        return self.prices[asset] * self.terms[asset].multiplier

    def lot(self, asset: str) -> float:
        """Money that the smallest step of an order is worth."""
        own = self.config.lot_size if self.config.round_lots else 1.0
        step = 0.0 if self.config.allow_fractional else own
        return common_step(step, self.terms[asset].lot_size) * self.unit(asset)

    def worth(self, quantities: Mapping[str, float]) -> float:
        return math.fsum(quantity * self.unit(asset) for asset, quantity in quantities.items())


def configs(*, short: bool) -> st.SearchStrategy[RebalanceConfig]:
    lots = st.sampled_from(
        [
            {"allow_fractional": True},
            {"allow_fractional": False},
            {"round_lots": True, "lot_size": 10.0},
        ]
    )
    rest = st.fixed_dictionaries(
        {
            "min_trade_value": st.sampled_from([0.0, 0.0, 50.0, 2_000.0]),
            "min_weight_change": st.sampled_from([0.0, 0.0, 0.01, 0.2]),
            "allow_short": st.booleans() if short else st.sampled_from([False]),
            "max_single_weight": st.sampled_from([1.0, 0.4]),
            "max_gross_leverage": st.sampled_from([1.0, 0.7, 2.0]) if short else st.just(1.0),
            "fee_headroom": headrooms,
            "cancel_before_rebalance": st.sampled_from([False]),
        }
    )
    return st.builds(lambda lot, other: RebalanceConfig(**lot, **other), lots, rest)


@st.composite
def cases(draw: st.DrawFn, *, short: bool = True, pending: bool = True) -> Case:
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    terms = {}
    for name in names:
        lot_size = draw(st.sampled_from([0.0, 0.0, 0.001, 1.0, 5.0]))
        multiplier = draw(st.sampled_from([1.0, 1.0, 50.0]))
        terms[name] = Asset(symbol=name, multiplier=multiplier, lot_size=lot_size)

    def quantity(name: str) -> float:
        whole = draw(st.integers(-20 if short else 0, 200)) * (terms[name].lot_size or 1.0)
        part = 0.0 if terms[name].lot_size else draw(st.sampled_from([0.0, 0.0, 0.25]))
        return float(whole + part)

    held = {name: q for name in names if (q := quantity(name)) and draw(st.booleans())}
    waiting = [
        Waiting(name, q, draw(st.sampled_from([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP])))
        for name in (draw(st.lists(st.sampled_from(names), max_size=3)) if pending else [])
        if (q := quantity(name))
    ]
    weight = st.one_of(st.just(0.0), st.floats(-1.0 if short else 0.0, 1.0))
    weights = {name: draw(weight) for name in names if draw(st.booleans())}
    case = Case(
        terms=terms,
        prices={name: draw(prices) for name in names},
        held=held,
        cash=draw(st.floats(0.0, 1e6)),
        waiting=waiting,
        weights=weights,
        config=draw(configs(short=short)),
    )
    # The venue lets nobody hold what it would not let him buy.
    gross = sum(abs(q) * case.unit(name) for name, q in held.items())
    assume(case.cash + case.worth(held) > max(0.02 * gross, 1.0))
    return case


def execute(case: Case, broker: SimulatedBroker) -> list[Order]:
    return TargetWeightExecutor(case.config).execute(case.weights, broker.bars or {}, broker)


def signed(orders: list[Order]) -> dict[str, float]:
    assert len({order.asset for order in orders}) == len(orders)
    return {order.asset: order.request.signed_quantity for order in orders}


@given(cases())
def test_a_preview_is_what_is_sent(account_of: AccountOf, case: Case) -> None:
    broker = case.account(account_of)
    executor = TargetWeightExecutor(case.config)
    rows = executor.preview(case.weights, broker.bars or {}, broker)

    assert {r.asset: r.quantity for r in rows if r.quantity} == signed(execute(case, broker))
    assert all(bool(row.quantity) != bool(row.reason) for row in rows)


@given(cases())
def test_twice_in_a_row_orders_nothing_new(account_of: AccountOf, case: Case) -> None:
    broker = case.account(account_of)
    refused = [order for order in execute(case, broker) if not order.is_open]

    assert all("could carry" in order.reason for order in refused)
    assert signed(execute(case, broker)) == signed(refused)


@given(cases())
def test_with_cancelling_twice_in_a_row_orders_the_same(account_of: AccountOf, case: Case) -> None:
    case = attrs.evolve(case, config=attrs.evolve(case.config, cancel_before_rebalance=True))
    broker = case.account(account_of)
    first = execute(case, broker)
    second = execute(case, broker)

    assert signed(second) == signed(first)
    taken = [broker.book[order.id] for order in first if order.is_open]
    assert {order.status for order in taken} <= {OrderStatus.CANCELLED}


@given(cases())
def test_sells_come_before_buys(account_of: AccountOf, case: Case) -> None:
    sides = [order.side.sign for order in execute(case, case.account(account_of))]

    assert sides == sorted(sides)


@given(cases())
def test_the_venue_takes_every_order(account_of: AccountOf, case: Case) -> None:
    orders = execute(case, case.account(account_of))

    assert {order.status for order in orders} <= {OrderStatus.ACCEPTED}


@given(cases())
def test_buys_fit_the_cash_with_head_room(account_of: AccountOf, case: Case) -> None:
    """The cash, what pending orders take and bring, what is borrowed, and the sells' proceeds."""
    broker = case.account(account_of)
    equity, pending = broker.get_account_value(), broker.pending_orders
    trades = signed(execute(case, broker))
    headroom = case.config.fee_headroom
    available = case.cash + max(case.config.max_gross_leverage - 1, 0.0) * equity
    flows = abs(available) + equity
    after = dict(case.held)
    for order in pending:
        held = case.held.get(order.asset, 0.0)
        if order.order_type is not OrderType.MARKET and held * order.side.sign < 0:
            continue
        price = order.limit_price or order.stop_price or case.prices[order.asset]
        value = order.quantity * price * case.terms[order.asset].multiplier
        flows += value
        after[order.asset] = after.get(order.asset, 0.0) + order.request.signed_quantity
        if order.side is OrderSide.BUY:
            available -= value * (1 + headroom)
        elif order.order_type is OrderType.MARKET:
            available += value * (1 - headroom)
    opens = 0.0
    for asset, quantity in trades.items():
        value = abs(quantity) * case.unit(asset)
        flows += value
        if quantity < 0:
            available += value * (1 - headroom)
        else:
            covers = min(quantity, max(-after.get(asset, 0.0), 0.0)) * case.unit(asset)
            available -= covers * (1 + headroom)
            opens += (value - covers) * (1 + headroom)

    assert opens <= max(available, 0.0) + 1e-9 * flows


@given(cases())
def test_trades_lead_to_the_target_and_less_than_a_lot_beyond(
    account_of: AccountOf, case: Case
) -> None:
    """The target is cut to whole lots, towards zero."""
    broker = case.account(account_of)
    executor = TargetWeightExecutor(case.config)
    for row in executor.preview(case.weights, broker.bars or {}, broker):
        assert row.effective_weight is not None
        equity = broker.get_account_value()
        reached = row.effective_weight + row.value / equity
        low, high = sorted((row.effective_weight, row.target_weight))

        lot = case.lot(row.asset) / equity + 1e-9
        assert low - lot < reached < high + lot
        assert abs(reached - row.target_weight) < max(high - low, lot) + 1e-9


@given(cases())
def test_no_trade_is_below_the_thresholds_unless_it_closes(
    account_of: AccountOf, case: Case
) -> None:
    broker = case.account(account_of)
    equity = broker.get_account_value()
    executor = TargetWeightExecutor(case.config)
    for row in executor.preview(case.weights, broker.bars or {}, broker):
        covers = row.effective_weight is not None and row.effective_weight < 0 < row.quantity
        if row.quantity and row.target_weight and not covers:
            least = max(case.config.min_trade_value, case.config.min_weight_change * equity)
            assert abs(row.value) >= least * (1 - 1e-9)


@given(cases())
def test_without_short_selling_no_more_is_sold_than_is_held(
    account_of: AccountOf, case: Case
) -> None:
    case = attrs.evolve(case, config=attrs.evolve(case.config, allow_short=False))
    broker = case.account(account_of)
    market_sells: dict[str, float] = {}
    for order in case.waiting:
        if order.kind is OrderType.MARKET and order.quantity < 0:
            market_sells[order.asset] = market_sells.get(order.asset, 0.0) - order.quantity

    for asset, quantity in signed(execute(case, broker)).items():
        left = max(case.held.get(asset, 0.0) - market_sells.get(asset, 0.0), 0.0)
        assert -quantity <= left * (1 + 1e-9)


@given(cases(short=False, pending=False), headrooms)
def test_every_order_fills_if_prices_stay_and_fees_fit_the_head_room(
    account_of: AccountOf, wait: Wait, case: Case, fee: float
) -> None:
    paid = fee * case.worth(case.held)
    config = attrs.evolve(case.config, fee_headroom=fee)
    case = attrs.evolve(case, config=config, cash=case.cash + paid)
    market: dict[str, Any] = {"account": CashAccount(), "commission": Percentage(fee)}
    broker = case.account(account_of, **market)
    orders = execute(case, broker)
    wait(broker)

    assert {broker.book[order.id].status for order in orders} <= {OrderStatus.FILLED}
    assert broker.get_cash() >= -1e-9 * broker.get_account_value()


@given(cases(short=False, pending=False))
def test_at_the_target_nothing_is_ordered(account_of: AccountOf, wait: Wait, case: Case) -> None:
    """One bar later, at the same prices; the cash was no limit."""
    total = max(sum(case.weights.values()), 1.0)
    weights = {asset: 0.97 * weight / total for asset, weight in case.weights.items()}
    case = attrs.evolve(case, weights=weights)
    broker = case.account(account_of)
    execute(case, broker)
    wait(broker)

    assert execute(case, broker) == []


@given(cases(short=False, pending=False))
def test_a_rebalance_that_was_short_of_cash_is_all_but_finished(
    account_of: AccountOf, wait: Wait, case: Case
) -> None:
    """What the head-room kept back may be spent later, but is no more than that and some lots.

    Without thresholds: they may leave out a whole buy for being scaled to a little below them.
    """
    config = attrs.evolve(case.config, min_trade_value=0.0, min_weight_change=0.0)
    case = attrs.evolve(case, config=config)
    broker = case.account(account_of)
    first = case.worth({a: abs(q) for a, q in signed(execute(case, broker)).items()})
    wait(broker)
    again = signed(execute(case, broker))

    lots = sum(case.lot(asset) for asset in case.prices)
    assert case.worth({a: abs(q) for a, q in again.items()}) <= (
        2 * case.config.fee_headroom * first + lots
    )


@given(cases())
def test_the_leverage_is_kept(account_of: AccountOf, wait: Wait, case: Case) -> None:
    """From flat: the gross value is no larger than the limit allows."""
    case = attrs.evolve(case, held={}, waiting=[], cash=max(case.cash, 1_000.0))
    broker = case.account(account_of)
    equity = broker.get_account_value()
    execute(case, broker)
    wait(broker)

    gross = sum(abs(p.quantity) * case.unit(a) for a, p in broker.positions.items())
    assert gross <= case.config.max_gross_leverage * equity * (1 + 1e-9)
