"""How long orders work, and what happens in the auctions."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ml4t.core import Order, OrderRequest, OrderSide, OrderStatus, OrderType, Session, TimeInForce
from ml4t.simulation import SimulatedBroker, SubmissionOrder, VolumeShare
from ml4t.simulation.auctions import Auctions
from ml4t.simulation.intrabar import ClosingPrice

Played = Callable[..., SimulatedBroker]
START = datetime(2024, 1, 2, 14, 31, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def submit(
    kind: OrderType = OrderType.LIMIT, price: float | None = 95.0, **more: Any
) -> Callable[[SimulatedBroker], object]:
    return lambda broker: broker.submit_order("A", 10, BUY, kind, price, **more)


def only(broker: SimulatedBroker) -> Order:
    (order,) = broker.book.orders.values()
    return order


class ThreeBars:
    """Sessions of three minutes, one after the other; in one of them nothing is open."""

    def __init__(self, closed: int = -1) -> None:
        self.closed = closed

    def session_of(self, instant: datetime) -> Session | None:
        number = -((START - MINUTE - instant) // (3 * MINUTE)) - 1
        opens = START - MINUTE + number * 3 * MINUTE
        label = date(2024, 1, 1) + number * DAY
        if number == self.closed:
            return None
        return Session(label=label, opens=opens, closes=opens + 3 * MINUTE)


class TestTimeInForce:
    def test_for_the_day_means_the_session_of_the_next_bar(self, played: Played) -> None:
        works = played([100.0, 96.0], {0: submit()}, step=DAY)
        over = played([100.0, 96.0, 94.0], {0: submit()}, step=DAY)

        assert only(works).is_open
        assert (only(over).status, over.fills) == (OrderStatus.EXPIRED, [])
        assert only(over).reason == "its time in force is over"

    def test_within_the_day_it_works_on(self, played: Played) -> None:
        assert only(played([100.0] * 5 + [94.0], {0: submit()})).status is OrderStatus.FILLED

    def test_sessions_are_those_of_the_calendar(self, played: Played) -> None:
        """Submitted in the first session's second bar it ends with that session."""
        filled = played([100.0, 100.0, 94.0], {1: submit()}, calendar=ThreeBars())
        over = played([100.0, 100.0, 100.0, 94.0], {1: submit()}, calendar=ThreeBars())
        next_day = played([100.0] * 5 + [94.0], {2: submit()}, calendar=ThreeBars())

        assert [only(b).status.name for b in (filled, over, next_day)] == [
            "FILLED",
            "EXPIRED",
            "FILLED",
        ]

    def test_until_cancelled_it_works_for_days(self, played: Played) -> None:
        order = submit(time_in_force=TimeInForce.GTC)

        assert len(played([100.0, 96.0, 96.0, 94.0], {0: order}, step=DAY).fills) == 1

    @pytest.mark.parametrize(
        ("bars", "status"),
        [([100.0, 100.0, 94.0], "FILLED"), ([100.0, 100.0, 100.0, 94.0], "EXPIRED")],
    )
    def test_till_an_instant_it_works_up_to_and_at_it(
        self, played: Played, bars: list[float], status: str
    ) -> None:
        order = submit(time_in_force=TimeInForce.GTD, good_till=START + 2 * MINUTE)

        assert only(played(bars, {0: order})).status.name == status

    def test_at_once_is_the_open_of_the_next_bar(self, played: Played) -> None:
        order = submit(time_in_force=TimeInForce.IOC)
        missed = played([100.0, (96.0, 96.0, 94.0, 95.0), 94.0], {0: order})
        taken = played([100.0, 94.0], {0: order})

        assert (only(missed).status, missed.fills) == (OrderStatus.CANCELLED, [])
        assert only(missed).reason == "its only chance to fill has passed"
        assert only(taken).status is OrderStatus.FILLED

    @pytest.mark.parametrize(("time", "filled"), [(TimeInForce.IOC, 4), (TimeInForce.FOK, 0)])
    def test_what_does_not_fill_at_once_is_cancelled(
        self, played: Played, time: TimeInForce, filled: float
    ) -> None:
        order = submit(OrderType.MARKET, None, time_in_force=time)
        broker = played([100.0] * 3, {0: order}, volume=[40.0] * 3, participation=VolumeShare(0.1))

        assert only(broker).status is OrderStatus.CANCELLED
        assert only(broker).filled_quantity == filled

    def test_an_order_waits_for_a_bar_of_its_asset(self, played: Played) -> None:
        order = submit(time_in_force=TimeInForce.IOC)
        broker = played({"A": [100.0, None, 94.0], "B": [1.0] * 3}, {0: order})

        assert only(broker).status is OrderStatus.FILLED

    def test_a_child_does_not_outlive_its_instant_by_sleeping(self, played: Played) -> None:
        def entry(broker: SimulatedBroker) -> None:
            broker.submit_bracket(
                "A", 10, BUY, OrderType.LIMIT, 95.0,
                take_profit=97.0, children_time_in_force=TimeInForce.GTD, good_till=START + MINUTE,
            )  # fmt: skip

        bars: list[Any] = [100.0, 100.0, 100.0, (100.0, 100.0, 94.0, 98.0)]
        assert played(bars, {0: entry}).book["2"].filled_quantity == 0

    def test_a_child_that_is_for_at_once_has_its_chance_in_the_bar_after(
        self, played: Played
    ) -> None:
        def entry(broker: SimulatedBroker) -> None:
            broker.submit_bracket(
                "A", 10, BUY, OrderType.LIMIT, 95.0,
                take_profit=96.0, children_time_in_force=TimeInForce.IOC,
            )  # fmt: skip

        bars: list[Any] = [100.0, (100.0, 100.0, 94.0, 94.5)]
        assert played(bars, {0: entry}).book["2"].status is OrderStatus.ACCEPTED
        assert played([*bars, 95.5], {0: entry}).book["2"].status is OrderStatus.CANCELLED
        assert played([*bars, 97.0], {0: entry}).book["2"].status is OrderStatus.FILLED


BAR = (100.0, 110.0, 90.0, 105.0)


class TestAuctions:
    @pytest.mark.parametrize(
        ("order", "price", "rule"),
        [
            (submit(OrderType.MARKET_ON_OPEN, None), 100, "auction_open"),
            (submit(OrderType.MARKET_ON_CLOSE, None), 105, "auction_close"),
            (submit(OrderType.MARKET, None, time_in_force=TimeInForce.OPG), 100, "auction_open"),
            (submit(OrderType.MARKET, None, time_in_force=TimeInForce.CLS), 105, "auction_close"),
            (submit(price=106.0, time_in_force=TimeInForce.OPG), 100, "auction_open"),
            (submit(price=105.0, time_in_force=TimeInForce.CLS), 105, "auction_close"),
        ],
        ids=["moo", "moc", "market opg", "market cls", "limit opg", "limit cls"],
    )
    def test_a_daily_bar_holds_both(
        self, played: Played, order: Any, price: float, rule: str
    ) -> None:
        broker = played([100.0, BAR], {0: order}, daily=True)

        assert [(fill.price, fill.rule) for fill in broker.fills] == [(price, rule)]

    @pytest.mark.parametrize("time", [TimeInForce.OPG, TimeInForce.CLS])
    def test_a_limit_that_the_auction_misses_has_no_other_chance(
        self, played: Played, time: TimeInForce
    ) -> None:
        broker = played([100.0, BAR, 90.0], {0: submit(time_in_force=time)}, daily=True)

        assert (only(broker).status, broker.fills) == (OrderStatus.CANCELLED, [])

    def test_of_a_sale_the_limit_is_a_floor(self, played: Played) -> None:
        def sell(broker: SimulatedBroker) -> None:
            for limit in (104.0, 106.0):
                broker.submit_order(
                    "A", 1, SELL, OrderType.LIMIT, limit, time_in_force=TimeInForce.CLS
                )

        broker = played([100.0, BAR], {0: sell}, daily=True)
        assert [fill.order_id for fill in broker.fills] == ["1"]

    def test_a_calendar_says_which_bars_hold_them(self, played: Played) -> None:
        bars = [100.0, 101.0, 102.0, 103.0, 104.0]
        opens = played(bars, {0: submit(OrderType.MARKET_ON_OPEN, None)}, calendar=ThreeBars())
        closes = played(bars, {0: submit(OrderType.MARKET_ON_CLOSE, None)}, calendar=ThreeBars())

        assert [fill.price for fill in opens.fills] == [103]
        assert [fill.price for fill in closes.fills] == [102]

    def test_outside_of_a_session_there_is_none(self, played: Played) -> None:
        orders = submit(OrderType.MARKET_ON_CLOSE, None)
        calendar = ThreeBars(closed=1)
        broker = played([float(price) for price in range(100, 110)], {2: orders}, calendar=calendar)

        assert [fill.price for fill in broker.fills] == [108]

    def test_where_nobody_knows_them_orders_for_them_are_refused(self, played: Played) -> None:
        order = only(played([100.0], {0: submit(OrderType.MARKET_ON_CLOSE, None)}))

        assert order.status is OrderStatus.REJECTED
        assert order.reason == (
            "which bars open and close a session is not known: give the feed a calendar"
        )

    @pytest.mark.parametrize("path", [{}, {"path": SubmissionOrder()}])
    def test_a_child_may_close_at_the_close(self, played: Played, path: dict[str, Any]) -> None:
        def entry(broker: SimulatedBroker) -> None:
            child = OrderRequest.of("A", -1, order_type=OrderType.MARKET_ON_CLOSE)
            broker.submit_oto(OrderRequest.of("A", 10), [child])

        broker = played([100.0, BAR, 107.0], {0: entry}, daily=True, **path)
        # Where each order meets the whole bar by itself, the auction is over when the child wakes.
        assert [fill.price for fill in broker.fills] == [100, 107 if path else 105]

    def test_an_order_without_an_auction_meets_none(self) -> None:
        both = Auctions(opens=True, closes=True)

        assert both.match(OrderRequest.of("A", 1), _flat()) is None
        moc = OrderRequest.of("A", 1, order_type=OrderType.MARKET_ON_CLOSE)
        assert Auctions(opens=True, closes=False).match(moc, _flat()) is None
        assert (both.holds("open"), both.holds("close")) == (True, True)


def _flat() -> ClosingPrice:
    return ClosingPrice(100, 100, 100, 100)
