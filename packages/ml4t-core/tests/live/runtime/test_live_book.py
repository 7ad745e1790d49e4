"""The state that events lead to: restrictions, adopted balances, starts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import Position
from ml4t.core.orders import OrderStatus
from ml4t.core.risk import TradingState
from ml4t.core.venue_events import FillBust
from ml4t.live.book import LiveBook, replayed
from ml4t.live.events import (
    BalanceAdopted,
    CauseCleared,
    CauseRaised,
    EngineStarted,
    HighWaterMark,
    Rearmed,
)

S = OrderStatus
T = TradingState
Play = Callable[..., Any]

STARTED = EngineStarted(
    account_id="ACC", environment="paper", broker="b", app_version="1", config_hash="h"
)


def cause(name: str, state: TradingState, *, latched: bool = False) -> CauseRaised:
    """One restriction."""
    return CauseRaised(name=name, state=state, reason="for the test", latched=latched)


def test_the_worst_cause_decides() -> None:
    book = replayed([cause("a", T.REDUCING), cause("b", T.HALTED), cause("c", T.REDUCING)])
    assert T.HALTED is book.state
    book.apply(CauseCleared(name="b", evidence="it is over"))
    assert "REDUCING" == book.state.name


def test_what_passes_by_itself_ends_with_the_run_and_what_is_latched_stays() -> None:
    book = replayed([cause("a", T.HALTED), cause("b", T.REDUCING, latched=True), STARTED])
    assert ["b"] == list(book.causes)
    book.apply(Rearmed(by="me", reason="looked", names=("b",)))
    assert T.ACTIVE is book.state


@pytest.mark.parametrize("first_latched", [True, False])
@pytest.mark.parametrize("first", [T.REDUCING, T.HALTED])
@pytest.mark.parametrize("second_latched", [True, False])
@pytest.mark.parametrize("second", [T.REDUCING, T.HALTED])
def test_a_cause_raised_again_is_never_weaker_than_before(
    first: TradingState, first_latched: bool, second: TradingState, second_latched: bool
) -> None:
    book = replayed(
        [cause("x", first, latched=first_latched), cause("x", second, latched=second_latched)]
    )
    assert max(first.severity, second.severity) == book.state.severity
    assert (first_latched or second_latched) is book.causes["x"].latched


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from([T.REDUCING, T.HALTED]), st.booleans())
    )
)
def test_only_a_person_takes_away_what_was_ever_latched(
    raised: list[tuple[str, TradingState, bool]],
) -> None:
    book = replayed(cause(name, state, latched=latched) for name, state, latched in raised)
    latched = {name for name, _, is_latched in raised if is_latched}
    assert latched == {name for name, each in book.causes.items() if each.latched}


def test_an_adopted_balance_leaves_nothing_of_the_one_before(play: Play) -> None:
    async def scene(bench: Any) -> None:
        assert 7.0 == bench.risk.worst_case("C").long
        bench.account.commit(
            BalanceAdopted(
                cash=5.0,
                positions={"A": Position("A", -2.0, 10.0)},
                by="a person",
                since=bench.clock.now(),
            )
        )
        assert (0.0, -2.0) == (bench.book.held("C"), bench.book.held("A"))
        assert (0.0, -2.0) == (bench.risk.worst_case("C").long, bench.risk.worst_case("A").long)

    play(scene, held={"C": 7.0})


def test_the_high_water_mark_moves_with_money_that_came() -> None:
    book = LiveBook()
    book.apply(HighWaterMark(equity=100.0))
    assert 100.0 == book.high_water


def test_an_order_of_which_something_filled_was_accepted(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.fill("x1", "o1", 3.0))
        assert {"o1"} == bench.book.acknowledged

    play(scene)


def test_an_end_that_waits_for_executions_acknowledges_the_order(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.report("o1", S.CANCELLED, 3.0))
        assert {"o1"} == bench.book.acknowledged

    play(scene)


def test_what_was_taken_back_is_not_booked_again(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        fill = bench.fill("x1", "o1", 3.0)
        bench.intake.take(fill)
        bench.intake.take(FillBust(fill_id="x1", reason="erroneous"))
        bench.intake.take(fill, "query")
        bench.intake.take(FillBust(fill_id="x1", reason="erroneous"))
        assert 0.0 == bench.book.held("A")
        assert {"x1"} == bench.book.busted

    play(scene)


def test_the_price_of_a_stand_in_leaves_the_average_that_the_venue_names(play: Play) -> None:
    async def scene(bench: Any) -> None:
        bench.order("o1")
        bench.intake.take(bench.fill("x1", "o1", 4.0, price=90.0))
        at = bench.clock.now() + timedelta(seconds=3)
        bench.intake.take(bench.report("o1", S.FILLED, 10.0, average=102.0, updated_at=at))
        bench.intake.fill_gap("o1")
        order = bench.book.orders["o1"]
        assert (S.FILLED, 10.0) == (order.status, order.filled_quantity)
        assert order.average_fill_price == pytest.approx(102.0)
        assert at == bench.book.fills["gap:o1:10.0"].timestamp

    play(scene)
