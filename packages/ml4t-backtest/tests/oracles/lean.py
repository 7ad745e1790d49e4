"""Tables of LEAN's own tests: one order that meets one bar, fees, and slippage by volume share.

The sizing cases have a test of their own. An order is decided on a bar that reaches neither limit
nor stop, so that the case's bar is the first to be met.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ml4t.backtest import BrokerProtocol, OrderSide, OrderType, TimeInForce
from ml4t.core import MarketSlice

from .scenarios import BarStrategy, ExpectedFill, Scenario, small_feed

__all__ = ["fill_cases"]

TYPES = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stop_limit": OrderType.STOP_LIMIT,
    "stoplimit": OrderType.STOP_LIMIT,
}


class OneOrder(BarStrategy):
    """Sends the case's order on the first bar."""

    def __init__(self, case: Mapping[str, Any]) -> None:
        super().__init__()
        self.case = case

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        if data.row:
            return
        order = broker.submit_order(
            "A",
            1,
            OrderSide(self.case["side"]),
            TYPES[self.case["type"]],
            self.case.get("limit"),
            self.case.get("stop"),
            time_in_force=TimeInForce.GTC,
        )
        self.names[order.id] = "o"


def fill_cases(path: Path) -> list[Scenario]:
    """The fill table of ``lean_fill_fee_slippage_unit_cases.json``."""
    return [
        Scenario(
            name=f"{case['type']}-{case['side']}-{number}",
            feed=small_feed([case["bar"], case["bar"]]),
            strategy=OneOrder(case),
            cash=1e6,
            fills=expected(case),
        )
        for number, case in enumerate(json.loads(path.read_text())["fills"])
    ]


def expected(case: Mapping[str, Any]) -> list[ExpectedFill]:
    """The fill of a case, or none."""
    sign = OrderSide(case["side"]).sign
    return [] if case["fill"] is None else [ExpectedFill(1, "o", "A", sign, case["fill"])]
