"""A scene: one engine at a venue that lies, in virtual time, and what must be true at its end."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from ml4t.core import OrderRequest, OrderType, Session, Strategy, TimeInForce
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.risk import UNLIMITED, LiveRiskConfig
from ml4t.core.venue_events import VenueEvent
from ml4t.live.config import Timing
from ml4t.live.journal import StateDirectory
from ml4t.live.testing import At, FaultPlan, VenueRules, VirtualClock, run
from ml4t.live.testing.execution_faults import Execution
from ml4t.live.testing.stage import Scripted, Setting, Stage, Step
from ml4t.live.testing.true_orders import Owner, TrueOrder

START = datetime(2024, 3, 4, 14, 36, tzinfo=UTC)
BAR = timedelta(minutes=5)
SESSION = Session(
    label=date(2024, 3, 4), opens=START - timedelta(minutes=6), closes=START + timedelta(hours=6)
)
LIMITS: dict[str, Any] = {
    **dict.fromkeys(
        (
            "max_order_value", "max_position_value", "max_total_exposure", "allowed_assets",
            "max_repeat", "max_rejects",
        ),
        UNLIMITED,
    ),
    "bar_seconds": BAR.total_seconds(),
    "max_order_shares": 500.0,
    "max_position_shares": 1000.0,
    "max_daily_loss": 1_000.0,
    "max_orders_per_minute": 100.0,
    "max_messages_per_second": 40.0,
    "dedup_window_seconds": 0.0,
}  # fmt: skip


def setting_of(  # noqa: PLR0913 - everything that a fault can be about
    script: Sequence[At] = (),
    *,
    strategy: Callable[[], Strategy] = Scripted,
    rules: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
    market: dict[str, Any] | None = None,
    sessions: Sequence[Session] = (SESSION,),
    early: timedelta = timedelta(minutes=-6),
    **others: Any,
) -> Setting:
    """Prices that stand still, and a venue that trades market orders soon, whole and a cent worse.

    It begins a minute after the first bar of five, which is known from the history.
    """
    return Setting(
        **{
            "bar_size": BAR,
            "sessions": tuple(sessions),
            "early": early,
            "limits": LiveRiskConfig(**{**LIMITS, **(limits or {})}),
            "rules": VenueRules(**{"whole": 1.0, "reaction": (0.02, 0.05), **(rules or {})}),
            "market": {"volatility": 0.0, "gap": 0.0, **(market or {})},
            "plan": FaultPlan(script=script),
            "timing": Timing(watch=0.5),
            "strategy": strategy,
            **others,
        }
    )


class Scene(Stage):
    """A stage with short ways to do and to see what these tests are about."""

    # What a test does

    async def submit(
        self, quantity: float, asset: str = "AAA", limit: float | None = None
    ) -> Order:
        """Send an order as the strategy would, and wait for the venue's answer."""
        return await self.engine.safe.submit(request_of(quantity, asset, limit))

    async def working(self, quantity: float = 10.0, asset: str = "AAA") -> Order:
        """Have an order work: its limit is a tenth away from the market."""
        side = 1 if quantity > 0 else -1
        limit = round(self.venue.market.prices[asset] * (1 - 0.1 * side), 2)
        order = await self.submit(quantity, asset, limit)
        assert order.status is OrderStatus.ACCEPTED, order
        await self.pass_time(0.5)
        return order

    async def holding(self, quantity: float = 10.0, asset: str = "AAA") -> Order:
        """Have an order filled."""
        order = await self.submit(quantity, asset)
        await self.pass_time(1.0)
        order = self.order(order.id)
        assert order.status is OrderStatus.FILLED, order
        return order

    def beside(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something and do not wait for it."""
        self._tasks = [*getattr(self, "_tasks", ()), asyncio.ensure_future(work)]

    def trade(self, order_id: str, quantity: float, price: float, **shape: Any) -> str:
        """Let a piece of a resting order trade; gives the name of the execution."""
        (order,) = self.true(order_id)
        self.venue.desk.execute(order, Execution(quantity=quantity, **shape), price)
        return next(reversed(self.venue.account_truth.fills))

    def hear(self, *events: VenueEvent) -> None:
        """Have the stream bring these events next."""
        for event in events:
            self.broker.link.events.put_nowait(event)

    # What a test looks at

    @property
    def causes(self) -> dict[str, str]:
        """What restricts trading: the state, with "!" where only a person may lift it."""
        return {
            name: cause.state.name + ("!" if cause.latched else "")
            for name, cause in self.book.causes.items()
        }

    @property
    def cash(self) -> float:
        assert self.book.ledger is not None
        return self.book.ledger.cash

    def order(self, order_id: str) -> Order:
        return self.book.orders[order_id]

    def believed(self, asset: str = "AAA") -> float:
        return self.book.held(asset)

    def true(self, order_id: str) -> list[TrueOrder]:
        """What the venue has under an id."""
        return self.venue.desk.named(order_id)

    @property
    def arrived(self) -> list[TrueOrder]:
        """Every order of the engine that reached the venue."""
        return [order for order in self.venue.desk.orders if order.owner is Owner.ENGINE]

    @property
    def sent(self) -> int:
        """How many orders the engine handed to the adapter."""
        return self.venue.watch.counts["sent"]

    def told(self, kind: str) -> list[str]:
        """What a person was told of one kind."""
        return [alert.message for alert in self.alerts if alert.kind == kind]

    def place(self, kind: type, matches: Callable[[Any], bool] = bool) -> int:
        """Where the first such entry stands in the journal."""
        return next(
            number
            for number, entry in enumerate(self.journal.entries())
            if isinstance(entry.event, kind) and (matches is bool or matches(entry.event))
        )

    # How it ends

    async def finish(self, state: str = "ACTIVE", *, rest: float = 60.0) -> None:
        """Heal, let everything come to rest, and hold what is believed against the truth."""
        await self.heal()
        assert await self.rest(rest) == []
        assert (self.state, self.is_running) == (state, True), self.causes


def request_of(quantity: float, asset: str = "AAA", limit: float | None = None) -> OrderRequest:
    """A market order, or a limit order for the day."""
    if limit is None:
        return OrderRequest.of(asset, quantity)
    return OrderRequest.of(
        asset, quantity, None, OrderType.LIMIT, limit, time_in_force=TimeInForce.DAY
    )


@pytest.fixture(scope="session")
def play() -> Callable[..., Any]:
    """Play a scene in virtual time and give what it returns; it begins two seconds into it."""

    def play(
        act: Callable[[Scene], Coroutine[Any, Any, Any]],
        *script: At,
        folder: Path | None = None,
        before: float = 2.0,
        **parts: Any,
    ) -> Any:
        setting = setting_of(script, **parts)

        async def main(clock: VirtualClock) -> Any:
            state = None if folder is None else StateDirectory(folder)
            async with Scene(setting, clock, state=state) as scene:
                await scene.pass_time(before)
                return await act(scene)

        return run(main, setting.begins)

    return play


@pytest.fixture(scope="session")
def script() -> Callable[..., Callable[[], Scripted]]:
    """Makes strategies that do a thing at each of their first bars."""

    def script(*steps: Callable[[Step], object]) -> Callable[[], Scripted]:
        return lambda: Scripted(dict(enumerate(steps, start=1)))

    return script


@pytest.fixture(scope="session")
def request_for() -> Callable[..., OrderRequest]:
    """:func:`request_of`."""
    return request_of


@pytest.fixture(scope="session")
def tighter() -> Callable[..., Setting]:
    """A setting with other limits, for a restart."""

    def tighter(setting: Setting, **limits: Any) -> Setting:
        return attrs.evolve(setting, limits=attrs.evolve(setting.limits, **limits))

    return tighter
