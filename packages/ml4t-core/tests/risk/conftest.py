"""A desk in front of the rules: one share at 100, and no limit unless one is set."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import pytest

from ml4t.core import Asset, Order, OrderRequest, OrderStatus, OrderType, Session
from ml4t.core.risk import (
    UNLIMITED,
    Approved,
    LiveRiskConfig,
    Moment,
    Quote,
    Refused,
    RiskBook,
    review,
)

NOON = datetime(2026, 1, 5, 17, tzinfo=UTC)
SESSION = Session(
    label=date(2026, 1, 5),
    opens=datetime(2026, 1, 5, 14, 30, tzinfo=UTC),
    closes=datetime(2026, 1, 5, 21, tzinfo=UTC),
)
OPEN_LIMITS: dict[str, Any] = {
    "max_price_deviation_pct": UNLIMITED,
    "far_limit_pct": UNLIMITED,
    "max_spread_pct": UNLIMITED,
    "max_positions": UNLIMITED,
    "max_working_orders": UNLIMITED,
    "max_working_orders_per_side": UNLIMITED,
    "max_orders_per_minute": UNLIMITED,
    "max_messages_per_second": UNLIMITED,
    "dedup_window_seconds": 0.0,
    "max_repeat": UNLIMITED,
    "max_rejects": UNLIMITED,
    "max_drawdown_pct": UNLIMITED,
    "max_data_staleness_seconds": UNLIMITED,
    "max_unknown_orders": UNLIMITED,
    "max_unknown_orders_per_asset": UNLIMITED,
    "check_buying_power": False,
    "allow_short": True,
}


class Desk:
    """A book and a moment; it sends and fills orders of "SPY" unless told otherwise."""

    def __init__(self, **limits: Any) -> None:
        self.config = LiveRiskConfig(**{**OPEN_LIMITS, **limits})
        self.book = RiskBook(self.config)
        self.now = 1000.0
        self.moment_fields: dict[str, Any] = {"session": SESSION, "is_regular": True}
        self.count = 0
        self.list("SPY")
        self.book.set_account(1_000_000.0, 1_000_000.0, self.now)

    def list(self, asset: str, price: float = 100.0, **terms: Any) -> None:
        """Another asset with a price that can be sold short."""
        self.book.set_asset(Asset(symbol=asset, **terms))
        self.quote(price, asset=asset)
        self.book.set_shortable(asset, is_shortable=True)

    def quote(self, price: float, *, asset: str = "SPY", **fields: Any) -> None:
        """A price from now."""
        self.book.set_quote(asset, Quote(price=price, **{"at": self.now, **fields}))

    @property
    def moment(self) -> Moment:
        """Now."""
        instant = NOON + timedelta(seconds=self.now - 1000.0 if math.isfinite(self.now) else 0)
        return Moment(**{"monotonic": self.now, "instant": instant, **self.moment_fields})

    def order(
        self,
        quantity: float,
        asset: str = "SPY",
        status: OrderStatus = OrderStatus.ACCEPTED,
        **fields: Any,
    ) -> Order:
        """An order with a new id; a limit makes it a limit order."""
        self.count += 1
        own = {name: fields.pop(name) for name in ("parent", "group", "id") if name in fields}
        own.setdefault("id", f"o{self.count}")
        return Order(request=self.request(quantity, asset, **fields), status=status, **own)

    @staticmethod
    def request(quantity: float, asset: str = "SPY", **fields: Any) -> OrderRequest:
        """A request; a limit makes it a limit order."""
        if "limit_price" in fields:
            fields.setdefault("order_type", OrderType.LIMIT)
        return OrderRequest.of(asset, quantity, **fields)

    def work(self, quantity: float, asset: str = "SPY", **fields: Any) -> Order:
        """An order that is open."""
        is_foreign = fields.pop("is_foreign", False)
        order = self.order(quantity, asset, **fields)
        self.book.set_order(order, is_foreign=is_foreign)
        return order

    def hold(self, quantity: float, asset: str = "SPY") -> None:
        """A position."""
        self.book.set_position(asset, quantity)

    def ask(self, quantity: float, asset: str = "SPY", **fields: Any) -> Approved | Refused:
        """The answer to a request."""
        by_human = fields.pop("by_human", False)
        request = self.request(quantity, asset, **fields)
        return review(request, self.book, self.moment, by_human=by_human)

    def send(self, quantity: float, asset: str = "SPY", **fields: Any) -> Approved | Refused:
        """Ask, and take note of what was approved as open."""
        answer = self.ask(quantity, asset, **fields)
        if isinstance(answer, Approved):
            self.count += 1
            self.book.note_sent(answer.request, self.now)
            order = Order(f"o{self.count}", answer.request, OrderStatus.PENDING)
            self.book.set_order(order)
        return answer

    def fill(self, order: Order) -> None:
        """An order fills in full."""
        status = OrderStatus.FILLED
        self.book.set_order(attrs.evolve(order, status=status, filled_quantity=order.quantity))
        held = self.book.facts(order.asset)
        assert held is not None
        self.book.set_position(
            order.asset, held.quantity + order.request.signed_quantity, at=self.now
        )
        self.book.note_fill(order.asset, order.side, self.now)

    def control(self, quantity: float, asset: str = "SPY", **fields: Any) -> int | None:
        """The number of the control that refuses a request; None where none does."""
        answer = self.ask(quantity, asset, **fields)
        return answer.control if isinstance(answer, Refused) else None


@pytest.fixture(scope="session")
def desk_of() -> Callable[..., Desk]:
    """Builds a :class:`Desk` with limits."""
    return Desk
