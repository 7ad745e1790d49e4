"""An account that is asked for the cash of all new orders before the bar that could fill them."""

from collections.abc import Callable
from typing import Any

from ml4t.core import Asset, OrderRequest, OrderSide, OrderType
from ml4t.simulation import PerTrade, PreviewedCashAccount, SameBarClose, VolumeShare

BUY, SELL, LIMIT, STOP = OrderSide.BUY, OrderSide.SELL, OrderType.LIMIT, OrderType.STOP
NO_CASH = "not enough cash for all new orders"

Markets = Callable[..., Any]


def market_with(market_of: Markets, *bars: float, cash: float = 1000.0, **more: Any) -> Any:
    """A market of SPY at these prices."""
    return market_of({"SPY": bars}, cash=cash, account=PreviewedCashAccount(), **more)


def test_orders_are_taken_one_after_another(market_of: Markets) -> None:
    market = market_with(market_of, 100.0, 100.0)
    orders = [market.broker.submit_order("SPY", quantity) for quantity in (6, 4, 1)]
    market.next()

    assert market.status(*orders) == ["FILLED", "FILLED", "REJECTED"]
    assert market.broker.book[orders[2].id].reason == NO_CASH
    assert market.broker.get_cash() == 0.0


def test_one_that_is_rejected_counts_against_those_after_it(market_of: Markets) -> None:
    market = market_with(market_of, 100.0, 100.0)
    orders = [market.broker.submit_order("SPY", quantity) for quantity in (11, 1)]
    market.next()

    assert market.status(*orders) == ["REJECTED", "REJECTED"]


def test_a_short_sale_is_a_source_of_cash(market_of: Markets) -> None:
    market = market_of(
        {"SPY": [100.0] * 2, "TLT": [50.0] * 2}, cash=1000.0, account=PreviewedCashAccount()
    )
    sale = market.broker.submit_order("TLT", -10)
    purchase = market.broker.submit_order("SPY", 15)
    market.next()

    assert market.status(sale, purchase) == ["FILLED", "FILLED"]
    assert market.broker.get_cash() == 0.0


def test_each_is_taken_at_its_own_price(market_of: Markets) -> None:
    market = market_with(market_of, 100.0, 100.0)
    cheap = market.broker.submit_order("SPY", 10, BUY, LIMIT, 90.0)
    stop = market.broker.submit_order("SPY", 1, BUY, STOP, stop_price=101.0)
    market.next()

    # 900 and 101.
    assert market.status(cheap, stop) == ["ACCEPTED", "REJECTED"]


def test_the_price_of_a_market_order_is_the_close_before(market_of: Markets) -> None:
    market = market_with(market_of, 100.0, 90.0)
    order = market.broker.submit_order("SPY", 11)
    market.next()

    assert market.status(order) == ["REJECTED"]


def test_fees_and_multipliers_count(market_of: Markets) -> None:
    future = Asset(symbol="SPY", multiplier=2.0)
    market = market_of(
        {"SPY": [100.0] * 3},
        future,
        cash=1000.0,
        account=PreviewedCashAccount(),
        commission=PerTrade(1.0),
    )
    five = market.broker.submit_order("SPY", 5)
    market.next()
    four = market.broker.submit_order("SPY", 4)
    market.next()

    assert market.status(five, four) == ["REJECTED", "FILLED"]
    assert market.broker.get_cash() == 199.0


def test_an_order_is_looked_at_once(market_of: Markets) -> None:
    market = market_with(market_of, 100.0, 100.0, 100.0)
    waiting = market.broker.submit_order("SPY", 10, BUY, LIMIT, 90.0)
    market.next()
    market.broker.submit_order("SPY", 5)
    market.next()

    assert market.status(waiting) == ["ACCEPTED"]
    assert market.held() == 5.0


def test_what_was_cancelled_or_has_no_price_is_passed_over(market_of: Markets) -> None:
    market = market_of(
        {"SPY": [100.0] * 2, "TLT": [None, 50.0]}, cash=1000.0, account=PreviewedCashAccount()
    )
    cancelled = market.broker.submit_order("SPY", 10)
    unpriced = market.broker.submit_order("TLT", 100, BUY, OrderType.MARKET)
    ten = market.broker.submit_order("SPY", 10)
    market.broker.cancel_order(cancelled.id)
    market.next()

    # Nobody knew what TLT would cost; when it fills, cash is asked for.
    assert market.status(cancelled, unpriced, ten) == ["CANCELLED", "REJECTED", "FILLED"]


def test_a_group_that_is_rejected_once_is_rejected(market_of: Markets) -> None:
    market = market_with(market_of, 100.0, 100.0)
    orders = market.broker.submit_oco(
        [OrderRequest("SPY", BUY, 11, LIMIT, price) for price in (95.0, 96.0)]
    )
    market.next()

    assert market.status(*orders) == ["REJECTED", "CANCELLED"]


def test_what_filled_in_part_at_the_close_of_its_decision_is_not_asked_again(
    market_of: Markets,
) -> None:
    market = market_with(
        market_of,
        100.0,
        100.0,
        timing=SameBarClose(),
        volume={"SPY": [40.0] * 2},
        participation=VolumeShare(0.1),
    )
    order = market.broker.submit_order("SPY", 10)
    market.broker.match_same_bar()
    another = market.broker.submit_order("SPY", 7)
    market.next()

    # 400 are paid, 600 are left, and 700 are wanted.
    assert market.status(order, another) == ["PARTIALLY_FILLED", "REJECTED"]
    assert market.held() == 8.0


class TestWhenItFills:
    """The price has moved since the preview."""

    def test_what_opens_must_be_paid_for(self, market_of: Markets) -> None:
        market = market_with(market_of, 100.0, 101.0)
        order = market.broker.submit_order("SPY", 10)
        market.next()

        assert market.status(order) == ["REJECTED"]
        assert market.broker.book[order.id].reason == "not enough cash: 1000.00 for 10 at 101"

    def test_what_closes_passes_and_what_opens_does_not(self, market_of: Markets) -> None:
        market = market_with(market_of, 100.0, 100.0, 200.0)
        market.broker.submit_order("SPY", -10)
        market.next()
        turn = market.broker.submit_order("SPY", 20)
        market.next()

        # 2000 in cash, 4000 to pay: the short position is bought back.
        assert market.held() == 0.0
        assert market.status(turn) == ["CANCELLED"]
        assert market.broker.book[turn.id].filled_quantity == 10.0

    def test_a_loss_may_leave_less_than_no_cash(self, market_of: Markets) -> None:
        market = market_with(market_of, 100.0, 100.0, 300.0)
        market.broker.submit_order("SPY", -10)
        market.next()
        close = market.broker.submit_order("SPY", 10)
        market.next()

        assert market.status(close) == ["FILLED"]
        assert market.broker.get_cash() == -1000.0
