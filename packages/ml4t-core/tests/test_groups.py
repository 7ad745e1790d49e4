"""What makes a bracket or a group, before any venue sees it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ml4t.core import BracketRequest, InvalidOrderError, OrderRequest, OrderSide, OrderType
from ml4t.core import TimeInForce as Time
from ml4t.core.groups import as_children, require_group

LATER = datetime(2027, 1, 4, tzinfo=UTC)


def test_the_children_of_a_purchase_sell() -> None:
    bracket = BracketRequest.of("A", 10, take_profit=110.0, stop_loss=95.0, tag="x")

    target, stop = bracket.children
    assert (target, stop) == (bracket.take_profit, bracket.stop_loss)
    assert (target.order_type, target.limit_price) == (OrderType.LIMIT, 110.0)
    assert (stop.order_type, stop.stop_price, stop.limit_price) == (OrderType.STOP, 95.0, None)
    for child in bracket.children:
        assert (child.side, child.quantity, child.tag) == (OrderSide.SELL, 10, "x")
        assert child.reduce_only
    assert not bracket.parent.reduce_only


def test_the_children_of_a_sale_buy() -> None:
    bracket = BracketRequest.of("A", -10, take_profit=95.0, stop_loss=110.0)

    assert bracket.parent.side is OrderSide.SELL
    assert {child.side for child in bracket.children} == {OrderSide.BUY}


@pytest.mark.parametrize(
    ("legs", "kind"),
    [
        ({"stop_loss": 95.0, "stop_limit": 94.0}, OrderType.STOP_LIMIT),
        ({"trail_amount": 2.0}, OrderType.TRAILING_STOP),
        ({"trail_percent": 2.0}, OrderType.TRAILING_STOP),
    ],
)
def test_the_stop_has_a_kind(legs: dict[str, Any], kind: OrderType) -> None:
    bracket = BracketRequest.of("A", 10, **legs)

    assert bracket.take_profit is None
    assert [child.order_type for child in bracket.children] == [kind]


@pytest.mark.parametrize(
    ("times", "parent", "child"),
    [
        ({}, (Time.DAY, None), (Time.GTC, None)),
        (
            {"time_in_force": Time.GTD, "good_till": LATER},
            (Time.GTD, LATER),
            (Time.GTC, None),
        ),
        (
            {"children_time_in_force": Time.GTD, "good_till": LATER},
            (Time.DAY, None),
            (Time.GTD, LATER),
        ),
        (
            {
                "time_in_force": Time.GTD,
                "children_time_in_force": Time.GTD,
                "good_till": LATER,
            },
            (Time.GTD, LATER),
            (Time.GTD, LATER),
        ),
    ],
)
def test_an_instant_belongs_to_those_that_are_good_till_it(
    times: dict[str, Any],
    parent: tuple[Time, datetime | None],
    child: tuple[Time, datetime | None],
) -> None:
    bracket = BracketRequest.of("A", 10, stop_loss=95.0, **times)

    found = [(r.time_in_force, r.good_till) for r in (bracket.parent, *bracket.children)]
    assert found == [parent, child]


@pytest.mark.parametrize(
    ("legs", "said"),
    [
        ({}, "a bracket needs take_profit"),
        ({"take_profit": 95.0, "stop_loss": 110.0}, "must be above stop_loss, was 95.0 and 110.0"),
        ({"take_profit": 95.0, "stop_loss": 95.0}, "must be above stop_loss"),
        (
            {"side": OrderSide.SELL, "take_profit": 110.0, "stop_loss": 95.0},
            "take_profit of a SELL bracket must be below stop_loss",
        ),
        ({"stop_loss": 95.0, "trail_percent": 1.0}, "a stop_loss or a trail, not both"),
        ({"trail_amount": 1.0, "trail_percent": 1.0}, "one of trail_amount and trail_percent"),
        ({"take_profit": 110.0, "stop_limit": 95.0}, "stop_limit belongs to a stop_loss"),
        ({"stop_loss": 95.0, "good_till": LATER}, "good_till belongs to GTD orders"),
        ({"stop_loss": 95.0, "children_time_in_force": Time.GTD}, "good_till must be"),
    ],
)
def test_what_makes_no_bracket_says_why(legs: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidOrderError, match=said):
        BracketRequest.of("A", 10, **legs)


def test_a_misspelt_leg_is_not_left_out() -> None:
    # Silence would leave the position without its stop.
    legs: Any = {"take_profit": 110.0, "stoploss": 90.0}
    with pytest.raises(InvalidOrderError, match="a bracket has no stoploss; it has take_profit"):
        BracketRequest.of("SPY", 10, **legs)


def test_a_trail_may_stand_beside_any_target() -> None:
    assert len(BracketRequest.of("A", 10, take_profit=5.0, trail_amount=2.0).children) == 2


PARENT = OrderRequest.of("A", 10)


def test_children_close_what_their_parent_opens() -> None:
    children = as_children(PARENT, [OrderRequest.of("A", -3), OrderRequest.of("A", -30)])

    assert [(child.quantity, child.reduce_only) for child in children] == [(10, True)] * 2


@pytest.mark.parametrize(
    ("children", "said"),
    [
        ([], "needs at least one child"),
        ([OrderRequest.of("A", 10)], "a child must SELL A, which its parent opens; was BUY A"),
        ([OrderRequest.of("B", -10)], "was SELL B"),
    ],
)
def test_what_are_no_children_says_why(children: list[OrderRequest], said: str) -> None:
    with pytest.raises(InvalidOrderError, match=said):
        as_children(PARENT, children)


@pytest.mark.parametrize(
    ("requests", "said"),
    [
        ([], "two orders or more, was 0"),
        ([PARENT], "two orders or more, was 1"),
        ([PARENT, OrderRequest.of("B", 10)], "were 10 A and 10 B"),
        ([PARENT, OrderRequest.of("A", 11)], "were 10 A and 11 A"),
    ],
)
def test_what_makes_no_group_says_why(requests: list[OrderRequest], said: str) -> None:
    with pytest.raises(InvalidOrderError, match=said):
        require_group(requests)


def test_a_group_may_have_both_sides() -> None:
    require_group([PARENT, OrderRequest.of("A", -10)])
