"""How a live run stands, as plain values."""

from typing import Protocol

from ml4t.core.fills import Fill
from ml4t.core.orders import Order, OrderStatus
from ml4t.live.account import LiveAccount
from ml4t.live.bar_intake import BarIntake
from ml4t.live.clock import Clock
from ml4t.live.config import LiveConfig
from ml4t.live.journal import EventLog
from ml4t.live.reconcile import Reconciler
from ml4t.live.safe_broker import SafeBroker
from ml4t.live.strategy_runner import StrategyRunner

__all__ = ["Reportable", "status_of"]


class Reportable(Protocol):
    """The parts of an engine that a report is made of."""

    config: LiveConfig
    clock: Clock
    journal: EventLog
    account: LiveAccount
    safe: SafeBroker
    reconciler: Reconciler
    runner: StrategyRunner
    bars: BarIntake
    started_at: float


def status_of(engine: Reportable) -> dict[str, object]:
    """How a live run stands, as values that JSON knows."""
    book, config = engine.account.book, engine.config
    facts = engine.account.risk.account
    ledger = book.ledger
    start = facts.session_start
    profit = None if facts.equity is None or start is None else facts.equity - start
    return {
        "time": engine.clock.now().isoformat(),
        "uptime": engine.clock.monotonic() - engine.started_at,
        "strategy": config.name,
        "account": config.account,
        "mode": config.mode.value,
        "state": book.state.value,
        "causes": {
            name: {
                "state": cause.state.value,
                "reason": cause.reason,
                "latched": cause.latched,
            }
            for name, cause in sorted(book.causes.items())
        },
        "connected": engine.safe.is_connected,
        "cash": None if ledger is None else ledger.cash,
        "equity": facts.equity,
        "profit_of_session": profit,
        "session": None if book.session is None else book.session.isoformat(),
        "positions": {
            asset: {"quantity": held.quantity, "average_price": held.average_price}
            for asset, held in sorted(ledger.positions.items())
        }
        if ledger is not None
        else {},
        "open_orders": [_order(order) for order in book.open.values()],
        "unknown_orders": [
            order.id for order in book.open.values() if order.status is OrderStatus.UNKNOWN
        ],
        "fills": len(book.fills),
        "last_fill": _fill(next(reversed(book.fills.values()), None)),
        "last_bars": {
            asset: bar.timestamp.isoformat() for asset, bar in sorted(engine.bars.last_bars.items())
        },
        "quarantined": dict(engine.bars.quarantine.quarantined),
        "differences": [str(each) for each in engine.reconciler.differences],
        "bars_seen": engine.runner.bars_seen,
        "limits": config.risk.as_text(),
        "journal": {
            "rows": engine.journal.rows,
            "head": engine.journal.head,
            "epoch": engine.journal.epoch,
            "writable": engine.journal.is_writable and not engine.account.has_unwritten,
        },
    }


def _order(order: Order) -> dict[str, object]:
    return {
        "id": order.id,
        "asset": order.asset,
        "side": order.side.value,
        "quantity": order.quantity,
        "filled": order.filled_quantity,
        "type": order.order_type.value,
        "limit_price": order.limit_price,
        "stop_price": order.stop_price,
        "status": order.status.value,
    }


def _fill(fill: Fill | None) -> dict[str, object] | None:
    if fill is None:
        return None
    return {
        "id": fill.id,
        "asset": fill.asset,
        "side": fill.side.value,
        "quantity": fill.quantity,
        "price": fill.price,
        "time": fill.timestamp.isoformat(),
    }
