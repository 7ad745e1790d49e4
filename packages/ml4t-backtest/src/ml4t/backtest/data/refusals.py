"""The wording of every refusal of market data."""

import attrs

from ml4t.core.errors import DataError

__all__ = ["Place", "more_rows", "refusal"]


def more_rows(count: int) -> str:
    """What is said of the other rows that have the fault of the one that is named."""
    if count <= 0:
        return ""
    rows = "1 more row has" if count == 1 else f"{count} more rows have"
    return f" ({rows} the same fault)"


def refusal(
    where: str, column: str, expected: str, found: object, remedy: str, more: int = 0
) -> DataError:
    """The error for one value that was refused.

    Args:
        where: the row, and the timestamp and the asset as far as they are known.
        column: the column of the value.
        expected: what would have been accepted, as a continuation of "must be".
        found: the value, or what stands for it.
        remedy: what the reader can do about it.
        more: how many other rows have the same fault.

    >>> raise refusal("row 3 of prices", "close", "positive", -1.0, "remove the row", 2)
    Traceback (most recent call last):
        ...
    ml4t.core.errors.DataError: row 3 of prices: close must be positive, was -1.0; remove the row \
(2 more rows have the same fault)
    """
    text = f"{where}: {column} must be {expected}, was {found}; {remedy}{more_rows(more)}"
    return DataError(text)


@attrs.frozen
class Place:
    """One column of what the caller gave.

    Attributes:
        source: what the caller gave it as: ``prices``, ``signals``, ``context``.
        column: its name as given.
    """

    source: str
    column: str

    def where(self, row: int) -> str:
        """How messages name a row: counted from 0, as given."""
        return f"row {row} of {self.source}"

    def refusal(
        self, row: int, expected: str, found: object, remedy: str, more: int = 0
    ) -> DataError:
        """The error for the value in one row; see :func:`refusal`."""
        return refusal(self.where(row), self.column, expected, found, remedy, more)

    def missing(self, row: int, more: int = 0) -> DataError:
        """The error for a row without a value that it must have."""
        remedy = f"fill it in or remove the row{more_rows(more)}"
        return DataError(f"{self.where(row)}: {self.column} is missing; {remedy}")
