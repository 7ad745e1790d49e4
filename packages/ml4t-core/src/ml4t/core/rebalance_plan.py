"""The plan of a rebalance: what would be traded in each asset, and why not where nothing is."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

from ml4t.core.broker import BrokerProtocol
from ml4t.core.errors import RebalanceError, UnknownAssetError
from ml4t.core.order_requests import OrderType
from ml4t.core.orders import Order
from ml4t.core.positions import Position
from ml4t.core.rebalance_config import RebalanceConfig
from ml4t.core.sizing import Buy, common_step, fit_to_cash, whole_lots

__all__ = [
    "REBALANCE_TAG",
    "Bars",
    "PlannedTrade",
    "RebalancePlan",
    "RebalanceRow",
    "plan_rebalance",
]

REBALANCE_TAG = "rebalance"
"""The tag of every order that a rebalance places, by which the next one knows it."""

Bars: TypeAlias = Mapping[str, Mapping[str, float]]
"""Bars by symbol, such as the ``data`` of ``on_data``; only ``close`` is read."""

_NOTHING = 1e-9
"""A trade smaller than this share of what it is compared to is rounding, not a trade."""


@attrs.frozen
class RebalanceRow:
    """What a rebalance does with one asset, and why it does nothing where it does not.

    Attributes:
        asset: the symbol.
        price: the close that sized it; None where there is none.
        current_weight: market value held as a share of the account; None without a price.
        effective_weight: the same, with what is pending counted as filled.
        requested_weight: the weight that was asked for; 0 for a held asset that was not named.
        target_weight: the weight after the limits of the configuration.
        quantity: the order, negative to sell; 0 for none.
        value: its market value, with the sign of ``quantity``.
        reason: why there is no order; "" where there is one.
    """

    asset: str
    price: float | None
    current_weight: float | None
    effective_weight: float | None
    requested_weight: float
    target_weight: float
    quantity: float
    value: float
    reason: str


@attrs.define
class _Pending:
    """What may still fill in one asset, protective orders left out."""

    buys: float = 0.0
    sells: float = 0.0
    market_buys: float = 0.0
    market_sells: float = 0.0
    priced_buys: float = 0.0
    """The buys at a limit or stop, each times its price."""


_NONE_PENDING = _Pending()


@attrs.define
class PlannedTrade:
    """One asset of a plan. Only the planning changes it; whoever is handed one reads it.

    Attributes:
        asset: the symbol.
        target: the weight after the limits of the configuration.
        held: units held.
        effective: units held once what is pending has filled.
        pending: what may still fill.
        price: the close that sizes it; None where there is none.
        unit_value: money that one unit is worth; 0 without a price.
        step: the lot that quantities are multiples of; 0 for any fraction.
        quantity: the order, negative to sell; 0 for none.
        reason: why there is no order; "" where there is one.
    """

    asset: str
    target: float
    held: float
    effective: float
    pending: _Pending
    price: float | None = None
    unit_value: float = 0.0
    step: float = 0.0
    quantity: float = 0.0
    reason: str = ""

    def row(self, requested: float, equity: float) -> RebalanceRow:
        """What a reader is shown of it."""
        priced = self.price is not None
        share = self.unit_value / equity
        return RebalanceRow(
            self.asset,
            self.price,
            self.held * share if priced else None,
            self.effective * share if priced else None,
            requested,
            self.target,
            self.quantity,
            self.quantity * self.unit_value,
            self.reason,
        )


@attrs.frozen
class _Planner:
    """What every asset of one plan is sized against."""

    data: Bars
    broker: BrokerProtocol
    equity: float
    config: RebalanceConfig
    fractional: bool

    def size(self, trade: PlannedTrade) -> None:
        """Set the quantity of ``trade``, or the reason why it has none."""
        if not self._price(trade):
            return
        effective = trade.effective
        if trade.target == 0:
            quantity = 0.0 if abs(effective) <= _NOTHING * abs(trade.held) else -effective
        else:
            goal = whole_lots(trade.target * self.equity / trade.unit_value, trade.step)
            quantity = whole_lots(goal - effective, trade.step)
        if quantity < 0 and not self.config.allow_short:
            # What is pending to be bought may never come: sell only what is there.
            quantity = -min(-quantity, max(trade.held - trade.pending.sells, 0.0))
        if trade.target:
            trade.reason = self._too_small(abs(quantity) * trade.unit_value)
        elif not quantity:
            trade.reason = "at its target already"
        if not trade.reason:
            trade.quantity = quantity

    def _price(self, trade: PlannedTrade) -> bool:
        bar = self.data.get(trade.asset)
        price = None if bar is None else bar.get("close")
        if price is None:
            trade.reason = "no bar at this time"
            return False
        if not 0 < price < math.inf:
            trade.reason = f"the close must be positive and finite, was {price}"
            return False
        try:
            terms = self.broker.get_asset(trade.asset)
        except UnknownAssetError:
            trade.reason = "the venue does not list it"
            return False
        trade.price = price
        trade.unit_value = price * terms.multiplier
        if self.fractional:
            trade.step = terms.lot_size
        else:
            own = self.config.lot_size if self.config.round_lots else 1.0
            trade.step = common_step(own, terms.lot_size)
        return True

    def _too_small(self, value: float) -> str:
        equity, config = self.equity, self.config
        if value <= _NOTHING * equity:
            return "at its target already"
        if value < config.min_trade_value:
            return f"trade of {value:.2f} is below min_trade_value {config.min_trade_value}"
        if value < config.min_weight_change * equity:
            return (
                f"weight change {value / equity:.6f} is below min_weight_change "
                f"{config.min_weight_change}"
            )
        return ""


@attrs.frozen
class RebalancePlan:
    """The trades of one rebalance and the account's value that they were sized with."""

    trades: list[PlannedTrade]
    equity: float

    def rows(self, requested: Mapping[str, float]) -> list[RebalanceRow]:
        """One row for each asset; ``requested`` holds the weights as they were asked for."""
        return [trade.row(requested.get(trade.asset, 0.0), self.equity) for trade in self.trades]


def plan_rebalance(
    targets: Mapping[str, float],
    data: Bars,
    broker: BrokerProtocol,
    orders: Iterable[Order],
    config: RebalanceConfig,
) -> RebalancePlan:
    """Plan the trades that bring the account to ``targets``; nothing is sent.

    Args:
        targets: the weights after the limits of ``config``.
        data: bars by symbol.
        broker: the account.
        orders: the orders that may still fill and stay.
        config: thresholds and lots.

    Returns:
        A trade for each asset that is named or held, in the order of ``targets``, then of the
        account's positions.

    Raises:
        RebalanceError: the account has no positive finite value.
    """
    equity = broker.get_account_value()
    if not 0 < equity < math.inf:
        msg = f"the account's value must be positive and finite to rebalance it, was {equity}"
        raise RebalanceError(msg)
    positions = broker.positions
    pending = _pending(orders, positions) if config.account_for_pending else {}
    fractional = config.allow_fractional and broker.capabilities.fractional
    planner = _Planner(data, broker, equity, config, fractional)
    trades = []
    unnamed = dict.fromkeys((asset for asset in positions if asset not in targets), 0.0)
    for weights in (targets, unnamed):
        for asset, target in weights.items():
            position = positions.get(asset)
            held = 0.0 if position is None else position.quantity
            waits = pending.get(asset, _NONE_PENDING)
            effective = held + waits.buys - waits.sells
            trade = PlannedTrade(asset, target, held, effective, waits)
            planner.size(trade)
            trades.append(trade)
    _fit_buys(trades, broker.get_cash() - _committed(pending, planner), planner)
    return RebalancePlan(trades, equity)


def _pending(orders: Iterable[Order], positions: Mapping[str, Position]) -> dict[str, _Pending]:
    """What is pending by asset, without the orders that protect a position."""
    pending: dict[str, _Pending] = {}
    for order in orders:
        held = positions.get(order.asset)
        reduces = held is not None and held.quantity * order.side.sign < 0
        is_market = order.order_type is OrderType.MARKET
        if reduces and not is_market and order.tag != REBALANCE_TAG:
            continue
        entry = pending.setdefault(order.asset, _Pending())
        if order.side.sign > 0:
            entry.buys += order.remaining
            price = order.limit_price or order.stop_price
            if price is None:
                entry.market_buys += order.remaining
            else:
                entry.priced_buys += order.remaining * price
        else:
            entry.sells += order.remaining
            entry.market_sells += order.remaining if is_market else 0.0
    return pending


def _committed(pending: Mapping[str, _Pending], planner: _Planner) -> float:
    """Money that pending orders will take, less what market sells will surely bring."""
    headroom = planner.config.fee_headroom
    total = 0.0
    for asset, entry in pending.items():
        bar = planner.data.get(asset)
        close = None if bar is None else bar.get("close")
        if close is None or not 0 < close < math.inf:
            if entry.market_buys:
                # What they will cost is not known, so nothing may be spent besides it.
                return math.inf
            close = 0.0
        takes = (entry.priced_buys + entry.market_buys * close) * (1 + headroom)
        brings = entry.market_sells * close * (1 - headroom)
        total += (takes - brings) * planner.broker.get_asset(asset).multiplier
    return total


def _covers(trade: PlannedTrade) -> float:
    """How much of a buy closes a short position, in whole lots where it buys more than that."""
    short = max(-trade.effective, 0.0)
    return trade.quantity if trade.quantity <= short else whole_lots(short, trade.step)


def _fit_buys(trades: Sequence[PlannedTrade], cash: float, planner: _Planner) -> None:
    """Scale the buys that open or add to longs to what the cash pays for."""
    headroom = planner.config.fee_headroom
    cash += max(planner.config.max_gross_leverage - 1, 0.0) * planner.equity
    opening: list[tuple[PlannedTrade, float]] = []
    cost = 0.0
    for trade in trades:
        quantity = trade.quantity
        if quantity < 0:
            cash -= quantity * trade.unit_value * (1 - headroom)
        elif quantity > 0:
            covers = _covers(trade)
            cash -= covers * trade.unit_value * (1 + headroom)
            cost += (quantity - covers) * trade.unit_value * (1 + headroom)
            opening.append((trade, covers))
    if cost <= cash:
        return
    wishes = [
        Buy(trade.quantity - covers, trade.unit_value * (1 + headroom), trade.step)
        for trade, covers in opening
    ]
    smallest_share = max(planner.config.min_weight_change, _NOTHING)
    least = max(planner.config.min_trade_value, smallest_share * planner.equity)
    affordable = fit_to_cash(wishes, cash, least * (1 + headroom))
    for (trade, covers), quantity in zip(opening, affordable, strict=True):
        trade.quantity = covers + quantity
        if not trade.quantity:
            trade.reason = "the cash does not pay for it"
