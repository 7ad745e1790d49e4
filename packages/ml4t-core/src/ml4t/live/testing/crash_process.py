"""A process that runs an engine, as the test that kills it sees it."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import TypeAlias

import attrs

from ml4t.live.testing.crash_child import ChildSettings

__all__ = ["ChildProcess", "Message"]

Message: TypeAlias = dict[str, object]
"""A line that a process said."""

_LARGEST = 2**26
_PROGRAM = "ml4t.live.testing.crash_child"


class ChildProcess:
    """One engine in a process of its own; :meth:`start` makes it.

    Attributes:
        messages: everything that it has said, in order.
    """

    def __init__(self, process: Process) -> None:
        self.messages: list[Message] = []
        self._process = process
        self._news = asyncio.Condition()
        self._is_over = False
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def start(
        cls, settings: ChildSettings, errors: Path, failpoint: str = ""
    ) -> "ChildProcess":
        """Start an engine.

        Args:
            settings: what it is told.
            errors: a file for its standard error.
            failpoint: where it is killed, as ``name:count``; "" for nowhere.
        """
        environment = dict(os.environ) | {"ML4T_FAILPOINT": failpoint}
        with errors.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                _PROGRAM,
                json.dumps(attrs.asdict(settings)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=file,
                env=environment,
                limit=_LARGEST,
            )
        return cls(process)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_over(self) -> bool:
        """Whether it has ended and everything that it said was read."""
        return self._is_over

    @property
    def was_killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self._process.returncode == -signal.SIGKILL

    def tell(self, words: str) -> None:
        """Tell it something; nothing happens where it has ended."""
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(f"{words}\n".encode())

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens where it has ended."""
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def end(self, within: float = 10.0) -> int | None:
        """Wait until it has ended, and give its exit status; None where it does not end in time."""
        try:
            async with asyncio.timeout(within):
                await asyncio.shield(self._reading)
                return await self._process.wait()
        except TimeoutError:
            return None

    async def kill(self) -> None:
        """End it with SIGKILL, and read what it said before."""
        self.send(signal.SIGKILL)
        await self._reading
        await self._process.wait()

    async def said(self, key: str, value: object, within: float, since: int = 0) -> Message | None:
        """The first message, from the ``since``-th on, in which ``key`` is ``value``.

        Waits for it; None where the process ends first, or the time is over.
        """
        try:
            async with asyncio.timeout(within), self._news:
                while True:
                    for message in self.messages[since:]:
                        if message.get(key) == value:
                            return message
                    if self._is_over:
                        return None
                    await self._news.wait()
        except TimeoutError:
            return None

    async def ask(self, words: str, answer: str, within: float = 10.0) -> Message | None:
        """Tell it something, and give the report of its state that comes after it."""
        count = len(self.messages)
        self.tell(words)
        return await self.said("state", answer, within, count)

    async def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None  # noqa: S101 - it was asked for
        try:
            while line := await stream.readline():
                if not line.endswith(b"\n"):
                    # A kill in the middle of a line: nobody was told.
                    break
                self.messages.append(json.loads(line))
                await self._wake()
        finally:
            self._is_over = True
            await self._wake()

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()
