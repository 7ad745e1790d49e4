"""Several rules that close a position, as one."""

from typing import Any

import attrs

from ml4t.core.errors import ConfigError
from ml4t.core.order_requests import OrderType
from ml4t.simulation.exit_rule import ClosedBar, Entry, ExitOrder, ExitRule
from ml4t.simulation.exit_rules import ScaledExit

__all__ = ["AllOf", "FirstOf"]


def _tuple(rules: Any) -> tuple[ExitRule, ...]:
    return tuple(rules)


@attrs.frozen
class FirstOf:
    """Closes as soon as one of several rules does.

    Attributes:
        rules: the rules, one or more.

    Raises:
        ConfigError: there are none.

    >>> from ml4t.simulation import StopLoss, TakeProfit, TimeExit
    >>> rule = FirstOf([StopLoss(percent=5), TakeProfit(percent=10), TimeExit(20)])
    """

    rules: tuple[ExitRule, ...] = attrs.field(converter=_tuple)

    def __attrs_post_init__(self) -> None:
        _require_rules(self, self.rules)

    def orders(self, entry: Entry) -> tuple[ExitOrder, ...]:
        """Those of all rules."""
        return tuple(order for rule in self.rules for order in rule.orders(entry))

    def decision(self, moment: ClosedBar) -> str:
        """That of the first rule that wants to close."""
        return next((tag for rule in self.rules if (tag := rule.decision(moment))), "")

    def agrees(self, moment: ClosedBar) -> bool:
        """Whether one of the rules does."""
        return any(rule.agrees(moment) for rule in self.rules)


@attrs.frozen
class AllOf:
    """Closes once several rules want it at the same time.

    Stops alone, or targets alone, are one order at the farthest of their levels. Any others are
    asked at the close of each bar: a stop then wants to close where the close is at its level or
    worse, whatever the bar touched.

    Attributes:
        rules: the rules, one or more; none that closes in parts.

    Raises:
        ConfigError: there are none, or one closes in parts.
    """

    rules: tuple[ExitRule, ...] = attrs.field(converter=_tuple)

    def __attrs_post_init__(self) -> None:
        _require_rules(self, self.rules)
        if any(_closes_in_parts(rule) for rule in self.rules):
            msg = "AllOf takes no ScaledExit: a position is closed as a whole once all rules agree"
            raise ConfigError(msg)

    @property
    def order_type(self) -> OrderType | None:
        """The type of the one order that the rules can rest as together; None without one."""
        kinds = {getattr(rule, "order_type", None) for rule in self.rules}
        kind = kinds.pop() if len(kinds) == 1 else None
        return kind if kind is OrderType.STOP or kind is OrderType.LIMIT else None

    def orders(self, entry: Entry) -> tuple[ExitOrder, ...]:
        """One at the farthest level, where the rules can rest together."""
        kind = self.order_type
        if kind is None:
            return ()
        prices = [order.price for rule in self.rules for order in rule.orders(entry)]
        known = [price for price in prices if price is not None]
        farthest = max if (kind is OrderType.LIMIT) == (entry.sign > 0) else min
        price = farthest(known) if len(known) == len(prices) else None
        return (ExitOrder("exit: all", kind, price),)

    def decision(self, moment: ClosedBar) -> str:
        """To close where all rules agree, unless an order rests."""
        return "exit: all" if self.order_type is None and self.agrees(moment) else ""

    def agrees(self, moment: ClosedBar) -> bool:
        """Whether all rules do."""
        return all(rule.agrees(moment) for rule in self.rules)


def _closes_in_parts(rule: ExitRule) -> bool:
    parts: tuple[Any, ...] = getattr(rule, "rules", ())
    return isinstance(rule, ScaledExit) or any(_closes_in_parts(part) for part in parts)


def _require_rules(rule: object, rules: tuple[ExitRule, ...]) -> None:
    if not rules:
        msg = f"{type(rule).__name__} needs one rule or more"
        raise ConfigError(msg)
