"""The facts that the rules look at, kept up to date one change at a time."""

import math
from collections.abc import Iterator

from ml4t.core.assets import Asset
from ml4t.core.order_requests import OrderRequest, OrderSide
from ml4t.core.orders import Order, OrderStatus
from ml4t.core.positions import DUST
from ml4t.core.risk.account_facts import AccountFacts
from ml4t.core.risk.activity import Activity
from ml4t.core.risk.asset_facts import AssetFacts, OpenOrder, terms_factor, worst_price
from ml4t.core.risk.config import LiveRiskConfig
from ml4t.core.risk.facts import Moment, Quote, WorstCase
from ml4t.core.risk.states import TradingState
from ml4t.core.risk.totals import Share, Totals

__all__ = ["RiskBook"]

_TAKEN = frozenset({OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED})


class RiskBook:
    """Positions, open orders, prices and counts of one account.

    This is the only thing in ``ml4t.core.risk`` that changes. A change costs as much as its asset
    has open orders, whatever the other assets have. Times are monotonic seconds.

    Args:
        config: the limits.

    Attributes:
        config: the limits.
        state: how much trading is allowed; the runtime sets it.
        account: cash, equity and what losses are measured from.
        activity: what was sent, filled and refused lately.
        totals: sums over all assets.

    >>> book = RiskBook(LiveRiskConfig())
    >>> book.set_position("SPY", 10.0)
    >>> book.worst_case("SPY")
    WorstCase(long=10.0, short=10.0)
    """

    def __init__(self, config: LiveRiskConfig) -> None:
        self.config = config
        self.state = TradingState.ACTIVE
        self.account = AccountFacts()
        self.activity = Activity(config)
        self.totals = Totals()
        self._assets: dict[str, AssetFacts] = {}
        self._active: set[str] = set()
        self._rates: dict[str, float] = {config.currency: 1.0}
        self._working = 0
        self._unknown = 0
        self._latest = -math.inf

    # What changes the facts.

    def set_asset(self, asset: Asset) -> None:
        """The venue has given the terms of an asset."""
        facts = self._facts(asset.symbol)
        facts.terms = asset
        facts.factor = terms_factor(asset, self._rates)
        self._settle(facts)

    def set_rate(self, currency: str, rate: float) -> None:
        """What a unit of a currency is worth in the account's; NaN where it is not known."""
        self._rates[currency] = rate
        for facts in self._assets.values():
            if facts.terms is not None and facts.terms.currency == currency:
                facts.factor = terms_factor(facts.terms, self._rates)
                self._settle(facts)

    def set_position(self, asset: str, quantity: float, *, at: float | None = None) -> None:
        """A position as it is now, with sign; ``at`` is when it became so."""
        facts = self._facts(asset)
        if facts.quantity and quantity * facts.quantity <= 0:
            self.activity.round_trips.add(self._time(at))
        facts.move(quantity)
        self._settle(facts)

    def set_order(
        self,
        order: Order,
        *,
        is_foreign: bool = False,
        replacing: OrderRequest | None = None,
    ) -> None:
        """An order as it is now; what may still fill counts against the limits.

        Args:
            order: the order; one that has ended releases what it held.
            is_foreign: whether another program sent it.
            replacing: what it was asked to become, until the venue has answered; both count.
        """
        facts = self._facts(order.asset)
        self._working -= len(facts.orders)
        self._unknown -= facts.unknown_count
        facts.put(OpenOrder(order, is_foreign, replacing))
        self._working += len(facts.orders)
        self._unknown += facts.unknown_count
        if order.status in _TAKEN and not is_foreign:
            self.activity.rejects = 0
        self._settle(facts)

    def set_quote(self, asset: str, quote: Quote) -> None:
        """The latest prices of an asset."""
        facts = self._facts(asset)
        facts.quote = quote
        if facts.is_active:
            self._settle(facts)

    def set_account(
        self, cash: float, equity: float, at: float, *, buying_power: float | None = None
    ) -> None:
        """Cash and equity as the venue reports them; without a buying power the cash is it.

        The first equity is what drawdown is measured from unless :meth:`set_high_water` was called,
        and what the daily loss is measured from until :meth:`start_session`.
        """
        self.account.update(cash, equity, at, buying_power)

    def start_session(self, equity: float | None = None) -> None:
        """A session begins at an equity, by default the latest known one."""
        self.account.session_start = self.account.equity if equity is None else equity

    def set_high_water(self, equity: float) -> None:
        """The highest equity of earlier runs, from the journal."""
        self.account.high_water = equity

    def note_flow(self, amount: float, *, is_counted: bool = True) -> None:
        """Money came (positive) or went from outside, which is neither profit nor loss.

        Args:
            amount: how much, negative where it went.
            is_counted: whether the latest equity contains it already.
        """
        self.account.flow(amount)
        if not is_counted:
            self.account.change(amount)

    def note_sent(self, request: OrderRequest, at: float, *, is_replacement: bool = False) -> None:
        """A new or changed order is about to leave; call it before that and before ``set_order``.

        It counts as a message, too. What was refused by a rule must not be noted.
        """
        self._latest = max(self._latest, at)
        activity = self.activity
        activity.orders.take(at)
        activity.messages.take(at)
        if is_replacement:
            return
        activity.sent(request, at)
        if not self.reduces(request):
            value = self.value_of(request)
            activity.value.add(math.inf if value is None else value, at)

    def note_message(self, at: float) -> None:
        """A cancel is about to leave."""
        self._latest = max(self._latest, at)
        self.activity.messages.take(at)

    def note_fill(self, asset: str, side: OrderSide, at: float, *, value: float = 0.0) -> None:
        """An order filled; ``value`` is the money that the fill took from the cash."""
        self._latest = max(self._latest, at)
        self.activity.filled(asset, side)
        self.activity.rejects = 0
        self.account.spent += value

    def note_reject(self, at: float) -> None:
        """The venue refused an order."""
        self._latest = max(self._latest, at)
        self.activity.rejects += 1

    def rearm(self) -> None:
        """A person has looked: count repeats, refusals and round trips anew."""
        self.activity.rearm()

    def quarantine(self, asset: str, reason: str) -> None:
        """The data of an asset is not believed: only exits until :meth:`release`."""
        self._facts(asset).quarantine = reason

    def release(self, asset: str) -> None:
        """The data of an asset is believed again."""
        self._facts(asset).quarantine = ""

    def restrict(self, asset: str, reason: str, *, hard: bool = False) -> None:
        """Only exits from now on, or not even those; an empty reason lifts it."""
        facts = self._facts(asset)
        facts.restriction, facts.is_hard = reason, hard

    def halt(self, asset: str, reason: str) -> None:
        """The market has halted the asset: nothing is sent; an empty reason lifts it."""
        self._facts(asset).halt = reason

    def set_shortable(self, asset: str, *, is_shortable: bool | None) -> None:
        """Whether the venue lends the asset; None where it does not say."""
        self._facts(asset).is_shortable = is_shortable

    # What the facts say.

    def facts(self, asset: str) -> AssetFacts | None:
        """What is known about an asset; None if nothing is. Not to be changed from outside."""
        return self._assets.get(asset)

    def __iter__(self) -> Iterator[AssetFacts]:
        return iter(self._assets.values())

    def worst_case(self, asset: str) -> WorstCase:
        """How far the position of an asset can go by the orders that are open."""
        facts = self._assets.get(asset)
        if facts is None:
            return WorstCase(0.0, 0.0)
        pending = facts.pending
        return WorstCase(facts.quantity + pending.buys, facts.quantity - pending.sells)

    @property
    def working_orders(self) -> int:
        """How many orders are open, those of other programs and those of unknown fate too."""
        return self._working

    @property
    def unknown_orders(self) -> int:
        """How many own orders are open of which nobody can say what became of them."""
        return self._unknown

    @property
    def active_assets(self) -> int:
        """How many assets are held or have an open order."""
        return len(self._active)

    def reduces(self, request: OrderRequest, replaced: str | None = None) -> bool:
        """Whether an order, filled in full with all others of its side, makes a position smaller.

        Args:
            request: the order.
            replaced: the id of the order that it takes the place of.
        """
        facts = self._assets.get(request.asset)
        if facts is None or not facts.quantity or not request.quantity > 0:
            return False
        pending = facts.pending if replaced is None else facts.pending_without(replaced)
        if request.side is OrderSide.SELL:
            return facts.quantity > 0 and _fits(pending.sells + request.quantity, facts.quantity)
        return facts.quantity < 0 and _fits(pending.buys + request.quantity, -facts.quantity)

    def value_of(self, request: OrderRequest) -> float | None:
        """Money of an order at the worst price it may fill at; None where it cannot be said."""
        facts = self._assets.get(request.asset)
        if facts is None or facts.factor is None:
            return None
        price = worst_price(request, facts.mark, self.config.market_buffer)
        return None if price is None else request.quantity * price * facts.factor

    def closing_quantity(self, asset: str) -> float:
        """What is left to close of a position, with the sign of the order that would.

        Open orders that already reduce it count, so that closing twice never reverses.
        """
        facts = self._assets.get(asset)
        if facts is None:
            return 0.0
        if facts.quantity > 0:
            return -max(facts.quantity - facts.pending.sells, 0.0)
        return max(-facts.quantity - facts.pending.buys, 0.0)

    def stale_assets(self, moment: Moment) -> tuple[str, ...]:
        """The assets with known terms whose last price is missing or too old at a moment."""
        limit = self.config.staleness_seconds
        return tuple(
            facts.symbol
            for facts in self._assets.values()
            if facts.terms is not None and facts.reference(moment, limit) is None
        )

    @property
    def watched_assets(self) -> int:
        """How many assets have known terms."""
        return sum(facts.terms is not None for facts in self._assets.values())

    def _time(self, at: float | None) -> float:
        return self._latest if at is None else at

    def _facts(self, asset: str) -> AssetFacts:
        facts = self._assets.get(asset)
        if facts is None:
            facts = self._assets[asset] = AssetFacts(asset)
        return facts

    def _settle(self, facts: AssetFacts) -> None:
        """Bring the sums up to date with one asset."""
        symbol, totals = facts.symbol, self.totals
        totals.unvalued.discard(symbol)
        totals.unreserved.discard(symbol)
        if not facts.is_active:
            self._active.discard(symbol)
            totals.put(symbol, None)
            return
        self._active.add(symbol)
        mark, pending = facts.mark, facts.pending
        point = math.nan if mark is None or facts.factor is None else mark * facts.factor
        high = (facts.quantity + pending.buys) * point
        low = (facts.quantity - pending.sells) * point
        reserved = facts.reservation(self.config.market_buffer)
        if not math.isfinite(high - low):
            totals.unvalued.add(symbol)
            high = low = 0.0
        if reserved is None or not math.isfinite(reserved):
            totals.unreserved.add(symbol)
            reserved = 0.0
        totals.put(symbol, Share(max(abs(high), abs(low)), high, low, reserved))


def _fits(orders: float, held: float) -> bool:
    """Whether orders sell no more than is held, but for rounding."""
    return orders <= held * (1 + DUST)
