"""The whole engine: what strategies may do, what goes wrong, and how it ends."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from ml4t.core import AlwaysOpen, Bar, Order, OrderRequest, OrderType
from ml4t.core.errors import CallTimeoutError
from ml4t.core.fills import Fill
from ml4t.core.orders import OrderStatus
from ml4t.core.risk import TradingState
from ml4t.core.venue_events import CashFlow, ConnectionChange
from ml4t.live.clock import SystemClock
from ml4t.live.config import Timing
from ml4t.live.events import EngineStopped, IntentRecorded
from ml4t.live.strategy_thread import StrategyThread

S = OrderStatus
T = TradingState
Live = Callable[..., Any]


def fill_of(world: Any, order: Any, quantity: float) -> Fill:
    """An execution at 100."""
    return Fill(
        f"x-{order.id}", order.id, order.asset, order.side, quantity, 100.0, world.clock.now()
    )


def filling(world: Any) -> None:
    """Let the venue fill every order at once, and report it on the stream."""

    async def answer(order_id: str, request: OrderRequest) -> Order:
        order = Order(order_id, request, S.ACCEPTED, world.clock.now(), world.clock.now())
        world.broker.stream.put_nowait(fill_of(world, order, request.quantity))
        return order

    world.broker.answers += [answer] * 100


# What a strategy may do


class Everywhere:
    """Sends an order from each of its methods."""

    def __init__(self) -> None:
        self.sent: dict[str, Any] = {}
        self.threads: set[int] = set()

    def _send(self, name: str, broker: Any) -> None:
        self.threads.add(threading.get_ident())
        if name not in self.sent:
            self.sent[name] = broker.submit_order("A", len(self.sent) + 1)

    def on_start(self, broker: Any) -> None:
        self._send("on_start", broker)

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        self._send("on_data", broker)

    def on_order(self, order: Any, broker: Any) -> None:
        self._send("on_order", broker)

    def on_fill(self, fill: Any, broker: Any) -> None:
        self._send("on_fill", broker)

    def on_end(self, broker: Any) -> None:
        self._send("on_end", broker)


NAMES = {"on_start", "on_data", "on_order", "on_fill", "on_end"}


def refused(strategy: Any) -> dict[str, str]:
    """The orders that did not arrive, with the reason."""
    return {
        name: order.reason
        for name, order in strategy.sent.items()
        if order.status not in {S.ACCEPTED, S.FILLED}
    }


def _everywhere(idle: type) -> Any:
    return type("EverywhereStrategy", (Everywhere, idle.__mro__[1]), {})()


def test_orders_leave_from_every_method_of_a_strategy(live: Live, idle: type) -> None:
    strategy = _everywhere(idle)

    async def scene(world: Any) -> None:
        filling(world)
        await world.start()
        await world.bar()
        await world.stop()
        assert set(strategy.sent) == NAMES
        assert {} == refused(strategy)
        assert 1 == len(strategy.threads)

    live(scene, strategy, limits={"reconcile_seconds": 3_600})


async def test_orders_leave_from_every_method_on_real_threads(idle: type, world: Any) -> None:
    strategy = _everywhere(idle)
    real = _real(world, strategy)
    filling(real)
    await real.start(0.1)
    assert "on_start" in strategy.sent
    now = real.clock.now().replace(microsecond=0)
    end = now.replace(second=0)
    for asset in ("A", "B"):
        real.feed.coming.put_nowait(_flat(asset, end))
    await asyncio.sleep(0.2)
    assert 0 == await real.stop()
    assert set(strategy.sent) == NAMES
    assert {threading.get_ident()} & strategy.threads == set()
    assert {} == refused(strategy)


class Reader:
    """Reads everything that a broker shows."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        if not self.seen:
            broker.submit_order("A", 5)
        self.seen.append(
            (
                broker.get_cash(),
                broker.get_account_value(),
                broker.get_position("A"),
                [order.quantity for order in broker.pending_orders],
                broker.get_asset("A").symbol,
            )
        )


def test_a_strategy_reads_what_is_known_now(live: Live, idle: type) -> None:
    strategy = type("ReaderStrategy", (Reader, idle.__mro__[1]), {})()

    async def scene(world: Any) -> None:
        await world.start()
        await world.bar()
        (order,) = world.book.open.values()
        world.engine.intake.take(fill_of(world, order, 5.0))
        await world.bar(101.0)
        await world.stop()
        first, second = strategy.seen
        assert (1e6, 1e6, None, [5.0], "A") == first
        assert (1e6 - 500.0, 1e6 + 5.0, []) == (second[0], second[1], second[3])
        assert 5.0 == second[2].quantity

    live(scene, strategy)


class Swallows:
    """Sends once; a call that was withdrawn raises, and nothing was sent."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        try:
            broker.submit_order("A", 5)
        except CallTimeoutError as error:
            self.errors.append(str(error))


def test_a_call_that_was_withdrawn_leaves_no_order(live: Live, idle: type) -> None:
    strategy = type("SwallowsStrategy", (Swallows, idle.__mro__[1]), {})()

    async def scene(world: Any) -> None:
        await world.start()
        world.engine._thread.withhold(1)  # noqa: SLF001 - the loop is busy
        await world.bar()
        await asyncio.sleep(10.0)
        assert 1 == len(strategy.errors)
        assert ([], {}) == (world.broker.names("submit"), world.book.orders)
        await world.bar()
        assert ["submit"] == world.broker.names("submit")
        await world.stop()

    live(scene, strategy)


# The past


class Eager:
    """Buys at each bar."""

    def __init__(self) -> None:
        self.bars: list[Any] = []
        self.answers: list[Any] = []

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        self.bars.append(timestamp)
        self.answers.append(broker.submit_order("A", 1))


def test_the_bars_of_the_past_are_shown_and_nothing_is_sent(
    live: Live, idle: type, bar: Any
) -> None:
    strategy = type("EagerStrategy", (Eager, idle.__mro__[1]), {})()

    async def scene(world: Any) -> None:
        now = world.clock.now()
        world.feed.past = [
            bar(asset, now - timedelta(minutes=back), 100.0)
            for back in range(10, 0, -1)
            for asset in ("A", "B")
        ]
        await world.start()
        assert 5 == len(strategy.bars) == len(set(strategy.bars))
        assert sorted(strategy.bars) == strategy.bars
        assert {S.REJECTED} == {order.status for order in strategy.answers}
        assert [] == world.broker.names("submit") == world.journaled(IntentRecorded)
        await world.bar()
        assert ["submit"] == world.broker.names("submit")
        assert 0 == await world.stop()

    live(scene, strategy, warmup=5, past=[])


# Strategies that fail


class Fails:
    """Raises at each bar."""

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        msg = "division by zero"
        raise ZeroDivisionError(msg)


def test_one_error_reduces_and_three_halt(live: Live, idle: type) -> None:
    strategy = type("FailsStrategy", (Fails, idle), {})()

    async def scene(world: Any) -> None:
        await world.start()
        await world.bar()
        assert T.REDUCING is world.book.state
        await world.bar()
        assert T.REDUCING is world.book.state
        await world.bar()
        assert "HALTED" == world.book.state.name
        assert "division by zero" in world.book.causes["strategy"].reason
        world.engine.rearm("me", "mended")
        assert "ACTIVE" == world.book.state.name
        await world.bar()
        assert T.REDUCING is world.book.state
        assert 0 == await world.stop()
        assert ["start", "end"] == strategy.told

    live(scene, strategy)


class Slow:
    """Computes for most of a bar."""

    thread: Any

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        self.thread.pass_time(40.0)


def test_a_strategy_that_takes_more_than_half_a_bar_reduces(live: Live, idle: type) -> None:
    strategy = type("SlowStrategy", (Slow, idle), {})()

    async def scene(world: Any) -> None:
        strategy.thread = world.engine._thread  # noqa: SLF001 - lets virtual time pass
        await world.start()
        await world.bar()
        await asyncio.sleep(25.0)
        assert T.ACTIVE is world.book.state
        await asyncio.sleep(10.0)
        assert "REDUCING" == world.book.state.name
        assert any("on_data" in alert for alert in world.alerts)
        await asyncio.sleep(10.0)
        await world.stop()

    live(scene, strategy)


# Parts that fail


def test_a_feed_that_ends_ends_the_run_after_its_last_bars(live: Live, idle: type) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        await world.bar()
        world.feed.coming.put_nowait(None)
        assert 0 == await asyncio.wait_for(world.running, 10.0)
        assert ["start", "data", "end"] == world.strategy.told
        assert "feed has ended" in world.journaled(EngineStopped)[-1].reason

    live(scene)


def test_a_feed_that_fails_halts_and_ends_the_run(live: Live) -> None:
    async def scene(world: Any) -> None:
        async def broken() -> AsyncIterator[Bar]:
            await asyncio.sleep(2.0)
            msg = "cut"
            raise OSError(msg)
            yield

        world.feed.bars = broken
        await world.start()
        assert 1 == await asyncio.wait_for(world.running, 10.0)
        assert T.HALTED is world.book.state
        assert ["start", "end"] == world.strategy.told

    live(scene)


def test_a_stream_of_events_that_ends_stops_new_risk(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        world.broker.stream.put_nowait(None)
        await asyncio.sleep(1.0)
        assert T.ACTIVE is not world.book.state
        assert S.REJECTED is (await world.engine.safe.submit(OrderRequest.of("A", 1))).status
        await asyncio.sleep(120.0)
        assert T.ACTIVE is not world.book.state
        await world.stop()

    live(scene)


def test_an_event_that_cannot_be_taken_in_costs_none_after_it(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        order = await world.engine.safe.submit(OrderRequest.of("A", 5))
        nonsense = attrs.evolve(order, request=None, status=S.PARTIALLY_FILLED)
        world.broker.stream.put_nowait(nonsense)
        world.broker.stream.put_nowait(fill_of(world, order, 5.0))
        await asyncio.sleep(1.0)
        assert 5.0 == world.book.held("A")
        assert T.ACTIVE is not world.book.state
        assert world.book.causes["events"].latched
        await world.stop()

    live(scene)


def test_a_session_lost_and_back_is_compared_before_it_counts(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        world.broker.stream.put_nowait(ConnectionChange(is_up=False, reason="1100"))
        await asyncio.sleep(1.0)
        assert T.REDUCING is world.book.state
        order = await world.engine.safe.submit(OrderRequest.of("A", 5))
        assert S.REJECTED is order.status
        world.log.clear()
        world.broker.stream.put_nowait(ConnectionChange(is_up=True))
        await asyncio.sleep(1.0)
        assert "ACTIVE" == world.book.state.name
        assert 1 == len(world.broker.names("fills_since"))
        await world.stop()

    live(scene)


def test_a_bar_that_cannot_be_right_keeps_new_risk_of_its_asset_away(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        await world.bar()
        await world.bar(300.0, "A")
        refused = await world.engine.safe.submit(OrderRequest.of("A", 1))
        taken = await world.engine.safe.submit(OrderRequest.of("B", 1))
        assert (S.REJECTED, S.ACCEPTED) == (refused.status, taken.status)
        assert ["A"] == list(world.engine.bars.quarantine.quarantined)
        await world.stop()

    live(scene, limits={"max_bar_move": 0.25})


# People


def test_a_person_closes_everything_while_trading_is_halted(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        order = await world.engine.safe.submit(OrderRequest.of("A", 5))
        world.engine.intake.take(fill_of(world, order, 5.0))
        world.equity(1e6, A=5.0)
        await world.engine.kill("enough", "me")
        (closing,) = await world.engine.flatten("me")
        await asyncio.sleep(20.0)
        sent = world.book.orders[closing]
        assert (-5.0, S.ACCEPTED) == (sent.side.sign * sent.quantity, sent.status)
        assert ("cancel", closing) not in world.log
        assert T.HALTED is world.book.state
        await world.stop()

    live(scene)


def test_the_status_can_be_shown_at_any_time(live: Live) -> None:
    async def scene(world: Any) -> None:
        before = world.engine.status()
        await world.start()
        await world.engine.safe.submit(
            OrderRequest.of("A", 5, order_type=OrderType.LIMIT, limit_price=99.0)
        )
        during = world.engine.status()
        await world.stop()
        after = world.engine.status()
        for status in (before, during, after):
            assert status == json.loads(json.dumps(status))
        assert ("active", 1) == (during["state"], len(during["open_orders"]))

    live(scene)


# Floods


def test_the_kill_switch_does_not_wait_for_a_flood_of_events(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        order = await world.engine.safe.submit(
            OrderRequest.of("A", 5, order_type=OrderType.LIMIT, limit_price=99.0)
        )
        now = world.clock.now()
        world.log.clear()
        for number in range(2_000):
            flow = CashFlow(id=f"d{number}", amount=0.01, reason="flood", timestamp=now)
            world.broker.stream.put_nowait(flow)
        await world.engine.kill("enough", "me")
        names = [name for name, _ in world.log]
        assert names.index("cancel") < 20
        assert ("cancel", order.id) in world.log
        await asyncio.sleep(1.0)
        assert 2_000 == len(world.book.flow_ids)
        await world.stop()

    live(scene)


def test_the_kill_switch_does_not_wait_for_a_flood_of_bars(live: Live) -> None:
    async def scene(world: Any) -> None:
        await world.start()
        order = await world.engine.safe.submit(
            OrderRequest.of("A", 5, order_type=OrderType.LIMIT, limit_price=99.0)
        )
        at = world.clock.now().replace(second=0)
        for _ in range(500):
            world.feed.coming.put_nowait(_flat("A", at + timedelta(days=1)))
        await asyncio.sleep(0)
        await world.engine.kill("enough", "me")
        assert world.feed.coming.qsize() > 400
        assert ("cancel", order.id) in world.log
        await world.stop()

    live(scene)


# The end, in real time


def _flat(asset: str, at: Any) -> Bar:
    return Bar(timestamp=at, asset=asset, open=100, high=100, low=100, close=100, volume=1000)


def _real(world: Any, strategy: Any, **config: Any) -> Any:
    return world(
        SystemClock(),
        strategy,
        calendar=AlwaysOpen(),
        thread=StrategyThread,
        timing=Timing(bars=0.05, watch=0.05, **config),
    )


class Hangs:
    """Never comes back from one of its methods."""

    where = ""

    def __init__(self) -> None:
        self.release = threading.Event()

    def _hang(self, name: str) -> None:
        if name == self.where:
            self.release.wait(10.0)

    def on_start(self, broker: Any) -> None:
        self._hang("on_start")

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        self._hang("on_data")

    def on_end(self, broker: Any) -> None:
        self._hang("on_end")


@pytest.mark.parametrize("where", ["on_start", "on_data", "on_end", ""])
async def test_it_stops_in_time_with_a_silent_feed_wherever_the_strategy_hangs(
    idle: type, world: Any, where: str
) -> None:
    strategy = type("HangsStrategy", (Hangs, idle.__mro__[1]), {})()
    strategy.where = where
    real = _real(world, strategy, stop=0.3)
    await real.start(0.1)
    for asset in ("A", "B"):
        real.feed.coming.put_nowait(_flat(asset, real.clock.now().replace(second=0, microsecond=0)))
    await asyncio.sleep(0.1)
    before = time.monotonic()
    await real.stop()
    took = time.monotonic() - before
    strategy.release.set()
    assert took < 1.0
    assert 1 == len(real.journaled(EngineStopped))


async def test_the_kill_switch_works_while_the_strategy_hangs(idle: type, world: Any) -> None:
    strategy = type("HangsStrategy", (Hangs, idle.__mro__[1]), {})()
    strategy.where = "on_data"
    real = _real(world, strategy, stop=0.3)
    await real.start(0.1)
    for asset in ("A", "B"):
        real.feed.coming.put_nowait(_flat(asset, real.clock.now().replace(second=0, microsecond=0)))
    await asyncio.sleep(0.1)
    resting = OrderRequest.of("A", 5, order_type=OrderType.LIMIT, limit_price=99.0)
    order = await real.engine.safe.submit(resting)
    report = await asyncio.wait_for(real.engine.kill("enough", "me"), 1.0)
    assert (1, ()) == (report.asked, report.left)
    assert ("cancel", order.id) in real.log
    strategy.release.set()
    await real.stop()


async def test_a_venue_that_hangs_at_the_end_does_not_hold_it_up(idle: type, world: Any) -> None:
    real = _real(world, idle(), stop=0.3)

    async def hang() -> None:
        await asyncio.get_running_loop().create_future()

    real.broker.disconnect = hang
    await real.start(0.1)
    before = time.monotonic()
    assert 0 == await real.stop()
    assert time.monotonic() - before < 1.0
