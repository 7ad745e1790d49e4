"""Order programs that backtesting.py ran: trades with stops and targets of their own, and equity.

That engine keeps each entry as a trade of its own, which an order of the other side closes first in
first out, and lists only trades. Their two ends are the executions here, and those at one price
in one bar are added up: compare with ``net=True``. What it closes
on the last bar because the data end is left out, and so is that bar's equity.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ml4t.backtest import (
    BrokerProtocol,
    OrderSide,
    OrderType,
    Percentage,
    SameBarClose,
    TimeInForce,
)
from ml4t.core import MarketSlice, Order
from ml4t.core.order_requests import OrderRequest
from ml4t.simulation.commission import CombinedCommission, PerTrade
from ml4t.simulation.slippage import BasisPoints

from .backtrader import submit
from .scenarios import BarStrategy, ExpectedFill, Scenario, netted, small_feed, table_feed

__all__ = ["load", "small_case"]

Line = Mapping[str, Any]

TYPES = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stoplimit": OrderType.STOP_LIMIT,
}


class Program(BarStrategy):
    """Sends the orders of a program, each at the close of its bar.

    ``close`` leaves a portion of the position; ``cancel_all`` cancels what is not a stop or target.
    """

    def __init__(self, lines: Sequence[Line], symbol: str, *, exclusive: bool = False) -> None:
        super().__init__()
        self.lines: dict[int, list[Line]] = defaultdict(list)
        for line in lines:
            self.lines[line["bar"]].append(line)
        self.symbol, self.exclusive = symbol, exclusive
        self.entries: set[str] = set()

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        for line in self.lines.get(data.row, ()):
            if line["type"] == "cancel_all":
                self._cancel_entries(broker)
            elif line["type"] == "close":
                self._close(line, broker)
            else:
                self._enter(line, broker)

    def _cancel_entries(self, broker: BrokerProtocol) -> None:
        for order in broker.pending_orders:
            if order.id in self.entries:
                broker.cancel_order(order.id)

    def _close(self, line: Line, broker: BrokerProtocol) -> None:
        position = broker.get_position(self.symbol)
        if position is not None:
            left = max(1, round(abs(position.quantity) * line.get("portion", 1.0)))
            side = OrderSide.SELL if position.quantity > 0 else OrderSide.BUY
            order = broker.submit_order(self.symbol, left, side, reduce_only=True)
            self.names[order.id] = line["id"]

    def _enter(self, line: Line, broker: BrokerProtocol) -> None:
        if self.exclusive:
            self._cancel_entries(broker)
            broker.close_position(self.symbol)
        side, orders = OrderSide(line["side"]), list[Order]()
        parent = OrderRequest(
            asset=self.symbol,
            side=side,
            quantity=float(line["size"]),
            order_type=TYPES[line["type"]],
            limit_price=line.get("limit"),
            stop_price=line.get("stop"),
            time_in_force=TimeInForce.GTC,
        )
        children = self._children(line, side)
        orders += broker.submit_oto(parent, children) if children else [submit(parent, broker)]
        self.entries.add(orders[0].id)
        self.names |= {order.id: line["id"] for order in orders}

    def _children(self, line: Line, side: OrderSide) -> list[OrderRequest]:
        """The stop, then the target."""
        common: dict[str, Any] = {
            "asset": self.symbol,
            "side": OrderSide.SELL if side is OrderSide.BUY else OrderSide.BUY,
            "quantity": float(line["size"]),
            "time_in_force": TimeInForce.GTC,
        }
        children = []
        if line.get("sl"):
            stop = {"order_type": OrderType.STOP, "stop_price": line["sl"]}
            children.append(OrderRequest(**common, **stop))
        if line.get("tp"):
            limit = {"order_type": OrderType.LIMIT, "limit_price": line["tp"]}
            children.append(OrderRequest(**common, **limit))
        return children


def load(path: Path) -> Scenario:
    """Read a run; ``stored_unit_cases.json`` is for :func:`small_case`."""
    file = json.loads(path.read_text())
    settings = file["settings"]
    symbol = file["data"].rpartition("[")[2].rstrip("]")
    feed, days = table_feed([symbol])
    last = len(days) - 1
    exclusive = settings.get("exclusive_orders", False)
    return Scenario(
        name=file["name"],
        feed=feed,
        strategy=Program(file["orders"], symbol, exclusive=exclusive),
        cash=settings["cash"],
        assumptions=assumptions_of(settings),
        fills=ends_of(file["trades"], symbol, last if settings.get("finalize_trades") else None),
        curves={"value": np.array([value for _, value in file["equity_curve"][:last]])},
        rows=range(last),
        notes=["trades that were closed because the data end are left out"],
    )


def assumptions_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the settings ask for, as fields of a configuration.

    Their spread is paid at the entry only; here a slippage of all fills stands for it.
    """
    chosen: dict[str, Any] = {}
    if settings.get("trade_on_close"):
        chosen["timing"] = SameBarClose()
    if settings.get("spread"):
        chosen["slippage"] = BasisPoints(settings["spread"] * 1e4)
    fee = settings.get("commission")
    if isinstance(fee, Sequence):
        chosen["commission"] = CombinedCommission([PerTrade(fee[0]), Percentage(fee[1])])
    elif fee:
        chosen["commission"] = Percentage(fee)
    return chosen


def ends_of(
    trades: Sequence[Mapping[str, Any]], symbol: str, end: int | None
) -> list[ExpectedFill]:
    """Entry and exit of each trade, without names; exits of bar ``end`` are left out."""
    fills = []
    for trade in trades:
        size = trade["Size"]
        fills.append(ExpectedFill(trade["EntryBar"], "", symbol, size, trade["EntryPrice"]))
        if trade["ExitBar"] != end:
            fills.append(ExpectedFill(trade["ExitBar"], "", symbol, -size, trade["ExitPrice"]))
    return netted(fills)


def small_case(
    bars: Sequence[Sequence[float]], lines: Sequence[Line], settings: Mapping[str, Any]
) -> Scenario:
    """A few bars and orders, as the cases of ``stored_unit_cases.json`` tell them in words."""
    return Scenario(
        name="small",
        feed=small_feed(bars),
        strategy=Program(lines, "A"),
        cash=settings.get("cash", 10_000.0),
        assumptions=assumptions_of(settings),
    )


def small_cases(file: Mapping[str, Any]) -> list[Scenario]:
    return []
