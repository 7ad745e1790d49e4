"""Kills an engine again and again over the same journal and venue, and holds it to the truth."""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import attrs

from ml4t.core.fills import Fill
from ml4t.live.failpoints import FAILPOINTS
from ml4t.live.journal import StateDirectory
from ml4t.live.testing.chance import branch, seeded
from ml4t.live.testing.crash_examination import (
    Examiner,
    after_start,
    at_rest,
    believed,
    own_fills,
)
from ml4t.live.testing.crash_market import CrashMarket
from ml4t.live.testing.crash_process import ChildProcess

__all__ = ["RANDOM", "REACHABLE", "CrashReport", "CrashStory", "planned"]

RANDOM = ""
"""The target of a kill at a random moment."""

_ELSEWHERE = frozenset(
    {
        "journal.backed_up", "journal.migrating", "journal.migrated",
        "journal.quarantining", "journal.quarantined", "journal.rebuilding", "journal.rebuilt",
    }
)  # fmt: skip
REACHABLE = tuple(name for name in FAILPOINTS if name not in _ELSEWHERE)
"""The failpoints that an engine passes; the others belong to migration and recovery."""

_FIRST_START = ("journal.creating", "journal.created", "start.balance_adopted")
_ONCE = frozenset(
    {
        "journal.inspected", "journal.opened", "journal.epoch", "state.locked", "strategy.started",
        "journal.closed", "strategy.ended", "unknown.asked", "unknown.never_accepted",
    }
)  # fmt: skip
_OFTEN = frozenset(
    {
        "journal.begin", "journal.inserted", "journal.projected", "journal.before_commit",
        "journal.committed", "journal.marked", "account.committed", "account.recorded",
    }
)  # fmt: skip
_AT_THE_END = frozenset({"journal.closed", "strategy.ended"})
_PATIENCE = 1.5
_LONG_PATIENCE = 4.0
_START = 15.0
_HEAL = 10.0
_ATTEMPTS = 4
_REST_EVERY = 6


@attrs.define
class CrashReport:
    """What came of kills.

    Attributes:
        kills: how many processes died by SIGKILL.
        reached: how many of them died at each failpoint; at "" those that died at any moment.
        findings: what was broken, with the name of the invariant first.
        orders, fills: how many the venue has.
        starts: how many engines had started trading.
        rests: how often everything was compared while nothing moved.
        slowest: seconds until the slowest of these comparisons agreed.
    """

    kills: int = 0
    reached: Counter[str] = attrs.field(factory=Counter)
    findings: list[str] = attrs.field(factory=list)
    orders: int = 0
    fills: int = 0
    starts: int = 0
    rests: int = 0
    slowest: float = 0.0

    def add(self, other: "CrashReport") -> None:
        """Count what another one has counted."""
        self.kills += other.kills
        self.reached += other.reached
        self.findings += other.findings
        self.orders += other.orders
        self.fills += other.fills
        self.starts += other.starts
        self.rests += other.rests
        self.slowest = max(self.slowest, other.slowest)


def planned(kills: int, rng: Random, each: int = 2) -> list[str]:
    """Where so many kills should happen: each failpoint ``each`` times if there is room for all.

    The rest are at random moments.
    """
    named = [name for name in REACHABLE for _ in range(each)]
    rng.shuffle(named)
    named = named[: kills * 2 // 3] if kills < len(named) else named
    return [*named, *[RANDOM] * (kills - len(named))]


class CrashStory:
    """One account at one venue, and the engines that live and die on it.

    Args:
        seed: of everything that chance decides here; the time of real processes is not.
        folder: a new one, for the account.
        targets: where the engines are to be killed.

    Attributes:
        report: what came of it so far.
    """

    def __init__(self, seed: int, folder: Path, targets: Sequence[str]) -> None:
        self.report = CrashReport()
        self._rng = seeded(seed)
        self._folder = folder
        self._state = StateDirectory(folder / "state")
        self._market = CrashMarket(self._rng.getrandbits(32))
        self._examiner = Examiner(self._market, self._state.journal)
        self._targets = _ordered(targets, branch(self._rng))
        self._tries: Counter[str] = Counter()
        self._is_kill_expected = False

    async def run(self) -> CrashReport:
        """Go through all deaths, then let an engine live and end well."""
        await self._market.open()
        try:
            while self._targets and not self.report.findings:
                await self._live_and_die(self._targets.popleft())
            if not self.report.findings:
                await self._live_well()
        finally:
            await self._market.close()
        self.report.orders = len(self._market.own_orders)
        self.report.fills = len(own_fills(self._market))
        return self.report

    # One life

    async def _live_and_die(self, target: str) -> None:
        point = f"{target}:{self._count(target)}" if target else ""
        before = own_fills(self._market)
        child = await self._begin(point)
        if target:
            await self._reach(child, target, before)
        else:
            await self._live_a_while(child, before)
        by_itself = child.is_over
        await child.kill()
        self._note(child, target, by_itself=by_itself)
        self._find(child, self._examiner.look(child.messages))

    async def _begin(self, point: str) -> ChildProcess:
        settings = self._market.settings(self._state.path, self._rng.getrandbits(32))
        return await ChildProcess.start(settings, self._folder / "errors.txt", point)

    async def _live_a_while(self, child: ChildProcess, before: Mapping[str, Fill]) -> None:
        """Live for a moment, the start of the process included, and sometimes come to rest."""
        if self._rng.randrange(_REST_EVERY) == 0:
            if await self._started(child, before):
                await asyncio.sleep(self._rng.uniform(0.0, 0.4))
                await self._rest(child, is_healed=False)
            return
        await asyncio.sleep(self._rng.uniform(0.15, 1.0))
        if any(message.get("state") == "started" for message in child.messages):
            await self._started(child, before)

    async def _reach(self, child: ChildProcess, target: str, before: Mapping[str, Fill]) -> None:
        """Live until the failpoint kills it, and do what leads there."""
        deed = _deed_for(target)
        if await self._started(child, before):
            await asyncio.sleep(self._rng.uniform(0.05, 0.3))
            await self._do(child, deed)
        is_slow = target.startswith("unknown.")
        await child.end(within=_LONG_PATIENCE if is_slow else _PATIENCE)

    async def _do(self, child: ChildProcess, deed: str) -> None:
        if deed == "break":
            self._market.server.break_connections()
        elif deed == "stop":
            child.tell("stop")
        elif deed == "kill":
            self._is_kill_expected = True
            child.tell("kill")
        elif deed == "rearm":
            self._is_kill_expected = True
            await child.ask("kill", "killed")
            self._is_kill_expected = False
            child.tell("rearm")

    async def _started(self, child: ChildProcess, before: Mapping[str, Fill]) -> bool:
        """Wait until it trades; False where it dies before."""
        message = await child.said("state", "started", _START)
        if message is None:
            return False
        self.report.starts += 1
        self._find(child, after_start(self._market, message, before))
        causes = believed(message)["causes"]
        assert isinstance(causes, dict)  # noqa: S101 - a report has them
        if self._is_kill_expected and "kill" not in causes:
            self._find(child, ["I7: the kill switch was pulled, and the next engine trades"])
        self._is_kill_expected = False
        if "kill" in causes:
            await child.ask("rearm", "rearmed")
        return not child.is_over

    async def _rest(self, child: ChildProcess, *, is_healed: bool) -> None:
        """Let nothing move, and wait until engine and venue agree."""
        began = asyncio.get_running_loop().time()
        child.tell("quiet")
        self._market.halt()
        findings = ["I6: the engine does not answer"]
        while findings and asyncio.get_running_loop().time() - began < _HEAL:
            await asyncio.sleep(0.1)
            message = await child.ask("state", "asked")
            if message is None:
                break
            findings = at_rest(self._market, message, is_healed=is_healed)
        self._market.resume()
        child.tell("busy")
        self._find(child, findings)
        self.report.rests += 1
        took = asyncio.get_running_loop().time() - began
        self.report.slowest = max(self.report.slowest, took)

    async def _live_well(self) -> None:
        """A healthy life to its end: everything agrees, and the engine may trade."""
        before = own_fills(self._market)
        child = await self._begin("")
        if not await self._started(child, before):
            self._find(child, ["I6: the last engine did not start"])
        await asyncio.sleep(0.5)
        await self._rest(child, is_healed=True)
        if not await self._is_active(child):
            self._find(child, ["I6: the last engine does not become active"])
        child.tell("stop")
        status = await child.end()
        if status != 0:
            self._find(child, [f"I6: the exit status of the last engine is {status}"])
            await child.kill()
        self._find(child, self._examiner.look(child.messages))

    async def _is_active(self, child: ChildProcess) -> bool:
        deadline = asyncio.get_running_loop().time() + _HEAL
        while asyncio.get_running_loop().time() < deadline:
            message = await child.ask("state", "asked")
            if message is None or believed(message)["state"] == "ACTIVE":
                return message is not None
            await asyncio.sleep(0.1)
        return False

    # Parts

    def _note(self, child: ChildProcess, target: str, *, by_itself: bool) -> None:
        if not child.was_killed:
            self._find(child, ["I6: the engine ended by itself"])
            return
        self.report.kills += 1
        if target and by_itself:
            self.report.reached[target] += 1
            return
        self.report.reached[RANDOM] += 1
        if target and self._tries[target] < _ATTEMPTS:
            self._tries[target] += 1
            self._targets.extend(_with_way_to(target))
            if RANDOM in self._targets:
                # It has had a kill at a random moment instead.
                self._targets.remove(RANDOM)

    def _find(self, child: ChildProcess, findings: Sequence[str]) -> None:
        if findings:
            refused = [each for each in child.messages if "refused" in each]
            self.report.findings += [*findings, *map(str, refused)]

    def _count(self, target: str) -> int:
        if target.startswith("start.") or target in _ONCE or target in _FIRST_START:
            return 1
        if self._tries[target]:
            return 1
        return self._rng.randint(1, 40 if target in _OFTEN else 4)


def _ordered(targets: Sequence[str], rng: Random) -> deque[str]:
    """The targets by chance, but what only a first start reaches at first."""
    first = [name for name in _FIRST_START for target in targets if target == name]
    rest = [target for target in targets if target not in _FIRST_START]
    rng.shuffle(rest)
    ordered: list[str] = []
    for target in rest:
        ordered += _with_way_to(target)
    return deque([*first, *ordered])


def _with_way_to(target: str) -> list[str]:
    """The target, after another that leaves an order which the venue has never seen if it must."""
    return ["order.leaving", target] if target.startswith("unknown.") else [target]


def _deed_for(target: str) -> str:
    if target.startswith("connection."):
        return "break"
    if target == "kill.released":
        return "rearm"
    if target.startswith("kill."):
        return "kill"
    return "stop" if target in _AT_THE_END else ""
