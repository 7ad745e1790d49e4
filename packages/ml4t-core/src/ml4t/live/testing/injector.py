"""Decides at each opportunity whether a fault happens."""

from collections import Counter
from random import Random

from ml4t.live.testing.fault_plan import After, At, FaultPlan
from ml4t.live.testing.faults import READS, Fault

__all__ = ["FaultInjector"]


class FaultInjector:
    """Draws faults from a plan; the same plan and generator give the same faults.

    Attributes:
        injected: how often each fault happened, by the name of its class.
        plan: what it draws from.

    Args:
        plan: which faults there are.
        rng: where chance comes from; nobody else may draw from it.
    """

    def __init__(self, plan: FaultPlan, rng: Random) -> None:
        self.plan = plan
        self.injected: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self._rng = rng
        self._is_healed = False
        self._chances: dict[str, list[tuple[type[Fault], float]]] = {}
        for kind, rate in plan.rates.items():
            for place in sorted(kind.opportunities):
                share = plan.reads if place in READS else 1.0
                self._chances.setdefault(place, []).append((kind, rate * share))
        self._script = {
            (step.call, step.number): step.do for step in plan.script if isinstance(step, At)
        }

    @property
    def timed(self) -> list[After]:
        """The steps of the script that come at a given time."""
        return [step for step in self.plan.script if isinstance(step, After)]

    def draw(self, opportunity: str) -> Fault | None:
        """The fault that happens here; None for none."""
        self.seen[opportunity] += 1
        fault = self._script.pop((opportunity, self.seen[opportunity]), None)
        if fault is None and not self._is_healed:
            fault = self._by_chance(opportunity)
        if fault is not None:
            self.note(fault)
        return fault

    def note(self, fault: Fault) -> None:
        """Count a fault that happened."""
        self.injected[type(fault).__name__] += 1

    def heal(self) -> None:
        """Let nothing more happen at random; what the script names still comes."""
        self._is_healed = True

    def relapse(self) -> None:
        """Let things happen at random again."""
        self._is_healed = False

    def _by_chance(self, opportunity: str) -> Fault | None:
        chances = self._chances.get(opportunity)
        if not chances:
            return None
        mark = self._rng.random()
        for kind, rate in chances:
            mark -= rate
            if mark < 0:
                return kind.drawn(self._rng)
        return None
