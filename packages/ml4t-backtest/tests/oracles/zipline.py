"""Runs of zipline and cases of its own tests: orders, transactions, and value and cash by day.

zipline fills in the next bar, at its close, and never lets an order expire. Names of its models
are read from the text of the settings, such as ``VolumeShareSlippage(0.025,0.1)``.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ml4t.backtest import (
    BasisPoints,
    BrokerProtocol,
    FixedAmount,
    OrderSide,
    OrderType,
    Percentage,
    PerShare,
    TimeInForce,
)
from ml4t.core import MarketSlice
from ml4t.simulation.commission import (
    CombinedCommission,
    Commission,
    MinimumPerOrder,
    PerContract,
    PerOrder,
)
from ml4t.simulation.participation import VolumeShare
from ml4t.simulation.slippage import VolumeImpact

from .scenarios import BarStrategy, ExpectedFill, Scenario, oracle_path, small_feed, table_feed

__all__ = ["commission_of", "load", "small_cases"]

Line = Mapping[str, Any]

TYPES = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stoplimit": OrderType.STOP_LIMIT,
    "stop_limit": OrderType.STOP_LIMIT,
}
STATUSES = {2: "cancelled", 3: "rejected"}


class Program(BarStrategy):
    """Sends and cancels the orders of a program, each at the close of its bar."""

    def __init__(self, lines: Sequence[Line]) -> None:
        super().__init__()
        self.lines = lines
        self.sent: dict[str, str] = {}

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        for line in self.lines:
            if line["bar"] != data.row:
                continue
            if line["type"] == "cancel":
                broker.cancel_order(self.sent[line["target"]])
                continue
            order = broker.submit_order(
                line["symbol"],
                abs(line["amount"]),
                OrderSide.BUY if line["amount"] > 0 else OrderSide.SELL,
                TYPES[line["type"]],
                line.get("limit"),
                line.get("stop"),
                time_in_force=TimeInForce.GTC,
            )
            self.sent[line["id"]] = order.id
            self.names[order.id] = line["id"]


def load(path: Path) -> Scenario:
    """Read a run of the zipline folder; ``stored_unit_cases.json`` is for :func:`small_cases`."""
    file = json.loads(path.read_text())
    lines, raw = file["orders_submitted"], "raw_ca" in file["data"]
    symbols = sorted({line["symbol"] for line in lines if "symbol" in line})
    feed, days = table_feed(symbols, file="data/synth_daily_raw_ca.csv" if raw else TABLE)
    curve = file["curve"]
    whole = before_actions(days, symbols) if raw else len(days)
    return Scenario(
        name=file["name"],
        feed=feed,
        strategy=Program(lines),
        cash=file["initial_cash"],
        assumptions=slippage_of(file["slippage"]) | commission_in(file["commission"]),
        fills=[
            ExpectedFill(
                days.index(line["date"]),
                line["order"],
                line["symbol"],
                line["amount"],
                line["price"],
            )
            for line in file["transactions"]
        ],
        fees={order["id"]: order["commission"] for order in file["orders_final"]},
        ended={
            status: {
                order["id"]: days.index(order["last"])
                for order in file["orders_final"]
                if order["status"] == number
            }
            for number, status in STATUSES.items()
        },
        curves={
            name: np.array([line[name] for line in curve[:whole]]) for name in ("value", "cash")
        },
        rows=range(whole),
        notes=[ACTIONS] if whole < len(days) else [],
    )


def before_actions(days: Sequence[str], symbols: Sequence[str]) -> int:
    """How many days pass before one of the symbols is split or pays a dividend."""
    actions = json.loads(oracle_path("data/corporate_actions.json").read_text())
    dates = [action["ex_date"] for action in actions if action["symbol"] in symbols]
    return sum(day < min(dates, default="9999") for day in days)


TABLE = "data/synth_daily.csv"
ACTIONS = "values from the first split or dividend on: a backtest here has neither"


def call_in(text: str) -> tuple[str, list[float]]:
    """Name and numbers of ``Name(1, 2)``; no number where None stands."""
    name, _, rest = text.partition("(")
    return name.strip(), [float(number) for number in re.findall(r"-?\d*\.?\d+", rest)]


def slippage_of(text: str) -> dict[str, Any]:
    """The slippage, and how much of a bar's volume may fill."""
    name, numbers = call_in(text)
    if name == "FixedSlippage":
        spread = numbers[0] if numbers else 0.0
        return {"slippage": FixedAmount(spread / 2)} if spread else {}
    if name == "FixedBasisPointsSlippage":
        bps, share = [*numbers, *(5.0, 0.1)[len(numbers) :]]
        return {"slippage": BasisPoints(bps), "participation": VolumeShare(share)}
    if name == "VolumeShareSlippage":
        share, impact = [*numbers, *(0.025, 0.1)[len(numbers) :]]
        return {
            "slippage": VolumeImpact(impact, share_limit=share),
            "participation": VolumeShare(share),
        }
    assert name in ("NoSlippage", "none"), f"no slippage stands for {text}"
    return {}


def commission_in(text: str) -> dict[str, Any]:
    """The commission, if any."""
    name, _ = call_in(text)
    return {} if name in ("none", "NoCommission") else {"commission": commission_of(text)}


def commission_of(text: str) -> Commission:
    """The tariff that a text such as ``PerShare(.05,3)`` names."""
    name, numbers = call_in(text)
    if name == "PerShare":
        per_share = PerShare(numbers[0])
        return MinimumPerOrder(per_share, numbers[1]) if numbers[1:] else per_share
    if name == "PerTrade":
        return PerOrder(numbers[0])
    if name == "PerContract":
        cost, exchange_fee, *minimum = numbers
        tariff = CombinedCommission([PerContract(cost), PerOrder(exchange_fee)])
        return MinimumPerOrder(tariff, minimum[0]) if minimum else tariff
    assert name == "PerDollar", f"no commission stands for {text}"
    return Percentage(numbers[0])


def small_cases(file: Mapping[str, Any]) -> list[Scenario]:
    """The slippage cases of their own tests, each a few bars after one on which to decide."""
    table, basis = file["volume_share_slippage"], file["fixed_basis_points"]
    numbers = table["defaults"].values()
    model = f"VolumeShareSlippage({','.join(map(str, numbers))})"
    cases = []
    # Their highs and lows do not hold the closes, which are all that zipline looks at.
    closes, volumes = table["bars"]["close"], table["bars"]["volume"]
    bars = [(*(4 * [close]), volume) for close, volume in zip(closes, volumes, strict=True)]
    for kind in ("limit", "stop_limit"):
        for number, case in enumerate(table[f"{kind}_cases"]):
            rows = case.get("bars") or [case["bar"]]
            chosen = [bars[row] for row in rows]
            fill_row = 1 + rows.index(case.get("fill_bar", rows[-1]))
            cases.append(small_case(f"{kind}-{number}", kind, case, model, chosen, fill_row))
    for number, case in enumerate(table["stop_cases"]):
        bar = (*(4 * [case["close"]]), case["volume"])
        cases.append(small_case(f"stop-{number}", "stop", case, model, [bar], 1))
    bar = tuple(basis["bar"].values())
    for number, case in enumerate(basis["cases"]):
        text = f"FixedBasisPointsSlippage({case['bps']},{case['limit']})"
        filled = case | {"fill_qty": case["fill"], "fill_price": case["price"]}
        filled.pop("limit")
        cases.append(small_case(f"bps-{number}", "market", filled, text, [bar], 1))
    for number, case in enumerate(basis["two_orders"]):
        cases.append(shared_bar(f"two-orders-{number}", case, bar))
    simple = table["simple"]
    filled = {"amount": simple["order"], **simple}
    bar = (*(4 * [simple["close"]]), simple["volume"])
    cases.append(small_case("volume-share", "market", filled, model, [bar], 1))
    for tariff, capital in file["commission_end_to_end"]["capital_used"].items():
        cases.append(fee_case(f"fees-{tariff}", tariff, capital))
    return cases


def shared_bar(name: str, case: Mapping[str, Any], bar: Sequence[float]) -> Scenario:
    """Two orders in one bar, which share what may fill of it."""
    lines = [
        {"id": f"o{number}", "bar": 0, "symbol": "A", "type": "market", "amount": amount}
        for number, amount in enumerate(case["amounts"])
    ]
    prices = [bar[3] * (1 + np.sign(amount) * 5e-4) for amount in case["amounts"]]
    both = enumerate(zip(case["fills"], prices, strict=True))
    return Scenario(
        name=name,
        feed=small_feed([bar, bar]),
        strategy=Program(lines),
        cash=1e6,
        assumptions=slippage_of("FixedBasisPointsSlippage(5,0.1)"),
        fills=[ExpectedFill(1, f"o{n}", "A", filled, price) for n, (filled, price) in both],
    )


def fee_case(name: str, tariff: str, capital: Sequence[float]) -> Scenario:
    """An order of 300 that fills in three bars of 100 units at 10.0, and the cash it takes."""
    line = {"id": "o", "bar": 0, "symbol": "A", "type": "market", "amount": 300}
    spent = np.cumsum([0.0, *capital])
    return Scenario(
        name=name,
        feed=small_feed([(10.0, 10.0, 10.0, 10.0, 100.0)] * (1 + len(capital))),
        strategy=Program([line]),
        cash=1e6,
        assumptions=slippage_of("VolumeShareSlippage(1.0,0)") | commission_in(tariff),
        fills=[ExpectedFill(row + 1, "o", "A", 100.0, 10.0) for row in range(len(capital))],
        curves={"cash": 1e6 + spent},
    )


def small_case(
    name: str,
    kind: str,
    case: Mapping[str, Any],
    slippage: str,
    bars: Sequence[Sequence[float]],
    fill_row: int,
) -> Scenario:
    """One order that meets some bars; a limit or stop is in the case."""
    line = {"id": "o", "bar": 0, "symbol": "A", "type": kind, **case}
    fills = []
    if "fill_qty" in case:
        quantity = np.copysign(case["fill_qty"], case["amount"])
        fills = [ExpectedFill(fill_row, "o", "A", float(quantity), case["fill_price"])]
    return Scenario(
        name=name,
        feed=small_feed([bars[0], *bars]),
        strategy=Program([line | {"bar": 0}]),
        cash=1e6,
        assumptions=slippage_of(slippage),
        fills=fills,
    )
