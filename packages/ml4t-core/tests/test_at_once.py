"""Orders that fill at once or not at all, where account, volume or timing leave a rest."""

from collections.abc import Callable
from typing import Any

import pytest

from ml4t.core import OrderRequest, OrderSide, TimeInForce
from ml4t.simulation import CashAccount, ForEachOrder, SameBarClose, VolumeShare

Markets = Callable[..., Any]
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
MISSED = "its only chance to fill has passed"


@pytest.mark.parametrize(
    ("time", "held", "status"), [(IOC, 9.0, "CANCELLED"), (FOK, 0.0, "REJECTED")]
)
def test_what_the_cash_pays_for_in_part(
    market_of: Markets, time: TimeInForce, held: float, status: str
) -> None:
    market = market_of({"SPY": [100.0, 110.0]}, cash=1000.0, account=CashAccount())
    order = market.broker.submit_order("SPY", 10, time_in_force=time)
    market.next()

    assert market.held() == held
    assert market.status(order) == [status]
    reason = "not enough cash: costs 1100.00, cash is 1000.00"
    assert market.broker.book[order.id].reason == reason


@pytest.mark.parametrize(("time", "held"), [(IOC, 0.0), (FOK, 5.0)])
def test_what_is_held_in_part(market_of: Markets, time: TimeInForce, held: float) -> None:
    market = market_of({"SPY": [100.0] * 3}, cash=1000.0, account=CashAccount())
    market.broker.submit_order("SPY", 5)
    market.next()
    market.broker.submit_order("SPY", -10, time_in_force=time)
    market.next()

    assert market.held() == held


@pytest.mark.parametrize(("time", "held"), [(IOC, 10.0), (FOK, 0.0)])
def test_at_the_close_of_the_decision_the_rest_has_no_other_chance(
    market_of: Markets, time: TimeInForce, held: float
) -> None:
    market = market_of(
        {"SPY": [100.0] * 2},
        volume={"SPY": [100.0, 1000.0]},
        participation=VolumeShare(0.1),
        timing=SameBarClose(),
    )
    order = market.broker.submit_order("SPY", 15, time_in_force=time)
    market.broker.match_same_bar()

    assert market.status(order) == ["CANCELLED"]
    assert market.broker.book[order.id].reason == MISSED
    market.next()
    assert market.held() == held


def test_at_the_close_of_the_decision_an_order_knows_what_its_group_filled(
    market_of: Markets,
) -> None:
    market = market_of(
        {"SPY": [100.0]},
        volume={"SPY": [40.0]},
        participation=ForEachOrder(VolumeShare(0.1)),
        timing=SameBarClose(),
    )
    market.broker.submit_oco([OrderRequest("SPY", OrderSide.BUY, 10.0)] * 2)
    market.broker.match_same_bar()

    # Each fills 4 of 10 and leaves 6 to the other, what it has filled itself included.
    states = market.broker.pending_orders
    assert [(order.filled_quantity, order.quantity) for order in states] == [(4.0, 6.0)] * 2
