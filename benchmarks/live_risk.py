"""How long a decision of the risk rules takes: ``python -m benchmarks.live_risk`` prints JSON."""

import json
import time
from datetime import UTC, datetime, timedelta

from ml4t.core import Asset, Order, OrderRequest, OrderStatus, OrderType, Session
from ml4t.core.risk import Approved, LiveRiskConfig, Moment, Quote, RiskBook, review

POSITIONS = 1_000
WORKING = 500
DECISIONS = 20_000
NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)
SESSION = Session(label=NOW.date(), opens=NOW - timedelta(hours=1), closes=NOW + timedelta(hours=5))
LIMITS = LiveRiskConfig(
    max_order_shares=1e4,
    max_order_value=1e7,
    max_position_shares=1e5,
    max_position_value=1e8,
    max_total_exposure=1e12,
    max_net_exposure=1e12,
    max_leverage=100,
    max_positions=2 * POSITIONS,
    max_working_orders=2 * WORKING,
    max_orders_per_minute=1e9,
    max_messages_per_second=1e9,
    max_repeat=1e9,
    allowed_assets=[f"A{number}" for number in range(POSITIONS)],
    max_daily_loss=1e9,
    dedup_window_seconds=0,
)


def book() -> RiskBook:
    """An account with many positions and open orders."""
    made = RiskBook(LIMITS)
    made.set_account(1e9, 1e10, 0.0)
    for number in range(POSITIONS):
        symbol = f"A{number}"
        made.set_asset(Asset(symbol=symbol, lot_size=1, tick_size=0.01))
        made.set_quote(symbol, Quote(price=100.0, at=0.0, bid=99.99, ask=100.01))
        made.set_position(symbol, 100.0)
    for number in range(WORKING):
        request = OrderRequest.of(
            f"A{number % 100}", 10, order_type=OrderType.LIMIT, limit_price=99.0
        )
        made.set_order(Order(f"o{number}", request, OrderStatus.ACCEPTED))
    return made


def measured() -> dict[str, float]:
    """Seconds of one decision: half are faster than the first number, all but 1 % than the second.

    Raises:
        RuntimeError: a rule refused, so that something else was measured.
    """
    made, moment = book(), Moment(monotonic=1.0, instant=NOW, session=SESSION, is_regular=True)
    requests = [
        OrderRequest.of(f"A{number % POSITIONS}", 7, order_type=OrderType.LIMIT, limit_price=98.5)
        for number in range(DECISIONS)
    ]
    times = []
    for request in requests:
        start = time.perf_counter()
        verdict = review(request, made, moment)
        times.append(time.perf_counter() - start)
        if not isinstance(verdict, Approved):
            raise RuntimeError(verdict.reason)  # noqa: TRY004 - it is no wrong type
    times.sort()
    return {"decision_p50": times[DECISIONS // 2], "decision_p99": times[DECISIONS * 99 // 100]}


if __name__ == "__main__":
    print(json.dumps(measured(), indent=2))
