"""What a result says of a fill, of bars that could have gone two ways, and of holding costs."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from ml4t.backtest import (
    BacktestConfig,
    BacktestResult,
    BasisPoints,
    BestCase,
    BrokerProtocol,
    DataFeed,
    LinearImpact,
    MarginAccount,
    OpenHighLowClose,
    OrderType,
    PerShare,
    ShortInterest,
    Strategy,
    TimeInForce,
    VolumeShare,
)
from ml4t.core import InvalidValueError, MarketSlice

RunEngine = Callable[..., BacktestResult]

GTC = TimeInForce.GTC
Action = Callable[[BrokerProtocol], object]


class Script(Strategy):
    """Does what is written down for each bar."""

    def __init__(self, actions: Mapping[int, Action]) -> None:
        self.actions = actions

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        if data.row in self.actions:
            self.actions[data.row](broker)


def feed(*bars: tuple[float, float, float, float], volume: float = 1_000.0) -> DataFeed:
    """Daily bars of one asset: open, high, low, close."""
    days = pd.date_range("2024-01-02 16:00", periods=len(bars), tz="America/New_York")
    frame = pd.DataFrame(list(bars), columns=["open", "high", "low", "close"])
    return DataFeed(frame.assign(timestamp=days, symbol="SPY", volume=volume))


FLAT = (100.0, 101.0, 99.0, 100.0)
WIDE = (100.0, 110.0, 90.0, 100.0)


def buy_bracket(broker: BrokerProtocol) -> object:
    return broker.submit_bracket("SPY", 10, take_profit=108.0, stop_loss=95.0)


def test_a_market_fill_is_explained(run_engine: RunEngine) -> None:
    result = run_engine(feed(FLAT, FLAT), Script({0: lambda b: b.submit_order("SPY", 10)}))

    assert result.explain("1") == (
        "Bought 10 SPY at 100 in the bar complete at 2024-01-03T16:00:00-05:00 by order 1 "
        "(market): a market order fills at the open, the first price after it was sent; "
        "no slippage, no fee."
    )


def test_costs_and_volume_are_part_of_the_explanation(run_engine: RunEngine) -> None:
    config = BacktestConfig(
        slippage=BasisPoints(10),
        impact=LinearImpact(0.1),
        participation=VolumeShare(0.02),
        commission=PerShare(0.01),
    )
    script = Script({0: lambda b: b.submit_order("SPY", 30, time_in_force=GTC)})

    result = run_engine(feed(FLAT, FLAT, FLAT), script, config)

    assert result.fills["quantity"].tolist() == [20.0, 10.0]
    assert result.fills["volume_left"].tolist() == [0.0, 10.0]
    assert result.fills["slippage"].tolist() == pytest.approx([0.1, 0.1])
    assert result.fills["impact"].tolist() == pytest.approx([0.2, 0.1])
    assert result.orders["fees"].tolist() == pytest.approx([0.3])
    assert result.explain("1").endswith(
        "the bar showed 100, slippage 0.1 and impact 0.2 a unit were added against it, "
        "a fee of 0.2; 0 units of the bar's volume were left; the order asked for 30."
    )


def test_an_unknown_fill_is_refused(run_engine: RunEngine) -> None:
    result = run_engine(feed(FLAT), Script({}))

    with pytest.raises(InvalidValueError, match="there is no fill '7', `fills` lists 0"):
        result.explain("7")


@pytest.mark.parametrize(
    ("path", "price", "way"),
    [(None, 95.0, "low_first"), (BestCase(), 108.0, "high_first")],
)
def test_a_bar_that_could_have_gone_two_ways_is_counted_and_bounded(
    path: Any, price: float, way: str, run_engine: RunEngine
) -> None:
    config = BacktestConfig() if path is None else BacktestConfig(path=path)

    result = run_engine(feed(FLAT, WIDE, FLAT), Script({0: buy_bracket}), config)

    assert result.fills["price"].tolist() == [100.0, price]
    assert result.fills["path"].tolist() == [way, way]
    (bar,) = result.ambiguous_bars.to_dict("records")
    assert (bar["asset"], bar["path"]) == ("SPY", way)
    assert (bar["worst"], bar["best"]) == (-50.0, 80.0)
    assert bar["gain"] == 10 * (price - 100)
    assert result.profit_bounds == (-50.0, 80.0)
    assert "1 bars could have filled more than one way" in " ".join(result.notes)
    assert f"gone {way.replace('_', ' ')}" in result.explain("2")


def test_a_bar_whose_ways_end_the_same_is_not_ambiguous(run_engine: RunEngine) -> None:
    rising = (100.0, 109.0, 99.0, 107.0)

    result = run_engine(feed(FLAT, rising), Script({0: buy_bracket}))

    assert result.fills["price"].tolist() == [100.0, 108.0]
    assert result.ambiguous_bars.empty
    assert result.profit_bounds == (80.0, 80.0)


def test_a_stated_way_is_followed_and_still_counted(run_engine: RunEngine) -> None:
    config = BacktestConfig(path=OpenHighLowClose())

    result = run_engine(feed(FLAT, WIDE), Script({0: buy_bracket}), config)

    assert result.fills["price"].tolist() == [100.0, 108.0]
    assert len(result.ambiguous_bars) == 1


def test_interest_on_a_short_position_is_taken_out_of_the_account(run_engine: RunEngine) -> None:
    config = BacktestConfig(account=MarginAccount(), financing=ShortInterest(0.0365))
    script = Script({0: lambda b: b.submit_order("SPY", -10)})

    result = run_engine(feed(FLAT, FLAT, FLAT), script, config)

    # Sold at the bar of 3 January, held over one night at a last close of 100.
    assert result.account["cash"].tolist() == pytest.approx([100_000, 101_000, 100_999.9])
    assert result.equity.iloc[-1] == pytest.approx(99_999.9)
    assert result.charges["amount"].tolist() == pytest.approx([0.1])


def test_an_order_that_no_account_could_afford_stands_in_the_result(run_engine: RunEngine) -> None:
    script = Script({0: lambda b: b.submit_order("SPY", 10_000, order_type=OrderType.MARKET)})

    result = run_engine(feed(FLAT, FLAT), script)

    assert result.orders["status"].tolist() == ["rejected"]
    assert result.orders["reason"].tolist() == [
        "the order is worth 1000000.00, the account could carry 100000.00 at most"
    ]
    assert result.fills.empty
