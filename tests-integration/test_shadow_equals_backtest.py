"""A strategy in shadow does what it does in a backtest over the same bars: every order and fill."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pandas as pd
import pytest

from ml4t.backtest import (
    BacktestConfig,
    BasisPoints,
    DataFeed,
    Delayed,
    Engine,
    ExchangeCalendar,
    MarginAccount,
    NextBarClose,
    NoFinancing,
    Percentage,
    PerOrder,
    SameBarClose,
    ShortInterest,
    VolumeShare,
)
from ml4t.core import (
    Bar,
    BrokerProtocol,
    Environment,
    Fill,
    MarketSlice,
    Order,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    Strategy,
    TimeInForce,
)
from ml4t.core.calendar import Session, TradingCalendar
from ml4t.core.risk import LiveRiskConfig
from ml4t.core.strategy_file import load_strategy
from ml4t.live.assumption_table import ShadowMarket
from ml4t.live.bars import BarGrid, ReplayFeed
from ml4t.live.clock import BarClock
from ml4t.live.config import LiveConfig
from ml4t.live.engine import LiveEngine
from ml4t.live.journal import JournalOwner, MemoryJournal
from ml4t.live.recording import Recorder, Recording, check_decisions, compare_fills, simulate
from ml4t.live.shadow import ShadowBroker

EXAMPLES = Path(__file__).parents[1] / "examples"
PRICES = EXAMPLES / "data" / "us_stocks_daily.parquet"
STRATEGIES = sorted(
    path for path in EXAMPLES.glob("*.py") if "(Strategy):" in path.read_text("utf-8")
)
EXCHANGE = ExchangeCalendar("XNYS")
SESSIONS = 420
HALF_HOUR = timedelta(minutes=30)
GTC, DAY, IOC = TimeInForce.GTC, TimeInForce.DAY, TimeInForce.IOC
SELL, BUY = OrderSide.SELL, OrderSide.BUY

# Some rules hold without a number, such as those against trading with oneself: a backtest that is
# told of limits keeps them too.
NO_LIMITS = LiveRiskConfig.of(
    {
        field.name: "UNLIMITED"
        for field in attrs.fields(LiveRiskConfig)
        if field.metadata.get("looser") == "more"
    }
    | {
        "allowed_assets": "UNLIMITED",
        "dedup_window_seconds": 0,
        "market_buffer": 0,
        "moc_cutoff_seconds": 0,
        "moo_cutoff_seconds": 0,
        "allow_short": True,
        "check_buying_power": False,
        "regular_hours_only": False,
    }
)


# What is compared


@attrs.define
class Record:
    """Everything that a run shows: to the strategy, and afterwards."""

    shown: list[Any] = attrs.field(factory=list)
    told: list[object] = attrs.field(factory=list)
    account: list[object] = attrs.field(factory=list)
    orders: list[Any] = attrs.field(factory=list)
    fills: list[Any] = attrs.field(factory=list)
    cash: float = 0.0
    value: float = 0.0


class Witness(Strategy):
    """Has a strategy called, and writes down what it was shown and told."""

    def __init__(self, strategy: Strategy, record: Record) -> None:
        self.strategy = strategy
        self.record = record
        self.numbers: dict[str, int] = {}
        self.broker: Any = None

    def on_start(self, broker: BrokerProtocol) -> None:
        self.broker = broker
        self.look(broker)
        self.strategy.on_start(broker)

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        self.record.shown.append((timestamp, str(timestamp.tzinfo), dict(context), content(data)))
        self.look(broker)
        self.strategy.on_data(timestamp, data, context, broker)
        self.look(broker)

    def on_order(self, order: Order, broker: BrokerProtocol) -> None:
        self.record.told.append(self.plain(order))
        self.look(broker)
        self.strategy.on_order(order, broker)

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        self.record.told.append(self.plain_fill(fill))
        self.look(broker)
        self.strategy.on_fill(fill, broker)

    def on_end(self, broker: BrokerProtocol) -> None:
        self.strategy.on_end(broker)
        self.look(broker)

    def look(self, broker: BrokerProtocol) -> None:
        """Write down all that can be read of the account."""
        working = [self.plain(order) for order in broker.pending_orders]
        held = list(broker.positions.values())
        self.record.account.append((broker.get_cash(), broker.get_account_value(), held, working))

    def plain(self, order: Order) -> object:
        """An order without the venue's names and words, which differ."""
        number = partial(self.number, self.numbers)
        return attrs.evolve(
            order,
            id=str(number(order.id)),
            parent=order.parent and str(number(order.parent)),
            group=order.group and "group",
            reason=order.reason and "said",
        )

    def plain_fill(self, fill: Fill) -> object:
        """A fill likewise."""
        return attrs.evolve(fill, id="", order_id=str(self.number(self.numbers, fill.order_id)))

    @staticmethod
    def number(numbers: dict[str, int], name: str) -> int:
        """The place of a name in the order of appearance."""
        return numbers.setdefault(name, len(numbers))


def content(data: MarketSlice) -> object:
    """All that can be read of a slice."""
    return {
        "timestamp": (data.timestamp, str(data.timestamp.tzinfo)),
        "previous": data.previous_timestamp,
        "universe": data.universe,
        "bars": {asset: dict(view) for asset, view in data.items()},
        "marks": data.marks(data.universe),
        "previous_marks": [data.previous_mark(asset) for asset in data.universe],
        "ranges": [data.average_range(asset, 3) for asset in data.universe],
    }


# The two runs


@attrs.frozen(kw_only=True)
class Market:
    """Bars, and how they are meant."""

    frame: pd.DataFrame
    calendar: TradingCalendar | None
    length: timedelta | None = None
    zone: str | None = "America/New_York"
    warmup: int = 0

    def feed(self) -> DataFeed:
        """As a backtest reads them."""
        return DataFeed(self.frame, timezone=self.zone, calendar=self.calendar)

    def bars(self) -> list[Bar]:
        """As a live feed delivers them."""
        feed = self.feed()
        return [
            Bar(timestamp=timestamp, asset=asset, **view)
            for row, timestamp in enumerate(feed.times.iterate(0, len(feed)))
            for asset, view in MarketSlice(feed.panel, row).items()
        ]


class Days:
    """Each date in New York is a session that closes at four."""

    zone = ZoneInfo("America/New_York")

    def session_of(self, timestamp: datetime) -> Session | None:
        return self.session_named(timestamp.astimezone(self.zone).date())

    def session_named(self, label: date) -> Session:
        opens = datetime.combine(label, time(9, 30), self.zone)
        return Session(label=label, opens=opens, closes=opens.replace(hour=16, minute=0))


def backtest(market: Market, strategy: Strategy, config: BacktestConfig) -> Record:
    """Run a strategy in a backtest."""
    record = Record()
    witness = Witness(strategy, record)
    Engine(market.feed(), witness, config).run()
    venue = witness.broker
    finish(record, witness, list(venue.book.orders.values()), list(venue.fills))
    return record


def shadow(market: Market, strategy: Strategy, config: BacktestConfig) -> Record:
    """Run a strategy in shadow."""
    record = Record()
    witness = Witness(strategy, record)
    engine = asyncio.run(run_engine(market, witness, config))
    book = engine.account.book
    assert not book.causes
    finish(record, witness, list(book.orders.values()), list(book.fills.values()))
    assert record.cash == asyncio.run(engine.broker.account()).cash
    return record


async def run_engine(
    market: Market, strategy: Strategy, config: BacktestConfig, recording: Path | None = None
) -> LiveEngine:
    """The engine after the last bar."""
    bars = market.bars()
    clock = BarClock(bars[0].timestamp - timedelta(days=1))
    feed = market.feed()
    broker = ShadowBroker(
        config.initial_cash,
        list(feed.terms.values()),
        attrs.evolve(config, risk=None),
        clock=clock,
        calendar=market.calendar,
        daily=market.length is None,
    )
    live = LiveConfig(
        assets=feed.assets, bar_size=market.length, risk=NO_LIMITS, warmup=market.warmup
    )
    named = ShadowMarket(cash=config.initial_cash, market=attrs.evolve(config, risk=None))
    recorder = None if recording is None else Recorder(recording, clock, named)
    owner = JournalOwner(
        account_id="shadow", environment=Environment.SIMULATED, broker="shadow", app_version="1"
    )
    engine = LiveEngine(
        strategy,
        broker,
        ReplayFeed(bars, clock=clock, warmup=market.warmup),
        live,
        journal=MemoryJournal(owner, clock),
        clock=clock,
        calendar=market.calendar or Days(),
        recorder=recorder,
    )
    assert await engine.run() == 0
    return engine


def finish(record: Record, witness: Witness, orders: list[Order], fills: list[Fill]) -> None:
    """Write down how a run ended."""
    witness.numbers = {}
    # Live an order that a limit refused is none of the venue's: it was told, and that is compared.
    entered = [order for order in orders if order.status is not OrderStatus.REJECTED]
    record.orders = [witness.plain(order) for order in entered]
    record.fills = [witness.plain_fill(fill) for fill in fills]
    record.cash = witness.broker.get_cash()
    record.value = witness.broker.get_account_value()


def assert_equal(market: Market, make: Callable[[], Strategy], config: BacktestConfig) -> Record:
    """Run both ways and compare; gives what they have in common."""
    expected = backtest(market, make(), config)
    found = shadow(market, make(), config)
    for field in ("shown", "told", "account", "orders", "fills"):
        pairs = zip(getattr(expected, field), getattr(found, field), strict=False)
        for number, (one, other) in enumerate(pairs):
            assert one == other, f"{field} {number}"
    assert expected == found
    return found


# Markets


def daily(seed: int, days: int = 120) -> Market:
    """Daily bars of three assets, of which one has gaps."""
    found = [EXCHANGE.session_named(date(2024, 1, 2) + timedelta(days=n)) for n in range(days)]
    return made(seed, [session.closes for session in found if session], None)


def intraday(seed: int) -> Market:
    """Half hours around a change of the clock, a holiday and a half day."""
    grid = BarGrid(EXCHANGE, HALF_HOUR)
    spans = [(date(2024, 10, 31), 5), (date(2024, 11, 27), 6)]
    days = [first + timedelta(days=n) for first, count in spans for n in range(count)]
    sessions = [EXCHANGE.session_named(day) for day in days]
    times = [end for session in sessions if session for end in grid.ends(session)]
    return made(seed, times, HALF_HOUR)


def made(seed: int, times: list[datetime], length: timedelta | None) -> Market:
    """A random walk."""
    random, rows = Random(seed), []  # noqa: S311 - made-up prices
    for asset, presence in (("AAA", 1.0), ("BBB", 1.0), ("CCC", 0.7)):
        close = 100.0
        for when in times:
            if random.random() > presence:
                continue
            opens = close * (1 + random.gauss(0, 0.01))
            close = opens * (1 + random.gauss(0, 0.02))
            row: dict[str, object] = {"timestamp": when, "symbol": asset}
            row |= {"open": opens, "close": close, "volume": float(random.randrange(1_000, 9_000))}
            row["high"] = max(opens, close) * (1 + random.random() / 100)
            row["low"] = min(opens, close) * (1 - random.random() / 100)
            rows.append(row)
    return Market(frame=pd.DataFrame(rows), calendar=EXCHANGE, length=length)


def examples() -> Market:
    """The first sessions of the prices that come with the examples."""
    frame = pd.read_parquet(PRICES)
    days = sorted(frame["timestamp"].unique())[:SESSIONS]
    frame = frame[frame["timestamp"] <= days[-1]]
    # Early closes are not in these prices: each date is a session, to both.
    return Market(frame=frame, calendar=None, zone=None)


MARKETS = {"daily": daily, "intraday": intraday}
COSTS = BacktestConfig(commission=PerOrder(1.0), slippage=BasisPoints(5))
CONFIGS = {
    "open": COSTS,
    "close": BacktestConfig(timing=NextBarClose(), commission=Percentage(0.001)),
    "same bar": BacktestConfig(timing=SameBarClose(), commission=Percentage(0.001)),
    "delayed": BacktestConfig(timing=Delayed(2)),
    "margin": BacktestConfig(account=MarginAccount(), financing=ShortInterest(0.1)),
    "volume": BacktestConfig(participation=VolumeShare(0.01), account=MarginAccount()),
}


# Strategies


class Choices(Strategy):
    """Makes choices by a generator of its own, so that both runs make the same."""

    assets = ("AAA", "BBB", "CCC")

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - made-up choices

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        for asset in data:
            if self.random.random() < 0.3:
                self.act(asset, data[asset].close, broker)

    def act(self, asset: str, price: float, broker: BrokerProtocol) -> None:
        """Do something about an asset."""
        raise NotImplementedError


class Markets(Choices):
    def act(self, asset: str, price: float, broker: BrokerProtocol) -> None:
        if broker.get_position(asset) is None:
            broker.submit_order(asset, broker.get_account_value() / price / 5, BUY)
        else:
            broker.close_position(asset)
            broker.close_position(asset)


class Resting(Choices):
    """Every type that rests, for the day and for longer."""

    def act(self, asset: str, price: float, broker: BrokerProtocol) -> None:
        time = self.random.choice((DAY, GTC, IOC))
        held = broker.get_position(asset)
        send = partial(broker.submit_order, asset, 10.0, time_in_force=time)
        kind = self.random.randrange(4)
        if held is None:
            if kind == 0:
                send(BUY, OrderType.LIMIT, price * 0.99)
            elif kind == 1:
                send(BUY, OrderType.STOP, stop_price=price * 1.01)
            elif kind == 2:
                send(BUY, OrderType.STOP_LIMIT, price * 1.02, price * 1.01)
            else:
                send(BUY, OrderType.LIMIT_IF_TOUCHED, price * 0.99, price * 0.98)
        elif kind < 2:
            send(SELL, OrderType.TRAILING_STOP, trail_percent=1.0, reduce_only=True)
        else:
            send(SELL, OrderType.LIMIT, price * 1.01, reduce_only=True)


class Groups(Choices):
    def act(self, asset: str, price: float, broker: BrokerProtocol) -> None:
        held = broker.get_position(asset)
        request = partial(OrderRequest.of, asset, time_in_force=GTC)
        if held is not None:
            quantity = -held.quantity
            target = request(quantity, order_type=OrderType.LIMIT, limit_price=price * 1.01)
            stop = request(quantity, order_type=OrderType.STOP, stop_price=price * 0.99)
            if not [order for order in broker.pending_orders if order.asset == asset]:
                broker.submit_oco([target, stop])
        elif self.random.random() < 0.5:
            broker.submit_bracket(
                asset, 20, take_profit=price * 1.02, stop_loss=price * 0.98, tag="bracket"
            )
        else:
            child = request(-5, order_type=OrderType.TRAILING_STOP, trail_amount=price / 100)
            broker.submit_oto(request(5, order_type=OrderType.LIMIT, limit_price=price), [child])


class Changes(Choices):
    """Cancels and replaces, and looks at once at what works then."""

    def act(self, asset: str, price: float, broker: BrokerProtocol) -> None:
        same = [order for order in broker.pending_orders if order.asset == asset]
        working = [order for order in same if order.order_type is OrderType.LIMIT]
        if not working:
            broker.submit_order(asset, 10, BUY, OrderType.LIMIT, price * 0.97, time_in_force=GTC)
        elif self.random.random() < 0.4:
            broker.cancel_order(working[0].id)
            if not [order for order in broker.pending_orders if order.asset == asset]:
                broker.submit_order(asset, 5, BUY)
        else:
            changed = broker.replace_order(
                working[0].id, quantity=12, limit_price=price * self.random.uniform(0.98, 1.0)
            )
            assert changed.status is OrderStatus.ACCEPTED


class Answers(Choices):
    """Answers what it is told with orders, refusals included."""

    def act(self, asset: str, price: float, broker: BrokerProtocol) -> None:
        if self.random.random() < 0.3:
            broker.submit_order("ZZZ", 1, BUY)
            broker.submit_order(asset, 0.0, BUY)
        broker.submit_order(asset, 1e9 if self.random.random() < 0.2 else 10, BUY)

    def on_order(self, order: Order, broker: BrokerProtocol) -> None:
        if order.status is OrderStatus.REJECTED and order.quantity > 1_000:
            broker.submit_order(order.asset, 1, BUY)

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        if fill.side is BUY:
            broker.submit_order(
                fill.asset,
                fill.quantity,
                SELL,
                OrderType.LIMIT,
                fill.price * 1.005,
                reduce_only=True,
            )

    def on_end(self, broker: BrokerProtocol) -> None:
        for asset in tuple(broker.positions):
            broker.close_position(asset)


class Idle(Strategy):
    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        """Do nothing."""


class Eager(Choices):
    """Sends an order for the first asset at every bar."""

    def __init__(self) -> None:
        super().__init__(0)

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        broker.submit_order("AAA", 1)


class Shorts(Choices):
    def act(self, asset: str, price: float, broker: BrokerProtocol) -> None:
        if broker.get_position(asset) is None:
            broker.submit_order(asset, -50)
        else:
            broker.close_position(asset)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("bars", MARKETS.values(), ids=MARKETS)
@pytest.mark.parametrize("strategy", [Markets, Resting, Groups, Changes, Answers, Shorts])
def test_orders_fills_and_money_are_those_of_the_backtest(
    strategy: type[Choices], bars: Callable[[int], Market], config: BacktestConfig
) -> None:
    limited = attrs.evolve(config, risk=NO_LIMITS)
    record = assert_equal(bars(7), lambda: strategy(11), limited)
    assert len(record.told) > 20


@pytest.mark.parametrize("name", ["open", "close", "volume"])
@pytest.mark.parametrize("bars", MARKETS.values(), ids=MARKETS)
@pytest.mark.parametrize("strategy", [Markets, Resting, Groups, Changes, Answers, Shorts])
def test_a_recorded_run_decides_the_same_and_has_no_shortfall(
    strategy: type[Choices], bars: Callable[[int], Market], name: str, tmp_path: Path
) -> None:
    def made() -> Witness:
        return Witness(strategy(11), Record())

    asyncio.run(run_engine(bars(7), made(), CONFIGS[name], tmp_path / "run.rec"))
    recording = Recording(tmp_path / "run.rec")
    check = check_decisions(recording, made())
    report = compare_fills(simulate(recording), recording.fills(), {})

    assert check.difference is None
    assert check.calls > 200
    assert report.differences == ()
    assert (report.total, report.unknown_fills) == (0.0, 0)


def test_a_backtest_without_limits_is_the_same_where_none_is_met() -> None:
    record = assert_equal(daily(7), lambda: Markets(11), COSTS)
    assert len(record.fills) > 20


def test_positions_cost_the_same() -> None:
    market, config = daily(7), attrs.evolve(CONFIGS["margin"], risk=NO_LIMITS)
    dear = assert_equal(market, lambda: Shorts(11), config)
    free = shadow(market, Shorts(11), attrs.evolve(config, financing=NoFinancing()))
    assert [fill.price for fill in dear.fills] == [fill.price for fill in free.fills]
    assert dear.cash < free.cash


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_every_example_trades_in_shadow_as_in_a_backtest(path: Path) -> None:
    settings = path.with_suffix(".toml")
    config = BacktestConfig.from_toml(settings) if settings.is_file() else BacktestConfig()
    record = assert_equal(examples(), lambda: load_strategy(str(path)), config)
    assert record.fills


def test_there_are_examples() -> None:
    assert EXAMPLES / "momentum.py" in STRATEGIES


def test_warming_up_shows_the_first_bars_and_lets_no_order_leave() -> None:
    count, market = 30, daily(7)
    expected = backtest(market, Idle(), COSTS)
    found = shadow(attrs.evolve(market, warmup=count), Eager(), COSTS)
    assert expected.shown == found.shown
    early = [order.submitted_at for order in found.orders]
    first_live = expected.shown[count][0]
    assert len(found.orders) > 20
    assert min(early) == first_live
