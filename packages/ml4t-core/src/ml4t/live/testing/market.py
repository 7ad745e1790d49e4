"""The prices of a simulated market: random walks in trade ticks, and the bars they make."""

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

import attrs

from ml4t.core.assets import Asset
from ml4t.core.bars import Bar
from ml4t.core.calendar import Session
from ml4t.core.errors import InvalidValueError
from ml4t.live.testing.agenda import Agenda

__all__ = ["Market", "MarketSettings"]

_KEPT = 1_000


@attrs.frozen(kw_only=True)
class MarketSettings:
    """What is traded, when, and how its prices move.

    Attributes:
        prices: the first price of each asset by symbol.
        sessions: the trading days in the order of time.
        bar_size: how long a bar is; None for one bar a session.
        ticks: trades per bar.
        volatility: standard deviation of the logarithm of price between two ticks.
        gap: the same between a close and the next opening.
        volume: traded quantity per tick, on average.
        digits: decimals of a price.
        assets: the terms of those assets that are not plain shares.

    Raises:
        InvalidValueError: there is nothing to trade, or no time to trade it in.
    """

    prices: Mapping[str, float]
    sessions: Sequence[Session]
    bar_size: timedelta | None = timedelta(minutes=30)
    ticks: int = 4
    volatility: float = 0.001
    gap: float = 0.005
    volume: float = 10_000.0
    digits: int = 2
    assets: Sequence[Asset] = ()

    def __attrs_post_init__(self) -> None:
        if not self.prices or not self.sessions:
            msg = "a market needs prices and sessions"
            raise InvalidValueError(msg)
        if self.ticks < 1 or (self.bar_size is not None and self.bar_size <= timedelta(0)):
            msg = f"ticks and bar_size must be positive, was {self.ticks}, {self.bar_size}"
            raise InvalidValueError(msg)

    @property
    def step(self) -> float:
        """The smallest difference between two prices."""
        return float(f"1e-{self.digits}")

    def rounded(self, price: float) -> float:
        """The nearest price that can be traded at."""
        return max(round(price, self.digits), self.step)

    def terms(self) -> dict[str, Asset]:
        """The terms of every asset by symbol."""
        special = {asset.symbol: asset for asset in self.assets}
        return {
            name: special.get(name) or Asset(symbol=name, lot_size=1, tick_size=self.step)
            for name in self.prices
        }


class Market:
    """Trades and bars, driven by an agenda.

    Bars come at the end of their interval, one of each asset that was not halted all the time.

    Attributes:
        prices: the last traded price by symbol.
        session: the session that is open; None outside of all.
        halted: the assets that do not trade.
        on_open, on_tick, on_close: who is told, for the venue that matches orders.
        on_bars: who is told of the bars.

    Args:
        settings: what is traded.
        agenda: where ticks are entered.
        origin: the instant at which the agenda's time is 0.
        rng: where chance comes from; nobody else may draw from it.
    """

    def __init__(
        self, settings: MarketSettings, agenda: Agenda, origin: datetime, rng: Random
    ) -> None:
        self.settings = settings
        self.prices = dict(settings.prices)
        self.session: Session | None = None
        self.halted: set[str] = set()
        self.on_open: Callable[[], None] = _nothing
        self.on_tick: Callable[[], None] = _nothing
        self.on_close: Callable[[], None] = _nothing
        self.on_bars: list[Callable[[datetime, Mapping[str, Bar]], None]] = []
        self.kept: dict[str, deque[Bar]] = {name: deque(maxlen=_KEPT) for name in self.prices}
        self._agenda = agenda
        self._origin = origin
        self._rng = rng
        self._running: dict[str, list[float]] = {}
        self._next = 0
        self._ends: list[tuple[float, datetime]] = []
        self._plan_session()

    def trades(self, asset: str) -> bool:
        """Whether orders for ``asset`` can trade now."""
        return self.session is not None and asset not in self.halted

    def history(self, asset: str, length: int) -> list[Bar]:
        """The last ``length`` bars of an asset, oldest first."""
        bars = self.kept[asset]
        return list(bars)[max(len(bars) - length, 0) :]

    def halt(self, asset: str, seconds: float) -> None:
        """Stop trading in an asset for a while."""
        self.halted.add(asset)
        self._agenda.after(seconds, lambda: self.halted.discard(asset))

    def move(self, asset: str, factor: float) -> None:
        """Multiply a price at once, as a split or a crash does."""
        self.prices[asset] = self.settings.rounded(self.prices[asset] * factor)

    def _plan_session(self) -> None:
        if self._next == len(self.settings.sessions):
            return
        session = self.settings.sessions[self._next]
        self._next += 1
        opens = (session.opens - self._origin).total_seconds()
        self._agenda.at(opens, lambda: self._open(session, opens))

    def _open(self, session: Session, opens: float) -> None:
        self.session = session
        self._ends = self._bar_ends(session)
        for asset in self.prices:
            self.move(asset, math.exp(self._rng.gauss(0.0, self.settings.gap)))
        self._running = {asset: _begun(price) for asset, price in self.prices.items()}
        self.on_open()
        self._plan_bar(opens)

    def _bar_ends(self, session: Session) -> list[tuple[float, datetime]]:
        size = self.settings.bar_size or session.closes - session.opens
        ends: list[tuple[float, datetime]] = []
        instant = session.opens
        while instant < session.closes:
            instant = min(instant + size, session.closes)
            ends.append(((instant - self._origin).total_seconds(), instant))
        ends.reverse()
        return ends

    def _plan_bar(self, begins: float) -> None:
        ends, _ = self._ends[-1]
        step = (ends - begins) / self.settings.ticks
        for number in range(1, self.settings.ticks):
            self._agenda.at(begins + number * step, self._tick)
        self._agenda.at(ends, self._finish_bar)

    def _tick(self) -> None:
        gauss, spread, volume = self._rng.gauss, self.settings.volatility, self.settings.volume
        prices, running, rounded = self.prices, self._running, self.settings.rounded
        for asset, last in prices.items():
            # Drawn for halted assets, too, so that a halt does not change the others' prices.
            move, size = gauss(0.0, spread), gauss(1.0, 0.2)
            if asset in self.halted:
                continue
            price = prices[asset] = rounded(last * math.exp(move))
            bar = running.get(asset)
            if bar is None:
                bar = running[asset] = _begun(price)
            if price > bar[1]:
                bar[1] = price
            elif price < bar[2]:
                bar[2] = price
            bar[3] = price
            bar[4] += max(round(volume * size), 1)
        self.on_tick()

    def _finish_bar(self) -> None:
        self._tick()
        ended, instant = self._ends.pop()
        bars: dict[str, Bar] = {}
        for asset, (first, high, low, last, volume) in self._running.items():
            if not volume:
                continue
            bars[asset] = Bar(
                timestamp=instant, asset=asset, open=first, high=high, low=low, close=last,
                volume=volume,
            )  # fmt: skip
            self.kept[asset].append(bars[asset])
        self._running = {
            asset: _begun(price) for asset, price in self.prices.items() if asset not in self.halted
        }
        if not self._ends:
            self.session = None
            self.on_close()
        for told in self.on_bars:
            told(instant, bars)
        if self._ends:
            self._plan_bar(ended)
        else:
            self._plan_session()


def _begun(price: float) -> list[float]:
    """A bar that has only its opening: open, high, low, close, volume."""
    return [price, price, price, price, 0.0]


def _nothing() -> None:
    """Nobody is told."""
