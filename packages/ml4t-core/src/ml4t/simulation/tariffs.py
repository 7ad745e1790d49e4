"""The tariffs of brokers, put together from the parts in :mod:`ml4t.simulation.commission`."""

import math
from collections.abc import Iterable
from itertools import pairwise

import attrs

from ml4t.core.errors import ConfigError
from ml4t.core.orders import Order
from ml4t.simulation.amounts import within
from ml4t.simulation.commission import Commission, MaximumPerOrder, MinimumPerOrder, PerShare

__all__ = ["IbkrFixed", "IbkrTiered", "Tier", "TieredPerShare"]


@attrs.frozen
class Tier:
    """What a unit costs beyond a quantity.

    Attributes:
        above: the units that are charged by the tiers before, not negative.
        amount: money for each unit beyond them, not negative.

    Raises:
        ConfigError: a number is negative or not finite.
    """

    above: float = attrs.field(validator=within(0.0))
    amount: float = attrs.field(validator=within(0.0))


def _tuple(tiers: Iterable[Tier]) -> tuple[Tier, ...]:
    return tuple(tiers)


@attrs.frozen
class TieredPerShare:
    """Money for each unit that depends on how many units were traded before it in the month.

    Each unit is charged by the tier in which it falls, so an order may be charged by several. What
    was traded in the month is not counted but assumed: with 0, the default, every order begins at
    the first tier, and the tiers are those of an order's quantity.

    Attributes:
        tiers: by ascending ``above``, the first from 0.
        monthly_quantity: units assumed to have been traded in the month before each order, not
            negative.

    Raises:
        ConfigError: the tiers are no such list, or a number is negative or not finite.

    >>> tiers = [Tier(0, 0.01), Tier(1_000, 0.005)]
    >>> TieredPerShare(tiers).fee(1_500, 50.0, 1.0)
    12.5
    >>> TieredPerShare(tiers, monthly_quantity=10_000).fee(1_500, 50.0, 1.0)
    7.5
    """

    tiers: tuple[Tier, ...] = attrs.field(converter=_tuple)
    monthly_quantity: float = attrs.field(default=0.0, validator=within(0.0))

    def __attrs_post_init__(self) -> None:
        bounds = [tier.above for tier in self.tiers]
        if bounds[:1] != [0] or any(low >= high for low, high in pairwise(bounds)):
            msg = f"tiers of TieredPerShare must begin above 0 and ascend, began above {bounds}"
            raise ConfigError(msg)

    def fee(
        self,
        quantity: float,
        price: float,  # noqa: ARG002
        multiplier: float,  # noqa: ARG002
        order: Order | None = None,
    ) -> float:
        """The units by the tiers in which they fall."""
        start = self.monthly_quantity + (0.0 if order is None else order.filled_quantity)
        end, fee = start + quantity, 0.0
        tops = [tier.above for tier in self.tiers[1:]] + [math.inf]
        for tier, top in zip(self.tiers, tops, strict=True):
            fee += tier.amount * max(min(end, top) - max(start, tier.above), 0.0)
        return fee


_FIXED = MaximumPerOrder(MinimumPerOrder(PerShare(0.005), minimum=1.0), share=0.01)


@attrs.frozen
class IbkrFixed:
    """Interactive Brokers' fixed prices for stocks and funds of the United States, in dollars.

    0.005 for each share, at least 1.00 and at most 1 % of the value for an order; where the two
    meet, the maximum counts. Source: "Commissions: Stocks, ETFs, Warrants and Structured Products",
    interactivebrokers.com, as published between May 2024 and May 2025.

    Left out: the fees of the regulators, which are passed on (SEC and FINRA on sales, the
    consolidated audit trail), the minimum of 0.01 for orders of less than a share, and what a
    broker-assisted or directly routed order costs more.

    >>> tariff = IbkrFixed()
    >>> tariff.fee(100, 25.0, 1.0), tariff.fee(1_000, 25.0, 1.0), tariff.fee(1_000, 0.25, 1.0)
    (1.0, 5.0, 2.5)
    """

    def fee(
        self, quantity: float, price: float, multiplier: float, order: Order | None = None
    ) -> float:
        """What the order costs with this execution, less what it cost before."""
        return _FIXED.fee(quantity, price, multiplier, order)


_IBKR_TIERS = (
    Tier(0, 0.0035),
    Tier(300_000, 0.0020),
    Tier(3_000_000, 0.0015),
    Tier(20_000_000, 0.0010),
    Tier(100_000_000, 0.0005),
)


@attrs.frozen
class IbkrTiered:
    """Interactive Brokers' tiered prices for stocks and funds of the United States, in dollars.

    By the shares traded in the month: 0.0035 for each share up to 300 000, 0.0020 up to 3 million,
    0.0015 up to 20 million, 0.0010 up to 100 million, 0.0005 beyond; at least 0.35 and at most 1 %
    of the value for an order; where the two meet, the maximum counts. Source as for
    :class:`IbkrFixed`.

    Left out: what is passed on under this plan, that is the fees or rebates of the exchange, those
    of clearing (0.0002 for each share), those of the regulators, and the minimum of 0.01 for orders
    of less than a share. A broker counts the month once a day, here it is assumed.

    Attributes:
        monthly_quantity: shares assumed to have been traded in the month before each order, not
            negative.

    Raises:
        ConfigError: ``monthly_quantity`` is negative or not finite.

    >>> IbkrTiered().fee(1_000, 25.0, 1.0), IbkrTiered(400_000).fee(1_000, 25.0, 1.0)
    (3.5, 2.0)
    """

    monthly_quantity: float = attrs.field(default=0.0, validator=within(0.0))
    _tariff: Commission = attrs.field(init=False, repr=False, eq=False)

    @_tariff.default
    def _put_together(self) -> Commission:
        shares = TieredPerShare(_IBKR_TIERS, self.monthly_quantity)
        return MaximumPerOrder(MinimumPerOrder(shares, minimum=0.35), share=0.01)

    def fee(
        self, quantity: float, price: float, multiplier: float, order: Order | None = None
    ) -> float:
        """What the order costs with this execution, less what it cost before."""
        return self._tariff.fee(quantity, price, multiplier, order)
