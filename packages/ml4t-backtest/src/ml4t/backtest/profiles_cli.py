"""``ml4t profiles``: which named market assumptions there are, and what each consists of."""

import inspect
import re
import sys
from collections.abc import Sequence
from typing import Annotated

import attrs
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ml4t.backtest.config import BacktestConfig
from ml4t.backtest.profiles import load_profile, profile_names
from ml4t.core import Ml4tError
from ml4t.simulation import MarketAssumptions

__all__ = ["main"]

_app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="""Named market assumptions: those of other engines, and those that we take ourselves.

    A profile answers each question about the market with one object. Run a backtest under one with
    `ml4t backtest --profile NAME`, or begin a configuration's file with `profile = "NAME"` and
    answer in it what you want otherwise.""",
)


def main(arguments: Sequence[str]) -> int:
    """List the named market assumptions, or show what one consists of."""
    try:
        _app(args=list(arguments), prog_name="ml4t profiles")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@_app.command("list")
def list_profiles() -> None:
    """Name every profile and say what it stands for.

    Example: ml4t profiles list
    """
    table = Table("profile", "what it stands for")
    for name in profile_names():
        table.add_row(name, escape(load_profile(name).description))
    Console().print(table)


@_app.command("show")
def show_profile(
    name: Annotated[str, typer.Argument(help="One of those that `ml4t profiles list` names.")],
) -> None:
    """Say which object answers which question about the market.

    Example: ml4t profiles show realistic
    """
    try:
        profile, config = load_profile(name), BacktestConfig.of_profile(name)
    except Ml4tError as error:
        sys.stderr.write(f"ml4t profiles: {error}\n")
        raise typer.Exit(1) from None
    console = Console()
    console.print(f"{profile.title}: {profile.description}", markup=False)
    table = Table("question", Column("answer", overflow="fold"), "which means")
    for question in attrs.fields(MarketAssumptions):
        answer = getattr(config, question.name)
        if answer is None:
            # Limits belong to an account: no profile of a market sets any.
            continue
        table.add_row(question.name, escape(repr(answer)), escape(_first_line(answer)))
    console.print(table)


def _first_line(answer: object) -> str:
    """What the docstring of an answer's class says first, without its markup."""
    text = (inspect.getdoc(type(answer)) or "").partition("\n\n")[0]
    return re.sub(r":\w+:`([^`]*)`", r"\1", text.replace("\n", " "))
