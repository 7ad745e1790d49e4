"""What must be true of orders that belong together: brackets, OCO and OTO groups."""

from typing import Any

import pytest

from ml4t.core.errors import InvalidOrderError
from ml4t.core.groups import Bracket
from ml4t.core.order_requests import OrderRequest, OrderSide, OrderType, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.testing.venue import (
    PRICE,
    UNITS,
    VenueUnderTest,
    advance,
    held,
    hold,
    needs_ability,
    needs_order_type,
)

__all__ = ["GroupConformance"]

TARGET, STOP = 110.0, 90.0
_NAN = float("nan")

_NO_BRACKETS: dict[str, dict[str, Any]] = {
    "neither target nor stop": {},
    "target below the stop": {"take_profit": STOP, "stop_loss": TARGET},
    "stop and trail": {"stop_loss": STOP, "trail_amount": 1.0},
    "two trails": {"trail_amount": 1.0, "trail_percent": 1.0},
    "limit of a stop that is not there": {"take_profit": TARGET, "stop_limit": STOP},
    "sale of a negative quantity": {"side": OrderSide.SELL, "quantity": -1, "stop_loss": TARGET},
}


def _needs_groups(venue: VenueUnderTest, *kinds: OrderType) -> None:
    capabilities = venue.broker.capabilities
    needs_ability("groups of orders", declared=capabilities.order_groups)
    for kind in (OrderType.LIMIT, OrderType.STOP, *kinds):
        needs_order_type(capabilities, kind)


def _bracket(venue: VenueUnderTest, **more: Any) -> tuple[Order, Order, Order]:
    """A bracket around a purchase of the first asset."""
    arguments: dict[str, Any] = {"take_profit": TARGET, "stop_loss": STOP, **more}
    bracket = venue.broker.submit_bracket(venue.assets[0], UNITS, **arguments)
    assert bracket.take_profit is not None
    assert bracket.stop_loss is not None
    return bracket.parent, bracket.take_profit, bracket.stop_loss


def _waiting(venue: VenueUnderTest) -> tuple[Order, Order, Order]:
    """A bracket whose parent waits for a price of 95."""
    return _bracket(venue, order_type=OrderType.LIMIT, limit_price=95.0)


def _exits(venue: VenueUnderTest, quantity: float = UNITS) -> tuple[OrderRequest, OrderRequest]:
    """The requests of a target and a stop of a long position in the first asset."""
    asset, sell = venue.assets[0], OrderSide.SELL
    return (
        OrderRequest(asset, sell, quantity, OrderType.LIMIT, limit_price=TARGET),
        OrderRequest(asset, sell, quantity, OrderType.STOP, stop_price=STOP),
    )


def _statuses(venue: VenueUnderTest, *orders: Order) -> list[OrderStatus]:
    venue.settle()
    return [venue.order(order.id).status for order in orders]


def _pending(venue: VenueUnderTest) -> list[str]:
    venue.settle()
    return [order.id for order in venue.broker.pending_orders]


def _all_refused(venue: VenueUnderTest, orders: tuple[Order, ...]) -> None:
    """Check that none of a group was taken, why, and that nothing comes of it."""
    assert _statuses(venue, *orders) == [OrderStatus.REJECTED] * len(orders)
    assert [order.id for order in orders if not venue.order(order.id).reason] == []
    assert _pending(venue) == []
    advance(venue)
    assert dict(venue.broker.positions) == {}


def _only_one_filled(venue: VenueUnderTest, filled: Order, other: Order) -> None:
    """Check that one of two exits has closed the position, whatever the market does later."""
    for later in (PRICE, TARGET + 5, STOP - 5):
        assert _statuses(venue, filled, other) == [OrderStatus.FILLED, OrderStatus.CANCELLED]
        assert held(venue, venue.assets[0]) == 0
        assert _pending(venue) == []
        advance(venue, later)


class GroupConformance:
    """Groups: when children wake, how much they sell, and what becomes of the others."""

    def test_a_bracket_is_an_entry_with_two_exits(self, venue: VenueUnderTest) -> None:
        """A bracket is a parent, a limit order at the target and a stop order of the other side."""
        _needs_groups(venue)
        parent, target, stop = _bracket(venue, tag="idea")

        buy, sell = OrderSide.BUY, OrderSide.SELL
        assert (parent.side, parent.quantity, parent.order_type) == (buy, UNITS, OrderType.MARKET)
        assert (target.side, target.order_type, target.limit_price) == (
            sell,
            OrderType.LIMIT,
            TARGET,
        )
        assert (stop.side, stop.order_type, stop.stop_price) == (sell, OrderType.STOP, STOP)
        assert [order.tag for order in (parent, target, stop)] == ["idea"] * 3
        assert [order.parent for order in (parent, target, stop)] == [None, parent.id, parent.id]
        assert target.group == stop.group is not None
        assert parent.group is None

    def test_children_sleep_until_their_parent_fills(self, venue: VenueUnderTest) -> None:
        """Children are HELD and do not trade while their parent has not filled."""
        _needs_groups(venue)
        parent, target, stop = _waiting(venue)
        for price in (TARGET + 1, PRICE):
            advance(venue, price)
            assert _statuses(venue, target, stop) == [OrderStatus.HELD] * 2
            assert venue.order(parent.id).filled_quantity == 0
            assert _pending(venue) == [parent.id, target.id, stop.id]
        assert held(venue, venue.assets[0]) == 0

    def test_children_wake_when_their_parent_fills(self, venue: VenueUnderTest) -> None:
        """Children work from the fill of their parent on, for the quantity that it filled."""
        _needs_groups(venue)
        parent, target, stop = _bracket(venue)
        advance(venue)

        assert _statuses(venue, parent, target, stop) == [
            OrderStatus.FILLED,
            OrderStatus.ACCEPTED,
            OrderStatus.ACCEPTED,
        ]
        assert [venue.order(order.id).quantity for order in (target, stop)] == [UNITS, UNITS]
        assert held(venue, venue.assets[0]) == UNITS

    def test_children_are_sized_to_what_filled(self, venue: VenueUnderTest) -> None:
        """Children of a parent that filled less than was first asked for sell no more than that."""
        _needs_groups(venue)
        declared = venue.broker.capabilities.replace_orders
        needs_ability("replacing orders", declared=declared)
        parent, target, stop = _waiting(venue)
        venue.settle()
        venue.broker.replace_order(parent.id, quantity=4)
        advance(venue, 94.0)
        assert [venue.order(order.id).quantity for order in (target, stop)] == [4, 4]
        advance(venue, TARGET + 1)
        assert venue.order(target.id).filled_quantity == 4
        assert held(venue, venue.assets[0]) == 0

    def test_a_target_that_fills_cancels_the_stop(self, venue: VenueUnderTest) -> None:
        """When the target has filled, the stop is CANCELLED and never fills."""
        _needs_groups(venue)
        _, target, stop = _bracket(venue)
        advance(venue)
        advance(venue, TARGET + 1)
        _only_one_filled(venue, target, stop)

    def test_a_stop_that_fills_cancels_the_target(self, venue: VenueUnderTest) -> None:
        """When the stop has filled, the target is CANCELLED and never fills."""
        _needs_groups(venue)
        _, target, stop = _bracket(venue)
        advance(venue)
        advance(venue, STOP - 1)
        _only_one_filled(venue, stop, target)

    def test_an_exit_keeps_to_its_price(self, venue: VenueUnderTest) -> None:
        """A target sells at its limit or better, a stop at its stop or worse."""
        _needs_groups(venue)
        _, target, _ = _bracket(venue)
        advance(venue)
        advance(venue, TARGET + 1)
        won = venue.order(target.id).average_fill_price
        _, _, stop = _bracket(venue)
        advance(venue)
        advance(venue, STOP - 1)
        lost = venue.order(stop.id).average_fill_price

        assert won is not None
        assert lost is not None
        assert lost <= STOP < TARGET <= won

    def test_a_bracket_of_a_short_sale_buys_back(self, venue: VenueUnderTest) -> None:
        """The children of a short sale buy: the target below, the stop above."""
        _needs_groups(venue)
        declared = venue.broker.capabilities.short_selling
        needs_ability("short selling", declared=declared)
        legs = {"take_profit": STOP, "stop_loss": TARGET}
        bracket = venue.broker.submit_bracket(venue.assets[0], -UNITS, **legs)  # type: ignore[arg-type]
        advance(venue)
        assert held(venue, venue.assets[0]) == -UNITS
        advance(venue, TARGET + 1)
        assert bracket.stop_loss is not None
        assert _statuses(venue, bracket.stop_loss) == [OrderStatus.FILLED]
        assert held(venue, venue.assets[0]) == 0
        assert _pending(venue) == []

    def test_a_bracket_may_have_one_exit(self, venue: VenueUnderTest) -> None:
        """What was not asked for is None; the other exit closes the position."""
        _needs_groups(venue)
        bracket = venue.broker.submit_bracket(venue.assets[0], UNITS, stop_loss=STOP)
        advance(venue)
        advance(venue, STOP - 1)

        assert bracket.take_profit is None
        assert bracket.stop_loss is not None
        assert _statuses(venue, bracket.stop_loss) == [OrderStatus.FILLED]
        assert held(venue, venue.assets[0]) == 0

    def test_the_stop_of_a_bracket_may_trail(self, venue: VenueUnderTest) -> None:
        """A trailing stop of a bracket follows the price from the fill of the parent on."""
        _needs_groups(venue, OrderType.TRAILING_STOP)
        _, target, stop = _bracket(venue, take_profit=130.0, stop_loss=None, trail_amount=5.0)
        for price in (PRICE, 120.0, 116.0):
            advance(venue, price)
            assert held(venue, venue.assets[0]) == UNITS
        advance(venue, 114.0)
        assert _statuses(venue, stop, target) == [OrderStatus.FILLED, OrderStatus.CANCELLED]
        assert held(venue, venue.assets[0]) == 0

    def test_a_cancelled_parent_takes_its_children(self, venue: VenueUnderTest) -> None:
        """When a parent is cancelled before it filled, so are its children."""
        _needs_groups(venue)
        orders = _waiting(venue)
        venue.settle()
        assert venue.broker.cancel_order(orders[0].id) is True
        assert _statuses(venue, *orders) == [OrderStatus.CANCELLED] * 3
        assert _pending(venue) == []
        advance(venue, STOP - 1)
        assert held(venue, venue.assets[0]) == 0

    def test_a_cancelled_exit_takes_the_other(self, venue: VenueUnderTest) -> None:
        """When one exit is cancelled the other is too, and the position stays."""
        _needs_groups(venue)
        _, target, stop = _bracket(venue)
        advance(venue)
        assert venue.broker.cancel_order(stop.id) is True
        assert _statuses(venue, target, stop) == [OrderStatus.CANCELLED] * 2
        advance(venue, TARGET + 1)
        assert held(venue, venue.assets[0]) == UNITS

    def test_exits_end_with_their_position(self, venue: VenueUnderTest) -> None:
        """When a position with a bracket is closed, its exits end and open nothing later."""
        _needs_groups(venue)
        _, target, stop = _bracket(venue)
        advance(venue)
        venue.broker.close_position(venue.assets[0])
        advance(venue)
        assert _statuses(venue, target, stop) == [OrderStatus.CANCELLED] * 2
        for price in (TARGET + 1, STOP - 1):
            advance(venue, price)
            assert held(venue, venue.assets[0]) == 0

    def test_a_bracket_is_refused_as_a_whole(self, venue: VenueUnderTest) -> None:
        """Where the venue refuses one order of a bracket, all are REJECTED and say why."""
        _needs_groups(venue)
        _all_refused(venue, _bracket(venue, take_profit=_NAN))
        _all_refused(venue, _bracket(venue, stop_loss=0.0))
        unknown = venue.broker.submit_bracket("NO SUCH ASSET", UNITS, take_profit=TARGET)
        assert unknown.take_profit is not None
        _all_refused(venue, (unknown.parent, unknown.take_profit))

    def test_what_makes_no_bracket_is_an_error(self, venue: VenueUnderTest) -> None:
        """Arguments that make no bracket at any venue raise InvalidOrderError."""
        accepted = []
        for name, legs in _NO_BRACKETS.items():
            arguments = {"asset": venue.assets[0], "quantity": UNITS, **legs}
            try:
                venue.broker.submit_bracket(**arguments)
            except InvalidOrderError:
                continue
            accepted.append(name)

        assert accepted == []
        assert _pending(venue) == []

    def test_one_cancels_the_other(self, venue: VenueUnderTest) -> None:
        """Of the orders of a group one fills, and the others are CANCELLED."""
        _needs_groups(venue)
        hold(venue, venue.assets[0])
        target, stop = venue.broker.submit_oco(_exits(venue))
        advance(venue)
        assert _pending(venue) == [target.id, stop.id]
        advance(venue, TARGET + 1)
        _only_one_filled(venue, target, stop)

    def test_a_cancelled_order_takes_its_group(self, venue: VenueUnderTest) -> None:
        """When one order of a group is cancelled, so are the others."""
        _needs_groups(venue)
        hold(venue, venue.assets[0])
        orders = venue.broker.submit_oco(_exits(venue))
        venue.settle()
        assert venue.broker.cancel_order(orders[0].id) is True
        assert _statuses(venue, *orders) == [OrderStatus.CANCELLED] * 2
        advance(venue, STOP - 1)
        assert held(venue, venue.assets[0]) == UNITS

    def test_a_group_is_refused_as_a_whole(self, venue: VenueUnderTest) -> None:
        """Where the venue refuses one order of a group, all are REJECTED and say why."""
        _needs_groups(venue)
        good = OrderRequest.of(venue.assets[0], UNITS, None, OrderType.LIMIT, PRICE / 2)
        bad = OrderRequest.of(venue.assets[0], UNITS, None, OrderType.LIMIT, -1.0)
        _all_refused(venue, venue.broker.submit_oco([good, bad]))

    def test_what_makes_no_group_is_an_error(self, venue: VenueUnderTest) -> None:
        """A group of one order, of two assets or of two quantities raises InvalidOrderError."""
        _needs_groups(venue)
        first, second = _exits(venue)
        other = OrderRequest.of(venue.assets[1], -UNITS)
        for requests in ([], [first], [first, other], [first, _exits(venue, UNITS / 2)[1]]):
            with pytest.raises(InvalidOrderError):
                venue.broker.submit_oco(requests)
        own_side = OrderRequest.of(venue.assets[0], UNITS)
        for children in ([], [own_side], [second, other]):
            with pytest.raises(InvalidOrderError):
                venue.broker.submit_oto(own_side, children)
        assert _pending(venue) == []

    def test_one_triggers_the_others(self, venue: VenueUnderTest) -> None:
        """Children of any parent are HELD until it fills, and then close what it filled."""
        _needs_groups(venue)
        asset = venue.assets[0]
        entry = OrderRequest(asset, OrderSide.BUY, UNITS, OrderType.LIMIT, limit_price=95.0)
        parent, target, stop = venue.broker.submit_oto(entry, _exits(venue, UNITS / 2))
        advance(venue)
        assert _statuses(venue, target, stop) == [OrderStatus.HELD] * 2
        advance(venue, 94.0)
        assert _statuses(venue, parent) == [OrderStatus.FILLED]
        assert held(venue, asset) == UNITS
        advance(venue, STOP - 1)
        assert _statuses(venue, target, stop) == [OrderStatus.CANCELLED, OrderStatus.FILLED]
        assert held(venue, asset) == 0

    def test_an_undeclared_group_is_refused(self, venue: VenueUnderTest) -> None:
        """Where groups are not declared every order of one comes back REJECTED and says why."""
        if venue.broker.capabilities.order_groups:
            pytest.skip("the broker declares groups of orders")
        asset, day = venue.assets[0], TimeInForce.DAY
        bracket: Bracket = venue.broker.submit_bracket(
            asset, UNITS, take_profit=TARGET, stop_loss=STOP, children_time_in_force=day
        )
        assert bracket.take_profit is not None
        assert bracket.stop_loss is not None
        _all_refused(venue, (bracket.parent, bracket.take_profit, bracket.stop_loss))
        market = OrderRequest.of(asset, UNITS)
        _all_refused(venue, venue.broker.submit_oco([market, market]))
        _all_refused(venue, venue.broker.submit_oto(market, [OrderRequest.of(asset, -UNITS)]))
