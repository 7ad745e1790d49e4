"""What an account is worth and how much of it is at risk, kept up to date within a bar."""

from collections.abc import Callable, Mapping

from ml4t.core.positions import Position

__all__ = ["Exposure"]


class Exposure:
    """Equity and gross value of an account at given marks, moved along with each fill.

    Working it out anew for each fill would cost a pass over all positions.

    Args:
        cash: the money in the account.
        positions: what is held.
        mark: the price of an asset as known before the fills; None for one never traded, which
            counts at its average price.
    """

    __slots__ = ("_mark", "equity", "gross")

    def __init__(
        self, cash: float, positions: Mapping[str, Position], mark: Callable[[str], float | None]
    ) -> None:
        self._mark = mark
        self.equity = cash
        self.gross = 0.0
        for position in positions.values():
            value = position.market_value(self._price(position))
            self.equity += value
            self.gross += abs(value)

    def _price(self, position: Position) -> float:
        return self._mark(position.asset) or position.average_price

    def after(self, before: Position, after: Position, cash_change: float) -> None:
        """Follow one fill that turned ``before`` into ``after`` and moved the cash."""
        price = self._mark(after.asset) or after.average_price or before.average_price
        unit_value = price * after.multiplier
        self.equity += (after.quantity - before.quantity) * unit_value + cash_change
        self.gross += (abs(after.quantity) - abs(before.quantity)) * unit_value
