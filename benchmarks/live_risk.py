"""How long one decision of the risk rules takes: ``python -m benchmarks.live_risk`` prints JSON.

The account holds 1,000 assets and has 500 open orders, 15 of them in one asset. Times are seconds.
"""

import json
import statistics
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from time import perf_counter

from ml4t.core import Asset, Order, OrderRequest, OrderStatus, OrderType, Session
from ml4t.core.risk import UNLIMITED, Approved, LiveRiskConfig, Moment, Quote, RiskBook, review

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


def ends(act: Callable[[], object]) -> tuple[float, float]:
    """The middle and the slow end of many tries."""
    times = []
    for _ in range(TRIES):
        begin = perf_counter()
        act()
        times.append(perf_counter() - begin)
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


def measured() -> dict[str, float]:
    """Seconds of one decision, by what it is about.

    Raises:
        RuntimeError: a rule refused, so that something else was measured.
    """
    book = account()
    session = Session(
        label=date(2026, 1, 5), opens=NOON - timedelta(hours=3), closes=NOON + timedelta(hours=4)
    )
    moment = Moment(monotonic=1.0, instant=NOON, session=session, is_regular=True)
    found = {}
    for what, asset in (("crowded", "A999"), ("alone", "A500")):
        request = limit_order(asset, 99.5)
        verdict = review(request, book, moment)
        if not isinstance(verdict, Approved):
            raise RuntimeError(verdict.reason)  # noqa: TRY004 - it is no wrong type
        middle, slow = ends(lambda: review(request, book, moment))  # noqa: B023
        found |= {f"decision_{what}_p50": middle, f"decision_{what}_p99": slow}
    return found


if __name__ == "__main__":
    print(json.dumps(measured(), indent=2))
