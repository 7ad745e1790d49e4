"""A strategy sees the same in a live run as in a backtest over the same bars."""

from datetime import date, datetime, timedelta
from random import Random

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from ml4t.backtest import DataFeed, ExchangeCalendar
from ml4t.core import Bar, MarketSlice
from ml4t.live.bars import (
    Admitted,
    BarBarrier,
    BarGrid,
    BarGroup,
    BarQuarantine,
    BarRules,
    GrowingPanel,
)

ASSETS = ("AAA", "BBB", "CCC")
HOUR = timedelta(hours=1)
EXCHANGE = ExchangeCalendar("XNYS")
GRID = BarGrid(EXCHANGE, HOUR)


def boundaries() -> list[datetime]:
    """The hours around a change of the clock, a holiday and a half day."""
    first, last = (date(2024, 11, 1), date(2024, 12, 3))
    days = [first + timedelta(days=n) for n in range((last - first).days)]
    sessions = [EXCHANGE.session_named(day) for day in days]
    return [end for session in sessions if session for end in GRID.ends(session)]


TIMES = boundaries()


@st.composite
def markets(draw: st.DrawFn) -> list[Bar]:
    """Bars of three assets with gaps, by time."""
    random = draw(st.randoms(use_true_random=True))
    start = draw(st.integers(0, len(TIMES) - 30))
    presence = draw(st.floats(0.3, 1.0))
    bars = [
        bar(when, asset, random)
        for when in TIMES[start : start + 30]
        for asset in ASSETS
        if random.random() < presence
    ]
    return bars or [bar(TIMES[start], ASSETS[0], random)]


def bar(when: datetime, asset: str, random: Random) -> Bar:
    """A bar with any shape, near 100."""
    opens, close = random.uniform(95, 105), random.uniform(95, 105)
    high, low = max(opens, close) + random.random(), min(opens, close) - random.random()
    return Bar(
        timestamp=when,
        asset=asset,
        open=opens,
        high=high,
        low=low,
        close=close,
        volume=float(random.randrange(1_000)),
    )


def backtest(bars: list[Bar]) -> list[MarketSlice]:
    """What a backtest shows."""
    rows = [{"timestamp": b.timestamp, "symbol": b.asset, **b} for b in bars]
    feed = DataFeed(pd.DataFrame(rows), timezone="America/New_York", calendar=EXCHANGE)
    return [MarketSlice(feed.panel, row) for row in range(len(feed))]


def live(bars: list[Bar], assets: list[str], random: Random) -> list[MarketSlice]:
    """What a live run shows, where the bars of an hour arrive in any order."""
    quarantine = BarQuarantine(assets, BarRules(), EXCHANGE)
    barrier = BarBarrier(assets, GRID, timedelta(seconds=2))
    panel = GrowingPanel(assets, has_volume=True, zone=EXCHANGE.zone)
    groups: list[BarGroup] = []
    arrivals = [(b.timestamp + timedelta(seconds=random.random()), b) for b in bars]
    for now, one in sorted(arrivals, key=lambda arrival: arrival[0]):
        groups += barrier.due(now)
        admitted = quarantine.admit(one, now)
        assert isinstance(admitted, Admitted)
        found = barrier.add(admitted.bar, now)
        assert isinstance(found, list)
        groups += found
    groups += barrier.due(bars[-1].timestamp + HOUR)
    return [panel.append(group.timestamp, group.bars) for group in groups]


def content(data: MarketSlice) -> dict[str, object]:
    """All that a strategy can read of a slice."""
    return {
        "type": type(data),
        "timestamp": data.timestamp.isoformat(),
        "zone": str(data.timestamp.tzinfo),
        "previous": data.previous_timestamp,
        "row": data.row,
        "universe": data.universe,
        "bars": {asset: dict(view) for asset, view in data.items()},
        "marks": data.marks(ASSETS),
        "previous_marks": [data.previous_mark(asset) for asset in ASSETS],
        "ranges": [data.average_range(asset, 14) for asset in ASSETS],
    }


@given(markets(), st.randoms(use_true_random=True))
def test_live_slices_are_those_of_a_backtest(bars: list[Bar], random: Random) -> None:
    expected = backtest(bars)
    found = live(bars, sorted({b.asset for b in bars}), random)

    assert [content(data) for data in expected] == [content(data) for data in found]
