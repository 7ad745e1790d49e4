"""Copies of the files of a run, cut or altered, in folders that look like those they come from."""

import csv
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.alignment import key_rows
from ml4t.backtest.data.clock import Clock, Timed
from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.data.frames import Frame, read_frame

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Writer", "copy_of", "mirror", "placed", "write_altered", "write_cut"]

Writer = Callable[[Path], object]


def mirror(scratch: Path, copies: Mapping[Path, Writer], folder: Path) -> Path:
    """Make a tree that looks like the one around some files, with these replaced.

    Folders on the way to a file are made; everything else in them is a link to what is there.

    Args:
        scratch: an empty folder to make the tree in.
        copies: for each file, absolute, what writes its replacement to the path it is given.
        folder: the current folder of the run, absolute.

    Returns:
        The root of the tree: what stands for ``/a/b`` is at root ``/a/b`` without the first slash.
    """
    top = Path(os.path.commonpath([folder, *(path.parent for path in copies)]))
    ways = {folder, *(path.parent for path in copies)}
    ways |= {above for way in ways for above in way.parents if above.is_relative_to(top)}
    for way in sorted(ways):
        place = placed(scratch, way)
        place.mkdir(parents=True, exist_ok=True)
        for entry in way.iterdir():
            if entry not in ways and entry not in copies:
                placed(scratch, entry).symlink_to(entry)
    for path, write in copies.items():
        write(placed(scratch, path))
    return scratch


def placed(scratch: Path, path: Path) -> Path:
    """Where in the tree a path stands."""
    return scratch / path.relative_to(path.anchor)


def write_cut(source: Path, label: str, last: int, clock: Clock) -> Writer:
    """Writes the rows of a file complete by an instant, in nanoseconds since 1970 UTC."""
    keep = clock.complete_by(read_frame(source, label).time_column(), last)

    def write(target: Path) -> None:
        if source.suffix.lower() == ".csv":
            head, rows = _csv_rows(source)
            kept = [row for row, wanted in zip(rows, keep, strict=True) if wanted]
            _write_csv(target, head, kept)
            return
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415

        parquet.write_table(parquet.read_table(source).filter(pa.array(keep)), target)

    return write


def write_altered(source: Path, label: str, other: DataFeed) -> Writer:
    """Writes a file whose numbers are those of another feed over the same bars."""
    values = _values_of(read_frame(source, label), other)

    def write(target: Path) -> None:
        if source.suffix.lower() == ".csv":
            head, rows = _csv_rows(source)
            for name, column in values.items():
                place = head.index(name)
                for row, value in zip(rows, column, strict=True):
                    row[place] = "" if value is None or value != value else str(value)  # noqa: PLR0124 - NaN
            _write_csv(target, head, rows)
            return
        from pyarrow import parquet  # noqa: PLC0415

        table = parquet.read_table(source)
        for name, column in values.items():
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, _like(table.schema.field(name).type, column))
        parquet.write_table(table, target)

    return write


def _values_of(frame: Frame, other: DataFeed) -> dict[str, list[Any]]:
    """For each column with another future its values, row by row of the file."""
    if frame.label == "context":
        instants = other.clock.read(frame.time_column(), lambda _: "")
        rows = other.times.locate(instants.values)[instants.codes].tolist()
        contexts = other.contexts or ()
        names = [column.name for column in frame.columns.values()]
        given = {name for row in rows for name in contexts[row]}
        made = {n: [contexts[row].get(n) for row in rows] for n in names if n in given}
        return _among_all(made, frame, instants)
    keyed = key_rows(frame, other.clock)
    times = other.times.locate(keyed.instants.values)[keyed.instants.codes]
    position = {asset: index for index, asset in enumerate(other.assets)}
    assets = np.array([position[name] for name in keyed.symbols.names])[keyed.symbols.codes]
    arrays: dict[str, NDArray[np.float64]] = dict(other.panel.arrays)
    # A field of the bar is called by its small letters, a signal as it is given.
    names_of = {
        column.name: array_name
        for lower, column in frame.columns.items()
        for array_name in (lower, column.name)
        if array_name in arrays
    }
    made = {name: arrays[found][times, assets].tolist() for name, found in names_of.items()}
    return _among_all(made, frame, keyed.instants)


def _among_all(made: dict[str, list[Any]], frame: Frame, timed: Timed) -> dict[str, list[Any]]:
    """The values with those of rows that the feed left out, which stay as they are."""
    if timed.rows is None:
        return made
    whole = {column.name: column.objects() for column in frame.columns.values()}
    for name, values in made.items():
        for row, value in zip(timed.rows.tolist(), values, strict=True):
            whole[name][row] = value
    return {name: whole[name] for name in made}


def _like(kind: "pa.DataType", values: Sequence[Any]) -> "pa.Array":
    """The values in the type of the file's column, or as floats where that cannot hold them."""
    import pyarrow as pa  # noqa: PLC0415

    array = pa.array(values, from_pandas=True)
    try:
        return array.cast(kind, safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return array


def _csv_rows(source: Path) -> tuple[list[str], list[list[str]]]:
    with source.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        head = next(lines)
        return head, [row for row in lines if row]


def _write_csv(target: Path, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def copy_of(source: Path) -> Writer:
    """Writes the file as it is."""
    return lambda target: shutil.copyfile(source, target)
