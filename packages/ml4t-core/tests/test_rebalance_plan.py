"""The plan of a rebalance: what is traded in each asset, and the reason where nothing is."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ml4t.core import (
    Asset,
    Capabilities,
    OrderSide,
    OrderType,
    RebalanceConfig,
    RebalanceError,
    RebalanceRow,
    TargetWeightExecutor,
)
from ml4t.simulation import CashAccount, SimulatedBroker

AccountOf = Callable[..., SimulatedBroker]


def plan(
    broker: SimulatedBroker, weights: Mapping[str, float], data: Any = None, **config: Any
) -> dict[str, RebalanceRow]:
    executor = TargetWeightExecutor(RebalanceConfig(**config))
    bars = (broker.bars or {}) if data is None else data
    rows = executor.preview(weights, bars, broker)
    assert len({row.asset for row in rows}) == len(rows)
    return {row.asset: row for row in rows}


def quantities(
    broker: SimulatedBroker, weights: Mapping[str, float], **config: Any
) -> dict[str, float]:
    return {asset: row.quantity for asset, row in plan(broker, weights, **config).items()}


class TestRows:
    def test_a_row_tells_where_the_asset_stands_and_where_it_goes(
        self, account_of: AccountOf
    ) -> None:
        broker = account_of({"A": 100.0}, {"A": 20.0}, cash=8_000.0)
        broker.submit_order("A", 10)

        assert plan(broker, {"A": 0.5}) == {
            "A": RebalanceRow(
                asset="A",
                price=100.0,
                current_weight=0.2,
                effective_weight=0.3,
                requested_weight=0.5,
                target_weight=0.5,
                quantity=20.0,
                value=2_000.0,
                reason="",
            )
        }

    def test_named_assets_come_first_then_those_held(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0, "B": 10.0, "C": 10.0}, {"C": 5.0, "A": 5.0}, cash=1_000.0)

        assert list(plan(broker, {"B": 0.1, "A": 0.1})) == ["B", "A", "C"]

    def test_a_held_asset_that_is_not_named_is_closed(self, account_of: AccountOf) -> None:
        row = plan(account_of({"A": 10.0}, {"A": 5.0}), {})["A"]

        assert (row.requested_weight, row.target_weight, row.quantity) == (0.0, 0.0, -5.0)

    def test_a_row_shows_the_limits_at_work(self, account_of: AccountOf) -> None:
        row = plan(account_of({"A": 10.0}, cash=1_000.0), {"A": 2.0}, max_single_weight=0.5)["A"]

        assert (row.requested_weight, row.target_weight, row.quantity) == (2.0, 0.5, 50.0)

    def test_a_multiplier_counts_in_every_weight(self, account_of: AccountOf) -> None:
        terms = {"ES": Asset(symbol="ES", multiplier=50.0)}
        broker = account_of({"ES": 100.0}, {"ES": 2.0}, cash=90_000.0, terms=terms)
        row = plan(broker, {"ES": 0.5})["ES"]

        assert (row.current_weight, row.quantity, row.value) == (0.1, 8.0, 40_000.0)


class TestReasons:
    """An asset that cannot be sized is left alone, and the others are traded."""

    @pytest.mark.parametrize("close", [math.nan, math.inf, -1.0, 0.0])
    def test_a_close_that_is_no_price(self, account_of: AccountOf, close: float) -> None:
        broker = account_of({"A": 10.0, "B": 10.0}, {"A": 5.0}, cash=1_000.0)
        data = {"A": {"close": close}, "B": {"close": 10.0}}
        rows = plan(broker, {"A": 0.5, "B": 0.1}, data)

        assert rows["A"].reason == f"the close must be positive and finite, was {close}"
        assert (rows["A"].quantity, rows["A"].price, rows["A"].current_weight) == (0, None, None)
        assert rows["B"].quantity == 10.0

    def test_no_bar(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0, "B": 10.0}, {"A": 5.0}, cash=1_000.0, now={"A": None})
        rows = plan(broker, {"A": 0.0, "B": 0.1})

        assert (rows["A"].quantity, rows["A"].reason) == (0.0, "no bar at this time")
        assert rows["B"].quantity == 10.0

    def test_a_bar_without_a_close(self, account_of: AccountOf) -> None:
        rows = plan(account_of({"A": 10.0}, cash=100.0), {"A": 0.5}, {"A": {"open": 10.0}})

        assert rows["A"].reason == "no bar at this time"

    def test_an_asset_that_the_venue_does_not_list(self, account_of: AccountOf) -> None:
        data = {"Z": {"close": 10.0}, "A": {"close": 10.0}}
        rows = plan(account_of({"A": 10.0}, cash=1_000.0), {"Z": 0.5, "A": 0.1}, data)

        assert (rows["Z"].quantity, rows["Z"].reason) == (0.0, "the venue does not list it")
        assert rows["A"].quantity == 10.0

    def test_the_target_is_reached(self, account_of: AccountOf) -> None:
        row = plan(account_of({"A": 10.0}, {"A": 50.0}, cash=500.0), {"A": 0.5})["A"]

        assert (row.quantity, row.reason) == (0.0, "at its target already")

    def test_the_target_is_reached_to_the_lot(self, account_of: AccountOf) -> None:
        row = plan(account_of({"A": 10.0}, {"A": 50.0}, cash=500.0), {"A": 0.509})["A"]

        assert (row.quantity, row.reason) == (0.0, "at its target already")

    def test_the_cash_does_not_pay_for_it(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0, "B": 600.0}, {"A": 50.0}, cash=500.0, now={"A": None})
        row = plan(broker, {"B": 1.0})["B"]

        assert (row.quantity, row.reason) == (0.0, "the cash does not pay for it")

    @pytest.mark.parametrize("close", [8.0, 5.0])
    def test_an_account_without_value_cannot_be_rebalanced(
        self, account_of: AccountOf, close: float
    ) -> None:
        broker = account_of({"A": 10.0}, {"A": 5.0}, cash=-40.0, now={"A": close})
        with pytest.raises(RebalanceError, match="value must be positive and finite"):
            plan(broker, {"A": 0.5})


class TestClosing:
    def test_an_explicit_zero_closes_whatever_the_thresholds_say(
        self, account_of: AccountOf
    ) -> None:
        broker = account_of({"A": 10.0}, {"A": 5.0}, cash=1_000.0)

        assert quantities(broker, {"A": 0.0}, min_trade_value=1e9) == {"A": -5.0}
        assert quantities(broker, {}, min_weight_change=1.0) == {"A": -5.0}

    def test_a_remainder_smaller_than_a_lot_is_closed(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, {"A": 150.5}, cash=1_000.0)

        assert quantities(broker, {"A": 0.0}, round_lots=True) == {"A": -150.5}

    def test_a_short_position_is_closed_by_buying(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, {"A": -5.0}, cash=1_000.0)

        assert quantities(broker, {}) == {"A": 5.0}

    def test_covering_needs_no_spare_cash(self, account_of: AccountOf) -> None:
        """The money of a cover is owed already: it is not scaled down."""
        prices = {"A": 10.0, "B": 10.0}
        broker = account_of(prices, {"A": -50.0, "B": 90.0}, cash=100.0, now={"B": None})

        assert quantities(broker, {"A": 0.0, "B": 0.9})["A"] == 50.0

    def test_a_short_position_of_odd_size_becomes_long_in_whole_lots(
        self, account_of: AccountOf
    ) -> None:
        """Scaled to the cash, the order is a multiple of the lot like any other."""
        prices = {"A": 1.0, "B": 1.0}
        broker = account_of(prices, {"A": -15.0, "B": 500.0}, cash=515.0, now={"B": None})

        assert quantities(broker, {"A": 0.8}, round_lots=True)["A"] == 500.0


class TestPending:
    """What may still fill counts as if it had."""

    def test_a_pending_buy_counts(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, cash=1_000.0)
        broker.submit_order("A", 30)

        assert quantities(broker, {"A": 0.5}) == {"A": 20.0}

    def test_a_pending_market_sale_counts(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, {"A": 50.0}, cash=500.0)
        broker.submit_order("A", -20)

        assert quantities(broker, {"A": 0.1}) == {"A": -20.0}
        assert quantities(broker, {}) == {"A": -30.0}

    @pytest.mark.parametrize(
        ("kind", "price"),
        [(OrderType.STOP, {"stop_price": 5.0}), (OrderType.LIMIT, {"limit_price": 20.0})],
    )
    def test_a_protective_order_does_not_count(
        self, account_of: AccountOf, kind: OrderType, price: dict[str, float]
    ) -> None:
        broker = account_of({"A": 10.0}, {"A": 50.0}, cash=500.0)
        broker.submit_order("A", 50, OrderSide.SELL, kind, **price)  # type: ignore[arg-type]

        assert quantities(broker, {"A": 0.5}) == {"A": 0.0}
        assert quantities(broker, {}) == {"A": -50.0}

    def test_a_cover_that_waits_protects_a_short_position(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, {"A": -50.0}, cash=1_500.0)
        broker.submit_order("A", 50, OrderSide.BUY, OrderType.STOP, stop_price=15.0)

        assert quantities(broker, {}) == {"A": 50.0}

    def test_pending_buys_keep_their_cash(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0, "B": 10.0}, cash=1_000.0)
        broker.submit_order("B", 60)

        assert quantities(broker, {"A": 1.0, "B": 0.0}, fee_headroom=0.0) == {
            "A": 40.0,
            "B": -0.0,
        }

    def test_a_pending_limit_buy_keeps_what_it_may_pay(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0, "B": 10.0}, cash=1_000.0)
        broker.submit_order("B", 60, OrderSide.BUY, OrderType.LIMIT, limit_price=5.0)

        assert quantities(broker, {"A": 1.0, "B": 0.0}, fee_headroom=0.0)["A"] == 70.0

    def test_each_pending_order_keeps_its_own_price(self, account_of: AccountOf) -> None:
        """A buy at its limit and another at market are not both paid at one price."""
        for first in (True, False):
            broker = account_of({"A": 10.0, "B": 10.0}, cash=1_000.0)
            if first:
                broker.submit_order("B", 30)
            broker.submit_order("B", 20, OrderSide.BUY, OrderType.LIMIT, limit_price=5.0)
            if not first:
                broker.submit_order("B", 30)

            assert quantities(broker, {"A": 1.0, "B": 0.0}, fee_headroom=0.0)["A"] == 60.0

    def test_a_pending_market_sale_brings_cash(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0, "B": 10.0}, {"B": 100.0})
        broker.submit_order("B", -60)

        expected = {"A": 60.0, "B": 0.0}
        assert quantities(broker, {"A": 0.6, "B": 0.4}, fee_headroom=0.0) == expected

    def test_a_pending_limit_sale_brings_nothing_yet(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0, "B": 10.0}, cash=1_000.0)
        broker.submit_order("B", 60, OrderSide.SELL, OrderType.LIMIT, limit_price=20.0)
        rows = quantities(broker, {"A": 1.0, "B": -0.6}, allow_short=True, max_gross_leverage=2)

        assert rows["B"] == 0.0

    def test_a_pending_buy_without_a_price_stops_all_buying(self, account_of: AccountOf) -> None:
        """What it will cost is not known, so nothing may be spent besides it."""
        broker = account_of({"A": 10.0, "B": 10.0}, cash=1_000.0, now={"B": None})
        broker.submit_order("B", 10)

        assert quantities(broker, {"A": 0.5, "B": 0.1}) == {"A": 0.0, "B": 0.0}

    def test_a_pending_limit_buy_keeps_its_cash_without_a_bar(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0, "B": 10.0}, cash=1_000.0, now={"B": None})
        broker.submit_order("B", 60, OrderSide.BUY, OrderType.LIMIT, limit_price=5.0)

        assert quantities(broker, {"A": 1.0}, fee_headroom=0.0)["A"] == 70.0

    def test_a_pending_sale_without_a_bar_brings_nothing_yet(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0, "B": 10.0}, {"B": 50.0}, cash=500.0, now={"B": None})
        broker.submit_order("B", -50)

        assert quantities(broker, {"A": 1.0}, fee_headroom=0.0)["A"] == 50.0

    @pytest.mark.parametrize("close", [math.nan, math.inf, 0.0])
    def test_a_pending_buy_at_no_price_stops_all_buying(
        self, account_of: AccountOf, close: float
    ) -> None:
        broker = account_of({"A": 10.0, "B": 10.0}, cash=1_000.0)
        broker.submit_order("B", 10)
        data = {"A": {"close": 10.0}, "B": {"close": close}}

        rows = plan(broker, {"A": 0.5, "B": 0.1}, data)
        assert [row.quantity for row in rows.values()] == [0.0, 0.0]

    def test_only_what_is_there_is_sold(self, account_of: AccountOf) -> None:
        """A pending buy may never come, so a sale does not rely on it."""
        broker = account_of({"A": 10.0}, {"A": 5.0}, cash=1_000.0)
        broker.submit_order("A", 100, OrderSide.BUY, OrderType.LIMIT, limit_price=9.0)

        assert quantities(broker, {}) == {"A": -5.0}

    def test_the_threshold_is_for_what_is_sold_in_the_end(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, {"A": 5.0}, cash=1_000.0)
        broker.submit_order("A", 100, OrderSide.BUY, OrderType.LIMIT, limit_price=9.0)

        assert quantities(broker, {"A": 0.1}, min_trade_value=500.0) == {"A": 0.0}


class WholeUnits(SimulatedBroker):
    """A venue without fractions."""

    @property
    def capabilities(self) -> Capabilities:
        ours = super().capabilities
        return Capabilities(order_types=ours.order_types, times_in_force=ours.times_in_force)


class TestEachField:
    """For each field of the configuration, two values and two outcomes."""

    def test_min_trade_value(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, cash=1_000.0)

        assert quantities(broker, {"A": 0.3}, min_trade_value=300.0) == {"A": 30.0}
        row = plan(broker, {"A": 0.3}, min_trade_value=301.0)["A"]
        assert row.quantity == 0.0
        assert row.reason == "trade of 300.00 is below min_trade_value 301.0"

    def test_min_trade_value_after_scaling(self, account_of: AccountOf) -> None:
        """Too small a part of the wish is not bought, and its cash goes to the others."""
        prices = {"A": 10.0, "B": 10.0, "C": 10.0}
        broker = account_of(prices, {"C": 50.0}, cash=500.0, now={"C": None})
        weights = {"A": 0.5, "B": 0.2}

        assert quantities(broker, weights)["B"] == 14.0
        bought = quantities(broker, weights, min_trade_value=150.0)
        assert (bought["A"], bought["B"]) == (49.0, 0.0)

    def test_min_weight_change(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, cash=1_000.0)

        assert quantities(broker, {"A": 0.3}, min_weight_change=0.3) == {"A": 30.0}
        row = plan(broker, {"A": 0.3}, min_weight_change=0.31)["A"]
        assert row.quantity == 0.0
        assert row.reason == "weight change 0.300000 is below min_weight_change 0.31"

    def test_min_weight_change_after_scaling(self, account_of: AccountOf) -> None:
        prices = {"A": 10.0, "B": 10.0, "C": 10.0}
        broker = account_of(prices, {"C": 50.0}, cash=500.0, now={"C": None})
        weights = {"A": 0.5, "B": 0.2}

        bought = quantities(broker, weights, min_weight_change=0.15)
        assert (bought["A"], bought["B"]) == (49.0, 0.0)

    def test_allow_fractional(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 8.0}, cash=1_000.0)

        assert quantities(broker, {"A": 0.5}, allow_fractional=True) == {"A": 62.5}
        assert quantities(broker, {"A": 0.5}, allow_fractional=False) == {"A": 62.0}

    def test_a_venue_without_fractions_gets_none(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 8.0}, cash=1_000.0, kind=WholeUnits)

        assert quantities(broker, {"A": 0.5}, allow_fractional=True) == {"A": 62.0}

    def test_round_lots_and_lot_size(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 1.0}, cash=1_000.0)

        assert quantities(broker, {"A": 0.55}, round_lots=False) == {"A": 550.0}
        assert quantities(broker, {"A": 0.55}, round_lots=True) == {"A": 500.0}
        assert quantities(broker, {"A": 0.55}, round_lots=True, lot_size=30) == {"A": 540.0}
        assert quantities(broker, {"A": 0.55}, round_lots=False, lot_size=30) == {"A": 550.0}

    def test_allow_short(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, {"A": 20.0}, cash=800.0)

        assert quantities(broker, {"A": -0.3}, allow_short=True) == {"A": -50.0}
        assert quantities(broker, {"A": -0.3}, allow_short=False) == {"A": -20.0}

    def test_max_single_weight(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, cash=1_000.0)

        assert quantities(broker, {"A": 0.8}, max_single_weight=0.8) == {"A": 80.0}
        assert quantities(broker, {"A": 0.8}, max_single_weight=0.2) == {"A": 20.0}

    def test_max_gross_leverage(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0, "B": 10.0}, cash=1_000.0)
        half = {"A": 25.0, "B": 25.0}
        more = {"A": 75.0, "B": 75.0}

        for most, expected in ((0.5, half), (1.5, more)):
            config = {"max_gross_leverage": most, "fee_headroom": 0.0}
            assert quantities(broker, {"A": 1.0, "B": 1.0}, **config) == expected

    def test_fee_headroom(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, cash=1_000.0)

        assert quantities(broker, {"A": 1.0}, fee_headroom=0.0) == {"A": 100.0}
        assert quantities(broker, {"A": 1.0}, fee_headroom=0.0025) == {"A": 99.0}
        assert quantities(broker, {"A": 1.0}, fee_headroom=0.05) == {"A": 95.0}

    def test_cancel_before_rebalance(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, cash=1_000.0)
        TargetWeightExecutor().execute({"A": 0.3}, broker.bars or {}, broker)

        assert quantities(broker, {"A": 0.5}, cancel_before_rebalance=True) == {"A": 50.0}
        assert quantities(broker, {"A": 0.5}, cancel_before_rebalance=False) == {"A": 20.0}

    def test_account_for_pending(self, account_of: AccountOf) -> None:
        broker = account_of({"A": 10.0}, cash=1_000.0)
        broker.submit_order("A", 30)

        assert quantities(broker, {"A": 0.5}, account_for_pending=True) == {"A": 20.0}
        assert quantities(broker, {"A": 0.5}, account_for_pending=False) == {"A": 50.0}


class TestLots:
    @pytest.mark.parametrize(
        ("lot", "config", "expected"),
        [
            (0.0, {}, 55.0),
            (0.001, {}, 55.0),
            (10.0, {}, 50.0),
            (2.5, {}, 55.0),
            (0.001, {"allow_fractional": True}, 55.555),
            (10.0, {"allow_fractional": True}, 50.0),
            (10.0, {"round_lots": True, "lot_size": 50.0}, 50.0),
            (0.4, {}, 54.0),
            (7.0, {"round_lots": True, "lot_size": 2.0}, 42.0),
        ],
        ids=str,
    )
    def test_a_quantity_is_a_multiple_of_every_lot(
        self, account_of: AccountOf, lot: float, config: dict[str, Any], expected: float
    ) -> None:
        """The venue's lot, and that of the configuration: the venue takes what is ordered."""
        terms = {"A": Asset(symbol="A", lot_size=lot)}
        broker = account_of({"A": 9.0}, cash=1_000.0, terms=terms, account=CashAccount())
        executor = TargetWeightExecutor(RebalanceConfig(**config))
        (order,) = executor.execute({"A": 0.5}, broker.bars or {}, broker)

        assert order.quantity == pytest.approx(expected)
        assert order.is_open
