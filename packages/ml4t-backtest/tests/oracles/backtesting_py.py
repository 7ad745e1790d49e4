"""Order programs that backtesting.py ran: trades with stops and targets of their own, and equity.

That engine keeps each entry as a trade of its own, which an order of the other side closes first in
first out; a stop or target closes its own trade. A position here is one number for each asset, so
each entry of a program is sent for a symbol of its own, all of them with the same bars. What fills
where comes from our fills; ``TradeBook`` works out which trade it closes.

What it closes on the last bar because the data end is left out, and so is that bar's equity.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from ml4t.backtest import (
    BacktestResult,
    BrokerProtocol,
    DataFeed,
    OrderSide,
    OrderType,
    SameBarClose,
    TimeInForce,
)
from ml4t.core import MarketSlice, Order
from ml4t.core.order_requests import OrderRequest

from .backtesting_py_lots import Execution, Piece, TradeBook
from .backtrader import submit
from .scenarios import FIELDS, BarStrategy, Scenario, rows_of, table_feed

__all__ = ["LotScenario", "fee_of", "for_each_entry", "load"]

Line = Mapping[str, Any]

TYPES = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stoplimit": OrderType.STOP_LIMIT,
}
PLENTY = 1e12
"""Cash of a run: each entry stays open in a symbol of its own, and nothing there was refused."""
NOT_OURS = {
    "stop": "the bar opens beyond the stop and it fills at the stop, where the market has passed",
    "twice": "it meets the bar a second time since a market order with a stop or target fills",
}
LOTS = "which trade an order of the other side closes is worked out by the test: positions net here"
COSTS = "the spread is added by the test: it is paid at entries only, beyond a limit as well"
END = "what is closed on the last bar because the data end"


class Program(BarStrategy):
    """Sends each entry of a program for the symbol that is called as the order."""

    def __init__(self, lines: Sequence[Line], *, exclusive: bool = False) -> None:
        super().__init__()
        self.exclusive = exclusive
        self.lines: dict[int, list[Line]] = defaultdict(list)
        for line in lines:
            self.lines[line["bar"]].append(line)
        self.entries: set[str] = set()

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        for line in self.lines.get(data.row, ()):
            is_entry = line["type"] in TYPES
            if line["type"] == "cancel_all" or (is_entry and self.exclusive):
                for order in broker.pending_orders:
                    if order.id in self.entries:
                        broker.cancel_order(order.id)
            if line["type"] == "set":
                broker.submit_oco(self._children(line))
            elif is_entry:
                self._enter(line, broker)

    def _enter(self, line: Line, broker: BrokerProtocol) -> None:
        parent = OrderRequest(
            asset=line["id"],
            side=OrderSide(line["side"]),
            quantity=float(line["size"]),
            order_type=TYPES[line["type"]],
            limit_price=line.get("limit"),
            stop_price=line.get("stop"),
            time_in_force=TimeInForce.GTC,
        )
        children = self._children(line)
        orders: Sequence[Order] = [submit(parent, broker)] if not children else ()
        orders = orders or broker.submit_oto(parent, children)
        self.entries.add(orders[0].id)
        self.names[orders[0].id] = line["id"]

    def _children(self, line: Line) -> list[OrderRequest]:
        """The stop, then the target."""
        common: dict[str, Any] = {
            "asset": line["id"],
            "side": OrderSide.SELL if line["side"] == "buy" else OrderSide.BUY,
            "quantity": float(line["size"]),
            "time_in_force": TimeInForce.GTC,
        }
        stop: dict[str, Any] = {"order_type": OrderType.STOP, "stop_price": line.get("sl")}
        target: dict[str, Any] = {"order_type": OrderType.LIMIT, "limit_price": line.get("tp")}
        wanted = [stop] if line.get("sl") else []
        wanted += [target] if line.get("tp") else []
        return [OrderRequest(**common, **leg) for leg in wanted]


@attrs.frozen(kw_only=True)
class LotScenario(Scenario):
    """A program of entries, and the trades that came of it.

    Attributes:
        lines: the program.
        bars: open, high, low, close of each row.
        start: the cash that their equity begins with.
        spread: of the price.
        fee: money for a size at a price.
        pieces: their trades; None where they are not told.
        prices: of their executions, for cases that tell no more.
        precision: of the values that they tell.
        exclusive: whether an entry cancels and closes what was before.
    """

    lines: Sequence[Line]
    bars: Sequence[Sequence[float]]
    start: float
    spread: float = 0.0
    fee: Callable[[float, float], float] = lambda size, price: 0.0
    pieces: Sequence[Piece] | None = None
    prices: Sequence[float] = ()
    precision: float = 0.0
    exclusive: bool = False

    @property
    def told(self) -> int:
        """Entries and exits of their trades."""
        return len(self.prices) if self.pieces is None else 2 * len(self.pieces)

    def assert_same(self, result: BacktestResult) -> Sequence[str]:
        """See the base class."""
        entries, exits = self._executions(result)
        known = {line["id"]: line for line in self.lines if "side" in line}
        guarded = {name for name, line in known.items() if line.get("sl") or line.get("tp")}
        exits = dict.fromkeys(guarded, Execution(-1, 0.0)) | exits
        passed, second = self._as_there(known, entries)
        book = TradeBook(
            self.lines,
            entries | passed,
            exits,
            self.start,
            self.spread,
            self.fee,
            second=second,
            on_close="timing" in self.assumptions,
            exclusive=self.exclusive,
        )
        equity = book.run([bar[0] for bar in self.bars], [bar[3] for bar in self.bars])
        if self.pieces is not None:
            ours, others = sorted(book.pieces), sorted(self.pieces)
            assert [piece[:4] for piece in ours] == [piece[:4] for piece in others]
            for mine, other in zip(ours, others, strict=True):
                assert mine[4:] == pytest.approx(other[4:], rel=0, abs=1e-8), other
        if self.prices:
            made = {price for piece in book.pieces for price in piece[4:]}
            made |= {trade.price for trade in book.trades}
            assert sorted(made) == pytest.approx(sorted(self.prices), rel=0, abs=1e-8)
        rows = list(self.rows) if self.rows is not None else slice(None)
        for curve in self.curves.values():
            values = np.array(equity)[rows]
            np.testing.assert_allclose(values, curve, rtol=1e-9, atol=self.precision)
        why = {"stop": sorted(passed), "twice": sorted(book.met_twice)}
        reasons = [f"{', '.join(found)}: {NOT_OURS[kind]}" for kind, found in why.items() if found]
        return [*self.notes, *reasons]

    def _executions(
        self, result: BacktestResult
    ) -> tuple[dict[str, Execution], dict[str, Execution]]:
        """Our entries and exits by the program's names."""
        entries: dict[str, Execution] = {}
        exits: dict[str, Execution] = {}
        rows = rows_of(self.feed, result.fills["timestamp"])
        lines: list[Any] = list(result.fills.itertuples())
        for row, line in zip(rows, lines, strict=True):
            is_entry = line.order_id in self.strategy.names
            (entries if is_entry else exits)[line.asset] = Execution(row, line.price)
        return entries, exits

    def _as_there(
        self, known: Mapping[str, Line], entries: Mapping[str, Execution]
    ) -> tuple[dict[str, Execution], dict[str, Execution]]:
        """The stop-limit orders that fill there as they never do here, or would in a second try."""
        passed: dict[str, Execution] = {}
        second: dict[str, Execution] = {}
        for name, line in known.items():
            touch = self._touch(line) if line["type"] == "stoplimit" else None
            if touch is None:
                continue
            opened, high, low, _ = self.bars[touch][:4]
            buys, stop, limit = line["side"] == "buy", line["stop"], line["limit"]
            ours = entries.get(name)
            if limit <= stop if buys else limit >= stop:
                if low <= limit if buys else high >= limit:
                    price = min(opened, limit) if buys else max(opened, limit)
                    second[name] = Execution(touch, price)
            elif ours is not None and ours.bar == touch and (opened - stop) * (buys or -1) > 0:
                passed[name] = Execution(touch, stop)
        return passed, second

    def _touch(self, line: Line) -> int | None:
        """The first bar that reaches the stop of an order."""
        rows = range(line["bar"] + 1, len(self.bars))
        buys, stop = line["side"] == "buy", line["stop"]
        reached = (
            row
            for row in rows
            if (self.bars[row][1] >= stop if buys else self.bars[row][2] <= stop)
        )
        return next(reached, None)


def for_each_entry(
    instants: Any, bars: Sequence[Sequence[float]], lines: Sequence[Line]
) -> DataFeed:
    """The same bars for a symbol of each entry."""
    names = sorted(line["id"] for line in lines if "side" in line and line["type"] != "set")
    columns = {
        name: np.repeat(np.array([[bar[place]] for bar in bars], float), len(names), axis=1)
        for place, name in enumerate(FIELDS[:4])
    }
    return DataFeed.from_arrays(instants, names, columns)


def load(path: Path) -> LotScenario:
    """Read a run; ``stored_unit_cases.json`` is for :mod:`.backtesting_py_cases`."""
    file = json.loads(path.read_text())
    settings, lines = file["settings"], file["orders"]
    symbol = file["data"].rpartition("[")[2].rstrip("]")
    feed, days = table_feed([symbol])
    arrays = [feed.panel.arrays[name][:, 0].tolist() for name in FIELDS[:4]]
    bars = list(zip(*arrays, strict=True))
    last = len(days) - 1
    exclusive = settings.get("exclusive_orders", False)
    instants = np.array([time.replace(tzinfo=None) for time in feed.times], "M8[us]")
    return LotScenario(
        name=file["name"],
        feed=for_each_entry(instants, bars, lines),
        strategy=Program(lines, exclusive=exclusive),
        cash=PLENTY,
        assumptions={"timing": SameBarClose()} if settings.get("trade_on_close") else {},
        curves={"value": np.array([value for _, value in file["equity_curve"][:last]])},
        rows=range(last),
        notes=[LOTS, *([COSTS] if settings.get("spread") else []), END],
        lines=lines,
        bars=bars,
        start=settings["cash"],
        exclusive=exclusive,
        spread=settings.get("spread", 0.0),
        fee=fee_of(settings.get("commission", 0.0)),
        pieces=[piece_of(trade) for trade in file["trades"] if trade["ExitBar"] != last],
    )


def piece_of(trade: Line) -> Piece:
    """A line of their table of trades."""
    names = ("Tag", "Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice")
    return Piece(*(trade[name] for name in names))


def fee_of(commission: Any) -> Callable[[float, float], float]:
    """A share of the value, perhaps after a fixed amount."""
    fixed, share = commission if isinstance(commission, Sequence) else (0.0, commission)
    return lambda size, price: fixed + abs(size) * price * share
