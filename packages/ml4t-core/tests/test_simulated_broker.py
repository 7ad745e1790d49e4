"""The simulated broker: how long orders work, where they fill, what is refused and who is told."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from ml4t.core import (
    Asset,
    Fill,
    InvalidOrderError,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    Panel,
    TimeInForce,
    UnknownAssetError,
    UnknownOrderError,
)
from ml4t.simulation import (
    BasisPoints,
    CashAccount,
    FixedAmount,
    MarginAccount,
    NextBarClose,
    Percentage,
    PerTrade,
    RejectOrder,
    SameBarClose,
    SimulatedBroker,
)
from ml4t.simulation.accounts import Verdict

PanelOf = Callable[..., Panel]
BrokerOf = Callable[..., SimulatedBroker]
Show = Callable[[SimulatedBroker, Panel, int], None]

BUY, SELL = OrderSide.BUY, OrderSide.SELL
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TWO_BARS = {"A": [(10, 12, 9, 11), (13, 15, 12, 14)], "B": [None, 5.0]}


def limit(broker: SimulatedBroker, price: float, side: OrderSide = BUY, **more: Any) -> Order:
    return broker.submit_order("A", 10, side, OrderType.LIMIT, limit_price=price, **more)


def statuses(broker: SimulatedBroker) -> list[OrderStatus]:
    return [order.status for order in broker.book.orders.values()]


class TestTimeInForce:
    def test_a_day_order_works_through_the_session_of_the_next_bar(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [10.0] * 3}, step=DAY), broker_of("A")
        show(broker, panel, 0)
        order = limit(broker, 9.0)
        show(broker, panel, 1)
        assert broker.book[order.id].is_open
        show(broker, panel, 2)

        expired = broker.book[order.id]
        assert (expired.status, expired.reason) == (
            OrderStatus.EXPIRED,
            "its time in force is over",
        )
        assert expired.updated_at == panel.timestamps[2]

    def test_it_works_through_all_bars_of_its_session(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        """From 14:31 to 23:31 of one day; the last bar brings its price."""
        panel = panel_of({"A": [10.0] * 9 + [8.0]}, step=HOUR)
        broker = broker_of("A")
        show(broker, panel, 0)
        order = limit(broker, 9.0)
        for row in range(1, 10):
            show(broker, panel, row)

        assert broker.book[order.id].status is OrderStatus.FILLED

    def test_an_expired_order_does_not_fill_in_the_bar_that_ends_it(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [10.0, 10.0, 5.0]}, step=DAY), broker_of("A")
        for row in range(3):
            show(broker, panel, row)
            if row == 0:
                limit(broker, 9.0)

        assert statuses(broker) == [OrderStatus.EXPIRED]
        assert broker.fills == []

    def test_a_day_order_expires_although_its_asset_had_no_bar(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel = panel_of({"A": [10.0, None, 10.0], "B": [1.0] * 3}, step=DAY)
        broker = broker_of("A", "B")
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)
        show(broker, panel, 2)

        assert statuses(broker) == [OrderStatus.EXPIRED]

    def test_a_replaced_day_order_keeps_its_session(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [10.0] * 3}, step=DAY), broker_of("A")
        show(broker, panel, 0)
        order = limit(broker, 9.0)
        show(broker, panel, 1)
        broker.replace_order(order.id, limit_price=9.5)
        show(broker, panel, 2)

        assert statuses(broker) == [OrderStatus.EXPIRED]

    def test_a_gtc_order_works_until_it_fills(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [10.0] * 30 + [8.0]}, step=DAY), broker_of("A")
        show(broker, panel, 0)
        limit(broker, 9.0, time_in_force=TimeInForce.GTC)
        for row in range(1, 31):
            assert statuses(broker) == [OrderStatus.ACCEPTED]
            show(broker, panel, row)

        assert statuses(broker) == [OrderStatus.FILLED]

    @pytest.mark.parametrize(("row", "status"), [(2, OrderStatus.FILLED), (1, OrderStatus.EXPIRED)])
    def test_a_gtd_order_works_up_to_and_including_its_instant(
        self,
        panel_of: PanelOf,
        broker_of: BrokerOf,
        show: Show,
        row: int,
        status: OrderStatus,
    ) -> None:
        panel, broker = panel_of({"A": [10.0, 10.0, 8.0]}, step=DAY), broker_of("A")
        show(broker, panel, 0)
        limit(broker, 9.0, time_in_force=TimeInForce.GTD, good_till=panel.timestamps[row])
        show(broker, panel, 1)
        show(broker, panel, 2)

        assert statuses(broker) == [status]


class TestFilling:
    def test_an_order_meets_the_first_bar_after_it(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        """A9: submitted at one bar's close, filled at the open of the next."""
        panel, broker = panel_of({"A": [(10, 12, 9, 11), (13, 15, 12, 14)]}), broker_of("A")
        show(broker, panel, 0)
        order = broker.submit_order("A", 10)
        assert order.submitted_at == panel.timestamps[0]
        show(broker, panel, 1)

        (fill,) = broker.fills
        assert (fill.price, fill.timestamp) == (13.0, panel.timestamps[1])
        assert (fill.order_id, fill.rule, fill.reference_price) == (order.id, "market_open", 13.0)
        assert broker.get_cash() == 100_000.0 - 130.0

    def test_an_order_from_before_the_first_bar_meets_it(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [10.0]}), broker_of("A")
        order = broker.submit_order("A", 10)
        show(broker, panel, 0)

        assert order.submitted_at is None
        assert statuses(broker) == [OrderStatus.FILLED]

    def test_next_bar_close_fills_at_the_close(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel = panel_of({"A": [(10, 12, 9, 11), (13, 15, 12, 14)]})
        broker = broker_of("A", timing=NextBarClose())
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)

        assert [(fill.price, fill.rule) for fill in broker.fills] == [(14.0, "market_close")]

    def test_an_asset_without_a_bar_does_not_fill(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel = panel_of({"A": [10.0, None, 12.0], "B": [20.0, 21.0, 22.0]})
        broker = broker_of("A", "B")
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        broker.submit_order("B", 10)
        show(broker, panel, 1)
        assert statuses(broker) == [OrderStatus.ACCEPTED, OrderStatus.FILLED]
        show(broker, panel, 2)

        assert [(fill.asset, fill.price) for fill in broker.fills] == [("B", 21.0), ("A", 12.0)]

    def test_a_touched_stop_is_remembered_in_later_bars(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        """Bar 1 goes through the stop and leaves the limit; bar 2 comes back, below the stop."""
        panel = panel_of({"A": [10.0, (14, 15, 13, 14), (11, 11, 9, 10)]})
        broker = broker_of("A")
        show(broker, panel, 0)
        order = broker.submit_order("A", 10, BUY, OrderType.STOP_LIMIT, 11.5, 12.0)
        show(broker, panel, 1)
        touched = broker.book[order.id]
        assert (touched.triggered, touched.status) == (True, OrderStatus.ACCEPTED)
        assert touched.updated_at == panel.timestamps[1]
        show(broker, panel, 2)

        assert [(fill.price, fill.rule) for fill in broker.fills] == [(11.0, "limit_open")]

    def test_orders_meet_the_bar_in_order_of_submission(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        """The first takes the cash."""
        panel = panel_of({"A": [10.0] * 2, "B": [10.0] * 2})
        for first, second in ("AB", "BA"):
            broker = broker_of("A", "B", cash=100.0)
            show(broker, panel, 0)
            broker.submit_order(first, 10)
            broker.submit_order(second, 10)
            show(broker, panel, 1)

            assert list(broker.positions) == [first]

    def test_a_sale_pays_for_a_purchase_in_the_same_bar(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [10.0] * 3, "B": [10.0] * 3}), broker_of("A", "B", cash=100)
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)
        broker.submit_order("A", -10)
        broker.submit_order("B", 10)
        show(broker, panel, 2)

        assert {a: p.quantity for a, p in broker.positions.items()} == {"B": 10.0}

    def test_a_multiplier_counts_in_cash_and_value(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel = panel_of({"ES": [100.0, 100.0, 101.0]})
        broker = broker_of(Asset(symbol="ES", multiplier=50), commission=Percentage(0.01))
        show(broker, panel, 0)
        broker.submit_order("ES", 2)
        show(broker, panel, 1)
        assert broker.get_cash() == 100_000.0 - 10_000.0 - 100.0
        show(broker, panel, 2)

        assert broker.get_account_value() == 100_000.0 - 100.0 + 100.0


class TestSameBar:
    def test_a_market_order_fills_at_the_close_just_seen(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of(TWO_BARS), broker_of("A", "B", timing=SameBarClose())
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        broker.match_same_bar()

        (fill,) = broker.fills
        assert (fill.price, fill.timestamp) == (11.0, panel.timestamps[0])
        assert fill.rule == "market_same_close"

    def test_every_other_order_waits_for_the_next_bar(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        """Its bar is over: nobody could have traded at its prices with this order."""
        panel, broker = panel_of(TWO_BARS), broker_of("A", "B", timing=SameBarClose())
        show(broker, panel, 0)
        limit(broker, 20.0)
        broker.submit_order("A", 10, BUY, OrderType.STOP, stop_price=5.0)
        broker.match_same_bar()
        assert broker.fills == []
        show(broker, panel, 1)

        assert [fill.price for fill in broker.fills] == [13.0, 13.0]

    def test_an_asset_without_a_bar_waits(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of(TWO_BARS), broker_of("A", "B", timing=SameBarClose())
        show(broker, panel, 0)
        broker.submit_order("B", 10)
        broker.match_same_bar()
        assert broker.fills == []
        show(broker, panel, 1)

        assert [(fill.asset, fill.price) for fill in broker.fills] == [("B", 5.0)]

    def test_other_timings_fill_nothing_in_the_same_bar(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of(TWO_BARS), broker_of("A", "B", timing=NextBarClose())
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        broker.match_same_bar()

        assert broker.fills == []


class TestSlippage:
    def test_a_market_order_pays_it_and_remembers_the_price_without(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [100.0] * 2}), broker_of("A", slippage=BasisPoints(10))
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)

        (fill,) = broker.fills
        assert fill.price == pytest.approx(100.1)
        assert fill.reference_price == 100.0
        assert fill.slippage == pytest.approx(0.1)

    @pytest.mark.parametrize(
        ("side", "at", "expected"), [(BUY, 101.0, 101.0), (BUY, 103.0, 102.0), (SELL, 98.0, 98.0)]
    )
    def test_it_never_breaks_a_limit(
        self,
        panel_of: PanelOf,
        broker_of: BrokerOf,
        show: Show,
        side: OrderSide,
        at: float,
        expected: float,
    ) -> None:
        panel = panel_of({"A": [100.0] * 2})
        broker = broker_of("A", slippage=FixedAmount(2.0), account=MarginAccount())
        show(broker, panel, 0)
        limit(broker, at, side)
        show(broker, panel, 1)

        assert [fill.price for fill in broker.fills] == [expected]


class TestShortfall:
    def test_a_trimmed_order_is_cancelled_with_its_fill(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [30.0, 100.0]}), broker_of("A", cash=350.0)
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)

        (order,) = broker.book.orders.values()
        assert (order.status, order.filled_quantity) == (OrderStatus.CANCELLED, 3.0)
        assert order.reason == "not enough cash: costs 1000.00, cash is 350.00"
        assert broker.pending_orders == ()

    def test_an_order_that_gets_nothing_is_rejected(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [3.0, 100.0]}), broker_of("A", cash=50.0)
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)

        assert statuses(broker) == [OrderStatus.REJECTED]
        assert broker.fills == []

    def test_an_order_can_be_rejected_whole(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel = panel_of({"A": [30.0, 100.0]})
        broker = broker_of("A", cash=350.0, account=CashAccount(RejectOrder()))
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)

        assert statuses(broker) == [OrderStatus.REJECTED]
        assert broker.get_cash() == 350.0

    def test_a_trimmed_fill_pays_its_own_fee(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel = panel_of({"A": [30.0, 100.0]})
        broker = broker_of("A", cash=350.0, commission=Percentage(0.01))
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)

        assert [(fill.quantity, fill.fee) for fill in broker.fills] == [(3.0, 3.0)]
        assert broker.get_cash() == 47.0

    def test_what_is_trimmed_by_rounding_has_filled(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        class RoundsDown(CashAccount):
            def review(self, trade: Any, cash: float, exposure: Any) -> Verdict:
                return Verdict(abs(trade.signed_quantity) * (1 - 1e-12), "rounding")

        panel, broker = panel_of({"A": [100.0] * 2}), broker_of("A", account=RoundsDown())
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)

        assert statuses(broker) == [OrderStatus.FILLED]

    def test_a_fee_that_eats_the_cash_stops_a_sale(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel = panel_of({"A": [100.0, 100.0, 1.0]})
        broker = broker_of("A", cash=110.0, commission=PerTrade(10.0))
        show(broker, panel, 0)
        broker.submit_order("A", 1)
        show(broker, panel, 1)
        assert broker.get_cash() == 0.0
        broker.submit_order("A", -1)
        show(broker, panel, 2)

        assert statuses(broker) == [OrderStatus.FILLED, OrderStatus.REJECTED]
        assert broker.get_cash() == 0.0

    @pytest.mark.parametrize("same_bar", [False, True])
    def test_margin_is_judged_by_prices_known_before_the_bar(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show, same_bar: bool
    ) -> None:
        """B fills at its open, when nobody knew that A would lose half by the close."""
        panel = panel_of({"A": [100.0, 100.0, (100, 100, 50, 50)], "B": [10.0] * 3})
        timing = {"timing": SameBarClose()} if same_bar else {}
        broker = broker_of("A", "B", cash=1_000.0, account=MarginAccount(0.5), **timing)
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)
        broker.submit_order("B", 100, BUY, OrderType.LIMIT, limit_price=10.0)
        show(broker, panel, 2)

        assert statuses(broker) == [OrderStatus.FILLED, OrderStatus.FILLED]


class TestRefusing:
    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            ({"asset": "Z"}, "the venue does not list 'Z'"),
            ({"quantity": 15}, "quantity 15 is no multiple of lot 10"),
            ({"quantity": 0}, "quantity must be positive and finite, was 0.0"),
            ({"quantity": math.nan}, "quantity must be positive and finite, was nan"),
            (
                {"order_type": OrderType.LIMIT, "limit_price": -1.0},
                "limit_price must be positive and finite, was -1.0",
            ),
            (
                {"order_type": OrderType.LIMIT, "limit_price": 10.03},
                "limit_price 10.03 is no multiple of the tick 0.05",
            ),
            (
                {"order_type": OrderType.MARKET_ON_CLOSE},
                "which bars open and close a session is not known",
            ),
        ],
        ids=str,
    )
    def test_what_the_venue_refuses_comes_back_with_a_reason(
        self, broker_of: BrokerOf, arguments: dict[str, Any], reason: str
    ) -> None:
        broker = broker_of(Asset(symbol="A", lot_size=10, tick_size=0.05))
        order = broker.submit_order(**{"asset": "A", "quantity": 10, **arguments})

        assert order.status is OrderStatus.REJECTED
        assert reason in order.reason
        assert broker.pending_orders == ()
        assert broker.book[order.id] is order

    @pytest.mark.parametrize("quantity", [0.3, 0.7000000000000001, 1e6])
    def test_a_lot_is_judged_up_to_rounding(self, broker_of: BrokerOf, quantity: float) -> None:
        broker = broker_of(Asset(symbol="A", lot_size=0.1))

        assert broker.submit_order("A", quantity).status is OrderStatus.ACCEPTED

    def test_what_makes_no_order_raises_and_leaves_no_trace(self, broker_of: BrokerOf) -> None:
        broker = broker_of("A")
        with pytest.raises(InvalidOrderError):
            broker.submit_order("A", 10, order_type=OrderType.LIMIT)

        assert len(broker.book) == 0

    def test_an_unlisted_asset_has_no_terms(self, broker_of: BrokerOf) -> None:
        with pytest.raises(UnknownAssetError, match="the venue does not list 'Z'"):
            broker_of("A").get_asset("Z")


class TestCancelling:
    def test_a_cancelled_order_says_when_and_why(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [10.0] * 2}), broker_of("A")
        show(broker, panel, 0)
        order = limit(broker, 9.0)
        show(broker, panel, 1)

        assert broker.cancel_order(order.id)
        cancelled = broker.book[order.id]
        assert (cancelled.status, cancelled.reason) == (
            OrderStatus.CANCELLED,
            "cancelled on request",
        )
        assert cancelled.updated_at == panel.timestamps[1]

    def test_an_unknown_id_is_an_error(self, broker_of: BrokerOf) -> None:
        with pytest.raises(UnknownOrderError):
            broker_of("A").cancel_order("7")


class TestReplacing:
    def test_a_replaced_order_keeps_its_place(self, broker_of: BrokerOf) -> None:
        broker = broker_of("A")
        orders = [limit(broker, 9.0) for _ in range(3)]
        changed = broker.replace_order(orders[1].id, quantity=5, limit_price=8.0)

        assert [order.id for order in broker.pending_orders] == [order.id for order in orders]
        assert broker.book[orders[1].id] == changed
        assert (changed.quantity, changed.limit_price) == (5, 8.0)

    def test_a_stop_can_be_moved(self, broker_of: BrokerOf) -> None:
        broker = broker_of("A")
        order = broker.submit_order("A", 10, SELL, OrderType.STOP, stop_price=9.0)

        assert broker.replace_order(order.id, stop_price=9.5).stop_price == 9.5

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"quantity": 0.0}, "quantity must be positive and finite, was 0.0"),
            ({"limit_price": -1.0}, "limit_price must be positive and finite, was -1.0"),
        ],
        ids=str,
    )
    def test_numbers_that_no_venue_takes_leave_the_order(
        self, broker_of: BrokerOf, change: dict[str, float], reason: str
    ) -> None:
        broker = broker_of("A")
        order = limit(broker, 9.0)
        answer = broker.replace_order(order.id, **change)

        assert answer.reason == f"not replaced: {reason}"
        assert broker.book[order.id] == order

    def test_what_would_make_no_order_is_an_error(self, broker_of: BrokerOf) -> None:
        broker = broker_of("A")
        order = limit(broker, 9.0)
        with pytest.raises(InvalidOrderError):
            broker.replace_order(order.id, stop_price=9.0)

        assert broker.book[order.id] == order

    def test_less_than_what_has_filled_is_an_error(self, broker_of: BrokerOf) -> None:
        broker = broker_of("A")
        order = limit(broker, 9.0)
        filled = attrs.evolve(
            order,
            status=OrderStatus.PARTIALLY_FILLED,
            filled_quantity=4.0,
            average_fill_price=9.0,
        )
        broker.book.put(filled)

        with pytest.raises(InvalidOrderError, match="must exceed the 4 that filled, was 4"):
            broker.replace_order(order.id, quantity=4)
        assert broker.replace_order(order.id, quantity=6).remaining == 2.0

    def test_what_the_venue_refuses_leaves_the_order(self, broker_of: BrokerOf) -> None:
        broker = broker_of(Asset(symbol="A", lot_size=10))
        order = limit(broker, 9.0)
        same = broker.replace_order(order.id, quantity=15)

        assert same.request == order.request
        assert same.reason == "not replaced: quantity 15 is no multiple of lot 10"
        assert broker.book[order.id] == order

    def test_an_unknown_id_is_an_error(self, broker_of: BrokerOf) -> None:
        with pytest.raises(UnknownOrderError):
            broker_of("A").replace_order("7", quantity=1)


class TestClosing:
    def test_rounding_is_not_sold(self, panel_of: PanelOf, broker_of: BrokerOf, show: Show) -> None:
        """0.8 less 0.1 less 0.7 is not 0."""
        panel, broker = panel_of({"A": [10.0] * 2}), broker_of("A")
        show(broker, panel, 0)
        broker.submit_order("A", 0.8)
        show(broker, panel, 1)
        broker.submit_order("A", -0.1)
        broker.submit_order("A", -0.7)

        assert broker.close_position("A") is None

    def test_a_market_order_that_adds_is_not_counted(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [10.0] * 2}), broker_of("A")
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)
        broker.submit_order("A", 5)
        order = broker.close_position("A")

        assert order is not None
        assert order.request.signed_quantity == -10.0


class TestAccount:
    def test_a_missing_bar_leaves_the_last_close_as_mark(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel = panel_of({"A": [10.0, 11.0, None], "B": [1.0] * 3})
        broker = broker_of("A", "B", cash=1_000.0)
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)
        show(broker, panel, 2)

        assert broker.get_account_value() == 1_000.0

    def test_without_bars_the_account_is_its_cash(self, broker_of: BrokerOf) -> None:
        assert broker_of("A", cash=1_000.0).get_account_value() == 1_000.0

    def test_positions_cannot_be_written(self, broker_of: BrokerOf) -> None:
        with pytest.raises(TypeError):
            broker_of("A").positions["A"] = None  # type: ignore[index]

    @pytest.mark.parametrize("account", [CashAccount(), MarginAccount()])
    def test_short_selling_is_declared_by_the_account(
        self, broker_of: BrokerOf, account: CashAccount | MarginAccount
    ) -> None:
        declared = broker_of("A", account=account).capabilities.short_selling

        assert declared is account.allows_short


class TestOutbox:
    def test_nobody_is_told_unless_asked_for(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [10.0] * 2}), broker_of("A")
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        show(broker, panel, 1)

        assert broker.outbox is None

    def test_events_come_in_the_order_in_which_they_happened(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [10.0, 10.0, 10.0]}, step=DAY), broker_of("A", cash=150.0)
        broker.outbox = []
        show(broker, panel, 0)
        broker.submit_order("A", 10)
        broker.submit_order("A", 10)
        waits = limit(broker, 9.0)
        broker.submit_order("Z", 1)
        broker.replace_order(waits.id, limit_price=9.5)
        show(broker, panel, 1)
        show(broker, panel, 2)

        told = [
            (event.order_id, event.quantity)
            if isinstance(event, Fill)
            else (event.id, event.status.name)
            for event in broker.outbox
        ]
        assert told == [
            ("1", "ACCEPTED"),
            ("2", "ACCEPTED"),
            ("3", "ACCEPTED"),
            ("4", "REJECTED"),
            ("3", "ACCEPTED"),
            ("1", 10.0),
            ("1", "FILLED"),
            ("2", 5.0),
            ("2", "PARTIALLY_FILLED"),
            ("2", "CANCELLED"),
            ("3", "EXPIRED"),
        ]


class TestWhatTimeAndPriceHaveDecided:
    def test_a_gtd_order_whose_time_has_passed_is_rejected(
        self, panel_of: PanelOf, broker_of: BrokerOf, show: Show
    ) -> None:
        panel, broker = panel_of({"A": [10.0] * 2}, step=DAY), broker_of("A")
        show(broker, panel, 1)
        late = limit(broker, 9.0, time_in_force=TimeInForce.GTD, good_till=panel.timestamps[1])
        assert late.status is OrderStatus.REJECTED
        assert late.reason.endswith("has passed")

    @pytest.mark.parametrize(("change", "still"), [({"stop_price": 14.0}, False), ({}, True)])
    def test_a_new_stop_must_be_touched_anew(
        self,
        panel_of: PanelOf,
        broker_of: BrokerOf,
        show: Show,
        change: dict[str, float],
        still: bool,
    ) -> None:
        panel, broker = panel_of({"A": [10.0, (11, 13, 11, 13)]}, step=DAY), broker_of("A")
        show(broker, panel, 0)
        order = broker.submit_order(
            "A", 10, BUY, OrderType.STOP_LIMIT, 9.0, 12.0, time_in_force=TimeInForce.GTC
        )
        show(broker, panel, 1)
        assert broker.book[order.id].triggered
        assert broker.replace_order(order.id, limit_price=9.5, **change).triggered is still


def test_a_plain_stop_that_rests_does_not_keep_a_position_from_being_closed(
    panel_of: PanelOf, broker_of: BrokerOf, show: Show
) -> None:
    panel, broker = panel_of({"A": [10.0] * 3}), broker_of("A")
    show(broker, panel, 0)
    broker.submit_order("A", 10)
    show(broker, panel, 1)
    broker.submit_order("A", 10, SELL, OrderType.STOP, stop_price=5.0)
    order = broker.close_position("A")
    show(broker, panel, 2)

    assert order is not None
    assert (10, {}) == (order.quantity, dict(broker.positions))
