"""The seam at which a test makes the disk fail or wait."""

from typing import Protocol

import attrs

__all__ = ["SOUND_DISK", "Disk", "SoundDisk"]


class Disk(Protocol):
    """What a journal tells before each step that needs the disk."""

    def reached(self, step: str) -> None:
        """A step is about to be taken; an ``OSError`` from here is what the disk answers.

        Args:
            step: "begin", "insert", "project", "commit", "marker" or "heartbeat".
        """


@attrs.frozen
class SoundDisk:
    """The disk that there is: only the operating system makes it fail."""

    def reached(self, step: str) -> None:
        """Nothing happens."""


SOUND_DISK = SoundDisk()
