"""A simulated venue that owns the truth about one account."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random

import attrs

from ml4t.core.assets import Asset
from ml4t.core.errors import UnknownAssetError
from ml4t.core.fills import Fill
from ml4t.core.order_requests import OrderRequest
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.positions import AccountSnapshot
from ml4t.core.venue_events import AccountIdentity, AccountRestriction, CashFlow, VenueEvent
from ml4t.live.clock import Clock
from ml4t.live.testing.agenda import Agenda, Alarm
from ml4t.live.testing.chance import branch
from ml4t.live.testing.market import Market, MarketSettings
from ml4t.live.testing.order_desk import OrderDesk, VenueParts, VenueRules
from ml4t.live.testing.true_account import TrueAccount
from ml4t.live.testing.true_orders import Owner, TrueOrder
from ml4t.live.testing.truth_watch import TruthWatch

__all__ = ["FaultyVenue", "TrueEvent"]


@attrs.frozen(kw_only=True)
class TrueEvent:
    """Something that happened at the venue, whether or not anybody was told.

    Attributes:
        at: the true time.
        event: what.
    """

    at: datetime
    event: VenueEvent


class FaultyVenue:
    """Orders, executions, positions and cash as they really are.

    It makes no faults of the connection; it does what venues do to an account: trade in pieces,
    expire, refuse, take back, split, pay, restrict. Others may trade on the account, too. The same
    settings, generator and calls give the same events.

    Between :meth:`open` and :meth:`close` it follows the running loop; without a loop call
    :meth:`advance`.

    Args:
        market: what is traded.
        clock: the true time; monotonic and wall must not jump against each other.
        rng: where chance comes from; nobody else may draw from it.
        cash: the money to start with.
        rules: what it does and charges.

    Attributes:
        agenda, market, account_truth, desk, watch: its parts, for tests that look into the truth.
        history: everything that happened.
        skew: seconds by which the clock that it shows is wrong.
        is_key_valid: whether the program under test may ask anything at all.
    """

    def __init__(
        self,
        market: MarketSettings,
        clock: Clock,
        rng: Random,
        *,
        cash: float = 100_000.0,
        rules: VenueRules | None = None,
    ) -> None:
        self.clock = clock
        self.rules = rules or VenueRules()
        self.assets = market.terms()
        # Sessions may lie before the start, so that there is a history to ask for.
        start = clock.monotonic()
        self.origin = clock.now() - timedelta(seconds=start)
        first = (market.sessions[0].opens - self.origin).total_seconds()
        self.agenda = Agenda(clock, min(first, start))
        self.market = Market(market, self.agenda, self.origin, branch(rng))
        self.account_truth = TrueAccount(cash, self.assets)
        self.watch = TruthWatch()
        parts = VenueParts(
            agenda=self.agenda,
            origin=self.origin,
            market=self.market,
            account=self.account_truth,
            watch=self.watch,
        )
        self.desk = OrderDesk(parts, self.rules, branch(rng), self._happened)
        self.rng = branch(rng)
        self.history: list[TrueEvent] = []
        self.skew = 0.0
        self.is_key_valid = True
        self._listeners: list[Callable[[VenueEvent], None]] = []
        self._alarm = Alarm(self.agenda, clock)
        self._numbers = 0
        self.account_truth.remember(min(first, start))
        self.agenda.run()

    def open(self) -> None:
        """Begin to follow the running loop."""
        self._alarm.start()

    def close(self) -> None:
        """Stop to follow it."""
        self._alarm.stop()

    def advance(self) -> None:
        """Do everything that is due by now."""
        self.agenda.run()

    def listen(self, listener: Callable[[VenueEvent], None]) -> None:
        """Be told of everything that happens, at the moment at which it does."""
        self._listeners.append(listener)

    def instant(self) -> datetime:
        """The true time."""
        return self.desk.instant()

    def digest(self) -> str:
        """A hash of everything that happened, to compare two runs."""
        digest = hashlib.sha256()
        for entry in self.history:
            digest.update(repr(entry).encode())
        return digest.hexdigest()

    # What a program can ask. ``lag``: seconds by which the answer is out of date.

    def time(self) -> datetime:
        """The clock as the venue shows it."""
        return self.instant() + timedelta(seconds=self.skew)

    def identity(self) -> AccountIdentity:
        """Which account this is."""
        return AccountIdentity(account_id=self.rules.account_id, environment=self.rules.environment)

    def terms(self, asset: str) -> Asset:
        """The terms of an instrument; raises UnknownAssetError where it is not listed."""
        try:
            return self.assets[asset]
        except KeyError:
            msg = f"the venue does not list {asset!r}"
            raise UnknownAssetError(msg) from None

    def snapshot(self, lag: float = 0.0) -> AccountSnapshot:
        """Cash, equity and positions."""
        holdings = self.account_truth.as_of(self.agenda.now - lag)
        prices = self.market.prices
        worth = sum(
            position.market_value(prices[asset]) for asset, position in holdings.positions.items()
        )
        return AccountSnapshot(
            timestamp=self.instant() - timedelta(seconds=lag),
            cash=holdings.cash,
            equity=holdings.cash + worth,
            positions=dict(holdings.positions),
        )

    def open_orders(self, lag: float = 0.0) -> list[Order]:
        """Every order that works, whoever placed it."""
        if not lag:
            return [order.latest for order in self.desk.open_orders()]
        moment = self.agenda.now - lag
        states = [order.as_of(moment) for order in self.desk.orders]
        return [state for state in states if state is not None and state.is_open]

    def find_order(self, order_id: str, lag: float = 0.0) -> Order | None:
        """The latest order under a reference, working or ended."""
        for order in reversed(self.desk.named(order_id)):
            state = order.as_of(self.agenda.now - lag)
            if state is not None:
                return state
        return None

    def fills_since(self, instant: datetime, lag: float = 0.0) -> list[Fill]:
        """Every execution at or after ``instant`` that was not taken back."""
        latest = self.instant() - timedelta(seconds=lag)
        fills = self.account_truth.fills
        found: list[Fill] = []
        # The newest stand at the end; a corrected one has the time of the trade that it corrects.
        for fill in reversed(fills.values()):
            if fill.timestamp < instant - timedelta(hours=1):
                break
            if instant <= fill.timestamp <= latest:
                found.append(fill)
        found.reverse()
        return found

    # What a program can do.

    def submit(self, order_id: str, request: OrderRequest, owner: Owner = Owner.ENGINE) -> Order:
        """Take an order or refuse it."""
        return self.desk.submit(order_id, request, owner)

    def cancel(self, order_id: str) -> None:
        """Take an order out soon."""
        for order in self.desk.named(order_id):
            if order.is_working:
                self.desk.cancel(order)

    def cancel_all(self) -> None:
        """Take every order out soon, whoever placed it."""
        for order in self.desk.open_orders():
            self.desk.cancel(order)

    def replace(self, order_id: str, request: OrderRequest) -> Order:
        """Change a working order, or give it as it is with the reason why not."""
        orders = self.desk.named(order_id)
        if not orders:
            return Order.submitted(order_id, request, self.instant(), "the venue has no such order")
        return self.desk.replace(orders[-1], request)

    # What happens to an account besides.

    def place_foreign_order(self, request: OrderRequest) -> Order:
        """Another program on the account sends an order."""
        return self.submit(self._name("other"), request, Owner.OTHER)

    def trade_by_hand(self, asset: str, signed_quantity: float) -> Order:
        """A person trades at the market."""
        return self.submit(self._name("hand"), OrderRequest.of(asset, signed_quantity), Owner.HAND)

    def liquidate(self, asset: str) -> None:
        """The venue closes a position of its own accord."""
        held = self.account_truth.held.get(asset, 0.0)
        if held:
            self.submit(self._name("liquidation"), OrderRequest.of(asset, -held), Owner.VENUE)

    def pay(self, amount: float, reason: str) -> None:
        """Money comes, or goes where it is negative, without a trade."""
        flow = CashFlow(
            id=self._name("flow"), amount=amount, reason=reason, timestamp=self.instant()
        )
        self.account_truth.pay(flow)
        self.account_truth.remember(self.agenda.now)
        self._happened(flow)

    def split(self, asset: str, ratio: float) -> None:
        """Each unit becomes ``ratio`` units at a price that is as much lower; orders are ended."""
        for order in self.desk.open_orders():
            if order.request.asset == asset:
                self.desk.end(order, OrderStatus.CANCELLED, "the asset was split")
        held = self.account_truth.held.get(asset, 0.0)
        self.account_truth.split(asset, ratio)
        self.account_truth.remember(self.agenda.now)
        self.market.move(asset, 1 / ratio)
        self.watch.outside(asset, held * (ratio - 1), self.agenda.now)

    def restrict(self, reason: str) -> None:
        """Take no order of the program any more."""
        self.desk.restriction = reason
        self._happened(AccountRestriction(reason=reason))

    def lift_restriction(self) -> None:
        """Take orders again."""
        self.desk.restriction = ""

    def bust(self, fill_id: str, correction: float | None = None) -> None:
        """Take an execution back; with a correction it comes again at another price."""
        order_id = self.account_truth.fills[fill_id].order_id
        self.desk.bust(self._owner_of(fill_id, order_id), fill_id, correction)

    def _owner_of(self, fill_id: str, order_id: str) -> TrueOrder:
        orders: Sequence[TrueOrder] = self.desk.named(order_id)
        if len(orders) == 1:
            return orders[0]
        fill = self.account_truth.fills[fill_id]
        return next(order for order in orders if order.filled >= fill.quantity)

    def _name(self, kind: str) -> str:
        self._numbers += 1
        return f"{kind}-{self._numbers}"

    def _happened(self, event: VenueEvent) -> None:
        self.history.append(TrueEvent(at=self.instant(), event=event))
        for listener in self._listeners:
            listener(event)
