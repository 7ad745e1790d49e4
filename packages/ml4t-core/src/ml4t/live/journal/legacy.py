"""The one-time import of ``.ml4t_risk_state.json``, in which ml4t-live kept its kill switch."""

import json
from pathlib import Path

from ml4t.core.risk import TradingState
from ml4t.live.events import CauseRaised
from ml4t.live.journal.entries import EventLog
from ml4t.live.journal.errors import JournalWriteError

__all__ = ["import_risk_state"]


def import_risk_state(journal: EventLog, path: Path) -> CauseRaised | None:
    """Journal a kill switch that is set in the file, and rename the file to ``*.imported``.

    A file that cannot be read counts as a kill switch that is set.

    Returns:
        What was journaled; None where there is no file or its kill switch is not set.

    Raises:
        JournalWriteError: the disk refused.
        JournalError: the journal refused.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        msg = f"{path} cannot be read, and it may hold a set kill switch: {error}"
        raise JournalWriteError(msg) from error
    reason = _kill_reason(content)
    cause = None
    if reason is not None:
        cause = CauseRaised(
            name="kill switch",
            state=TradingState.HALTED,
            reason=f"{reason} (imported from {path.name})",
            latched=True,
        )
        journal.append([cause])
    try:
        path.rename(path.with_name(f"{path.name}.imported"))
    except OSError as error:
        msg = f"{path} was imported and cannot be renamed: {error}"
        raise JournalWriteError(msg) from error
    return cause


def _kill_reason(content: bytes) -> str | None:
    """Why trading was killed; None where it was not."""
    try:
        state = json.loads(content)
    except ValueError:
        return "the state of the risk limits cannot be read"
    if not isinstance(state, dict):
        return "the state of the risk limits is not an object"
    if not state.get("kill_switch_active"):
        return None
    reason = state.get("kill_switch_reason")
    return str(reason) if reason else "kill switch set without a reason"
