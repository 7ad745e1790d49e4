"""Sessions of the market: labels of bars, bars outside, daily bars, orders for a session."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.backtest import (
    DataFeed,
    EndOfBar,
    ExchangeCalendar,
    SessionDate,
    StartOfBar,
    Strategy,
)
from ml4t.backtest.cli import main as backtest
from ml4t.backtest.data.labels import read_labels
from ml4t.backtest.guards.lookahead_cli import main as check_lookahead
from ml4t.backtest.guards.verify_cli import main as verify
from ml4t.core.calendar import AlwaysOpen, Session
from ml4t.core.errors import DataError, InvalidValueError
from ml4t.core.order_requests import OrderType, TimeInForce

NEW_YORK = ZoneInfo("America/New_York")
FIVE = timedelta(minutes=5)


def prices(timestamps, symbol="SPY"):
    """One bar at each timestamp, at 100, 101, 102 and so on."""
    count = len(timestamps)
    closes = 100.0 + np.arange(count)
    return pd.DataFrame({"timestamp": timestamps, "symbol": symbol, "close": closes})


def local(*texts):
    return pd.to_datetime(list(texts)).tz_localize(NEW_YORK)


def minutes(first, last, step="5min"):
    return pd.date_range(first, last, freq=step, tz=NEW_YORK)


def seen(feed):
    return [when.astimezone(NEW_YORK).strftime("%m-%d %H:%M") for when in feed.times]


# What a calendar knows


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2024-11-27", "14:30", "21:00"),
        ("2024-11-29", "14:30", "18:00"),  # the day after Thanksgiving closes at 13:00
        ("2024-03-08", "14:30", "21:00"),
        ("2024-03-11", "13:30", "20:00"),  # summer time began
        ("2024-11-01", "13:30", "20:00"),
        ("2024-11-04", "14:30", "21:00"),  # summer time ended
    ],
)
def test_sessions_have_early_closes_and_both_kinds_of_time(day, opens, closes):
    calendar = ExchangeCalendar("XNYS")
    first, last = (datetime.fromisoformat(f"{day}T{at}+00:00") for at in (opens, closes))
    session = Session(label=date.fromisoformat(day), opens=first, closes=last)

    assert calendar.session_of(first) is None
    assert calendar.session_of(first + timedelta(microseconds=1)) == session
    assert calendar.session_of(last) == session
    assert calendar.session_of(last + timedelta(microseconds=1)) is None
    assert calendar.zone == NEW_YORK


def test_no_session_holds_a_holiday_or_a_weekend():
    calendar = ExchangeCalendar("XNYS")
    for day in ("2024-11-28", "2024-11-30", "2024-12-25"):
        assert calendar.session_of(datetime.fromisoformat(f"{day}T17:00+00:00")) is None


def test_a_session_over_midnight_is_named_by_the_day_it_closes_on():
    calendar = ExchangeCalendar("CMES")
    evening = datetime(2024, 11, 19, 20, 0, tzinfo=ZoneInfo("America/Chicago"))

    assert calendar.session_of(evening).label == date(2024, 11, 20)
    assert calendar.session_of(evening + timedelta(hours=12)).label == date(2024, 11, 20)


def test_a_calendar_grows_with_what_it_is_asked():
    calendar = ExchangeCalendar("XNYS")
    for year in (2020, 2010, 2024, 2015):
        assert calendar.session_of(datetime(year, 6, 17, 18, tzinfo=UTC)).label.year == year


def test_an_unknown_calendar_is_refused():
    with pytest.raises(InvalidValueError, match="there is no calendar 'NYSE!'"):
        DataFeed(prices(local("2024-01-02 16:00")), calendar="NYSE!")
    with pytest.raises(InvalidValueError, match="TradingCalendar, was 5"):
        DataFeed(prices(local("2024-01-02 16:00")), calendar=5)


def test_a_calendar_that_its_package_cannot_make_is_refused(monkeypatch):
    def fail(*arguments, **options):
        message = "implemented by subclasses"
        raise NotImplementedError(message)

    monkeypatch.setattr("exchange_calendars.get_calendar", fail)
    with pytest.raises(InvalidValueError, match="cannot make its calendar 'XBEL': implemented by"):
        ExchangeCalendar("XBEL")


def test_a_year_that_a_calendar_does_not_reach_is_refused():
    with pytest.raises(DataError, match="XKRX has no sessions"):
        ExchangeCalendar("XKRX").session_of(datetime(1890, 1, 2, 5, tzinfo=UTC))


# Labels


def test_start_labels_move_to_the_end_of_the_bar():
    feed = DataFeed(
        prices(minutes("2024-11-27 09:30", "2024-11-27 09:40")), labels=StartOfBar(FIVE)
    )

    assert seen(feed) == ["11-27 09:35", "11-27 09:40", "11-27 09:45"]


@pytest.mark.parametrize("day", ["2024-11-27", "2024-11-29"])
def test_no_bar_ends_after_the_close(day):
    close = {"2024-11-27": "16:00", "2024-11-29": "13:00"}[day]
    starts = minutes(f"{day} 09:30", f"{day} {close}", "1h")
    if day == "2024-11-29":  # 12:30 to 13:30
        starts = starts[:4]
    feed = DataFeed(prices(starts), calendar="XNYS", labels=StartOfBar(timedelta(hours=1)))

    assert seen(feed)[-1] == f"{day[5:]} {close}"
    assert seen(feed)[0] == f"{day[5:]} 10:30"


def test_a_bar_that_begins_before_the_open_belongs_to_the_session_it_runs_into():
    starts = local("2024-11-27 09:00", "2024-11-27 10:00")
    feed = DataFeed(prices(starts), calendar="XNYS", labels=StartOfBar(timedelta(hours=1)))

    assert seen(feed) == ["11-27 10:00", "11-27 11:00"]


def test_a_bar_of_a_local_day_is_not_seen_before_the_longer_day_ends():
    starts = local("2024-03-09", "2024-03-10", "2024-11-02", "2024-11-03")
    feed = DataFeed(prices(starts), labels=StartOfBar(timedelta(days=1)))

    # The day of 23 hours counts 24 hours: late is safe. That of 25 ends with its clock.
    assert seen(feed) == ["03-10 00:00", "03-11 01:00", "11-03 00:00", "11-04 00:00"]


def test_short_bars_follow_time_through_the_hour_that_comes_twice():
    starts = pd.date_range("2024-11-03 05:30", periods=4, freq="30min", tz="UTC")
    feed = DataFeed(prices(starts.tz_convert(NEW_YORK)), labels=StartOfBar(timedelta(minutes=30)))

    assert np.diff(feed.times.nanoseconds).tolist() == [1800 * 10**9] * 3
    assert feed.times[0].timestamp() == starts[1].timestamp()


@given(
    st.lists(st.integers(0, 400_000), min_size=1, max_size=20, unique=True),
    st.sampled_from([1, 5, 60, 90, 240, 1440]),
    st.sampled_from(["UTC", "America/New_York", "Europe/London", "Australia/Lord_Howe"]),
)
def test_no_bar_is_visible_before_it_ended(offsets, length, zone):
    """Neither by elapsed time nor by the clock of its zone."""
    step = timedelta(minutes=length)
    first = datetime(2024, 2, 1, tzinfo=UTC)
    starts = [first + length * timedelta(minutes=offset // length) for offset in sorted(offsets)]
    starts = [moment.astimezone(ZoneInfo(zone)) for moment in dict.fromkeys(starts)]
    ends = StartOfBar(step).ends(
        np.array([int(moment.timestamp()) * 10**9 for moment in starts]), ZoneInfo(zone)
    )
    for start, end in zip(starts, ends.tolist(), strict=True):
        assert end >= int((start.astimezone(UTC) + step).timestamp()) * 10**9
        if length > 60:
            assert end >= int((start + step).replace(fold=1).timestamp()) * 10**9


@given(st.data())
def test_with_a_calendar_a_bar_is_seen_at_its_end_or_at_the_close(data):
    calendar = XNYS
    length = data.draw(st.sampled_from([1, 5, 15, 30, 60]))
    day = data.draw(st.sampled_from(["2024-03-08", "2024-03-11", "2024-11-29", "2024-11-04"]))
    opens = datetime.fromisoformat(f"{day}T09:30").replace(tzinfo=NEW_YORK)
    rows = data.draw(st.sets(st.integers(0, 209 // length), min_size=1, max_size=8))
    starts = [opens + timedelta(minutes=length * row) for row in sorted(rows)]
    step = timedelta(minutes=length)
    feed = DataFeed(prices(starts), calendar=calendar, labels=StartOfBar(step))

    for start, end in zip(starts, feed.times, strict=True):
        assert end == min(start + step, calendar.session_of(end).closes)


XNYS = ExchangeCalendar("XNYS")


def test_lengths_too_long_for_the_bars_are_refused():
    starts = minutes("2024-11-27 15:45", "2024-11-27 15:55")
    with pytest.raises(DataError, match=r"row 1 .*ends with the one before it.*correct the length"):
        DataFeed(prices(starts), calendar="XNYS", labels=StartOfBar(timedelta(minutes=15)))


@pytest.mark.parametrize(
    "days", [["2024-11-27", "2024-11-29"], [date(2024, 11, 27), date(2024, 11, 29)]]
)
def test_dates_are_the_close_of_their_session(days):
    feed = DataFeed(prices(days), calendar="XNYS")

    assert seen(feed) == ["11-27 16:00", "11-29 13:00"]
    assert feed.times.zone == NEW_YORK
    assert feed.is_daily


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_midnights_with_a_zone_are_dates_if_that_is_said(zone):
    days = pd.to_datetime(["2024-11-27", "2024-11-29"]).tz_localize(zone)
    with pytest.raises(DataError, match=r"SessionDate\(\) if they are dates"):
        DataFeed(prices(days), calendar="XNYS")
    feed = DataFeed(
        prices(days), calendar="XNYS", labels=SessionDate(), timezone="America/New_York"
    )

    assert seen(feed) == ["11-27 16:00", "11-29 13:00"]


def test_dates_over_midnight_and_around_the_clock():
    cme = DataFeed(prices(["2024-11-20"]), calendar="CMES")
    assert cme.times[0] == datetime(2024, 11, 20, 23, tzinfo=UTC)
    crypto = DataFeed(prices(["2024-11-20"]), calendar=AlwaysOpen(), timezone="UTC")
    assert crypto.times[0] == datetime(2024, 11, 21, tzinfo=UTC)


def test_a_time_of_day_is_no_date():
    with pytest.raises(DataError, match=r"row 0 .*must be a date, or midnight"):
        DataFeed(prices(local("2024-11-27 16:00")), calendar="XNYS", labels=SessionDate())


def test_dates_of_signals_and_context_meet_those_of_the_bars():
    days = ["2024-11-27", "2024-11-29"]
    signals = pd.DataFrame({"timestamp": days, "symbol": "SPY", "score": [1.0, 2.0]})
    context = pd.DataFrame({"timestamp": local("2024-11-29 13:00"), "regime": ["calm"]})
    feed = DataFeed(prices(days), signals, context, calendar="XNYS")

    assert feed.panel.arrays["score"][:, 0].tolist() == [1.0, 2.0]
    assert [dict(row) for row in feed.contexts] == [{}, {"regime": "calm"}]


def test_a_date_beside_minute_bars_is_no_close():
    signals = pd.DataFrame({"timestamp": ["2024-11-27"], "symbol": "SPY", "score": [1.0]})
    bars = prices(local("2024-11-27 15:59", "2024-11-27 16:00"))
    with pytest.raises(DataError, match="no session"):
        DataFeed(bars, signals, calendar="XNYS", timezone="America/New_York")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": SessionDate()}, "needs a calendar"),
        ({"outside_session": "skip"}, "needs a calendar"),
        ({"outside_session": "drop", "calendar": "XNYS"}, "'refuse' or 'skip'"),
        ({"labels": "start"}, "labels must be"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments, message):
    with pytest.raises(InvalidValueError, match=message):
        DataFeed(prices(local("2024-11-27 16:00")), **arguments)


@pytest.mark.parametrize("length", [timedelta(), -FIVE, 300])
def test_a_length_is_positive(length):
    with pytest.raises(InvalidValueError, match="positive timedelta"):
        StartOfBar(length)


def test_labels_in_words():
    assert read_labels("start", "90 min") == StartOfBar(timedelta(minutes=90))
    assert read_labels("end", None) == EndOfBar()
    assert read_labels("date", None) == SessionDate()
    for label, length in [("begin", None), ("start", None), ("start", "5m"), ("end", "5min")]:
        with pytest.raises(InvalidValueError, match=r"the bar|bars labelled"):
            read_labels(label, length)


# Outside of sessions


def test_a_bar_outside_of_sessions_is_refused():
    bars = prices(local("2024-11-29 12:59", "2024-11-29 13:01", "2024-11-29 13:02"))
    with pytest.raises(DataError) as caught:
        DataFeed(bars, calendar="XNYS")
    for words in (
        "row 1 of prices (2024-11-29T13:01:00-05:00, SPY)",
        "nearest being 2024-11-29, 2024-11-29 09:30 to 2024-11-29 13:00",
        "outside_session='skip'",
        "1 more row",
    ):
        assert words in str(caught.value)


def test_start_labels_taken_for_ends_are_noticed():
    with pytest.raises(DataError, match=r"labels=StartOfBar"):
        DataFeed(prices(local("2024-11-27 09:30")), calendar="XNYS")


def test_bars_outside_of_sessions_are_skipped_and_counted():
    early, late = local("2024-11-27 08:00"), local("2024-11-27 10:00", "2024-11-27 10:01")
    bars = pd.concat([prices(early, "AAA"), prices(late)])
    signals = pd.DataFrame(
        {"timestamp": [*early, *late], "symbol": ["AAA", "SPY", "SPY"], "score": [1.0, 2.0, 3.0]}
    )
    context = pd.DataFrame({"timestamp": [*early, *late], "level": [1.0, 2.0, 3.0]})
    feed = DataFeed(bars, signals, context, calendar="XNYS", outside_session="skip")

    assert (feed.skipped, feed.assets) == (1, ("SPY",))
    assert feed.panel.arrays["score"][:, 0].tolist() == [2.0, 3.0]
    assert [row["level"] for row in feed.contexts] == [2.0, 3.0]


def test_rows_are_named_as_given_where_others_are_skipped():
    when = local("2024-11-27 08:00", "2024-11-27 10:00", "2024-11-27 10:00")
    with pytest.raises(DataError, match=r"row 2 of prices .* row 1 has both already"):
        DataFeed(prices(when), calendar="XNYS", outside_session="skip")


def test_nothing_within_sessions_is_refused():
    with pytest.raises(DataError, match="no row within a session"):
        DataFeed(prices(local("2024-11-30 10:00")), calendar="XNYS", outside_session="skip")


def test_arrays_are_treated_the_same():
    starts = np.array(["2024-11-29T17:00", "2024-11-29T17:45", "2024-11-29T18:30"], "M8[us]")
    closes = np.array([[1.0, 2.0], [3.0, np.nan], [4.0, 5.0]])
    arguments = {"calendar": "XNYS", "labels": StartOfBar(timedelta(minutes=45))}
    with pytest.raises(DataError, match=r"row 2 of timestamps \(2024-11-29T18:30:00\+00:00, A\)"):
        DataFeed.from_arrays(starts, ["A", "B"], {"close": closes.copy()}, **arguments)
    feed = DataFeed.from_arrays(
        starts, ["A", "B"], {"close": closes}, **arguments, outside_session="skip"
    )

    assert seen(feed) == ["11-29 12:45", "11-29 13:00"]
    assert feed.skipped == 2
    assert feed.panel.arrays["close"].tolist()[0] == [1.0, 2.0]


# Daily or not, and the digest


def test_a_feed_is_daily_if_no_session_has_two_instants():
    evenings = pd.to_datetime(["2024-11-19 23:30", "2024-11-20 12:00"]).tz_localize("UTC")
    assert DataFeed(prices(evenings)).is_daily
    assert not DataFeed(prices(evenings), calendar="CMES").is_daily
    assert DataFeed(prices(local("2024-11-27 16:00", "2024-11-29 13:00"))).is_daily
    single = prices(local("2024-11-27 16:00"))
    assert not DataFeed(single, daily=False).is_daily
    with pytest.raises(DataError, match="daily is True"):
        DataFeed(prices(evenings), calendar="CMES", daily=True)


def test_the_digest_knows_the_sessions():
    bars = prices(local("2024-11-27 15:00", "2024-11-27 15:30"))
    digests = {DataFeed(bars, calendar=name).digest for name in (None, "XNYS", "CMES", "24/7")}

    assert len(digests) == 4
    assert DataFeed(bars, calendar=ExchangeCalendar("XNYS")).digest in digests


# Orders


class Submit(Strategy):
    """Submits one order at each of some rows."""

    def __init__(self, orders):
        self.orders, self.row, self.sent = orders, 0, []

    def on_data(self, timestamp, data, context, broker):
        for arguments in self.orders.get(self.row, []):
            self.sent.append(broker.submit_order("SPY", 1, **arguments))
        self.row += 1


def outcome(run_engine, feed, orders):
    result = run_engine(feed, Submit(orders))
    fills = {fill.order_id: fill.timestamp for fill in result.fills.itertuples()}
    return [
        fills[order.order_id].tz_convert(NEW_YORK).strftime("%m-%d %H:%M")
        if order.order_id in fills
        else order.status
        for order in result.orders.itertuples()
    ]


ON_OPEN = {"order_type": OrderType.MARKET_ON_OPEN}
ON_CLOSE = {"order_type": OrderType.MARKET_ON_CLOSE}
OPG = {"time_in_force": TimeInForce.OPG}
CLS = {"time_in_force": TimeInForce.CLS}
LOW = {"order_type": OrderType.LIMIT, "limit_price": 1.0, "time_in_force": TimeInForce.DAY}


def half_day():
    wednesday = minutes("2024-11-27 15:30", "2024-11-27 15:55", "5min")
    friday = minutes("2024-11-29 09:30", "2024-11-29 12:55", "5min")
    monday = minutes("2024-12-02 09:30", "2024-12-02 09:40", "5min")
    return DataFeed(
        prices([*wednesday, *friday, *monday]), calendar="XNYS", labels=StartOfBar(FIVE)
    )


@pytest.mark.parametrize(
    ("row", "order", "expected"),
    [
        (0, ON_OPEN, "11-29 09:35"),
        (0, OPG, "11-29 09:35"),
        (0, ON_CLOSE, "11-27 16:00"),
        (6, ON_CLOSE, "11-29 13:00"),
        (6, CLS, "11-29 13:00"),
        (46, ON_OPEN, "12-02 09:35"),
    ],
)
def test_minute_bars_hold_the_auctions_of_their_session(run_engine, row, order, expected):
    assert outcome(run_engine, half_day(), {row: [order]}) == [expected]


def test_orders_for_the_day_end_with_the_half_day(run_engine):
    result = run_engine(half_day(), Submit({6: [LOW]}))

    (order,) = result.orders.itertuples()
    assert order.status == "expired"


@pytest.mark.parametrize("dates", [("2024-03-08", "2024-03-11"), ("2024-11-01", "2024-11-04")])
def test_auctions_follow_the_change_of_the_clocks(run_engine, dates):
    starts = [when for day in dates for when in minutes(f"{day} 09:30", f"{day} 15:55", "5min")]
    feed = DataFeed(prices(starts), calendar="XNYS", labels=StartOfBar(FIVE))
    later = dates[1][5:]

    assert len(feed) == 156
    assert outcome(run_engine, feed, {77: [ON_OPEN, ON_CLOSE]}) == [
        f"{later} 09:35",
        f"{later} 16:00",
    ]


def test_daily_bars_hold_both_auctions(run_engine):
    feed = DataFeed(prices(["2024-11-27", "2024-11-29", "2024-12-02"]), calendar="XNYS")

    orders = {0: [ON_OPEN, ON_CLOSE, OPG, CLS]}
    assert outcome(run_engine, feed, orders) == ["11-29 13:00"] * 4


def test_daily_bars_without_a_calendar_hold_both_auctions(run_engine):
    feed = DataFeed(prices(local("2024-11-27 16:00", "2024-11-29 13:00")))

    assert outcome(run_engine, feed, {0: [ON_OPEN, ON_CLOSE]}) == ["11-29 13:00"] * 2


def test_a_session_over_midnight_is_one_day_for_orders(run_engine):
    hours = pd.date_range("2024-11-19 23:00", "2024-11-20 23:00", freq="1h", tz="UTC")
    feed = DataFeed(prices(hours), calendar="CMES", labels=StartOfBar(timedelta(hours=1)))
    low_and_close = [LOW, ON_CLOSE]

    # Submitted before midnight in New York and in UTC; the session closes at 18:00 in New York.
    assert outcome(run_engine, feed, {0: low_and_close}) == ["expired", "11-20 18:00"]


def test_a_market_that_never_closes_has_days(run_engine):
    hours = pd.date_range("2024-11-20 01:00", "2024-11-22 00:00", freq="1h", tz="UTC")
    feed = DataFeed(prices(hours), calendar=AlwaysOpen())

    assert outcome(run_engine, feed, {0: [ON_CLOSE, ON_OPEN, LOW]}) == [
        "11-20 19:00",
        "11-20 20:00",
        "expired",
    ]


def test_auction_orders_are_rejected_where_auctions_are_unknown(run_engine):
    feed = DataFeed(prices(minutes("2024-11-27 10:00", "2024-11-27 10:30")))
    strategy = Submit({0: [ON_OPEN, ON_CLOSE, OPG, CLS]})
    result = run_engine(feed, strategy)

    assert set(result.orders["status"]) == {"rejected"}
    assert all("give the feed a calendar" in reason for reason in result.orders["reason"])


# Commands

STRATEGY = """
from ml4t.backtest import Strategy
from ml4t.core import OrderType


class Close(Strategy):
    def on_data(self, timestamp, data, context, broker):
        if not broker.positions and not broker.pending_orders:
            broker.submit_order("SPY", 1, order_type=OrderType.MARKET_ON_CLOSE)
"""

OPTIONS = [
    "--prices", "prices.csv", "--timezone", "America/New_York", "--calendar", "XNYS",
    "--bar-label", "start", "--bar-length", "5min", "--outside-session", "skip",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a strategy and prices that begin before the open and end after the close."""
    days = ["2024-11-27", "2024-11-29"]
    starts = [
        when for day in days for when in pd.date_range(f"{day} 09:00", f"{day} 16:30", freq="5min")
    ]
    prices(starts).to_csv(tmp_path / "prices.csv", index=False)
    (tmp_path / "close.py").write_text(STRATEGY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_know_sessions(folder: Path) -> None:
    assert backtest(["close.py", *OPTIONS, "--out", "result"]) == 0
    fills = pd.read_parquet(folder / "result" / "fills.parquet")
    assert [str(when) for when in fills["timestamp"]] == ["2024-11-27 16:00:00-05:00"]
    assert verify(["result", "--runs", "1"]) == 0
    assert check_lookahead(["close.py", *OPTIONS, "--cuts", "3"]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--calendar", "NOWHERE"], "there is no calendar 'NOWHERE'"),
        (["--calendar", "XNYS"], "lies in no session"),
        (["--bar-label", "start"], "need a length"),
        (["--bar-length", "5min"], "labelled by their start"),
        (["--calendar", "XNYS", "--outside-session", "drop"], "'refuse' or 'skip'"),
    ],
)
def test_options_that_cannot_be_are_refused(folder, capsys, options, message):
    given = ["close.py", "--prices", "prices.csv", "--timezone", "America/New_York", *options]

    assert backtest(given) == 1
    assert message in capsys.readouterr().err
    assert check_lookahead(given) == 2


def test_calendars_load_when_they_are_asked_for() -> None:
    code = "import ml4t.backtest, sys; sys.exit('exchange_calendars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603
