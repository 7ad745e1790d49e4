"""A feed with its future cut off, and one with another future."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray

from ml4t.backtest.data.clock import Clock
from ml4t.backtest.data.contexts import Context
from ml4t.backtest.data.feed import DataFeed
from ml4t.backtest.data.frames import FrameSource
from ml4t.backtest.data.panel import ArrayPanel, last_known
from ml4t.backtest.data.prices import Bars
from ml4t.backtest.data.signals import read_signals
from ml4t.backtest.data.time_axis import TimeAxis
from ml4t.core.bars import PRICE_FIELDS

__all__ = ["altered", "altered_feed", "cut_feed", "with_signals", "without_signals"]

Array = NDArray[np.float64]

_FARTHEST = 1000.0  # a price moves by no more than this factor from the last one known
_FIELDS = (*PRICE_FIELDS, "volume")


def cut_feed(feed: DataFeed, last_row: int) -> DataFeed:
    """The feed up to and including ``last_row``, in memory of its own.

    The universe stays: assets whose first bar is later have none, but are listed.
    """
    stop = last_row + 1
    times = TimeAxis(feed.times.nanoseconds[:stop].copy(), feed.times.zone)
    # Copies: a view would still have the whole array behind it.
    arrays = _each(feed.panel.arrays, lambda array: array[:stop].copy())
    contexts = None if feed.contexts is None else feed.contexts[:stop]
    return _changed(feed, times, arrays, contexts)


def altered_feed(feed: DataFeed, last_row: int, generator: np.random.Generator) -> DataFeed:
    """A copy of the feed in which everything after ``last_row`` is other than it was."""
    arrays = _each(feed.panel.arrays, np.copy)
    tails = _tails(feed.panel.arrays, last_row + 1, generator)
    for array, tail in _pairs(arrays, tails):
        array[last_row + 1 :] = tail
    return _changed(feed, feed.times, arrays, _contexts(feed, last_row, generator))


@contextmanager
def altered(feed: DataFeed, last_row: int, generator: np.random.Generator) -> Iterator[DataFeed]:
    """As :func:`altered_feed`, but for a while in the memory of ``feed`` itself, where it can.

    Whoever peeks through an array that shares this memory, such as the one that the feed was made
    from, sees the other future too. Afterwards everything is as it was, bit by bit.
    """
    arrays = feed.panel.arrays
    owners = {id(array): _chain(array) for array in arrays.values()}
    if any(chain is None for chain in owners.values()):
        yield altered_feed(feed, last_row, generator)
        return
    start = last_row + 1
    tails = _tails(arrays, start, generator)
    chains = [link for chain in owners.values() for link in chain or ()]
    flags = [(link, link.flags.writeable) for link in chains]
    kept = {id(array): array[start:].copy() for array in arrays.values()}
    try:
        _write(chains, arrays, tails, start)
        for link, _ in reversed(flags):
            link.flags.writeable = False
        yield _changed(feed, feed.times, arrays, _contexts(feed, last_row, generator))
    finally:
        _write(chains, arrays, {name: kept[id(array)] for name, array in arrays.items()}, start)
        for link, writeable in reversed(flags):
            link.flags.writeable = writeable


def without_signals(feed: DataFeed) -> DataFeed:
    """The feed with the fields of its bars alone."""
    arrays = {name: array for name, array in feed.panel.arrays.items() if name in _FIELDS}
    return _changed(feed, feed.times, arrays, feed.contexts)


def with_signals(feed: DataFeed, signals: FrameSource, declared: tzinfo | None = None) -> DataFeed:
    """The feed with these signals instead of its own.

    Raises:
        DataError: the signals were refused, as when a feed is made of them.
    """
    arrays = dict(without_signals(feed).panel.arrays)
    bars = Bars(times=feed.times, assets=feed.assets, arrays=dict(arrays))
    # Code that computes signals has them at the instants of the feed.
    arrays.update(read_signals(signals, bars, Clock(zone=declared or feed.times.zone)))
    return _changed(feed, feed.times, arrays, feed.contexts)


def _changed(
    feed: DataFeed,
    times: TimeAxis,
    arrays: Mapping[str, Array],
    contexts: Sequence[Context] | None,
) -> DataFeed:
    changed = copy.copy(feed)
    changed.panel = ArrayPanel(times, feed.assets, arrays)
    changed.times = times
    changed.contexts = contexts
    changed._digest = None  # noqa: SLF001 - a new feed, whose digest nobody computed
    return changed


def _each(arrays: Mapping[str, Array], function: Callable[[Array], Array]) -> dict[str, Array]:
    """The function of each array; columns that shared one array share its result."""
    made = {id(array): function(array) for array in arrays.values()}
    return {name: made[id(array)] for name, array in arrays.items()}


def _pairs(arrays: Mapping[str, Array], tails: Mapping[str, Array]) -> list[tuple[Array, Array]]:
    """Each distinct array with its tail."""
    return list({id(array): (array, tails[name]) for name, array in arrays.items()}.values())


def _chain(array: Array) -> list[Array] | None:
    """The array that owns this memory and the views that lead to ``array``; None where none does.

    A file that is mapped into memory is left alone, since writing there would change the file.
    """
    chain = [array]
    while chain[0].base is not None:
        base = chain[0].base
        if type(base) is not np.ndarray:
            return None
        chain.insert(0, base)
    return chain if chain[0].flags.owndata else None


def _write(
    chains: Sequence[Array], arrays: Mapping[str, Array], tails: Mapping[str, Array], start: int
) -> None:
    for link in chains:
        link.flags.writeable = True
    for array, tail in _pairs(arrays, tails):
        array[start:] = tail


def _tails(
    arrays: Mapping[str, Array], start: int, generator: np.random.Generator
) -> dict[str, Array]:
    """Another future for each column, with bars where there were bars."""
    tails = _prices(arrays, start, generator)
    for name in sorted(arrays.keys() - {*PRICE_FIELDS}):
        old = arrays[name][start:]
        if name == "volume":
            tails[name] = np.round((old + 1) * generator.uniform(0.25, 4.0, old.shape))
        else:
            spread = float(np.nanmax(np.abs(old), initial=0.0)) or 1.0
            noise = generator.normal(0.0, spread, old.shape)
            tails[name] = -old * generator.uniform(0.5, 2.0, old.shape) + noise
    return tails


def _prices(
    arrays: Mapping[str, Array], start: int, generator: np.random.Generator
) -> dict[str, Array]:
    """Prices mirrored at the last one known: what rose falls, by one to three times as much.

    A random change alone would leave the direction of every second move, which is what most
    strategies that look ahead look at.
    """
    close = arrays["close"][start:]
    if not close.size:
        return {name: arrays[name][start:] for name in PRICE_FIELDS}
    mark = last_known(arrays["close"][:start])[-1]
    pivot = np.where(np.isnan(mark), _first_known(close), mark)
    power = generator.uniform(1.0, 3.0, close.shape)
    nudge = np.where(close == pivot, np.exp(generator.normal(0.0, 0.05, close.shape)), 1.0)

    def mirrored(name: str) -> Array:
        ratio = pivot / arrays[name][start:]
        with np.errstate(over="ignore"):
            farther = np.clip(ratio**power, 1 / _FARTHEST, _FARTHEST)
        turned: Array = pivot * farther * nudge
        return turned

    if all(arrays[name] is arrays["close"] for name in PRICE_FIELDS):
        return dict.fromkeys(PRICE_FIELDS, mirrored("close"))
    made = {name: mirrored(name) for name in PRICE_FIELDS}
    every = np.stack(list(made.values()))
    return made | {"high": every.max(axis=0), "low": every.min(axis=0)}


def _first_known(close: Array) -> Array:
    """The first close of each asset; 1 where there is none."""
    firsts = last_known(close[::-1].copy())[-1]
    return np.where(np.isnan(firsts), 1.0, firsts)


def _contexts(
    feed: DataFeed, last_row: int, generator: np.random.Generator
) -> Sequence[Context] | None:
    """The contexts, those after the cut dealt out anew and their numbers changed."""
    if feed.contexts is None:
        return None
    start = last_row + 1
    later = list(feed.contexts[start:])
    dealt = [later[index] for index in generator.permutation(len(later))]
    return (*feed.contexts[:start], *(_other(context, generator) for context in dealt))


def _other(context: Context, generator: np.random.Generator) -> Context:
    return {
        name: value * generator.uniform(-2.0, 2.0) + generator.normal()
        if isinstance(value, float)
        else value
        for name, value in context.items()
    }
