"""The bars of one instant, as they are handed to a strategy."""

from collections.abc import Mapping
from datetime import datetime

import attrs

from ml4t.core.bars import Bar

__all__ = ["BarGroup"]


@attrs.frozen(kw_only=True)
class BarGroup:
    """The bars of many assets that are complete at one instant.

    Attributes:
        timestamp: the instant, timezone-aware.
        bars: the bar of each asset that has one, all of them complete at ``timestamp``.
        missing: the assets that were expected and have none, sorted.
        carried: the newest bar of assets that have none here but had one in an earlier group,
            which was folded into this one since the strategy was busy.
        conflated: how many earlier groups were folded into this one.
    """

    timestamp: datetime
    bars: Mapping[str, Bar]
    missing: tuple[str, ...] = ()
    carried: tuple[Bar, ...] = ()
    conflated: int = 0

    def after(self, earlier: "BarGroup") -> "BarGroup":
        """This group with an earlier one folded in: the newest bar of each asset stays."""
        kept = {bar.asset: bar for bar in (*earlier.carried, *earlier.bars.values())}
        kept.update((bar.asset, bar) for bar in self.carried)
        carried = tuple(kept[asset] for asset in sorted(kept.keys() - self.bars.keys()))
        return attrs.evolve(self, carried=carried, conflated=self.conflated + earlier.conflated + 1)
