"""Market data as the engine replays it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.calendars import session_closes
from ml4t.backtest.data.clock import Clock, OutsideSession, make_clock
from ml4t.backtest.data.contexts import Context, read_contexts
from ml4t.backtest.data.feed_digest import feed_digest
from ml4t.backtest.data.frames import FrameSource
from ml4t.backtest.data.given_arrays import bars_of_arrays
from ml4t.backtest.data.labels import BarLabels
from ml4t.backtest.data.panel import ArrayPanel
from ml4t.backtest.data.prices import Bars, read_prices
from ml4t.backtest.data.signals import read_signals
from ml4t.backtest.data.time_axis import TimeAxis
from ml4t.backtest.data.zones import declared_zone
from ml4t.core.assets import Asset
from ml4t.core.calendar import TradingCalendar
from ml4t.core.errors import DataError, InvalidValueError

__all__ = ["DataFeed"]


class DataFeed:
    """Bars, signals and context of a run, checked and aligned by instant and asset.

    Each frame is a pandas, polars or pyarrow table, or the path of a ``.parquet`` or ``.csv``
    file. Column names are compared without regard to case, named levels of a pandas index count as
    columns, and the order of rows never matters. Whatever is not possible is refused, with the row
    (counted from 0 as given), the column, the value and what to do; nothing is repaired or dropped
    in silence.

    **Timestamps** are the instants at which a bar was complete and could be known: the end of its
    interval, not the beginning. A strategy sees the bar at that instant. Timestamps with a timezone
    are instants as they are. Naive datetimes, dates and ISO 8601 text without offset are wall times
    and need ``timezone``; those that the clock shows twice or never are refused. A date stands for
    the first moment of that day: enough to order daily bars among themselves, but give the closing
    times, or a ``calendar``, where they meet finer bars. The strategy sees timestamps in
    ``timezone`` if it is declared, else in the named zone of the prices, else in UTC.

    **Sessions.** With a ``calendar``, orders for the day end with their session and the auctions
    at its open and close are known. Every bar must lie in a session: an instant after its opening,
    up to and including its close. Prices whose timestamps are dates alone, without a zone, then
    name sessions, and their bars are complete at the close; they need no ``timezone``.

    Args:
        prices: one row for each bar. A timestamp column (``timestamp``, ``datetime``, ``date`` or
            ``time``), an asset column (``symbol``, ``asset`` or ``ticker``), ``open``, ``high``,
            ``low``, ``close`` or of these ``close`` alone (then all four are the close), and
            perhaps ``volume``. No other columns.
        signals: numbers that belong to a bar: timestamp, asset and any columns of numbers. A
            missing value or NaN means that there is no signal. Each row must belong to a bar.
        context: what is known at an instant about the market as a whole: timestamp and any columns
            of numbers, text, booleans or dates, at most one row for each timestamp.
        timezone: IANA name of the zone that wall times are in.
        assets: terms of assets that need other than ``Asset(symbol=...)``.
        calendar: the sessions of the market: a name that ``exchange_calendars`` knows, such as
            ``"XNYS"``, or a calendar of your own.
        labels: what timestamps say where they are not the end of the bar:
            ``StartOfBar(timedelta(minutes=5))`` or ``SessionDate()``. Those of signals and context
            say the same. No bar is seen before it ended; with a calendar it ends at the close of
            its session at the latest.
        outside_session: ``"refuse"`` a bar that lies in no session, or ``"skip"`` it.
        daily: whether no session has two instants; found in the prices if left out.

    Attributes:
        panel: all columns on the grid of T instants and N assets.
        times: the instants.
        contexts: for each instant the mapping of context, empty where none was given, values None
            where one is missing; None if the feed has no context at all.
        terms: the terms of each asset by symbol.
        assets: the symbols, sorted.
        calendar: the sessions, None if they are not known.
        is_daily: whether each session, or without a calendar each local date, has one instant at
            most. It is a property of the data as a whole: cut off somewhere, they keep it.
        skipped: how many bars were left out since they lie in no session.
        clock: how timestamps of the frames are read.

    Raises:
        DataError: the data were refused; the message says where and why.
        InvalidValueError: there is no such ``timezone`` or ``calendar``, ``assets`` has something
            else, or ``labels`` or ``outside_session`` need a calendar.
        OSError: a file cannot be opened.

    >>> import pandas as pd
    >>> feed = DataFeed(
    ...     pd.DataFrame(
    ...         {
    ...             "timestamp": ["2024-01-02 16:00", "2024-01-03 16:00"],
    ...             "symbol": "SPY",
    ...             "close": [472.65, 468.79],
    ...         }
    ...     ),
    ...     timezone="America/New_York",
    ... )
    >>> feed
    DataFeed(2024-01-02T16:00:00-05:00 .. 2024-01-03T16:00:00-05:00, 2 instants, 1 asset: close)
    >>> feed.panel.arrays["close"].tolist()
    [[472.65], [468.79]]
    """

    __slots__ = (
        "_digest",
        "assets",
        "clock",
        "contexts",
        "is_daily",
        "panel",
        "skipped",
        "terms",
        "times",
    )

    clock: Clock
    is_daily: bool
    skipped: int
    panel: ArrayPanel
    times: TimeAxis
    contexts: Sequence[Context] | None
    terms: Mapping[str, Asset]
    assets: tuple[str, ...]
    _digest: str | None

    def __init__(  # noqa: PLR0913 - each says another thing about the data
        self,
        prices: FrameSource,
        signals: FrameSource | None = None,
        context: FrameSource | None = None,
        *,
        timezone: str | None = None,
        assets: Iterable[Asset] | None = None,
        calendar: str | TradingCalendar | None = None,
        labels: BarLabels | None = None,
        outside_session: OutsideSession = "refuse",
        daily: bool | None = None,
    ) -> None:
        declared = None if timezone is None else declared_zone(timezone)
        bars = read_prices(prices, make_clock(declared, calendar, labels, outside_session))
        if signals is not None:
            bars.arrays.update(read_signals(signals, bars, bars.clock))
        contexts = None if context is None else read_contexts(context, bars.times, bars.clock)
        self._assemble(bars, contexts, assets, daily)

    @classmethod
    def from_arrays(  # noqa: PLR0913 - each says another thing about the data
        cls,
        timestamps: NDArray[np.datetime64] | Sequence[datetime],
        symbols: Sequence[str],
        columns: Mapping[str, NDArray[np.float64]],
        *,
        timezone: str = "UTC",
        assets: Iterable[Asset] | None = None,
        calendar: str | TradingCalendar | None = None,
        labels: BarLabels | None = None,
        outside_session: OutsideSession = "refuse",
        daily: bool | None = None,
    ) -> Self:
        """A feed over arrays that are on their grid already, for data too large for a frame.

        The arrays are not copied but become read-only; leave whatever shares their memory alone.
        Where bars outside of sessions are skipped, what is left is a copy.

        Args:
            timestamps: T instants, ascending: datetime64, which are wall times of ``timezone``, or
                datetimes with a timezone.
            symbols: N symbols, ascending.
            columns: float64 of shape (T, N) in C order: ``open``, ``high``, ``low``, ``close`` or
                of these ``close`` alone, perhaps ``volume``; all others are signals. A missing bar
                is NaN in all columns.
            timezone: IANA name of the zone in which the strategy sees the timestamps.
            assets: terms of assets that need other than ``Asset(symbol=...)``.
            calendar: as for the class.
            labels: as for the class.
            outside_session: as for the class.
            daily: as for the class.

        Raises:
            DataError: the data were refused; the message says where and why.
            InvalidValueError: there is no such ``timezone``.

        >>> days = np.array(["2024-01-02T21:00", "2024-01-03T21:00"], "datetime64[us]")
        >>> feed = DataFeed.from_arrays(days, ["SPY"], {"close": np.array([[472.65], [468.79]])})
        >>> feed.times[0].isoformat()
        '2024-01-02T21:00:00+00:00'
        """
        feed = cls.__new__(cls)
        clock = make_clock(declared_zone(timezone), calendar, labels, outside_session)
        bars = bars_of_arrays(timestamps, symbols, columns, clock)
        feed._assemble(bars, None, assets, daily)  # noqa: SLF001 - its own class
        return feed

    @property
    def calendar(self) -> TradingCalendar | None:
        """The sessions of the market; None if they are not known."""
        return self.clock.calendar

    @property
    def digest(self) -> str:
        """The SHA-256 of times, sessions, symbols, columns, contexts and terms, in hexadecimal.

        Equal for equal data: the order of rows, the library of the frames and the process do not
        matter. Computed when it is first asked for.
        """
        if self._digest is None:
            self._digest = feed_digest(
                self.times, self.panel.arrays, self.contexts, self.terms.values(), self._closes()
            )
        return self._digest

    def __len__(self) -> int:
        """The number of instants."""
        return len(self.times)

    def __repr__(self) -> str:
        plural = "" if len(self.assets) == 1 else "s"
        columns = list(self.panel.arrays)
        if self.panel.arrays["open"] is self.panel.arrays["close"]:
            columns = [name for name in columns if name not in ("open", "high", "low")]
        return (
            f"DataFeed({self.times[0].isoformat()} .. {self.times[-1].isoformat()}, "
            f"{len(self)} instants, {len(self.assets)} asset{plural}: {', '.join(columns)})"
        )

    def _assemble(
        self,
        bars: Bars,
        contexts: Sequence[Context] | None,
        assets: Iterable[Asset] | None,
        daily: bool | None,  # noqa: FBT001
    ) -> None:
        self.terms = _terms(bars.assets, assets or ())
        self.panel = ArrayPanel(bars.times, bars.assets, bars.arrays)
        self.times = bars.times
        self.contexts = contexts
        self.assets = bars.assets
        self.clock = bars.clock
        self.skipped = bars.skipped
        self.is_daily = self._daily(daily)
        self._digest = None

    def _closes(self) -> NDArray[np.int64] | None:
        """The close of each instant's session, if sessions are known."""
        if self.calendar is None:
            return None
        return session_closes(self.calendar, self.times.nanoseconds, self.times.zone)

    def _daily(self, declared: bool | None) -> bool:  # noqa: FBT001
        """Whether no session has two instants, unless it is declared not to be so."""
        if declared is False:
            return False
        closes = self._closes()
        found = self.times.daily if closes is None else bool((np.diff(closes) > 0).all())
        if declared and not found:
            msg = "daily is True, but a session has bars at two instants; leave it out"
            raise DataError(msg)
        return found


def _terms(symbols: Sequence[str], given: Iterable[Asset]) -> Mapping[str, Asset]:
    terms = {symbol: Asset(symbol=symbol) for symbol in symbols}
    seen: set[str] = set()
    for asset in given:
        if not isinstance(asset, Asset):
            msg = f"assets must be Asset objects, was {asset!r}"
            raise InvalidValueError(msg)
        if asset.symbol not in terms:
            msg = f"assets has {asset.symbol!r}, of which prices has no bar; remove it"
            raise DataError(msg)
        if asset.symbol in seen:
            msg = f"assets has {asset.symbol!r} twice; keep one"
            raise DataError(msg)
        seen.add(asset.symbol)
        terms[asset.symbol] = asset
    return MappingProxyType(terms)
