"""The only book-keeper: cash and positions from a stream of fills."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from ml4t.core.errors import InvalidValueError
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderSide
from ml4t.core.positions import Position

__all__ = ["Ledger"]

# A global: Python 3.11 takes as long to look up a member of an enumeration as to call a function.
_BUY = OrderSide.BUY


class Ledger:
    """Cash and positions after every fill applied so far.

    Money moves with each fill: a buy takes ``quantity * price * multiplier`` and the fee out of
    the cash, a sell puts the value in and takes the fee out. Longs, shorts and flips through zero
    follow :meth:`~ml4t.core.positions.Position.after`.

    Args:
        cash: the money to start with.
        multipliers: money per point and unit by symbol; 1 for a symbol that is not in it.

    Raises:
        InvalidValueError: ``cash`` is not finite.

    >>> from datetime import UTC, datetime
    >>> from ml4t.core.order_requests import OrderSide
    >>> book = Ledger(1_000.0)
    >>> when = datetime(2024, 1, 2, 21, tzinfo=UTC)
    >>> book.apply(Fill("f1", "o1", "SPY", OrderSide.BUY, 2, 100.0, when, fee=1.0)).quantity
    2.0
    >>> book.cash
    799.0
    """

    __slots__ = ("_all", "_cash", "_fees", "_multipliers", "_positions", "_view")

    def __init__(self, cash: float, multipliers: Mapping[str, float] | None = None) -> None:
        if not -math.inf < cash < math.inf:
            msg = f"cash must be finite, was {cash}"
            raise InvalidValueError(msg)
        self._cash = float(cash)
        self._fees = 0.0
        self._multipliers = dict(multipliers or {})
        self._positions: dict[str, Position] = {}
        # Every position there ever was, flat ones included: what trades is looked up once.
        self._all: dict[str, Position] = {}
        self._view: Mapping[str, Position] = MappingProxyType(self._positions)

    @property
    def cash(self) -> float:
        """Money not invested; negative when borrowed."""
        return self._cash

    @property
    def fees(self) -> float:
        """The sum of all fees so far, rebates subtracted."""
        return self._fees

    @property
    def positions(self) -> Mapping[str, Position]:
        """The open positions by symbol, a read-only view that follows the ledger."""
        return self._view

    def position(self, asset: str) -> Position:
        """The position in ``asset``, of quantity 0 where nothing is held."""
        position = self._all.get(asset)
        if position is None:
            position = Position(asset, 0.0, 0.0, self._multipliers.get(asset, 1.0))
            self._all[asset] = position
        return position

    def adopt(self, cash: float, positions: Mapping[str, Position]) -> None:
        """Take an account over as it is, instead of what was booked so far.

        Raises:
            InvalidValueError: ``cash`` is not finite.
        """
        if not -math.inf < cash < math.inf:
            msg = f"cash must be finite, was {cash}"
            raise InvalidValueError(msg)
        self._cash = float(cash)
        self._positions.clear()
        self._positions.update(
            {asset: position for asset, position in positions.items() if position.quantity}
        )
        self._all = dict(self._positions)

    def learn(self, asset: str, multiplier: float) -> None:
        """Take the terms of an asset; a position that is open keeps those it has."""
        self._multipliers[asset] = multiplier
        if asset not in self._positions:
            self._all.pop(asset, None)

    def charge(self, amount: float) -> None:
        """Take money for something other than a fill, such as interest.

        Raises:
            InvalidValueError: ``amount`` is not finite.
        """
        if not -math.inf < amount < math.inf:
            msg = f"a charge must be finite, was {amount}"
            raise InvalidValueError(msg)
        self._cash -= amount

    def apply(self, fill: Fill) -> Position:
        """Book one fill and give the position it leaves, which may be flat.

        The caller sees to it that a fill is applied once.
        """
        signed = fill.quantity if fill.side is _BUY else -fill.quantity
        return self.trade(self.position(fill.asset), signed, fill.price, fill.fee)

    def trade(self, held: Position, signed_quantity: float, price: float, fee: float) -> Position:
        """Book a trade in the asset of ``held``, the position as it is, and give what it leaves.

        This is the one place where a trade changes an account.
        """
        asset = held.asset
        self._all[asset] = position = held.after(signed_quantity, price)
        self._cash -= signed_quantity * price * held.multiplier + fee
        self._fees += fee
        if position.quantity:
            self._positions[asset] = position
        else:
            self._positions.pop(asset, None)
        return position
