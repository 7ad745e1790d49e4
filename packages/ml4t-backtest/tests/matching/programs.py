"""Markets and order programs as data, so that what fails shrinks and can be pasted into a test.

All prices are whole numbers of ticks of 0.25: with trails of whole ticks, or of a half, a quarter
or an eighth of the price, every number in a test is exact.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from ml4t.core import OrderType, TimeInForce

TICK = 0.25
PER_SESSION = 3
"""Bars of one session."""


class Bar(NamedTuple):
    """Prices in ticks."""

    open: int
    high: int
    low: int
    close: int
    volume: int = 1_000


class Ticket(NamedTuple):
    """One order. ``limit`` and ``stop`` count where the type has such a price.

    ``trail`` is in ticks, or in percent; a ``GTD`` order is good for so many ``rows`` more.
    """

    buy: bool
    quantity: int
    kind: OrderType = OrderType.MARKET
    limit: int = 0
    stop: int = 0
    trail: float = 0
    in_percent: bool = False
    time_in_force: TimeInForce = TimeInForce.GTC
    rows: int = 1
    reduce_only: bool = False

    @property
    def has_limit(self) -> bool:
        kinds = OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED
        return self.kind in kinds

    @property
    def has_stop(self) -> bool:
        kinds = (
            OrderType.STOP,
            OrderType.STOP_LIMIT,
            OrderType.MARKET_IF_TOUCHED,
            OrderType.LIMIT_IF_TOUCHED,
        )
        return self.kind in kinds


class Submit(NamedTuple):
    """One order."""

    row: int
    asset: int
    ticket: Ticket


class Bracket(NamedTuple):
    """An order with a target and a stop: at ``stop``, or trailing by ``trail`` if that is set."""

    row: int
    asset: int
    parent: Ticket
    target: int
    stop: int
    trail: int = 0
    stop_limit: int = 0

    @property
    def children(self) -> tuple[Ticket, ...]:
        buys, quantity = not self.parent.buy, self.parent.quantity
        target = Ticket(buys, quantity, OrderType.LIMIT, self.target, reduce_only=True)
        kind = OrderType.STOP_LIMIT if self.stop_limit else OrderType.STOP
        stop = Ticket(buys, quantity, kind, self.stop_limit, self.stop, reduce_only=True)
        if self.trail:
            kind = OrderType.TRAILING_STOP
            stop = Ticket(buys, quantity, kind, trail=self.trail, reduce_only=True)
        return target, stop


class OneCancelsOther(NamedTuple):
    """Orders of which one may fill."""

    row: int
    asset: int
    tickets: tuple[Ticket, ...]


class OneTriggersOther(NamedTuple):
    """An order, and those it wakes."""

    row: int
    asset: int
    parent: Ticket
    children: tuple[Ticket, ...]


class Cancel(NamedTuple):
    """Cancels the order that was submitted as number ``which``, counted round."""

    row: int
    which: int


class Replace(NamedTuple):
    """Changes an order; 0 leaves what was."""

    row: int
    which: int
    quantity: int
    limit: int
    stop: int


class Close(NamedTuple):
    """Closes the position."""

    row: int
    asset: int


Action = Submit | Bracket | OneCancelsOther | OneTriggersOther | Cancel | Replace | Close
Tape = Sequence[Bar | None]


class Scenario(NamedTuple):
    """The bars of each asset, and what is done after them."""

    tapes: Sequence[Tape]
    program: Sequence[Action]


levels = st.integers(14, 42)
quantities = st.sampled_from([2, 10, 4, 6])
KINDS = [
    OrderType.LIMIT,
    OrderType.MARKET,
    OrderType.STOP,
    OrderType.STOP_LIMIT,
    OrderType.TRAILING_STOP,
    OrderType.MARKET_IF_TOUCHED,
    OrderType.LIMIT_IF_TOUCHED,
    OrderType.MARKET_ON_OPEN,
    OrderType.MARKET_ON_CLOSE,
]
LIVES = [
    TimeInForce.GTC,
    TimeInForce.DAY,
    TimeInForce.GTD,
    TimeInForce.IOC,
    TimeInForce.FOK,
]


@st.composite
def bars(draw: st.DrawFn) -> Bar | None:
    """Any bar between 16 and 40 ticks, now and then a flat one or none."""
    shape = draw(st.sampled_from(["any", "any", "any", "any", "any", "flat", "none"]))
    if shape == "none":
        return None
    volume = draw(st.sampled_from([1_000, 8, 3, 0]))
    first = draw(st.integers(16, 40))
    if shape == "flat":
        return Bar(first, first, first, first, volume)
    opened, close, other = (draw(st.integers(16, 40)) for _ in range(3))
    four = first, opened, close, other
    return Bar(opened, max(four), min(four), close, volume)


def markets(assets: int, rows: int) -> st.SearchStrategy[list[list[Bar | None]]]:
    """Bars of each asset; the first is never missing."""
    start = st.just(Bar(28, 29, 27, 28))
    tape = st.tuples(start, st.lists(bars(), min_size=rows - 1, max_size=rows - 1)).map(
        lambda parts: [parts[0], *parts[1]]
    )
    return st.lists(tape, min_size=assets, max_size=assets)


@st.composite
def tickets(
    draw: st.DrawFn,
    kinds: Sequence[OrderType] = tuple(KINDS),
    lives: Sequence[TimeInForce] = tuple(LIVES),
    *,
    percent: bool = True,
    reduces: bool | None = None,
) -> Ticket:
    """Any order; auction orders of the types market and limit too."""
    kind = draw(st.sampled_from(kinds))
    in_percent = percent and draw(st.booleans())
    life = draw(st.sampled_from(lives))
    if kind in (OrderType.LIMIT, OrderType.MARKET) and TimeInForce.IOC in lives:
        life = draw(st.sampled_from([life, life, life, TimeInForce.OPG, TimeInForce.CLS]))
    return Ticket(
        buy=draw(st.booleans()),
        quantity=draw(quantities),
        kind=kind,
        limit=draw(levels),
        stop=draw(levels),
        trail=draw(st.sampled_from([12.5, 25.0] if in_percent else [2, 4, 7])),
        in_percent=in_percent,
        time_in_force=life,
        rows=draw(st.integers(1, 4)),
        reduce_only=draw(st.sampled_from([False, False, True])) if reduces is None else reduces,
    )


KEPT = TimeInForce.GTC, TimeInForce.DAY
RESTING = tuple(kind for kind in KINDS if kind is not OrderType.MARKET)


@st.composite
def brackets(draw: st.DrawFn, /, row: int, asset: int, **ticket: Any) -> Bracket:
    """A target and a stop on the sides on which they belong."""
    parent = draw(tickets(**ticket))._replace(reduce_only=False)
    low, high = sorted(draw(st.lists(levels, min_size=2, max_size=2, unique=True)))
    target, stop = (high, low) if parent.buy else (low, high)
    kind = draw(st.sampled_from(["stop", "trail", "stop_limit"]))
    return Bracket(
        row,
        asset,
        parent,
        target,
        stop,
        trail=draw(st.sampled_from([2, 5])) if kind == "trail" else 0,
        stop_limit=draw(levels) if kind == "stop_limit" else 0,
    )


@st.composite
def programs(  # noqa: PLR0913 - what a program may hold
    draw: st.DrawFn,
    rows: int,
    assets: int,
    *,
    most: int = 8,
    percent: bool = True,
    changes: bool = True,
    lives: Sequence[TimeInForce] = tuple(LIVES),
    keep: Callable[[Ticket], bool] = lambda _: True,
) -> list[Action]:
    """Actions in order of time."""
    actions: list[Action] = []
    wanted = tickets(lives=lives, percent=percent).filter(keep)
    # Orders of a group that trade at the next moment are no group.
    members = tickets(RESTING, KEPT, percent=percent, reduces=False).filter(keep)
    for _ in range(draw(st.integers(1, most))):
        row, asset = draw(st.integers(0, rows - 2)), draw(st.integers(0, assets - 1))
        names = ["submit", "submit", "bracket", "oco", "oto", "close"]
        what = draw(st.sampled_from(names + ["cancel", "replace"] * changes))
        if what == "submit":
            actions.append(Submit(row, asset, draw(wanted)))
        elif what == "bracket":
            bracket = brackets(row, asset, lives=lives, percent=percent)
            actions.append(draw(bracket.filter(lambda b: keep(b.parent))))
        elif what == "oco":
            pair = draw(st.lists(members, min_size=2, max_size=3))
            quantity = pair[0].quantity
            same = tuple(ticket._replace(quantity=quantity) for ticket in pair)
            actions.append(OneCancelsOther(row, asset, same))
        elif what == "oto":
            parent = draw(wanted)._replace(reduce_only=False)
            pair = draw(st.lists(members, min_size=1, max_size=3))
            children = tuple(t._replace(buy=not parent.buy, reduce_only=True) for t in pair)
            actions.append(OneTriggersOther(row, asset, parent, children))
        elif what == "close":
            actions.append(Close(row, asset))
        elif what == "cancel":
            actions.append(Cancel(row, draw(st.integers(0, 9))))
        else:
            change = draw(st.tuples(st.sampled_from([0, 4, 12]), levels, levels))
            actions.append(Replace(row, draw(st.integers(0, 9)), *change))
    return sorted(actions, key=lambda action: action.row)


@st.composite
def scenarios(draw: st.DrawFn, /, assets: int = 1, rows: int = 10, **limits: Any) -> Scenario:
    """A market and a program."""
    count = draw(st.integers(2, rows))
    market = draw(markets(assets, count))
    return Scenario(market, draw(programs(count, assets, **limits)))
