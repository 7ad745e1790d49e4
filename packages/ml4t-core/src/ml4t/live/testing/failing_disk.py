"""A disk that refuses what a journal writes, when a test wants it to."""

import sqlite3

from ml4t.live.clock import Clock

__all__ = ["FailingDisk"]


class FailingDisk:
    """A disk that a test makes fail; a seam of the journal.

    Attributes:
        failures: how many steps failed.
        writes: how many transactions were begun.
    """

    def __init__(self, clock: Clock) -> None:
        self.failures = 0
        self.writes = 0
        self._clock = clock
        self._fails_until = -1.0
        self._countdown = 0
        self._seconds = 0.0

    def fail(self, seconds: float, *, after: int = 0) -> None:
        """Refuse everything for a while.

        Args:
            seconds: how long.
            after: how many transactions succeed before.
        """
        self._countdown, self._seconds = after, seconds
        if not after:
            self._fails_until = self._clock.monotonic() + seconds

    def heal(self) -> None:
        """Take everything again."""
        self._countdown, self._fails_until = 0, -1.0

    def reached(self, step: str) -> None:
        """Fail where it is time to."""
        if step == "begin":
            self.writes += 1
            if self._countdown:
                self._countdown -= 1
                if not self._countdown:
                    self._fails_until = self._clock.monotonic() + self._seconds
        if self._clock.monotonic() < self._fails_until:
            self.failures += 1
            msg = "database or disk is full"
            raise sqlite3.OperationalError(msg)
