"""Whatever order reports come in, how often, and what is lost: the same account in the end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import OrderRequest, OrderSide
from ml4t.core.fills import Fill
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import TradingState
from ml4t.core.venue_events import (
    AccountRestriction,
    CashFlow,
    ConnectionChange,
    FeeReport,
    FillBust,
    VenueEvent,
)
from ml4t.live.events import BalanceAdopted

S = OrderStatus
Play = Callable[..., Any]

START = datetime(2024, 1, 2, 15, tzinfo=UTC)


@attrs.frozen
class Life:
    """What truly happened to one order, and everything the venue said about it.

    Attributes:
        side, quantity: what was asked for.
        standing: the executions that count in the end, with their fees.
        final: the order as a query shows it in the end.
        said: all reports, in the order in which they were made.
    """

    side: OrderSide
    quantity: float
    standing: tuple[Fill, ...]
    final: Order
    said: tuple[VenueEvent, ...]

    @property
    def change(self) -> float:
        """Of the position."""
        return sum(fill.signed_quantity for fill in self.standing)

    @property
    def spent(self) -> float:
        """Of the cash."""
        return sum(fill.signed_quantity * fill.price + fill.fee for fill in self.standing)


class Teller:
    """Makes up the life of an order and the reports of it; the oracle: lists and sums."""

    def __init__(self, order_id: str, side: OrderSide, quantity: float, start: Any) -> None:
        self.request = OrderRequest.of("A", quantity, side)
        self.order_id, self.now = order_id, start
        self.alive: dict[str, Fill] = {}
        self.said: list[VenueEvent] = []
        self.count = 0
        self.status = S.ACCEPTED

    def report(self) -> Order:
        filled = sum(fill.quantity for fill in self.alive.values())
        value = sum(fill.quantity * fill.price for fill in self.alive.values())
        return Order(
            self.order_id,
            self.request,
            self.status,
            None,
            self.now,
            filled_quantity=filled,
            average_fill_price=value / filled if filled else None,
        )

    def say_status(self) -> None:
        self.said.append(self.report())

    def trade(self, quantity: float, price: float, fee: float, is_late: bool) -> None:
        self.now += timedelta(seconds=1)
        self.count += 1
        fill_id = f"{self.order_id}-x{self.count}"
        fill = Fill(fill_id, self.order_id, "A", self.request.side, quantity, price, self.now, fee)
        self.alive[fill_id] = fill
        filled = sum(each.quantity for each in self.alive.values())
        if self.status not in {S.CANCELLED, S.EXPIRED} or filled >= self.request.quantity:
            done = filled >= self.request.quantity
            self.status = S.FILLED if done or self.status is S.FILLED else S.PARTIALLY_FILLED
        self.said.append(attrs.evolve(fill, fee=0.0) if is_late else fill)
        self.say_status()
        if is_late:
            self.said.append(FeeReport(fill_id=fill_id, fee=fee))

    def bust(self, number: int, is_corrected: bool) -> None:
        """Take one back; a correction is another execution at the time of the first."""
        standing = list(self.alive.values())
        if not standing:
            return
        old = standing[number % len(standing)]
        del self.alive[old.id]
        self.said.append(FillBust(fill_id=old.id, reason="erroneous"))
        if is_corrected:
            new = attrs.evolve(old, id=f"{old.id}.1", price=old.price + 1)
            self.alive[new.id] = new
            self.said.append(new)

    def end(self, status: OrderStatus) -> None:
        if self.status not in {S.FILLED, S.CANCELLED, S.EXPIRED}:
            self.now += timedelta(seconds=1)
            self.status = status
            self.say_status()

    def life(self) -> Life:
        return Life(
            self.request.side,
            self.request.quantity,
            tuple(self.alive.values()),
            self.report(),
            tuple(self.said),
        )


@st.composite
def lives(draw: st.DrawFn, order_id: str, start: Any, *, with_busts: bool) -> Life:
    """One order: executions, late fees, an end, late executions, and busts."""
    side = draw(st.sampled_from(list(OrderSide)))
    teller = Teller(order_id, side, 10.0, start)
    teller.say_status()
    quantities = draw(
        st.sampled_from([(10.0,), (4.0, 6.0), (3.0, 3.0, 4.0), (2.0, 1.0), (), (7.0,)])
    )
    ends_before = draw(st.integers(0, 4))
    for index, quantity in enumerate(quantities):
        if index == ends_before:
            teller.end(draw(st.sampled_from([S.CANCELLED, S.EXPIRED])))
        price = draw(st.sampled_from([99.0, 100.0, 101.5]))
        teller.trade(quantity, price, draw(st.sampled_from([0.0, 0.35])), draw(st.booleans()))
        if with_busts and draw(st.integers(0, 3)) == 0:
            teller.bust(draw(st.integers(0, 5)), draw(st.booleans()))
    teller.end(draw(st.sampled_from([S.CANCELLED, S.EXPIRED])))
    return teller.life()


@st.composite
def deliveries(draw: st.DrawFn, life: Life) -> list[VenueEvent | None]:
    """Reports lost, repeated and in any order; None stands for making stand-ins of what is missing.

    That an execution was taken back is never lost here: no question shows it, so that it stays a
    difference of positions, which a person must look at.
    """
    kept: list[VenueEvent | None] = [
        event for event in life.said if isinstance(event, FillBust) or draw(st.integers(0, 4)) > 0
    ]
    kept += [event for event in kept if draw(st.integers(0, 4)) == 0]
    kept += [None] * draw(st.integers(0, 2))
    if draw(st.booleans()):
        return list(draw(st.permutations(kept)))
    return kept


def _settle(bench: Any, life: Life, order_id: str) -> None:
    """What a reconciliation does in the end: ask for executions, and for the order."""
    for fill in life.standing:
        bench.intake.take(fill, "query")
    bench.intake.take(life.final, "query")


def _check(bench: Any, life: Life, order_id: str) -> None:
    book = bench.book
    assert life.change == pytest.approx(book.held("A"))
    assert 1e6 - life.spent == pytest.approx(book.ledger.cash, abs=1e-6)
    order = book.orders[order_id]
    assert life.final.filled_quantity == pytest.approx(order.filled_quantity)
    assert sum(fill.fee for fill in life.standing) == pytest.approx(order.fees)
    assert {fill.id for fill in life.standing} == set(book.fills)
    assert not order.is_open
    assert [] == book.behind


def _deliver(bench: Any, order_id: str, events: list[VenueEvent | None]) -> None:
    has_ended = False
    for event in events:
        if event is None:
            if order_id in bench.book.behind:
                bench.intake.fill_gap(order_id)
        else:
            bench.intake.take(event)
        is_open = bench.book.orders[order_id].is_open
        assert not (has_ended and is_open), "an order that has ended never works again"
        has_ended = has_ended or not is_open


def _converges(play: Play, life: Life, events: list[Any], extra: Callable[[Any], None]) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1", request=OrderRequest.of("A", life.quantity, life.side))
        _deliver(bench, "o1", events)
        extra(bench)
        _settle(bench, life, "o1")
        _check(bench, life, "o1")
        extra(bench)

    play(scene)


@pytest.fixture(scope="session")
def same_after_replay(public_state: Any, risk_state: Any) -> Callable[[Any], None]:
    """Compares a bench with one that has only read its journal."""

    def check(bench: Any) -> None:
        other = bench.replayed()
        assert public_state(bench.book) == public_state(other.account.book)
        assert risk_state(bench.risk) == risk_state(other.risk)

    return check


@given(data=st.data())
def test_every_delivery_of_the_same_life_gives_the_same_account(
    play: Play, same_after_replay: Any, data: st.DataObject
) -> None:
    life = data.draw(lives("o1", START, with_busts=False))
    _converges(play, life, data.draw(deliveries(life)), same_after_replay)


@given(data=st.data())
def test_executions_taken_back_or_corrected_leave_the_same_account(
    play: Play, same_after_replay: Any, data: st.DataObject
) -> None:
    life = data.draw(lives("o1", START, with_busts=True))
    _converges(play, life, data.draw(deliveries(life)), same_after_replay)


def test_more_than_asked_for_halts_and_still_counts(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.fill("x1", "o1", 10.0))
        bench.intake.take(bench.fill("x2", "o1", 5.0))
        assert 15.0 == bench.book.held("A")
        assert TradingState.HALTED is bench.book.state
        assert bench.book.causes["overfill"].latched

    play(scene)


def test_an_end_without_its_executions_keeps_counting_against_the_limits(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.report("o1", S.CANCELLED, 6.0))
        assert bench.book.orders["o1"].is_open
        assert 10.0 == bench.risk.worst_case("A").long
        bench.intake.take(bench.fill("x1", "o1", 6.0))
        assert S.CANCELLED is bench.book.orders["o1"].status
        assert 6.0 == bench.risk.worst_case("A").long
        assert 0 == bench.risk.working_orders

    play(scene)


def test_a_late_execution_changes_the_position_and_not_the_end(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.report("o1", S.CANCELLED))
        bench.intake.take(bench.fill("x1", "o1", 4.0))
        assert S.CANCELLED is bench.book.orders["o1"].status
        assert 4.0 == bench.book.held("A") == bench.risk.worst_case("A").long

    play(scene)


def test_an_execution_of_an_order_taken_for_rejected_counts(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.report("o1", S.REJECTED))
        bench.intake.take(bench.fill("x1", "o1", 10.0))
        assert S.REJECTED is bench.book.orders["o1"].status
        assert 10.0 == bench.book.held("A")

    play(scene)


def test_a_taken_back_execution_while_the_end_waits_for_another(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.fill("x1", "o1", 3.0))
        bench.intake.take(bench.report("o1", S.CANCELLED, 6.0))
        bench.intake.take(FillBust(fill_id="x1", reason="erroneous"))
        assert bench.book.orders["o1"].is_open
        bench.intake.take(bench.fill("x2", "o1", 3.0))
        assert S.CANCELLED is bench.book.orders["o1"].status
        assert 3.0 == bench.book.held("A")

    play(scene)


def test_an_execution_that_came_after_its_stand_in_can_be_taken_back(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.report("o1", S.FILLED, 10.0))
        bench.intake.fill_gap("o1")
        assert ["gap:o1:10.0"] == list(bench.book.fills)
        bench.intake.take(bench.fill("x1", "o1", 10.0, price=101.0, fee=0.5))
        assert ["x1"] == list(bench.book.fills)
        assert 1e6 - 1010.5 == bench.book.ledger.cash
        bench.intake.take(FillBust(fill_id="x1", reason="erroneous"))
        assert (0.0, 1e6) == (bench.book.held("A"), bench.book.ledger.cash)

    play(scene)


def test_a_new_execution_does_not_take_the_place_of_another_ones_stand_in(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.report("o1", S.PARTIALLY_FILLED, 4.0))
        bench.intake.fill_gap("o1")
        bench.intake.take(bench.report("o1", S.PARTIALLY_FILLED, 7.0))
        bench.intake.take(bench.fill("x2", "o1", 3.0))
        assert 7.0 == bench.book.held("A")
        bench.intake.take(bench.fill("x1", "o1", 4.0), "query")
        assert 7.0 == bench.book.held("A")
        assert {"x1", "x2"} == set(bench.book.fills)

    play(scene)


def test_the_listener_hears_of_an_execution_once_though_a_stand_in_came_first(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.report("o1", S.FILLED, 10.0))
        bench.intake.fill_gap("o1")
        bench.intake.take(bench.fill("x1", "o1", 10.0))
        bench.intake.take(bench.fill("x1", "o1", 10.0))
        heard = [event.quantity for event in bench.heard if isinstance(event, Fill)]
        assert [10.0] == heard

    play(scene)


def test_a_fee_that_only_a_question_shows_is_charged(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.fill("x1", "o1", 10.0))
        bench.intake.take(bench.fill("x1", "o1", 10.0, fee=0.35), "query")
        bench.intake.take(bench.fill("x1", "o1", 10.0), "query")
        assert 1e6 - 1000.35 == bench.book.ledger.cash
        assert 0.35 == bench.book.orders["o1"].fees

    play(scene)


def test_money_that_came_is_booked_once(play: Play) -> None:
    async def scene(bench: Any) -> None:
        flow = CashFlow(id="d1", amount=50.0, reason="dividend", timestamp=bench.clock.now())
        bench.intake.take(flow)
        bench.intake.take(flow, "query")
        assert 1e6 + 50.0 == bench.book.ledger.cash
        assert 50.0 == bench.book.flows

    play(scene)


def test_an_order_of_somebody_else_counts_and_is_told_of_once(play: Play) -> None:
    async def scene(bench: Any) -> None:
        theirs = Order("tws-7", OrderRequest.of("A", 40.0), S.ACCEPTED)
        bench.intake.take(theirs)
        bench.intake.take(theirs, "snapshot")
        assert {"tws-7": theirs} == bench.intake.foreign
        assert 40.0 == bench.risk.worst_case("A").long
        assert 1 == len([alert for alert in bench.alerts if alert.startswith("foreign order")])
        assert TradingState.ACTIVE is bench.book.state
        bench.intake.forget_foreign([])
        assert 0.0 == bench.risk.worst_case("A").long

    play(scene)


def test_an_order_that_looks_like_ours_and_is_not_in_the_journal_halts(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.intake.take(Order("m4-other", OrderRequest.of("A", 40.0), S.ACCEPTED))
        assert TradingState.HALTED is bench.book.state

    play(scene)


def test_an_execution_of_somebody_elses_order_never_changes_our_ledger(play: Play) -> None:
    async def scene(bench: Any) -> None:
        fill = Fill("f1", "tws-7", "A", OrderSide.BUY, 5.0, 100.0, bench.clock.now())
        bench.intake.take(fill)
        bench.intake.take(fill)
        assert 0.0 == bench.book.held("A")
        assert ["f1"] == list(bench.intake.unknown_fills)
        assert 1 == len([alert for alert in bench.alerts if alert.startswith("foreign fill")])

    play(scene)


def test_a_restriction_by_the_venue_halts_until_a_person_looks(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.intake.take(AccountRestriction(reason="margin call"))
        assert TradingState.HALTED is bench.book.state
        bench.account.relax("account", "no evidence is enough")
        assert TradingState.HALTED is bench.book.state

    play(scene)


def test_changes_of_the_session_are_passed_on(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.intake.take(ConnectionChange(is_up=False, reason="1100"))
        assert ["1100"] == [change.reason for change in bench.connections]

    play(scene)


def test_an_execution_that_an_adopted_balance_contains_counts_for_its_order_only(
    play: Play, same_after_replay: Any
) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        at = bench.clock.now()
        adopted = BalanceAdopted(
            cash=999_000.0, positions={}, by="a person", since=at + timedelta(seconds=5)
        )
        bench.account.commit(adopted)
        bench.intake.take(bench.report("o1", S.FILLED, 10.0, updated_at=at))
        assert ["o1"] == bench.book.behind
        bench.intake.take(bench.fill("x1", "o1", 10.0, timestamp=at), "query")
        assert [] == bench.book.behind
        assert S.FILLED is bench.book.orders["o1"].status
        assert (0.0, 999_000.0) == (bench.book.held("A"), bench.book.ledger.cash)
        same_after_replay(bench)

    play(scene)


@pytest.mark.parametrize("average", [float("nan"), float("inf"), -1.0, 0.0])
def test_a_report_with_an_impossible_average_does_not_poison_the_journal(
    play: Play, average: float
) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.report("o1", S.PARTIALLY_FILLED, 4.0, average=average))
        assert not bench.account.has_unwritten
        bench.intake.take(bench.fill("x1", "o1", 4.0))
        assert not bench.account.has_unwritten
        assert 4.0 == bench.book.held("A")

    play(scene)


@pytest.mark.parametrize("filled", [float("nan"), float("inf"), -1.0])
def test_a_report_with_an_impossible_total_is_not_believed(play: Play, filled: float) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.report("o1", S.PARTIALLY_FILLED, filled, average=100.0))
        assert not bench.account.has_unwritten
        assert [] == bench.book.behind
        assert 10.0 == bench.risk.worst_case("A").long

    play(scene)


def test_a_late_report_of_the_old_numbers_does_not_undo_a_change(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        later = bench.clock.now() + timedelta(seconds=2)
        first = bench.report("o1", S.ACCEPTED)
        bench.intake.take(first)
        changed = attrs.evolve(first, request=OrderRequest.of("A", 20.0), updated_at=later)
        bench.intake.take(changed)
        bench.intake.take(first)
        assert 20.0 == bench.book.orders["o1"].quantity

    play(scene)
