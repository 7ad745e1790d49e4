"""What holds whatever an account does."""

import math
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import Asset, Order, OrderRequest, OrderStatus, OrderType
from ml4t.core.risk import Approved, LiveRiskConfig, Quote, RiskBook
from ml4t.core.risk.verdicts import Action

ASSETS = ("AAA", "BBB", "CCC")
PRICES = dict(zip(ASSETS, (10.0, 50.0, 200.0), strict=True))
AT = datetime(2026, 1, 5, 17, tzinfo=UTC)
POSITION, VALUE, GROSS, NET, LEVERAGE = 100.0, 5000.0, 12000.0, 6000.0, 0.011

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("order"),
            st.sampled_from(ASSETS),
            st.integers(-150, 150).filter(bool),
            st.sampled_from((None, 0.97, 1.0, 1.03)),
        ),
        st.tuples(st.just("fill"), st.integers(0, 30), st.floats(0.1, 1.0)),
        st.tuples(st.just("lose"), st.integers(0, 30)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
    ),
    max_size=40,
)


class Truth:
    """What an account really holds: the oracle knows positions and nothing of the book."""

    def __init__(self) -> None:
        self.held = dict.fromkeys(ASSETS, 0.0)
        self.orders: list[Order] = []

    def values(self) -> list[float]:
        return [self.held[asset] * PRICES[asset] for asset in ASSETS]

    def check(self) -> None:
        values = self.values()
        gross = sum(map(abs, values))
        assert max(map(abs, self.held.values())) <= POSITION * (1 + 1e-6)
        assert max(map(abs, values)) <= VALUE * (1 + 1e-6)
        assert gross <= GROSS * (1 + 1e-6)
        assert abs(sum(values)) <= NET * (1 + 1e-6)
        assert gross <= LEVERAGE * 1e6 * (1 + 1e-6)


def act(desk, truth, step):
    """Do one step at the desk and in truth."""
    kind, *rest = step
    if kind == "order":
        asset, quantity, factor = rest
        fields = {} if factor is None else {"limit_price": PRICES[asset] * factor}
        answer = desk.ask(quantity, asset, **fields)
        held = truth.held[asset]
        if not isinstance(answer, Approved):
            # What makes the position smaller, whatever else fills, is not stopped by its size.
            same_side = sum(
                o.remaining
                for o in truth.orders
                if o.is_open and o.asset == asset and o.side is answer.request.side
            )
            reduces = held * quantity < 0 and abs(quantity) + same_side <= abs(held)
            assert not (reduces and answer.control in {6, 7, 8, 23, 24})
            return
        desk.count += 1
        order = Order(f"o{desk.count}", answer.request, OrderStatus.ACCEPTED)
        truth.orders.append(order)
        desk.book.set_order(order)
        return
    if not truth.orders:
        return
    index = rest[0] % len(truth.orders)
    order = truth.orders[index]
    if not order.is_open:
        return
    if kind == "cancel":
        order = order.to(OrderStatus.CANCELLED, AT)
    elif kind == "lose":
        order = order.to(OrderStatus.UNKNOWN, AT)
    else:
        quantity = order.remaining * rest[1]
        order = order.after_fill(quantity, PRICES[order.asset], AT)
        truth.held[order.asset] += math.copysign(quantity, order.request.signed_quantity)
        desk.book.set_position(order.asset, truth.held[order.asset])
    truth.orders[index] = order
    desk.book.set_order(order)


@pytest.mark.parametrize("allow_short", [False, True])
@given(steps=steps)
def test_no_order_of_approved_ones_ever_breaks_a_limit(desk_of, steps, allow_short):
    desk = desk_of(
        max_position_shares=POSITION,
        max_position_value=VALUE,
        max_total_exposure=GROSS,
        max_net_exposure=NET,
        max_leverage=LEVERAGE,
        max_price_deviation_pct=5,
        allow_short=allow_short,
    )
    for asset, price in PRICES.items():
        desk.list(asset, price)
    truth = Truth()
    for step in steps:
        act(desk, truth, step)
        truth.check()
        assert allow_short or min(truth.held.values()) >= -1e-9


quantities = st.floats(-1000, 1000).filter(lambda quantity: abs(quantity) > 1e-3)
updates = st.lists(
    st.one_of(
        st.tuples(st.just("position"), st.sampled_from(ASSETS), quantities | st.just(0.0)),
        st.tuples(st.just("quote"), st.sampled_from(ASSETS), st.floats(1, 500) | st.just(math.nan)),
        st.tuples(
            st.just("order"),
            st.sampled_from(ASSETS),
            quantities,
            st.integers(0, 12),
            st.sampled_from(list(OrderStatus)),
            st.sampled_from((None, "g", "h")),
        ),
    ),
    max_size=60,
)


def apply_to(book: RiskBook, update) -> None:
    """Tell a book one thing."""
    kind, asset, *rest = update
    if kind == "position":
        book.set_position(asset, rest[0])
    elif kind == "quote":
        book.set_quote(asset, Quote(price=rest[0], at=0.0))
    else:
        quantity, number, status, group = rest
        request = OrderRequest.of(asset, quantity, order_type=OrderType.LIMIT, limit_price=42.0)
        # An id belongs to one asset for good.
        book.set_order(Order(f"{asset}-{number}", request, status, group=group))


def summary(book: RiskBook) -> tuple[object, ...]:
    """The sums and the worst cases of a book."""
    totals = book.totals
    sums = (totals.gross, totals.high, totals.low, totals.reserved)
    return (
        pytest.approx(sums, rel=1e-9, abs=1e-6),
        totals.unvalued,
        totals.unreserved,
        book.working_orders,
        book.unknown_orders,
        book.active_assets,
        [book.worst_case(asset) for asset in ASSETS],
    )


@given(updates=updates)
def test_sums_that_follow_changes_equal_sums_from_scratch(updates):
    book = RiskBook(LiveRiskConfig())
    for asset in ASSETS:
        book.set_asset(Asset(symbol=asset, multiplier=2))
    for update in updates:
        apply_to(book, update)
    fresh = RiskBook(LiveRiskConfig())
    for facts in book:
        fresh.set_asset(Asset(symbol=facts.symbol, multiplier=2))
        if facts.quote is not None:
            fresh.set_quote(facts.symbol, facts.quote)
        fresh.set_position(facts.symbol, facts.quantity)
        for entry in facts.orders.values():
            fresh.set_order(entry.order)
    assert summary(fresh) == tuple(
        s.expected if hasattr(s, "expected") else s for s in summary(book)
    )


def test_sums_do_not_drift():
    book = RiskBook(LiveRiskConfig())
    for asset in ASSETS:
        book.set_asset(Asset(symbol=asset))
        book.set_quote(asset, Quote(price=100.1, at=0.0))
    for turn in range(10_000):
        book.set_position(ASSETS[turn % 3], 0.1 * (turn % 17))
    for asset in ASSETS:
        book.set_position(asset, 0.0)
    assert abs(book.totals.gross) < 1e-6


def test_nobody_else_approves_orders(desk_of):
    answer = desk_of().ask(1)
    assert isinstance(answer, Approved)
    with pytest.raises(TypeError, match="review"):
        Approved(answer.request, Action.SUBMIT, "", object())
    with pytest.raises(TypeError):
        attrs.evolve(answer, request=answer.request, seal=None)
