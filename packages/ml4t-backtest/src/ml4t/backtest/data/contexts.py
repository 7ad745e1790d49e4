"""The frame of context: what is known at an instant about the market as a whole."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.alignment import first_repeat, iso
from ml4t.backtest.data.clock import Clock, Timed
from ml4t.backtest.data.columns import Column
from ml4t.backtest.data.frames import FrameSource, read_frame
from ml4t.backtest.data.refusals import more_rows
from ml4t.backtest.data.time_axis import TimeAxis
from ml4t.core.errors import DataError

__all__ = ["Context", "read_contexts"]

Context = Mapping[str, object]
_NOTHING: Context = MappingProxyType({})
_SCALARS = (str, int, float, Decimal, date)


def read_contexts(source: FrameSource, times: TimeAxis, clock: Clock) -> tuple[Context, ...]:
    """The context at each instant, by column, in a mapping that cannot be changed.

    A missing value is None. Instants without a row have an empty mapping.

    Raises:
        DataError: a row is of no instant of the prices, an instant has two rows, there is no
            column beside the timestamps, or a value is not a number, text, boolean or date.
    """
    frame = read_frame(source, "context")
    moments = frame.time_column()
    columns = [column for column in frame.columns.values() if column is not moments]
    if not columns:
        msg = "context has no column beside the timestamps; add one"
        raise DataError(msg)
    instants = clock.read(moments, lambda _: "")
    rows = times.locate(instants.values)[instants.codes]
    _refuse(rows, instants)
    columns.sort(key=lambda column: column.name)
    names = [column.name for column in columns]
    contexts = [_NOTHING] * len(times)
    scalars = list(zip(*map(_scalars, columns), strict=True))
    if instants.rows is not None:
        scalars = [scalars[row] for row in instants.rows.tolist()]
    for row, values in zip(rows.tolist(), scalars, strict=True):
        contexts[row] = MappingProxyType(dict(zip(names, values, strict=True)))
    return tuple(contexts)


def _refuse(rows: NDArray[np.intp], instants: Timed) -> None:
    """Refuse rows of no instant of the prices, and second rows of one."""
    strange = np.flatnonzero(rows < 0)
    if len(strange):
        row = int(strange[0])
        msg = (
            f"{_where(row, instants)}: timestamp must be one of a bar, prices has none at it; "
            f"move it to a bar or remove the row{more_rows(len(strange) - 1)}"
        )
        raise DataError(msg)
    if len(instants.values) < len(rows):
        row, earlier, more = first_repeat(instants.codes)
        msg = (
            f"{_where(row, instants)}: there must be one row for each timestamp, row "
            f"{instants.given(earlier)} has it already; remove one of them{more_rows(more)}"
        )
        raise DataError(msg)


def _where(row: int, instants: Timed) -> str:
    when = iso(int(instants.values[instants.codes[row]]), instants.zone)
    return f"row {instants.given(row)} of context ({when})"


def _scalars(column: Column) -> list[object]:
    """The values as Python objects, None where one is missing."""
    scalars: list[object] = []
    for row, given in enumerate(column.objects()):
        value = given.item() if isinstance(given, np.generic) else given
        if not isinstance(value, _SCALARS) and value is not None:
            expected = "a number, text, a boolean, a date or a datetime with a timezone"
            raise column.place.refusal(row, expected, repr(value), "convert the column")
        if isinstance(value, datetime) and value.tzinfo is None:
            expected = "a datetime with a timezone"
            raise column.place.refusal(row, expected, value, "localize it, or make it a date")
        scalars.append(value)
    return scalars
