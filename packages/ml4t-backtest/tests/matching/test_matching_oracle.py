"""The simulated venue and the slow oracle fill the same orders, at the same prices."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.core import OrderStatus
from ml4t.simulation import (
    Adaptive,
    BarAfterEntry,
    BestCase,
    CloseOnly,
    Delayed,
    EntryBar,
    NextBarClose,
    NextBarOpen,
    OpenHighLowClose,
    OpenLowHighClose,
    SameBarClose,
    SubmissionOrder,
    Timing,
    TrailAlongPath,
    TrailFromClose,
    TrailFromExtreme,
    Unlimited,
    VolumeShare,
    WorstCase,
)

from .oracle import Rules, run_oracle
from .programs import TICK, Scenario, scenarios
from .venue import Filled, Play

PATHS = {
    "worst": WorstCase(),
    "best": BestCase(),
    "high_first": OpenHighLowClose(),
    "low_first": OpenLowHighClose(),
    "adaptive": Adaptive(),
    "in_turn": SubmissionOrder(),
    "close": CloseOnly(),
}
TIMINGS: dict[str, Timing] = {
    "open": NextBarOpen(),
    "close": NextBarClose(),
    "same_close": SameBarClose(),
}
TRAILS = {"path": TrailAlongPath(), "close": TrailFromClose(), "extreme": TrailFromExtreme()}


def market_of(rules: Rules) -> dict[str, Any]:
    """The assumptions that the rules of the oracle stand for."""
    timing = TIMINGS[rules.market]
    return {
        "path": PATHS[rules.path],
        "timing": Delayed(rules.delay, timing) if rules.delay else timing,
        "trailing": TRAILS[rules.trailing],
        "children": EntryBar() if rules.entry_bar else BarAfterEntry(),
        "participation": Unlimited() if rules.share is None else VolumeShare(float(rules.share)),
    }


def assert_same(scenario: Scenario, rules: Rules) -> None:
    """Same fills in the same rows, by order; and the same orders are over."""
    oracle = run_oracle(scenario, rules)
    play = Play(scenario, per_session=rules.per_session, **market_of(rules))
    expected = [Filled(f.row, f.order, f.change, float(f.price) * TICK) for f in oracle.fills]
    assert sorted(play.fills) == sorted(expected)
    found = {int(order.id): status_of(order.status) for order in play.orders}
    assert found == {number: order["status"] for number, order in oracle.orders.items()}


def status_of(status: OrderStatus) -> str:
    works = OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED
    return "working" if status in works else status.value


@pytest.mark.parametrize("path", PATHS)
@given(scenario=scenarios())
def test_the_venue_fills_what_the_oracle_fills(path: str, scenario: Scenario) -> None:
    assert_same(scenario, Rules(path))


@pytest.mark.parametrize("path", PATHS)
@given(scenario=scenarios())
def test_the_venue_shares_out_volume_as_the_oracle_does(path: str, scenario: Scenario) -> None:
    assert_same(scenario, Rules(path, share=Fraction(1, 2)))


rules = st.builds(
    Rules,
    path=st.sampled_from(sorted(PATHS)),
    market=st.sampled_from(["open", "close"]),
    trailing=st.sampled_from(sorted(TRAILS)),
    entry_bar=st.booleans(),
    share=st.sampled_from([None, Fraction(1, 2)]),
    delay=st.sampled_from([0, 0, 1, 2]),
    per_session=st.sampled_from([3, 1, 4]),
)


@given(scenario=scenarios(assets=2), rules=rules)
def test_the_venue_agrees_under_any_assumptions(scenario: Scenario, rules: Rules) -> None:
    assert_same(scenario, rules)


@given(scenario=scenarios(), rules=rules)
def test_the_venue_agrees_at_the_close_that_was_seen(scenario: Scenario, rules: Rules) -> None:
    assert_same(scenario, rules._replace(market="same_close", delay=0))
