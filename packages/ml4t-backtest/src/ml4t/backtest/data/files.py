"""Parquet and CSV files into arrow tables."""

import csv
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from ml4t.core.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_table"]

# How pandas stores an index without a name: rows have numbers, they need no column for it.
_UNNAMED_INDEX = re.compile(r"__index_level_\d+__")


def read_table(path: Path, texts: Collection[str]) -> "pa.Table":
    """The table in a ``.parquet`` or ``.csv`` file.

    Args:
        path: the file; the ending of its name says what is in it.
        texts: lower-case names of columns that hold text, whatever their values look like (there
            are companies whose symbols are ``NA`` and ``TRUE``).

    Raises:
        DataError: the file has another ending, or its content is not what the ending says.
        OSError: the file cannot be opened.
    """
    import pyarrow as pa  # noqa: PLC0415 - a run over given arrays need not load pyarrow

    readers = {".parquet": _read_parquet, ".csv": _read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        msg = f"{path}: the name of a file of market data must end in .parquet or .csv"
        raise DataError(msg)
    try:
        return reader(path, texts)
    except pa.ArrowInvalid as error:
        msg = f"{path} cannot be read as {path.suffix.lower()[1:]}: {error}"
        raise DataError(msg) from error


def _read_parquet(path: Path, texts: Collection[str]) -> "pa.Table":
    from pyarrow import parquet  # noqa: PLC0415

    with parquet.ParquetFile(path) as file:
        names = file.schema_arrow.names
    # Few symbols stand in many rows: as a dictionary they are read once, not row by row.
    encoded = [name for name in names if name.lower() in texts]
    # Local files gain nothing from being read ahead as a whole, and memory doubles.
    with parquet.ParquetFile(path, read_dictionary=encoded, pre_buffer=False) as file:
        return file.read([name for name in names if not _UNNAMED_INDEX.fullmatch(name)])


def _read_csv(path: Path, texts: Collection[str]) -> "pa.Table":
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv as arrow_csv  # noqa: PLC0415

    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        names = next(csv.reader(file), [])
    text = pa.dictionary(pa.int32(), pa.string())
    types = {name: text for name in names if name.lower() in texts}
    options = arrow_csv.ConvertOptions(column_types=types)
    return arrow_csv.read_csv(path, convert_options=options)
