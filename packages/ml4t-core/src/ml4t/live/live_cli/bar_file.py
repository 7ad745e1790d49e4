"""Recorded bars out of a CSV file, to be played as if they came from a feed."""

import csv
from collections.abc import Iterator
from pathlib import Path

from ml4t.core.bars import Bar
from ml4t.core.errors import DataError
from ml4t.live.bars import BarFault, RawBar, bar_or_fault

__all__ = ["read_bars"]

_NEEDED = ("timestamp", "symbol", "open", "high", "low", "close")


def read_bars(path: Path) -> list[Bar]:
    """Every bar of a file with the columns timestamp, symbol, open, high, low, close and volume.

    Timestamps say when a bar was complete, as ISO 8601 with an offset. The volume may be missing.

    Raises:
        DataError: the file cannot be read, lacks a column, or a row is no bar; names the row.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(_bars(csv.DictReader(file), path))
    except OSError as error:
        msg = f"cannot read the bars {path}: {error.strerror}"
        raise DataError(msg) from error
    except (UnicodeDecodeError, csv.Error) as error:
        msg = f"{path} is no CSV file: {error}"
        raise DataError(msg) from error


def _bars(rows: "csv.DictReader[str]", path: Path) -> Iterator[Bar]:
    missing = [name for name in _NEEDED if name not in (rows.fieldnames or ())]
    if missing:
        msg = f"{path} lacks the column {', '.join(missing)}; needed are {', '.join(_NEEDED)}"
        raise DataError(msg)
    for row in rows:
        bar = bar_or_fault(_raw(row, f"{path}, line {rows.line_num}"))
        if isinstance(bar, BarFault):
            msg = f"{path}, line {rows.line_num}: {bar.reason}"
            raise DataError(msg)
        yield bar


def _raw(row: dict[str, str], place: str) -> RawBar:
    numbers: dict[str, float | None] = {}
    for name in ("open", "high", "low", "close", "volume"):
        text = row.get(name) or ""
        try:
            numbers[name] = float(text) if text or name != "volume" else None
        except ValueError as error:
            msg = f"{place}: {name} must be a number, was {text!r}"
            raise DataError(msg) from error
    return RawBar(
        timestamp=row["timestamp"],
        asset=row["symbol"],
        open=numbers["open"],
        high=numbers["high"],
        low=numbers["low"],
        close=numbers["close"],
        volume=numbers["volume"],
    )
