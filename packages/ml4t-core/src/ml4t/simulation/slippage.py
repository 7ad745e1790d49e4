"""How much worse than the bar's price a fill is: one small class for each assumption.

Every assumption answers with money per unit, never negative: a buy pays that much more than the
bar's price, a sale gets that much less.
"""

import math
from collections.abc import Iterable
from typing import Protocol

import attrs

from ml4t.core.errors import ConfigError
from ml4t.core.order_requests import OrderSide
from ml4t.simulation.amounts import within
from ml4t.simulation.execution import Execution
from ml4t.simulation.participation import share_of_volume

__all__ = [
    "BasisPoints",
    "CombinedSlippage",
    "FixedAmount",
    "HalfSpread",
    "HalfSpreadBps",
    "NoSlippage",
    "NotAtOpen",
    "Slippage",
    "VolatilitySlippage",
    "VolumeImpact",
    "WithinBar",
    "leave_a_price",
]

_BPS = 10_000


class Slippage(Protocol):
    """What trading costs in price. It never improves a price."""

    def cost(self, execution: Execution) -> float:
        """How much worse than ``execution.price`` the fill is, in money per unit.

        Returns:
            Not negative, for buys and for sales.

        Raises:
            ConfigError: nothing would be left of the price of a sale.
            DataError: the data lacks what the assumption needs, such as the volume.
        """


def leave_a_price(execution: Execution, cost: float) -> float:
    """``cost``, if a sale still gets a price after it.

    Args:
        execution: what is about to fill.
        cost: money per unit, not negative.

    Raises:
        ConfigError: ``cost`` is not finite, or a sale would get nothing or less; names asset,
            price and cost.
    """
    if cost < execution.price or (execution.side is OrderSide.BUY and cost < math.inf):
        return cost
    bars = execution.bars
    msg = (
        f"a {execution.side.value} of {execution.quantity:g} {execution.asset} at "
        f"{execution.price:g} ({bars.timestamp.isoformat()}) cannot cost {cost:g} per unit: "
        "assume less slippage or impact, or limit the participation"
    )
    raise ConfigError(msg)


@attrs.frozen
class NoSlippage:
    """Trades get the price that the bar shows."""

    def cost(self, execution: Execution) -> float:  # noqa: ARG002
        """0."""
        return 0.0


@attrs.frozen
class BasisPoints:
    """Trades get a price that is worse by a share of it.

    Attributes:
        bps: hundredths of a percent, not negative and below 10 000.

    Raises:
        ConfigError: ``bps`` is outside.

    ``BasisPoints(5)`` sells at 99.95 where the bar shows 100.
    """

    bps: float = attrs.field(validator=within(0.0, 10_000.0))

    def cost(self, execution: Execution) -> float:
        """``bps`` of the price."""
        return execution.price * self.bps / _BPS


@attrs.frozen
class FixedAmount:
    """Trades get a price that is worse by the same money for each unit.

    Attributes:
        amount: money per unit, not negative; it must be smaller than any price it is taken from.

    Raises:
        ConfigError: ``amount`` is negative or not finite.

    ``FixedAmount(0.25)`` buys at 100.25 where the bar shows 100.
    """

    amount: float = attrs.field(validator=within(0.0))

    def cost(self, execution: Execution) -> float:
        """``amount``; see the protocol for errors."""
        return leave_a_price(execution, self.amount)


@attrs.frozen
class HalfSpread:
    """The bar shows the middle of the market, and trades pay half the spread away from it.

    Attributes:
        spread: between bid and ask, money per unit, not negative.

    Raises:
        ConfigError: ``spread`` is negative or not finite.

    ``HalfSpread(0.02)`` buys at 100.01 and sells at 99.99 where the bar shows 100.
    """

    spread: float = attrs.field(validator=within(0.0))

    def cost(self, execution: Execution) -> float:
        """Half of ``spread``; see the protocol for errors."""
        return leave_a_price(execution, self.spread / 2)


@attrs.frozen
class HalfSpreadBps:
    """As :class:`HalfSpread`, for a spread that is a share of the price.

    Attributes:
        spread_bps: between bid and ask, hundredths of a percent of the price, not negative and
            below 20 000.

    Raises:
        ConfigError: ``spread_bps`` is outside.

    ``HalfSpreadBps(2)`` buys at 100.01 and sells at 99.99 where the bar shows 100.
    """

    spread_bps: float = attrs.field(validator=within(0.0, 20_000.0))

    def cost(self, execution: Execution) -> float:
        """Half of ``spread_bps`` of the price."""
        return execution.price * self.spread_bps / 2 / _BPS


@attrs.frozen
class VolumeImpact:
    """The price moves with the square of our share of the bar's volume.

    The cost is ``impact * share ** 2 * price``, where ``share`` is the quantity of the execution
    over the volume of its bar. How much may fill is no part of it: that is the participation.
    Source: ``VolumeShareSlippage`` of zipline, and the model of that name of LEAN.

    Attributes:
        impact: the relative move of the price if the whole volume is ours, not negative.
        share_limit: the share counts as no more than this, and as this in a bar without volume;
            not negative. None, the default, for no limit: a fill in a bar without volume is refused
            then, since no cost would be high enough.

    Raises:
        ConfigError: a number is outside.

    ``VolumeImpact(0.1)`` with a tenth of the volume costs 0.1 where the bar shows 100.
    """

    impact: float = attrs.field(default=0.1, validator=within(0.0))
    share_limit: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(within(0.0))
    )

    def cost(self, execution: Execution) -> float:
        """See the class, and the protocol for errors."""
        share = share_of_volume(execution, self.share_limit)
        return leave_a_price(execution, self.impact * share * share * execution.price)


@attrs.frozen
class VolatilitySlippage:
    """Trades get a price that is worse by a share of how far the bars before have moved.

    The cost is ``share`` times the mean true range of the bars before the one that fills, all of
    them known at its open. Before the first of them nothing is known, and nothing is charged.

    Attributes:
        share: of the mean true range, not negative.
        length: how many bars the mean takes, at least 1; fewer while there are no more.

    Raises:
        ConfigError: a number is outside.

    ``VolatilitySlippage(0.1, length=14)`` buys at 100.2 where the bar shows 100 and the 14 bars
    before had a mean true range of 2.
    """

    share: float = attrs.field(validator=within(0.0))
    length: int = attrs.field(default=14)

    @length.validator
    def _check(self, _: "attrs.Attribute[int]", length: int) -> None:
        if not length >= 1:
            msg = f"length of VolatilitySlippage must be at least 1, was {length}"
            raise ConfigError(msg)

    def cost(self, execution: Execution) -> float:
        """See the class, and the protocol for errors."""
        moved = execution.bars.average_range(execution.asset, self.length)
        return 0.0 if moved is None else leave_a_price(execution, self.share * moved)


@attrs.frozen
class WithinBar:
    """Another slippage, but only up to the bar's high for a buy and down to its low for a sale.

    Source: ``slip_match`` without ``slip_out`` of backtrader.

    Attributes:
        slippage: the other one.

    ``WithinBar(BasisPoints(100))`` buys at 100.4 where the bar shows 100 and has its high there.
    """

    slippage: Slippage

    def cost(self, execution: Execution) -> float:
        """That of ``slippage``, as far as the bar goes."""
        bar = execution.bars[execution.asset]
        buys = execution.side is OrderSide.BUY
        room = bar.high - execution.price if buys else execution.price - bar.low
        return min(self.slippage.cost(execution), max(room, 0.0))


@attrs.frozen
class NotAtOpen:
    """Another slippage, but none for what fills at the open of a bar.

    These are the fills by a rule that ends with ``_open``. Source: ``slip_open=False`` of
    backtrader.

    Attributes:
        slippage: the other one.
    """

    slippage: Slippage

    def cost(self, execution: Execution) -> float:
        """0 at the open, else that of ``slippage``."""
        return 0.0 if execution.rule.endswith("_open") else self.slippage.cost(execution)


def _tuple(parts: Iterable[Slippage]) -> tuple[Slippage, ...]:
    return tuple(parts)


@attrs.frozen
class CombinedSlippage:
    """Several slippages together, such as a spread and a share of the volatility.

    Attributes:
        parts: each works on the bar's price, and the costs are added.
    """

    parts: tuple[Slippage, ...] = attrs.field(converter=_tuple)

    def cost(self, execution: Execution) -> float:
        """The sum of the parts; see the protocol for errors."""
        return leave_a_price(execution, math.fsum(part.cost(execution) for part in self.parts))
