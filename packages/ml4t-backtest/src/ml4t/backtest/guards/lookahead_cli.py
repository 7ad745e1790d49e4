"""``ml4t check-lookahead``: does a strategy file know what it could not have known yet?"""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from ml4t.backtest.config import BacktestConfig
from ml4t.backtest.guards.lookahead import LookaheadReport, examine
from ml4t.backtest.guards.lookahead_files import FilesObserver
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
    bar,
    session_options,
)
from ml4t.backtest.guards.run_inputs import RunInputs
from ml4t.core import ConfigError, Ml4tError
from ml4t.core.strategy_file import load_strategy

__all__ = ["main"]

_FOUND = 1
_UNUSABLE = 2

_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def main(arguments: Sequence[str]) -> int:
    """Check whether a strategy file decides by what it could not have known yet."""
    try:
        _app(args=list(arguments), prog_name="ml4t check-lookahead")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@_app.command()
def check_lookahead(  # noqa: PLR0913, PLR0917 - one parameter for each option
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
    cuts: Annotated[
        int,
        typer.Option(min=1, help="How many bars to cut after: half where orders were submitted."),
    ] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the numbers that alter the future.")] = 0,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py:function",
            help="Instead of --signals: the function that computes them from a DataFeed.",
        ),
    ] = None,
) -> None:
    """Rerun a strategy without its future, and with another one, and compare what it decides.

    A decision must not depend on what comes later. After each of some bars the future is cut off
    in one run and altered in another. Every order in every state and every fill up to that bar
    must be what it was over all data. The first thing that is not is named, with both values.

    Files are cut and altered too: a strategy that reads the prices again by a relative path meets
    the same future as the run. Signals in a file cannot be computed again, so --signals says
    nothing of how they were made. Give their code as --features to have it checked.

    Exit status: 0 nothing found, 1 look-ahead found (or the strategy does not repeat itself),
    2 wrong usage, or data or strategy that cannot be run.

    Example: ml4t check-lookahead examples/momentum.py --prices
    examples/data/us_stocks_daily.parquet --config examples/momentum.toml
    """
    inputs = RunInputs(
        strategy=strategy, prices=prices, signals=signals, context=context, timezone=timezone
    ).with_options(**session_options(calendar, bar_label, bar_length, outside_session))
    try:
        if features is not None and signals is not None:
            msg = "give --signals or --features, not both: each says what the signals are"
            raise ConfigError(msg)
        settings = BacktestConfig() if config is None else BacktestConfig.from_toml(config)
        report = _check(inputs, settings, cuts, seed, features)
    except (Ml4tError, OSError) as error:
        sys.stderr.write(f"ml4t check-lookahead: {error}\n")
        raise typer.Exit(_UNUSABLE) from None
    sys.stdout.write(f"{report}\n")
    if signals is not None:
        sys.stdout.write(f"! {signals} was taken as it is: how it was made was not checked.\n")
    if not report.is_clean:
        raise typer.Exit(_FOUND)


def _check(
    inputs: RunInputs, config: BacktestConfig, cuts: int, seed: int, features: str | None
) -> LookaheadReport:
    # Made here once, so that what is wrong with the file is told with its place.
    load_strategy(inputs.strategy)
    feed = inputs.feed()
    observer = FilesObserver(inputs=inputs, feed=feed, config=config, features=features)
    with bar() as progress:
        task = progress.add_task("runs")
        return examine(
            observer,
            feed.times,
            cuts,
            seed,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
