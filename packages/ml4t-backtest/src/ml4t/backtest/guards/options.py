"""The options that the commands over a strategy file share with ``ml4t backtest``."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

__all__ = [
    "BarLabel",
    "BarLength",
    "CalendarName",
    "ConfigFile",
    "ContextFile",
    "OutsideSessions",
    "PriceFile",
    "SignalFile",
    "StrategyFile",
    "Zone",
    "bar",
    "session_options",
]

_DATA = "Parquet or CSV file"

StrategyFile: TypeAlias = Annotated[
    str, typer.Argument(metavar="STRATEGY.py[:Class]", help="The file that holds the strategy.")
]
PriceFile: TypeAlias = Annotated[
    Path,
    typer.Option(
        exists=True,
        dir_okay=False,
        help=f"{_DATA} in long form: timestamp, symbol, open, high, low, close, volume; "
        "timestamp, symbol and close are enough.",
    ),
]
SignalFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help=f"{_DATA}: timestamp, symbol and numbers."),
]
ContextFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help=f"{_DATA}: timestamp and values."),
]
Zone: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Zone of timestamps that carry none, such as America/New_York."),
]
CalendarName: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Sessions of the market, such as XNYS, CMES or 24/7."),
]
BarLabel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="end|start|date",
        help="What timestamps say of a bar; date names the session. The end if left out.",
    ),
]
BarLength: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="LENGTH", help="With --bar-label start, such as 30s, 5min, 1h or 1d."),
]
OutsideSessions: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="refuse|skip", help="What to do with bars that lie in no session. Refuse them."
    ),
]
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="TOML file: initial_cash, and what account and market do; "
        "`ml4t profiles show realistic` lists the questions.",
    ),
]


def session_options(
    calendar: str | None, label: str | None, length: str | None, outside: str | None
) -> dict[str, str | None]:
    """The options about sessions by the names that the inputs of a run have for them."""
    return {
        "calendar": calendar,
        "bar_label": label,
        "bar_length": length,
        "outside_session": outside,
    }


def bar() -> Progress:
    """A bar on standard error for work that takes long."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
               TimeRemainingColumn())  # fmt: skip
    return Progress(*columns, console=Console(stderr=True), transient=True)
