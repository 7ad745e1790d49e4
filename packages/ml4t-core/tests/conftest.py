"""Small markets for the tests: panels written down row by row, and a venue that moves by hand."""

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ml4t.core import Asset, MarketSlice, Order, Panel, TradingCalendar
from ml4t.core.testing import CASH, PRICE, VenueUnderTest
from ml4t.simulation import (
    AccountRules,
    CashAccount,
    MarginAccount,
    MarketAssumptions,
    SimulatedBroker,
)

START = datetime(2024, 1, 2, 14, 31, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIELDS = ("open", "high", "low", "close")

Quote = float | tuple[float, float, float, float] | None
"""One bar: a flat price, or open, high, low, close; None where there is none."""


def build_panel(
    bars: Mapping[str, Sequence[Quote]],
    signals: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    step: timedelta = MINUTE,
) -> Panel:
    """A panel from the bars of each asset, and from further columns by name and asset."""
    assets = tuple(bars)
    rows = len(next(iter(bars.values())))
    columns = {name: array("d") for name in (*FIELDS, *(signals or {}), "marks")}
    last = dict.fromkeys(assets, math.nan)
    for row in range(rows):
        for asset in assets:
            quote = bars[asset][row]
            four = (
                quote if isinstance(quote, tuple) else (math.nan if quote is None else quote,) * 4
            )
            for name, price in zip(FIELDS, four, strict=True):
                columns[name].append(price)
            last[asset] = last[asset] if quote is None else four[-1]
            columns["marks"].append(last[asset])
            for name, numbers in (signals or {}).items():
                columns[name].append(numbers[asset][row])
    views = {name: memoryview(column) for name, column in columns.items()}
    marks = views.pop("marks")
    return Panel([START + step * row for row in range(rows)], assets, views, marks)


def build_broker(
    *assets: Asset | str,
    cash: float = 100_000.0,
    account: AccountRules | None = None,
    kind: type[SimulatedBroker] = SimulatedBroker,
    calendar: TradingCalendar | None = None,
    **market: Any,
) -> SimulatedBroker:
    """A simulated broker; without slippage, fees and borrowed money unless asked for."""
    listed = [asset if isinstance(asset, Asset) else Asset(symbol=asset) for asset in assets]
    assumed = MarketAssumptions(account=account or CashAccount(), **market)
    return kind(cash, {asset.symbol: asset for asset in listed}, assumed, calendar)


def show_row(broker: SimulatedBroker, panel: Panel, row: int) -> None:
    """Bring one row of a panel to a broker, as a driver does before the strategy acts."""
    broker.bars = MarketSlice(panel, row)
    broker.now = panel.timestamps[row]
    if broker.book.working:
        broker.match()


Action = Callable[[SimulatedBroker], object]
"""What a strategy does after a bar."""


def play(
    bars: Sequence[Quote] | Mapping[str, Sequence[Quote]],
    actions: Mapping[int, Action],
    *,
    volume: Sequence[float] | None = None,
    daily: bool = False,
    step: timedelta = MINUTE,
    terms: Asset | None = None,
    **market: Any,
) -> SimulatedBroker:
    """Show bars, of asset A unless they are named, to a broker and act after some of them."""
    rows = bars if isinstance(bars, Mapping) else {"A": bars}
    signals = None if volume is None else {"volume": dict.fromkeys(rows, volume)}
    panel = build_panel(rows, signals, step)
    listed = [terms] if terms else list(rows)
    broker = build_broker(*listed, **{"account": MarginAccount(), **market})
    broker.lifetimes.daily = daily
    broker.outbox = []
    for row in range(len(panel.timestamps)):
        show_row(broker, panel, row)
        if row in actions:
            actions[row](broker)
        broker.match_same_bar()
    return broker


def build_account(
    prices: Mapping[str, float],
    held: Mapping[str, float] | None = None,
    cash: float = 0.0,
    now: Mapping[str, Quote] | None = None,
    terms: Mapping[str, Asset] | None = None,
    account: AccountRules | None = None,
    **market: Any,
) -> SimulatedBroker:
    """A broker that holds ``held`` and ``cash`` while the assets trade at ``prices``.

    Positions are bought at ``prices``, without costs. ``now`` gives the latest bars where they
    are others, and ``terms`` those of assets that are more than shares.
    """
    held = held or {}
    terms = {**{asset: Asset(symbol=asset) for asset in prices}, **(terms or {})}
    paid = sum(q * prices[a] * terms[a].multiplier for a, q in held.items())
    account = account or MarginAccount(initial_margin=0.01)
    broker = build_broker(*terms.values(), cash=cash + paid, account=account, **market)
    latest = {**prices, **(now or {})}
    panel = build_panel({asset: [price, price, latest[asset]] for asset, price in prices.items()})
    show_row(broker, panel, 0)
    for asset, quantity in held.items():
        broker.submit_order(asset, quantity)
    show_row(broker, panel, 1)
    assert {asset: position.quantity for asset, position in broker.positions.items()} == held
    show_row(broker, panel, 2)
    return broker


def wait_a_bar(broker: SimulatedBroker) -> None:
    """The next bar, which shows the closes of the latest one again."""
    assert broker.bars is not None
    panel = build_panel({asset: [bar["close"]] * 2 for asset, bar in broker.bars.items()})
    show_row(broker, panel, 1)


class MovedBar(MarketSlice):
    """A bar of "AAA" before which the market moved by ``moved`` money in each bar."""

    moved: float | None

    def average_range(self, asset: str, length: int) -> float | None:
        assert asset == "AAA"
        return self.moved


@pytest.fixture(scope="session")
def moved_bar() -> Callable[..., MovedBar]:
    """Builds a bar of "AAA", its volume and what the market moved before it."""

    def build(quote: Quote, volume: float | None, moved: float | None) -> MovedBar:
        signals = {} if volume is None else {"volume": {"AAA": [volume]}}
        bars = MovedBar(build_panel({"AAA": [quote]}, signals), 0)
        bars.moved = moved
        return bars

    return build


class MovingMarket:
    """A broker in front of bars written down beforehand, which a test shows one by one.

    Args:
        bars: of each asset, as for :func:`build_panel`; the first row is shown at once.
        terms: of assets that are more than shares.
        cash: to start with.
        daily: whether each bar is a session.
        calendar: the sessions of the venue.
        volume: traded quantities by asset.
        step: from one bar to the next.
        assumed: fields of ``MarketAssumptions``.
    """

    def __init__(
        self,
        bars: Mapping[str, Sequence[Quote]],
        *terms: Asset,
        cash: float = 100_000.0,
        daily: bool = False,
        calendar: TradingCalendar | None = None,
        volume: Mapping[str, Sequence[float]] | None = None,
        step: timedelta = MINUTE,
        **assumed: Any,
    ) -> None:
        listed = {asset: Asset(symbol=asset) for asset in bars}
        listed |= {asset.symbol: asset for asset in terms}
        assumed.setdefault("account", MarginAccount())
        self.broker = SimulatedBroker(cash, listed, MarketAssumptions(**assumed), calendar)
        self.broker.lifetimes.daily = daily
        signals = None if volume is None else {"volume": volume}
        self.panel = build_panel(bars, signals, step)
        self.row = -1
        self.next()

    def next(self) -> list[tuple[str, float, float, str]]:
        """Show the next bars; the fills that they bring: order, signed quantity, price, rule."""
        self.row += 1
        before = len(self.broker.fills)
        show_row(self.broker, self.panel, self.row)
        new = self.broker.fills[before:]
        return [(fill.order_id, fill.signed_quantity, fill.price, fill.rule) for fill in new]

    def status(self, *orders: Order) -> list[str]:
        """What has become of orders, by name."""
        return [self.broker.book[order.id].status.name for order in orders]

    def held(self, asset: str = "SPY") -> float:
        """Units held."""
        position = self.broker.get_position(asset)
        return 0.0 if position is None else position.quantity


class SimulatedVenue:
    """The simulated broker in a market that a test moves; a ``VenueUnderTest``."""

    def __init__(self, broker: SimulatedBroker, assets: tuple[str, str]) -> None:
        self.broker = broker
        self.assets = assets
        self._bars: dict[str, list[Quote]] = {asset: [] for asset in assets}
        self.advance(dict.fromkeys(assets, PRICE))

    @property
    def data(self) -> Mapping[str, Mapping[str, float]]:
        """The latest bars."""
        assert self.broker.bars is not None
        return self.broker.bars

    def order(self, order_id: str) -> Order:
        """The latest state of an order."""
        return self.broker.book[order_id]

    def settle(self) -> None:
        """The simulated broker answers at once."""

    def advance(self, prices: Mapping[str, float]) -> None:
        """One more row."""
        for asset, price in prices.items():
            self._bars[asset].append(price)
        panel = build_panel(self._bars)
        show_row(self.broker, panel, len(panel.timestamps) - 1)


def build_venue(
    account: AccountRules | None = None, kind: type[SimulatedBroker] = SimulatedBroker
) -> VenueUnderTest:
    """A simulated venue with two assets, ready to be examined."""
    assets = ("AAA", "BBB")
    return SimulatedVenue(build_broker(*assets, cash=CASH, account=account, kind=kind), assets)


@pytest.fixture(scope="session")
def panel_of() -> Callable[..., Panel]:
    """:func:`build_panel`."""
    return build_panel


@pytest.fixture(scope="session")
def broker_of() -> Callable[..., SimulatedBroker]:
    """:func:`build_broker`."""
    return build_broker


@pytest.fixture(scope="session")
def show() -> Callable[[SimulatedBroker, Panel, int], None]:
    """:func:`show_row`."""
    return show_row


@pytest.fixture(scope="session")
def account_of() -> Callable[..., SimulatedBroker]:
    """:func:`build_account`."""
    return build_account


@pytest.fixture(scope="session")
def wait() -> Callable[[SimulatedBroker], None]:
    """:func:`wait_a_bar`."""
    return wait_a_bar


@pytest.fixture(scope="session")
def played() -> Callable[..., SimulatedBroker]:
    """:func:`play`."""
    return play


@pytest.fixture(scope="session")
def venue_of() -> Callable[..., VenueUnderTest]:
    """:func:`build_venue`."""
    return build_venue


@pytest.fixture(scope="session")
def market_of() -> Callable[..., MovingMarket]:
    """:class:`MovingMarket`."""
    return MovingMarket
