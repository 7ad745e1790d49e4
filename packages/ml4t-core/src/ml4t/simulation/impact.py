"""How far our own orders move the price against us: one small class for each assumption.

The convention is that of slippage: money per unit, never negative. Impact is kept apart from it
since it grows with the quantity and says how much money a strategy can carry.
"""

import math
from typing import Protocol

import attrs

from ml4t.core.errors import ConfigError
from ml4t.simulation.amounts import within
from ml4t.simulation.execution import Execution
from ml4t.simulation.participation import share_of_volume
from ml4t.simulation.slippage import leave_a_price

__all__ = ["Impact", "LinearImpact", "NoImpact", "SquareRootImpact"]

_RANGE_OF_SIGMA = math.sqrt(8 / math.pi)
"""The mean range of a driftless Brownian motion over its standard deviation (Feller 1951)."""


class Impact(Protocol):
    """What the size of an order costs in price. It never improves a price."""

    def cost(self, execution: Execution) -> float:
        """How much worse the fill is for its size, in money per unit.

        Returns:
            Not negative, for buys and for sales; 0 for a quantity of 0.

        Raises:
            ConfigError: nothing would be left of the price of a sale.
            DataError: the volume of the bar is not known, or is 0.
        """


@attrs.frozen
class NoImpact:
    """Our orders are too small to move the price."""

    def cost(self, execution: Execution) -> float:  # noqa: ARG002
        """0."""
        return 0.0


@attrs.frozen
class LinearImpact:
    """The price moves in proportion to our share of the bar's volume.

    The cost is ``coefficient * share * price``, where ``share`` is the quantity of the execution
    over the volume of its bar. Sources: Kyle, "Continuous auctions and insider trading",
    Econometrica 53 (1985); Almgren and Chriss, "Optimal execution of portfolio transactions",
    Journal of Risk 3 (2000), the temporary impact.

    Attributes:
        coefficient: the relative move of the price if the whole volume is ours, not negative.

    Raises:
        ConfigError: ``coefficient`` is negative or not finite.

    ``LinearImpact(0.1)`` with a tenth of the volume costs 1.0 where the bar shows 100.
    """

    coefficient: float = attrs.field(validator=within(0.0))

    def cost(self, execution: Execution) -> float:
        """See the class, and the protocol for errors."""
        moved = self.coefficient * share_of_volume(execution) * execution.price
        return leave_a_price(execution, moved)


@attrs.frozen
class SquareRootImpact:
    """The price moves with the volatility and the square root of our share of the volume.

    The cost is ``coefficient * sigma * sqrt(share)``: ``sigma`` is the standard deviation of the
    price over one bar in money per unit, ``share`` the quantity of the execution over the volume of
    its bar. The length of the bars cancels out, since ``sigma`` grows with the square root of it
    and the volume in proportion.

    Without ``volatility``, ``sigma`` is the mean true range of the ``length`` bars before, over
    1.596, which is what that range is of a random walk's standard deviation (Feller, Annals of
    Mathematical Statistics 22, 1951). Before the first bar nothing is known, and nothing is
    charged.

    Sources: Gatheral, "No-dynamic-arbitrage and market impact", Quantitative Finance 10 (2010),
    for the law; Tóth and others, "Anomalous price impact and the critical nature of liquidity in
    financial markets", Physical Review X 1 (2011), for a coefficient of about 1. Almgren, Thum,
    Hauptmann and Li, "Direct estimation of equity market impact", Risk 18 (2005), find a power of
    0.6 instead of 0.5.

    Attributes:
        coefficient: without unit, not negative; about 1 for stocks.
        volatility: the standard deviation of a bar's return, such as 0.02; None, the default, to
            take it from the bars before.
        length: how many bars before, at least 1; fewer while there are no more.

    Raises:
        ConfigError: a number is outside.

    ``SquareRootImpact(1.0, volatility=0.02)`` with a hundredth of the volume costs 0.2 where the
    bar shows 100.
    """

    coefficient: float = attrs.field(default=1.0, validator=within(0.0))
    volatility: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(within(0.0))
    )
    length: int = attrs.field(default=20)

    @length.validator
    def _check(self, _: "attrs.Attribute[int]", length: int) -> None:
        if not length >= 1:
            msg = f"length of SquareRootImpact must be at least 1, was {length}"
            raise ConfigError(msg)

    def cost(self, execution: Execution) -> float:
        """See the class, and the protocol for errors."""
        share = share_of_volume(execution)
        if self.volatility is None:
            moved = execution.bars.average_range(execution.asset, self.length)
            sigma = 0.0 if moved is None else moved / _RANGE_OF_SIGMA
        else:
            sigma = self.volatility * execution.price
        return leave_a_price(execution, self.coefficient * sigma * math.sqrt(share))
