"""A small world for the tests of the fault venue: two assets, three days, everything scripted."""

from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime
from typing import Any

import attrs
import pytest

from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import Order
from ml4t.core.venue_events import VenueEvent
from ml4t.live.testing import (
    After,
    At,
    FaultPlan,
    FaultyBroker,
    FaultyFeed,
    FaultyVenue,
    MarketSettings,
    VenueRules,
    VirtualClock,
    run,
    seeded,
    weekday_sessions,
)

SESSIONS = weekday_sessions(date(2024, 1, 2), 3)


@attrs.frozen
class Stage:
    """What a scene plays on."""

    venue: FaultyVenue
    broker: FaultyBroker
    feed: FaultyFeed
    clock: VirtualClock

    def reported(self) -> list[VenueEvent]:
        """What the broker reported since this was called last."""
        events = self.broker.link.events
        return [events.get_nowait() for _ in range(events.qsize())]

    async def buy(self, quantity: float = 10.0, order_id: str = "m1") -> Order:
        """Send a market order for asset A."""
        return await self.broker.submit(order_id, OrderRequest.of("A", quantity))


Play = Callable[..., Any]


@pytest.fixture
def play() -> Play:
    """Play a scene on a new stage, five minutes after the market opened."""

    def play(
        scene: Callable[[Stage], Coroutine[Any, Any, Any]],
        *script: At | After,
        rules: VenueRules | None = None,
        seed: int = 1,
        start: datetime = datetime(2024, 1, 2, 9, 35, tzinfo=UTC),
    ) -> Any:
        async def main(clock: VirtualClock) -> Any:
            market = MarketSettings(prices={"A": 100.0, "B": 20.0}, sessions=SESSIONS)
            venue = FaultyVenue(market, clock.true_clock(), seeded(seed), rules=rules)
            broker = FaultyBroker(venue, FaultPlan(script=script))
            stage = Stage(venue, broker, FaultyFeed(venue, broker.faults), clock)
            venue.open()
            await broker.connect()
            result = await scene(stage)
            venue.close()
            return result

        return run(main, start)

    return play
