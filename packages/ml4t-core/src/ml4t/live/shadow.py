"""Shadow trading: the simulated venue of the backtest behind the interface of a real one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime

import attrs

from ml4t.core.assets import Asset
from ml4t.core.calendar import TradingCalendar
from ml4t.core.capabilities import Capabilities
from ml4t.core.errors import ConfigError
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice
from ml4t.core.positions import AccountSnapshot, Position
from ml4t.core.protocol import PROTOCOL
from ml4t.core.venue_events import AccountIdentity, CashFlow, Environment, VenueEvent
from ml4t.live.clock import Clock
from ml4t.simulation import MarketAssumptions, NoExits, SimulatedBroker

__all__ = ["ShadowBroker"]


class ShadowBroker:
    """A broker that fills against the bars the strategy sees, by the rules of the backtest.

    It holds nothing that could reach a real venue. Its fills are those of a backtest over the same
    bars, since the same code makes them.

    Args:
        cash: the money to start with.
        assets: the terms of everything that can be traded.
        market: the market assumptions.
        clock: for the time that it tells before the first bar.
        calendar: the sessions of the venue, if they are known.
        account_id: the name of the account.
        daily: whether each session has one bar, so that auctions can be simulated.

    Raises:
        ConfigError: the assumptions contain rules that close positions by themselves; they belong
            to backtests, since no real venue has them.
    """

    def __init__(  # noqa: PLR0913 - what a simulated account consists of
        self,
        cash: float,
        assets: Sequence[Asset],
        market: MarketAssumptions,
        *,
        clock: Clock,
        calendar: TradingCalendar | None = None,
        account_id: str = "shadow",
        daily: bool = False,
    ) -> None:
        if not isinstance(market.exits, NoExits):
            msg = "rules that close positions run in backtests only: send orders for exits instead"
            raise ConfigError(msg)
        self._assets = {asset.symbol: asset for asset in assets}
        self._venue = SimulatedBroker(cash, self._assets, market, calendar)
        self._venue.lifetimes.daily = daily
        self._venue.outbox = []
        self._clock = clock
        self._account_id = account_id
        self._ids: dict[str, str] = {}
        self._own_ids: dict[str, str] = {}
        self._charges = 0
        self._tell: Callable[[VenueEvent], None] = _ignore
        self._note: Callable[[VenueEvent], None] = _ignore
        # Where each trailing stop stood when it was reported last.
        self._stops: dict[str, float] = {}
        self._is_open = asyncio.Event()

    @property
    def protocol(self) -> int:
        """The protocol number."""
        return PROTOCOL

    @property
    def capabilities(self) -> Capabilities:
        """What the simulated venue accepts."""
        return self._venue.capabilities

    async def connect(self) -> None:
        """Nothing to do: the venue is in this program."""

    async def disconnect(self) -> None:
        """End the events."""
        self._is_open.set()

    async def identity(self) -> AccountIdentity:
        """A simulated account."""
        return AccountIdentity(account_id=self._account_id, environment=Environment.SIMULATED)

    async def time(self) -> datetime:
        """The time of this program, since the venue is part of it."""
        return self._clock.now()

    async def get_asset(self, asset: str) -> Asset:
        """The terms of an instrument; raises UnknownAssetError where it is not listed."""
        return self._venue.get_asset(asset)

    async def is_shortable(self, asset: str) -> bool:  # noqa: ARG002
        """Yes: whether the simulated account may be short is said where an order fills."""
        return True

    async def account(self) -> AccountSnapshot:
        """Cash, equity and positions at the last bars."""
        venue = self._venue
        return AccountSnapshot(
            timestamp=self._clock.now(),
            cash=venue.get_cash(),
            equity=venue.get_account_value(),
            positions=dict(venue.positions),
        )

    async def open_orders(self) -> Sequence[Order]:
        """The orders that work."""
        return [self._named(order) for order in self._venue.pending_orders]

    async def find_order(self, order_id: str) -> Order | None:
        """An order by the id it was sent under; None if there is none."""
        own = self._own_ids.get(order_id)
        return None if own is None else self._named(self._venue.book[own])

    async def fills_since(self, instant: datetime) -> Sequence[Fill]:
        """The executions at or after ``instant``."""
        return [self._named_fill(fill) for fill in self._venue.fills if fill.timestamp >= instant]

    async def submit(self, order_id: str, request: OrderRequest) -> Order:
        """Put an order into the simulated book."""
        order = self._venue.enter(request)
        return self._register((order_id,), (order,))[0]

    async def submit_family(
        self, order_ids: Sequence[str], requests: Sequence[OrderRequest]
    ) -> Sequence[Order]:
        """Put a parent and the children that it wakes into the simulated book."""
        parent, *children = requests
        return self._register(order_ids, self._venue.enter_family(parent, children))

    async def submit_alternatives(
        self, order_ids: Sequence[str], requests: Sequence[OrderRequest]
    ) -> Sequence[Order]:
        """Put orders of which only one may fill into the simulated book."""
        return self._register(order_ids, self._venue.enter_alternatives(requests))

    async def cancel(self, order_id: str) -> None:
        """Cancel an order at once."""
        if (own := self._own_ids.get(order_id)) is not None:
            self._venue.cancel_order(own)
            self._report()

    async def cancel_all(self) -> None:
        """Cancel every order at once."""
        for order in tuple(self._venue.pending_orders):
            self._venue.cancel_order(order.id)
        self._report()

    async def replace(self, order_id: str, request: OrderRequest) -> Order:
        """Change an order at once."""
        own = self._own_ids[order_id]
        changed = self._venue.replace_order(
            own,
            quantity=request.quantity,
            limit_price=request.limit_price,
            stop_price=request.stop_price,
        )
        self._report()
        return self._named(changed)

    async def events(self) -> AsyncIterator[VenueEvent]:
        """None: what happens is told by :meth:`report_to`, at the very moment."""
        await self._is_open.wait()
        return
        yield  # pragma: no cover - makes this an iterator

    # Bars

    def report_to(
        self, tell: Callable[[VenueEvent], None], note: Callable[[VenueEvent], None]
    ) -> None:
        """Report what happens at the very moment: ``note`` takes what strategies are not told."""
        self._tell, self._note = tell, note

    def take_over(self, cash: float, positions: Mapping[str, Position]) -> None:
        """Go on with the account of an earlier run; its orders ended with that run."""
        self._venue.take_over(cash, positions)

    def begin_bar(self, timestamp: datetime, bars: MarketSlice) -> None:
        """Let working orders meet the bars."""
        venue = self._venue
        venue.bars, venue.now = bars, timestamp
        self._accrue()
        if venue.book.working:
            venue.match()
        self._report()
        self._report_stops()

    def finish_bar(self) -> None:
        """Do what happens at the close of the bars after the strategy has acted."""
        self._venue.finish_bar()
        self._report()

    def _accrue(self) -> None:
        """Charge for what is held, one report for each position, so that the sums are the same."""
        self._venue.accrue()
        charges = self._venue.holding_costs.charges
        for charge in charges[self._charges :]:
            self._charges += 1
            flow = CashFlow(
                id=f"holding-{self._charges}",
                amount=-charge.amount,
                reason=f"cost of holding {charge.asset}",
                timestamp=charge.timestamp,
            )
            self._note(flow)

    def _report(self) -> None:
        events, self._venue.outbox = self._venue.outbox or [], []
        for event in events:
            named = self._named(event) if isinstance(event, Order) else self._named_fill(event)
            self._tell(named)

    def _report_stops(self) -> None:
        """Tell where trailing stops have gone to, which is no change of an order's status."""
        for order in self._venue.book.working.values():
            stop = order.trail_stop
            if stop is not None and stop != self._stops.get(order.id):
                self._stops[order.id] = stop
                self._note(self._named(order))

    # Names

    def _register(self, order_ids: Sequence[str], orders: Sequence[Order]) -> list[Order]:
        for order_id, order in zip(order_ids, orders, strict=True):
            self._ids[order.id] = order_id
            self._own_ids[order_id] = order.id
        self._report()
        return [self._named(order) for order in orders]

    def _named(self, order: Order) -> Order:
        parent = order.parent and self._ids[order.parent]
        return attrs.evolve(order, id=self._ids[order.id], parent=parent)

    def _named_fill(self, fill: Fill) -> Fill:
        order_id = self._ids[fill.order_id]
        return attrs.evolve(fill, id=f"{self._account_id}-{fill.id}", order_id=order_id)


def _ignore(event: VenueEvent) -> None:
    """Nobody listens yet."""
