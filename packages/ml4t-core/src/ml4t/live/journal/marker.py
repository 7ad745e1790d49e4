"""A second, tiny file that says how far the journal had come.

SQLite takes the end of a damaged write-ahead log for the end of the data, and an absent or empty
file for a new database. The marker tells both from the truth. It is overwritten in place after each
commit and not synced: it may be older than the journal after a loss of power, but never newer.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

__all__ = ["Mark", "Marker", "marker_path", "read_mark", "sync_directory"]

_SIZE = 128
_FIELDS = 3
_HASH_DIGITS = 64


@attrs.frozen
class Mark:
    """How far a journal had come.

    Attributes:
        epoch: the epoch of the engine that wrote it; 0 where the marker cannot be read.
        seq: the number of its last row then; 0 where the marker cannot be read.
        head: the hash of that row.
    """

    epoch: int = 0
    seq: int = 0
    head: str = ""


def marker_path(journal: Path) -> Path:
    """Where the marker of a journal is."""
    return journal.with_name(f"{journal.name}.marker")


def read_mark(journal: Path) -> Mark | None:
    """What the marker says; None where there never was a journal.

    A marker that cannot be read still says that there was one.
    """
    try:
        text = marker_path(journal).read_bytes().decode("ascii", "replace")
    except FileNotFoundError:
        return None
    words = text.split()
    if len(words) != _FIELDS or len(words[2]) != _HASH_DIGITS:
        return Mark()
    try:
        return Mark(int(words[0]), int(words[1]), bytes.fromhex(words[2]).hex())
    except ValueError:
        return Mark()


class Marker:
    """The marker of an open journal.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, journal: Path) -> None:
        self._file = os.open(marker_path(journal), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, mark: Mark) -> None:
        """Say how far the journal has come.

        Raises:
            OSError: the disk refused.
        """
        text = f"{mark.epoch} {mark.seq} {mark.head}".ljust(_SIZE - 1) + "\n"
        os.pwrite(self._file, text.encode(), 0)

    def sync(self) -> None:
        """Wait until what was written is durable.

        Raises:
            OSError: the disk refused.
        """
        os.fsync(self._file)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def sync_directory(path: Path) -> None:
    """Wait until the names of the files in a directory are durable.

    Raises:
        OSError: the disk refused.
    """
    with _opened(path) as directory:
        os.fsync(directory)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield directory
    finally:
        os.close(directory)
