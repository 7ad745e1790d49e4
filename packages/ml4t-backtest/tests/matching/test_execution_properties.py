"""What holds of the orders and fills of every run, whatever is sent and whatever the bars do."""

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ml4t.core import Order, OrderStatus, OrderType, TimeInForce
from ml4t.simulation import (
    Adaptive,
    BarAfterEntry,
    BasisPoints,
    BestCase,
    CashAccount,
    Delayed,
    EntryBar,
    FixedAmount,
    LinearImpact,
    MarginAccount,
    NextBarClose,
    NextBarOpen,
    NoImpact,
    NoSlippage,
    OpenHighLowClose,
    OpenLowHighClose,
    Percentage,
    PerShare,
    SameBarClose,
    SubmissionOrder,
    TrailAlongPath,
    TrailFromClose,
    TrailFromExtreme,
    Unlimited,
    VolumeShare,
    WorstCase,
)

from .programs import (
    TICK,
    Action,
    Bar,
    Bracket,
    Cancel,
    Close,
    OneCancelsOther,
    OneTriggersOther,
    Replace,
    Scenario,
    Submit,
    Ticket,
    scenarios,
)
from .venue import Play, instant

WHOLE_MARKET = 40 + 16
"""Prices are reflected at half of this many ticks: from 16 to 40 onto themselves."""

paths = st.sampled_from(
    [
        WorstCase(),
        BestCase(),
        OpenHighLowClose(),
        OpenLowHighClose(),
        Adaptive(),
        SubmissionOrder(),
    ]
)
markets = st.fixed_dictionaries(
    {
        "path": paths,
        "timing": st.sampled_from([NextBarOpen(), NextBarClose(), SameBarClose(), Delayed(1)]),
        "children": st.sampled_from([EntryBar(), BarAfterEntry()]),
        "trailing": st.sampled_from([TrailAlongPath(), TrailFromClose(), TrailFromExtreme()]),
        "participation": st.sampled_from([Unlimited(), VolumeShare(0.5)]),
    }
)
costs = st.fixed_dictionaries(
    {
        "slippage": st.sampled_from([NoSlippage(), BasisPoints(50), FixedAmount(0.1)]),
        "impact": st.sampled_from([NoImpact(), LinearImpact(0.1)]),
        "commission": st.sampled_from([Percentage(0.001), PerShare(0.005, minimum=1.0)]),
    }
)
SURE = TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD
"""Times in force that do not depend on how often it is tried or on what comes in one piece."""


def bar_of(play: Play, row: int, asset: str) -> Bar:
    bar = play.scenario.tapes[int(asset[1:])][row]
    assert bar is not None, "a fill without a bar"
    return bar


@given(scenario=scenarios(assets=2), market=markets)
def test_a6_a_cash_account_is_never_short(scenario: Scenario, market: Any) -> None:
    play = Play(scenario, account=CashAccount(), cash=60.0, **market)

    held: dict[str, float] = defaultdict(float)
    for _, fill in play.fills_by_row():
        held[fill.asset] += fill.signed_quantity
        assert held[fill.asset] >= 0


@given(scenario=scenarios(assets=2), market=markets)
def test_a6_reduce_only_never_opens_or_turns_a_position(scenario: Scenario, market: Any) -> None:
    play = Play(scenario, **market)

    held: dict[str, float] = defaultdict(float)
    for _, fill in play.fills_by_row():
        before = held[fill.asset]
        held[fill.asset] += fill.signed_quantity
        if play.broker.book[fill.order_id].request.reduce_only:
            assert abs(held[fill.asset]) < abs(before)
            assert held[fill.asset] * before >= 0


@given(scenario=scenarios(assets=2), market=markets, cost=costs)
def test_a8_fills_lie_within_their_bar_and_costs_never_improve_them(
    scenario: Scenario, market: Any, cost: Any
) -> None:
    # A quantity beyond the volume has no impact that is known.
    assume(not (cost["impact"] != NoImpact() and market["participation"] == Unlimited()))
    play = Play(scenario, **market, **cost)

    for row, fill in play.fills_by_row():
        bar = bar_of(play, row, fill.asset)
        assert bar.low * TICK <= fill.reference_price <= bar.high * TICK
        assert fill.side.sign * (fill.price - fill.reference_price) >= 0
        assert fill.impact >= 0
        assert fill.slippage >= -1e-12


@given(scenario=scenarios(assets=2, changes=False), market=markets, cost=costs)
def test_a8_limits_are_never_exceeded(scenario: Scenario, market: Any, cost: Any) -> None:
    assume(not (cost["impact"] != NoImpact() and market["participation"] == Unlimited()))
    play = Play(scenario, **market, **cost)

    for _, fill in play.fills_by_row():
        limit = play.broker.book[fill.order_id].limit_price
        assert limit is None or fill.side.sign * (fill.price - limit) <= 0


@given(scenario=scenarios(assets=2), market=markets)
def test_a9_orders_fill_after_the_bar_they_were_decided_on(scenario: Scenario, market: Any) -> None:
    play = Play(scenario, **market)

    row_of = {time: row for row, time in enumerate(play.times)}
    timing = market["timing"]
    for row, fill in play.fills_by_row():
        order = play.broker.book[fill.order_id]
        at_once = timing.same_bar and order.order_type is OrderType.MARKET
        assert order.submitted_at is not None
        decided = row_of[order.submitted_at]
        assert row >= decided + (0 if at_once else 1 + timing.delay)


@given(scenario=scenarios(assets=2, most=12), market=markets)
def test_a10_all_orders_of_an_asset_share_the_volume_of_its_bar(
    scenario: Scenario, market: Any
) -> None:
    play = Play(scenario, **{**market, "participation": VolumeShare(0.5)})

    filled: dict[tuple[int, str], float] = defaultdict(float)
    for row, fill in play.fills_by_row():
        filled[row, fill.asset] += fill.quantity
        allowed = bar_of(play, row, fill.asset).volume / 2
        assert filled[row, fill.asset] <= allowed
        assert fill.volume_left == allowed - filled[row, fill.asset]


def shifted(scenario: Scenario, after: int) -> Scenario:
    """The scenario with a flat bar without volume after one row."""
    tapes = []
    for tape in scenario.tapes:
        last = next(bar for bar in reversed(tape[: after + 1]) if bar is not None)
        flat = Bar(last.close, last.close, last.close, last.close, 0)
        tapes.append([*tape[: after + 1], flat, *tape[after + 1 :]])
    program = [a._replace(row=a.row + 1) if a.row > after else a for a in scenario.program]
    return Scenario(tapes, program)


@given(
    scenario=scenarios(assets=2, lives=(TimeInForce.GTC,)),
    market=markets,
    data=st.data(),
)
def test_a20_a_flat_bar_without_volume_changes_only_timestamps(
    scenario: Scenario, market: Any, data: st.DataObject
) -> None:
    # A delay counts bars, and an auction is held in whatever bar the session ends with.
    assume(not market["timing"].delay)
    market = {**market, "participation": VolumeShare(0.5)}
    rows = len(scenario.tapes[0])
    after = data.draw(st.integers(0, rows - 1), label="after")
    times = [instant(row, 30) for row in range(rows + 1)]
    longer = Play(shifted(scenario, after), per_session=30, times=times, **market)
    # The last bar of the session must stay the last.
    before = Play(scenario, per_session=30, times=times[: after + 1] + times[after + 2 :], **market)

    def moved(row: int) -> int:
        return row + 1 if row > after else row

    assert longer.fills == [fill._replace(row=moved(fill.row)) for fill in before.fills]
    assert [o.status for o in longer.orders] == [o.status for o in before.orders]


def reflected(scenario: Scenario) -> Scenario:
    """The same market upside down, with buys for sales."""

    tapes = [[one and reflected_bar(one) for one in tape] for tape in scenario.tapes]
    return Scenario(tapes, [reflected_action(one) for one in scenario.program])


def reflected_bar(given: Bar) -> Bar:
    """Its high where its low was."""
    opened, high, low, close = (WHOLE_MARKET - price for price in given[:4])
    return Bar(opened, low, high, close, given.volume)


def reflected_ticket(given: Ticket) -> Ticket:
    """The other side at the reflected prices."""
    return given._replace(
        buy=not given.buy,
        limit=WHOLE_MARKET - given.limit,
        stop=WHOLE_MARKET - given.stop,
    )


def reflected_action(given: Action) -> Action:
    """What the other program asks for at the same time."""
    match given:
        case Submit():
            return given._replace(ticket=reflected_ticket(given.ticket))
        case Bracket():
            stop_limit = WHOLE_MARKET - given.stop_limit if given.stop_limit else 0
            return given._replace(
                parent=reflected_ticket(given.parent),
                target=WHOLE_MARKET - given.target,
                stop=WHOLE_MARKET - given.stop,
                stop_limit=stop_limit,
            )
        case OneCancelsOther():
            return given._replace(tickets=tuple(map(reflected_ticket, given.tickets)))
        case OneTriggersOther():
            children = tuple(map(reflected_ticket, given.children))
            return given._replace(parent=reflected_ticket(given.parent), children=children)
        case Replace():
            return given._replace(limit=WHOLE_MARKET - given.limit, stop=WHOLE_MARKET - given.stop)
        case Cancel() | Close():
            return given


@given(scenario=scenarios(percent=False), market=markets)
def test_a25_the_short_program_on_the_reflected_market_mirrors_the_long_one(
    scenario: Scenario, market: Any
) -> None:
    market = {**market, "path": WorstCase()}
    here = Play(scenario, **market)
    # Where both ways of a bar gain the same, which is taken is no matter of long or short.
    assume(all(bar.worst != bar.best for bar in here.broker.round.ambiguous))
    there = Play(reflected(scenario), **market)

    whole = WHOLE_MARKET * TICK
    assert there.fills == [
        fill._replace(change=-fill.change, price=whole - fill.price) for fill in here.fills
    ]
    start = here.broker.get_cash() + sum(f.change * f.price for f in here.fills)
    for row, (equity, opposite) in enumerate(zip(here.equity, there.equity, strict=True)):
        assert equity - start == opposite - start, row


@given(scenario=scenarios(assets=1), market=markets, extra=scenarios(assets=1))
def test_a26_an_asset_that_is_never_traded_changes_nothing(
    scenario: Scenario, market: Any, extra: Scenario
) -> None:
    rows = len(scenario.tapes[0])
    other = [*extra.tapes[0], *[None] * rows][:rows]
    alone = Play(scenario, **market)
    together = Play(scenario._replace(tapes=[*scenario.tapes, other]), **market)

    assert together.fills == alone.fills
    assert together.equity == alone.equity
    assert together.orders == alone.orders


@given(scenario=scenarios(assets=2), market=markets)
def test_a26_orders_that_never_fill_change_nothing(scenario: Scenario, market: Any) -> None:
    # Far beyond every price; submitted first, so that the ids of the others are one higher.
    far = [
        Submit(0, asset, Ticket(buy=True, quantity=2, kind=OrderType.LIMIT, limit=1))
        for asset in range(2)
    ]
    changes = [a for a in scenario.program if isinstance(a, Cancel | Replace)]
    assume(not changes)
    alone = Play(scenario, **market)
    together = Play(scenario._replace(program=[*far, *scenario.program]), **market)

    assert [f._replace(order=f.order - 2) for f in together.fills] == alone.fills
    assert together.equity == alone.equity


@given(price=st.integers(16, 40), quantity=st.integers(-9, 9).filter(bool), market=markets)
def test_a27_a_round_trip_at_one_price_without_costs_leaves_the_equity(
    price: int, quantity: int, market: Any
) -> None:
    flat = Bar(price, price, price, price)
    trip: list[Action] = [Submit(0, 0, Ticket(quantity > 0, abs(quantity))), Close(3, 0)]
    play = Play(Scenario([[flat] * 7], trip), **market)

    assert len(play.fills) == 2
    assert set(play.equity) == {1_000_000.0}
    assert not play.broker.positions


def halved(action: Action) -> list[Action]:
    """Two actions of half the quantity each."""

    def half(ticket: Ticket) -> Ticket:
        return ticket._replace(quantity=ticket.quantity // 2)

    match action:
        case Submit():
            return [action._replace(ticket=half(action.ticket))] * 2
        case Bracket():
            return [action._replace(parent=half(action.parent))] * 2
        case OneCancelsOther():
            return [action._replace(tickets=tuple(map(half, action.tickets)))] * 2
        case OneTriggersOther():
            children = tuple(map(half, action.children))
            return [action._replace(parent=half(action.parent), children=children)] * 2
        case _:
            return [action]


@given(scenario=scenarios(lives=(*SURE, TimeInForce.IOC), changes=False), market=markets)
def test_a27_two_half_orders_do_what_one_does(scenario: Scenario, market: Any) -> None:
    # Volume goes by number, and the halves of a group have others between them.
    market = {**market, "participation": Unlimited()}
    whole = Play(scenario, **market)
    program = [half for action in scenario.program for half in halved(action)]
    halves = Play(scenario._replace(program=program), **market)

    def traded(play: Play) -> dict[tuple[int, float], float]:
        sums: dict[tuple[int, float], float] = defaultdict(float)
        for fill in play.fills:
            sums[fill.row, fill.price] += fill.change
        return {key: change for key, change in sums.items() if change}

    assert traded(halves) == traded(whole)
    assert halves.equity == whole.equity


ENDED = {
    OrderStatus.FILLED,
    OrderStatus.CANCELLED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
}


@given(scenario=scenarios(assets=2, most=12), market=markets)
def test_a31_what_was_submitted_is_filled_ended_or_open(scenario: Scenario, market: Any) -> None:
    play = Play(scenario, **market)

    filled: dict[str, float] = defaultdict(float)
    for fill in play.broker.fills:
        filled[fill.order_id] += fill.quantity
    pending = {order.id for order in play.broker.pending_orders}
    for order in play.orders:
        assert order.filled_quantity == filled[order.id]
        assert (order.status is OrderStatus.FILLED) == (order.filled_quantity == order.quantity)
        assert (order.id in pending) == (order.status not in ENDED)
        assert order.status is not OrderStatus.REJECTED or not filled[order.id]
        assert order.status is not OrderStatus.HELD or not filled[order.id]


def groups_of(play: Play) -> dict[str, list[Order]]:
    groups: dict[str, list[Order]] = defaultdict(list)
    for order in play.orders:
        if order.group is not None:
            groups[order.group].append(order)
    return groups


@given(scenario=scenarios(assets=2, most=12), market=markets)
def test_a31_the_orders_of_a_group_fill_one_orders_worth_together(
    scenario: Scenario, market: Any
) -> None:
    play = Play(scenario, **market)

    asked = {
        f"oco-{number}": tickets[0].quantity for number, tickets in submitted_groups(scenario, play)
    }
    for name, orders in groups_of(play).items():
        parent = orders[0].parent
        whole = asked[name] if parent is None else play.broker.book[parent].filled_quantity
        assert sum(order.filled_quantity for order in orders) <= whole
        # In full: as much as the group may. What shrank to nothing was cancelled.
        assert sum(order.filled_quantity == whole > 0 for order in orders) <= 1
        if any(order.filled_quantity == whole > 0 for order in orders) and parent is None:
            assert all(order.status in ENDED for order in orders)


def submitted_groups(scenario: Scenario, play: Play) -> list[tuple[int, tuple[Ticket, ...]]]:
    """The tickets of each one-cancels-other group, by the number of its first order."""
    firsts = [
        int(order.id)
        for order in play.orders
        if order.group is not None and order.group == f"oco-{order.id}"
    ]
    groups = [a.tickets for a in scenario.program if isinstance(a, OneCancelsOther)]
    return list(zip(firsts, groups, strict=True))


@given(scenario=scenarios(assets=2), market=markets, data=st.data())
def test_a32_cancelling_twice_is_cancelling_once(
    scenario: Scenario, market: Any, data: st.DataObject
) -> None:
    which, row = data.draw(st.integers(0, 9)), data.draw(st.integers(0, 5))
    cancel = Cancel(row, which)
    once = Play(scenario._replace(program=[*scenario.program, cancel]), **market)
    twice = Play(scenario._replace(program=[*scenario.program, cancel, cancel]), **market)

    assert twice.fills == once.fills
    assert twice.orders == once.orders


@given(scenario=scenarios(), market=markets, row=st.integers(0, 8))
def test_a32_closing_twice_never_reverses(scenario: Scenario, market: Any, row: int) -> None:
    close = Close(row, 0)
    once = Play(scenario._replace(program=[*scenario.program, close]), **market)
    twice = Play(scenario._replace(program=[*scenario.program, close, close]), **market)

    assert twice.fills == once.fills
    assert twice.held == once.held


@pytest.mark.parametrize("account", [CashAccount(), MarginAccount()])
def test_a32_what_has_ended_cannot_be_cancelled(account: Any) -> None:
    flat = Bar(28, 28, 28, 28)
    play = Play(
        Scenario([[flat] * 3], [Submit(0, 0, Ticket(buy=True, quantity=2))]), account=account
    )

    assert not play.broker.cancel_order("1")
    assert play.broker.book["1"].status is OrderStatus.FILLED
