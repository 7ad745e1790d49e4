"""Events of the journal without secrets, since the texts of vendors' errors may hold some."""

from collections.abc import Callable
from typing import TypeAlias

import attrs

from ml4t.live.events import (
    Alert,
    CauseCleared,
    CauseRaised,
    EngineStopped,
    FillBusted,
    JournalEvent,
    OrderChanged,
    OrderDenied,
)

__all__ = ["Redact", "without_secrets"]

Redact: TypeAlias = Callable[[str], str]
"""Masks secrets in a text."""

_TEXTS: dict[type[JournalEvent], str] = {
    Alert: "message",
    CauseCleared: "evidence",
    CauseRaised: "reason",
    EngineStopped: "reason",
    FillBusted: "reason",
    OrderDenied: "reason",
}


def without_secrets(event: JournalEvent, redact: Redact) -> JournalEvent:
    """The event with its free text masked; the same object where nothing was.

    >>> from ml4t.live.secrets import Redactor
    >>> without_secrets(Alert(kind="venue", message="401 for token=abc"), Redactor()).message
    '401 for token=***'
    """
    if isinstance(event, OrderChanged):
        order = event.order
        if not order.reason or (reason := redact(order.reason)) == order.reason:
            return event
        return attrs.evolve(event, order=attrs.evolve(order, reason=reason))
    field = _TEXTS.get(type(event))
    if field is None:
        return event
    before: str = getattr(event, field)
    after = redact(before) if before else before
    return event if after == before else attrs.evolve(event, **{field: after})
