"""How long one decision of the risk rules takes: ``python -m benchmarks.risk_decision``.

The account holds 1,000 assets and has 500 open orders, 15 of them in one asset. Each line of the
answer is one JSON object, times in microseconds.
"""

import json
import statistics
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from time import perf_counter

from ml4t.core import Asset, Order, OrderRequest, OrderStatus, OrderType, Session
from ml4t.core.risk import UNLIMITED, LiveRiskConfig, Moment, Quote, RiskBook, review

ASSETS = 1_000
ORDERS = 500
IN_ONE = 15
TRIES = 20_000
NOON = datetime(2026, 1, 5, 17, tzinfo=UTC)


def account() -> RiskBook:
    """A busy account with every limit set."""
    book = RiskBook(
        LiveRiskConfig(
            max_order_shares=1_000,
            max_order_value=1e6,
            max_position_shares=1e5,
            max_position_value=1e7,
            max_total_exposure=1e9,
            max_net_exposure=1e9,
            max_leverage=10,
            max_positions=2_000,
            allowed_assets=UNLIMITED,
            max_daily_loss=1e6,
            max_working_orders=1_000,
            max_working_orders_per_side=20,
        )
    )
    for number in range(ASSETS):
        asset = f"A{number}"
        book.set_asset(Asset(symbol=asset, tick_size=0.01))
        book.set_quote(asset, Quote(price=100.0, at=0.0, bid=99.99, ask=100.01))
        book.set_position(asset, 100.0)
    for number in range(ORDERS):
        asset = "A999" if number < IN_ONE else f"A{number % 100}"
        book.set_order(Order(f"o{number}", limit_order(asset, 99.0), OrderStatus.ACCEPTED))
    book.set_account(1e8, 2e8, 0.0)
    return book


def limit_order(asset: str, price: float) -> OrderRequest:
    """Buy ten."""
    return OrderRequest.of(asset, 10, order_type=OrderType.LIMIT, limit_price=price)


def measured(what: str, act: Callable[[], object]) -> dict[str, object]:
    """The middle and the slow end of many tries."""
    times = []
    for _ in range(TRIES):
        begin = perf_counter()
        act()
        times.append(1e6 * (perf_counter() - begin))
    return {
        "what": what,
        "p50_us": round(statistics.median(times), 1),
        "p99_us": round(statistics.quantiles(times, n=100)[98], 1),
    }


def main() -> None:
    """Measure and print."""
    book = account()
    session = Session(
        label=date(2026, 1, 5), opens=NOON - timedelta(hours=3), closes=NOON + timedelta(hours=4)
    )
    moment = Moment(monotonic=1.0, instant=NOON, session=session, is_regular=True)
    for what, asset in (("review, 15 orders in the asset", "A999"), ("review, none", "A500")):
        request = limit_order(asset, 99.5)
        print(json.dumps(measured(what, lambda: review(request, book, moment))))  # noqa: B023
    order = Order("new", limit_order("A999", 99.5), OrderStatus.PENDING)
    print(json.dumps(measured("set_order, 15 orders in the asset", lambda: book.set_order(order))))


if __name__ == "__main__":
    main()
