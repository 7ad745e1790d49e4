"""Tests of whole days with random faults: nothing but the seed decides what happens."""

import asyncio
from datetime import UTC, date, datetime

import pytest

from ml4t.core.errors import Ml4tError
from ml4t.core.order_requests import OrderRequest
from ml4t.live.testing import (
    FaultyBroker,
    FaultyFeed,
    FaultyVenue,
    MarketSettings,
    VirtualClock,
    branch,
    run,
    seeded,
    swarm_plan,
    weekday_sessions,
)

SESSIONS = weekday_sessions(date(2024, 1, 2), 2)


def _days(seed: int) -> tuple[str, list[str], dict[str, int]]:
    """Two days of a careless trader: what was true, what was seen, what went wrong."""

    async def main(clock: VirtualClock) -> tuple[str, list[str], dict[str, int]]:
        rng = seeded(seed)
        market = MarketSettings(prices={"A": 100.0, "B": 20.0}, sessions=SESSIONS)
        venue = FaultyVenue(market, clock.true_clock(), branch(rng))
        broker = FaultyBroker(venue, swarm_plan(rng))
        feed = FaultyFeed(venue, broker.faults)
        seen: list[str] = []
        venue.open()
        await feed.subscribe(["A", "B"])
        for number in range(60):
            try:
                async with asyncio.timeout(5):
                    await broker.connect()
                    seen.append(repr(await broker.account()))
                    size = rng.choice((-7, 3, 5))
                    await broker.submit(f"m{number}", OrderRequest.of("A", size))
            except (Ml4tError, TimeoutError) as error:
                seen.append(repr(error))
            await asyncio.sleep(1_500)
        venue.close()
        events, bars = broker.link.events, feed.line.bars
        seen += [repr(events.get_nowait()) for _ in range(events.qsize())]
        seen += [repr(bars.get_nowait()) for _ in range(bars.qsize())]
        return venue.digest(), seen, dict(broker.faults.injected)

    return run(main, datetime(2024, 1, 2, tzinfo=UTC))


@pytest.mark.parametrize("seed", range(8))
def test_the_same_seed_gives_the_same_faults_reports_and_truth(seed) -> None:
    assert _days(seed) == _days(seed)


def test_seeds_differ() -> None:
    assert len({_days(seed)[0] for seed in range(4)}) == 4
