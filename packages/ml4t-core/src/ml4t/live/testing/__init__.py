"""What a live runtime and its adapters are tested with: time that jumps, a venue that lies.

A :class:`FaultyVenue` owns the truth about an account. A :class:`FaultyBroker` and a
:class:`FaultyFeed` talk to it as an adapter would, and a :class:`FaultPlan` says what goes wrong on
the way. What a program believes in the end is compared with the truth. On a virtual loop a trading
day takes milliseconds, and the same seed gives the same day.

>>> import asyncio
>>> from datetime import UTC, date, datetime
>>> from ml4t.core.errors import VenueUnavailableError
>>> from ml4t.core.order_requests import OrderRequest
>>> from ml4t.live.testing.call_faults import LoseAnswer
>>> async def lose_an_answer(clock: VirtualClock) -> float:
...     sessions = weekday_sessions(date(2024, 1, 2), 1)
...     market = MarketSettings(prices={"SPY": 470.0}, sessions=sessions)
...     venue = FaultyVenue(market, clock.true_clock(), seeded(1))
...     broker = FaultyBroker(venue, FaultPlan(script=[At(call="submit", do=LoseAnswer())]))
...     venue.open()
...     await broker.connect()
...     try:
...         await broker.submit("m4-1", OrderRequest.of("SPY", 10))
...     except VenueUnavailableError:
...         await asyncio.sleep(60)
...     return venue.account_truth.held["SPY"]
>>> run(lose_an_answer, datetime(2024, 1, 2, 10, tzinfo=UTC))
10.0
"""

from ml4t.live.testing.chance import branch, seeded
from ml4t.live.testing.comparison import compare
from ml4t.live.testing.fault_broker import FaultyBroker
from ml4t.live.testing.fault_feed import FaultyFeed
from ml4t.live.testing.fault_plan import After, At, FaultPlan
from ml4t.live.testing.fault_venue import FaultyVenue
from ml4t.live.testing.listed_sessions import (
    DayHours,
    ListedSessions,
    short_sessions,
    weekday_sessions,
)
from ml4t.live.testing.lockstep import LockstepThread
from ml4t.live.testing.market import MarketSettings
from ml4t.live.testing.order_desk import VenueRules
from ml4t.live.testing.swarm import EVERY_FAULT, LASTING, swarm_plan
from ml4t.live.testing.truth_watch import TruthLimits, TruthWatch
from ml4t.live.testing.virtual_time import DeadlockError, VirtualClock, VirtualLoop, run
from ml4t.live.testing.wire import WireBroker, WireClient, WireFeed
from ml4t.live.testing.wire_server import WireServer

__all__ = [
    "EVERY_FAULT",
    "LASTING",
    "After",
    "At",
    "DayHours",
    "DeadlockError",
    "FaultPlan",
    "FaultyBroker",
    "FaultyFeed",
    "FaultyVenue",
    "ListedSessions",
    "LockstepThread",
    "MarketSettings",
    "TruthLimits",
    "TruthWatch",
    "VenueRules",
    "VirtualClock",
    "VirtualLoop",
    "WireBroker",
    "WireClient",
    "WireFeed",
    "WireServer",
    "branch",
    "compare",
    "run",
    "seeded",
    "short_sessions",
    "swarm_plan",
    "weekday_sessions",
]
