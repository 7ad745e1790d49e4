"""Tests of the checks against the truth."""

import asyncio

import attrs

from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType
from ml4t.live.testing import At, TruthLimits, VenueRules, compare
from ml4t.live.testing.execution_faults import TakeFillBack


def _resting(quantity: float, side: OrderSide = OrderSide.BUY) -> OrderRequest:
    price = 50.0 if side is OrderSide.BUY else 200.0
    return OrderRequest(
        asset="A", side=side, quantity=quantity, order_type=OrderType.LIMIT, limit_price=price
    )


def test_working_orders_count_against_the_limit(play) -> None:
    async def scene(stage):
        stage.venue.watch.limits = TruthLimits(max_position={"A": 15})
        await stage.broker.submit("m1", _resting(10))
        await stage.broker.submit("m2", _resting(10, OrderSide.SELL))
        fine = stage.venue.watch.check()
        await stage.broker.submit("m3", _resting(10))
        return fine, stage.venue.watch.check()

    fine, findings = play(scene)
    assert fine == []
    assert findings == ["I4: A could come to 20 with order m3, limit 15"]


def test_a_larger_order_in_place_counts_too(play) -> None:
    async def scene(stage):
        stage.venue.watch.limits = TruthLimits(max_position={"A": 15})
        await stage.broker.submit("m1", _resting(10))
        await stage.broker.replace("m1", _resting(16))
        return stage.venue.watch.check()

    assert play(scene) == ["I4: A could come to 16 with order m1, limit 15"]


def test_the_size_and_the_number_of_orders_are_limited(play) -> None:
    async def scene(stage):
        stage.venue.watch.limits = TruthLimits(max_order=5, max_open_orders=1)
        await stage.broker.submit("m1", _resting(6))
        await stage.broker.submit("m2", _resting(1))
        return stage.venue.watch.check()

    assert play(scene) == ["I4: order m1 asks for 6", "I4: 2 orders work at once"]


def test_what_others_did_a_moment_ago_need_not_be_known(play) -> None:
    async def scene(stage):
        stage.venue.watch.limits = TruthLimits(max_position={"A": 15}, grace=60)
        stage.venue.trade_by_hand("A", 10)
        await asyncio.sleep(10)
        await stage.broker.submit("m1", _resting(10))
        early = stage.venue.watch.check()
        await asyncio.sleep(100)
        await stage.broker.submit("m2", _resting(1))
        return early, stage.venue.watch.check()

    early, late = play(scene)
    assert early == []
    assert late == ["I4: A could come to 21 with order m2, limit 15"]


def test_new_risk_must_not_leave_when_none_may(play) -> None:
    async def scene(stage):
        await stage.buy()
        await asyncio.sleep(60)
        watch = stage.venue.watch
        watch.state = lambda: "REDUCING"
        await stage.buy(-10, "m2")
        await stage.buy(-11, "m3")
        watch.believed = lambda _: 11.0
        await stage.buy(-11, "m4")
        watch.state = lambda: "ACTIVE"
        await stage.buy(5, "m5")
        return watch.check()

    assert play(scene) == ["I7: sell 11 A left in REDUCING with a position of 10"]


async def _traded(stage):
    """A venue after two orders and a payment, with what is true of it."""
    await stage.buy(10, "m1")
    await stage.buy(5, "m2")
    await asyncio.sleep(60)
    stage.venue.pay(10.0, "dividend")
    truth = stage.venue.account_truth
    return stage.venue, dict(truth.held), truth.cash, list(truth.fills.values())


def test_what_is_true_has_no_findings(play) -> None:
    venue, held, cash, fills = play(_traded)
    assert compare(venue, held, cash, fills) == []


def test_every_wrong_belief_is_found(play) -> None:
    venue, held, cash, fills = play(_traded, rules=VenueRules(whole=1.0))
    first, second = fills
    phantom = attrs.evolve(first, id="x99")
    assert ["I3: position in A is 15, believed 14"] == compare(venue, {"A": 14}, cash, fills)
    assert compare(venue, {"A": 14}, cash, fills, ignore=["A"]) == []
    assert ["I9: position in B is 0, believed 1"] == compare(venue, {**held, "B": 1}, cash, fills)
    assert [f"I3: cash is {cash:.2f}, believed {cash - 0.01:.2f}"] == compare(
        venue, held, cash - 0.01, fills
    )
    assert ["I2: execution x2 of order m2 is missing"] == compare(venue, held, cash, [first])
    assert ["I2: execution x1 was booked 2 times"] == compare(
        venue, held, cash, [first, first, second]
    )
    assert ["I9: execution x99 of order m1 never was"] == compare(
        venue, held, cash, [*fills, phantom]
    )


def test_an_execution_known_from_a_total_is_compared_by_its_sum(play) -> None:
    venue, held, cash, fills = play(_traded, rules=VenueRules(whole=1.0))
    first, second = fills
    gap = attrs.evolve(first, id="gap:m1:10")
    assert compare(venue, held, cash, [gap, second]) == []
    (finding,) = compare(venue, held, cash, [attrs.evolve(gap, quantity=9.0), second])
    assert finding.startswith("I2: order m1 filled 10 for")


def test_a_fill_that_was_taken_back_is_no_longer_true(play) -> None:
    async def scene(stage):
        await stage.buy(10, "m1")
        await asyncio.sleep(10)
        (busted,) = stage.venue.account_truth.busted.values()
        return compare(stage.venue, {}, 100_000.0, [busted])

    fault = At(call="execution", do=TakeFillBack(seconds=5))
    assert play(scene, fault, rules=VenueRules(whole=1.0)) == [
        "I9: execution x1 of order m1 never was"
    ]


def test_a_venue_can_take_back_any_execution(play) -> None:
    async def scene(stage):
        await stage.buy(10, "m1")
        await stage.buy(10, "m1")
        await asyncio.sleep(10)
        stage.venue.bust("x2")
        stage.venue.bust("x1", correction=0.1)
        return stage.venue.account_truth.held["A"], sorted(stage.venue.account_truth.fills)

    assert (10.0, ["x1.1"]) == play(scene, rules=VenueRules(whole=1.0))


def test_manual_trades_are_not_missed(play) -> None:
    async def scene(stage):
        stage.venue.trade_by_hand("A", 3)
        await asyncio.sleep(10)
        return compare(stage.venue, {"A": 3.0}, stage.venue.account_truth.cash, [])

    assert play(scene) == []
