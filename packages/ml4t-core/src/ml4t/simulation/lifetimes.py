"""How long orders work, and which auctions a bar holds."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from ml4t.core.calendar import TradingCalendar
from ml4t.core.order_requests import TimeInForce
from ml4t.core.orders import Order
from ml4t.core.panel import MarketSlice
from ml4t.simulation.auctions import AUCTION_TYPES, Auctions, is_for_auction
from ml4t.simulation.order_book import OrderBook

__all__ = ["AT_ONCE", "NO_AUCTION", "Lifetimes"]

AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
"""Times in force of orders that fill in the first moment of a bar or not at all."""


class Lifetimes:
    """Which orders of a book are over, by session and instant.

    Args:
        book: the orders.
        calendar: the sessions of the venue; None where each date of the bars' own timestamps is
            one.

    Attributes:
        first_sessions: the first session of each order for the day that a bar has met, by id.
        deadlines: the last instant of each order that has one, by id.
        fresh: the orders for the day that no bar has met.
        special: the orders that have one chance to fill, by id.
        daily: whether each session has one bar, which then opens and closes it. Without a calendar
            nobody else can say which bar is the last of a session.
    """

    __slots__ = ("_book", "_calendar", "daily", "deadlines", "first_sessions", "fresh", "special")

    def __init__(self, book: OrderBook, calendar: TradingCalendar | None) -> None:
        self._book = book
        self._calendar = calendar
        self.fresh: list[Order] = []
        self.first_sessions: dict[str, date] = {}
        self.deadlines: dict[str, datetime] = {}
        self.special: dict[str, Order] = {}
        self.daily = False

    @property
    def book(self) -> OrderBook:
        """The orders."""
        return self._book

    @property
    def knows_auctions(self) -> bool:
        """Whether it can be said which bars open and close a session."""
        return self.daily or self._calendar is not None

    def until_close(self, now: datetime) -> timedelta | None:
        """How long the session that goes on at ``now`` still goes; None outside of all known."""
        session = None if self._calendar is None else self._calendar.session_of(now)
        return None if session is None or now >= session.closes else session.closes - now

    def session(self, now: datetime) -> date:
        """The session that the bars complete at ``now`` belong to."""
        if self._calendar is not None:
            session = self._calendar.session_of(now)
            if session is not None:
                return session.label
        return now.date()

    def auctions(self, bars: MarketSlice, now: datetime) -> Auctions:
        """Which auctions the bars complete at ``now`` hold."""
        if self._calendar is None:
            return Auctions(opens=self.daily, closes=self.daily)
        session = self._calendar.session_of(now)
        if session is None:
            return NO_AUCTION
        previous = bars.previous_timestamp
        opens = previous is None or self.session(previous) != session.label
        return Auctions(opens=opens, closes=now >= session.closes)

    def begins(self, order: Order) -> None:
        """The order works from now on."""
        time_in_force = order.request.time_in_force
        if time_in_force is TimeInForce.DAY and order.request.order_type not in AUCTION_TYPES:
            self.fresh.append(order)
        elif time_in_force in AT_ONCE or is_for_auction(order.request):
            self.special[order.id] = order
        if time_in_force is TimeInForce.GTD:
            assert order.request.good_till is not None  # noqa: S101 - a request cannot be without
            self.deadlines[order.id] = order.request.good_till

    def ended(self, now: datetime) -> Sequence[Order]:
        """The orders that were over before the bars complete at ``now`` began to trade."""
        over: list[str] = []
        if self.first_sessions:
            session = self.session(now)
            over += [i for i, first in self.first_sessions.items() if session > first]
        if self.deadlines:
            over += [i for i, until in self.deadlines.items() if now > until]
        return [self._book[order_id] for order_id in sorted(over, key=int)]

    def after_bar(self, bars: MarketSlice, now: datetime, auctions: Auctions) -> Sequence[Order]:
        """Take note of which orders still work after the bars complete at ``now``.

        Returns:
            Those whose only chance these bars were.
        """
        if self.fresh:
            working = self._book.working
            if working:
                session = self.session(now)
                for order in self.fresh:
                    if order.id in working:
                        self.first_sessions[order.id] = session
            self.fresh.clear()
        if not self.special:
            return _NOBODY
        return [
            self._book[order.id]
            for order in self.special.values()
            if order.asset in bars and _is_done(order, auctions) and not _woke(order, now)
        ]

    def forget(self, order_id: str) -> None:
        """The order has ended."""
        # Written out, since every order passes here.
        if self.first_sessions:
            self.first_sessions.pop(order_id, None)
        if self.deadlines:
            self.deadlines.pop(order_id, None)
        if self.special:
            self.special.pop(order_id, None)


_NOBODY: Sequence[Order] = ()
NO_AUCTION = Auctions(opens=False, closes=False)


def _woke(order: Order, now: datetime) -> bool:
    """Whether the order is a child that came too late for what the bars began with."""
    return order.parent is not None and order.updated_at == now


def _is_done(order: Order, auctions: Auctions) -> bool:
    auction = auctions.of(order.request)
    return auction is None or auctions.holds(auction)
