"""Recordings of live runs: made while a strategy runs, and gone through afterwards."""

from ml4t.live.recording.decisions import DecisionCheck, Difference, check_decisions
from ml4t.live.recording.reading import RecordedCall, RecordedCallback, Recording
from ml4t.live.recording.recorder import Recorder, RunFacts
from ml4t.live.recording.sessions import calendar_name, calendar_of
from ml4t.live.recording.shortfall import (
    Execution,
    OrderShortfall,
    ShortfallReport,
    compare_fills,
    shortfall_of,
)
from ml4t.live.recording.simulated import Simulated, simulate

__all__ = [
    "DecisionCheck",
    "Difference",
    "Execution",
    "OrderShortfall",
    "RecordedCall",
    "RecordedCallback",
    "Recorder",
    "Recording",
    "RunFacts",
    "ShortfallReport",
    "Simulated",
    "calendar_name",
    "calendar_of",
    "check_decisions",
    "compare_fills",
    "shortfall_of",
    "simulate",
]
