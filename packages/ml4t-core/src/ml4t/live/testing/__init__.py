"""What a live runtime and its adapters are tested with: time that jumps, a venue that lies.

A :class:`FaultyVenue` owns the truth about an account. A :class:`FaultyBroker` and a
:class:`FaultyFeed` talk to it as an adapter would, and a :class:`FaultPlan` says what goes wrong on
the way. What a program believes in the end is compared with the truth. On a virtual loop a trading
day takes milliseconds, and the same seed gives the same day.
"""

from ml4t.live.testing.comparison import compare
from ml4t.live.testing.fault_broker import FaultyBroker
from ml4t.live.testing.fault_feed import FaultyFeed
from ml4t.live.testing.fault_plan import After, At, FaultPlan
from ml4t.live.testing.fault_venue import FaultyVenue
from ml4t.live.testing.listed_sessions import DayHours, ListedSessions, weekday_sessions
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
    "compare",
    "run",
    "swarm_plan",
    "weekday_sessions",
]
