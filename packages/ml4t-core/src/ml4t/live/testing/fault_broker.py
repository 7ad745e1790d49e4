"""An adapter to a simulated venue, with latency and faults."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from random import Random
from typing import TypeVar

from ml4t.core.assets import Asset
from ml4t.core.bars import Bar
from ml4t.core.capabilities import Capabilities
from ml4t.core.errors import VenueRefusedError
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import Order
from ml4t.core.positions import AccountSnapshot
from ml4t.core.protocol import PROTOCOL
from ml4t.core.venue_events import AccountIdentity, VenueEvent
from ml4t.live.testing.chance import branch
from ml4t.live.testing.fault_plan import FaultPlan
from ml4t.live.testing.fault_venue import FaultyVenue
from ml4t.live.testing.faults import Fault
from ml4t.live.testing.injector import FaultInjector
from ml4t.live.testing.link import Link
from ml4t.live.testing.venue_call import CallFault, VenueCall
from ml4t.live.testing.world_faults import Strike, World

__all__ = ["FaultyBroker"]

T = TypeVar("T")


class FaultyBroker:
    """An adapter over a venue that owns the truth; implements ``AsyncBrokerProtocol``.

    Args:
        venue: what it talks to.
        plan: what goes wrong, and when; None for nothing.
        rng: where chance comes from; None for a generator of its own from the venue's.

    Attributes:
        venue: what it talks to.
        faults: what went wrong so far; a feed on the same market takes it, too.
        link: the session.
    """

    def __init__(
        self, venue: FaultyVenue, plan: FaultPlan | None = None, rng: Random | None = None
    ) -> None:
        rng = rng or branch(venue.rng)
        self.venue = venue
        self.faults = FaultInjector(plan or FaultPlan(), branch(rng))
        self.link = Link(venue.agenda, self.faults, branch(rng))
        self._world = World(venue=venue, link=self.link)
        self._label: object = None
        venue.desk.faults = self.faults
        venue.listen(self.link.report)
        venue.market.on_bars.append(self._bars_completed)
        for step in self.faults.timed:
            venue.agenda.after(step.seconds, partial(self._strike_in_time, step.do))

    def heal(self) -> None:
        """End every fault of the connection, and let none come any more at random."""
        self.faults.heal()
        self.link.heal()
        self.venue.skew = 0.0
        self.venue.is_key_valid = True

    def strike(self, fault: Fault) -> None:
        """Let a fault of the connection or the account happen now."""
        if isinstance(fault, Strike):
            fault.strike(self._world)

    @property
    def protocol(self) -> int:
        """The protocol number that the adapter was written for."""
        return PROTOCOL

    @property
    def capabilities(self) -> Capabilities:
        """What the venue accepts."""
        return self.venue.rules.capabilities

    async def connect(self) -> None:
        """Open the session."""
        fault = self.faults.draw("connect")
        call = VenueCall("connect", self.link, lambda _: None)
        if isinstance(fault, CallFault):
            await fault.around(call)
        self.venue.advance()
        self.link.open()

    async def disconnect(self) -> None:
        """Close the session; working orders stay at the venue."""
        self.link.close()

    async def identity(self) -> AccountIdentity:
        """Which account the session reaches."""
        return await self._call("identity", lambda _: self.venue.identity())

    async def time(self) -> datetime:
        """The venue's clock."""
        return await self._call("time", lambda _: self.venue.time())

    async def get_asset(self, asset: str) -> Asset:
        """The terms of an instrument."""
        return await self._call("get_asset", lambda _: self.venue.terms(asset))

    async def account(self) -> AccountSnapshot:
        """Cash, equity and positions."""
        return await self._call("account", self.venue.snapshot)

    async def open_orders(self) -> Sequence[Order]:
        """Every order that works at the venue."""
        return await self._call("open_orders", self.venue.open_orders)

    async def find_order(self, order_id: str) -> Order | None:
        """An order sent under ``order_id``; None if the venue has none."""
        return await self._call("find_order", lambda lag: self.venue.find_order(order_id, lag))

    async def fills_since(self, instant: datetime) -> Sequence[Fill]:
        """Every execution at or after ``instant``."""
        return await self._call("fills_since", lambda lag: self.venue.fills_since(instant, lag))

    async def submit(self, order_id: str, request: OrderRequest) -> Order:
        """Send one order under the id that the caller chose."""
        held = self.venue.account_truth.held.get(request.asset, 0.0)
        self.venue.watch.sent(request, held)
        return await self._call("submit", lambda _: self.venue.submit(order_id, request))

    async def cancel(self, order_id: str) -> None:
        """Ask the venue to cancel."""
        await self._call("cancel", lambda _: self.venue.cancel(order_id))

    async def cancel_all(self) -> None:
        """Ask the venue to cancel every order of the account."""
        await self._call("cancel_all", lambda _: self.venue.cancel_all())

    async def replace(self, order_id: str, request: OrderRequest) -> Order:
        """Ask the venue to change a working order."""
        return await self._call("replace", lambda _: self.venue.replace(order_id, request))

    async def events(self) -> AsyncIterator[VenueEvent]:
        """What the venue reports, as far as the session lets it through."""
        while True:
            yield await self.link.events.get()

    async def _call(self, name: str, reach: Callable[[float], T]) -> T:
        self.venue.advance()
        call = VenueCall(name, self.link, partial(self._reach, reach))
        fault = self.faults.draw(name)
        if isinstance(fault, CallFault):
            return await fault.around(call)
        return await call.make()

    def _reach(self, reach: Callable[[float], T], lag: float) -> T:
        self.venue.advance()
        if not self.venue.is_key_valid:
            msg = "401: the key is not valid"
            raise VenueRefusedError(msg)
        return reach(lag)

    def _bars_completed(self, _: datetime, __: Mapping[str, Bar]) -> None:
        fault = self.faults.draw("bar")
        if fault is not None:
            self.strike(fault)
        session = self.venue.market.session
        if session is not None and session.label != self._label:
            self._label = session.label
            first = self.faults.draw("session")
            if first is not None:
                self.strike(first)

    def _strike_in_time(self, fault: Fault) -> None:
        self.faults.note(fault)
        self.strike(fault)
