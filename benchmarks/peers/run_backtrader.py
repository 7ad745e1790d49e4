# /// script
# requires-python = ">=3.11"
# dependencies = ["backtrader==1.9.78.123", "pandas==2.3.3", "pyarrow==26.0.1"]
#
# [tool.uv]
# exclude-newer = "2026-11-15T00:00:00Z"
# ///
"""backtrader: its indicators in its vectorised mode, no plotting, no observers."""

from pathlib import Path

import backtrader as bt
import pandas as pd
from peer_report import FAST, QUANTITY, SLOW, SMALL_CASH, Stopwatch, answer


class Crossover(bt.Strategy):
    """Holds the asset while the fast mean is above the slow one."""

    def __init__(self) -> None:
        self.fast = bt.ind.SMA(period=FAST)
        self.slow = bt.ind.SMA(period=SLOW)
        self.fills = self.round_trips = 0

    def next(self) -> None:
        above = self.fast[0] > self.slow[0]
        if above and not self.position:
            self.buy(size=QUANTITY)
        elif self.position and not above:
            self.close()

    def notify_order(self, order: bt.Order) -> None:
        self.fills += order.status == order.Completed

    def notify_trade(self, trade: bt.Trade) -> None:
        self.round_trips += trade.isclosed


def crossover(folder: Path) -> dict[str, object]:
    """Crossing averages of one asset."""
    clock = Stopwatch()
    frame = clock.time("load", lambda: load(folder))
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame))
    cerebro.addstrategy(Crossover)
    cerebro.broker.setcash(SMALL_CASH)
    (strategy,) = clock.time("run", cerebro.run)
    return {
        **clock.seconds,
        "fills": strategy.fills,
        "trades": strategy.round_trips,
        "final": float(cerebro.broker.getvalue()),
    }


def load(folder: Path) -> pd.DataFrame:
    """The prices by instant; it wants them without a zone."""
    frame = pd.read_parquet(folder / "prices.parquet").set_index("timestamp")
    return frame.drop(columns="symbol").tz_localize(None)


if __name__ == "__main__":
    answer("backtrader", {"crossover": crossover})
