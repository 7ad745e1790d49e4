"""Crossing averages step by step: what reading a price costs, and what deciding costs besides."""

from collections.abc import Mapping
from datetime import datetime

from benchmarks.cases import Case
from benchmarks.prices import walk
from benchmarks.workloads.crossover import Crossover
from ml4t.core import BrokerProtocol, MarketSlice, Strategy

__all__ = ["deciding", "reading"]


class Reading(Strategy):
    """Looks at one price of each bar."""

    def on_data(
        self,
        timestamp: datetime,  # noqa: ARG002
        data: MarketSlice,
        context: Mapping[str, object],  # noqa: ARG002
        broker: BrokerProtocol,  # noqa: ARG002
    ) -> None:
        data["SPY"]["close"]


class Deciding(Crossover):
    """Does all that crossing averages do but send orders."""

    def on_data(
        self,
        timestamp: datetime,  # noqa: ARG002
        data: MarketSlice,
        context: Mapping[str, object],  # noqa: ARG002
        broker: BrokerProtocol,  # noqa: ARG002
    ) -> None:
        above = self.above(data["SPY"]["close"])
        if above != self.long:
            self.long = above


def reading(bars: int = 1_000_000) -> Case:
    """The bars of crossing averages, whose price is read and nothing done with it."""
    made = walk(bars)
    return Case(feed=made.feed(), strategy=Reading(), nbytes=made.nbytes)


def deciding(bars: int = 1_000_000) -> Case:
    """Crossing averages whose crossings are noticed and not traded."""
    made = walk(bars)
    return Case(feed=made.feed(), strategy=Deciding(), nbytes=made.nbytes)
