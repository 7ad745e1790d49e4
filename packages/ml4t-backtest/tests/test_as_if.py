"""A backtest as if at another venue: what that venue refuses is refused, nothing else changes."""

import json
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pandas as pd
import pytest

from ml4t.backtest import BacktestConfig, BacktestResult, DataFeed, Engine, Strategy
from ml4t.backtest.as_if import AsIfBroker
from ml4t.backtest.cli import main
from ml4t.core import (
    Capabilities,
    ConfigError,
    Order,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
    needs,
)
from ml4t.core.needs import Needs
from ml4t.simulation import MarginAccount


@attrs.frozen(kw_only=True)
class NoConditions(Capabilities):
    """A venue without orders that only reduce."""

    def objection(self, request: OrderRequest) -> str | None:
        if request.reduce_only:
            return "no orders that only reduce"
        return super().objection(request)


SMALL = NoConditions(
    order_types=[OrderType.MARKET, OrderType.LIMIT], times_in_force=[TimeInForce.DAY]
)
LARGE = Capabilities(
    order_types=OrderType,
    times_in_force=TimeInForce,
    fractional=True,
    short_selling=True,
    replace_orders=True,
    order_groups=True,
)
CHANGING = attrs.evolve(LARGE, fractional=False)
GROUPED = attrs.evolve(LARGE, order_types=[OrderType.MARKET, OrderType.LIMIT])
STRATEGY = """
from ml4t.core import Strategy


class BuyHalf(Strategy):
    def on_data(self, timestamp, data, context, broker):
        if not broker.positions:
            broker.submit_order("SPY", 0.5)
            broker.submit_order("SPY", 1)
"""


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The venues of imaginary wheels."""
    module = ModuleType("a_wheel")
    module.__dict__.update(small=SMALL, large=LARGE, grouped=GROUPED, changing=CHANGING)
    monkeypatch.setitem(sys.modules, "a_wheel", module)
    names = ("small", "large", "grouped", "changing")
    points = [EntryPoint(name, f"a_wheel:{name}", needs.GROUP) for name in names]
    monkeypatch.setattr(needs, "entry_points", lambda group: points)


@pytest.fixture
def feed() -> DataFeed:
    """Three days of one asset."""
    days = pd.date_range("2024-01-02", periods=3, tz="UTC")
    return DataFeed(
        pd.DataFrame({"timestamp": days, "symbol": "SPY", "close": [100.0, 101.0, 103.0]})
    )


class Once(Strategy):
    """Does something at the first bar, and something at the second."""

    def __init__(
        self, first: Callable[[AsIfBroker], Any], second: Callable[[AsIfBroker], Any]
    ) -> None:
        self.todo = [first, second]
        self.done: list[Any] = []

    def on_data(self, timestamp, data, context, broker):
        if self.todo:
            self.done.append(self.todo.pop(0)(broker))


def at(
    feed: DataFeed,
    venue: str,
    first: Callable[[AsIfBroker], Any],
    second: Callable[[AsIfBroker], Any] = lambda broker: None,
) -> list[Any]:
    """What the venue answered."""
    strategy = Once(first, second)
    Engine(feed, strategy, BacktestConfig(as_if=venue, account=MarginAccount())).run()
    return strategy.done


@pytest.mark.parametrize(
    ("quantity", "options", "reason"),
    [
        (0.5, {}, "the venue trades whole units only, quantity was 0.5"),
        (1, {"order_type": OrderType.STOP, "stop_price": 200}, "does not trade STOP orders"),
        (1, {"time_in_force": TimeInForce.GTC}, "does not offer time in force GTC"),
        (-1, {}, "the venue does not sell short: 0 held, 1 to sell"),
    ],
)
def test_an_order_that_the_venue_refuses_is_rejected_with_its_reason(
    feed: DataFeed, quantity: float, options: dict[str, Any], reason: str
) -> None:
    [order, _] = at(feed, "small", lambda broker: broker.submit_order("SPY", quantity, **options))

    assert OrderStatus.REJECTED is order.status
    assert reason in order.reason
    assert [OrderStatus.ACCEPTED, None] == [
        getattr(each, "status", None)
        for each in at(
            feed,
            "large",
            lambda broker: broker.submit_order("SPY", quantity, **options),
        )
    ]


def test_what_is_held_may_be_sold(feed: DataFeed) -> None:
    answers = at(
        feed,
        "small",
        lambda broker: broker.submit_order("SPY", 5),
        lambda broker: [broker.submit_order("SPY", -6), broker.submit_order("SPY", -5)],
    )

    assert [OrderStatus.REJECTED, OrderStatus.ACCEPTED] == [each.status for each in answers[1]]


def test_a_condition_that_the_venue_does_not_know_is_kept_by_the_runtime(feed: DataFeed) -> None:
    answers = at(
        feed,
        "small",
        lambda broker: [
            broker.submit_order("SPY", -5, reduce_only=True),
            broker.submit_order("SPY", 5),
        ],
        lambda broker: [broker.submit_order("SPY", -7, reduce_only=True)],
    )

    assert "nothing is held that it could reduce" == answers[0][0].reason
    assert OrderStatus.ACCEPTED is answers[1][0].status


def test_a_position_is_closed_without_a_condition(feed: DataFeed) -> None:
    answers = at(
        feed,
        "small",
        lambda broker: broker.submit_order("SPY", 5),
        lambda broker: [broker.close_position("SPY"), broker.close_position("SPY")],
    )

    order, again = answers[1]
    assert (OrderStatus.ACCEPTED, OrderSide.SELL, 5.0) == (order.status, order.side, order.quantity)
    assert again is None


def bracket(broker: AsIfBroker) -> list[Order]:
    """The three orders of a bracket."""
    made = broker.submit_bracket("SPY", 1, take_profit=200, stop_loss=50)
    return [made.parent, *(leg for leg in (made.take_profit, made.stop_loss) if leg is not None)]


def without_target(broker: AsIfBroker) -> list[Order]:
    """The two orders of a bracket that has only a stop."""
    made = broker.submit_bracket("SPY", 1, stop_loss=50)
    assert made.take_profit is None
    return [made.parent, *(leg for leg in (made.stop_loss,) if leg is not None)]


def alternatives(broker: AsIfBroker) -> list[Order]:
    """Two orders of which one may fill."""
    limit = OrderRequest.of("SPY", 1, order_type=OrderType.LIMIT, limit_price=50)
    stop = OrderRequest.of("SPY", 1, order_type=OrderType.STOP, stop_price=200)
    return list(broker.submit_oco([limit, stop]))


def triggered(broker: AsIfBroker) -> list[Order]:
    """An order and a stop that it wakes."""
    stop = OrderRequest.of("SPY", -1, order_type=OrderType.STOP, stop_price=50)
    return list(broker.submit_oto(OrderRequest.of("SPY", 1), [stop]))


@pytest.mark.parametrize("group", [bracket, without_target, alternatives, triggered])
@pytest.mark.parametrize(
    ("venue", "reason"),
    [
        ("small", "the venue does not take orders that hang together"),
        ("grouped", "the venue does not trade STOP orders"),
    ],
)
def test_a_group_is_refused_as_a_whole(
    feed: DataFeed, group: Callable[[AsIfBroker], list[Order]], venue: str, reason: str
) -> None:
    [orders, _] = at(feed, venue, group)

    assert {(OrderStatus.REJECTED, reason)} == {(each.status, each.reason) for each in orders}


@pytest.mark.parametrize("group", [bracket, without_target, alternatives, triggered])
def test_a_group_that_the_venue_takes_works(
    feed: DataFeed, group: Callable[[AsIfBroker], list[Order]]
) -> None:
    [orders, _] = at(feed, "large", group)

    assert OrderStatus.REJECTED not in {each.status for each in orders}


@pytest.mark.parametrize(
    ("venue", "change", "reason"),
    [
        ("small", {"limit_price": 40}, "not replaced: the venue does not change orders in place"),
        ("changing", {"quantity": 1.5}, "not replaced: the venue trades whole units only"),
        ("large", {"limit_price": 40}, ""),
    ],
)
def test_an_order_is_changed_where_the_venue_changes_orders(
    feed: DataFeed, venue: str, change: dict[str, float], reason: str
) -> None:
    def submit_and_change(broker: AsIfBroker) -> Order:
        order = broker.submit_order("SPY", 1, order_type=OrderType.LIMIT, limit_price=50)
        return broker.replace_order(order.id, **change)

    [order, _] = at(feed, venue, submit_and_change)

    assert order.reason.startswith(reason)
    assert (50.0 if reason else 40.0) == order.request.limit_price


def test_an_order_that_has_ended_stays_as_it_is(feed: DataFeed) -> None:
    def submit_and_change(broker: AsIfBroker) -> Order:
        return broker.replace_order(broker.submit_order("SPY", 0.5).id, quantity=1)

    [order, _] = at(feed, "small", submit_and_change)

    assert (OrderStatus.REJECTED, 0.5) == (order.status, order.quantity)


def test_the_strategy_sees_what_the_venue_can_do(feed: DataFeed) -> None:
    assert [SMALL, None] == at(feed, "small", lambda broker: broker.capabilities)


def test_a_strategy_that_needs_more_is_refused_before_its_first_bar(feed: DataFeed) -> None:
    class Fractions(Once):
        needs = Needs(fractional=True)

    strategy = Fractions(lambda broker: None, lambda broker: None)

    with pytest.raises(
        ConfigError, match="Fractions needs what small does not offer: quantities with fractions"
    ):
        Engine(feed, strategy, BacktestConfig(as_if="small")).run()
    assert [] == strategy.done
    Engine(feed, strategy).run()
    assert [None, None] == strategy.done


def test_a_need_that_the_simulated_account_does_not_meet_is_refused(feed: DataFeed) -> None:
    class Shorts(Once):
        needs = Needs(short_selling=True)

    strategy = Shorts(lambda broker: None, lambda broker: None)

    with pytest.raises(ConfigError, match="Shorts needs what the simulated venue does not offer"):
        Engine(feed, strategy).run()


def test_a_venue_that_refuses_nothing_changes_nothing(feed: DataFeed) -> None:
    def run(config: BacktestConfig) -> BacktestResult:
        buys = Once(lambda b: b.submit_order("SPY", 2), lambda b: b.close_position("SPY"))
        return Engine(feed, buys, config).run()

    assert (
        run(BacktestConfig()).equity.tolist() == run(BacktestConfig(as_if="large")).equity.tolist()
    )


def test_the_command_rejects_and_the_manifest_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    days = pd.date_range("2024-01-02", periods=3, tz="UTC")
    prices = pd.DataFrame({"timestamp": days, "symbol": "SPY", "close": [100.0, 101.0, 103.0]})
    prices.to_parquet("prices.parquet")
    Path("buy_half.py").write_text(STRATEGY)

    assert 0 == main(
        ["buy_half.py", "--prices", "prices.parquet", "--as-if", "small", "--out", "a"]
    )
    assert 0 == main(["buy_half.py", "--prices", "prices.parquet", "--out", "b"])

    refused, filled = BacktestResult.from_parquet("a"), BacktestResult.from_parquet("b")
    assert [1.0] == refused.fills["quantity"].tolist()
    assert [0.5, 1.0] == filled.fills["quantity"].tolist()
    assert "small" == json.loads(Path("a/manifest.json").read_text())["config"]["as_if"]
    capsys.readouterr()
    assert 1 == main(["buy_half.py", "--prices", "prices.parquet", "--as-if", "nobody"])
    assert "no installed package says what a venue 'nobody' accepts" in capsys.readouterr().err
