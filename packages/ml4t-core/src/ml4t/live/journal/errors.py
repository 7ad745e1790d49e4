"""The causes of a journal error that a caller can act on.

::

    JournalError                the events cannot be journaled; nothing was written
    ├── JournalDamagedError     the file cannot be trusted, or is gone
    ├── JournalTooNewError      a newer version of ml4t-core wrote it
    ├── JournalInUseError       another engine holds it
    └── JournalWriteError       the disk refused; nothing was written
"""

from ml4t.core.errors import JournalError

__all__ = [
    "JournalDamagedError",
    "JournalError",
    "JournalInUseError",
    "JournalTooNewError",
    "JournalWriteError",
]


class JournalDamagedError(JournalError):
    """The file was changed, cut short or removed since the engine wrote it.

    Nothing may be traded on it. Set it aside with ``quarantine()`` and rebuild from the venue.
    """


class JournalTooNewError(JournalError):
    """A newer version of ml4t-core wrote the journal; going back would lose what it knows."""


class JournalInUseError(JournalError):
    """Another engine works on the same account; the message names its process."""


class JournalWriteError(JournalError):
    """The disk refused a write.

    None of the events is in the journal, and it takes no more before ``probe()`` has succeeded.
    """
