"""Calls from a part to its whole that leave no cycle of references between them."""

from collections.abc import Callable
from typing import Any
from weakref import ref

__all__ = ["weak_call"]


def weak_call(method: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does what a bound method does, by position, without keeping its object alive.

    A venue hands such functions to its parts. With the methods themselves a venue would be a cycle,
    and everything that a run has made would stay until Python looks for cycles, however many runs
    come after it. Whoever keeps a part must keep the whole.

    >>> class Whole:
    ...     def double(self, number):
    ...         return 2 * number
    >>> whole = Whole()
    >>> weak_call(whole.double)(3)
    6
    """
    function, whole = method.__func__, ref(method.__self__)  # type: ignore[attr-defined]

    def call(*arguments: object) -> Any:
        return function(whole(), *arguments)

    return call
