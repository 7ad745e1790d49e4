"""Summary statistics of a run, computed by empyrical."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["daily_returns", "periods_per_year", "summarize"]

_TRADING_DAYS = 252.0
_DAYS_PER_YEAR = 365.2425
_LONG_ENOUGH = 90.0


def daily_returns(equity: "pd.Series[float]", initial_cash: float) -> "pd.Series[float]":
    """Simple returns from one local calendar day's last equity to the next.

    Where bars are days or longer, that is one return a bar. The first return is that of the first
    day over the initial cash.
    """
    last = equity.groupby(equity.index.date).last()  # type: ignore[attr-defined]
    before = last.shift(1, fill_value=initial_cash)
    return last / before - 1


def periods_per_year(days: "pd.Index") -> float:
    """How many returns a year has, counted from the data; 252 where it spans under 90 days."""
    span = (days[-1] - days[0]).days
    if span < _LONG_ENOUGH:
        return _TRADING_DAYS
    return float((len(days) - 1) * _DAYS_PER_YEAR / span)


def summarize(
    account: "pd.DataFrame", fills: "pd.DataFrame", trades: "pd.DataFrame", initial_cash: float
) -> "pd.Series[float]":
    """The figures that describe a run.

    Ratios are annualised by :func:`periods_per_year` and use a risk-free rate of 0. A figure that
    the run cannot give, such as a ratio of a constant equity, is NaN.

    Args:
        account: ``cash``, ``equity`` and ``gross`` by timestamp.
        fills: the executions.
        trades: the round trips.
        initial_cash: the money at the start.
    """
    import empyrical  # noqa: PLC0415 - slow to load
    import pandas as pd  # noqa: PLC0415

    equity = account["equity"]
    returns = daily_returns(equity, initial_cash)
    per_year = periods_per_year(returns.index)
    years = max(len(returns) / per_year, 1 / per_year)
    traded = float(fills["value"].sum())
    slipped = (1 - fills["reference_price"] / fills["price"]).abs() * fills["value"]
    closed = trades.loc[~trades["is_open"], "profit"]
    gains, losses = closed[closed > 0].sum(), -closed[closed < 0].sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        figures = {
            "initial_cash": initial_cash,
            "final_equity": equity.iloc[-1],
            "total_return": equity.iloc[-1] / initial_cash - 1,
            "annual_return": empyrical.annual_return(returns, annualization=per_year),
            "annual_volatility": empyrical.annual_volatility(returns, annualization=per_year),
            "sharpe_ratio": empyrical.sharpe_ratio(returns, annualization=per_year),
            "sortino_ratio": empyrical.sortino_ratio(returns, annualization=per_year),
            "max_drawdown": empyrical.max_drawdown(returns),
            "calmar_ratio": empyrical.calmar_ratio(returns, annualization=per_year),
            "exposure": float((account["gross"] / equity).mean()),
            "turnover_per_year": traded / float(equity.mean()) / years,
            "fills": float(len(fills)),
            "round_trips": float(len(closed)),
            "win_rate": float((closed > 0).mean()) if len(closed) else np.nan,
            "profit_factor": float(gains / losses) if losses else np.nan,
            "fees": float(fills["fee"].sum()),
            "slippage": float(slipped.sum()),
        }
    return pd.Series(figures, dtype=float, name="summary")
