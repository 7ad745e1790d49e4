"""One frame of rows, whatever library made it, as named columns."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import attrs

from ml4t.backtest.data.columns import Column
from ml4t.backtest.data.files import read_table
from ml4t.backtest.data.refusals import Place
from ml4t.core.errors import DataError

if TYPE_CHECKING:
    from narwhals.typing import IntoDataFrame

__all__ = ["ASSET_NAMES", "TIME_NAMES", "Frame", "FrameSource", "read_frame"]

FrameSource: TypeAlias = Union["IntoDataFrame", str, Path]
TIME_NAMES = ("timestamp", "datetime", "date", "time")
ASSET_NAMES = ("symbol", "asset", "ticker")


@attrs.frozen(kw_only=True, eq=False)
class Frame:
    """Named columns of equal length, whose names are compared without regard to case.

    Attributes:
        label: what the frame is to the caller: ``prices``, ``signals`` or ``context``.
        columns: the columns by lower-case name, in the order given; each has at least one row.
    """

    label: str
    columns: dict[str, Column]

    def take(self, name: str) -> Column:
        """A column, which the frame then forgets, so that no memory is held for it in vain."""
        return self.columns.pop(name)

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
    except TypeError as error:
        msg = (
            f"{label} must be a pandas, polars or pyarrow table or the path of a .parquet or .csv "
            f"file, was {type(source).__name__}: {error}"
        )
        raise DataError(msg) from error
    except nw.exceptions.DuplicateError as error:
        msg = f"{label} has two columns of one name; keep one of them: {error}"
        raise DataError(msg) from error
    names = _distinct(frame.columns, label)
    if not len(frame):
        msg = f"{label} has no rows; it needs at least one"
        raise DataError(msg)
    columns = {
        lower: Column(place=Place(label, name), series=frame[name]) for lower, name in names.items()
    }
    return Frame(label=label, columns=columns)


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
        if name.lower() in distinct:
            first = distinct[name.lower()]
            msg = f"{label} has the columns {first!r} and {name!r} for one thing; keep one of them"
            raise DataError(msg)
        distinct[name.lower()] = name
    return distinct
