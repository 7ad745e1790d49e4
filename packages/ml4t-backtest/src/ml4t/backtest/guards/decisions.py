"""What a strategy decided and what came of it, bar by bar, in a form that can be compared."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.config import BacktestConfig
from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.engine import Engine
from ml4t.core import BrokerProtocol, Fill, MarketSlice, Order, Strategy

__all__ = ["RAISED", "Entry", "Observation", "observe", "unequal"]

RAISED = "the strategy raised"
_NO_TIME = ""


class Entry(NamedTuple):
    """One thing that happened: an order in a new state, a fill, or an error of the strategy.

    Attributes:
        what: such as ``order 3`` or ``fill 1``.
        when: the instant in ISO 8601, empty before the first bar.
        row: the number of the bar, -1 before the first.
        fields: every field by name, those of a nested object with its name before a dot.
    """

    what: str
    when: str
    row: int
    fields: Mapping[str, object]

    @staticmethod
    def of_error(error: Exception, when: str = _NO_TIME, row: int = -1) -> "Entry":
        """That the strategy, or what makes it, raised."""
        return Entry(RAISED, when, row, {"error": f"{type(error).__name__}: {error}"})


@attrs.frozen(kw_only=True, eq=False)
class Observation:
    """All entries of one run, and the signals that it was given.

    Attributes:
        entries: in the order in which they happened.
        signals: arrays of shape (rows, assets) by name; empty where none were computed.
        opened: files of market data that the strategy opened by itself.
    """

    entries: Sequence[Entry]
    signals: Mapping[str, NDArray[np.float64]] = attrs.field(factory=dict)
    opened: Sequence[str] = ()

    def until(self, row: int) -> list[Entry]:
        """What had happened when bar ``row`` was over."""
        return [entry for entry in self.entries if entry.row <= row]


def observe(
    feed: DataFeed, strategy: Strategy, config: BacktestConfig, last_row: int | None = None
) -> list[Entry]:
    """Run a strategy and note what it decides.

    Args:
        feed: the bars.
        strategy: a fresh instance.
        config: account and market.
        last_row: the bar after which nothing is noted and the run ends; the last one if left out.

    Returns:
        The entries. If the strategy raises, the last one is that error.
    """
    recorder = _Recorder(feed, strategy, last_row)
    try:
        Engine(feed, recorder, config).run()
    except _OverError:
        pass
    except Exception as error:  # noqa: BLE001 - whatever a strategy raises is what it did
        if not recorder.is_over:
            recorder.note_error(error)
    return recorder.entries


class _OverError(Exception):
    """Ends a run whose last interesting bar is over."""


class _Recorder(Strategy):
    """Stands between the engine and a strategy, and writes down what passes."""

    def __init__(self, feed: DataFeed, inner: Strategy, last_row: int | None) -> None:
        self.entries: list[Entry] = []
        self.is_over = False
        self._inner = inner
        self._times = feed.times
        self._last = len(feed) - 1 if last_row is None else last_row
        self._whole = last_row is None
        self._row = -1

    def on_start(self, broker: BrokerProtocol) -> None:
        self._inner.on_start(broker)

    def on_data(
        self,
        timestamp: datetime,
        data: MarketSlice,
        context: Mapping[str, object],
        broker: BrokerProtocol,
    ) -> None:
        if self.is_over:
            raise _OverError
        self._row = data.row
        self._inner.on_data(timestamp, data, context, broker)
        # What is told after this bar is answered at the next one, which is past the end.
        self.is_over = not self._whole and data.row >= self._last

    def on_order(self, order: Order, broker: BrokerProtocol) -> None:
        self._note(f"order {order.id}", order.updated_at, order)
        if not self.is_over:
            self._inner.on_order(order, broker)

    def on_fill(self, fill: Fill, broker: BrokerProtocol) -> None:
        self._note(f"fill {fill.id}", fill.timestamp, fill)
        if not self.is_over:
            self._inner.on_fill(fill, broker)

    def on_end(self, broker: BrokerProtocol) -> None:
        # A run that was cut off has not ended: its strategy must not tidy up.
        if self._whole:
            self._inner.on_end(broker)

    def note_error(self, error: Exception) -> None:
        when = self._times[self._row].isoformat() if self._row >= 0 else _NO_TIME
        self.entries.append(Entry.of_error(error, when, self._row))

    def _note(self, what: str, when: datetime | None, event: Order | Fill) -> None:
        row = -1 if when is None else self._row_of(when)
        if row <= self._last:
            text = _NO_TIME if when is None else when.isoformat()
            self.entries.append(Entry(what, text, row, dict(_flat(event))))

    def _row_of(self, when: datetime) -> int:
        # Nearly always one of the last two: an event is told at its own bar or at the next.
        for row in (self._row, self._row + 1):
            if 0 <= row < len(self._times) and self._times[row] == when:
                return row
        instant = np.array([round(when.timestamp() * 1e6) * 1000])
        return int(self._times.locate(instant)[0])


def _flat(event: attrs.AttrsInstance, prefix: str = "") -> Iterator[tuple[str, object]]:
    """The fields of an attrs object as plain values, with those of nested ones."""
    for field in attrs.fields(type(event)):
        value = getattr(event, field.name)
        name = prefix + field.name
        if attrs.has(type(value)):
            yield from _flat(value, f"{name}.")
        elif isinstance(value, Enum):
            yield name, value.value
        elif isinstance(value, date):
            yield name, value.isoformat()
        elif value is None or isinstance(value, bool | int | float | str):
            yield name, value
        else:
            yield name, repr(value)


def unequal(one: Entry | None, other: Entry | None) -> str | None:
    """The first field in which two entries differ; "" where they are not the same thing at all.

    Numbers count by their exact value.
    """
    if one is None or other is None or one[:2] != other[:2]:
        return None if one is other else ""
    names = [*one.fields, *(name for name in other.fields if name not in one.fields)]
    for name in names:
        if repr(one.fields.get(name)) != repr(other.fields.get(name)):
            return name
    return None
