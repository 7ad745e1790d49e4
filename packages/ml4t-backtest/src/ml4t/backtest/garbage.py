"""How often Python looks for reference cycles while a backtest runs."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["rare_collections"]

_ALLOCATIONS = 200_000
_MOST_ALLOCATIONS = 3_200_000
_GENERATIONS = 50
_WORTH_IT = 0.1  # the share of the allocations that a collection must free not to become rarer


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect after many more allocations than usual, and as before afterwards.

    A run makes orders and fills that stay, and none of them is part of a cycle: each of the usual
    collections, one in 700 allocations, looks through them for nothing, and those of the older
    generations do so again. Cycles that a strategy makes are still collected while they are young.
    A collection that finds hardly any is followed by half as many.
    """
    young, middle, old = gc.get_threshold()
    if not 0 < young < _ALLOCATIONS:
        yield
        return
    gc.set_threshold(_ALLOCATIONS, _GENERATIONS, old)
    gc.callbacks.append(_become_rarer)
    try:
        yield
    finally:
        gc.callbacks.remove(_become_rarer)
        gc.set_threshold(young, middle, old)


def _become_rarer(phase: str, info: Mapping[str, int]) -> None:
    allocations, middle, old = gc.get_threshold()
    if phase == "stop" and info["collected"] < _WORTH_IT * allocations:
        gc.set_threshold(min(2 * allocations, _MOST_ALLOCATIONS), middle, old)
