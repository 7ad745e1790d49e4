"""Round trips: which sale closed which purchase, first in first out."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from ml4t.core import Fill
from ml4t.core.positions import DUST

__all__ = ["RoundTrip", "round_trips"]


class RoundTrip(NamedTuple):
    """A quantity that was entered by one fill and left by another, or is still held.

    Attributes:
        asset: the symbol.
        side: "long" or "short".
        quantity: units, positive.
        entry_time, entry_price: of the fill that opened it.
        exit_time, exit_price: of the fill that closed it; None and the last mark where it is open.
        fees: its share of the fees of both fills.
        profit: money gained after ``fees``; unrealised where it is open.
        is_open: whether it is still held.
    """

    asset: str
    side: str
    quantity: float
    entry_time: datetime
    entry_price: float
    exit_time: datetime | None
    exit_price: float
    fees: float
    profit: float
    is_open: bool


class _Lot:
    """What is left of one opening fill."""

    __slots__ = ("fill", "quantity")

    def __init__(self, fill: Fill, quantity: float) -> None:
        self.fill = fill
        self.quantity = quantity


def round_trips(
    fills: Iterable[Fill], multipliers: Mapping[str, float], marks: Mapping[str, float]
) -> Iterator[RoundTrip]:
    """Pair the fills of each asset first in first out.

    Every unit of every fill is in exactly one entry or exit, so the profits sum to the change of
    the account's equity. A fill that flips the position closes with one part and opens with the
    other, its fee split by quantity.

    Args:
        fills: in order of time.
        multipliers: money per point and unit, by symbol.
        marks: the price at which what is still held is valued, by symbol.

    Yields:
        Closed round trips in the order of their exits, then those still open by symbol.
    """
    book: dict[str, deque[_Lot]] = {}
    for fill in fills:
        lots = book.setdefault(fill.asset, deque())
        left = fill.quantity
        while left > DUST * fill.quantity and lots and lots[0].fill.side is not fill.side:
            lot = lots[0]
            closed = min(left, lot.quantity)
            fees = _fee_share(lot.fill, closed) + _fee_share(fill, closed)
            yield _trip(lot, closed, fees, multipliers[fill.asset], fill.timestamp, fill.price)
            left -= closed
            lot.quantity -= closed
            if lot.quantity <= DUST * lot.fill.quantity:
                lots.popleft()
        if left > DUST * fill.quantity:
            lots.append(_Lot(fill, left))
    for asset in sorted(book):
        for lot in book[asset]:
            fees = _fee_share(lot.fill, lot.quantity)
            yield _trip(lot, lot.quantity, fees, multipliers[asset], None, marks[asset])


def _fee_share(fill: Fill, quantity: float) -> float:
    """The part of a fill's fee that belongs to ``quantity`` of its units."""
    return fill.fee * (quantity / fill.quantity)


def _trip(
    lot: _Lot,
    quantity: float,
    fees: float,
    multiplier: float,
    exit_time: datetime | None,
    exit_price: float,
) -> RoundTrip:
    entry = lot.fill
    gain = (exit_price - entry.price) * entry.side.sign * quantity * multiplier
    return RoundTrip(
        entry.asset,
        "long" if entry.side.sign > 0 else "short",
        quantity,
        entry.timestamp,
        entry.price,
        exit_time,
        exit_price,
        fees,
        gain - fees,
        exit_time is None,
    )
