"""Does a strategy, or a signal, know what it could not have known yet?

A decision at an instant must not depend on what comes later. So a run is repeated with the future
cut off after some bar, and with another future, and everything up to that bar must come out the
same: every order in every state, and every fill, in every field.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Literal, Protocol, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.config import BacktestConfig
from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.data.frames import FrameSource
from ml4t.backtest.data.time_axis import TimeAxis
from ml4t.backtest.guards.cutting import altered, cut_feed, with_signals, without_signals
from ml4t.backtest.guards.decisions import RAISED, Entry, Observation, observe, unequal
from ml4t.core import InvalidValueError, Strategy, StrategyError

__all__ = [
    "Features",
    "LookaheadDifference",
    "LookaheadReport",
    "Variant",
    "check_lookahead",
    "examine",
    "observe_variant",
]

Test: TypeAlias = Literal["whole", "repeat", "cut", "altered", "opened"]
Features: TypeAlias = Callable[[DataFeed], FrameSource]
Maker: TypeAlias = type[Strategy] | Callable[[DataFeed], Strategy]

_DEFAULT_CUTS = 10
_DONE = {
    "repeat": "the same run once more",
    "cut": "the future cut off",
    "altered": "another future",
    "opened": "the data opened by the strategy itself",
}


@attrs.frozen
class Variant:
    """One run of the check: which test, and the last row before the future for ``cut``/``altered``.

    A seed of its own for each row makes the other future the same in every process.
    """

    test: Test
    last_row: int | None = None
    seed: int = 0

    @property
    def generator(self) -> np.random.Generator:
        """The source of the other future."""
        return np.random.default_rng([self.seed, self.last_row or 0])


class Observer(Protocol):
    """Makes one run of the check."""

    def __call__(self, variant: Variant) -> Observation:
        """What the run decided."""


@attrs.frozen(kw_only=True)
class LookaheadDifference:
    """The first thing that came out differently in one run of the check.

    Attributes:
        test: what was done: ``repeat`` nothing, the strategy just does not repeat itself; ``cut``
            the future was cut off; ``altered`` it was another one; ``opened`` the strategy opened a
            file of the run's data by itself, so that no cut reaches it.
        cut: the last instant that was left as it was, in ISO 8601; empty for the other two tests.
        what: the order, fill or signal, such as ``order 3``.
        when: its instant in ISO 8601; empty before the first bar.
        field: the field that differs; empty where the whole thing is there only once.
        known: the value in the run over all data, or the thing itself in words.
        other: the same in the other run.
    """

    test: Test
    cut: str = ""
    what: str = ""
    when: str = ""
    field: str = ""
    known: object = None
    other: object = None

    def __str__(self) -> str:
        if self.test == "opened":
            return (
                f"the strategy opened {self.what} by itself. That file holds the whole future, and "
                "no cut reaches it there: take prices from `data`, or name the file relative to "
                "the current folder"
            )
        where = f" after {self.cut}" if self.cut else ""
        subject = f"{self.field} of {self.what}" if self.field else self.what
        instant = f" at {self.when}" if self.when else ""
        shown = str if not self.field else repr
        return (
            f"with {_DONE[self.test]}{where}, {subject}{instant} is {shown(self.other)}, and "
            f"{shown(self.known)} over all data"
        )


@attrs.frozen(kw_only=True)
class LookaheadReport:
    """What a check for look-ahead found.

    Attributes:
        cuts: the instants after which the future was cut off and altered, in ISO 8601.
        compared: how many orders in one of their states, and fills, the run over all data has.
        differences: what differs at the earliest cut where anything does; empty if nothing does.
        notes: what a reader must know about the check itself.
    """

    cuts: Sequence[str]
    compared: int
    differences: Sequence[LookaheadDifference] = ()
    notes: Sequence[str] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.differences

    def __str__(self) -> str:
        lines = [f"look-ahead: {difference}" for difference in self.differences]
        if any(difference.test == "repeat" for difference in self.differences):
            lines = [f"not repeatable: {difference}" for difference in self.differences]
        if self.is_clean:
            lines = [
                f"no look-ahead found: {self.compared} changes of orders and fills, "
                f"{len(self.cuts)} cuts, each with the future cut off and with another one"
            ]
        return "\n".join([*lines, *(f"! {note}" for note in self.notes)])


def check_lookahead(  # noqa: PLR0913 - one parameter for each thing that a run or the check has
    feed: DataFeed,
    make_strategy: Maker,
    config: BacktestConfig | None = None,
    *,
    cuts: int | Sequence[int] = _DEFAULT_CUTS,
    seed: int = 0,
    features: Features | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> LookaheadReport:
    """Rerun a strategy with the future cut off and altered, and compare what it decides.

    For the time of a run the future is altered in the memory of the feed itself, where that memory
    may be written: a strategy that peeks through the array which the feed was made from is caught
    too. A strategy that reads a copy of its own, made before this call, is not: make that copy in
    ``make_strategy`` or ``features``, out of the feed that these are given.

    Args:
        feed: all the data.
        make_strategy: a class, which is made without arguments, or a function that makes a fresh
            strategy of the feed that a run is given. Whatever the function computes out of that
            feed is checked as well.
        config: account and market, as for :class:`~ml4t.backtest.Engine`.
        cuts: how many bars to cut after, or the rows of these bars, counted from 0. Half of the
            number are bars at which orders were submitted, half are spread over the run.
        seed: of the generator that makes the other futures.
        features: computes signals, in a frame as :class:`~ml4t.backtest.DataFeed` takes it, out of
            the feed without signals; checked by itself, before the strategy.
        progress: called with the number of runs done and the number of all.

    Raises:
        InvalidValueError: ``cuts`` is not positive, or a row has nothing after it.
        StrategyError: the strategy raises already in the run over all data.

    >>> import numpy as np
    >>> from ml4t.backtest import DataFeed, Strategy
    >>> class Peek(Strategy):
    ...     def __init__(self, feed):
    ...         self.closes = feed.panel.arrays["close"][:, 0]
    ...     def on_data(self, timestamp, data, context, broker):
    ...         if data.row < len(self.closes) - 1 and self.closes[data.row + 1] > data.close[0]:
    ...             broker.submit_order("SPY", 1)
    >>> days = np.datetime64("2024-01-02T21:00", "us") + np.arange(9) * np.timedelta64(1, "D")
    >>> closes = np.array([[5.0], [6], [5], [7], [6], [8], [7], [9], [8]])
    >>> feed = DataFeed.from_arrays(days, ["SPY"], {"close": closes})
    >>> check_lookahead(feed, lambda feed: Peek(feed)).is_clean
    False
    """
    settings = config or BacktestConfig()
    whole = feed

    def run(variant: Variant) -> Observation:
        return observe_variant(whole, make_strategy, settings, variant, features)

    return examine(run, feed.times, cuts, seed, progress)


def observe_variant(
    feed: DataFeed,
    make_strategy: Maker,
    config: BacktestConfig,
    variant: Variant,
    features: Features | None = None,
) -> Observation:
    """One run of the check over what the variant leaves of the feed."""
    if variant.last_row is None:
        return _observe(feed, make_strategy, config, None, features)
    if variant.test == "cut":
        part = cut_feed(feed, variant.last_row)
        return _observe(part, make_strategy, config, variant.last_row, features)
    with altered(feed, variant.last_row, variant.generator) as other:
        return _observe(other, make_strategy, config, variant.last_row, features)


def _observe(
    feed: DataFeed,
    make_strategy: Maker,
    config: BacktestConfig,
    last_row: int | None,
    features: Features | None,
) -> Observation:
    signals: dict[str, NDArray[np.float64]] = {}
    if features is not None:
        plain = without_signals(feed)
        try:
            feed = with_signals(plain, features(plain))
        except Exception as error:  # noqa: BLE001 - whatever it raises is what it did
            return Observation(entries=[Entry.of_error(error)])
        stop = len(feed) if last_row is None else last_row + 1
        names = sorted(feed.panel.arrays.keys() - plain.panel.arrays.keys())
        signals = {name: feed.panel.arrays[name][:stop].copy() for name in names}
    try:
        made = make_strategy() if isinstance(make_strategy, type) else make_strategy(feed)
    except Exception as error:  # noqa: BLE001 - as above
        return Observation(entries=[Entry.of_error(error)], signals=signals)
    return Observation(entries=observe(feed, made, config, last_row), signals=signals)


def examine(
    run: Observer,
    times: TimeAxis,
    cuts: int | Sequence[int],
    seed: int,
    progress: Callable[[int, int], object] | None = None,
) -> LookaheadReport:
    """Make the runs one after the other and compare them; stops at the first cut that differs.

    Args:
        run: makes one of them.
        times: the instants of all data.
        cuts: as for :func:`check_lookahead`.
        seed: likewise.
        progress: likewise.

    Raises:
        InvalidValueError: as :func:`check_lookahead`.
        StrategyError: likewise.
    """
    _require(cuts, len(times))
    tell = progress or (lambda _done, _all: None)
    whole = run(Variant("whole"))
    if whole.entries and whole.entries[-1].what == RAISED:
        last = whole.entries[-1]
        at = f" at {last.when}" if last.when else ""
        msg = f"the strategy cannot be checked, it raised{at}: {last.fields['error']}"
        raise StrategyError(msg)
    found = [LookaheadDifference(test="opened", what=path) for path in whole.opened]
    rows = _chosen(whole.entries, len(times), cuts) if isinstance(cuts, int) else sorted({*cuts})
    total = 2 + 2 * len(rows)
    tell(1, total)
    if not found:
        found = list(_compared(whole, run(Variant("repeat")), Variant("repeat"), times))
    tell(2, total)
    done = []
    for number, row in enumerate(rows):
        if found:
            break
        done.append(times[row].isoformat())
        for step, test in enumerate(("cut", "altered")):
            variant = Variant(test, row, seed)  # type: ignore[arg-type]
            found += _compared(whole, run(variant), variant, times)
            tell(3 + 2 * number + step, total)
    return LookaheadReport(
        cuts=done, compared=len(whole.entries), differences=found, notes=_notes(whole, rows)
    )


def _require(cuts: int | Sequence[int], bars: int) -> None:
    if isinstance(cuts, int):
        if cuts < 1:
            msg = f"cuts must be at least 1, was {cuts}"
            raise InvalidValueError(msg)
        return
    for row in cuts:
        if not 0 <= row < bars - 1:
            msg = f"a cut must leave a bar after it: a row from 0 to {bars - 2}, was {row}"
            raise InvalidValueError(msg)


def _notes(whole: Observation, rows: Sequence[int]) -> list[str]:
    notes = []
    if not rows:
        notes.append("There is one bar only, and no future to cut off.")
    if not whole.entries:
        notes.append("The strategy submitted no order, so there was nothing to compare.")
    return notes


def _chosen(entries: Sequence[Entry], bars: int, count: int) -> list[int]:
    """Rows to cut after: some at which orders were submitted, and some spread over the run."""
    last = bars - 2
    if count > last:
        return list(range(last + 1))
    busy = sorted({entry.row for entry in entries if 0 <= entry.row <= last})
    of_busy = _spread(busy, (count + 1) // 2)
    others = [row for row in range(last + 1) if row not in {*of_busy}]
    return sorted([*of_busy, *_spread(others, count - len(of_busy))])


def _spread(rows: Sequence[int], count: int) -> list[int]:
    """``count`` of the rows, evenly spread, or all if there are fewer."""
    if len(rows) <= count:
        return list(rows)
    return [rows[(2 * place + 1) * len(rows) // (2 * count)] for place in range(count)]


def _compared(
    whole: Observation, other: Observation, variant: Variant, times: TimeAxis
) -> Iterator[LookaheadDifference]:
    """The first difference up to the cut, if there is one."""
    row = len(times) - 1 if variant.last_row is None else variant.last_row
    cut = "" if variant.last_row is None else times[row].isoformat()
    strange = _signal_difference(whole.signals, other.signals, row)
    if strange is not None:
        name, at, known, found = strange
        yield LookaheadDifference(
            test=variant.test,
            cut=cut,
            what=f"signal {name!r}",
            when=times[at].isoformat(),
            field="the value",
            known=known,
            other=found,
        )
        return
    for known_entry, entry in zip_longest(whole.until(row), other.until(row)):
        field = unequal(known_entry, entry)
        if field is None:
            continue
        there = known_entry or entry
        assert there is not None  # noqa: S101 - one of the two is
        if field and known_entry and entry:
            values = known_entry.fields.get(field), entry.fields.get(field)
        else:
            there = min(filter(None, (known_entry, entry)), key=lambda one: one.row)
            values = _told(known_entry), _told(entry)
        yield LookaheadDifference(
            test=variant.test,
            cut=cut,
            what=there.what if field else "the next thing to happen",
            when=there.when,
            field=field,
            known=values[0],
            other=values[1],
        )
        return


def _signal_difference(
    known: Mapping[str, NDArray[np.float64]], other: Mapping[str, NDArray[np.float64]], row: int
) -> tuple[str, int, object, object] | None:
    """The earliest row up to ``row`` in which a signal differs: name, row, and both values."""
    found = []
    for name in known.keys() & other.keys():
        one, two = known[name][: row + 1], other[name][: row + 1]
        wrong = np.argwhere((one != two) & ~(np.isnan(one) & np.isnan(two)))
        if len(wrong):
            at, asset = wrong[0].tolist()
            found.append((name, at, float(one[at, asset]), float(two[at, asset])))
    return min(found, key=lambda each: (each[1], each[0]), default=None)


def _told(entry: Entry | None) -> str:
    """An entry in words."""
    if entry is None:
        return "nothing"
    fields = {name.removeprefix("request."): value for name, value in entry.fields.items()}
    if "error" in fields:
        return f"{fields['error']}, raised by the strategy"
    names = ("side", "quantity", "asset", "order_type", "price", "status")
    words = " ".join(str(fields[name]) for name in names if fields.get(name) is not None)
    return f"{entry.what} ({words}) at {entry.when or 'the start'}"
