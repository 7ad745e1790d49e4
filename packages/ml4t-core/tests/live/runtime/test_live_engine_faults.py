"""The engine at a venue with faults, days of it in virtual time: in the end the books agree."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import attrs
import pytest

from ml4t.core import OrderType, Session, Strategy
from ml4t.core.risk import UNLIMITED, LiveRiskConfig, RiskBook, TradingState
from ml4t.core.venue_events import Environment
from ml4t.live.account import LiveAccount
from ml4t.live.config import ExecutionMode, LiveConfig, Timing
from ml4t.live.engine import LiveEngine
from ml4t.live.events import IntentRecorded
from ml4t.live.journal import JournalOwner, MemoryJournal
from ml4t.live.testing import (
    EVERY_FAULT,
    LASTING,
    After,
    At,
    FaultPlan,
    FaultyBroker,
    FaultyFeed,
    FaultyVenue,
    ListedSessions,
    LockstepThread,
    MarketSettings,
    TruthLimits,
    VirtualClock,
    compare,
    run,
    swarm_plan,
)
from ml4t.live.testing.call_faults import LoseAnswer, NeverAnswer
from ml4t.live.testing.execution_faults import FillAfterCancel, LateFee, TakeFillBack
from ml4t.live.testing.stream_faults import DropFill, DropStatus
from ml4t.live.testing.world_faults import PlaceForeignOrders, TradeByHand

BAR = timedelta(minutes=5)
ASSETS = ("AAA", "BBB", "CCC")
START = datetime(2024, 3, 4, 14, tzinfo=UTC)
SESSIONS = tuple(
    Session(
        label=date(2024, 3, 4) + timedelta(days=day),
        opens=START + timedelta(minutes=10 + 75 * day),
        closes=START + timedelta(minutes=75 + 75 * day),
    )
    for day in range(5)
)

PASSING = [
    fault for fault in EVERY_FAULT if fault not in LASTING and fault is not PlaceForeignOrders
]
"""The faults after which the books agree again without a person: nobody else trades here."""


class Churn(Strategy):
    """Buys, sells and cancels by chance, and writes down what it is told."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.told: list[str] = []

    def on_start(self, broker: Any) -> None:
        self.told.append("start")

    def on_end(self, broker: Any) -> None:
        self.told.append("end")

    def on_order(self, order: Any, broker: Any) -> None:
        self.told.append(order.status.name)

    def on_data(self, timestamp: Any, data: Any, context: Any, broker: Any) -> None:
        for asset in data:
            self._act(asset, data[asset]["close"], broker)

    def _act(self, asset: str, price: float, broker: Any) -> None:
        rng, chance = self.rng, self.rng.random()
        held = broker.get_position(asset)
        if chance < 0.15:
            broker.submit_order(asset, rng.randint(1, 20))
        elif chance < 0.3 and held:
            broker.submit_order(asset, -min(rng.randint(1, 20), held.quantity))
        elif chance < 0.4:
            limit = round(price * 0.999, 2)
            order = broker.submit_order(
                asset, rng.randint(1, 20), order_type=OrderType.LIMIT, limit_price=limit
            )
            if rng.random() < 0.3:
                broker.replace_order(order.id, quantity=order.quantity + 5)
        elif chance < 0.45 and held:
            broker.close_position(asset)
        elif chance < 0.55 and broker.pending_orders:
            broker.cancel_order(rng.choice(broker.pending_orders).id)


@attrs.frozen
class Outcome:
    """What is left after a run."""

    engine: LiveEngine
    venue: FaultyVenue
    broker: FaultyBroker
    strategy: Churn
    journal: MemoryJournal
    differences: Sequence[str]
    exit: int


def trade(seed: int, plan: FaultPlan | None, days: int = 2, restarts: int = 0) -> Outcome:
    """Some sessions at a venue; the faults end with the last one, and two minutes later all ends.

    At a restart the engine is dropped in the middle of whatever it does, as a crash would.
    """
    rng = Random(seed)  # noqa: S311 - the same chance in each run

    async def main(clock: VirtualClock) -> Outcome:
        market = MarketSettings(
            prices={"AAA": 100.0, "BBB": 50.0, "CCC": 20.0}, sessions=SESSIONS, bar_size=BAR
        )
        venue = FaultyVenue(market, clock.true_clock(), rng)
        venue.watch.limits = TruthLimits(max_position=dict.fromkeys(ASSETS, 200.0))
        broker = FaultyBroker(venue, plan, rng)
        owner = JournalOwner(account_id="SIM-1", environment=Environment.PAPER, broker="sim")
        journal = MemoryJournal(owner, clock)
        strategy = Churn(Random(seed))  # noqa: S311
        venue.open()

        def begin() -> tuple[LiveEngine, asyncio.Task[int]]:
            engine = LiveEngine(
                strategy,
                broker,
                FaultyFeed(venue, broker.faults, rng),
                config(),
                journal=journal,
                clock=clock,
                calendar=ListedSessions(SESSIONS),
                thread=LockstepThread,
            )
            venue.watch.state = lambda: engine.account.book.state.name
            venue.watch.believed = engine.account.held
            return engine, asyncio.ensure_future(engine.run())

        async def come_up() -> tuple[LiveEngine, asyncio.Task[int]]:
            """Start again until the venue lets us in, as a supervisor of processes does."""
            nonlocal journal
            while True:
                engine, task = begin()
                await asyncio.wait({task}, timeout=90.0)
                if not task.done():
                    return engine, task
                journal = journal.reopened()
                await asyncio.sleep(30.0)

        engine, task = await come_up()
        whole = (SESSIONS[days - 1].closes - clock.now()).total_seconds()
        for _ in range(restarts):
            await asyncio.sleep(whole / (restarts + 1) + rng.random())
            crashed = journal.reopened()
            task.cancel()
            await asyncio.wait({task})
            journal = crashed
            engine, task = await come_up()
        await asyncio.sleep((SESSIONS[days - 1].closes - clock.now()).total_seconds() + 1)
        broker.heal()
        await asyncio.sleep(120)
        book = engine.account.book
        assert book.ledger is not None
        held = {asset: position.quantity for asset, position in book.ledger.positions.items()}
        differences = compare(venue, held, book.ledger.cash, book.fills.values())
        differences += venue.watch.check()
        await engine.stop("the test is over")
        status = await task
        venue.close()
        return Outcome(engine, venue, broker, strategy, journal, differences, status)

    return run(main, START)


def config() -> LiveConfig:
    """Limits that a venue full of faults leaves room in."""
    risk = LiveRiskConfig(
        bar_seconds=BAR.total_seconds(),
        max_order_shares=50,
        max_order_value=UNLIMITED,
        max_position_shares=200,
        max_position_value=UNLIMITED,
        max_total_exposure=UNLIMITED,
        allowed_assets=UNLIMITED,
        max_daily_loss=20_000,
        max_repeat=UNLIMITED,
        max_messages_per_second=40,
        max_orders_per_minute=100,
    )
    return LiveConfig(
        assets=ASSETS,
        bar_size=BAR,
        account="SIM-1",
        mode=ExecutionMode.PAPER,
        risk=risk,
        timing=Timing(watch=1.0),
    )


@pytest.fixture(scope="session")
def is_sound(public_state: Any, risk_state: Any) -> Callable[[Outcome], None]:
    """What must hold after every run, whatever happened in it."""

    def check(outcome: Outcome) -> None:
        assert [] == list(outcome.differences)
        engine = outcome.engine
        account = LiveAccount(
            outcome.journal.reopened(), RiskBook(engine.account.risk.config), engine.clock
        )
        account.replay([entry.event for entry in outcome.journal.entries()])
        assert public_state(account.book) == public_state(engine.account.book)
        # Orders of others are no part of our journal.
        if not engine.intake.foreign:
            assert risk_state(account.risk) == risk_state(engine.account.risk)
        intents = [
            order.id
            for entry in outcome.journal.entries()
            if isinstance(entry.event, IntentRecorded)
            for order in entry.event.orders
        ]
        assert len(set(intents)) == len(intents)
        at_venue = [order.id for order in outcome.venue.desk.orders if order.owner.name == "ENGINE"]
        assert len(set(at_venue)) == len(at_venue)
        assert set(at_venue) <= set(intents)

    return check


def test_without_faults_everything_agrees_and_nothing_is_restricted(is_sound: Any) -> None:
    outcome = trade(1, None)
    is_sound(outcome)
    assert TradingState.ACTIVE is outcome.engine.account.book.state
    assert 0 == outcome.exit
    assert len(outcome.venue.account_truth.fills) > 10
    assert ("start", "end") == (outcome.strategy.told[0], outcome.strategy.told[-1])
    assert {"ACCEPTED", "FILLED", "CANCELLED"} <= set(outcome.strategy.told)


@pytest.mark.parametrize("seed", range(5))
def test_after_faults_of_all_kinds_the_books_agree(is_sound: Any, seed: int) -> None:
    rng = Random(1_000 + seed)  # noqa: S311
    outcome = trade(seed, swarm_plan(rng, among=PASSING))
    is_sound(outcome)
    assert 0 == outcome.exit


@pytest.mark.parametrize(
    "rates",
    [
        {DropFill: 0.5},
        {DropStatus: 0.5, DropFill: 0.3},
        {TakeFillBack: 0.3, DropFill: 0.3},
        {LateFee: 0.5, DropFill: 0.3},
        {FillAfterCancel: 0.9, DropStatus: 0.3},
        {LoseAnswer: 0.3},
        {NeverAnswer: 0.2},
    ],
    ids=str,
)
def test_much_of_one_fault_leaves_the_same_books(is_sound: Any, rates: dict[Any, float]) -> None:
    is_sound(trade(7, FaultPlan(rates=rates)))


@pytest.mark.parametrize("seed", range(3))
def test_crashes_in_the_middle_leave_the_same_books(is_sound: Any, seed: int) -> None:
    rng = Random(2_000 + seed)  # noqa: S311
    is_sound(trade(seed, swarm_plan(rng, among=PASSING), restarts=3))


def test_an_answer_that_was_lost_makes_no_second_order(is_sound: Any) -> None:
    script = [At(call="submit", number=number, do=LoseAnswer()) for number in (1, 2, 3)]
    outcome = trade(3, FaultPlan(script=script))
    is_sound(outcome)
    assert 3 == outcome.broker.faults.injected["LoseAnswer"]
    assert 0 == outcome.venue.watch.counts["resent"]


def test_somebody_elses_trade_stays_a_difference_until_a_person_takes_it_over() -> None:
    """Nothing is explained away: the position of others is no trade of ours."""
    outcome = trade(
        2, FaultPlan(script=[After(seconds=1_500, do=TradeByHand(quantity=7.0, asset="AAA"))])
    )
    assert TradingState.REDUCING is outcome.engine.account.book.state
    (difference,) = outcome.engine.reconciler.differences
    assert ("position", "AAA") == (difference.kind, difference.subject)
    assert not any(
        fill.id.startswith("gap:") for fill in outcome.engine.account.book.fills.values()
    )


def test_two_runs_of_the_same_chance_are_the_same_to_the_last_byte() -> None:
    rng = Random(5)  # noqa: S311
    plan = swarm_plan(rng, among=PASSING)
    assert trade(5, plan, days=1).journal.head == trade(5, plan, days=1).journal.head
