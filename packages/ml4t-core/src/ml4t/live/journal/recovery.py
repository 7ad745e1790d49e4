"""What to do about a journal that cannot be trusted: set it aside, and begin anew."""

from pathlib import Path

from ml4t.core.risk import TradingState
from ml4t.live.clock import Clock
from ml4t.live.events import BalanceAdopted, CauseRaised
from ml4t.live.failpoints import failpoint
from ml4t.live.journal.chain import Verification
from ml4t.live.journal.entries import JournalOwner
from ml4t.live.journal.errors import JournalError, JournalWriteError
from ml4t.live.journal.inspection import verify
from ml4t.live.journal.marker import Mark, marker_path, read_mark, sync_directory
from ml4t.live.journal.store import Journal

__all__ = ["quarantine", "rebuild"]

_COMPANIONS = ("-wal", "-shm", "-journal")


def quarantine(path: Path, clock: Clock) -> Path | None:
    """Rename a journal that cannot be trusted to ``*.corrupt-<time>``, and give its new path.

    None where there is no file. The marker stays, so that the journal is missing and not new.

    Raises:
        JournalWriteError: the disk refused.
    """
    suffix = f".corrupt-{clock.now():%Y%m%dT%H%M%S%f}"
    aside = path.with_name(path.name + suffix)
    had_one = path.exists()
    try:
        # Whoever opens the renamed file finds its write-ahead log beside it.
        for companion in _COMPANIONS:
            beside = path.with_name(path.name + companion)
            if beside.exists():
                beside.rename(aside.with_name(aside.name + companion))
        marker_path(path).touch(mode=0o600)
        failpoint("journal.quarantining")
        if had_one:
            path.rename(aside)
        sync_directory(path.parent)
    except OSError as error:
        msg = f"the journal {path} cannot be set aside: {error}"
        raise JournalWriteError(msg) from error
    failpoint("journal.quarantined")
    return aside if had_one else None


def rebuild(path: Path, owner: JournalOwner, clock: Clock, balance: BalanceAdopted) -> Verification:
    """Make a journal that begins with what the venue says the account holds.

    Call it when a person has confirmed the account. Trading stays halted until a person re-arms,
    since nobody knows what had halted it before.

    Args:
        path: the file, which is not there.
        owner: whose it is.
        clock: tells when.
        balance: what the venue says.

    Raises:
        JournalError: there is a journal; set it aside first.
        JournalWriteError: the disk refused.
    """
    if path.exists():
        msg = f"there is a journal at {path}: set it aside before it is rebuilt"
        raise JournalError(msg)
    old = read_mark(path) or Mark()
    draft = path.with_name(f"{path.name}.rebuilding")
    try:
        _remove(draft)
        journal = Journal.open(draft, owner, clock, least_epoch=old.epoch)
        journal.append([balance, _halt(balance)])
        journal.close()
        failpoint("journal.rebuilding")
        # Between these two the marker contradicts the journal, and rebuilding starts over.
        draft.rename(path)
        failpoint("journal.rebuilt")
        marker_path(draft).replace(marker_path(path))
        sync_directory(path.parent)
    except OSError as error:
        msg = f"the journal {path} cannot be rebuilt: {error}"
        raise JournalWriteError(msg) from error
    return verify(path)


def _halt(balance: BalanceAdopted) -> CauseRaised:
    reason = f"the journal was rebuilt from the venue ({balance.by}); look at it, then re-arm"
    return CauseRaised(name="rebuilt", state=TradingState.HALTED, reason=reason, latched=True)


def _remove(draft: Path) -> None:
    for companion in ("", *_COMPANIONS):
        draft.with_name(draft.name + companion).unlink(missing_ok=True)
    marker_path(draft).unlink(missing_ok=True)
