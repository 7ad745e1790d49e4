"""One frame of rows, whatever library made it, as named columns."""

from collections.abc import Iterable, Mapping
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.files import read_table
from ml4t.backtest.refusals import Place
from ml4t.core.errors import DataError

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa  # type: ignore[import-untyped]
    from narwhals.typing import IntoDataFrame

__all__ = [
    "ASSET_NAMES",
    "TIME_NAMES",
    "Column",
    "Frame",
    "FrameSource",
    "encode",
    "primitive",
    "read_frame",
]

FrameSource: TypeAlias = Union["IntoDataFrame", str, Path]
TIME_NAMES = ("timestamp", "datetime", "date", "time")
ASSET_NAMES = ("symbol", "asset", "ticker")


@attrs.frozen(kw_only=True, eq=False)
class Column:
    """One column of one frame.

    Attributes:
        place: how messages name it.
        series: the values.
    """

    place: Place
    series: "nw.Series[Any]"

    @property
    def name(self) -> str:
        """The name as given."""
        return self.place.column

    def present(self) -> "pa.Array | list[object]":
        """The values, none of which may be missing.

        Returns:
            An arrow array without nulls, or a list if they are Python objects of no common type.

        Raises:
            DataError: a value is missing; the message names the row.
        """
        values: pa.Array | list[object]
        if self._holds_objects():
            values = self.series.to_list()
            missing = self.series.is_null().to_numpy()
        else:
            values = _flat(self.series)
            if not values.null_count:
                return values
            missing = _nulls(values)
        rows = np.flatnonzero(missing)
        if len(rows):
            remedy = "fill it in or remove the row"
            raise self.place.refusal(int(rows[0]), "there", "missing", remedy, len(rows) - 1)
        return values

    def numbers(self) -> NDArray[np.float64]:
        """The values as float64, NaN where one is missing.

        Raises:
            DataError: the column does not hold numbers; the message names a row that shows it.
        """
        import pyarrow as pa  # noqa: PLC0415 - only those who bring frames pay for the import

        values = None if self._holds_objects() else _flat(self.series)
        kinds = (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal, pa.types.is_null)
        if values is None or not any(is_kind(values.type) for is_kind in kinds):
            row, value = _first_text(self.series)
            expected = f"a number (the column has type {self.series.dtype})"
            raise self.place.refusal(row, expected, value, "convert the column")
        values = values.cast(pa.float64(), safe=False)
        if not values.null_count:
            return primitive(values)
        numbers = np.frombuffer(values.buffers()[1], np.float64)[values.offset :][: len(values)]
        return np.where(_nulls(values), np.nan, numbers)

    def objects(self) -> list[object]:
        """The values as Python objects, None where one is missing or NaN."""
        import pyarrow as pa  # noqa: PLC0415

        if self._holds_objects():
            values, missing = self.series.to_list(), self.series.is_null().to_list()
            return [None if gone else value for value, gone in zip(values, missing, strict=True)]
        array = _flat(self.series)
        if pa.types.is_timestamp(array.type):  # arrow makes datetimes of these, of no finer ones
            array = array.cast(pa.timestamp("us", array.type.tz), safe=False)
        values = array.to_pylist()
        return [None if isinstance(value, float) and isnan(value) else value for value in values]

    def _holds_objects(self) -> bool:
        import narwhals as nw  # noqa: PLC0415

        return self.series.dtype == nw.Object


@attrs.frozen(kw_only=True, eq=False)
class Frame:
    """Named columns of equal length, whose names are compared without regard to case.

    Attributes:
        label: what the frame is to the caller: ``prices``, ``signals`` or ``context``.
        columns: the columns by lower-case name, in the order given; each has at least one row.
    """

    label: str
    columns: Mapping[str, Column]

    def one_of(self, names: Iterable[str], missing: str) -> Column:
        """The one column that has one of ``names``.

        Raises:
            DataError: there are several, or there is none; then the message ends in ``missing``.
        """
        found = [self.columns[name] for name in names if name in self.columns]
        if len(found) > 1:
            given = " and ".join(repr(column.name) for column in found)
            msg = f"{self.label} has the columns {given} for one thing; keep one of them"
            raise DataError(msg)
        if not found:
            given = ", ".join(column.name for column in self.columns.values())
            expected = ", ".join(names)
            msg = f"{self.label} needs a column named one of {expected}, has {given}; {missing}"
            raise DataError(msg)
        return found[0]

    def time_column(self) -> Column:
        """The column of timestamps.

        Raises:
            DataError: there is not exactly one.
        """
        return self.one_of(TIME_NAMES, "a pandas index counts if it has such a name")

    def asset_column(self) -> Column:
        """The column of symbols.

        Raises:
            DataError: there is not exactly one.
        """
        remedy = 'for a single asset add one, such as frame["symbol"] = "SPY"'
        return self.one_of(ASSET_NAMES, remedy)


def read_frame(source: FrameSource, label: str) -> Frame:
    """The frame behind what the caller gave: a frame of some library, or the path of a file.

    Raises:
        DataError: this is no frame, it has no rows, or two columns have the same name.
        OSError: the file cannot be opened.
    """
    import narwhals as nw  # noqa: PLC0415

    native = read_table(Path(source), ASSET_NAMES) if isinstance(source, str | Path) else source
    if nw.dependencies.is_pandas_dataframe(native):
        native = _index_as_columns(native, label)
    try:
        frame = nw.from_native(native, eager_only=True)
    except (TypeError, nw.exceptions.DuplicateError) as error:
        msg = (
            f"{label} must be a pandas, polars or pyarrow table with distinct column names, or "
            f"the path of a .parquet or .csv file, was {type(source).__name__}: {error}"
        )
        raise DataError(msg) from error
    names = _distinct(frame.columns, label)
    if not len(frame):
        msg = f"{label} has no rows; it needs at least one"
        raise DataError(msg)
    columns = {
        lower: Column(place=Place(label, name), series=frame[name]) for lower, name in names.items()
    }
    return Frame(label=label, columns=columns)


def encode(array: "pa.Array") -> "tuple[pa.Array, NDArray[np.intp]]":
    """The distinct values in order of appearance, and for each row which of them it holds.

    The array must be without nulls. The values may contain repeats if it came as a dictionary.
    """
    import pyarrow as pa  # noqa: PLC0415

    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    codes = primitive(encoded.indices).astype(np.intp)
    used = np.bincount(codes, minlength=len(encoded.dictionary)) > 0
    if not used.all():  # a category that no row has
        return encode(encoded.cast(encoded.type.value_type))
    return encoded.dictionary, codes


def _nulls(array: "pa.Array") -> NDArray[np.bool_]:
    import pyarrow as pa  # noqa: PLC0415

    return primitive(array.is_null().cast(pa.uint8())).astype(np.bool_)


def primitive(array: "pa.Array") -> "NDArray[Any]":
    """The numbers of an arrow array without nulls, read-only and not copied.

    Unlike arrow's own ``to_numpy`` it does not import pandas, which takes longer than to load
    a million bars.
    """
    return np.from_dlpack(array)


def _index_as_columns(frame: Any, label: str) -> Any:
    """A pandas frame whose named index levels have become columns."""
    _distinct(list(frame.columns), label)
    levels = [name for name in frame.index.names if name is not None]
    twice = [name for name in levels if name in frame.columns]
    if twice:
        msg = f"{label} has {twice[0]!r} as a column and as an index level; drop one of them"
        raise DataError(msg)
    return frame.reset_index(level=levels) if levels else frame


def _distinct(names: Iterable[object], label: str) -> dict[str, str]:
    """The names as given by lower-case name."""
    distinct: dict[str, str] = {}
    for name in names:
        if not isinstance(name, str):
            msg = (
                f"column names of {label} must be text, was {name!r}; rows are in long format, "
                "one for each timestamp and asset"
            )
            raise DataError(msg)
        first = distinct.setdefault(name.lower(), name)
        if first != name:
            msg = f"{label} has the columns {first!r} and {name!r} for one thing; keep one of them"
            raise DataError(msg)
    return distinct


def _flat(series: "nw.Series[Any]") -> "pa.Array":
    """The values as one arrow array; a missing entry of a dictionary becomes a null."""
    import pyarrow as pa  # noqa: PLC0415

    values = series.to_arrow()
    if pa.types.is_dictionary(values.type) and values.dictionary.null_count:
        values = values.cast(values.type.value_type)
    return values


def _first_text(series: "nw.Series[Any]") -> tuple[int, object]:
    """The first row whose value is not a number, with the value; row 0 if there is none."""
    values = series.to_list()
    for row, value in enumerate(values):
        try:
            float(value)
        except (TypeError, ValueError):
            if value is not None:
                return row, value
    return 0, values[0]
