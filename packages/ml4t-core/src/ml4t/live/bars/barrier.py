"""Waiting until the bars of one instant are together, and not for ever."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import attrs

from ml4t.core.bars import Bar
from ml4t.core.errors import InvalidValueError
from ml4t.core.times import require_aware
from ml4t.live.bars.boundaries import BarGrid
from ml4t.live.bars.groups import BarGroup

__all__ = ["BarBarrier", "Undelivered"]

_LIMIT = 64


@attrs.frozen(kw_only=True)
class Undelivered:
    """A bar that will be in no group.

    Attributes:
        bar: the bar.
        reason: why, in words.
    """

    bar: Bar
    reason: str


@attrs.define
class _Waiting:
    """The bars of one instant that are there so far."""

    deadline: datetime
    bars: dict[str, Bar] = attrs.field(factory=dict)


class BarBarrier:
    """Gathers the bars of all assets into one group for each instant, in the order of time.

    A group is handed over when every expected asset has its bar, or has delivered a later one,
    since the bars of one asset arrive in their order. Else it is handed over at its deadline, with
    the names of those that are missing. The deadline runs from the end of the bars, or from the
    arrival of the first of them where that is later, as it is with bars that are replayed.

    An instant at which no asset has a bar gives no group, as in a backtest. The last group of a
    session is the one at its close. At most 64 instants wait; one more hands the first over.

    Args:
        assets: the symbols; bars of others are not delivered.
        grid: the instants at which bars can be complete.
        deadline: how long a group waits for bars that are missing, 0 or more.

    Attributes:
        assets: the symbols, sorted.
        last: the instant of the latest group that was handed over, in UTC; None before the first.

    Raises:
        InvalidValueError: the deadline is negative.
    """

    __slots__ = (
        "_arrived", "_awaited", "_deadline", "_expected", "_grid", "_known", "_waiting",
        "assets", "last",
    )  # fmt: skip

    def __init__(self, assets: Iterable[str], grid: BarGrid, deadline: timedelta) -> None:
        if deadline < timedelta():
            msg = f"deadline of a barrier must not be negative, was {deadline}"
            raise InvalidValueError(msg)
        self.assets = tuple(sorted(set(assets)))
        self.last: datetime | None = None
        self._grid = grid
        self._deadline = deadline
        self._known = self._expected = frozenset(self.assets)
        self._awaited = ""
        self._arrived: dict[str, datetime] = {}
        self._waiting: dict[datetime, _Waiting] = {}

    @property
    def next_deadline(self) -> datetime | None:
        """When :meth:`due` will hand over a group next, in UTC; None while none waits."""
        return min((group.deadline for group in self._waiting.values()), default=None)

    def set_expected(self, assets: Iterable[str]) -> None:
        """Wait for these assets only; bars of the others are delivered if they are in time.

        It counts from the next bar or deadline on.

        Raises:
            InvalidValueError: an asset is not one of the barrier's.
        """
        expected = frozenset(assets)
        unknown = sorted(expected.difference(self.assets))
        if unknown:
            msg = f"assets that are expected must be among {list(self.assets)}, was {unknown}"
            raise InvalidValueError(msg)
        self._expected = expected

    def add(self, bar: Bar, now: datetime) -> list[BarGroup] | Undelivered:
        """Take a bar that has arrived.

        Args:
            bar: later than all bars of its asset before.
            now: the wall clock.

        Returns:
            The groups that are ready, ascending; or why the bar will be in none.
        """
        require_aware(now, "now")
        instant = bar.timestamp.astimezone(UTC)
        if reason := self._objection(bar, instant):
            return Undelivered(bar=bar, reason=reason)
        waiting = self._waiting.get(instant)
        if waiting is None:
            deadline = max(instant, now.astimezone(UTC)) + self._deadline
            waiting = self._waiting[instant] = _Waiting(deadline)
        waiting.bars[bar.asset] = bar
        self._arrived[bar.asset] = instant
        return self._ready()

    def due(self, now: datetime) -> list[BarGroup]:
        """Hand over the groups whose deadline has passed, and those before them, ascending."""
        require_aware(now, "now")
        instant = now.astimezone(UTC)
        passed = [when for when, group in self._waiting.items() if group.deadline <= instant]
        groups = self._hand_over_until(max(passed)) if passed else []
        return groups + self._ready()

    def _objection(self, bar: Bar, instant: datetime) -> str:
        if bar.asset not in self._known:
            return f"{bar.asset} is none of the assets"
        if self.last is not None and instant <= self.last:
            return f"late: the bars of {self.last.isoformat()} were handed over already"
        before = self._arrived.get(bar.asset)
        if before is not None and instant <= before:
            return f"the asset has delivered its bar of {before.isoformat()} already"
        if not self._grid.is_end(instant):
            return f"no bar is complete at {instant.isoformat()}"
        return ""

    def _ready(self) -> list[BarGroup]:
        """Hand over what needs to wait no more."""
        groups: list[BarGroup] = []
        while self._waiting:
            first = min(self._waiting)
            if not self._is_whole(first) and len(self._waiting) <= _LIMIT:
                break
            groups += self._hand_over_until(first)
        return groups

    def _is_whole(self, instant: datetime) -> bool:
        """Whether no bar of the instant is waited for; if none is expected, the deadline is."""
        # Most often it is the same asset that is waited for as at the last question.
        if self._awaited in self._expected and not self._has_passed(self._awaited, instant):
            return False
        for asset in self._expected:
            if not self._has_passed(asset, instant):
                self._awaited = asset
                return False
        return bool(self._expected)

    def _has_passed(self, asset: str, instant: datetime) -> bool:
        arrived = self._arrived.get(asset)
        return arrived is not None and arrived >= instant

    def _hand_over_until(self, last: datetime) -> list[BarGroup]:
        groups = []
        for instant in sorted(when for when in self._waiting if when <= last):
            bars = self._waiting.pop(instant).bars
            groups.append(
                BarGroup(
                    timestamp=instant,
                    bars={asset: bars[asset] for asset in sorted(bars)},
                    missing=tuple(sorted(self._expected - bars.keys())),
                )
            )
            self.last = instant
        return groups
