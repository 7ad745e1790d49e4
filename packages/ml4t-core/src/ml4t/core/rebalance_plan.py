"""The plan of a rebalance: what would be traded in each asset, and why not where nothing is."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

from ml4t.core.broker import BrokerProtocol
from ml4t.core.errors import RebalanceError, UnknownAssetError
from ml4t.core.orders import Order, OrderType
from ml4t.core.positions import Position
from ml4t.core.rebalance_config import RebalanceConfig
from ml4t.core.sizing import Buy, fit_to_cash, whole_lots

__all__ = ["REBALANCE_TAG", "Bars", "RebalanceRow", "plan_rebalance"]

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
    market_sells: float = 0.0
    limit_price: float | None = None


_NONE_PENDING = _Pending()


@attrs.define
class _Trade:
    """One asset while the plan is made; lives no longer than :func:`plan_rebalance`."""

    asset: str
    target: float
    held: float
    pending: _Pending
    price: float | None = None
    unit_value: float = 0.0
    step: float = 0.0
    quantity: float = 0.0
    reason: str = ""

    @property
    def effective(self) -> float:
        return self.held + self.pending.buys - self.pending.sells


@attrs.frozen
class _Planner:
    """What every asset of one plan is sized against."""

    data: Bars
    broker: BrokerProtocol
    equity: float
    config: RebalanceConfig
    venue_trades_fractions: bool

    def sized(self, trade: _Trade) -> _Trade:
        self._price(trade)
        if trade.reason:
            return trade
        if trade.target == 0:
            quantity = -trade.effective
            if abs(quantity) <= _NOTHING * abs(trade.held):
                quantity = 0.0
        else:
            goal = whole_lots(trade.target * self.equity / trade.unit_value, trade.step)
            quantity = whole_lots(goal - trade.effective, trade.step)
            trade.reason = self._too_small(abs(quantity) * trade.unit_value)
        if not self.config.allow_short and quantity < 0:
            # What is pending to be bought may never come: sell only what is there.
            quantity = -min(-quantity, max(trade.held - trade.pending.sells, 0.0))
        if quantity == 0 and not trade.reason:
            trade.reason = "at its target already"
        trade.quantity = 0.0 if trade.reason else quantity
        return trade

    def _price(self, trade: _Trade) -> None:
        bar = self.data.get(trade.asset)
        price = None if bar is None else bar.get("close")
        if price is None:
            trade.reason = "no bar at this time"
        elif not 0 < price < math.inf:
            trade.reason = f"the close must be positive and finite, was {price}"
        else:
            try:
                terms = self.broker.get_asset(trade.asset)
            except UnknownAssetError:
                trade.reason = "the venue does not list it"
                return
            trade.price = price
            trade.unit_value = price * terms.multiplier
            trade.step = self._step(terms.lot_size)

    def _step(self, lot_size: float) -> float:
        if self.config.allow_fractional and self.venue_trades_fractions:
            return lot_size
        return max(self.config.lot_size if self.config.round_lots else 1.0, lot_size)

    def _too_small(self, value: float) -> str:
        config = self.config
        if value <= _NOTHING * self.equity:
            return "at its target already, to the lot"
        if value < config.min_trade_value:
            return f"trade of {value:.2f} is below min_trade_value {config.min_trade_value}"
        if value / self.equity < config.min_weight_change:
            return (
                f"weight change {value / self.equity:.6f} is below min_weight_change "
                f"{config.min_weight_change}"
            )
        return ""


def plan_rebalance(
    requested: Mapping[str, float],
    targets: Mapping[str, float],
    data: Bars,
    broker: BrokerProtocol,
    orders: Iterable[Order],
    config: RebalanceConfig,
) -> list[RebalanceRow]:
    """Plan the trades that bring the account to ``targets``; nothing is sent.

    Args:
        requested: the weights as they were asked for.
        targets: the same after the limits of ``config``.
        data: bars by symbol.
        broker: the account.
        orders: the orders that may still fill and stay.
        config: thresholds and lots.

    Returns:
        One row for each asset that is named or held, in the order of ``targets``, then of the
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
    planner = _Planner(data, broker, equity, config, broker.capabilities.fractional)
    assets = list(targets) + [asset for asset in positions if asset not in targets]
    trades = [
        planner.sized(
            _Trade(
                asset,
                targets.get(asset, 0.0),
                positions[asset].quantity if asset in positions else 0.0,
                pending.get(asset, _NONE_PENDING),
            )
        )
        for asset in assets
    ]
    _fit_buys(trades, broker.get_cash() - _committed(pending, data, broker), planner)
    return [_row(trade, requested.get(trade.asset, 0.0), equity) for trade in trades]


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
            entry.limit_price = order.limit_price or order.stop_price
        else:
            entry.sells += order.remaining
            entry.market_sells += order.remaining if is_market else 0.0
    return pending


def _committed(pending: Mapping[str, _Pending], data: Bars, broker: BrokerProtocol) -> float:
    """Money that pending orders will take, less what market sells will surely bring."""
    total = 0.0
    for asset, entry in pending.items():
        bar = data.get(asset)
        price = entry.limit_price or (None if bar is None else bar.get("close"))
        if price is None:
            # What it will cost is not known, so nothing may be spent besides it.
            total = math.inf if entry.buys else total
        else:
            multiplier = broker.get_asset(asset).multiplier
            total += (entry.buys - entry.market_sells) * price * multiplier
    return total


def _fit_buys(trades: Sequence[_Trade], cash: float, planner: _Planner) -> None:
    """Scale the buys that open or add to longs to what the cash pays for."""
    headroom = planner.config.fee_headroom
    cash += max(planner.config.max_gross_leverage - 1, 0.0) * planner.equity
    for trade in trades:
        if trade.quantity < 0:
            cash -= trade.quantity * trade.unit_value * (1 - headroom)
    opening: list[tuple[_Trade, float]] = []
    for trade in trades:
        if trade.quantity > 0:
            covers = min(trade.quantity, max(-trade.effective, 0.0))
            cash -= covers * trade.unit_value * (1 + headroom)
            opening.append((trade, covers))
    wishes = [
        Buy(trade.quantity - covers, trade.unit_value * (1 + headroom), trade.step)
        for trade, covers in opening
    ]
    smallest = planner.config.min_trade_value * (1 + headroom)
    for (trade, covers), quantity in zip(opening, fit_to_cash(wishes, cash, smallest), strict=True):
        trade.quantity = covers + quantity
        if not trade.quantity:
            trade.reason = "the cash does not pay for it"


def _row(trade: _Trade, requested: float, equity: float) -> RebalanceRow:
    priced = trade.price is not None
    share = trade.unit_value / equity
    return RebalanceRow(
        trade.asset,
        trade.price,
        trade.held * share if priced else None,
        trade.effective * share if priced else None,
        requested,
        trade.target,
        trade.quantity,
        trade.quantity * trade.unit_value,
        trade.reason,
    )
