"""Which way a bar is taken to have gone, and what the broker makes of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from ml4t.core import Bar, OrderSide, OrderType
from ml4t.simulation import (
    Adaptive,
    BestCase,
    CloseOnly,
    OpenHighLowClose,
    OpenLowHighClose,
    SimulatedBroker,
    SubmissionOrder,
    WorstCase,
)
from ml4t.simulation.intrabar import ClosingPrice, IntrabarPath

Played = Callable[..., SimulatedBroker]


def bar(opened: float) -> Bar:
    now = datetime(2024, 1, 2, tzinfo=UTC)
    return Bar(timestamp=now, asset="A", open=opened, high=112, low=88, close=100)


@pytest.mark.parametrize(
    ("path", "gains", "high_first"),
    [
        (WorstCase(), (1.0, 2.0), True),
        (WorstCase(), (2.0, 1.0), False),
        (BestCase(), (1.0, 2.0), False),
        (BestCase(), (2.0, 1.0), True),
        (OpenHighLowClose(), (2.0, 1.0), True),
        (OpenLowHighClose(), (2.0, 1.0), False),
        (SubmissionOrder(), (2.0, 1.0), False),
        (CloseOnly(), (2.0, 1.0), False),
    ],
)
def test_which_extreme_came_first(
    path: IntrabarPath,
    gains: tuple[float, float],
    high_first: bool,
) -> None:
    assert path.high_first(bar(100), *gains) is high_first


@pytest.mark.parametrize(("opened", "high_first"), [(105, True), (100, False), (95, False)])
def test_an_adaptive_bar_goes_to_the_nearer_extreme_first(
    opened: float,
    high_first: bool,
) -> None:
    assert Adaptive().high_first(bar(opened), 0.0, 0.0) is high_first


def test_a_bar_that_shows_its_close_only() -> None:
    assert ClosingPrice.of(bar(105)) == (100, 100, 100, 100)


def bracket(broker: SimulatedBroker) -> None:
    broker.submit_bracket("A", 10, take_profit=110.0, stop_loss=90.0)


BARS = [100.0, (100.0, 105.0, 95.0, 100.0), (105.0, 112.0, 88.0, 100.0)]


@pytest.mark.parametrize(
    ("path", "rule", "way"),
    [
        (WorstCase(), ("stop_touch", 90), "low_first"),
        (BestCase(), ("limit_touch", 110), "high_first"),
        (OpenHighLowClose(), ("limit_touch", 110), "high_first"),
        (OpenLowHighClose(), ("stop_touch", 90), "low_first"),
        (Adaptive(), ("limit_touch", 110), "high_first"),
        (SubmissionOrder(), ("limit_touch", 110), ""),
    ],
)
def test_of_two_exits_the_path_decides(
    played: Played, path: IntrabarPath, rule: tuple[str, float], way: str
) -> None:
    broker = played(BARS, {0: bracket}, path=path)

    _, exit_ = broker.fills
    assert (exit_.rule, exit_.reference_price, exit_.path) == (*rule, way)
    assert broker.get_position("A") is None


def test_a_bar_that_depends_on_the_path_is_counted_with_both_outcomes(played: Played) -> None:
    broker = played(BARS, {0: bracket})

    (ambiguous,) = broker.round.ambiguous
    assert (ambiguous.asset, ambiguous.path) == ("A", "low_first")
    # Until the close of 100: sold at 90 that loses 10 a unit, sold at 110 it gains 10.
    assert (ambiguous.gain, ambiguous.worst, ambiguous.best) == (-100, -100, 100)


def test_a_bar_in_which_one_thing_can_happen_is_not_counted(played: Played) -> None:
    broker = played([*BARS[:2], (100.0, 112.0, 95.0, 100.0)], {0: bracket})

    assert [fill.rule for fill in broker.fills] == ["market_open", "limit_touch"]
    assert broker.fills[1].path == ""
    assert broker.round.ambiguous == []


def test_where_orders_see_the_close_only_nothing_else_fills_them(played: Played) -> None:
    def limits(broker: SimulatedBroker) -> None:
        broker.submit_order("A", 10)
        for number, price in enumerate((105.0, 99.0)):
            broker.submit_order("A", 10, OrderSide.BUY, OrderType.LIMIT, price, tag=str(number))

    broker = played([100.0, (100.0, 112.0, 88.0, 102.0)], {0: limits}, path=CloseOnly())

    assert [(fill.price, fill.rule) for fill in broker.fills] == [
        (102, "market_close"),
        (102, "limit_close"),
    ]


def test_an_entry_and_its_exits_share_a_bar_by_the_same_path(played: Played) -> None:
    bars: list[Any] = [100.0, (100.0, 112.0, 88.0, 100.0)]

    fills = {
        type(path).__name__: [
            fill.reference_price for fill in played(bars, {0: bracket}, path=path).fills
        ]
        for path in (WorstCase(), BestCase(), SubmissionOrder())
    }
    assert fills == {
        "WorstCase": [100, 90],
        "BestCase": [100, 110],
        "SubmissionOrder": [100, 110],
    }
