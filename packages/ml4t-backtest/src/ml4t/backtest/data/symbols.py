"""A column of symbols as a sorted universe."""

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.columns import Codes, Column, encode, is_text, value_type

__all__ = ["Symbols", "read_symbols"]

_EXPECTED = "text without surrounding blanks"
_REMEDY = "convert or strip it"


@attrs.frozen(kw_only=True, eq=False)
class Symbols:
    """The symbols of the rows of one frame.

    Attributes:
        names: the distinct ones, sorted by code point.
        codes: which of them each row has.
    """

    names: tuple[str, ...]
    codes: Codes

    def take(self, rows: NDArray[np.intp]) -> "Symbols":
        """The symbols of some of the rows."""
        used, codes = np.unique(self.codes[rows], return_inverse=True)
        return Symbols(names=tuple(self.names[code] for code in used), codes=codes.astype(np.int32))


def read_symbols(column: Column) -> Symbols:
    """The symbols in a column of a frame.

    Raises:
        DataError: a symbol is missing, is not text, or is blank or surrounded by blanks; the
            message names the row.
    """
    import pyarrow as pa  # noqa: PLC0415

    place, values = column.place, column.present()
    if isinstance(values, list):
        others = [row for row, value in enumerate(values) if not isinstance(value, str)]
        if others:
            row = others[0]
            raise place.refusal(row, _EXPECTED, repr(values[row]), _REMEDY, len(others) - 1)
        values = pa.array(values, pa.string())
    elif not is_text(value_type(values)):
        raise place.refusal(0, _EXPECTED, repr(values[0].as_py()), _REMEDY, len(values) - 1)
    distinct, codes = encode(values)
    given = distinct.to_pylist()
    for code, symbol in enumerate(given):
        if not symbol or symbol != symbol.strip():
            rows = np.flatnonzero(codes == code)
            raise place.refusal(int(rows[0]), _EXPECTED, repr(symbol), _REMEDY, len(rows) - 1)
    names = sorted(set(given))
    position = {name: index for index, name in enumerate(names)}
    rank = np.array([position[symbol] for symbol in given], np.int32)
    return Symbols(names=tuple(names), codes=rank[codes])
