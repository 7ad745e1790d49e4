"""How target weights become orders: the limits and thresholds of a rebalance."""

import math
from collections.abc import Mapping

import attrs

from ml4t.core.errors import ConfigError, RebalanceError

__all__ = ["RebalanceConfig", "limited"]

_MAY_BE_ZERO = ("min_trade_value", "min_weight_change", "fee_headroom")
_MUST_BE_POSITIVE = ("lot_size", "max_single_weight", "max_gross_leverage")


@attrs.frozen(kw_only=True)
class RebalanceConfig:
    """How target weights become orders.

    Attributes:
        min_trade_value: trades of less money are not made.
        min_weight_change: trades that change the weight by less are not made.
        allow_fractional: whether quantities may have fractions, where the venue trades them.
        round_lots: whether quantities are multiples of ``lot_size``.
        lot_size: the lot that ``round_lots`` uses.
        allow_short: whether weights may be negative; a negative weight counts as 0 otherwise.
        max_single_weight: the largest weight of one asset, long or short; larger ones are cut.
        max_gross_leverage: the largest sum of absolute weights; larger sums are scaled down in
            proportion. The part above 1 may be bought with borrowed money.
        fee_headroom: the share of a trade's value that is kept back for its fee and for prices
            that move before it fills.
        cancel_before_rebalance: whether orders left by an earlier rebalance are cancelled first.
        account_for_pending: whether orders that may still fill count as if they had.

    Raises:
        ConfigError: a field is out of range.

    >>> RebalanceConfig(max_single_weight=0.2).max_single_weight
    0.2
    """

    min_trade_value: float = 0.0
    min_weight_change: float = 0.0
    allow_fractional: bool = False
    round_lots: bool = False
    lot_size: float = 100.0
    allow_short: bool = False
    max_single_weight: float = 1.0
    max_gross_leverage: float = 1.0
    fee_headroom: float = 0.0025
    cancel_before_rebalance: bool = True
    account_for_pending: bool = True

    def __attrs_post_init__(self) -> None:
        for name in _MAY_BE_ZERO:
            if not 0 <= getattr(self, name) < math.inf:
                msg = f"{name} must be finite and not negative, was {getattr(self, name)}"
                raise ConfigError(msg)
        for name in _MUST_BE_POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                msg = f"{name} must be finite and positive, was {getattr(self, name)}"
                raise ConfigError(msg)
        if self.fee_headroom >= 1:
            msg = f"fee_headroom is a share of a trade and must be below 1, was {self.fee_headroom}"
            raise ConfigError(msg)
        if self.allow_fractional and self.round_lots:
            msg = "allow_fractional and round_lots contradict each other: choose one"
            raise ConfigError(msg)


def limited(weights: Mapping[str, float], config: RebalanceConfig) -> dict[str, float]:
    """The weights after the limits of ``config``: no short, largest weight, gross leverage.

    Raises:
        RebalanceError: a weight is not a finite number; names the asset.

    >>> limited({"A": 0.9, "B": -0.2}, RebalanceConfig(max_single_weight=0.5))
    {'A': 0.5, 'B': 0.0}
    """
    least = -config.max_single_weight if config.allow_short else 0.0
    most = config.max_single_weight
    targets: dict[str, float] = {}
    gross = 0.0
    for asset, weight in weights.items():
        if least <= weight <= most:
            target = weight
        elif -math.inf < weight < math.inf:
            target = least if weight < least else most
        else:
            msg = (
                f"target weight of {asset} must be a finite number, was {weight}: leave the asset "
                "out or give 0 to close it"
            )
            raise RebalanceError(msg)
        targets[asset] = target
        gross += abs(target)
    if gross > config.max_gross_leverage:
        scale = config.max_gross_leverage / gross
        targets = {asset: target * scale for asset, target in targets.items()}
    return targets
