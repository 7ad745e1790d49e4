"""Rules that close a position, whatever order opened it: one small value for each.

A rule that names a price rests at the venue as an order from the moment at which the position
opens. A rule that has to look first is asked when a bar has ended, and what it closes is closed by
a market order, which fills as the timing says: at the next bar's open unless told otherwise.

Levels are measured from the average price at which the market stood when the position was entered,
before slippage and impact, as the prices of a bracket are.
"""

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import ClassVar

import attrs

from ml4t.core.errors import ConfigError
from ml4t.core.order_requests import OrderType
from ml4t.simulation.exit_rule import ClosedBar, Entry, ExitOrder

__all__ = [
    "ScaledExit",
    "SignalExit",
    "StopLoss",
    "TakeProfit",
    "TimeExit",
    "TrailingExit",
    "VolatilityStop",
]

_PERCENT = 100.0
_ROUNDING = 1e-9


def _pairs(levels: Iterable[Iterable[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((percent, share) for percent, share in levels)


@attrs.frozen
class _Distance:
    """A distance in percent of a price, or in money per unit.

    Attributes:
        percent: percent of the price.
        amount: money per unit.

    Raises:
        ConfigError: neither or both are given, or the one given is not positive and finite.
    """

    percent: float | None = None
    amount: float | None = None

    def __attrs_post_init__(self) -> None:
        name = type(self).__name__
        if (self.percent is None) == (self.amount is None):
            msg = f"{name} needs percent or amount, one of them"
            raise ConfigError(msg)
        for field in ("percent", "amount"):
            number = getattr(self, field)
            if number is not None and not 0 < number < math.inf:
                msg = f"{field} of {name} must be positive and finite, was {number}"
                raise ConfigError(msg)

    def of(self, price: float) -> float:
        """The distance from ``price``, money per unit."""
        return self.amount if self.amount is not None else price * (self.percent or 0.0) / _PERCENT


@attrs.frozen
class StopLoss(_Distance):
    """A stop order at a loss.

    Attributes:
        percent: the loss in percent of the average entry price.
        amount: the loss in money per unit; give one of the two.

    Raises:
        ConfigError: neither or both are given, or the one given is not positive and finite.

    >>> from ml4t.simulation.exit_rule import Entry
    >>> StopLoss(percent=5).orders(Entry(1, 200.0, lambda length: None))[0].price
    190.0
    """

    order_type: ClassVar[OrderType] = OrderType.STOP

    def orders(self, entry: Entry) -> tuple[ExitOrder, ...]:
        """One stop."""
        return (ExitOrder("exit: stop loss", OrderType.STOP, self._level(entry)),)

    def decision(self, moment: ClosedBar) -> str:  # noqa: ARG002
        """Never: the order rests."""
        return ""

    def agrees(self, moment: ClosedBar) -> bool:
        """Whether the close is at the stop or worse."""
        return _is_lost(moment, self._level(moment.entry))

    def _level(self, entry: Entry) -> float:
        return entry.level(-self.of(entry.price))


@attrs.frozen
class TakeProfit(_Distance):
    """A limit order at a profit.

    Attributes:
        percent: the profit in percent of the average entry price.
        amount: the profit in money per unit; give one of the two.

    Raises:
        ConfigError: neither or both are given, or the one given is not positive and finite.
    """

    order_type: ClassVar[OrderType] = OrderType.LIMIT

    def orders(self, entry: Entry) -> tuple[ExitOrder, ...]:
        """One limit."""
        return (ExitOrder("exit: take profit", OrderType.LIMIT, self._level(entry)),)

    def decision(self, moment: ClosedBar) -> str:  # noqa: ARG002
        """Never: the order rests."""
        return ""

    def agrees(self, moment: ClosedBar) -> bool:
        """Whether the close is at the limit or better."""
        return moment.entry.is_beyond(moment.bar["close"], self._level(moment.entry))

    def _level(self, entry: Entry) -> float:
        return entry.level(self.of(entry.price))


@attrs.frozen
class TrailingExit(_Distance):
    """A trailing stop that follows the price from the one at which the position opened.

    It follows the market and not the average price, so adding to the position does not move it.

    Attributes:
        percent: how far it follows, in percent of the price, below 100.
        amount: how far it follows, in money per unit; give one of the two.

    Raises:
        ConfigError: neither or both are given, or the one given is not positive and finite.
    """

    order_type: ClassVar[OrderType] = OrderType.TRAILING_STOP

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.percent is not None and self.percent >= _PERCENT:
            msg = f"percent of TrailingExit must be below 100, was {self.percent}"
            raise ConfigError(msg)

    def orders(self, entry: Entry) -> tuple[ExitOrder, ...]:  # noqa: ARG002
        """One trailing stop."""
        tag, kind = "exit: trailing", OrderType.TRAILING_STOP
        return (ExitOrder(tag, kind, trail_amount=self.amount, trail_percent=self.percent),)

    def decision(self, moment: ClosedBar) -> str:  # noqa: ARG002
        """Never: the order rests."""
        return ""

    def agrees(self, moment: ClosedBar) -> bool:
        """Whether the close is as far from the best price since the entry, or farther."""
        return _is_lost(moment, moment.best - moment.entry.sign * self.of(moment.best))


@attrs.frozen
class VolatilityStop:
    """A stop order at a loss of some average true ranges, as known when the entry's bar opened.

    Before the asset has traded for a bar its range is not known, and the stop is placed as soon as
    it is. The distance stays what it was when the position opened.

    Attributes:
        multiple: how many ranges.
        length: over how many bars the range is averaged.

    Raises:
        ConfigError: ``multiple`` is not positive and finite, or ``length`` is less than 1.
    """

    order_type: ClassVar[OrderType] = OrderType.STOP

    multiple: float
    length: int = 14

    def __attrs_post_init__(self) -> None:
        if not 0 < self.multiple < math.inf:
            msg = f"multiple of VolatilityStop must be positive and finite, was {self.multiple}"
            raise ConfigError(msg)
        _require_count(self, "length", self.length)

    def orders(self, entry: Entry) -> tuple[ExitOrder, ...]:
        """One stop, without a price where no range is known."""
        return (ExitOrder("exit: volatility stop", OrderType.STOP, self._level(entry)),)

    def decision(self, moment: ClosedBar) -> str:  # noqa: ARG002
        """Never: the order rests."""
        return ""

    def agrees(self, moment: ClosedBar) -> bool:
        """Whether the close is at the stop or worse."""
        return _is_lost(moment, self._level(moment.entry))

    def _level(self, entry: Entry) -> float | None:
        # A stop at the entry itself, after bars without a range, would close at once.
        width = entry.average_range(self.length)
        return entry.level(-self.multiple * width) if width else None


@attrs.frozen
class TimeExit:
    """Closes after some bars, whatever the price.

    Attributes:
        bars: after how many bars of the asset, the one of the entry included; with 1 the position
            is closed at the open after the bar in which it was opened.

    Raises:
        ConfigError: ``bars`` is less than 1.
    """

    bars: int

    def __attrs_post_init__(self) -> None:
        _require_count(self, "bars", self.bars)

    def orders(self, entry: Entry) -> tuple[ExitOrder, ...]:  # noqa: ARG002
        """None: time has no price."""
        return ()

    def decision(self, moment: ClosedBar) -> str:
        """To close once the time is over."""
        return "exit: time" if self.agrees(moment) else ""

    def agrees(self, moment: ClosedBar) -> bool:
        """Whether so many bars have ended."""
        return moment.bars >= self.bars


@attrs.frozen
class SignalExit:
    """Closes when a signal that comes with the bars is beyond a threshold.

    Attributes:
        column: the name of the signal; a bar in which it is NaN closes nothing.
        above: closes where the signal is greater.
        below: closes where the signal is less; give one of the two.

    Raises:
        ConfigError: neither or both thresholds are given, or the one given is not finite; in a run,
            there is no such column.
    """

    column: str
    above: float | None = None
    below: float | None = None

    def __attrs_post_init__(self) -> None:
        given = [number for number in (self.above, self.below) if number is not None]
        if len(given) != 1 or not math.isfinite(given[0]):
            msg = (
                "SignalExit needs above or below, one of them and finite, was "
                f"above={self.above} and below={self.below}"
            )
            raise ConfigError(msg)

    def orders(self, entry: Entry) -> tuple[ExitOrder, ...]:  # noqa: ARG002
        """None: a signal is known at the close."""
        return ()

    def decision(self, moment: ClosedBar) -> str:
        """To close where the signal says so."""
        return f"exit: signal {self.column}" if self.agrees(moment) else ""

    def agrees(self, moment: ClosedBar) -> bool:
        """Whether the signal of the bar is beyond the threshold."""
        try:
            signal = moment.bar[self.column]
        except KeyError:
            msg = f"SignalExit reads the column {self.column!r}, there are {sorted(moment.bar)}"
            raise ConfigError(msg) from None
        if self.above is not None:
            return signal > self.above
        assert self.below is not None  # noqa: S101 - one of them is given
        return signal < self.below


@attrs.frozen
class ScaledExit:
    """Limit orders at several profits, each of which closes a part.

    The parts are of all that was ever added to the position, rounded down to whole lots so that
    the last of shares that make 1 closes all the rest. What is added after a part has been closed
    goes to the levels that are left in their shares.

    Attributes:
        levels: for each level the profit in percent of the average entry price, ascending, and the
            share of the position that is closed there.

    Raises:
        ConfigError: there is no level, the percents do not ascend from above 0, or the shares are
            not positive or make more than 1.
    """

    levels: tuple[tuple[float, float], ...] = attrs.field(converter=_pairs)

    def __attrs_post_init__(self) -> None:
        percents = [0.0, *(percent for percent, _ in self.levels)]
        ascend = all(lower < higher for lower, higher in pairwise(percents))
        if len(percents) == 1 or not ascend or not percents[-1] < math.inf:
            msg = f"percents of ScaledExit must ascend from above 0, were {percents[1:]}"
            raise ConfigError(msg)
        shares = [share for _, share in self.levels]
        if not all(share > 0 for share in shares) or not sum(shares) <= 1 + _ROUNDING:
            msg = f"shares of ScaledExit must be positive and make 1 at most, were {shares}"
            raise ConfigError(msg)

    def orders(self, entry: Entry) -> tuple[ExitOrder, ...]:
        """One limit for each level."""
        orders: list[ExitOrder] = []
        before = 0.0
        for number, (percent, share) in enumerate(self.levels, 1):
            tag, level = f"exit: scaled {number}", entry.level(entry.price * percent / _PERCENT)
            orders.append(ExitOrder(tag, OrderType.LIMIT, level, share=share, before=before))
            before += share
        return tuple(orders)

    def decision(self, moment: ClosedBar) -> str:  # noqa: ARG002
        """Never: the orders rest."""
        return ""

    def agrees(self, moment: ClosedBar) -> bool:
        """Whether the close is at the last level or better."""
        entry = moment.entry
        last = entry.level(entry.price * self.levels[-1][0] / _PERCENT)
        return entry.is_beyond(moment.bar["close"], last)


def _is_lost(moment: ClosedBar, level: float | None) -> bool:
    return level is not None and moment.entry.sign * (moment.bar["close"] - level) <= 0


def _require_count(rule: object, name: str, number: int) -> None:
    if not number >= 1:
        msg = f"{name} of {type(rule).__name__} must be 1 or more, was {number}"
        raise ConfigError(msg)
