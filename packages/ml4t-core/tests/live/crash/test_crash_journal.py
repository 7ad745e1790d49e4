"""F46 and the failpoints of migration and recovery: a journal that cannot be trusted."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ml4t.core.risk import TradingState
from ml4t.live.clock import SystemClock
from ml4t.live.events import CauseRaised
from ml4t.live.journal import Journal, JournalDamagedError, StateDirectory, verify
from ml4t.live.testing.crash_child import OWNER, REFUSED
from ml4t.live.testing.crash_market import CrashMarket
from ml4t.live.testing.crash_process import ChildProcess

Starter = Callable[..., Awaitable[ChildProcess]]


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = content.rindex(b"EngineStarted") if b"EngineStarted" in content else len(content) // 2
    content[place + 40] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def make_newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize(
    ("damage", "refusal", "is_set_aside"),
    [
        (truncate, "JournalDamagedError", True),
        (flip_a_bit, "JournalDamagedError", True),
        (empty, "JournalDamagedError", True),
        (remove, "JournalDamagedError", False),
        (make_newer, "JournalTooNewError", False),
    ],
)
async def test_f46_a_damaged_journal_never_lets_an_engine_begin_anew(
    market: CrashMarket,
    start: Starter,
    tmp_path: Path,
    damage: Callable[[Path], None],
    refusal: str,
    is_set_aside: bool,
) -> None:
    child = await start()
    assert await child.said("state", "started", 10)
    while not market.own_orders:
        await child.said("order", "", 0.05)
    child.tell("stop")
    assert 0 == await child.end()
    journal = StateDirectory(tmp_path / "state").journal
    damage(journal)
    before = len(market.own_orders)
    # The second time the file may be gone: that is not a beginning either.
    for _ in range(2):
        child = await start()
        assert REFUSED == await child.end()
        (said,) = (message for message in child.messages if "refused" in message)
        assert refusal == said["refused"]
    assert before == len(market.own_orders)
    assert is_set_aside == bool(list(journal.parent.glob("journal.db.corrupt-*")))


PREAMBLE = """
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from ml4t.live.clock import SystemClock
    from ml4t.live.events import BalanceAdopted
    from ml4t.live.journal import Journal, quarantine, rebuild, schema
    from ml4t.live.testing.crash_child import OWNER
    path, clock = Path(sys.argv[1]), SystemClock()
"""
MIGRATE = """
    schema.STEPS = (*schema.STEPS, ("CREATE TABLE later (k TEXT) STRICT",))
    journal = Journal.open(path, OWNER, clock)
    print(journal.rows)
"""
RECOVER = """
    quarantine(path, clock)
    balance = BalanceAdopted(cash=5.0, positions={}, by="test", since=datetime.now(UTC))
    rebuild(path, OWNER, clock, balance)
"""


def run(program: str, path: Path, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    code = textwrap.dedent(PREAMBLE) + textwrap.dedent(program)
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, str(path)],
        capture_output=True, text=True, check=False, timeout=30,
        env=dict(os.environ) | {"ML4T_FAILPOINT": failpoint},
    )  # fmt: skip


def make(path: Path) -> int:
    journal = Journal.open(path, OWNER, SystemClock())
    for number in range(20):
        cause = CauseRaised(name=str(number), state=TradingState.HALTED, reason="", latched=False)
        journal.append([cause])
    journal.close()
    return 20


@pytest.mark.parametrize("place", ["journal.backed_up", "journal.migrating", "journal.migrated"])
def test_f43_a_kill_while_the_journal_is_migrated_loses_nothing(tmp_path: Path, place: str) -> None:
    path = tmp_path / "journal.db"
    rows = make(path)
    deaths = [run(MIGRATE, path, place).returncode]
    if place != "journal.migrated":
        deaths.append(run(MIGRATE, path, place).returncode)
    assert {-signal.SIGKILL} == set(deaths)
    assert f"{rows}\n" == run(MIGRATE, path).stdout


@pytest.mark.parametrize(
    "place",
    ["journal.quarantining", "journal.quarantined", "journal.rebuilding", "journal.rebuilt"],
)
@pytest.mark.parametrize("times", [1, 2])
def test_f43_a_kill_while_the_journal_is_recovered_never_leaves_a_fresh_one(
    tmp_path: Path, place: str, times: int
) -> None:
    """It is missing, or it is the new one, which is halted."""
    path = tmp_path / "journal.db"
    make(path)
    truncate(path)
    for _ in range(times):
        found = run(RECOVER, path, place)
        assert -signal.SIGKILL == found.returncode, found.stderr
        with pytest.raises(JournalDamagedError):
            Journal.open(path, OWNER, SystemClock()).close()
    assert 0 == run(RECOVER, path).returncode
    assert verify(path).is_sound
    journal = Journal.open(path, OWNER, SystemClock())
    causes = [e.event for e in journal.entries() if isinstance(e.event, CauseRaised)]
    journal.close()
    assert ["rebuilt"] == [cause.name for cause in causes]
