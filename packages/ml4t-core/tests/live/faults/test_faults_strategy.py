"""Faults of the strategy: errors, hanging, floods of orders, nonsense, and orders at odd times."""

import math
from datetime import timedelta

import pytest

from ml4t.core import OrderRequest, OrderType, Strategy
from ml4t.core.errors import StrategyError, UnknownOrderError
from ml4t.core.orders import OrderStatus as S
from ml4t.live.events import CancelRequested, IntentRecorded, OrderDenied
from ml4t.live.testing import At
from ml4t.live.testing.call_faults import DelayAnswer

BAR = 300.0


def fail(step):
    msg = "no data"
    raise LookupError(msg)


def test_f58_an_exception_leaves_only_exits_and_the_third_one_halts(play, script):
    """Each is told with what it was (control 30)."""

    async def act(scene):
        await scene.holding(10)
        await scene.pass_time(BAR)
        assert scene.causes == {"strategy": "REDUCING!"}
        assert scene.told("strategy")[0] == "on_data raised LookupError: no data"
        assert (await scene.submit(1, "BBB")).status is S.REJECTED
        await scene.pass_time(2 * BAR)
        assert scene.causes == {"strategy": "HALTED!"}
        assert scene.strategy.bars == 3
        await scene.pass_time(BAR)
        assert scene.strategy.bars == 4
        scene.engine.rearm("anna", "the data are back")
        assert scene.state == "ACTIVE"
        await scene.finish()

    play(act, strategy=script(fail, fail, fail))


def test_f58_a_strategy_that_hangs_keeps_nothing_else_from_going_on(play, script):
    """Fills are booked, the account is compared, and the kill switch works (R2, R6, R26)."""
    stage = []

    async def act(scene):
        stage.append(scene)
        order = await scene.working(10)
        await scene.pass_time(BAR)
        scene.trade(order.id, 4, 90.0)
        await scene.pass_time(200)
        assert scene.causes == {"strategy": "REDUCING!"}
        assert "has been running for 150 s" in scene.told("strategy")[0]
        assert scene.believed() == 4.0
        report = await scene.engine.kill("it hangs", "anna")
        assert (report.asked, report.left, scene.venue.open_orders()) == (1, (), [])
        began = scene.clock.monotonic()
        await scene.stop()
        assert scene.clock.monotonic() - began <= 5.0

    play(act, strategy=script(lambda _: stage[0].thread.pass_time(100_000)))


def test_f58_a_thousand_orders_in_one_bar_meet_the_rate(play, script):
    """Ten leave; those that were refused do not wait to be sent later (R1, R7, R24)."""
    refused = []

    def flood(step):
        for number in range(1000):
            order = step.broker.submit_order(
                "AAA", 1, order_type=OrderType.LIMIT, limit_price=90.0 - number / 100
            )
            if order.status is S.REJECTED:
                refused.append(order.reason)

    async def act(scene):
        await scene.pass_time(BAR)
        assert (scene.sent, len(refused)) == (10, 990)
        assert {10} == {event.control for event in scene.journaled(OrderDenied)}
        await scene.pass_time(BAR)
        assert scene.sent == 10
        await scene.engine.kill("enough", "anna")
        scene.engine.rearm("anna", "it was a test")
        await scene.finish()

    play(act, strategy=script(flood), limits={"max_orders_per_minute": 10.0})


def test_f58_the_same_order_again_and_again_halts(play, script):
    """Control 13, and a person re-arms (R24)."""

    def insist(step):
        for number in range(20):
            step.broker.submit_order(
                "AAA", 1, order_type=OrderType.LIMIT, limit_price=90.0 - number
            )

    async def act(scene):
        await scene.pass_time(BAR)
        assert scene.sent == 5
        assert scene.journaled(OrderDenied)[0].control == 13
        assert scene.state == "HALTED"
        await scene.engine.kill("enough", "anna")
        scene.engine.rearm("anna", "it was a test")
        await scene.finish()

    play(act, strategy=script(insist), limits={"max_repeat": 5.0})


NONSENSE = [math.nan, math.inf, -math.inf, 0.0]


@pytest.mark.parametrize("number", NONSENSE)
@pytest.mark.parametrize("field", ["quantity", "limit_price"])
def test_f58_a_number_that_is_none_makes_no_order(play, script, field, number):
    """Control 1."""
    answers = []

    def step(step):
        numbers = {"quantity": 1.0, "limit_price": 90.0, field: number}
        answers.append(step.broker.submit_order("AAA", order_type=OrderType.LIMIT, **numbers))

    async def act(scene):
        await scene.pass_time(BAR)
        (order,) = answers
        assert order.status is S.REJECTED
        assert "must be positive and finite" in order.reason
        assert (scene.sent, scene.journaled(IntentRecorded)) == (0, [])
        assert scene.state == "ACTIVE"
        await scene.finish()

    play(act, strategy=script(step))


def test_f58_what_a_strategy_is_handed_cannot_be_changed_by_it(play, script):
    """It gets copies and frozen values."""

    def spoil(step):
        step.broker.positions.clear()
        with pytest.raises(AttributeError):
            step.broker.get_position("AAA").quantity = 1e6
        with pytest.raises(TypeError):
            step.data["AAA"]["close"] = 1.0
        with pytest.raises(AttributeError):
            step.broker.pending_orders[0].status = S.CANCELLED

    async def act(scene):
        await scene.holding(10)
        order = await scene.working(5)
        await scene.pass_time(BAR)
        assert scene.strategy.raised == []
        assert (scene.believed(), scene.order(order.id).status) == (10.0, S.ACCEPTED)
        await scene.engine.safe.cancel(order.id)
        await scene.finish()

    play(act, strategy=script(spoil))


class AtTheEdges(Strategy):
    """Orders in on_start and in on_end."""

    def __init__(self):
        self.told, self.raised, self.bars, self.sent = [], [], 0, []

    def on_start(self, broker):
        self.sent.append(broker.submit_order("AAA", 1))

    def on_data(self, timestamp, data, context, broker):
        self.bars += 1

    def on_end(self, broker):
        self.sent.append(broker.submit_order("BBB", 1))


def test_f58_orders_from_on_start_and_on_end_pass_the_same_checks(play):
    """They are answered there, and none is sent after it was given up (R25)."""

    async def act(scene):
        await scene.pass_time(1)
        (first,) = scene.strategy.sent
        assert first.status in {S.ACCEPTED, S.FILLED}
        assert scene.order(first.id).status is S.FILLED
        strategy, book = scene.strategy, scene.book
        await scene.stop()
        last = strategy.sent[-1]
        assert [each.orders[0].id for each in scene.journaled(IntentRecorded)] == [
            first.id,
            last.id,
        ]
        assert last.id in book.orders
        assert len(scene.arrived) == 2

    play(act, strategy=AtTheEdges)


def test_f58_an_order_in_on_start_before_there_is_a_price_is_refused(play):
    """Nothing is assumed where nothing is known."""

    async def act(scene):
        (first,) = scene.strategy.sent
        assert first.status is S.REJECTED
        assert scene.sent == 0

    play(act, strategy=AtTheEdges, early=timedelta(seconds=-30))


def test_f58_a_call_from_the_event_loop_is_refused(play, script):
    """It would wait for itself for ever."""
    kept = []

    async def act(scene):
        await scene.pass_time(BAR)
        with pytest.raises(StrategyError):
            kept[0].submit_order("AAA", 1)
        assert scene.sent == 0
        await scene.finish()

    play(act, strategy=script(lambda step: kept.append(step.broker)))


def test_f59_a_cancel_of_an_order_that_never_was_is_the_strategys_error(play, script):
    async def act(scene):
        await scene.pass_time(BAR)
        assert [UnknownOrderError] == [type(error) for error in scene.strategy.raised]
        assert (scene.journaled(CancelRequested), scene.causes) == ([], {"strategy": "REDUCING!"})
        scene.engine.rearm("anna", "mended")
        await scene.finish()

    play(act, strategy=script(lambda step: step.broker.cancel_order("nobody's")))


def test_f59_a_second_cancel_and_one_of_an_ended_order_do_no_harm(play):
    async def act(scene):
        order = await scene.working(10)
        scene.trade(order.id, 3, 90.0)
        assert await scene.engine.safe.cancel(order.id) is True
        assert await scene.engine.safe.cancel(order.id) is True
        await scene.pass_time(2)
        assert await scene.engine.safe.cancel(order.id) is False
        found = scene.order(order.id)
        assert (S.CANCELLED, 3.0, 3.0) == (found.status, found.filled_quantity, scene.believed())
        await scene.finish()

    play(act)


def test_f59_a_change_of_an_order_that_ends_meanwhile_changes_nothing(play):
    """The answer of the change comes after the end, and does not bring it back (R22)."""

    async def act(scene):
        order = await scene.working(10)
        scene.beside(scene.engine.safe.replace(order.id, quantity=20.0))
        await scene.pass_time(1)
        await scene.engine.safe.cancel(order.id)
        await scene.pass_time(5)
        found = scene.order(order.id)
        assert (S.CANCELLED, 0.0) == (found.status, scene.believed())
        assert scene.engine.account.risk.worst_case("AAA").long == 0.0
        again = await scene.engine.safe.replace(order.id, quantity=30.0)
        assert again.status is S.CANCELLED
        await scene.finish()

    play(act, At(call="replace", do=DelayAnswer(seconds=4)))


def test_f59_closing_twice_never_reverses_a_position(play):
    """What is on its way out already is not sold again (R22)."""

    async def act(scene):
        await scene.holding(10)
        scene.venue.market.halted.add("AAA")
        first = await scene.engine.safe.close_position("AAA")
        assert first.quantity == 10.0
        assert await scene.engine.safe.close_position("AAA") is None
        more = await scene.engine.safe.submit(OrderRequest.of("AAA", -1))
        assert more.status is S.REJECTED
        scene.venue.market.halted.discard("AAA")
        scene.venue.desk.match()
        await scene.pass_time(2)
        assert (scene.believed(), scene.sent) == (0.0, 2)
        await scene.finish()

    play(act)
