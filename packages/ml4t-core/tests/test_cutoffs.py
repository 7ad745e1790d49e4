"""Until when orders for the closing auction are taken."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ml4t.core import ConfigError, OrderStatus, OrderType, Session, TimeInForce
from ml4t.simulation import ClosingCutoff, NoCutoff

FIRST = datetime(2024, 1, 2, 14, 31, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CLOSING: list[dict[str, Any]] = [
    {"order_type": OrderType.MARKET_ON_CLOSE},
    {"order_type": OrderType.LIMIT, "limit_price": 99.0, "time_in_force": TimeInForce.CLS},
]


class FiveMinutes:
    """A calendar of one session that ends with the fifth bar of a minute."""

    def session_of(self, instant: datetime) -> Session | None:
        opens = FIRST - MINUTE
        if not opens < instant <= opens + 5 * MINUTE:
            return None
        return Session(label=date(2024, 1, 2), opens=opens, closes=opens + 5 * MINUTE)


def sent_after(market_of: Callable[..., Any], bars: int, cutoff: Any, **order: Any) -> Any:
    """The order that is sent once ``bars`` bars of the session are complete."""
    market = market_of({"SPY": [100.0] * 6}, calendar=FiveMinutes(), cutoff=cutoff)
    for _ in range(bars - 1):
        market.next()
    return market.broker.submit_order("SPY", 1, **order)


@pytest.mark.parametrize("order", CLOSING)
@pytest.mark.parametrize(("bars", "taken"), [(2, True), (3, True), (4, False)])
def test_an_order_for_the_close_comes_in_time_or_not(
    market_of: Callable[..., Any], order: dict[str, Any], bars: int, taken: bool
) -> None:
    # Two minutes are left after the third bar.
    sent = sent_after(market_of, bars, ClosingCutoff(2), **order)

    assert (sent.status is OrderStatus.ACCEPTED) == taken
    assert taken or sent.reason == "orders for this close are not taken any more, 0:01:00 before it"


@pytest.mark.parametrize("order", CLOSING)
def test_after_the_close_it_is_in_time_for_the_next(
    market_of: Callable[..., Any], order: dict[str, Any]
) -> None:
    assert sent_after(market_of, 5, ClosingCutoff(2), **order).status is OrderStatus.ACCEPTED


def test_without_a_cutoff_the_last_bar_but_one_is_early_enough(
    market_of: Callable[..., Any],
) -> None:
    assert sent_after(market_of, 4, NoCutoff(), **CLOSING[0]).status is OrderStatus.ACCEPTED


@pytest.mark.parametrize(
    "order", [{}, {"order_type": OrderType.MARKET_ON_OPEN}, {"time_in_force": TimeInForce.IOC}]
)
def test_other_orders_do_not_care(market_of: Callable[..., Any], order: dict[str, Any]) -> None:
    assert sent_after(market_of, 4, ClosingCutoff(2), **order).status is OrderStatus.ACCEPTED


@pytest.mark.parametrize("minutes", [-1.0, 1_440.0, math.nan])
def test_minutes_are_within_a_day(minutes: float) -> None:
    with pytest.raises(ConfigError, match="minutes of ClosingCutoff"):
        ClosingCutoff(minutes)
