"""The way of bars from a simulated market to a program."""

import asyncio
from functools import partial
from random import Random
from typing import ClassVar

import attrs

from ml4t.core.bars import Bar
from ml4t.core.raw_bars import RawBar
from ml4t.live.testing.agenda import Agenda
from ml4t.live.testing.faults import Fault
from ml4t.live.testing.injector import FaultInjector

__all__ = ["BarLine", "DeliveryFault"]


class BarLine:
    """Delivers bars with a delay, in the order of time unless a fault holds one back.

    Attributes:
        bars: what has arrived and was not read.
        lost: the bars that nobody will ever get.
        latency: seconds that a bar travels, from and to.

    Args:
        agenda: the venue's.
        faults: what may go wrong with a bar.
        rng: where chance comes from; nobody else may draw from it.
    """

    def __init__(self, agenda: Agenda, faults: FaultInjector, rng: Random) -> None:
        self.bars: asyncio.Queue[Bar | RawBar | None] = asyncio.Queue()
        self.lost: list[Bar | RawBar] = []
        self.latency = (0.05, 0.5)
        self._agenda = agenda
        self._faults = faults
        self._rng = rng
        self._held: dict[str, Bar] = {}
        self._mute_until = -1.0

    def deliver(self, bar: Bar) -> None:
        """A bar is complete; a fault may come between."""
        fault = self._faults.draw("bar.delivery")
        if isinstance(fault, DeliveryFault):
            fault.deliver(self, bar)
        else:
            self.send(bar)

    def send(self, bar: Bar | RawBar, seconds: float = 0.0) -> None:
        """Send a bar, and behind it the one of the same asset that was held back."""
        delay = seconds + self._rng.uniform(*self.latency)
        self._agenda.after(delay, partial(self._arrive, bar))
        held = self._held.pop(bar.asset, None)
        if held is not None:
            self._agenda.after(delay, partial(self._arrive, held))

    def hold(self, bar: Bar) -> None:
        """Keep a bar until the next one of its asset has been sent."""
        self._held[bar.asset] = bar

    def lose(self, bar: Bar | RawBar) -> None:
        """Send nothing."""
        self.lost.append(bar)

    def mute(self, seconds: float) -> None:
        """Deliver nothing for a while."""
        self._mute_until = max(self._mute_until, self._agenda.now + seconds)

    def heal(self) -> None:
        """End everything that is wrong now."""
        self._mute_until = -1.0
        self._held.clear()

    def _arrive(self, bar: Bar | RawBar) -> None:
        if self._agenda.now >= self._mute_until:
            self.bars.put_nowait(bar)
        else:
            self.lost.append(bar)


@attrs.frozen(kw_only=True)
class DeliveryFault(Fault):
    """A fault of one bar."""

    opportunities: ClassVar[frozenset[str]] = frozenset({"bar.delivery"})
    likely: ClassVar[float] = 0.03

    def deliver(self, line: BarLine, bar: Bar) -> None:
        """Send the bar, in whatever way it goes wrong."""
        line.send(bar)
