"""Random plans: each has some of all faults, some of them often."""

from collections.abc import Sequence
from random import Random

from ml4t.live.testing import bar_faults as bars
from ml4t.live.testing import call_faults as calls
from ml4t.live.testing import execution_faults as executions
from ml4t.live.testing import stream_faults as streams
from ml4t.live.testing import world_faults as world
from ml4t.live.testing.fault_plan import FaultPlan
from ml4t.live.testing.faults import Fault

__all__ = ["EVERY_FAULT", "LASTING", "swarm_plan"]

LASTING: tuple[type[Fault], ...] = (
    executions.Overfill,
    executions.ReplaceByCopy,
    world.LiquidatePositions,
    world.RestrictAccount,
    world.RevokeKey,
    world.SplitShares,
    world.TradeByHand,
)
"""The faults after which a runtime should not trade on until a person has looked."""

EVERY_FAULT: tuple[type[Fault], ...] = (
    calls.ArriveLate, calls.DelayAnswer, calls.DropRequest, calls.FailAfterDone,
    calls.FailBeforeDone, calls.InterruptPages, calls.LagRead, calls.LoseAnswer, calls.NeverAnswer,
    calls.RefuseConnection, calls.TooManyRequests,
    streams.BreakAfterEvent, streams.DropFill, streams.DropStatus, streams.HoldBackEvent,
    streams.RepeatEvent,
    executions.CorrectFill, executions.EndRest, executions.FillAfterCancel, executions.LateFee,
    executions.RefuseOrder, executions.TakeFillBack,
    world.FloodReports, world.FreezeLink, world.GoDown, world.HaltAsset, world.MuteStream,
    world.PayCash, world.PlaceForeignOrders, world.ReconnectStorm, world.SkewVenueClock,
    bars.DelayBar, bars.DropBar, bars.MuteFeed, bars.RepeatBar, bars.ReverseBars, bars.ScaleBar,
    bars.SpoilBar, bars.StampInFuture,
    *LASTING,
)  # fmt: skip
"""Every kind of fault that can come at random."""

_SHARE = 0.3


def swarm_plan(rng: Random, among: Sequence[type[Fault]] = EVERY_FAULT) -> FaultPlan:
    """A plan with a random part of the faults, each with a random rate.

    A plan that has everything hides what happens when one fault comes often and the others do not
    come between.

    Args:
        rng: where chance comes from.
        among: the kinds to choose from.
    """
    rates = {
        kind: kind.likely * 10 ** -rng.uniform(0.0, 2.0) for kind in among if rng.random() < _SHARE
    }
    return FaultPlan(rates=rates)
