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
        self.kept: list[object] = []


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


def test_what_run_after_run_leaves_behind_is_freed() -> None:
    """As in a sweep over parameters: a venue is a cycle of as many objects as it had orders."""
    traces: list[ref[Cycle]] = []
    for _ in range(12):
        with rare_collections():
            run = Cycle()
            run.kept = make(150_000)
            traces.append(ref(run))
        del run
        make(20_000)  # what a caller does with the result

    assert sum(trace() is not None for trace in traces) <= 4
