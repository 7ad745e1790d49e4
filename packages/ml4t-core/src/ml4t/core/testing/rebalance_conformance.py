"""What must be true when a broker's account is rebalanced to target weights."""

from collections.abc import Mapping

from ml4t.core.order_requests import OrderSide, OrderType
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.rebalance import TargetWeightExecutor
from ml4t.core.rebalance_config import RebalanceConfig
from ml4t.core.testing.venue import (
    PRICE,
    UNITS,
    VenueUnderTest,
    advance,
    held,
    hold,
    needs_order_type,
    unit_value,
)

__all__ = ["RebalanceConformance"]


def _execute(
    venue: VenueUnderTest, weights: Mapping[str, float], config: RebalanceConfig | None = None
) -> list[Order]:
    orders = TargetWeightExecutor(config).execute(weights, venue.data, venue.broker)
    venue.settle()
    return orders


def _units(venue: VenueUnderTest, asset: str, weight: float) -> float:
    """The whole units that ``weight`` of the account buys now."""
    money = weight * venue.broker.get_account_value()
    return float(int(money / unit_value(venue, asset) + 1e-9))


class RebalanceConformance:
    """`TargetWeightExecutor` on this broker."""

    def test_targets_are_reached(self, venue: VenueUnderTest) -> None:
        """After the orders of a rebalance filled, each asset has its weight, to the unit."""
        first, second = venue.assets
        expected = {first: _units(venue, first, 0.5), second: _units(venue, second, 0.3)}
        _execute(venue, {first: 0.5, second: 0.3})
        advance(venue)

        assert {asset: held(venue, asset) for asset in venue.assets} == expected

    def test_weights_below_one_leave_the_rest_in_cash(self, venue: VenueUnderTest) -> None:
        """Weights that sum to less than 1 leave the rest in cash."""
        first, second = venue.assets
        before = venue.broker.get_account_value()
        _execute(venue, {first: 0.25, second: 0.25})
        advance(venue)

        assert venue.broker.get_cash() >= 0.49 * before

    def test_a_whole_account_can_be_invested(self, venue: VenueUnderTest) -> None:
        """Weights that sum to 1 leave the cash at zero or above."""
        first, second = venue.assets
        before = venue.broker.get_account_value()
        orders = _execute(venue, {first: 0.6, second: 0.4}, RebalanceConfig(fee_headroom=0.01))
        advance(venue)

        assert [venue.order(order.id).status for order in orders] == [OrderStatus.FILLED] * 2
        assert 0 <= venue.broker.get_cash() <= 0.03 * before

    def test_a_held_asset_that_is_not_named_is_closed(self, venue: VenueUnderTest) -> None:
        """The weights are the whole target: a held asset that they do not name is closed."""
        first, second = venue.assets
        hold(venue, first)
        _execute(venue, {second: 0.2})
        advance(venue)

        assert held(venue, first) == 0
        assert held(venue, second) > 0

    def test_a_weight_of_zero_closes(self, venue: VenueUnderTest) -> None:
        """A weight of 0 closes the asset, whatever the thresholds say."""
        hold(venue, venue.assets[0])
        _execute(venue, {venue.assets[0]: 0.0}, RebalanceConfig(min_trade_value=1e9))
        advance(venue)

        assert held(venue, venue.assets[0]) == 0

    def test_sells_are_sent_before_buys(self, venue: VenueUnderTest) -> None:
        """Sells come before buys, so that the buys can use what they bring."""
        first, second = venue.assets
        _execute(venue, {second: 0.9})
        advance(venue)
        orders = _execute(venue, {first: 0.9})
        advance(venue)

        assert [(o.asset, o.side) for o in orders] == [
            (second, OrderSide.SELL),
            (first, OrderSide.BUY),
        ]
        assert held(venue, second) == 0
        assert held(venue, first) * unit_value(venue, first) > 0.88 * (
            venue.broker.get_account_value()
        )

    def test_twice_in_a_row_orders_nothing_new(self, venue: VenueUnderTest) -> None:
        """Orders that may still fill count as if they had: a second rebalance has none to add."""
        config = RebalanceConfig(cancel_before_rebalance=False)
        weights = dict.fromkeys(venue.assets, 0.4)
        first = _execute(venue, weights, config)

        assert len(first) == 2
        assert _execute(venue, weights, config) == []
        assert [o.id for o in venue.broker.pending_orders] == [o.id for o in first]

    def test_at_the_target_nothing_is_ordered(self, venue: VenueUnderTest) -> None:
        """A rebalance to the weights that the account has orders nothing."""
        weights = dict.fromkeys(venue.assets, 0.4)
        _execute(venue, weights)
        advance(venue)

        # Fees have made the account a little smaller, by less than the trade that is refused here.
        assert _execute(venue, weights, RebalanceConfig(min_weight_change=0.01)) == []

    def test_leftovers_are_cancelled(self, venue: VenueUnderTest) -> None:
        """By default a rebalance cancels the orders that an earlier one left."""
        first, second = venue.assets
        leftovers = _execute(venue, {first: 0.5})
        _execute(venue, {second: 0.5})
        assert [venue.order(o.id).status for o in leftovers] == [OrderStatus.CANCELLED]
        advance(venue)
        # Where a cancellation takes time, the second rebalance still counted the leftovers.
        _execute(venue, {second: 0.5})
        advance(venue)

        assert held(venue, first) == 0
        assert held(venue, second) > 0

    def test_a_protective_order_stays(self, venue: VenueUnderTest) -> None:
        """An order that protects a position is neither cancelled nor counted by a rebalance."""
        needs_order_type(venue.broker.capabilities, OrderType.STOP)
        first, second = venue.assets
        hold(venue, first)
        stop = venue.broker.submit_order(
            first, UNITS, OrderSide.SELL, OrderType.STOP, stop_price=PRICE / 2
        )
        venue.settle()
        weight = UNITS * unit_value(venue, first) / venue.broker.get_account_value()
        # A small weight on top, so that fees cannot round the units down by one.
        orders = _execute(venue, {first: weight * 1.0001, second: 0.2})

        assert [order.asset for order in orders] == [second]
        assert venue.order(stop.id).is_open
        assert stop.id in [order.id for order in venue.broker.pending_orders]

    def test_a_preview_sends_nothing(self, venue: VenueUnderTest) -> None:
        """A preview tells what would be ordered, and neither sends nor cancels anything."""
        first, second = venue.assets
        leftover = _execute(venue, {first: 0.5})
        executor = TargetWeightExecutor(RebalanceConfig(cancel_before_rebalance=False))
        rows = executor.preview({first: 0.5, second: 0.2}, venue.data, venue.broker)
        venue.settle()
        assert [order.id for order in venue.broker.pending_orders] == [o.id for o in leftover]
        orders = executor.execute({first: 0.5, second: 0.2}, venue.data, venue.broker)

        planned = {row.asset: row.quantity for row in rows if row.quantity}
        assert planned == {order.asset: order.request.signed_quantity for order in orders}
        assert list(planned) == [second]
