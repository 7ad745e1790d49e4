"""Returns by day and how many of them a year has; the figures themselves are in test_result."""

import pandas as pd
import pytest

from ml4t.backtest.results.metrics import daily_returns, periods_per_year


def equity_at(*points: tuple[str, float], zone: str = "America/New_York") -> "pd.Series[float]":
    times = pd.DatetimeIndex([time for time, _ in points]).tz_localize(zone)
    return pd.Series([number for _, number in points], index=times)


def test_bars_of_one_day_are_one_return_of_that_day() -> None:
    equity = equity_at(
        ("2024-01-02 10:00", 101.0),
        ("2024-01-02 16:00", 102.0),
        ("2024-01-03 10:00", 90.0),
        ("2024-01-03 16:00", 105.0),
    )

    returns = daily_returns(equity, 100.0)

    assert returns.tolist() == pytest.approx([102 / 100 - 1, 105 / 102 - 1])
    assert [day.isoformat() for day in returns.index] == ["2024-01-02", "2024-01-03"]


def test_a_day_ends_at_midnight_of_the_local_clock() -> None:
    equity = equity_at(("2024-01-02 18:00", 110.0), ("2024-01-02 20:00", 121.0))

    assert len(daily_returns(equity, 100.0)) == 1
    assert len(daily_returns(equity.tz_convert("UTC"), 100.0)) == 2


def test_weekly_bars_are_a_return_each() -> None:
    equity = equity_at(("2024-01-05 16:00", 110.0), ("2024-01-12 16:00", 121.0))

    assert daily_returns(equity, 100.0).tolist() == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize(
    ("frequency", "count", "expected"),
    [("D", 400, 365.2425), ("W-FRI", 120, 365.2425 / 7), ("B", 600, 260.9), ("MS", 60, 12.0)],
)
def test_periods_per_year_are_counted_from_the_dates(
    frequency: str, count: int, expected: float
) -> None:
    days = pd.Index(pd.date_range("2020-01-01", periods=count, freq=frequency).date)

    assert periods_per_year(days) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(("count", "expected"), [(1, 252.0), (90, 252.0), (91, 365.2425)])
def test_a_run_of_under_ninety_days_counts_trading_days(count: int, expected: float) -> None:
    days = pd.Index(pd.date_range("2020-01-01", periods=count).date)

    assert periods_per_year(days) == pytest.approx(expected)
