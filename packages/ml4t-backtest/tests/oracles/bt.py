"""Target-weight strategies that bt ran: every transaction, and value and cash after every bar.

bt trades at the close it decides on. Its files say which weights, but the days only in words: they
are those on which it traded, since a rebalance without a trade changes nothing. The first line of
a curve is that of the day before the data begin.
"""

import csv
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ml4t.backtest import (
    BrokerProtocol,
    DataFeed,
    RebalanceConfig,
    TargetWeightExecutor,
)
from ml4t.core import MarketSlice

from .scenarios import BarStrategy, ExpectedFill, Scenario, table_feed

__all__ = ["load"]

Weights = Mapping[str, float]


class Rebalances(BarStrategy):
    """Goes for the weights of each row that has some."""

    def __init__(self, weights: Mapping[int, Weights], *, whole: bool) -> None:
        super().__init__()
        self.weights = weights
        self.executor = TargetWeightExecutor(
            RebalanceConfig(allow_fractional=not whole, fee_headroom=0)
        )

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        weights = self.weights.get(data.row)
        if weights is not None:
            for order in self.executor.execute(weights, data, broker):
                self.names[order.id] = f"{data.row} {order.asset}"


def load(path: Path) -> Scenario:
    """Read a file of the bt folder."""
    file = json.loads(path.read_text())
    return load_small(path.stem, file) if "prices" in file else load_run(path, file)


def load_run(path: Path, file: Mapping[str, Any]) -> Scenario:
    """A run over the daily bars."""
    settings, lines = file["settings"], file["transactions"]
    symbols = sorted(file["final_positions"])
    feed, days = table_feed(symbols)
    traded = sorted({line["date"] for line in lines})
    weights: dict[int, Weights]
    if "weights_file" in settings:
        with (path.parent / settings["weights_file"]).open() as table:
            weights = {
                days.index(row["date"]): {symbol: float(row[symbol]) for symbol in symbols}
                for row in csv.DictReader(table)
            }
    else:
        same = settings.get("weights") or dict.fromkeys(symbols, 1 / len(symbols))
        weights = {days.index(day): same for day in traded}
    return Scenario(
        name=file["name"],
        feed=feed,
        strategy=Rebalances(weights, whole=settings["integer_positions"]),
        cash=file["values"][0][1],
        fills=fills_in(lines, days),
        curves={
            "value": np.array([value for _, value in file["values"][1:]]),
            "cash": np.array([value for _, value in file["cash"][1:]]),
        },
    )


def load_small(name: str, file: Mapping[str, Any]) -> Scenario:
    """A case of a few closes, daily to equal weights in whole shares."""
    prices = {symbol: list(values) for symbol, values in file["prices"].items()}
    days = prices.pop("dates")
    symbols = sorted(prices)
    feed = DataFeed.from_arrays(
        np.array([f"{day}T21:00" for day in days], "M8[us]"),
        symbols,
        {"close": np.column_stack([prices[symbol] for symbol in symbols])},
    )
    equal = dict.fromkeys(symbols, 1 / len(symbols))
    return Scenario(
        name=name,
        feed=feed,
        strategy=Rebalances(dict.fromkeys(range(len(days)), equal), whole=True),
        cash=file["initial_capital"],
        fills=fills_in(file["run_transactions"], days),
        curves={"value": np.array(file["run_values"][1:])},
    )


def fills_in(lines: list[Mapping[str, Any]], days: list[str]) -> list[ExpectedFill]:
    """Transactions as fills; an order is called by its row and symbol."""
    return [
        ExpectedFill(
            days.index(line["date"]),
            f"{days.index(line['date'])} {line['symbol']}",
            line["symbol"],
            line["quantity"],
            line["price"],
        )
        for line in lines
    ]
