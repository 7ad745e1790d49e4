"""Engines that are killed, and engines that start while another runs."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import IO

import pytest

from ml4t.live.clock import Clock
from ml4t.live.events import FillBooked, IntentRecorded, JournalEvent
from ml4t.live.journal import (
    Journal,
    JournalInUseError,
    JournalOwner,
    StateDirectory,
    read_order_id,
    verify,
)

ENGINE = """
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from ml4t.core import Fill, Order, OrderRequest, OrderSide, OrderStatus
    from ml4t.core.venue_events import Environment
    from ml4t.live.clock import SystemClock
    from ml4t.live.events import FillBooked, IntentRecorded
    from ml4t.live.journal import Journal, JournalOwner

    owner = JournalOwner(
        account_id="DU123", environment=Environment.PAPER, broker="ib", app_version="1.0"
    )
    now = datetime.now(UTC)
    request = OrderRequest.of("SPY", 1)
    while True:
        journal = Journal.open(Path(sys.argv[1]), owner, SystemClock())
        for _ in range(int(sys.argv[2])):
            name = journal.next_order_id()
            order = Order(name, request, OrderStatus.PENDING, now, now)
            fill = Fill(name, name, "SPY", OrderSide.BUY, 0.1, 100.0, now)
            journal.append([
                IntentRecorded(orders=(order,), strategy="s"),
                FillBooked(fill=fill, evidence="event"),
            ])
            print(name, flush=True)
        journal.close()
"""


def start(path: Path, appends: int, failpoint: str = "") -> subprocess.Popen[str]:
    environment = dict(os.environ) | {"ML4T_FAILPOINT": failpoint}
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", textwrap.dedent(ENGINE), str(path), str(appends)],
        stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def output_of(child: subprocess.Popen[str]) -> IO[str]:
    assert child.stdout is not None
    return child.stdout


def intended(event: JournalEvent) -> str:
    assert isinstance(event, IntentRecorded)
    return event.orders[0].id


def filled(event: JournalEvent) -> str:
    assert isinstance(event, FillBooked)
    return event.fill.id


def epoch_of(order_id: str) -> int:
    parts = read_order_id(order_id)
    assert parts is not None
    return parts.epoch


def check(path: Path, owner: JournalOwner, clock: Clock, acknowledged: list[str]) -> None:
    """Nothing acknowledged is lost, at most one append more is there, and it is whole."""
    found = verify(path)
    if not acknowledged and not found.is_sound:
        assert "there is no journal" in found.reason
        return
    assert found.is_sound, found.reason
    journal = Journal.open(path, owner, clock)
    events = [entry.event for entry in journal.entries()]
    journal.close()
    orders = [intended(event) for event in events[::2]]
    assert acknowledged == orders[: len(acknowledged)]
    assert orders == [filled(event) for event in events[1::2]]


def test_a_kill_at_any_time_loses_nothing_that_was_acknowledged(
    path: Path, owner: JournalOwner, clock: Clock
) -> None:
    """40 engines, one after the other on the same journal, each killed at a random moment."""
    dice = random.Random(43)  # noqa: S311
    acknowledged: list[str] = []
    extra = 0
    for _ in range(40):
        with start(path, 1_000_000) as child:
            acknowledged += [output_of(child).readline().strip() for _ in range(dice.randrange(8))]
            time.sleep(dice.random() * 0.003)
            child.kill()
            acknowledged += output_of(child).read().split()
        rows = verify(path).rows if path.exists() else 0
        # What was committed and not acknowledged: at most one append for each kill.
        assert rows // 2 - len(acknowledged) in {extra, extra + 1}
        if rows // 2 - len(acknowledged) > extra:
            extra += 1
    assert len(acknowledged) == len(set(acknowledged))
    journal = Journal.open(path, owner, clock)
    kept = {e.event.orders[0].id for e in journal.entries() if hasattr(e.event, "orders")}
    assert set(acknowledged) <= kept
    assert len({epoch_of(order_id) for order_id in kept}) > 20
    journal.close()


@pytest.mark.parametrize(
    "failpoint",
    [
        "journal.inspected",
        "journal.creating",
        "journal.created",
        "journal.epoch",
        "journal.opened",
        "journal.begin:2",
        "journal.inserted",
        "journal.projected:3",
        "journal.before_commit",
        "journal.committed:2",
        "journal.marked:2",
        "journal.closed",
        "journal.inspected:2",
        "journal.epoch:2",
        "journal.opened:2",
    ],
)
def test_a_kill_at_any_place_loses_nothing_that_was_acknowledged(
    path: Path, owner: JournalOwner, clock: Clock, failpoint: str
) -> None:
    with start(path, 3, failpoint) as child:
        acknowledged = output_of(child).read().split()
    assert -signal.SIGKILL == child.returncode
    check(path, owner, clock, acknowledged)


def test_a_second_engine_in_another_process_is_refused(
    path: Path, owner: JournalOwner, clock: Clock
) -> None:
    with start(path, 1_000_000) as child:
        output_of(child).readline()
        try:
            with pytest.raises(JournalInUseError, match="another engine has the journal"):
                Journal.open(path, owner, clock)
            with pytest.raises(JournalInUseError):
                verify(path)
        finally:
            child.kill()


HOLDER = """
    import sys
    from pathlib import Path
    from ml4t.live.journal import StateDirectory

    lock = StateDirectory(Path(sys.argv[1])).lock("DU123")
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_lock_names_its_process_and_ends_with_it(tmp_path: Path) -> None:
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    directory = StateDirectory(tmp_path)
    try:
        output_of(child).readline()
        with pytest.raises(JournalInUseError, match=f"process {child.pid}, trades account DU123"):
            directory.lock("DU123")
        assert child.pid == directory.holder("DU123")
    finally:
        child.kill()
        child.communicate()
    directory.lock("DU123").release()
