"""Reference cycles are looked for rarely during a run, and as before afterwards."""

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from ml4t.backtest.garbage import rare_collections


@pytest.fixture(autouse=True)
def usual_collections() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


class Cycle:
    """An object that only a collection frees."""

    def __init__(self) -> None:
        self.me = self


def make(count: int) -> list[object]:
    """Objects that stay, each of which a collection must look at."""
    return [[number] for number in range(count)]


def test_afterwards_all_is_as_it_was() -> None:
    callbacks = list(gc.callbacks)

    with rare_collections():
        assert gc.get_threshold() == (200_000, 50, 10)
    with pytest.raises(ZeroDivisionError), rare_collections():
        raise ZeroDivisionError

    assert gc.get_threshold() == (700, 10, 10)
    assert gc.callbacks == callbacks


def test_what_was_set_to_be_rarer_or_never_stays_so() -> None:
    for threshold in ((0, 10, 10), (1_000_000, 5, 5)):
        gc.set_threshold(*threshold)
        with rare_collections():
            assert gc.get_threshold() == threshold
        assert gc.get_threshold() == threshold


def test_collections_that_find_nothing_become_rarer() -> None:
    gc.collect()
    with rare_collections():
        kept = make(250_000)
        assert gc.get_threshold()[0] == 400_000
        kept += make(450_000)
        assert gc.get_threshold()[0] == 800_000
    assert len(kept) == 700_000


def test_collections_that_find_cycles_do_not() -> None:
    gc.collect()
    with rare_collections():
        for _ in range(450_000):
            Cycle()
        assert gc.get_threshold()[0] == 200_000


def test_cycles_of_a_run_are_found_by_a_full_collection_later() -> None:
    with rare_collections():
        cycle = Cycle()
        trace = ref(cycle)
        del cycle
    assert trace() is not None
    gc.collect()
    assert trace() is None


def test_what_somebody_froze_stays_frozen() -> None:
    gc.collect()
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with rare_collections():
            make(10)
        assert gc.get_freeze_count() == frozen
    finally:
        gc.unfreeze()
