"""Order programs that backtrader 1.9.78.123 ran, replayed: same fills, fees and curves.

An order of the program is submitted at the close of its bar, ``valid_days`` is a GTD order, and
no validity is GTC. Bar and quantity of each fill are equal, prices and fees within 1e-8, and
cash, value and positions after every bar within 1e-9.

Left out, since these are other rules than ours:

* ``bracket_long``, ``oco_triplet``: orders that depend on each other.
* ``stoptrail_long``: trailing stops. In ``random_soup_*`` they are dropped from the program and
  their fills subtracted from the curves.
* ``volume_filler_fixed``: fills limited by volume.
* ``reversal_interest_short``: interest on short positions.
* ``slippage_perc``: slippage that stops at the bar's high or low. ``slippage_perc_out`` is the same
  program without that, and agrees.

In one corner the two rules for stop-limit orders differ. The stop is touched within the bar and the
limit is on the near side of it. Ours fills at the limit if the close, which comes after the touch,
is at least as good. backtrader asks besides that the close be on the other side of the open, for
which there is no need. The orders that this concerns are in ``CLOSE_CONFIRMS``; their fills are
subtracted from both sides' curves, and have a test of their own.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from ml4t.backtest import (
    BacktestConfig,
    BacktestResult,
    BasisPoints,
    BrokerProtocol,
    CashAccount,
    DataFeed,
    FixedAmount,
    MarginAccount,
    NextBarClose,
    OrderSide,
    OrderType,
    Percentage,
    PerShare,
    PerTrade,
    RejectOrder,
    SameBarClose,
    Strategy,
    TimeInForce,
)
from ml4t.core import MarketSlice
from ml4t.simulation.accounts import Trade, Verdict
from ml4t.simulation.exposure import Exposure

RunEngine = Callable[..., BacktestResult]
OrderLine = Mapping[str, Any]
FillOfOrder = tuple[int, float, float, float]
Curves = dict[str, NDArray[np.float64]]

TYPES = {
    "market": OrderType.MARKET,
    "close": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stoplimit": OrderType.STOP_LIMIT,
}
CLOSE_CONFIRMS = {
    "stoplimit_valid": {"o65", "o73"},
    "random_soup_0_AAA": {"o195"},
    "random_soup_3_DDD": {"o224"},
}


@attrs.frozen
class ShortSalesBringCash:
    """backtrader's account: whoever has the cash may buy, and a short sale is a source of it."""

    allows_short = True

    def review(self, trade: Trade, cash: float, exposure: Callable[[], Exposure]) -> Verdict | None:
        """All or nothing."""
        left = cash - trade.signed_quantity * trade.unit_value - trade.fee
        opens = trade.signed_quantity > 0 and trade.held >= 0
        return Verdict(0.0, "not enough cash") if opens and left < 0 else None


CASH = CashAccount(shortfall=RejectOrder())
MARGIN = MarginAccount(initial_margin=1.0, shortfall=RejectOrder())
SHORT_CASH = ShortSalesBringCash()

SCENARIOS: dict[str, dict[str, Any]] = {
    "market_alternating": {"account": CASH},
    "cash_rejection": {"account": CASH},
    "close_orders": {"account": CASH, "timing": NextBarClose()},
    "limit_valid": {"account": SHORT_CASH},
    "stop_valid": {"account": MARGIN},
    "stoplimit_valid": {"account": MARGIN},
    "short_only": {"account": MARGIN},
    "commission_pct": {"account": SHORT_CASH, "commission": Percentage(0.001)},
    "commission_per_share_min": {"account": SHORT_CASH, "commission": PerShare(0.005, 1.0)},
    "commission_per_trade": {"account": SHORT_CASH, "commission": PerTrade(5.0)},
    "reversal_commission_pct": {"account": MARGIN, "commission": Percentage(0.001)},
    "slippage_fixed": {"account": SHORT_CASH, "slippage": FixedAmount(0.05)},
    "slippage_perc_out": {"account": SHORT_CASH, "slippage": BasisPoints(20)},
    # Slippage that spares the open, and market orders only: none at all.
    "slippage_perc_noopen": {"account": SHORT_CASH},
    "target_size": {"account": MARGIN},
    "target_value": {"account": MARGIN},
    "target_percent_4assets": {"account": CASH, "commission": Percentage(0.001)},
    "target_percent_4assets_nocomm": {"account": CASH},
}
SOUPS = ("random_soup_0_AAA", "random_soup_1_BBB", "random_soup_2_CCC", "random_soup_3_DDD")


class Program(Strategy):
    """Submits the orders of a program, each at the close of its bar."""

    def __init__(self, lines: Sequence[OrderLine], symbol: str) -> None:
        self.lines: dict[int, list[OrderLine]] = {}
        for line in lines:
            self.lines.setdefault(line["bar"], []).append(line)
        self.symbol = symbol
        self.names: dict[str, str] = {}

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        for line in self.lines.get(data.row, ()):
            asset = line.get("symbol", self.symbol)
            if line["type"].startswith("target"):
                quantity = change_to_target(line, data[asset]["close"], broker)
                if quantity:
                    self.names[broker.submit_order(asset, quantity).id] = line["id"]
                continue
            prices = [line.get("price"), line.get("plimit")]
            stop, limit = prices[::-1] if line["type"] == "limit" else prices
            days = line.get("valid_days")
            order = broker.submit_order(
                asset,
                line["size"],
                OrderSide(line["side"]),
                TYPES[line["type"]],
                limit,
                stop,
                time_in_force=TimeInForce.GTD if days else TimeInForce.GTC,
                good_till=timestamp + timedelta(days=days) if days else None,
            )
            self.names[order.id] = line["id"]


def change_to_target(line: OrderLine, price: float, broker: BrokerProtocol) -> float:
    """The order by which backtrader approaches a target: whole shares, never past it."""
    position = broker.get_position(line["symbol"])
    held = position.quantity if position else 0.0
    if line["type"] == "target_size":
        return float(line["target"] - held)
    of_account = line["type"] == "target_percent"
    target = line["target"] * (broker.get_account_value() if of_account else 1)
    missing = target - held * price
    shares = abs(missing) // price
    return -held if not target else float(shares if missing > 0 else -shares)


class Replay:
    """An oracle's scenario, and what our engine made of its program."""

    def __init__(
        self, scenario: Mapping[str, Any], lines: Sequence[OrderLine], feed: DataFeed
    ) -> None:
        self.scenario, self.feed = scenario, feed
        self.ids = {line["id"] for line in lines}
        self.program = Program(lines, scenario["symbols"][0])

    def run(self, run_engine: RunEngine, **assumptions: Any) -> BacktestResult:
        cash = self.scenario["initial_cash"]
        config = BacktestConfig(initial_cash=cash, **assumptions)
        self.result = run_engine(self.feed, self.program, config)
        return self.result

    def fills(self) -> dict[str, FillOfOrder]:
        """Our fills by the program's names: bar, signed quantity, price, fee."""
        rows = self.rows(self.result.fills["timestamp"])
        lines: list[Any] = list(self.result.fills.itertuples())
        return {
            self.program.names[line.order_id]: (
                row,
                OrderSide(line.side).sign * line.quantity,
                line.price,
                line.fee,
            )
            for row, line in zip(rows, lines, strict=True)
        }

    def expected_fills(self, ids: Collection[str]) -> dict[str, FillOfOrder]:
        return {
            event["order"]: (
                event["bar"],
                event["exec_size"],
                event["avg_price"],
                event["commission"],
            )
            for event in self.scenario["events"]
            if event["status"] == "Completed" and event["order"] in ids
        }

    def ended(self, status: str) -> dict[str, int]:
        """The bars at which our orders came to an end other than a fill, by name."""
        orders = self.result.orders[self.result.orders["status"] == status]
        rows = self.rows(orders["updated_at"])
        names = [self.program.names[order_id] for order_id in orders["order_id"]]
        return dict(zip(names, rows, strict=True))

    def expected_ended(self, status: str) -> dict[str, int]:
        events = self.scenario["events"]
        return {
            event["order"]: event["bar"]
            for event in events
            if event["status"] == status and event["order"] in self.ids
        }

    def rows(self, times: Any) -> list[int]:
        rows: list[int] = self.feed.times.locate(times.astype("int64").to_numpy()).tolist()
        return rows

    def curves(self, without: Collection[str] = ()) -> Curves:
        """Our curves, less what the fills of some orders did to them."""
        account, positions = self.result.account, self.result.positions
        curves = {"cash": account["cash"].to_numpy(), "value": account["equity"].to_numpy()}
        curves |= {asset: positions[asset].to_numpy() for asset in self.feed.assets}
        mine = self.fills()
        return self._less(curves, [mine[name] for name in without if name in mine])

    def expected_curves(self, without: Collection[str] = ()) -> Curves:
        """The oracle's curves, less what the fills of some orders did to them."""
        lines = self.scenario["equity_curve"]
        curves = {name: np.array([line[name] for line in lines]) for name in ("cash", "value")}
        for asset in self.feed.assets:
            curves[asset] = np.array([line["pos"][asset] for line in lines], float)
        return self._less(curves, self.expected_fills(without).values())

    def _less(self, curves: Curves, fills: Iterable[FillOfOrder]) -> Curves:
        symbol = self.scenario["symbols"][0]
        close = self.feed.panel.arrays["close"][:, self.feed.assets.index(symbol)]
        less = {name: curve.copy() for name, curve in curves.items()}
        for bar, quantity, price, fee in fills:
            less[symbol][bar:] -= quantity
            less["cash"][bar:] += quantity * price + fee
            less["value"][bar:] += quantity * price + fee - quantity * close[bar:]
        return less


def assert_same_fills(replay: Replay, but: Collection[str] = ()) -> None:
    ours, theirs = replay.fills(), replay.expected_fills(replay.ids)
    for name in but:
        del ours[name], theirs[name]
    assert {name: fill[:2] for name, fill in ours.items()} == {
        name: fill[:2] for name, fill in theirs.items()
    }
    for name, (_, _, price, fee) in theirs.items():
        assert ours[name][2] == pytest.approx(price, rel=0, abs=1e-8), name
        assert ours[name][3] == pytest.approx(fee, rel=0, abs=1e-8), name


def assert_same_ends(replay: Replay) -> None:
    """What expired there expired here in the same bar.

    An order that backtrader refuses when it is submitted may work here until its time is over,
    since ours looks at the money when there is a fill to pay for.
    """
    refused = replay.expected_ended("Margin")
    expired = {name: bar for name, bar in replay.ended("expired").items() if name not in refused}
    assert expired == replay.expected_ended("Expired")
    assert replay.ended("rejected").keys() <= refused.keys()


def assert_same_curves(ours: Curves, theirs: Curves) -> None:
    assert ours.keys() == theirs.keys()
    for name, curve in theirs.items():
        if name in ("cash", "value"):
            np.testing.assert_allclose(ours[name], curve, rtol=1e-9, err_msg=name)
        else:
            np.testing.assert_array_equal(ours[name], curve, err_msg=name)


@pytest.fixture
def replay(
    oracle: Callable[[str], Any], synthetic_feed: Callable[[Sequence[str], int], DataFeed]
) -> Callable[..., Replay]:
    def make(
        name: str, keep: Callable[[OrderLine], bool] = lambda line: True, shift: int = 0
    ) -> Replay:
        scenario = oracle(f"backtrader/{name}.json")
        lines = [{**line, "bar": line["bar"] + shift} for line in scenario["orders"] if keep(line)]
        return Replay(scenario, lines, synthetic_feed(scenario["symbols"], scenario["bars"]))

    return make


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_program_gives_the_fills_and_curves_of_backtrader(
    name: str, replay: Callable[..., Replay], run_engine: RunEngine
) -> None:
    other = CLOSE_CONFIRMS.get(name, set())
    scenario = replay(name)

    scenario.run(run_engine, **SCENARIOS[name])

    assert_same_fills(scenario, but=other)
    assert_same_curves(scenario.curves(other), scenario.expected_curves(other))
    assert_same_ends(scenario)


@pytest.mark.parametrize(
    "name",
    [
        "cash_rejection",
        "commission_pct",
        "commission_per_share_min",
        "commission_per_trade",
        "slippage_fixed",
        "slippage_perc_out",
        "target_percent_4assets",
        "target_percent_4assets_nocomm",
    ],
)
def test_the_account_refuses_the_market_orders_that_backtrader_refuses(
    name: str, replay: Callable[..., Replay], run_engine: RunEngine
) -> None:
    scenario = replay(name)

    scenario.run(run_engine, **SCENARIOS[name])

    refused = scenario.ended("rejected")
    assert refused == scenario.expected_ended("Margin")
    assert refused


@pytest.mark.parametrize("name", SOUPS)
def test_a_soup_of_all_order_types_gives_the_fills_and_curves_of_backtrader(
    name: str, replay: Callable[..., Replay], run_engine: RunEngine
) -> None:
    # Orders at the close go into a run with that timing. Nothing couples the two, since the cash
    # is plenty: their curves add.
    other = CLOSE_CONFIRMS.get(name, set())
    at_open = replay(name, keep=lambda line: line["type"] not in ("close", "stoptrail"))
    at_close = replay(name, keep=lambda line: line["type"] == "close")
    trailing = {line["id"] for line in at_open.scenario["orders"]} - at_open.ids - at_close.ids
    assumptions = {"account": MarginAccount(), "commission": Percentage(0.0005)}

    at_open.run(run_engine, **assumptions)
    at_close.run(run_engine, **assumptions, timing=NextBarClose())

    assert_same_fills(at_open, but=other)
    assert_same_fills(at_close)
    assert_same_ends(at_open)
    total = {key: curve + at_close.curves()[key] for key, curve in at_open.curves(other).items()}
    for key in ("cash", "value"):
        total[key] -= at_open.scenario["initial_cash"]
    assert_same_curves(total, at_open.expected_curves(other | trailing))


def test_cheating_on_the_open_is_deciding_one_bar_earlier(
    replay: Callable[..., Replay], run_engine: RunEngine
) -> None:
    scenario = replay("market_cheat_on_open", shift=-1)

    scenario.run(run_engine, account=CASH)

    assert_same_fills(scenario)
    assert_same_curves(scenario.curves(), scenario.expected_curves())


def test_cheating_on_the_close_is_same_bar_close_booked_a_bar_earlier(
    replay: Callable[..., Replay], run_engine: RunEngine
) -> None:
    scenario = replay("market_cheat_on_close")

    scenario.run(run_engine, account=CASH, timing=SameBarClose())

    theirs = scenario.expected_fills(scenario.ids)
    assert scenario.fills() == {name: (bar - 1, *rest) for name, (bar, *rest) in theirs.items()}
    np.testing.assert_allclose(
        scenario.curves()["value"], scenario.expected_curves()["value"], rtol=1e-9
    )


@pytest.mark.parametrize("name", CLOSE_CONFIRMS)
def test_a_close_that_is_good_enough_confirms_a_stop_limit_whatever_the_open_was(
    name: str, replay: Callable[..., Replay], run_engine: RunEngine
) -> None:
    scenario = replay(name, keep=lambda line: line["id"] in CLOSE_CONFIRMS[name])

    result = scenario.run(run_engine, account=SHORT_CASH)

    bars = scenario.feed.panel.arrays
    theirs = scenario.expected_fills(scenario.ids)
    lines = {line["id"]: line for line in scenario.scenario["orders"]}
    assert result.fills["rule"].tolist() == ["stop_limit_close"] * len(theirs)
    for order_id, (bar, quantity, price, _) in scenario.fills().items():
        line, sign = lines[order_id], np.sign(quantity)
        opened, close = bars["open"][bar, 0], bars["close"][bar, 0]
        assert price == line["plimit"]
        assert sign * (line["plimit"] - close) >= 0 > sign * (line["plimit"] - line["price"])
        assert sign * (opened - close) <= 0, "where backtrader does not fill"
        assert bar < theirs[order_id][0]
