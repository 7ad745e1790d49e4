"""Nothing leaves unchecked or unjournaled, and nothing leaves twice."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import OrderRequest, OrderSide, OrderType
from ml4t.core.errors import (
    InvalidOrderError,
    UnknownOrderError,
    VenueRefusedError,
    VenueUnavailableError,
)
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import TradingState
from ml4t.live.events import CancelRequested, IntentRecorded, OrderDenied, ReplaceRequested

S = OrderStatus
Play = Callable[..., Any]


def buy(quantity: float = 10.0, **more: Any) -> OrderRequest:
    """An order for asset A."""
    return OrderRequest.of("A", quantity, **more)


def limit(quantity: float, price: float) -> OrderRequest:
    """A limit order for asset A."""
    return OrderRequest.of("A", quantity, order_type=OrderType.LIMIT, limit_price=price)


def sent(bench: Any) -> list[str]:
    """The ids that reached the adapter as orders."""
    return [what for name, what in bench.log if name == "submit"]


def journaled(bench: Any, kind: type) -> list[Any]:
    """What the journal holds of one kind."""
    return [e.event for e in bench.journal.entries() if isinstance(e.event, kind)]


def test_the_intent_is_in_the_journal_before_the_adapter_is_called(play: Play) -> None:
    async def scene(bench: Any) -> None:
        order = await bench.safe.submit(buy())
        assert S.ACCEPTED is order.status
        assert ["journal", "submit"] == [name for name, _ in bench.log][:2]
        (intent,) = journaled(bench, IntentRecorded)
        assert [order.id] == [each.id for each in intent.orders]

    play(scene)


def test_without_a_journal_nothing_is_sent_and_cancels_still_are(play: Play) -> None:
    async def scene(bench: Any) -> None:
        resting = await bench.safe.submit(limit(10, 99.0))
        bench.disk.is_full = True
        refused = await bench.safe.submit(limit(5, 98.0))
        assert S.REJECTED is refused.status
        assert [resting.id] == sent(bench)
        assert TradingState.HALTED is bench.book.state
        assert await bench.safe.cancel(resting.id)
        assert ["cancel"] == bench.broker.names("cancel")
        assert 1 == bench.risk.working_orders

    play(scene)


def test_what_happened_while_the_disk_was_full_is_written_later(play: Play) -> None:
    async def scene(bench: Any) -> None:
        order = await bench.safe.submit(buy())
        bench.disk.is_full = True
        bench.intake.take(bench.fill("x1", order.id, 10.0))
        assert 10.0 == bench.book.held("A")
        assert bench.account.has_unwritten
        bench.disk.is_full = False
        assert bench.account.write_what_is_left()
        assert TradingState.HALTED is bench.book.state
        assert 10.0 == bench.replayed().book.held("A")
        assert ("journal",) == bench.account.rearm("me", "disk cleared")
        assert S.ACCEPTED is (await bench.safe.submit(buy(3))).status

    play(scene)


async def never(order_id: str, request: OrderRequest) -> Order:
    """No answer at all."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError


@pytest.mark.parametrize(
    "error",
    [
        VenueUnavailableError("reset"),
        OSError("broken pipe"),
        ValueError("a bug of the adapter"),
        TimeoutError(),
        asyncio.CancelledError(),
        StopAsyncIteration(),
    ],
)
def test_whatever_the_adapter_raises_leaves_the_order_unknown(
    play: Play, error: BaseException
) -> None:
    async def scene(bench: Any) -> None:
        async def fail(order_id: str, request: OrderRequest) -> Order:
            raise error

        bench.broker.answers.append(fail)
        order = await bench.safe.submit(buy())
        assert S.UNKNOWN is order.status
        assert 10.0 == bench.risk.worst_case("A").long
        assert TradingState.ACTIVE is bench.book.state
        assert [order.id] == sent(bench)

    play(scene)


def test_an_answer_that_is_no_order_leaves_the_order_unknown(play: Play) -> None:
    async def scene(bench: Any) -> None:
        async def nothing(order_id: str, request: OrderRequest) -> Any:
            return None

        bench.broker.answers.append(nothing)
        assert S.UNKNOWN is (await bench.safe.submit(buy())).status

    play(scene)


def test_an_adapter_that_raises_before_it_awaits_leaves_the_order_unknown(play: Play) -> None:
    async def scene(bench: Any) -> None:
        def broken(order_id: str, request: OrderRequest) -> Any:
            raise RuntimeError(order_id)

        bench.broker.submit = broken
        order = await bench.safe.submit(buy())
        assert S.UNKNOWN is order.status

    play(scene)


def test_a_call_without_an_answer_in_time_is_cancelled_and_unknown(play: Play) -> None:
    async def scene(bench: Any) -> None:
        ended: list[str] = []

        async def hang(order_id: str, request: OrderRequest) -> Order:
            try:
                return await never(order_id, request)
            finally:
                ended.append(order_id)

        bench.broker.answers.append(hang)
        order = await bench.safe.submit(buy())
        assert 5.0 == bench.clock.monotonic()
        assert S.UNKNOWN is order.status
        await asyncio.sleep(0)
        assert [order.id] == ended
        assert not bench.safe.is_sending

    play(scene)


def test_a_late_answer_of_a_stubborn_adapter_is_evidence_once_it_is_reported(play: Play) -> None:
    async def scene(bench: Any) -> None:
        async def stubborn(order_id: str, request: OrderRequest) -> Order:
            try:
                return await never(order_id, request)
            except asyncio.CancelledError:
                msg = "the socket was cut"
                raise OSError(msg) from None

        bench.broker.answers.append(stubborn)
        order = await bench.safe.submit(buy())
        assert S.UNKNOWN is order.status
        bench.intake.take(bench.report(order.id, S.ACCEPTED))
        assert S.ACCEPTED is bench.book.orders[order.id].status

    play(scene)


def test_a_refusal_of_the_account_halts(play: Play) -> None:
    async def scene(bench: Any) -> None:
        async def refuse(order_id: str, request: OrderRequest) -> Order:
            msg = "401: the key is not valid"
            raise VenueRefusedError(msg)

        bench.broker.answers.append(refuse)
        order = await bench.safe.submit(buy())
        assert S.UNKNOWN is order.status
        assert TradingState.HALTED is bench.book.state
        assert S.REJECTED is (await bench.safe.submit(buy(2))).status
        assert [order.id] == sent(bench)

    play(scene)


@pytest.mark.parametrize("obstacle", ["is_connected", "is_rehearsing"])
def test_nothing_is_sent_without_a_session_or_in_the_past(play: Play, obstacle: str) -> None:
    async def scene(bench: Any) -> None:
        resting = await bench.safe.submit(limit(10, 99.0))
        setattr(bench.safe, obstacle, obstacle == "is_rehearsing")
        order = await bench.safe.submit(buy())
        family = await bench.safe.submit_family(buy(), [limit(-10, 110.0)])
        changed = await bench.safe.replace(resting.id, quantity=5.0)
        closing = await bench.safe.close_position("B")
        assert [S.REJECTED] * 3 == [each.status for each in (order, *family)]
        assert changed.reason.startswith("not replaced")
        assert closing is not None
        assert S.REJECTED is closing.status
        assert ["submit"] == bench.broker.names("submit", "submit_family", "replace")

    play(scene, held={"B": 5.0})


def test_a_denial_is_journaled_and_sends_nothing(play: Play) -> None:
    async def scene(bench: Any) -> None:
        order = await bench.safe.submit(buy(11))
        assert S.REJECTED is order.status
        assert "risk: " in order.reason
        assert [] == sent(bench)
        (denied,) = journaled(bench, OrderDenied)
        assert 2 == denied.control
        assert [order] == bench.heard
        assert 0.0 == bench.risk.worst_case("A").long

    play(scene, limits={"max_order_shares": 10})


@pytest.mark.parametrize("quantity", [float("nan"), float("inf"), 0.0])
def test_an_impossible_quantity_is_refused_and_journal_and_engine_go_on(
    play: Play, quantity: float
) -> None:
    async def scene(bench: Any) -> None:
        try:
            order = await bench.safe.submit(buy(quantity))
        except InvalidOrderError:
            pass
        else:
            assert S.REJECTED is order.status
        assert [] == sent(bench)
        assert S.ACCEPTED is (await bench.safe.submit(buy(2))).status

    play(scene)


def test_two_orders_at_once_cannot_both_use_the_same_room(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.broker.answers += [never, never]
        both = await asyncio.gather(bench.safe.submit(buy(60)), bench.safe.submit(buy(50)))
        assert [S.UNKNOWN, S.REJECTED] == [each.status for each in both]
        assert 1 == len(sent(bench))

    play(scene, limits={"max_position_shares": 100})


def test_a_group_is_sent_whole_or_not_at_all(play: Play) -> None:
    async def scene(bench: Any) -> None:
        orders = await bench.safe.submit_family(buy(10), [limit(-10, 110.0), limit(-11, 120.0)])
        assert [S.REJECTED] * 3 == [order.status for order in orders]
        assert [] == bench.broker.names("submit", "submit_family")
        assert 0 == bench.risk.working_orders
        family = await bench.safe.submit_family(buy(10), [limit(-10, 110.0)])
        assert 1 == len(bench.broker.names("submit_family"))
        parent, child = family
        assert (None, parent.id) == (parent.parent, child.parent)
        (intent,) = journaled(bench, IntentRecorded)
        assert [S.PENDING, S.HELD] == [order.status for order in intent.orders]

    play(scene, limits={"max_order_shares": 10})


def test_alternatives_are_all_or_none(play: Play) -> None:
    async def scene(bench: Any) -> None:
        pair = [limit(-5, 110.0), limit(-5, 120.0)]
        orders = await bench.safe.submit_alternatives(pair)
        assert 1 == len(bench.broker.names("submit_alternatives"))
        assert 1 == len({order.group for order in orders})
        assert None not in {order.group for order in orders}

    play(scene, held={"A": 5.0})


def test_a_venue_without_groups_gets_none(play: Play, abilities: Any) -> None:
    async def scene(bench: Any) -> None:
        orders = await bench.safe.submit_family(buy(), [limit(-10, 110.0)])
        assert {S.REJECTED} == {order.status for order in orders}
        # Kept in the journal, and nothing else.
        assert [("journal", "")] * 2 == bench.log

    play(scene, capabilities=abilities(order_groups=False))


# Only reducing


def test_an_exit_is_no_larger_than_what_is_held_where_the_venue_cannot_see_to_it(
    play: Play, abilities: Any
) -> None:
    async def scene(bench: Any) -> None:
        order = await bench.safe.submit(buy(-20, reduce_only=True))
        assert (S.ACCEPTED, 7.0) == (order.status, order.quantity)
        assert not order.request.reduce_only
        wrong_side = await bench.safe.submit(buy(5, reduce_only=True))
        assert S.REJECTED is wrong_side.status

    play(scene, held={"A": 7.0}, capabilities=abilities(reduce_only=False))


def test_two_exits_together_are_no_larger_than_what_is_held(play: Play, abilities: Any) -> None:
    async def scene(bench: Any) -> None:
        await bench.safe.submit(buy(-4, reduce_only=True))
        second = await bench.safe.submit(buy(-7, reduce_only=True))
        third = await bench.safe.submit(buy(-7, reduce_only=True))
        assert (3.0, S.REJECTED) == (second.quantity, third.status)
        assert 0.0 == bench.risk.worst_case("A").short

    play(
        scene,
        held={"A": 7.0},
        limits={"allow_short": True},
        capabilities=abilities(reduce_only=False),
    )


def test_closing_twice_never_reverses(play: Play, abilities: Any) -> None:
    async def scene(bench: Any) -> None:
        first = await bench.safe.close_position("A")
        second = await bench.safe.close_position("A")
        assert first is not None
        assert (OrderSide.SELL, 7.0) == (first.side, first.quantity)
        assert second is None

    play(scene, held={"A": 7.0}, capabilities=abilities(reduce_only=False))
    play(scene, held={"A": 7.0}, capabilities=abilities(reduce_only=True))


# Changing


def test_a_change_without_an_answer_counts_as_the_larger_of_both(play: Play) -> None:
    async def scene(bench: Any) -> None:
        order = await bench.safe.submit(limit(10, 99.0))
        bench.broker.replacing = never
        await bench.safe.replace(order.id, quantity=25.0)
        assert 25.0 == bench.risk.worst_case("A").long
        await bench.safe.replace(order.id, quantity=5.0)
        assert 10.0 <= bench.risk.worst_case("A").long
        (first, _) = journaled(bench, ReplaceRequested)
        assert 25.0 == first.request.quantity

    play(scene)


def test_a_change_is_journaled_before_it_is_sent(play: Play) -> None:
    async def scene(bench: Any) -> None:
        order = await bench.safe.submit(limit(10, 99.0))
        bench.log.clear()
        changed = await bench.safe.replace(order.id, quantity=5.0)
        assert 5.0 == changed.quantity
        assert ["journal", "replace"] == [name for name, _ in bench.log][:2]
        assert {} == bench.book.replacing
        assert 5.0 == bench.risk.worst_case("A").long

    play(scene)


def test_a_change_that_breaks_a_limit_is_denied(play: Play) -> None:
    async def scene(bench: Any) -> None:
        order = await bench.safe.submit(limit(10, 99.0))
        same = await bench.safe.replace(order.id, quantity=25.0)
        assert 10.0 == same.quantity
        assert "risk" in same.reason or "not replaced" in same.reason
        assert [] == bench.broker.names("replace")
        (denied,) = journaled(bench, OrderDenied)
        assert order.id == denied.instead_of

    play(scene, limits={"max_order_shares": 20})


def test_without_a_journal_no_change_is_sent(play: Play) -> None:
    async def scene(bench: Any) -> None:
        order = await bench.safe.submit(limit(10, 99.0))
        bench.disk.is_full = True
        same = await bench.safe.replace(order.id, quantity=5.0)
        assert (10.0, []) == (same.quantity, bench.broker.names("replace"))

    play(scene)


def test_an_order_of_unknown_fate_is_not_changed(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.broker.answers.append(never)
        order = await bench.safe.submit(limit(10, 99.0))
        await bench.safe.replace(order.id, quantity=5.0)
        assert [] == bench.broker.names("replace")
        assert await bench.safe.cancel(order.id)
        assert [order.id] == [what for name, what in bench.log if name == "cancel"]

    play(scene)


def test_unknown_ids_are_errors_and_ended_orders_are_not(play: Play) -> None:
    async def scene(bench: Any) -> None:
        with pytest.raises(UnknownOrderError):
            await bench.safe.cancel("nobody")
        with pytest.raises(UnknownOrderError):
            await bench.safe.replace("nobody", quantity=1.0)
        order = await bench.safe.submit(buy())
        bench.intake.take(bench.fill("x1", order.id, 10.0))
        assert not await bench.safe.cancel(order.id)
        assert S.FILLED is (await bench.safe.replace(order.id, quantity=99.0)).status

    play(scene)


def test_a_cancel_is_journaled_with_who_wants_it(play: Play) -> None:
    async def scene(bench: Any) -> None:
        order = await bench.safe.submit(limit(10, 99.0))
        await bench.safe.cancel(order.id, by="me")
        (asked,) = journaled(bench, CancelRequested)
        assert (order.id, "me") == (asked.order_id, asked.by)
        assert bench.book.orders[order.id].is_open

    play(scene)


# Reversals and orders in the way


def test_a_reversal_is_two_orders_one_after_the_other(play: Play) -> None:
    async def scene(bench: Any) -> None:
        first = await bench.safe.submit(buy(-12))
        assert 7.0 == first.quantity
        bench.safe.follow_up()
        await asyncio.sleep(0.1)
        assert [first.id] == sent(bench)
        bench.intake.take(bench.fill("x1", first.id, 7.0))
        bench.safe.follow_up()
        bench.safe.follow_up()
        await asyncio.sleep(0.1)
        second = bench.book.orders[sent(bench)[1]]
        assert 2 == len(sent(bench))
        assert (OrderSide.SELL, 5.0) == (second.side, second.quantity)

    play(scene, held={"A": 7.0}, limits={"allow_short": True, "allow_flip": True})


def test_the_other_side_is_not_opened_where_the_first_order_did_not_close(play: Play) -> None:
    async def scene(bench: Any) -> None:
        first = await bench.safe.submit(buy(-12))
        bench.intake.take(bench.report(first.id, S.CANCELLED))
        bench.safe.follow_up()
        await asyncio.sleep(0.1)
        assert [first.id] == sent(bench)
        assert any(alert.startswith("flip") for alert in bench.alerts)

    play(scene, held={"A": 7.0}, limits={"allow_short": True, "allow_flip": True})


def test_an_own_order_in_the_way_is_cancelled_and_the_new_one_not_sent(play: Play) -> None:
    async def scene(bench: Any) -> None:
        resting = await bench.safe.submit(limit(-5, 100.5))
        order = await bench.safe.submit(limit(3, 101.0))
        await asyncio.sleep(0.1)
        assert S.REJECTED is order.status
        assert [resting.id] == sent(bench)
        assert [resting.id] == [what for name, what in bench.log if name == "cancel"]

    play(scene, held={"A": 7.0}, limits={"self_trade": "cancel_resting"})


# One intent, one order


ANSWERS = ("accept", "reject", "fill", "hang", "lose", "fail", "refuse", "nothing", "other")


def answer_of(kind: str) -> Any:
    """How an adapter ends one submit."""

    async def answer(order_id: str, request: OrderRequest) -> Any:
        await asyncio.sleep(0.01)
        if kind == "hang":
            return await never(order_id, request)
        if kind in {"lose", "fail", "refuse"}:
            errors = {"lose": VenueUnavailableError, "fail": KeyError, "refuse": VenueRefusedError}
            raise errors[kind](kind)
        if kind == "nothing":
            return None
        status = {"reject": S.REJECTED, "other": S.ACCEPTED}.get(kind, S.ACCEPTED)
        name = "another-order" if kind == "other" else order_id
        return Order(name, request, status, None, None, reason="no" if kind == "reject" else "")

    return answer


@given(
    kinds=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=8),
    at_once=st.booleans(),
)
def test_each_intent_reaches_the_adapter_exactly_once_whatever_it_answers(
    play: Play, public_state: Any, risk_state: Any, kinds: list[str], at_once: bool
) -> None:
    async def scene(bench: Any) -> None:
        bench.broker.answers += [answer_of(kind) for kind in kinds]
        requests = [limit(1 + number, 99.0) for number in range(len(kinds))]
        if at_once:
            orders = await asyncio.gather(*(bench.safe.submit(each) for each in requests))
        else:
            orders = [await bench.safe.submit(each) for each in requests]
        await asyncio.sleep(100.0)
        bench.safe.follow_up()
        intents = [order.id for each in journaled(bench, IntentRecorded) for order in each.orders]
        assert sorted(intents) == sorted(sent(bench))
        assert len(set(intents)) == len(intents)
        left = {order.id for order in orders if order.id in bench.book.orders}
        assert left == set(intents)
        expected = {"accept": S.ACCEPTED, "fill": S.ACCEPTED, "reject": S.REJECTED}
        for kind, order_id in zip(kinds, sent(bench), strict=False):
            assert expected.get(kind, S.UNKNOWN) is bench.book.orders[order_id].status
        other = bench.replayed()
        assert public_state(bench.book) == public_state(other.account.book)
        if "other" not in kinds:
            assert risk_state(bench.risk) == risk_state(other.risk)

    play(scene)
