"""The range check that every market assumption puts on its numbers."""

import math
from collections.abc import Callable
from typing import Any

import attrs

from ml4t.core.errors import ConfigError

__all__ = ["within"]


def within(
    low: float, high: float = math.inf
) -> Callable[[Any, "attrs.Attribute[float]", float], None]:
    """An attrs validator: the number is at least ``low`` and less than ``high``, never NaN.

    The validator raises:
        ConfigError: the number is outside; names class and field.
    """

    def check(instance: object, attribute: "attrs.Attribute[float]", number: float) -> None:
        if not low <= number < high:
            msg = (
                f"{attribute.name} of {type(instance).__name__} must be at least {low} and below "
                f"{high}, was {number}"
            )
            raise ConfigError(msg)

    return check
