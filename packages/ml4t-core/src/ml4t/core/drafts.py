"""Making frozen values fast, for the few that a backtest makes by the hundred thousand.

A frozen attrs class sets its fields through ``object.__setattr__``, which takes four times as long
as an assignment. A draft is a class with the same fields in the same slots that is not frozen:
whoever makes one assigns every field and then turns it into one of the frozen class. The class's
defaults, converters, validators and ``__attrs_post_init__`` do not exist for it: whoever uses it
answers for the values.
"""

from typing import Any

import attrs

__all__ = ["draft_of"]


def draft_of(cls: type[Any]) -> type[Any]:
    """The draft of a frozen attrs class with slots and without a slot for weak references.

    It has no constructor, since assignments where the values are known take half the time. Assign
    all fields and set ``__class__`` before anybody sees it.

    >>> from ml4t.core.positions import Position
    >>> position = draft_of(Position)()
    >>> position.asset, position.quantity = "SPY", 2.0
    >>> position.average_price, position.multiplier = 100.0, 1.0
    >>> position.__class__ = Position
    >>> position
    Position(asset='SPY', quantity=2.0, average_price=100.0, multiplier=1.0)
    """
    return type(f"{cls.__name__}Draft", (), {"__slots__": [a.name for a in attrs.fields(cls)]})
