"""Cases of backtesting.py's own tests, told in words: a few bars, a few orders, some prices.

Those on the prices of a company that are not stored with them are left out, but for its first 20
days, which are.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml4t.backtest import SameBarClose

from .backtesting_py import Line, LotScenario, Program, fee_of, for_each_entry
from .backtesting_py_lots import Piece

__all__ = ["LEFT_OUT", "small_cases"]

LEFT_OUT = {
    "enter_hit_sl_same_day": "its prices are not stored",
    "same w/ stop entry 758 sl 720": "its prices are not stored",
    "SmaCross stats": "its prices are not stored",
}


def small_cases(file: Mapping[str, Any]) -> list[LotScenario]:
    """Every case that tells its bars."""
    cases = {case["test"]: case for case in file["cases"]}
    days = [[day[name] for name in ("Open", "High", "Low", "Close")] for day in file["first20"]]
    return [
        *all_in(cases, days),
        *at_prices(cases, days),
        *on_short_data(cases),
        *with_two_trades(cases["trade_on_close closes on close"]),
    ]


def scenario(
    name: str, bars: Sequence[Sequence[float]], lines: Sequence[Line], **more: Any
) -> LotScenario:
    """A case; its bars are days in a row."""
    first, day = np.datetime64("2024-01-01T21:00", "us"), np.timedelta64(1, "D")
    return LotScenario(
        name=name,
        feed=for_each_entry(first + np.arange(len(bars)) * day, bars, lines),
        strategy=Program(lines),
        cash=1e12,
        lines=lines,
        bars=bars,
        start=more.pop("start", 10_000.0),
        **more,
    )


def entry(bar: int, kind: str = "market", side: str = "buy", **more: Any) -> dict[str, Any]:
    """An order of the program."""
    return {"id": "o", "bar": bar, "type": kind, "side": side, "size": 1, **more}


def all_in(cases: Mapping[str, Line], days: Sequence[Sequence[float]]) -> list[LotScenario]:
    """All the cash at the open of the third day, closed at the next: equity to the cent."""
    made = []
    opened = days[2][0]
    for name, spread, commission in (
        ("spread_commission a", 0.01, 0.01),
        ("b", 0.0, (100, 0.01)),
        ("c", 0.0, 0.01),
    ):
        fee = fee_of(commission)
        # The fee of a share of the cash, all of it, is worked out as that of one unit.
        size = math.floor(10_000 / (opened * (1 + spread) + fee(1.0, opened)))
        lines = [entry(1, size=size), {"id": "c", "bar": 2, "type": "close"}]
        made.append(
            scenario(
                name,
                days[:5],
                lines,
                spread=spread,
                fee=fee,
                curves={"value": np.array(cases[name]["equity_2_3"])},
                rows=[2, 3],
                precision=0.005,
            )
        )
    return made


def at_prices(cases: Mapping[str, Line], days: Sequence[Sequence[float]]) -> list[LotScenario]:
    """Orders on the first 20 days, of which the prices are told."""
    between, gapped = cases["stop between sl/tp"], cases["sl gapped"]
    both, late = cases["stop_entry_and_tp_same_bar"], cases["sl_always_before_tp"]
    limits = [
        entry(2, "stoplimit", id="a", stop=112, limit=113),
        entry(2, "stoplimit", "sell", id="b", stop=107, limit=105),
    ]
    there = [Piece("o", -1.0, both["exit_bar"], both["exit_bar"], 108.0, both["exit_price"])]
    set_later = [entry(3), {**entry(4, "set"), "sl": 105, "tp": 107.9}]
    return [
        scenario(
            "stop between sl/tp",
            days[:16],
            [entry(14, "stop", stop=104, sl=103, tp=110)],
            prices=[between["entry_price"]],
        ),
        scenario("stop-limit", days, limits, prices=cases["stop-limit"]["trade_prices"]),
        scenario(
            "stop_entry_and_tp_same_bar",
            days,
            [entry(both["bar"] - 1, "stop", "sell", stop=108, tp=105, sl=113)],
            pieces=there,
        ),
        scenario(
            "sl_always_before_tp",
            days,
            set_later,
            prices=[days[4][0], late["exit_price"]],
        ),
        scenario(
            "sl gapped",
            days,
            [entry(gapped["bar"] - 1, sl=99.5)],
            prices=[days[gapped["bar"]][0], gapped["exit_price"]],
        ),
    ]


def on_short_data(cases: Mapping[str, Line]) -> list[LotScenario]:
    """Flat bars: what two commissions add up to, and a stop that a gap passed."""
    paid, gap = cases["commissions"], cases["gh_521"]
    flat, falling = ([[price] * 4 for price in case] for case in (paid["prices_ohlc"], gap["ohlc"]))
    return [
        scenario(
            "commissions",
            flat,
            [entry(0, size=paid["size"], tp=paid["tp"])],
            start=paid["cash"],
            fee=fee_of(paid["commission"]),
            prices=[paid["entry"], paid["exit"]],
            curves={"value": np.array([paid["final"]])},
            rows=[len(flat) - 1],
        ),
        scenario(
            "gh_521",
            falling,
            [entry(1, sl=90)],
            assumptions={"timing": SameBarClose()},
            prices=[100, gap["exit_price"]],
        ),
    ]


def with_two_trades(case: Line) -> list[LotScenario]:
    """Two entries, the first of which is closed; at the close, or at the next open."""
    bars = [[close - 10, close, close - 10, close] for close in case["ohlc_close"]]
    lines = [
        entry(1, id="a", sl=90),
        entry(1, id="b", sl=80),
        {"id": "c", "bar": 2, "type": "close", "of": "a"},
    ]
    made = []
    for name in ("trade_on_close", "next_open"):
        told = case[name]
        ends = zip(
            *(told[key] for key in ("entry_bars", "exit_bars", "entry", "exit")), strict=True
        )
        pieces = [Piece(order, 1.0, *end) for order, end in zip("ab", ends, strict=True)]
        timing = {"timing": SameBarClose()} if name == "trade_on_close" else {}
        made.append(scenario(name, bars, lines, assumptions=timing, pieces=pieces))
    return made
