"""``ml4t verify``: does a result come out the same again?"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ml4t.backtest.guards.options import bar
from ml4t.backtest.guards.verify import verify_result
from ml4t.core import Ml4tError

__all__ = ["main"]

_FOUND = 1
_UNUSABLE = 2

_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def main(arguments: Sequence[str]) -> int:
    """Make the run behind a result folder again and prove that it gives the same."""
    try:
        _app(args=list(arguments), prog_name="ml4t verify")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


_Moved = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="Where that file of the run is now."),
]


@_app.command()
def verify(
    result: Annotated[
        Path,
        typer.Argument(
            exists=True,
            file_okay=False,
            metavar="RESULT_FOLDER",
            help="What `ml4t backtest --out` wrote.",
        ),
    ],
    strategy: _Moved = None,
    prices: _Moved = None,
    signals: _Moved = None,
    context: _Moved = None,
    runs: Annotated[
        int, typer.Option(min=1, help="How often, each time with another PYTHONHASHSEED.")
    ] = 2,
) -> None:
    """Run a backtest again and prove that its result is the same to the bit.

    The manifest in the folder names the strategy's file, the files of the data, the configuration
    and the options, each file with its SHA-256. They are run in other processes with other seeds
    of Python's hashes, on which the order of a set of texts depends. The first table, row and
    column that differs is named.

    A file that is missing or has changed is refused: then nothing can be proved. If it only
    moved, say where it is. A result that Python code wrote with to_parquet() names no files and
    cannot be run again.

    Exit status: 0 identical, 1 something differs, 2 wrong usage, or the run cannot be made again.

    Example: ml4t verify results/momentum
    """
    given = {"strategy": strategy, "prices": prices, "signals": signals, "context": context}
    moved = {name: path for name, path in given.items() if path is not None}
    try:
        with bar() as progress:
            task = progress.add_task("runs", total=runs)
            report = verify_result(
                result,
                moved=moved,
                runs=runs,
                progress=lambda done, _: progress.update(task, completed=done),
            )
    except (Ml4tError, OSError) as error:
        sys.stderr.write(f"ml4t verify: {error}\n")
        raise typer.Exit(_UNUSABLE) from None
    sys.stdout.write(f"{report}\n")
    if not report.is_identical:
        raise typer.Exit(_FOUND)
