"""How often Python looks for reference cycles while a backtest runs."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["rare_collections"]

_ALLOCATIONS = 200_000
_GENERATIONS = 50


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect after many more allocations than usual, and as before afterwards.

    A run makes orders and fills that stay, and none of them is part of a cycle: each of the usual
    collections, one in 700 allocations, looks through them for nothing, and those of the older
    generations do so again. Cycles that a strategy makes are still collected while they are young.
    """
    young, middle, old = gc.get_threshold()
    if 0 < young < _ALLOCATIONS:
        gc.set_threshold(_ALLOCATIONS, _GENERATIONS, old)
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)
