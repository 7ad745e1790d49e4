"""The control socket: whatever is sent, the engine hears of known commands only."""

import asyncio
import json
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml4t.core import ConfigError, VenueUnavailableError
from ml4t.live.control import COMMANDS, ControlError, ControlLimits, ControlServer, ask


@attrs.frozen(kw_only=True)
class Report:
    """What a kill came to."""

    open_orders: int


class FakeEngine:
    """Writes down what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    def status(self) -> Mapping[str, object]:
        return {"state": "active", "positions": {"SPY": 10.0}}

    async def kill(self, reason: str, by: str) -> object:
        await self.gate.wait()
        self.asked.append(("kill", reason, by))
        return Report(open_orders=0)

    async def stop(self, reason: str) -> None:
        self.asked.append(("stop", reason))

    async def flatten(self, by: str) -> None:
        if self.fault is not None:
            raise self.fault
        self.asked.append(("flatten", by))

    def rearm(self, by: str, reason: str) -> None:
        self.asked.append(("rearm", by, reason))

    def adopt(self, by: str) -> str:
        self.asked.append(("adopt", by))
        return "SPY 10"


@pytest.fixture
def path() -> Iterator[Path]:
    """Where the socket will be."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "control.sock"


@pytest.fixture
async def engine(path: Path) -> AsyncIterator[FakeEngine]:
    """An engine that can be reached."""
    engine = FakeEngine()
    limits = ControlLimits(line=0.3, command=0.3)

    async with ControlServer(
        engine, path, snapshot=lambda copy: copy.write_text("journal"), limits=limits
    ):
        yield engine


async def asked(where: Path, command: str, **texts: str) -> object:
    """The answer to a command that is asked from another thread."""
    return await asyncio.to_thread(ask, where, command, texts, timeout=5.0)


def mode_of(path: Path) -> int:
    """Who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


def is_there(path: Path) -> bool:
    """Whether a file is there."""
    return path.exists()


async def raw(path: Path, content: bytes, *, end: bool = True) -> bytes:
    """What comes back for some bytes."""

    def send() -> bytes:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(5)
            caller.connect(str(path))
            caller.sendall(content)
            if end:
                caller.shutdown(socket.SHUT_WR)
            parts = []
            while part := caller.recv(65536):
                parts.append(part)
            return b"".join(parts)

    try:
        return await asyncio.to_thread(send)
    except (BrokenPipeError, ConnectionResetError):
        return b""


async def test_the_status_comes_back_in_plain_values(engine: FakeEngine, path: Path) -> None:
    assert {"state": "active", "positions": {"SPY": 10.0}} == await asked(path, "status")


@pytest.mark.parametrize(
    ("command", "texts", "call", "answer"),
    [
        ("kill", {"by": "ada", "reason": "odd"}, ("kill", "odd", "ada"), {"open_orders": 0}),
        ("stop", {"by": "ada", "reason": "odd"}, ("stop", "odd (by ada)"), None),
        ("flatten", {"by": "ada"}, ("flatten", "ada"), None),
        ("rearm", {"by": "ada", "reason": "fine"}, ("rearm", "ada", "fine"), None),
        ("adopt", {"by": "ada"}, ("adopt", "ada"), "SPY 10"),
    ],
)
async def test_a_command_reaches_the_engine_with_its_texts(
    engine: FakeEngine,
    path: Path,
    command: str,
    texts: dict[str, str],
    call: tuple[str, ...],
    answer: object,
) -> None:
    assert answer == await asked(path, command, **texts)
    assert [call] == engine.asked


async def test_the_socket_belongs_to_the_user_alone_and_goes_at_the_end(path: Path) -> None:
    async with ControlServer(FakeEngine(), path):
        assert 0o600 == mode_of(path)

    assert not is_there(path)


async def test_a_socket_left_by_a_dead_engine_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    async with ControlServer(FakeEngine(), path):
        assert isinstance(await asked(path, "status"), dict)


def test_a_file_in_the_place_of_the_socket_is_left_alone(path: Path) -> None:
    path.write_text("mine")

    with pytest.raises(ConfigError, match="cannot listen on"):
        asyncio.run(ControlServer(FakeEngine(), path).start())

    assert "mine" == path.read_text()


async def test_a_path_longer_than_a_socket_may_have_works(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()

    async with ControlServer(FakeEngine(), folder / "control.sock"):
        assert isinstance(await asked(folder / "control.sock", "status"), dict)


def test_where_no_engine_listens_the_caller_is_told(path: Path) -> None:
    with pytest.raises(ConnectionRefusedError, match="no engine listens"):
        ask(path, "status")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(ConnectionRefusedError, match="no engine listens"):
        ask(path, "status")


@pytest.mark.parametrize("reason", ["", "   ", "\n\t"])
async def test_to_rearm_takes_a_reason(engine: FakeEngine, path: Path, reason: str) -> None:
    with pytest.raises(ControlError, match="reason must be a text of 1 to 500 characters"):
        await asked(path, "rearm", by="ada", reason=reason)
    with pytest.raises(ControlError, match="rearm takes exactly by, reason"):
        await asked(path, "rearm", by="ada")

    assert [] == engine.asked


async def test_control_characters_are_not_passed_on(engine: FakeEngine, path: Path) -> None:
    await asked(path, "rearm", by="a\x1bda", reason="two\nlines")

    assert [("rearm", "a da", "two lines")] == engine.asked


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[]",
        b"null",
        b"status",
        b"\xff\xfe\x00",
        b'{"command": 3}',
        b'{"command": "run"}',
        b'{"command": "__class__"}',
        b'{"command": "status", "more": 1}',
        b'{"command": "kill", "by": "a", "reason": 3}',
        b'{"command": "kill", "by": null, "reason": "x"}',
        b'{"command": "kill", "by": ["a"], "reason": "x"}',
        b'{"command": "kill", "by": "' + b"a" * 501 + b'", "reason": "x"}',
        b'{"command": "snapshot", "path": "relative.db"}',
        b'{"command": "snapshot", "path": "/"}',
        b"[" * 4000,
        b"x" * 5000,
    ],
    ids=range(17),
)
async def test_wrong_input_is_answered_and_changes_nothing(
    engine: FakeEngine, path: Path, line: bytes
) -> None:
    answer = json.loads(await raw(path, line + b"\n"))

    assert answer["ok"] is False
    assert answer["error"]
    assert [] == engine.asked
    assert isinstance(await asked(path, "status"), dict)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_no_bytes_reach_the_engine_or_end_the_server(path: Path, content: bytes) -> None:
    async def attempt() -> None:
        engine = FakeEngine()
        async with ControlServer(engine, path, limits=ControlLimits(line=0.2)):
            await raw(path, content)
            assert isinstance(await asked(path, "status"), dict)
        assert [] == engine.asked

    asyncio.run(attempt())


async def test_who_says_nothing_is_hung_up_on(engine: FakeEngine, path: Path) -> None:
    assert b"" == await raw(path, b'{"command": ', end=False)


async def test_too_many_callers_are_turned_away(path: Path) -> None:
    async with ControlServer(FakeEngine(), path):
        writers = [(await asyncio.open_unix_connection(path))[1] for _ in range(8)]
        await asyncio.sleep(0.05)

        reader, writer = await asyncio.open_unix_connection(path)
        assert b"too many callers" in await reader.read()

        for each in (*writers, writer):
            each.close()
            await each.wait_closed()
        await asyncio.sleep(0.1)
        assert isinstance(await asked(path, "status"), dict)


async def test_at_the_end_whoever_is_connected_is_hung_up_on(path: Path) -> None:
    server = ControlServer(FakeEngine(), path)
    await server.start()
    reader, writer = await asyncio.open_unix_connection(path)
    await asyncio.sleep(0.05)

    await server.close()

    assert b"" == await reader.read()
    writer.close()
    await writer.wait_closed()


async def test_what_the_engine_refuses_is_told(engine: FakeEngine, path: Path) -> None:
    engine.fault = VenueUnavailableError("the venue is gone")

    with pytest.raises(ControlError, match="did not do flatten: the venue is gone"):
        await asked(path, "flatten", by="ada")


async def test_a_fault_in_the_engine_is_told_and_logged_and_ends_nothing(
    engine: FakeEngine, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine.fault = ZeroDivisionError("a secret detail")

    with pytest.raises(ControlError, match="the engine failed: ZeroDivisionError, see its log"):
        await asked(path, "flatten", by="ada")

    assert "a command of the control socket failed" in caplog.text
    assert isinstance(await asked(path, "status"), dict)


async def test_a_kill_that_takes_long_goes_on_without_its_caller(
    engine: FakeEngine, path: Path
) -> None:
    engine.gate.clear()

    with pytest.raises(ControlError, match=r"not done after 0\.3 s, it goes on"):
        await asked(path, "kill", by="ada", reason="odd")
    engine.gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert [("kill", "odd", "ada")] == engine.asked


async def test_an_engine_that_ends_answers_first(path: Path) -> None:
    engine = FakeEngine()
    engine.gate.clear()
    server = ControlServer(engine, path)
    await server.start()

    answer = asyncio.create_task(asked(path, "kill", by="ada", reason="odd"))
    await asyncio.sleep(0.1)
    closing = asyncio.create_task(server.close())
    await asyncio.sleep(0.05)
    engine.gate.set()
    await closing

    assert {"open_orders": 0} == await answer


async def test_closing_twice_is_closing_once(path: Path) -> None:
    server = ControlServer(FakeEngine(), path)
    await server.start()
    await server.close()
    await server.close()


async def test_the_journal_is_copied_where_nothing_is_yet(
    engine: FakeEngine, path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"

    assert str(copy) == await asked(path, "snapshot", path=str(copy))
    assert "journal" == copy.read_text()
    with pytest.raises(ControlError, match="where nothing is yet"):
        await asked(path, "snapshot", path=str(copy))


async def test_without_a_journal_there_is_nothing_to_copy(path: Path) -> None:
    async with ControlServer(FakeEngine(), path):
        with pytest.raises(ControlError, match="keeps no journal"):
            await asked(path, "snapshot", path="/nowhere/copy.db")


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"[]\n", b'{"ok": 0}\n', b"x" * 100])
async def test_an_answer_that_is_none_is_an_error(path: Path, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    with pytest.raises(ControlError, match="the engine did not"):
        await asked(path, "status")
    server.close()


def test_every_command_says_what_it_takes() -> None:
    assert {"status", "kill", "stop", "flatten", "adopt", "rearm", "snapshot"} == set(COMMANDS)
