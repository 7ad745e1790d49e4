"""Making frozen values fast, for the few that a backtest makes by the hundred thousand.

A frozen attrs class sets its fields through ``object.__setattr__``, which takes four times as long
as an assignment. A draft is a class with the same fields in the same slots that is not frozen: its
instance is made with assignments and then becomes one of the frozen class. The draft's converters,
validators and ``__attrs_post_init__`` do not exist: whoever uses it answers for the values.
"""

from collections.abc import Callable
from typing import TypeVar

import attrs

__all__ = ["draft_of"]

T = TypeVar("T")


def draft_of(cls: type[T]) -> Callable[..., T]:
    """The draft of a frozen attrs class with slots and without a slot for weak references.

    It takes the fields by position. Set ``__class__`` of what it makes before anybody sees it.

    >>> from ml4t.core.positions import Position
    >>> position = draft_of(Position)("SPY", 2.0, 100.0, 1.0)
    >>> position.__class__ = Position
    >>> position
    Position(asset='SPY', quantity=2.0, average_price=100.0, multiplier=1.0)
    """
    fields = {field.name: attrs.field() for field in attrs.fields(cls)}  # type: ignore[arg-type]
    made: Callable[..., T] = attrs.make_class(
        f"{cls.__name__}Draft", fields, slots=True, eq=False, weakref_slot=False
    )
    return made
