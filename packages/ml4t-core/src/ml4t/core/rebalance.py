"""Rebalancing a portfolio to target weights."""

from collections.abc import Mapping

from ml4t.core.broker import BrokerProtocol
from ml4t.core.orders import Order
from ml4t.core.rebalance_config import RebalanceConfig, limited
from ml4t.core.rebalance_plan import REBALANCE_TAG, Bars, RebalanceRow, plan_rebalance

__all__ = ["TargetWeightExecutor"]


class TargetWeightExecutor:
    """Turns target weights into the orders that bring the account there.

    The weights are the whole target: a held asset that is not named is closed, an explicit 0
    closes whatever the thresholds say, and weights that sum to less than 1 leave the rest in cash.
    Sells are sent before buys. The buys fit the cash, the sells' proceeds included, with head-room
    for fees; where they do not, all are scaled by one factor. An asset without a finite positive
    close is left alone with a reason.

    Orders that may still fill count as if they had, so running twice in a row orders nothing new.
    Before that, orders left by an earlier rebalance are cancelled; one that the venue has not
    confirmed as cancelled still counts. A protective order, which is one that would reduce the
    position and is neither a market order nor a rebalance's own, is never cancelled or counted.

    Args:
        config: thresholds, lots and limits.
    """

    def __init__(self, config: RebalanceConfig | None = None) -> None:
        self.config = config or RebalanceConfig()

    def preview(
        self, target_weights: Mapping[str, float], data: Bars, broker: BrokerProtocol
    ) -> list[RebalanceRow]:
        """What :meth:`execute` would do now, one row per asset; nothing is sent or cancelled.

        Raises:
            RebalanceError: a weight is not finite, or the account has no positive value.
        """
        targets = limited(target_weights, self.config)
        staying = [order for order in broker.pending_orders if not self._cancels(order)]
        return plan_rebalance(targets, data, broker, staying, self.config).rows(target_weights)

    def execute(
        self, target_weights: Mapping[str, float], data: Bars, broker: BrokerProtocol
    ) -> list[Order]:
        """Cancel what an earlier rebalance left and send the orders, sells first.

        Args:
            target_weights: share of the account's value by symbol, negative for short.
            data: bars by symbol; the closes size the orders.
            broker: the account.

        Returns:
            The orders as the venue answered, those it rejected included.

        Raises:
            RebalanceError: a weight is not finite, or the account has no positive value.
        """
        targets = limited(target_weights, self.config)
        for order in broker.pending_orders:
            if self._cancels(order):
                broker.cancel_order(order.id)
        plan = plan_rebalance(targets, data, broker, broker.pending_orders, self.config)
        sells = [trade for trade in plan.trades if trade.quantity < 0]
        buys = [trade for trade in plan.trades if trade.quantity > 0]
        return [
            broker.submit_order(trade.asset, trade.quantity, tag=REBALANCE_TAG)
            for trade in sells + buys
        ]

    def _cancels(self, order: Order) -> bool:
        return self.config.cancel_before_rebalance and order.tag == REBALANCE_TAG
