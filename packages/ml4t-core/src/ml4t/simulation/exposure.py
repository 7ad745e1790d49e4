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
        mark: the price of an asset as known before the fills; None for one that had no bar yet,
            which counts at the price it was bought at.
    """

    __slots__ = ("_mark", "_prices", "equity", "gross")

    def __init__(
        self, cash: float, positions: Mapping[str, Position], mark: Callable[[str], float | None]
    ) -> None:
        self._mark = mark
        self._prices: dict[str, float] = {}
        self.equity = cash
        self.gross = 0.0
        for asset, position in positions.items():
            price = self._prices[asset] = mark(asset) or position.average_price
            value = position.market_value(price)
            self.equity += value
            self.gross += abs(value)

    def after(self, before: Position, after: Position, paid: float, fee: float) -> None:
        """Follow one fill at the price ``paid`` that turned ``before`` into ``after``."""
        asset, multiplier = after.asset, after.multiplier
        price = self._prices.get(asset)
        if price is None:
            price = self._prices[asset] = self._mark(asset) or paid
        change = after.quantity - before.quantity
        self.equity += change * (price - paid) * multiplier - fee
        self.gross += (abs(after.quantity) - abs(before.quantity)) * price * multiplier
