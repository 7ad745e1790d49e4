"""Live bars: judged, gathered by instant and shown as the slices that a backtest shows."""

from ml4t.core.raw_bars import BarFault, RawBar, bar_or_fault
from ml4t.live.bars.aggregation import BarAggregator
from ml4t.live.bars.barrier import BarBarrier, Undelivered
from ml4t.live.bars.boundaries import BarGrid, read_bar_length
from ml4t.live.bars.conflation import BarQueue
from ml4t.live.bars.groups import BarGroup
from ml4t.live.bars.growing_panel import GrowingPanel
from ml4t.live.bars.quarantine import (
    Admitted,
    BarQuarantine,
    BarRules,
    Dropped,
    Fault,
    Quarantined,
)
from ml4t.live.bars.replay import ReplayFeed
from ml4t.live.bars.ticks import Tick

__all__ = [
    "Admitted",
    "BarAggregator",
    "BarBarrier",
    "BarFault",
    "BarGrid",
    "BarGroup",
    "BarQuarantine",
    "BarQueue",
    "BarRules",
    "Dropped",
    "Fault",
    "GrowingPanel",
    "Quarantined",
    "RawBar",
    "ReplayFeed",
    "Tick",
    "Undelivered",
    "bar_or_fault",
    "read_bar_length",
]
