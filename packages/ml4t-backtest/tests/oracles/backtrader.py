"""Order programs that backtrader ran: the orders again, and each event and curve it recorded.

An order of the program is sent at the close of its bar. With ``cheat_on_open`` it was sent before
the open, which is the close before. With ``coc`` it filled at that very close, which backtrader
books one bar later. Two commission classes are named without their numbers; these are in the
description.
"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml4t.backtest import (
    BasisPoints,
    BrokerProtocol,
    FixedAmount,
    OrderSide,
    OrderType,
    Percentage,
    PerShare,
    PerTrade,
    SameBarClose,
    TimeInForce,
)
from ml4t.core import MarketSlice, Order
from ml4t.core.order_requests import OrderRequest
from ml4t.simulation.financing import ShortInterestOnCost
from ml4t.simulation.participation import ForEachOrder, UnitsPerBar, VolumeShare
from ml4t.simulation.slippage import NotAtOpen, WithinBar

from .scenarios import BarStrategy, ExpectedFill, Scenario, table_feed

__all__ = ["load"]

Line = Mapping[str, Any]

TYPES = {
    "market": OrderType.MARKET,
    "close": OrderType.MARKET_ON_CLOSE,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stoplimit": OrderType.STOP_LIMIT,
    "stoptrail": OrderType.TRAILING_STOP,
}
STATUSES = {"Expired": "expired", "Canceled": "cancelled", "Margin": "rejected"}
PERCENT = 100.0


class Program(BarStrategy):
    """Sends the orders of a program, each at the close of its bar."""

    def __init__(self, lines: Sequence[Line], symbol: str, earlier: int) -> None:
        super().__init__()
        self.symbol = symbol
        self.groups: dict[int, dict[str, list[Line]]] = defaultdict(dict)
        for line in lines:
            leader = line.get("parent") or line.get("oco") or line["id"]
            self.groups[line["bar"] - earlier].setdefault(leader, []).append(line)

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        for lines in self.groups.get(data.row, {}).values():
            if lines[0]["type"].startswith("target"):
                self._approach(lines[0], data, broker)
            else:
                self._send(lines, timestamp, broker)

    def _send(self, lines: Sequence[Line], now: datetime, broker: BrokerProtocol) -> None:
        requests = [self._request(line, now) for line in lines]
        orders: Sequence[Order]
        if len(requests) == 1:
            orders = [submit(requests[0], broker)]
        elif "parent" in lines[-1]:
            orders = broker.submit_oto(requests[0], requests[1:])
        else:
            orders = broker.submit_oco(requests)
        for line, order in zip(lines, orders, strict=True):
            self.names[order.id] = line["id"]

    def _request(self, line: Line, now: datetime) -> OrderRequest:
        kind, days = TYPES[line["type"]], line.get("valid_days")
        prices = [line.get("price"), line.get("plimit")]
        stop, limit = prices[::-1] if kind is OrderType.LIMIT else prices
        percent = line.get("trailpercent")
        return OrderRequest(
            asset=line.get("symbol", self.symbol),
            side=OrderSide(line["side"]),
            quantity=float(line["size"]),
            order_type=kind,
            limit_price=limit,
            stop_price=stop,
            trail_amount=line.get("trailamount"),
            trail_percent=percent and percent * PERCENT,
            time_in_force=TimeInForce.GTD if days else TimeInForce.GTC,
            good_till=now + timedelta(days=days) if days else None,
        )

    def _approach(self, line: Line, data: MarketSlice, broker: BrokerProtocol) -> None:
        asset = line.get("symbol", self.symbol)
        quantity = change_to_target(line, asset, data[asset]["close"], broker)
        if quantity:
            self.names[broker.submit_order(asset, quantity).id] = line["id"]


def submit(request: OrderRequest, broker: BrokerProtocol) -> Order:
    """Send a request that is already made."""
    return broker.submit_order(
        request.asset,
        request.quantity,
        request.side,
        request.order_type,
        request.limit_price,
        request.stop_price,
        trail_amount=request.trail_amount,
        trail_percent=request.trail_percent,
        time_in_force=request.time_in_force,
        good_till=request.good_till,
    )


def change_to_target(line: Line, asset: str, price: float, broker: BrokerProtocol) -> float:
    """The order by which backtrader approaches a target: whole shares, never past it."""
    position = broker.get_position(asset)
    held = position.quantity if position else 0.0
    if line["type"] == "target_size":
        return float(line["target"] - held)
    of_account = line["type"] == "target_percent"
    target = line["target"] * (broker.get_account_value() if of_account else 1)
    missing = target - held * price
    shares = abs(missing) // price
    return -held if not target else float(shares if missing > 0 else -shares)


def load(path: Path) -> Scenario:
    """Read a file of the backtrader folder."""
    file = json.loads(path.read_text())
    symbols, settings = file["symbols"], file["broker_settings"]
    feed, _ = table_feed(symbols, file["bars"])
    earlier = 1 if settings.get("cheat_on_open") else 0
    return Scenario(
        name=file["name"],
        feed=feed,
        strategy=Program(file["orders"], symbols[0], earlier),
        cash=file["initial_cash"],
        assumptions=assumptions_of(file),
        fills=fills_in(file),
        fees=fees_in(file),
        ended=ends_in(file),
        curves=curves_in(file),
        fills_later=1 if settings.get("coc") else 0,
        notes=notes_on(file),
    )


def assumptions_of(file: Mapping[str, Any]) -> dict[str, Any]:
    """What the file's settings ask for, as fields of a configuration."""
    settings, fees = file["broker_settings"], file["commission"] or {}
    chosen: dict[str, Any] = {}
    if settings.get("coc"):
        chosen["timing"] = SameBarClose()
    if "slip_perc" in settings or "slip_fixed" in settings:
        chosen["slippage"] = slippage_of(settings)
    if settings.get("filler"):
        chosen["participation"] = participation_of(settings["filler"])
    if fees:
        chosen["commission"] = commission_of(fees, file["description"])
    if fees.get("interest"):
        chosen["financing"] = ShortInterestOnCost(fees["interest"])
    return chosen


def slippage_of(settings: Mapping[str, Any]) -> Any:
    """Points or a share of the price, perhaps not at the open, perhaps within the bar."""
    percent, rules = settings.get("slip_perc"), settings.get("slip", {})
    slippage: Any = BasisPoints(percent * 1e4) if percent else FixedAmount(settings["slip_fixed"])
    if not rules.get("slip_out", False):
        slippage = WithinBar(slippage)
    return slippage if rules.get("slip_open", True) else NotAtOpen(slippage)


def participation_of(filler: str) -> Any:
    """From the text of a filler, such as ``('FixedSize', {'size': 1000})``; it asks each order."""
    kind, numbers = ast.literal_eval(filler)
    if kind == "FixedSize":
        return ForEachOrder(UnitsPerBar(numbers["size"]))
    assert kind == "FixedBarPerc", f"no participation stands for {filler}"
    return ForEachOrder(VolumeShare(numbers["perc"] / PERCENT))


def commission_of(fees: Mapping[str, Any], description: str) -> Any:
    """A share of the value, or one of two classes whose numbers are in the description."""
    if "cls" not in fees:
        return Percentage(fees["commission"])
    if fees["cls"] == "PerTrade":
        (amount,) = re.findall(r"flat ([\d.]+)", description) or ["5.0"]
        return PerTrade(float(amount))
    assert fees["cls"] == "PerShareMin", f"no commission stands for {fees}"
    numbers = re.findall(r"([\d.]+)/share, min ([\d.]+)", description) or [("0.005", "1.0")]
    return PerShare(*map(float, numbers[0]))


def fills_in(file: Mapping[str, Any]) -> list[ExpectedFill]:
    """Every execution, those of one event one by one."""
    assets = {line["id"]: line.get("symbol", file["symbols"][0]) for line in file["orders"]}
    return [
        ExpectedFill(event["bar"], event["order"], assets[event["order"]], quantity, price)
        for event in file["events"]
        if event["status"] in ("Partial", "Completed")
        for quantity, price in event["bits"]
    ]


def fees_in(file: Mapping[str, Any]) -> dict[str, float]:
    """The commission of each order: the last event of an order has the whole of it.

    Interest on short positions is added to what backtrader reports of the closing order, after it
    was taken out of the cash: there the curves tell it.
    """
    if (file["commission"] or {}).get("interest"):
        return {}
    return {
        event["order"]: event["commission"] for event in file["events"] if "commission" in event
    }


def ends_in(file: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Orders that ended otherwise than by a fill, by our status; also where there are none."""
    ended: dict[str, dict[str, int]] = {status: {} for status in STATUSES.values()}
    for event in file["events"]:
        if event["status"] in STATUSES:
            ended[STATUSES[event["status"]]][event["order"]] = event["bar"]
    return ended


def curves_in(file: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Value, cash and units after every bar."""
    lines = file["equity_curve"]
    curves = {name: np.array([line[name] for line in lines], float) for name in ("value", "cash")}
    for symbol in file["symbols"]:
        curves[symbol] = np.array([line["pos"][symbol] for line in lines], float)
    return curves


def notes_on(file: Mapping[str, Any]) -> list[str]:
    """What of the file's settings has no counterpart here."""
    slip = file["broker_settings"].get("slip", {})
    return [
        note
        for note, applies in {
            "slip_match is off: no fill where the slipped price leaves the bar": not slip.get(
                "slip_match", True
            ),
        }.items()
        if applies
    ]
