"""How much of a bar's volume our own orders may take: one small class for each assumption."""

import math
from typing import Protocol

import attrs

from ml4t.core.errors import ConfigError, DataError
from ml4t.core.order_requests import OrderRequest, TimeInForce
from ml4t.core.positions import DUST
from ml4t.core.sizing import whole_lots
from ml4t.simulation.execution import Execution

__all__ = [
    "ForEachOrder",
    "Participation",
    "TradedBars",
    "UnitsPerBar",
    "Unlimited",
    "VolumeShare",
    "share_of_volume",
    "within_volume",
]


class Participation(Protocol):
    """How many units of one asset may fill in one bar, all orders taken together."""

    def budget(self, volume: float | None) -> float:
        """The units that may fill in a bar in which ``volume`` units were traded.

        Args:
            volume: the traded quantity of the bar, not negative; None or NaN where the data has
                none.

        Returns:
            Units without sign, perhaps a fraction; infinite where there is no limit.

        Raises:
            DataError: the limit depends on the volume, and the volume is not known.
        """


@attrs.frozen
class Unlimited:
    """Every order fills in full, whatever was traded, in a bar without any trade as well.

    >>> Unlimited().budget(None)
    inf
    """

    def budget(self, volume: float | None) -> float:  # noqa: ARG002
        """Infinitely many units."""
        return math.inf


@attrs.frozen
class TradedBars:
    """Every order fills in full in a bar in which anything was traded, and not at all in others.

    >>> TradedBars().budget(1.0), TradedBars().budget(0.0)
    (inf, 0.0)
    """

    def budget(self, volume: float | None) -> float:
        """Infinitely many units, or none in a bar without volume; see the protocol."""
        return math.inf if _known(volume, "TradedBars") else 0.0


@attrs.frozen
class VolumeShare:
    """Our orders are at most a share of what was traded in the bar.

    Attributes:
        share: of the bar's volume, above 0 and at most 1; 0.1 for a tenth.

    Raises:
        ConfigError: ``share`` is outside.

    >>> VolumeShare(0.1).budget(25_000.0)
    2500.0
    """

    share: float = attrs.field()

    @share.validator
    def _check(self, _: "attrs.Attribute[float]", share: float) -> None:
        if not 0 < share <= 1:
            msg = f"share of VolumeShare must be above 0 and at most 1, was {share}"
            raise ConfigError(msg)

    def budget(self, volume: float | None) -> float:
        """``share`` times ``volume``, nothing in a bar without volume; see the protocol."""
        return self.share * _known(volume, "VolumeShare")


@attrs.frozen
class UnitsPerBar:
    """Our orders are at most a number of units in each bar, and no more than was traded.

    Attributes:
        units: in one bar, positive.

    Raises:
        ConfigError: ``units`` is not positive and finite.

    >>> UnitsPerBar(1_000).budget(25_000.0), UnitsPerBar(1_000).budget(300.0)
    (1000.0, 300.0)
    """

    units: float = attrs.field(converter=float)

    @units.validator
    def _check(self, _: "attrs.Attribute[float]", units: float) -> None:
        if not 0 < units < math.inf:
            msg = f"units of UnitsPerBar must be positive and finite, was {units}"
            raise ConfigError(msg)

    def budget(self, volume: float | None) -> float:
        """``units``, or ``volume`` where that is less; see the protocol."""
        return min(self.units, _known(volume, "UnitsPerBar"))


@attrs.frozen
class ForEachOrder:
    """Another participation, which each order has for itself.

    Two orders in one bar fill twice as much, though the bar was traded once. Use it to reproduce
    engines that do so, not to judge a strategy.

    Attributes:
        participation: what each order may take of a bar.

    >>> ForEachOrder(UnitsPerBar(1_000)).budget(25_000.0)
    1000.0
    """

    participation: Participation

    def budget(self, volume: float | None) -> float:
        """That of ``participation``, for one order."""
        return self.participation.budget(volume)


def share_of_volume(execution: Execution, largest: float | None = None) -> float:
    """What our orders fill in a bar, up to and with an execution, as a share of its volume.

    Args:
        execution: what is about to fill.
        largest: what is returned at most, and for a bar in which nothing was traded.

    Raises:
        DataError: the volume of the bar is not known, or is 0 without ``largest``; names asset and
            bar.
    """
    bars, asset = execution.bars, execution.asset
    volume = bars[asset].volume
    where = f"bar of {asset} at {bars.timestamp.isoformat()}"
    if volume is None or math.isnan(volume):
        msg = (
            f"{where}: a cost by volume needs the traded volume, the bar has none: add a volume "
            "column, or use a slippage and impact that need no volume"
        )
        raise DataError(msg)
    if execution.quantity == 0:
        return 0.0
    if volume == 0:
        if largest is not None:
            return largest
        msg = (
            f"{where}: a cost by volume needs a positive volume to fill {execution.quantity:g}, "
            "was 0: with VolumeShare as participation nothing fills in such a bar"
        )
        raise DataError(msg)
    share = (execution.filled_before + execution.quantity) / volume
    return share if largest is None else min(share, largest)


def within_volume(request: OrderRequest, quantity: float, left: float, lot: float) -> float:
    """How much of an order may fill.

    Args:
        request: the order; one that is all or nothing gets nothing where not all may fill.
        quantity: units that it wants now.
        left: units that the bar allows yet.
        lot: the lot size of the asset, 0 for any fraction; orders of whole units stay whole.
    """
    if quantity <= left:
        return quantity
    # What rounding leaves of a budget is no volume.
    if request.time_in_force is TimeInForce.FOK or left <= DUST * quantity:
        return 0.0
    return whole_lots(max(left, 0.0), lot or (1.0 if quantity.is_integer() else 0.0))


def _known(volume: float | None, name: str) -> float:
    if volume is None or math.isnan(volume):
        msg = (
            f"{name} needs the traded volume of each bar and the data has none: add a volume "
            "column, or use Unlimited participation"
        )
        raise DataError(msg)
    return volume
