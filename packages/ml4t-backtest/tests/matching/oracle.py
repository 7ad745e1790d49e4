"""A second, slow implementation of the simulated venue, written from its rules.

It walks each bar price by price: from the open tick by tick, and over every price between two ticks
at which an order waits, to one extreme, to the other and to the close. At each price it asks the
orders one after the other, by number, whether they want to trade there, and starts again from the
first whenever something happened. It knows no costs and an account that allows everything.
All numbers are exact.
"""

import copy
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ml4t.core import OrderType as Kind
from ml4t.core import TimeInForce as Life

from .programs import (
    PER_SESSION,
    Action,
    Bar,
    Bracket,
    Cancel,
    Close,
    OneCancelsOther,
    OneTriggersOther,
    Replace,
    Scenario,
    Submit,
    Ticket,
)

AT_ONCE = Life.IOC, Life.FOK
WITH_TRIGGER = (
    Kind.STOP,
    Kind.TRAILING_STOP,
    Kind.MARKET_IF_TOUCHED,
    Kind.STOP_LIMIT,
    Kind.LIMIT_IF_TOUCHED,
)
LIMITED = Kind.LIMIT, Kind.STOP_LIMIT, Kind.LIMIT_IF_TOUCHED


class Rules(NamedTuple):
    """What is assumed. ``path``: worst, best, high_first, low_first, adaptive, in_turn or close.

    ``market``: open, close or same_close; ``trailing``: path, close or extreme; ``share``: of the
    volume, None for any quantity; ``delay``: bars of its asset that an order lets pass.
    """

    path: str = "worst"
    market: str = "open"
    trailing: str = "path"
    entry_bar: bool = True
    share: Fraction | None = None
    delay: int = 0
    per_session: int = PER_SESSION


class Traded(NamedTuple):
    """One fill, the price in ticks."""

    row: int
    order: int
    change: int
    price: Fraction


Ticks = Fraction | int
State = dict[str, Any]


class Venue:
    """The orders as dictionaries, and what happens to them in one row after the other."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.row = 0
        self.orders: dict[int, State] = {}
        self.held: dict[int, int] = {}
        self.fills: list[Traded] = []
        self.marks: dict[int, int] = {}
        # Of the row: what volume allows yet, and what happened in the bar that is walked.
        self.left: dict[int, float | Fraction] = {}
        self.part = ""
        self.woken: dict[int, str] = {}
        self.done_in_bar: set[int] = set()

    # What the strategy asks for.

    def submit(self, asset: int, ticket: Ticket, parent: int = 0, group: str = "") -> int:
        number = len(self.orders) + 1
        order = {
            "number": number,
            "asset": asset,
            "ticket": ticket,
            "kind": ticket.kind,
            "buy": ticket.buy,
            "life": ticket.time_in_force,
            "limit": ticket.limit,
            "stop": ticket.stop,
            "quantity": ticket.quantity,
            "reduce_only": ticket.reduce_only,
            "filled": 0,
            "status": "held" if parent else "working",
            "triggered": False,
            "trail": None,
            "parent": parent,
            "group": group,
            "until": self.row + ticket.rows,
            "session": None,
            "waits": 0 if parent else self.rules.delay,
        }
        self.orders[number] = order
        if ticket.kind is Kind.TRAILING_STOP and not parent:
            self.trail(order, self.marks[asset])
        return number

    def submit_group(self, asset: int, tickets: Sequence[Ticket], parent: int = 0) -> None:
        name = f"group {len(self.orders)}"
        for ticket in tickets:
            self.submit(asset, ticket, parent, name)

    def act(self, action: Action) -> None:
        count = len(self.orders)
        match action:
            case Submit():
                self.submit(action.asset, action.ticket)
            case Bracket() | OneTriggersOther():
                parent = self.submit(action.asset, action.parent)
                quantity = action.parent.quantity
                children = [ticket._replace(quantity=quantity) for ticket in action.children]
                self.submit_group(action.asset, children, parent)
            case OneCancelsOther():
                self.submit_group(action.asset, action.tickets)
            case Cancel() if count:
                self.end(self.orders[action.which % count + 1], "cancelled")
            case Replace() if count:
                self.replace(self.orders[action.which % count + 1], action)
            case Close():
                self.close(action.asset)

    def replace(self, order: State, change: Replace) -> None:
        quantity = change.quantity or order["quantity"]
        if order["status"] not in {"held", "working"} or quantity <= order["filled"]:
            return
        if order["group"] and quantity != order["quantity"]:
            return
        if order["life"] is Life.GTD and order["until"] <= self.row:
            return
        order["quantity"] = quantity
        if order["ticket"].has_limit:
            order["limit"] = change.limit
        if order["ticket"].has_stop:
            order["stop"] = change.stop
            order["triggered"] = False

    def close(self, asset: int) -> None:
        held = left = self.held.get(asset, 0)
        for order in self.orders.values():
            if order["asset"] == asset and order["status"] == "working":
                reduces = order["buy"] == (held < 0)
                if order["kind"] is Kind.MARKET and reduces:
                    rest = order["quantity"] - order["filled"]
                    left += rest if order["buy"] else -rest
        if held * left > 0:
            ticket = Ticket(left < 0, abs(left), time_in_force=Life.DAY, reduce_only=True)
            self.submit(asset, ticket)

    # What orders do to each other.

    def end(self, order: State, status: str) -> None:
        """End an order that has not filled, and those that cannot be without it."""
        if order["status"] not in {"held", "working"}:
            return
        order["status"] = status
        for other in self.orders.values():
            if other["parent"] == order["number"] and not order["filled"]:
                self.end(other, "cancelled")
            if order["group"] and other["group"] == order["group"]:
                self.end(other, "cancelled")
        self.end_parent(order)

    def end_parent(self, order: State) -> None:
        """Without this exit the parent must not open more."""
        if order["parent"]:
            self.end(self.orders[order["parent"]], "cancelled")

    def after_fill(self, order: State, price: Ticks) -> None:
        for child in self.orders.values():
            if child["parent"] == order["number"] and child["status"] in {"held", "working"}:
                self.size(child)
                if child["status"] == "held":
                    child["status"] = "working"
                    self.woken[child["number"]] = self.part
                    if child["kind"] is Kind.TRAILING_STOP:
                        self.trail(child, price)
        for sibling in self.orders.values():
            same = order["group"] and sibling["group"] == order["group"]
            if same and sibling is not order and sibling["status"] in {"held", "working"}:
                self.size(sibling)
                if sibling["quantity"] <= sibling["filled"]:
                    self.end(sibling, "cancelled")

    def size(self, order: State) -> None:
        """A member of a group may fill what the group may fill less what others of it have."""
        parent = order["parent"]
        group = [other for other in self.orders.values() if other["group"] == order["group"]]
        whole = self.orders[parent]["filled"] if parent else order["ticket"].quantity
        if not parent:
            # An order of the same quantity for all: as the first was sent.
            whole = group[0]["ticket"].quantity
        others = sum(other["filled"] for other in group if other is not order)
        order["quantity"] = whole - others

    def trail(self, order: State, price: Ticks) -> None:
        ticket = order["ticket"]
        distance = Fraction(ticket.trail)
        if ticket.in_percent:
            distance = price * distance / 100
        stop = price + distance if order["buy"] else price - distance
        before = order["trail"]
        nearer = min if order["buy"] else max
        order["trail"] = stop if before is None else nearer(before, stop)

    def fill(self, order: State, price: Ticks) -> None:
        """Trade at ``price`` what position and volume allow."""
        asset, sign = order["asset"], 1 if order["buy"] else -1
        held = self.held.get(asset, 0)
        wanted = order["quantity"] - order["filled"]
        reducible = min(wanted, max(-held * sign, 0)) if order["reduce_only"] else wanted
        if not reducible:
            self.end(order, "cancelled")
            return
        quantity = int(min(reducible, self.left[asset]))
        quantity = 0 if order["life"] is Life.FOK and quantity < reducible else quantity
        order["triggered"] = order["triggered"] or order["kind"] in WITH_TRIGGER
        if not quantity:
            self.done_in_bar.add(order["number"])
            return
        self.left[asset] -= quantity
        order["filled"] += quantity
        self.fills.append(Traded(self.row, order["number"], sign * quantity, Fraction(price)))
        after = self.held[asset] = held + sign * quantity
        if order["filled"] == order["quantity"]:
            order["status"] = "filled"
            self.end_parent(order)
        else:
            self.done_in_bar.add(order["number"])
        self.after_fill(order, price)
        if reducible < wanted and quantity == reducible:
            self.end(order, "cancelled")
        if held and held * after <= 0:
            self.end_exits(asset, held)
            if not after:
                self.end_exits(asset, -held)

    def end_exits(self, asset: int, held: int) -> None:
        """End what could only have reduced a position that is gone."""
        for other in self.orders.values():
            closes = other["buy"] == (held < 0) and other["asset"] == asset
            if closes and other["reduce_only"] and other["status"] == "working":
                self.end(other, "cancelled")

    # What a bar does.

    def opens(self) -> bool:
        return self.row % self.rules.per_session == 0

    def closes(self) -> bool:
        return self.row % self.rules.per_session == self.rules.per_session - 1

    def auction(self, order: State) -> str:
        if order["kind"] is Kind.MARKET_ON_OPEN or order["life"] is Life.OPG:
            return "open"
        if order["kind"] is Kind.MARKET_ON_CLOSE or order["life"] is Life.CLS:
            return "close"
        return ""

    def wants(self, order: State, price: Ticks, part: str) -> bool:
        """Whether the order trades at ``price``; notes it where its trigger is touched."""
        buy, kind = order["buy"], order["kind"]
        good = price <= order["limit"] if buy else price >= order["limit"]
        auction = self.auction(order)
        if auction:
            held = self.opens() if auction == "open" else self.closes()
            missed = self.woken.get(order["number"]) == part
            return held and part == auction and not missed and (kind is not Kind.LIMIT or good)
        if kind is Kind.MARKET:
            if order["number"] in self.woken and self.rules.market == "open":
                return True
            return part == ("open" if self.rules.market == "open" else "close")
        if order["life"] in AT_ONCE and part != "open":
            return False
        if kind is Kind.LIMIT:
            return bool(good)
        if not order["triggered"]:
            stop = order["trail"] if kind is Kind.TRAILING_STOP else order["stop"]
            up = buy if kind not in (Kind.MARKET_IF_TOUCHED, Kind.LIMIT_IF_TOUCHED) else not buy
            order["triggered"] = price >= stop if up else price <= stop
        return order["triggered"] and (good or kind not in LIMITED)

    def takes_part(self, order: State, asset: int) -> bool:
        return (
            order["asset"] == asset
            and order["status"] == "working"
            and not order["waits"]
            and order["number"] not in self.done_in_bar
            and (self.rules.entry_bar or order["number"] not in self.woken)
        )

    def ask_all(self, asset: int, price: Ticks, part: str) -> None:
        self.part = part
        asked = True
        while asked:
            asked = False
            for order in list(self.orders.values()):
                if self.takes_part(order, asset) and self.wants(order, price, part):
                    self.fill(order, price)
                    asked = True
                    break

    def follow(self, asset: int, price: Ticks) -> None:
        for order in self.orders.values():
            trails = order["kind"] is Kind.TRAILING_STOP and not order["triggered"]
            if trails and self.takes_part(order, asset):
                self.trail(order, price)

    def walk(self, asset: int, bar: Bar, *, high_first: bool) -> None:
        """Go one way through the bar."""
        here: Ticks = bar.open
        extremes = [bar.high, bar.low] if high_first else [bar.low, bar.high]
        self.ask_all(asset, here, "open")
        if self.rules.trailing == "path":
            self.follow(asset, here)
        for there in [*extremes, bar.close]:
            while here != there:
                here = self.next_price(asset, here, there)
                self.ask_all(asset, here, "between")
                if self.rules.trailing == "path":
                    self.follow(asset, here)
        self.ask_all(asset, here, "close")

    def next_price(self, asset: int, here: Ticks, there: Ticks) -> Ticks:
        """The next tick on the way, or the stop of a trailing order that lies before it."""
        rises = there > here
        tick = math.floor(here) + 1 if rises else math.ceil(here) - 1
        prices = [tick, there]
        prices += [o["trail"] for o in self.orders.values() if o["trail"] and o["asset"] == asset]
        ahead = [p for p in prices if (here < p <= there if rises else there <= p < here)]
        return min(ahead) if rises else max(ahead)

    def gain(self, bar: Bar, since: int) -> Fraction:
        return sum((f.change * (bar.close - f.price) for f in self.fills[since:]), Fraction(0))

    def walked(self, asset: int, bar: Bar) -> "Venue":
        """This venue after the bar, on the way that the rules choose."""
        high, low = (copy.deepcopy(self) for _ in range(2))
        high.walk(asset, bar, high_first=True)
        low.walk(asset, bar, high_first=False)
        gains = [venue.gain(bar, len(self.fills)) for venue in (high, low)]
        first = {
            "worst": gains[0] < gains[1],
            "best": gains[0] > gains[1],
            "high_first": True,
            "low_first": False,
            "adaptive": bar.high - bar.open < bar.open - bar.low,
        }
        return high if first[self.rules.path] else low

    def in_turn(self, asset: int, bar: Bar) -> None:
        """Let each order meet the whole bar by itself."""
        if self.rules.path == "close":
            bar = Bar(bar.close, bar.close, bar.close, bar.close, bar.volume)
        for order in list(self.orders.values()):
            if order["number"] not in self.woken:
                self.meet_alone(order, asset, bar)
        # Those that have woken meet it too, without the auctions that they were too late for.
        for number in sorted(self.woken):
            if not self.auction(self.orders[number]):
                self.meet_alone(self.orders[number], asset, bar)

    def meet_alone(self, order: State, asset: int, bar: Bar) -> None:
        if self.takes_part(order, asset):
            price = self.alone(order, bar)
            if price is not None:
                self.fill(order, price)

    def alone(self, order: State, bar: Bar) -> Ticks | None:
        """Where the order trades if nothing is known of the bar but its four prices."""
        if self.auction(order) or order["kind"] is Kind.MARKET:
            prices = {"open": bar.open, "close": bar.close}
            met = [price for part, price in prices.items() if self.wants(order, price, part)]
            return met[0] if met else None
        before = order["triggered"]
        if self.wants(order, bar.open, "open"):
            return bar.open
        if order["life"] in AT_ONCE:
            return None
        kind, limit = order["kind"], order["limit"]
        if kind is Kind.LIMIT or (kind in LIMITED and order["triggered"]):
            reached = bar.low <= limit if order["buy"] else bar.high >= limit
            return limit if reached else None
        assert not before
        return self.after_trigger(order, bar)

    def after_trigger(self, order: State, bar: Bar) -> Ticks | None:
        """Where an order with a trigger trades that the open is not through."""
        kind: Kind = order["kind"]
        limit: Ticks = order["limit"]
        stop: Ticks = order["trail"] if kind is Kind.TRAILING_STOP else order["stop"]
        if bar.low <= stop <= bar.high and self.wants(order, stop, "between"):
            return stop
        back = bar.close <= limit if order["buy"] else bar.close >= limit
        return limit if order["triggered"] and back else None

    def begin(self, row: int, bars: Sequence[Bar | None]) -> None:
        """Start a row: what all orders of an asset may fill in it together."""
        share = self.rules.share
        self.row = row
        self.left = {
            asset: math.inf if share is None else bar.volume * share
            for asset, bar in enumerate(bars)
            if bar is not None
        }

    def meet(self, bars: Sequence[Bar | None]) -> None:
        """Everything that a row does before the strategy acts."""
        for order in list(self.orders.values()):
            over = order["life"] is Life.GTD and self.row > order["until"]
            session = self.row // self.rules.per_session
            day = order["life"] is Life.DAY and not self.auction(order)
            over |= day and order["session"] is not None and session > order["session"]
            if over and order["status"] == "working":
                self.end(order, "expired")
        for asset, bar in enumerate(bars):
            if bar is not None:
                self.meet_bar(asset, bar)
        for order in self.orders.values():
            if order["status"] == "working" and order["session"] is None:
                order["session"] = self.row // self.rules.per_session

    def meet_bar(self, asset: int, bar: Bar) -> None:
        late = set()
        for order in self.orders.values():
            if order["asset"] == asset and order["status"] == "working" and order["waits"]:
                late.add(order["number"])
        before = {n for n, o in self.orders.items() if o["status"] == "working"} - late
        self.woken, self.done_in_bar = {}, set()
        is_idle = self.rules.share is not None and not bar.volume
        if is_idle:
            # Where nothing was traded nothing fills and nothing is touched.
            pass
        elif self.rules.path in {"in_turn", "close"}:
            self.in_turn(asset, bar)
        else:
            vars(self).update(vars(self.walked(asset, bar)))
        for order in self.orders.values():
            number = order["number"]
            if order["asset"] != asset or order["status"] != "working":
                continue
            if number in late:
                order["waits"] -= 1
            self.after_bar(order, bar, is_old=number in before, is_idle=is_idle)

    def after_bar(self, order: State, bar: Bar, *, is_old: bool, is_idle: bool) -> None:
        """What the end of a bar does to an order that still works."""
        done = order["life"] in AT_ONCE and not self.auction(order)
        done |= self.auction(order) == "open" and self.opens()
        done |= self.auction(order) == "close" and self.closes()
        if done and is_old:
            self.end(order, "cancelled")
        if order["kind"] is Kind.TRAILING_STOP and not order["triggered"]:
            walked = self.rules.path not in {"in_turn", "close"}
            along = walked and self.rules.trailing == "path"
            if along and (self.rules.entry_bar or is_old) and not is_idle:
                return
            shown = Bar(*(bar.close,) * 4) if self.rules.path == "close" else bar
            best = shown.low if order["buy"] else shown.high
            knows = order["number"] not in self.woken and self.rules.trailing != "close"
            self.trail(order, best if knows else bar.close)

    def same_close(self, bars: Sequence[Bar | None]) -> None:
        """Trade at the close that the strategy has seen."""
        for order in list(self.orders.values()):
            bar = bars[order["asset"]]
            at_market = order["kind"] is Kind.MARKET and not self.auction(order)
            if bar and at_market and order["status"] == "working":
                self.done_in_bar, self.woken = set(), {}
                self.fill(order, bar.close)
                if order["life"] in AT_ONCE:
                    self.end(order, "cancelled")


def run_oracle(scenario: Scenario, rules: Rules) -> Venue:
    """Play a program; the venue afterwards."""
    venue = Venue(rules)
    for row, bars in enumerate(zip(*scenario.tapes, strict=True)):
        venue.begin(row, bars)
        if venue.orders:
            venue.meet(bars)
        venue.marks |= {asset: bar.close for asset, bar in enumerate(bars) if bar}
        for action in scenario.program:
            if action.row == row:
                venue.act(action)
        if rules.market == "same_close":
            venue.same_close(bars)
    return venue
