"""Tests of :mod:`ml4t.live.testing.fault_venue` and its parts, without faults."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from ml4t.core.errors import InvalidValueError, UnknownAssetError
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.live.testing import (
    DayHours,
    FaultyVenue,
    ListedSessions,
    MarketSettings,
    VenueRules,
    VirtualClock,
    VirtualLoop,
    seeded,
    short_sessions,
    weekday_sessions,
)


def _limit(quantity: float, price: float, time_in_force: TimeInForce = TimeInForce.DAY):
    return OrderRequest(
        asset="A", side=OrderSide.BUY, quantity=quantity, order_type=OrderType.LIMIT,
        limit_price=price, time_in_force=time_in_force,
    )  # fmt: skip


def _day_of_trading(seed: int) -> FaultyVenue:
    """A venue after a day without a loop, with an order at its opening."""
    loop = VirtualLoop()
    clock = VirtualClock(loop, datetime(2024, 1, 2, 9, 35, tzinfo=UTC))
    market = MarketSettings(prices={"A": 100.0}, sessions=weekday_sessions(date(2024, 1, 2), 1))
    venue = FaultyVenue(market, clock, seeded(seed))
    venue.submit("m1", OrderRequest.of("A", 30))
    loop.block(86_400)
    venue.advance()
    loop.close()
    return venue


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    assert _day_of_trading(1).digest() == _day_of_trading(1).digest()
    assert _day_of_trading(1).digest() != _day_of_trading(2).digest()


def test_a_session_has_a_bar_for_each_interval() -> None:
    bars = _day_of_trading(1).market.history("A", 100)
    assert [13, time(10, 0), time(16, 0)] == [
        len(bars), bars[0].timestamp.time(), bars[-1].timestamp.time(),
    ]  # fmt: skip


def test_sessions_before_the_start_are_history() -> None:
    loop = VirtualLoop()
    clock = VirtualClock(loop, datetime(2024, 1, 4, 9, 0, tzinfo=UTC))
    market = MarketSettings(prices={"A": 100.0}, sessions=weekday_sessions(date(2024, 1, 2), 5))
    venue = FaultyVenue(market, clock, seeded(1))
    loop.close()
    assert [26, 5] == [len(venue.market.history("A", 100)), len(venue.market.history("A", 5))]


def test_a_market_order_fills_and_the_account_follows(play) -> None:
    async def scene(stage):
        answer = await stage.buy(30)
        await asyncio.sleep(60)
        return answer, stage.reported(), stage.venue

    answer, events, venue = play(scene)
    fills = [event for event in events if isinstance(event, Fill)]
    paid = sum(fill.quantity * fill.price + fill.fee for fill in fills)
    assert answer.status is OrderStatus.ACCEPTED
    assert sum(fill.quantity for fill in fills) == venue.account_truth.held["A"] == 30
    assert venue.snapshot().cash == pytest.approx(100_000 - paid, abs=1e-6)
    assert venue.find_order("m1").status is OrderStatus.FILLED
    assert events[-1] == venue.find_order("m1")


def test_some_orders_fill_in_pieces(play) -> None:
    async def scene(stage):
        for number in range(20):
            await stage.buy(50, f"m{number}")
        await asyncio.sleep(60)
        return stage.venue

    venue = play(scene, rules=VenueRules(leverage=10.0))
    assert len(venue.account_truth.fills) > 20
    assert venue.account_truth.held["A"] == 1_000


def test_a_limit_below_the_market_rests_and_expires(play) -> None:
    async def scene(stage):
        await stage.broker.submit("m1", _limit(10, 50.0))
        await stage.broker.submit("m2", _limit(10, 50.0, TimeInForce.GTC))
        await asyncio.sleep(60)
        working = await stage.broker.open_orders()
        await asyncio.sleep(86_400)
        return [order.id for order in working], stage.venue

    working, venue = play(scene)
    assert working == ["m1", "m2"]
    assert venue.find_order("m1").status is OrderStatus.EXPIRED
    assert venue.find_order("m2").status is OrderStatus.ACCEPTED


def test_a_limit_above_the_market_fills_no_worse_than_its_limit(play) -> None:
    async def scene(stage):
        await stage.broker.submit("m1", _limit(10, 200.0))
        await asyncio.sleep(60)
        return stage.venue.fills_since(stage.venue.origin)

    assert all(fill.price <= 200.0 for fill in play(scene))
    assert sum(fill.quantity for fill in play(scene)) == 10


def test_a_stop_waits_for_its_price(play) -> None:
    async def scene(stage):
        await stage.broker.submit(
            "m1", OrderRequest.of("A", -5, order_type=OrderType.STOP, stop_price=60.0)
        )
        await asyncio.sleep(3_600)
        before = stage.venue.find_order("m1").status
        stage.venue.market.move("A", 0.5)
        await asyncio.sleep(3_600)
        return before, stage.venue.find_order("m1").status

    assert (OrderStatus.ACCEPTED, OrderStatus.FILLED) == play(scene)


def test_a_cancel_takes_its_time(play) -> None:
    async def scene(stage):
        await stage.broker.submit("m1", _limit(10, 50.0))
        await stage.broker.cancel("m1")
        await stage.broker.cancel("nobody")
        await asyncio.sleep(1)
        return stage.reported()[-1]

    assert play(scene).status is OrderStatus.CANCELLED


def test_cancel_all_ends_the_orders_of_others_too(play) -> None:
    async def scene(stage):
        await stage.broker.submit("m1", _limit(10, 50.0))
        stage.venue.place_foreign_order(_limit(10, 50.0))
        await stage.broker.cancel_all()
        await asyncio.sleep(1)
        return stage.venue.open_orders()

    assert play(scene) == []


def test_an_order_can_be_changed_while_it_works(play) -> None:
    async def scene(stage):
        await stage.broker.submit("m1", _limit(10, 50.0))
        changed = await stage.broker.replace("m1", _limit(20, 51.0))
        other_side = await stage.broker.replace("m1", OrderRequest.of("A", -20))
        await stage.broker.cancel("m1")
        await asyncio.sleep(1)
        ended = await stage.broker.replace("m1", _limit(5, 51.0))
        missing = await stage.broker.replace("m9", _limit(5, 51.0))
        return changed, other_side, ended, missing

    changed, other_side, ended, missing = play(scene)
    assert changed.quantity == 20
    assert other_side.reason == "not replaced: asset and side cannot change"
    assert ended.reason == "not replaced: it has ended as cancelled"
    assert missing.status is OrderStatus.REJECTED


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (OrderRequest.of("Z", 1), "does not list"),
        (OrderRequest.of("A", 0), "positive"),
        (OrderRequest.of("A", 1.5), "whole units"),
        (OrderRequest.of("A", 1e6), "buying power"),
        (OrderRequest.of("A", 1, order_type=OrderType.MARKET_ON_CLOSE), "does not trade"),
    ],
)
def test_what_a_venue_refuses_is_rejected_with_a_reason(play, request_, reason) -> None:
    async def scene(stage):
        return await stage.broker.submit("m1", request_)

    order = play(scene)
    assert order.status is OrderStatus.REJECTED
    assert reason in order.reason


def test_a_second_order_under_one_reference_is_a_second_order(play) -> None:
    async def scene(stage):
        await stage.buy()
        await stage.buy()
        await asyncio.sleep(60)
        return stage.venue

    venue = play(scene)
    assert venue.account_truth.held["A"] == 20
    assert venue.watch.check() == ["I1: order m1 was accepted 2 times"]


def test_a_venue_that_deduplicates_takes_one_order_per_reference(play) -> None:
    async def scene(stage):
        await stage.buy()
        await stage.buy()
        await asyncio.sleep(60)
        return stage.venue

    venue = play(scene, rules=VenueRules(deduplicates=True))
    assert venue.account_truth.held["A"] == 10
    assert (venue.watch.check(), venue.watch.counts["resent"]) == ([], 1)


def test_an_order_outside_of_all_sessions_waits_for_the_opening(play) -> None:
    async def scene(stage):
        await stage.buy()
        await asyncio.sleep(600)
        before = stage.venue.account_truth.held.get("A", 0.0)
        await asyncio.sleep(3_600)
        return before, stage.venue.account_truth.held["A"]

    assert (0.0, 10.0) == play(scene, start=datetime(2024, 1, 2, 9, 0, tzinfo=UTC))


def test_a_position_that_crosses_zero_starts_anew(play) -> None:
    async def scene(stage):
        await stage.buy(10, "m1")
        await asyncio.sleep(60)
        first = (await stage.broker.account()).positions["A"]
        await stage.buy(10, "m2")
        await asyncio.sleep(60)
        await stage.buy(-30, "m3")
        await asyncio.sleep(60)
        second = (await stage.broker.account()).positions["A"]
        await stage.buy(10, "m4")
        await asyncio.sleep(60)
        return first, second, (await stage.broker.account()).positions

    first, second, last = play(scene)
    assert (first.quantity, second.quantity, last) == (10, -10, {})
    assert second.average_price == pytest.approx(first.average_price, rel=0.05)


@pytest.mark.parametrize("quantity", [1e-9, 0.3333333, 1e9])
def test_any_quantity_is_traded_to_the_end(play, quantity) -> None:
    async def scene(stage):
        await stage.buy(quantity, "m1")
        await asyncio.sleep(60)
        held = stage.venue.account_truth.held["A"]
        await stage.buy(-quantity, "m2")
        await asyncio.sleep(60)
        return held, stage.venue.snapshot().positions

    rules = VenueRules(fractional=True, leverage=1e9)
    assert (pytest.approx(quantity, rel=1e-9), {}) == play(scene, rules=rules)


def test_prices_have_as_many_digits_as_they_are_given() -> None:
    loop = VirtualLoop()
    clock = VirtualClock(loop, datetime(2024, 1, 3, tzinfo=UTC))
    sessions = weekday_sessions(date(2024, 1, 2), 1)
    market = MarketSettings(prices={"A": 0.000321}, sessions=sessions, digits=6)
    venue = FaultyVenue(market, clock, seeded(1))
    loop.close()
    closes = [bar.close for bar in venue.market.history("A", 20)]
    assert len({round(close, 4) for close in closes}) < len(set(closes))
    assert venue.terms("A").tick_size == 1e-6


def test_an_unknown_asset_is_an_error(play) -> None:
    async def scene(stage):
        terms = await stage.broker.get_asset("A")
        with pytest.raises(UnknownAssetError):
            await stage.broker.get_asset("Z")
        with pytest.raises(UnknownAssetError):
            await stage.feed.subscribe(["Z"])
        return terms.symbol, (await stage.broker.identity()).account_id

    assert ("A", "SIM-1") == play(scene)


def test_the_broker_satisfies_the_contract(play) -> None:
    async def scene(stage):
        order = await stage.buy()
        await asyncio.sleep(60)
        found = await stage.broker.find_order("m1")
        nobody = await stage.broker.find_order("m2")
        fills = await stage.broker.fills_since(stage.clock.now().replace(hour=0))
        later = await stage.broker.fills_since(stage.clock.now())
        skewed = (await stage.broker.time()) - stage.clock.now()
        return order, found, nobody, sum(fill.quantity for fill in fills), later, skewed

    order, found, nobody, filled, later, skewed = play(scene)
    assert isinstance(order, Order)
    assert (found.status, nobody, filled, later) == (OrderStatus.FILLED, None, 10, [])
    assert abs(skewed.total_seconds()) < 0.2


def test_sessions_follow_the_hours_of_their_zone() -> None:
    """Where the clocks change, the opening moves in UTC; holidays are left out; a day ends soon."""
    hours = DayHours(
        zone=ZoneInfo("America/New_York"),
        holidays=[date(2024, 3, 12)],
        early_closes={date(2024, 3, 13): time(13)},
    )
    days = ListedSessions(weekday_sessions(date(2024, 3, 8), 3, hours))
    assert [str(day.label) for day in days.sessions] == ["2024-03-08", "2024-03-11", "2024-03-13"]
    assert [day.opens.hour for day in days.sessions] == [14, 13, 13]
    assert days.sessions[2].closes == datetime(2024, 3, 13, 17, tzinfo=UTC)
    assert days.session_of(days.sessions[0].opens) is None
    assert days.session_of(days.sessions[0].closes) == days.sessions[0]
    assert days.session_of(datetime(2024, 4, 1, tzinfo=UTC)) is None


def test_days_can_be_short() -> None:
    first = datetime(2024, 1, 5, 9, tzinfo=UTC)
    days = short_sessions(first, 3, timedelta(minutes=13), timedelta(minutes=2))
    assert [str(day.label) for day in days] == ["2024-01-05", "2024-01-06", "2024-01-07"]
    assert [day.opens.minute for day in days] == [0, 15, 30]
    assert [day.closes.minute for day in days] == [13, 28, 43]


def test_sessions_must_not_overlap() -> None:
    day = weekday_sessions(date(2024, 1, 2), 1)[0]
    with pytest.raises(InvalidValueError, match="before session"):
        ListedSessions([day, day])


def test_a_market_needs_something_to_trade() -> None:
    sessions = weekday_sessions(date(2024, 1, 2), 1)
    with pytest.raises(InvalidValueError, match="prices and sessions"):
        MarketSettings(prices={}, sessions=sessions)
    with pytest.raises(InvalidValueError, match="ticks"):
        MarketSettings(prices={"A": 1.0}, sessions=sessions, ticks=0)
