"""The directory in which one engine keeps what must outlive it, and its lock."""

import fcntl
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from ml4t.live.failpoints import failpoint
from ml4t.live.journal.errors import JournalInUseError, JournalWriteError

__all__ = ["EngineLock", "StateDirectory"]

_PRIVATE = 0o700
_PID_SIZE = 64


class EngineLock:
    """The right of one process to trade an account, until it is released or the process ends.

    ``StateDirectory.lock()`` makes it.
    """

    def __init__(self, file: int) -> None:
        self._file: int | None = file

    def release(self) -> None:
        """Let the next engine in. A second call does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> "EngineLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class StateDirectory:
    """The files of one engine; made where there is none, for nobody else to read.

    Args:
        path: the directory.

    Raises:
        JournalWriteError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        except OSError as error:
            msg = f"the state directory {path} cannot be made: {error}"
            raise JournalWriteError(msg) from error

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / "journal.db"

    @property
    def kill(self) -> Path:
        """The file whose existence stops all trading."""
        return self.path / "KILL"

    @property
    def socket(self) -> Path:
        """The socket through which a person controls the engine."""
        return self.path / "control.sock"

    @property
    def status(self) -> Path:
        """What the engine last said of itself."""
        return self.path / "status.json"

    @property
    def legacy_risk_state(self) -> Path:
        """What ml4t-live left behind, if it ran here."""
        return self.path / ".ml4t_risk_state.json"

    def lock(self, account_id: str) -> EngineLock:
        """Take the right to trade an account, or refuse.

        Raises:
            JournalInUseError: another process has it; the message names the process.
            JournalWriteError: the lock's file cannot be opened.
        """
        file = self._opened(account_id)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            os.pwrite(file, str(os.getpid()).encode(), 0)
        except BlockingIOError as error:
            pid = _pid_in(file) or "of unknown number"
            os.close(file)
            msg = (
                f"another engine, process {pid}, trades account {account_id} in {self.path}: "
                "stop it first"
            )
            raise JournalInUseError(msg) from error
        except OSError as error:
            os.close(file)
            msg = f"account {account_id} cannot be locked in {self.path}: {error}"
            raise JournalWriteError(msg) from error
        failpoint("state.locked")
        return EngineLock(file)

    def holder(self, account_id: str) -> int | None:
        """The process that trades an account; None where none does or its number is not known.

        Raises:
            JournalWriteError: the lock's file cannot be opened.
        """
        file = self._opened(account_id)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _pid_in(file)
        finally:
            os.close(file)
        return None

    def _opened(self, account_id: str) -> int:
        path = self.path / f"{_file_name(account_id)}.lock"
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            msg = f"the lock {path} cannot be opened: {error}"
            raise JournalWriteError(msg) from error


def _file_name(account_id: str) -> str:
    """The account's id, or a stand-in where it could not be the name of a file."""
    if account_id.isascii() and account_id.replace("-", "").isalnum():
        return account_id
    return hashlib.sha256(account_id.encode()).hexdigest()[:16]


def _pid_in(file: int) -> int | None:
    with suppress(OSError, ValueError):
        return int(os.pread(file, _PID_SIZE, 0))
    return None
