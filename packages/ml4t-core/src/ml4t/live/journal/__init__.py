"""The journal: everything that changed the state of a live run, durable before it takes effect."""

from ml4t.live.journal.chain import Verification
from ml4t.live.journal.disk import SOUND_DISK, Disk
from ml4t.live.journal.entries import Entry, EventLog, JournalOwner
from ml4t.live.journal.errors import (
    JournalDamagedError,
    JournalInUseError,
    JournalTooNewError,
    JournalWriteError,
)
from ml4t.live.journal.export import export_jsonl
from ml4t.live.journal.identity import OrderId, Origin, mint, origin_of, read_order_id
from ml4t.live.journal.inspection import verify
from ml4t.live.journal.legacy import import_risk_state
from ml4t.live.journal.memory import MemoryJournal
from ml4t.live.journal.recovery import quarantine, rebuild
from ml4t.live.journal.state_directory import EngineLock, StateDirectory
from ml4t.live.journal.store import Journal

__all__ = [
    "SOUND_DISK",
    "Disk",
    "EngineLock",
    "Entry",
    "EventLog",
    "Journal",
    "JournalDamagedError",
    "JournalInUseError",
    "JournalOwner",
    "JournalTooNewError",
    "JournalWriteError",
    "MemoryJournal",
    "OrderId",
    "Origin",
    "StateDirectory",
    "Verification",
    "export_jsonl",
    "import_risk_state",
    "mint",
    "origin_of",
    "quarantine",
    "read_order_id",
    "rebuild",
    "verify",
]
