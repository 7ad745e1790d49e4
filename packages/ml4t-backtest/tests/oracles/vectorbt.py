"""Arrays that vectorbt simulated: sizes or signals by row, and the orders, cash and values it made.

An order fills at the price of its own row. Where that is the close, it is a fill at the close that
was decided on. Where it is another column (``price="open"``), valued at that column too, a day is
two bars here: a flat one of that price, on which the order is decided and filled, then the day.

The sizes are worked out by vectorbt's rules: all the cash is what buys with the fee on top, and of
several orders with one purse those of the smallest value go first, sales before purchases.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ml4t.backtest import (
    BasisPoints,
    BrokerProtocol,
    DataFeed,
    Fill,
    OrderSide,
    OrderType,
    Percentage,
    SameBarClose,
    TimeInForce,
)
from ml4t.core import MarketSlice
from ml4t.core.order_requests import OrderRequest
from ml4t.simulation.commission import CombinedCommission, PerOrder

from .scenarios import FIELDS, BarStrategy, ExpectedFill, Scenario, small_feed, table_feed
from .vectorbt_sizes import Rules

__all__ = ["load"]

ROUNDED = 1e-9
"""Their files state sizes and prices with ten decimals."""


class Sizes(BarStrategy):
    """Sends what a row of sizes asks for, at the close of the row's bar."""

    def __init__(self, sizes: Mapping[int, Mapping[str, float]], rules: Rules) -> None:
        super().__init__()
        self.sizes, self.rules = sizes, rules

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        wanted = self.sizes.get(data.row)
        if not wanted:
            return
        cash, value = broker.get_cash(), broker.get_account_value()
        prices = {asset: data[asset]["close"] for asset in wanted}

        def changed(asset: str, money: float) -> float:
            position = broker.get_position(asset)
            held = position.quantity if position else 0.0
            return self.rules.change(wanted[asset], held, money, value, prices[asset])

        # Sales come first with the money that they bring; what a purchase is worth is not bounded.
        for asset in sorted(wanted, key=lambda name: changed(name, math.inf) * prices[name]):
            change = changed(asset, cash)
            if abs(change) > ROUNDED:
                order = broker.submit_order(asset, change)
                self.names[order.id] = f"{data.row} {asset}"
                cash = self.rules.cash_after(cash, change, prices[asset])


class Signals(BarStrategy):
    """Enters and leaves at the close of the bars that say so, perhaps with a stop and a target."""

    def __init__(self, entries: Sequence[bool], exits: Sequence[bool], rules: Rules) -> None:
        super().__init__()
        self.entries, self.exits, self.rules = entries, exits, rules
        self.row, self.stopped_in = 0, -1
        self.asset = ""
        self.trail_from: float | None = None

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        if fill.rule != SameBarClose.rule:
            self.stopped_in = self.row

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        # Fills of a bar are told before its data, those at its close with the next bar.
        self.row = data.row + 1
        if self.stopped_in == data.row:
            return
        (self.asset,) = data
        bar = data[self.asset]
        position = broker.get_position(self.asset)
        held = position.quantity if position else 0.0
        if held and self._left_at_close(held, bar, broker):
            return
        enters, leaves = self.entries[data.row], self.exits[data.row]
        if enters == leaves:
            return
        wanted = self._wanted(enters, held, broker.get_cash(), bar["close"])
        if wanted:
            self._trade(wanted, held, bar["close"], broker)

    def _wanted(self, enters: bool, held: float, cash: float, price: float) -> float:
        """The change that a signal asks for; 0 where the position is as it says."""
        direction, size = self.rules.direction, self.rules.size
        sign = -1.0 if enters == (direction == "shortonly") else 1.0
        opens = enters or direction == "both"
        if not opens:
            return -held
        if held * sign > 0:
            return 0.0
        size = size if math.isfinite(size) else self.rules.affordable(cash + held * price, price)
        return sign * size - held

    def _trade(self, change: float, held: float, price: float, broker: BrokerProtocol) -> None:
        for order in broker.pending_orders:
            broker.cancel_order(order.id)
        children = self._children(change, price) if abs(change) > abs(held) else []
        parent = OrderRequest(
            asset=self.asset,
            side=OrderSide.BUY if change > 0 else OrderSide.SELL,
            quantity=abs(change),
        )
        if children:
            orders = broker.submit_oto(parent, children)
        else:
            orders = (broker.submit_order(parent.asset, parent.quantity, parent.side),)
        self.names |= {order.id: "" for order in orders}

    def _children(self, change: float, price: float) -> list[OrderRequest]:
        """The stop, then the target, as far as they rest in the market."""
        rules, sign = self.rules, math.copysign(1.0, change)
        if rules.stop_exit_price == "Close":
            return []
        side = OrderSide.SELL if sign > 0 else OrderSide.BUY
        common: dict[str, Any] = {
            "asset": self.asset,
            "side": side,
            "quantity": abs(change),
            "time_in_force": TimeInForce.GTC,
        }
        children = []
        if rules.sl_stop and rules.sl_trail:
            trail: dict[str, Any] = {
                "order_type": OrderType.TRAILING_STOP,
                "trail_percent": rules.sl_stop * 100,
            }
            children.append(OrderRequest(**common, **trail))
        elif rules.sl_stop:
            stop: dict[str, Any] = {
                "order_type": OrderType.STOP,
                "stop_price": price * (1 - sign * rules.sl_stop),
            }
            children.append(OrderRequest(**common, **stop))
        if rules.tp_stop:
            target = price * (1 + sign * rules.tp_stop)
            children.append(OrderRequest(**common, order_type=OrderType.LIMIT, limit_price=target))
        return children

    def _left_at_close(self, held: float, bar: Mapping[str, float], broker: BrokerProtocol) -> bool:
        """Leave at the close of a bar that has touched stop or target, where that is the rule."""
        rules = self.rules
        if rules.stop_exit_price != "Close":
            return False
        sign = math.copysign(1.0, held)
        position = broker.get_position(self.asset)
        assert position is not None
        entry = position.average_price if self.trail_from is None else self.trail_from
        worst, best = (bar["low"], bar["high"]) if sign > 0 else (bar["high"], bar["low"])
        hit = rules.sl_stop and sign * (worst - entry * (1 - sign * rules.sl_stop)) <= 0
        start = position.average_price
        hit = hit or (rules.tp_stop and sign * (best - start * (1 + sign * rules.tp_stop)) >= 0)
        if rules.sl_trail:
            self.trail_from = max(entry, best) if sign > 0 else min(entry, best)
        if hit:
            self.trail_from = None
            self.names[broker.submit_order(self.asset, -held).id] = ""
        return bool(hit)


def load(path: Path) -> list[Scenario]:
    """Read a file of the vectorbt folder: one scenario for each purse."""
    file = json.loads(path.read_text())
    inputs = file["inputs"]
    if "rebalance" in inputs:
        return [load_rebalance(file)]
    if "rule" in inputs:
        return [load_cross(file, symbol) for symbol in file["final_value"]]
    return [load_tiny(file)]


def assumptions_of(rules: Rules) -> dict[str, Any]:
    """What the settings ask for, as fields of a configuration."""
    chosen: dict[str, Any] = {}
    if rules.slippage:
        chosen["slippage"] = BasisPoints(rules.slippage * 1e4)
    parts = [Percentage(rules.fees)] if rules.fees else []
    if rules.fixed_fees:
        chosen["commission"] = CombinedCommission([*parts, PerOrder(rules.fixed_fees)])
    elif parts:
        chosen["commission"] = parts[0]
    return chosen


def load_tiny(file: Mapping[str, Any]) -> Scenario:
    """A few rows of arrays, one symbol."""
    settings, inputs = file["settings"], file["inputs"]
    close = inputs["close"]
    bars = list(zip(*(inputs.get(name, close) for name in FIELDS[:4]), strict=True))
    strategy: BarStrategy
    if "entries" in inputs:
        rules = Rules.of(settings, direction="longonly")
        exits = inputs.get("exits") or [False] * len(close)
        strategy = Signals(inputs["entries"], exits, rules)
    else:
        rules = Rules.of(settings)
        sizes = {
            row: {"A": float(size)} for row, size in enumerate(inputs["size"]) if size is not None
        }
        strategy = Sizes(sizes, rules)
    days = [f"2020-01-{1 + row:02}" for row in range(len(close))]
    return Scenario(
        name=file["name"],
        feed=small_feed(bars),
        strategy=strategy,
        cash=settings["init_cash"],
        assumptions=assumptions_of(rules),
        fills=fills_in(file["orders"], days, ["A"], stops=isinstance(strategy, Signals)),
        curves={name: np.array(file[name], float) for name in ("value", "cash")},
    )


def load_cross(file: Mapping[str, Any], symbol: str) -> Scenario:
    """Two moving averages that cross, one symbol with a purse of its own."""
    settings, rules = file["settings"], Rules.of(file["settings"], direction="longonly")
    (numbers,) = re.findall(r"SMA(\d+) crosses above SMA(\d+)", file["inputs"]["rule"])
    feed, days = table_feed([symbol])
    entries, exits = crosses(feed.panel.arrays["close"][:, 0], *map(int, numbers))
    orders = [line for line in file["orders"] if line["Column"] == symbol]
    return Scenario(
        name=f"{file['name']}[{symbol}]",
        feed=feed,
        strategy=Signals(entries, exits, rules),
        cash=settings["init_cash"],
        assumptions=assumptions_of(rules),
        fills=fills_in(orders, days, [symbol], stops=True),
        curves={name: np.array(file[name][symbol], float) for name in ("value", "cash")},
    )


def crosses(close: Any, fast: int, slow: int) -> tuple[list[bool], list[bool]]:
    """Where the fast mean comes to be above, or below, the slow one."""

    def mean(length: int, row: int) -> float:
        return float(np.mean(close[row - length + 1 : row + 1]))

    sides = [
        np.sign(mean(fast, row) - mean(slow, row)) if row >= slow - 1 else 0.0
        for row in range(len(close))
    ]
    before, entries, exits = 0.0, [], []
    for side in sides:
        entries.append(bool(side > 0 > before))
        exits.append(bool(side < 0 < before))
        before = side or before
    return entries, exits


def load_rebalance(file: Mapping[str, Any]) -> Scenario:
    """Weights of several symbols, one purse."""
    settings, rules = file["settings"], Rules.of(file["settings"])
    lines = file["inputs"]["rebalance"]
    symbols = sorted(lines[0]["weights"])
    feed, days = table_feed(symbols)
    column = settings.get("price", "close")
    later = 0 if column == "close" else 1
    scale = 1
    if later:
        feed, scale = two_bars_a_day(feed, column), 2
    weights = {(line["bar"] + later) * scale: line["weights"] for line in lines}
    fills = fills_in(file["orders"], days, symbols, stops=False)
    return Scenario(
        name=file["name"],
        feed=feed,
        strategy=Sizes(weights, rules),
        cash=settings["init_cash"],
        assumptions=assumptions_of(rules),
        fills=[
            fill._replace(bar=fill.bar * scale, order=f"{fill.bar * scale} {fill.asset}")
            for fill in fills
        ],
        curves={name: np.array(file[name], float) for name in ("value", "cash")},
        rows=range(1, len(days) * 2, 2) if later else None,
    )


def two_bars_a_day(feed: DataFeed, column: str) -> DataFeed:
    """Each bar after a flat one of one of its prices."""
    arrays = feed.panel.arrays
    count = len(feed)
    columns = {
        name: np.repeat(arrays[name], 2, axis=0) for name in FIELDS if arrays.get(name) is not None
    }
    for name in FIELDS[:4]:
        columns[name][::2] = arrays[column]
    ends = np.array([time.replace(tzinfo=None) for time in feed.times], "M8[us]")
    instants = np.repeat(ends, 2)
    instants[::2] -= np.timedelta64(6, "h")
    assert len(instants) == 2 * count
    return DataFeed.from_arrays(instants, list(feed.assets), columns)


def fills_in(
    lines: Sequence[Mapping[str, Any]], days: Sequence[str], symbols: Sequence[str], *, stops: bool
) -> list[ExpectedFill]:
    """Their orders, each of which is one fill; called by row and symbol as the strategies do.

    With ``stops`` orders have no names, since a resting one and one of that bar look the same.
    """
    fills = []
    for line in lines:
        row = days.index(line["Timestamp"][:10])
        asset = line["Column"] if line["Column"] in symbols else symbols[0]
        sign = 1 if line["Side"] == "Buy" else -1
        name = "" if stops else f"{row} {asset}"
        fills.append(
            ExpectedFill(row, name, asset, sign * line["Size"], line["Price"], line["Fees"])
        )
    return fills
