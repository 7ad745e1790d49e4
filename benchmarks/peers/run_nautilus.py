# /// script
# requires-python = ">=3.12"
# dependencies = ["nautilus_trader==1.231.0", "pandas==2.3.3", "pyarrow==26.0.1"]
#
# [tool.uv]
# exclude-newer = "2026-11-15T00:00:00Z"
# ///
"""nautilus_trader: its compiled engine and its own averages, without logs and reports."""

from decimal import Decimal
from pathlib import Path

import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy
from peer_report import FAST, QUANTITY, SLOW, SMALL_CASH, Stopwatch, answer

VENUE = Venue("SIM")
SPY = Equity(
    instrument_id=InstrumentId(Symbol("SPY"), VENUE),
    raw_symbol=Symbol("SPY"),
    currency=USD,
    price_precision=6,
    price_increment=Price.from_str("0.000001"),
    lot_size=Quantity.from_int(1),
    ts_event=0,
    ts_init=0,
)
BARS = BarType.from_str(f"{SPY.id}-1-MINUTE-LAST-EXTERNAL")


class Crossover(Strategy):
    """Holds the asset while the fast mean is above the slow one."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig())
        self.fast = SimpleMovingAverage(FAST)
        self.slow = SimpleMovingAverage(SLOW)
        self.quantity = SPY.make_qty(Decimal(QUANTITY))
        self.long = False

    def on_start(self) -> None:
        self.register_indicator_for_bars(BARS, self.fast)
        self.register_indicator_for_bars(BARS, self.slow)
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Bar) -> None:  # noqa: ARG002
        above = self.slow.initialized and self.fast.value > self.slow.value
        if above != self.long:
            self.long = above
            side = OrderSide.BUY if above else OrderSide.SELL
            self.submit_order(self.order_factory.market(SPY.id, side, self.quantity))


def crossover(folder: Path) -> dict[str, object]:
    """Crossing averages of one asset."""
    clock = Stopwatch()
    bars = clock.time("load", lambda: load(folder))
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=True),
            run_analysis=False,
        )
    )
    engine.add_venue(
        VENUE, OmsType.NETTING, AccountType.CASH, [Money(SMALL_CASH, USD)], base_currency=USD
    )
    engine.add_instrument(SPY)
    engine.add_strategy(Crossover())

    def run() -> None:
        engine.add_data(bars)
        engine.run()

    clock.time("run", run)
    fills = sum(order.filled_qty > 0 for order in engine.cache.orders())
    return {
        **clock.seconds,
        "fills": fills,
        "trades": fills // 2,
        "final": float(engine.portfolio.account(VENUE).balance_total(USD)),
    }


def load(folder: Path) -> list[Bar]:
    """The bars as objects of its own."""
    frame = pd.read_parquet(folder / "prices.parquet").set_index("timestamp")
    return BarDataWrangler(BARS, SPY).process(frame.drop(columns="symbol"))


if __name__ == "__main__":
    answer("nautilus_trader", {"crossover": crossover})
