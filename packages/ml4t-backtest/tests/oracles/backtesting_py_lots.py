"""How backtesting.py makes trades of executions: one of each entry, closed first in first out.

A position here is one number for each asset, so this is not a rule of ours. Bars and prices come
from our fills; what is worked out is only which trade an execution closes.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import attrs

__all__ = ["Execution", "Piece", "TradeBook"]


class Execution(NamedTuple):
    """Where an order filled."""

    bar: int
    price: float


class Piece(NamedTuple):
    """A trade or a part of one, from entry to exit."""

    order: str
    size: float
    entry_bar: int
    exit_bar: int
    entry_price: float
    exit_price: float


@attrs.define(eq=False)
class Trade:
    """What is open of one entry."""

    order: str
    size: float
    bar: int
    price: float


@attrs.frozen(eq=False)
class Waiting:
    """An order in the queue: of a trade or, without one, an entry; perhaps for a part of it."""

    order: str
    trade: Trade | None = None
    size: float = math.inf


class TradeBook:
    """Trades, cash and the queue of orders, bar by bar.

    Args:
        lines: the program.
        entries: where each entry filled.
        exits: where stop or target of each entry filled, if nothing else closed it before.
        cash: to start with.
        spread: of the price, paid at the entry.
        fee: money for a size at a price.
        second: where an entry would fill if it met its bar a second time. All orders do after a
            market order with a stop or target has opened a trade.
        on_close: whether orders at market fill at the close they were decided on.
        exclusive: whether an entry cancels and closes what was before.
    """

    def __init__(  # noqa: PLR0913 - what trades are made of
        self,
        lines: Sequence[Mapping[str, Any]],
        entries: Mapping[str, Execution],
        exits: Mapping[str, Execution],
        cash: float,
        spread: float = 0.0,
        fee: Callable[[float, float], float] = lambda size, price: 0.0,
        *,
        second: Mapping[str, Execution] = MappingProxyType({}),
        on_close: bool = False,
        exclusive: bool = False,
    ) -> None:
        self.lines: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for line in lines:
            self.lines[line["bar"]].append(line)
        self.sizes = {
            line["id"]: math.copysign(line["size"], 1 if line["side"] == "buy" else -1)
            for line in lines
            if "side" in line
        }
        self.entries, self.exits = entries, exits
        self.cash, self.spread, self.fee = cash, spread, fee
        self.on_close, self.exclusive, self.second = on_close, exclusive, second
        self.prompt = {
            line["id"]
            for line in lines
            if line["type"] == "market" and (line.get("sl") or line.get("tp"))
        }
        self.anew = False
        self.met_twice: list[str] = []
        self.trades: list[Trade] = []
        self.queue: list[Waiting] = []
        self.pieces: list[Piece] = []

    def run(self, opens: Sequence[float], closes: Sequence[float]) -> list[float]:
        """Go through all bars; the equity after each."""
        equity = []
        for bar, (opened, close) in enumerate(zip(opens, closes, strict=True)):
            # What an entry puts into the queue is looked at in a second pass.
            self.anew = False
            for late in (False, True):
                self._pass(bar, opened, late=late)
            if self.on_close:
                self._hear(bar)
                self._pass(bar, close)
            gains = (trade.size * (close - trade.price) for trade in self.trades)
            equity.append(self.cash + sum(gains))
            if not self.on_close:
                self._hear(bar)
        return equity

    def _pass(self, bar: int, market: float, *, late: bool = False) -> None:
        for item in self.queue.copy():
            if item not in self.queue:
                continue
            if item.trade is None:
                self._try(item, bar, again=late and self.anew)
            elif math.isfinite(item.size):
                self.queue.remove(item)
                size = min(abs(item.trade.size), item.size)
                self._close(item.trade, size, Execution(bar, market))
            else:
                found = self.exits.get(item.order)
                if found is not None and found.bar == bar:
                    self._close(item.trade, abs(item.trade.size), found)

    def _try(self, item: Waiting, bar: int, *, again: bool) -> None:
        """Whether an entry fills in a bar."""
        found = self.entries.get(item.order)
        second = self.second.get(item.order) if again else None
        if second is not None and second.bar == bar:
            self.met_twice.append(item.order)
            found = second
        if found is not None and found.bar == bar:
            self.queue.remove(item)
            self._enter(item.order, found)

    def _enter(self, order: str, found: Execution) -> None:
        left = self.sizes[order]
        for trade in self.trades.copy():
            if left and trade.size * left < 0:
                closed = min(abs(left), abs(trade.size))
                self._close(trade, closed, found)
                left -= math.copysign(closed, left)
        if not left:
            return
        price = found.price * (1 + math.copysign(self.spread, left))
        trade = Trade(order, left, found.bar, price)
        self.trades.append(trade)
        self.cash -= self.fee(left, price)
        self.anew = self.anew or order in self.prompt
        if order in self.exits:
            self.queue.insert(0, Waiting(order, trade))

    def _close(self, trade: Trade, size: float, found: Execution) -> None:
        piece = math.copysign(size, trade.size)
        if not piece or trade not in self.trades:
            return
        ends = (trade.bar, found.bar, trade.price, found.price)
        self.pieces.append(Piece(trade.order, piece, *ends))
        self.cash += piece * (found.price - trade.price) - self.fee(piece, found.price)
        trade.size -= piece
        if not trade.size:
            self.trades.remove(trade)
            self.queue = [item for item in self.queue if item.trade is not trade]

    def _hear(self, bar: int) -> None:
        """What the program says at the close of a bar."""
        for line in self.lines.get(bar, ()):
            is_entry = line["type"] not in ("cancel_all", "close", "set")
            if line["type"] == "cancel_all" or (is_entry and self.exclusive):
                # Stops and targets stay; orders to close do not.
                self.queue = [
                    item for item in self.queue if item.trade is not None and math.isinf(item.size)
                ]
            if line["type"] == "close" or (is_entry and self.exclusive):
                self._send_closing(line)
            if is_entry:
                self.queue.append(Waiting(line["id"]))

    def _send_closing(self, line: Mapping[str, Any]) -> None:
        """Orders to close a part of each trade, or of one."""
        for trade in self.trades:
            if line.get("of", trade.order) == trade.order:
                size = max(1, round(abs(trade.size) * line.get("portion", 1.0)))
                self.queue.insert(0, Waiting(line["id"], trade, size))
