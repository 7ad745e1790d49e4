"""``ml4t backtest``: run a strategy file over a price file."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import attrs
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from ml4t.backtest.config import BacktestConfig
from ml4t.backtest.engine import Engine
from ml4t.backtest.guards.options import (
    BarLabel,
    BarLength,
    CalendarName,
    ConfigFile,
    ContextFile,
    OutsideSessions,
    PriceFile,
    SignalFile,
    StrategyFile,
    Zone,
    session_options,
)
from ml4t.backtest.guards.run_inputs import RunInputs
from ml4t.backtest.results.result import BacktestResult
from ml4t.core import ConfigError, Ml4tError, StrategyError
from ml4t.core.strategy_file import load_strategy, place_in

__all__ = ["main"]

_SHARES = frozenset(
    {"total_return", "annual_return", "annual_volatility", "max_drawdown", "exposure", "win_rate"}
)
_COUNTS = frozenset({"fills", "round_trips"})

_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def main(arguments: Sequence[str]) -> int:
    """Run a strategy file over a price file and print what it would have earned."""
    try:
        _app(args=list(arguments), prog_name="ml4t backtest")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@_app.command()
def backtest(  # noqa: PLR0913, PLR0917 - one parameter for each option
    strategy: StrategyFile,
    prices: PriceFile,
    signals: SignalFile = None,
    context: ContextFile = None,
    timezone: Zone = None,
    calendar: CalendarName = None,
    bar_label: BarLabel = None,
    bar_length: BarLength = None,
    outside_session: OutsideSessions = None,
    config: ConfigFile = None,
    profile: Annotated[
        str | None,
        typer.Option(help="Named assumptions instead of a file; see `ml4t profiles list`."),
    ] = None,
    as_if: Annotated[
        str | None,
        typer.Option(
            metavar="BROKER",
            help="Reject the orders that this broker's venue would refuse, such as alpaca or ib.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the tables as Parquet, a manifest and a picture."),
    ] = None,
) -> None:
    """Run a strategy over prices and print what it would have earned.

    Without --config or --profile: 100,000 in a cash account, fills at the next bar's open, no
    costs. A file can name a profile itself and answer some questions otherwise.

    Example: ml4t backtest examples/momentum.py --prices examples/data/us_stocks_daily.parquet
    """
    console = Console()
    inputs = RunInputs(
        strategy=strategy, prices=prices, signals=signals, context=context, timezone=timezone
    ).with_options(**session_options(calendar, bar_label, bar_length, outside_session))
    try:
        chosen = load_strategy(strategy)
        feed = inputs.feed()
        settings = _settings(config, profile)
        settings = settings if as_if is None else attrs.evolve(settings, as_if=as_if)
        result = _run(Engine(feed, chosen, settings), Path(strategy.partition(".py:")[0]))
    except (Ml4tError, OSError) as error:
        sys.stderr.write(f"ml4t backtest: {error}\n")
        raise typer.Exit(1) from None
    show(result, console)
    if out is not None:
        _write(result, inputs, out)
        console.print(f"written to {out}")


def _settings(config: Path | None, profile: str | None) -> BacktestConfig:
    if config is not None and profile is not None:
        msg = f'give --config or --profile, not both: the file can begin with profile = "{profile}"'
        raise ConfigError(msg)
    if profile is not None:
        return BacktestConfig.of_profile(profile)
    return BacktestConfig() if config is None else BacktestConfig.from_toml(config)


def _run(engine: Engine, path: Path) -> BacktestResult:
    """Run with a progress bar; what the strategy raises is told by file and line."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("bars", total=len(engine.feed))
        try:
            return engine.run(lambda done: progress.update(task, completed=done))
        except Exception as error:
            path = path if path.suffix else path.with_suffix(".py")
            notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
            msg = f"{place_in(error, path)}: {type(error).__name__}: {error}{notes}"
            raise StrategyError(msg) from error


def _write(result: BacktestResult, inputs: RunInputs, out: Path) -> None:
    """Write the result into a folder, with what `ml4t verify` makes the run of again."""
    result.manifest = attrs.evolve(result.manifest, inputs=inputs.record())
    result.to_parquet(out)
    result.plot(out / "equity.png")


def show(result: BacktestResult, console: Console) -> None:
    """Print the summary of a result as a table, then what its reader must know."""
    equity = result.equity
    first, last = equity.index[0].date(), equity.index[-1].date()
    console.print(f"{result.manifest.strategy}, {first} to {last}", markup=False)
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, number in result.summary.items():
        table.add_row(str(name).replace("_", " "), _text(str(name), float(number)))
    console.print(table)
    for note in result.notes:
        console.print(f"! {note}", markup=False)


def _text(name: str, number: float) -> str:
    if number != number:  # noqa: PLR0124 - NaN: the run cannot give this figure
        return "not defined"
    if name in _SHARES:
        return f"{number:,.2%}"
    if name in _COUNTS:
        return f"{number:,.0f}"
    return f"{number:,.2f}"
