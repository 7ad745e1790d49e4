"""Simulated trading days with everything that can go wrong, and what must hold at their ends.

One run is some short trading days of one account. Everything in it comes from its seed: the market,
the strategy, the faults of the venue and of the feed, the moments at which the engine's process
dies, the disk refuses, the wall clock is set or a person pulls the kill switch. Before a day ends
all faults end; then a person looks, and the account and the truth are compared.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import attrs

from ml4t.core.calendar import Session
from ml4t.core.risk import UNLIMITED, LiveRiskConfig
from ml4t.live.config import Timing
from ml4t.live.secrets import Secret
from ml4t.live.testing.chance import branch, seeded
from ml4t.live.testing.day_trader import DayTrader, Mood
from ml4t.live.testing.fault_plan import FaultPlan
from ml4t.live.testing.faults import Fault
from ml4t.live.testing.listed_sessions import short_sessions
from ml4t.live.testing.order_desk import VenueRules
from ml4t.live.testing.recovery import Operator, stated_reason
from ml4t.live.testing.stage import Setting, Stage
from ml4t.live.testing.swarm import EVERY_FAULT, LASTING, swarm_plan
from ml4t.live.testing.virtual_time import VirtualClock, run

__all__ = ["DaysReport", "play_days"]

CANARY = "canary-7d1f-must-not-be-written"
"""A secret that the strategy holds; it must be in nothing that is written."""

_BAR = timedelta(seconds=30)
_TRADING = timedelta(minutes=10)
_NIGHT = timedelta(minutes=4, seconds=30)
_FIRST = datetime(2024, 3, 4, 15, 0, tzinfo=UTC)
_LOOK = 10.0
_LIVELY = 60.0
_LOOKS = 3
_REST = 60.0
_MOST_WAITING = 5_000
_MOST_TASKS = 20
_HIGHEST_RATE = 0.3
_POSITION = 150.0


@attrs.frozen(kw_only=True)
class DaysReport:
    """How some days went.

    Attributes:
        seed: of the run.
        days: how many were played.
        findings: what was broken on the last of them, each with the name of the invariant.
        head: the hash of the journal.
        digest: the hash of what happened at the venue.
        counts: how often what happened.
        plan: the faults that could come.
    """

    seed: int
    days: int
    findings: tuple[str, ...]
    head: str
    digest: str
    counts: Mapping[str, int]
    plan: str


def play_days(seed: int, days: int = 5) -> DaysReport:
    """Play some days; the same seed gives the same days.

    Args:
        seed: of all chance.
        days: how many at most; the first one on which something is broken is the last.
    """
    rng = seeded(seed)
    mood = Mood(
        activity=rng.choice((0.1, 0.3, 0.6)),
        answers=rng.choice((0.0, 0.05, 0.3)),
        mischief=rng.choice((0.0, 0.0, 0.02, 0.15)),
        secret=Secret(CANARY),
    )
    sessions = short_sessions(_FIRST, days + 1, _TRADING, _NIGHT)
    stages: list[Stage] = []

    def pass_time(seconds: float) -> None:
        stages[0].thread.pass_time(seconds)

    def trader() -> DayTrader:
        return DayTrader(mood, branch(stages[0].rng), pass_time)

    setting = _setting(rng, sessions, trader)

    async def play(clock: VirtualClock) -> DaysReport:
        stage = Stage(setting, clock)
        stages.append(stage)
        async with stage:
            played = _Days(stage, mood, branch(rng))
            for session in sessions[:days]:
                await played.play(session)
                if played.findings:
                    break
            return played.report(seed)

    try:
        return run(play, setting.begins)
    # Whatever comes out of the engine or of its tasks is what is looked for.
    except Exception as error:  # noqa: BLE001
        finding = f"{type(error).__name__} came out of the run: {error}"
        return DaysReport(
            seed=seed, days=days, findings=(finding,), head="", digest="", counts={},
            plan=str(setting.plan),
        )  # fmt: skip


def _setting(
    rng: Random, sessions: tuple[Session, ...], trader: Callable[[], DayTrader]
) -> Setting:
    lasting = rng.random() < 0.3  # noqa: PLR2004 - most runs go on without a person
    among = EVERY_FAULT if lasting else [kind for kind in EVERY_FAULT if kind not in LASTING]
    is_tight = rng.random() < 0.2  # noqa: PLR2004 - in most runs trading goes on
    limits = LiveRiskConfig(
        bar_seconds=_BAR.total_seconds(),
        max_order_shares=40.0,
        max_order_value=UNLIMITED,
        max_position_shares=_POSITION,
        max_position_value=UNLIMITED,
        max_total_exposure=UNLIMITED,
        allowed_assets=UNLIMITED,
        max_daily_loss=rng.choice((50.0, 500.0)) if is_tight else 50_000.0,
        flatten_on_loss=rng.random() < 0.5,  # noqa: PLR2004 - a coin
        max_repeat=5.0 if is_tight else UNLIMITED,
        max_rejects=5.0 if is_tight else UNLIMITED,
        max_working_orders=rng.choice((20.0, UNLIMITED)),
        max_unknown_orders=rng.choice((3.0, 10.0)),
        max_unknown_orders_per_asset=rng.choice((1.0, 5.0)),
        max_orders_per_minute=60.0,
        max_messages_per_second=20.0,
        dedup_window_seconds=rng.choice((0.0, 1.0)),
        allow_flip=rng.random() < 0.2,  # noqa: PLR2004 - rarely
    )
    return Setting(
        sessions=sessions,
        bar_size=_BAR,
        limits=limits,
        timing=Timing(watch=rng.choice((1.0, 2.0, 5.0))),
        rules=VenueRules(whole=rng.choice((0.2, 0.6, 1.0)), deduplicates=rng.random() < 0.3),  # noqa: PLR2004
        plan=_plan(rng, among) if rng.random() < 0.95 else FaultPlan(),  # noqa: PLR2004
        seed=rng.getrandbits(32),
        strategy=trader,
        early=timedelta(seconds=rng.choice((20.0, -40.0))),
        warmup=rng.choice((0, 3)),
    )


def _plan(rng: Random, among: Sequence[type[Fault]]) -> FaultPlan:
    """A random plan, sometimes with more of everything, since the days are short."""
    plan, more = swarm_plan(rng, among), rng.choice((1.0, 1.0, 5.0))
    rates = {kind: min(rate * more, _HIGHEST_RATE) for kind, rate in plan.rates.items()}
    return attrs.evolve(plan, rates=rates, reads=plan.reads * more)


class _Days:
    """The days of one run.

    Attributes:
        findings: what was broken so far.
    """

    def __init__(self, stage: Stage, mood: Mood, rng: Random) -> None:
        self.findings: list[str] = []
        self._stage = stage
        self._mood = mood
        self._rng = rng
        self._counts: Counter[str] = Counter()
        self._operator = Operator(stage)
        self._errands: list[asyncio.Task[object]] = []
        self._rates = {
            name: rng.choice((0.0, 0.0, 0.3, 1.5))
            for name in ("crash", "leave", "kill", "disk", "clock", "person", "stall")
        }
        self._attention = rng.choice((0.0, 0.1, 0.5))
        self._down_until: float | None = None
        self._played = 0

    async def play(self, session: Session) -> None:
        """One day, from the night before to the night after."""
        stage, rng = self._stage, self._rng
        self._played += 1
        self._mood.is_calm = False
        stage.broker.faults.relapse()
        length = (session.closes - stage.venue.clock.now()).total_seconds()
        heals = length + rng.choice((5.0, -200.0))
        await self._go_wrong(heals)
        await self._heal(length - heals)
        self._check_words()
        if not self.findings:
            self.findings += stage.violations()
            self._check_tasks()

    def report(self, seed: int) -> DaysReport:
        """How it went."""
        stage = self._stage
        self._counts.update(stage.venue.watch.counts)
        self._counts.update({f"{kind}": n for kind, n in stage.broker.faults.injected.items()})
        return DaysReport(
            seed=seed,
            days=self._played,
            findings=tuple(self.findings),
            head=stage.journal.head,
            digest=stage.venue.digest(),
            counts=dict(self._counts),
            plan=str(stage.setting.plan),
        )

    # What goes wrong

    async def _go_wrong(self, seconds: float) -> None:
        rng = self._rng
        happenings = sorted(
            (rng.uniform(0.0, seconds), name)
            for name, rate in self._rates.items()
            for _ in range(int(rate + rng.random()))
        )
        ends = self._stage.clock.monotonic() + seconds
        begins = self._stage.clock.monotonic()
        for at, name in happenings:
            await self._supervise_until(begins + at)
            await self._happen(name)
        await self._supervise_until(ends)

    async def _happen(self, name: str) -> None:
        stage, rng = self._stage, self._rng
        self._counts[name] += 1
        match name:
            case "crash" if stage.is_running:
                await stage.crash()
                self._down_until = stage.clock.monotonic() + rng.choice((0.1, 5.0, 60.0))
            case "leave" if stage.is_running:
                await stage.stop("the operator wants it")
                self._down_until = stage.clock.monotonic() + rng.choice((0.1, 30.0))
            case "kill" if stage.is_running:
                self._run_errand(stage.engine.kill("a drill", "operator"))
            case "disk":
                stage.disk.fail(rng.choice((0.5, 10.0, 100.0)), after=rng.randrange(20))
            case "clock":
                stage.clock.jump_wall(rng.choice((-3600.0, -5.0, 2.0, 60.0, 3600.0)))
            case "stall":
                stage.clock.block(rng.choice((0.5, 8.0, 40.0)))
            case "person" if stage.is_running:
                await self._operator.look(adopt=rng.random() < 0.5)  # noqa: PLR2004 - a coin

    def _run_errand(self, work: Coroutine[object, object, object]) -> None:
        self._errands.append(asyncio.create_task(work))

    async def _supervise_until(self, moment: float) -> None:
        """Let time go by, and start again what has ended."""
        clock = self._stage.clock
        while (left := moment - clock.monotonic()) > 0:
            await asyncio.sleep(min(left, _LOOK))
            await self._supervise()
            if self._stage.is_running and self._rng.random() < self._attention:
                await self._operator.look(adopt=True)

    async def _supervise(self) -> None:
        stage = self._stage
        if self._down_until is not None:
            if stage.clock.monotonic() >= self._down_until:
                self._down_until = None
                await stage.restart()
            return
        if stage.is_running:
            waiting = stage.engine.runner.waiting + stage.broker.link.events.qsize()
            if waiting > _MOST_WAITING:
                self.findings.append(f"I12: {waiting} reports and bars wait")
            return
        status = stage.ended()
        self._counts[f"exit {status}"] += 1
        runtime = stage.book.causes.get("runtime")
        # A start that cannot write its journal is refused; the next one finds a better disk.
        is_refused = runtime is not None and "Journal" in runtime.reason
        if status != 1 or (runtime is not None and not is_refused):
            reason = "" if runtime is None else runtime.reason
            self.findings.append(f"the engine ended by itself with {status}: {reason}")
        await stage.restart()

    # What must hold

    async def _heal(self, trading: float) -> None:
        """End what is wrong; the engine must come back or say what a person has to do."""
        stage = self._stage
        self._mood.is_calm = True
        await stage.heal()
        stage.venue.market.halted.clear()
        if self._down_until is not None or not stage.is_running:
            self._down_until = stage.clock.monotonic()
            if stage.is_running:
                self._down_until = None
        await self._supervise()
        begins = stage.clock.monotonic()
        reason: str | None = None
        for _ in range(_LOOKS):
            reason = await self._until_stated(_LIVELY)
            self._counts["active" if reason == "" else f"waits for a person: {reason}"] += 1
            if not reason:
                break
            await self._operator.look(adopt=True)
        if reason is None or (reason and reason not in self._operator.lasting):
            self._is_late("although everything had healed")
        left = trading - (stage.clock.monotonic() - begins)
        await self._supervise_until(stage.clock.monotonic() + max(left, 0.0))
        # What others traded meanwhile is taken over by a person, too.
        await self._operator.look(adopt=True)
        await self._supervise_until(stage.clock.monotonic() + _REST)
        if stage.state != "ACTIVE" and stated_reason(stage) is None:
            self._is_late("at the end of the day")

    async def _until_stated(self, seconds: float) -> str | None:
        ends = self._stage.clock.monotonic() + seconds
        while self._stage.clock.monotonic() < ends:
            await asyncio.sleep(5.0)
            await self._supervise()
            if self._stage.is_running and self._stage.state == "ACTIVE":
                return ""
        return stated_reason(self._stage)

    def _is_late(self, when: str) -> None:
        stage = self._stage
        causes = "; ".join(
            f"{cause.name} ({cause.state.name}): {cause.reason}"
            for cause in stage.book.causes.values()
        )
        self.findings.append(f"I6: {stage.state} {when}: {causes}")

    def _check_words(self) -> None:
        """Nothing that is written holds the secret; what a person did went through."""
        stage = self._stage
        for errand in self._errands:
            if errand.done() and not errand.cancelled() and (error := errand.exception()):
                self.findings.append(f"an operator's command raised {error!r}")
        self._errands = [errand for errand in self._errands if not errand.done()]
        words = json.dumps(stage.engine.status()) + repr(stage.alerts)
        if CANARY in words:
            self.findings.append("I11: a secret is in what a person is told")
        if any(CANARY in row[7] for row in stage.journal.stored()):
            self.findings.append("I11: a secret is in the journal")

    def _check_tasks(self) -> None:
        tasks = len(asyncio.all_tasks())
        if tasks > _MOST_TASKS:
            self.findings.append(f"I12: {tasks} tasks are alive at rest")
