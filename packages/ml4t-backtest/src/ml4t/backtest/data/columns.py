"""One column of a frame, as numbers, objects or an arrow array."""

from collections.abc import Sequence
from math import isnan
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.refusals import Place

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa

__all__ = ["Codes", "Column", "encode", "is_text", "primitive", "value_type"]

Codes: TypeAlias = NDArray[np.integer[Any]]
"""For each row the position of its value among the distinct ones; as narrow as they came."""


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
            raise self.place.missing(int(rows[0]), len(rows) - 1)
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
            row, value = _telling(self.series.to_list())
            expected = f"a number (the column has type {self.series.dtype})"
            raise self.place.refusal(row, expected, repr(value), "convert the column")
        values = values.cast(pa.float64(), safe=False)
        if not values.null_count:
            return primitive(values)
        offset = values.offset * 8  # of the first value in the buffer, in bytes
        numbers = np.frombuffer(values.buffers()[1], np.float64, len(values), offset)
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


def value_type(array: "pa.Array") -> "pa.DataType":
    """The type of the values, which of a dictionary is that of its entries."""
    import pyarrow as pa  # noqa: PLC0415

    return array.type.value_type if pa.types.is_dictionary(array.type) else array.type


def is_text(kind: "pa.DataType") -> bool:
    """Whether values of a type are text."""
    import pyarrow as pa  # noqa: PLC0415

    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in tests)


def encode(array: "pa.Array") -> "tuple[pa.Array, Codes]":
    """The distinct values in order of appearance, and for each row which of them it holds.

    The array must be without nulls. The values may contain repeats if it came as a dictionary.
    """
    import pyarrow as pa  # noqa: PLC0415

    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    codes = primitive(encoded.indices)
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


def _flat(series: "nw.Series[Any]") -> "pa.Array":
    """The values as one arrow array; a missing entry of a dictionary becomes a null."""
    import pyarrow as pa  # noqa: PLC0415

    values = series.to_arrow()
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type) and values.dictionary.null_count:
        values = values.cast(values.type.value_type)
    return values


def _telling(values: Sequence[object]) -> tuple[int, object]:
    """The row, with its value, that shows best why the values are no column of numbers."""
    for tells in (_is_unreadable, lambda value: not isinstance(value, Real)):
        for row, value in enumerate(values):
            if value is not None and tells(value):
                return row, value
    return 0, values[0]


def _is_unreadable(value: object) -> bool:
    """Whether the value is a text in which no number can be read."""
    try:
        return isinstance(value, str) and isnan(float(value))
    except ValueError:
        return True
