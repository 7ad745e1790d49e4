"""How a running engine is spoken to: a socket in its state folder, one line of JSON each way.

Whoever can open the socket can stop trading, so its folder and itself belong to the user alone.
"""

import asyncio
import inspect
import json
import logging
import os
import re
import socket
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import attrs

from ml4t.core.errors import ConfigError, Ml4tError

__all__ = ["COMMANDS", "ControlError", "ControlLimits", "ControlServer", "Controllable", "ask"]

_log = logging.getLogger(__name__)

_LONGEST_LINE = 4096
_LONGEST_TEXT = 500
_LONGEST_ANSWER = 4_000_000
_MOST_CALLERS = 8
_LAST_ANSWERS = 1.0
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "status": (),
    "kill": ("by", "reason"),
    "stop": ("by", "reason"),
    "flatten": ("by",),
    "adopt": ("by",),
    "rearm": ("by", "reason"),
    "snapshot": ("path",),
}
"""What can be asked, with the texts that each needs, none of them empty."""


class ControlError(Ml4tError):
    """A running engine said no, or did not answer as an engine does."""


class Controllable(Protocol):
    """What the engine lets a person do to it while it runs."""

    def status(self) -> Mapping[str, object]:
        """How it stands, in plain values."""

    async def kill(self, reason: str, by: str) -> object:
        """Halt trading and cancel every order; returns when the venue shows none."""

    async def stop(self, reason: str) -> object:
        """End the run in order; working orders stay as the configuration says."""

    async def flatten(self, by: str) -> object:
        """Close every position."""

    def rearm(self, by: str, reason: str) -> object:
        """Take away what a person has to take away before trading goes on; may be awaitable."""

    def adopt(self, by: str) -> object:
        """Take over what the account holds and the journal does not know; may be awaitable."""


@attrs.frozen(kw_only=True)
class ControlLimits:
    """How long the server waits, in seconds.

    Attributes:
        line: for a caller to send a whole line.
        command: for the engine to do what it was asked.
    """

    line: float = 5.0
    command: float = 60.0


class ControlServer:
    """Hands what callers ask to the engine, and the engine's answer back.

    Whatever a caller sends, the engine hears of it only when it is a known command with the texts
    that it needs; everything else is answered with an error.

    Args:
        engine: what is asked.
        path: of the socket; one left over by an engine that died is replaced.
        snapshot: copies the journal to a path while the engine writes it.
        limits: how long it waits.

    >>> class Idle:
    ...     def status(self):
    ...         return {"state": "active"}
    >>> async def demo(path):
    ...     async with ControlServer(Idle(), path):
    ...         return await asyncio.to_thread(ask, path, "status")
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     asyncio.run(demo(Path(folder) / "control.sock"))
    {'state': 'active'}
    """

    def __init__(
        self,
        engine: Controllable,
        path: Path,
        *,
        snapshot: Callable[[Path], object] | None = None,
        limits: ControlLimits | None = None,
    ) -> None:
        self._engine = engine
        self._path = path
        self._snapshot = snapshot
        self._limits = limits or ControlLimits()
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None]] = set()
        self._working: set[asyncio.Task[object]] = set()

    async def __aenter__(self) -> "ControlServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Listen from now on.

        Raises:
            ConfigError: the socket cannot be made there.
        """
        listener = _listen(self._path)
        self._server = await asyncio.start_unix_server(
            self._serve, sock=listener, limit=_LONGEST_LINE
        )

    async def close(self) -> None:
        """Listen no more; what is being done is answered if that takes no longer than a second."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        with suppress(FileNotFoundError):
            self._path.unlink()
        if self._answering:
            await asyncio.wait(set(self._answering), timeout=_LAST_ANSWERS)
        for writer in tuple(self._callers):
            # Whoever waits for a line there meets its end.
            writer.close()
        if self._serving:
            await asyncio.wait(set(self._serving), timeout=_LAST_ANSWERS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers.add(writer)
        if (task := asyncio.current_task()) is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        try:
            if len(self._callers) > _MOST_CALLERS:
                await _send(writer, {"ok": False, "error": "too many callers, try again"})
                return
            while (line := await self._line(reader)) is not None:
                answering = asyncio.ensure_future(self._reply(line, writer))
                self._answering.add(answering)
                answering.add_done_callback(self._answering.discard)
                await answering
        except (ConnectionError, ControlError) as error:
            with suppress(ConnectionError):
                await _send(writer, {"ok": False, "error": str(error)})
        finally:
            self._callers.discard(writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _reply(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        await _send(writer, await self._answer(line))

    async def _line(self, reader: asyncio.StreamReader) -> bytes | None:
        """The next line; None where the caller has nothing more to say."""
        try:
            async with asyncio.timeout(self._limits.line):
                line = await reader.readline()
        except TimeoutError:
            return None
        except ValueError as error:
            msg = f"a request must be one line of at most {_LONGEST_LINE} bytes"
            raise ControlError(msg) from error
        return line if line.strip() else None

    async def _answer(self, line: bytes) -> dict[str, object]:
        try:
            command, texts = _read(line)
        except ControlError as error:
            return {"ok": False, "error": str(error)}
        # A task of its own: a caller who no longer waits must not undo half of a kill.
        work = asyncio.ensure_future(self._do(command, texts))
        self._working.add(work)
        work.add_done_callback(self._done)
        await asyncio.wait({work}, timeout=self._limits.command)
        if not work.done():
            waited = self._limits.command
            return {"ok": False, "error": f"not done after {waited:g} s, it goes on: see status"}
        if work.cancelled():
            return {"ok": False, "error": "the engine ended meanwhile"}
        fault = work.exception()
        if isinstance(fault, Ml4tError):
            return {"ok": False, "error": str(fault)}
        if fault is not None:
            return {"ok": False, "error": f"the engine failed: {type(fault).__name__}, see its log"}
        return {"ok": True, "result": work.result()}

    def _done(self, work: "asyncio.Task[object]") -> None:
        self._working.discard(work)
        fault = None if work.cancelled() else work.exception()
        if fault is not None and not isinstance(fault, Ml4tError):
            _log.error("a command of the control socket failed", exc_info=fault)

    async def _do(self, command: str, texts: Mapping[str, str]) -> object:
        engine = self._engine
        if command == "snapshot":
            return await self._copy_journal(Path(texts["path"]))
        if command == "status":
            return dict(engine.status())
        _log.warning("asked to %s", command, extra={"command": command, **texts})
        calls: dict[str, Callable[[], object]] = {
            "kill": lambda: engine.kill(texts["reason"], texts["by"]),
            "stop": lambda: engine.stop(f"{texts['reason']} (by {texts['by']})"),
            "flatten": lambda: engine.flatten(texts["by"]),
            "adopt": lambda: engine.adopt(texts["by"]),
            "rearm": lambda: engine.rearm(texts["by"], texts["reason"]),
        }
        return await _finished(calls[command]())

    async def _copy_journal(self, path: Path) -> object:
        if self._snapshot is None:
            msg = "this engine keeps no journal that could be copied"
            raise ControlError(msg)
        await asyncio.to_thread(_copy, self._snapshot, path)
        return str(path)


def _copy(snapshot: Callable[[Path], object], path: Path) -> None:
    if not path.is_absolute() or path.exists():
        msg = f"a snapshot needs an absolute path where nothing is yet, was {str(path)!r}"
        raise ControlError(msg)
    snapshot(path)


async def _finished(result: object) -> object:
    done = await result if inspect.isawaitable(result) else result
    # Reports are values of attrs; whoever asked has plain ones only.
    return attrs.asdict(done) if attrs.has(type(done)) else done  # type: ignore[arg-type]


def _read(line: bytes) -> tuple[str, dict[str, str]]:
    """The command and its texts, or a ControlError that says what is wrong with the line."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict) or not isinstance(request.get("command"), str):
        msg = 'a request must be a line of JSON, such as {"command": "status"}'
        raise ControlError(msg)
    command = request.pop("command")
    if command not in COMMANDS:
        msg = f"there is no command {command[:40]!r}; there are {', '.join(COMMANDS)}"
        raise ControlError(msg)
    needed = COMMANDS[command]
    if set(request) != set(needed):
        msg = f"{command} takes exactly {', '.join(needed) or 'nothing more'}"
        raise ControlError(msg)
    for name in needed:
        text = request[name]
        if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST_TEXT:
            msg = f"{name} must be a text of 1 to {_LONGEST_TEXT} characters"
            raise ControlError(msg)
        # Journals and terminals show it later.
        request[name] = _UNPRINTABLE.sub(" ", text).strip()
    return command, request


async def _send(writer: asyncio.StreamWriter, answer: Mapping[str, object]) -> None:
    writer.write(json.dumps(answer, default=str).encode() + b"\n")
    await writer.drain()


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(FileNotFoundError):
            if stat.S_ISSOCK(path.stat().st_mode):
                # Its engine died: the lock of the state folder was free.
                path.unlink()
        # Before it has a name, so that there is no moment at which others could open it.
        os.fchmod(listener.fileno(), 0o600)
        with _short(path) as name:
            listener.bind(name)
        path.chmod(0o600)
    except OSError as error:
        listener.close()
        msg = f"cannot listen on {path}: {error.strerror or error}"
        raise ConfigError(msg) from error
    return listener


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name of the socket that fits into the hundred bytes which the system has for it."""
    if not sys.platform.startswith("linux"):
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def ask(
    path: Path, command: str, texts: Mapping[str, str] | None = None, *, timeout: float = 65.0
) -> object:
    """Ask a running engine, and wait for its answer.

    Args:
        path: of the socket.
        command: one of :data:`COMMANDS`.
        texts: what the command needs.
        timeout: how long to wait, in seconds.

    Returns:
        The engine's answer in plain values.

    Raises:
        ConnectionRefusedError: no engine listens there.
        ControlError: the engine said no, or did not answer in time.
    """
    line = json.dumps({"command": command, **(texts or {})}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(timeout)
        try:
            with _short(path) as name:
                caller.connect(name)
        except OSError as error:
            msg = f"no engine listens on {path}"
            raise ConnectionRefusedError(msg) from error
        try:
            caller.sendall(line)
            answer = json.loads(_received(caller))
        except (OSError, ValueError) as error:
            msg = f"the engine did not answer {command}: {error}"
            raise ControlError(msg) from error
    if not isinstance(answer, dict) or not answer.get("ok"):
        said = answer.get("error") if isinstance(answer, dict) else None
        msg = f"the engine did not do {command}: {said or 'no reason given'}"
        raise ControlError(msg)
    return answer.get("result")


def _received(caller: socket.socket) -> bytes:
    """One line, without its end."""
    parts: list[bytes] = []
    while not (parts and parts[-1].endswith(b"\n")):
        part = caller.recv(65_536)
        if not part or sum(map(len, parts)) > _LONGEST_ANSWER:
            msg = "the connection was closed" if not part else "the answer is too long"
            raise ConnectionError(msg)
        parts.append(part)
    return b"".join(parts)
