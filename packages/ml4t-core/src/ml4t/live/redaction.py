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


def without_secrets(event: JournalEvent, redact: Redact) -> JournalEvent:
    """The event with its free text masked.

    >>> from ml4t.live.secrets import Redactor
    >>> without_secrets(Alert(kind="venue", message="401 for token=abc"), Redactor()).message
    '401 for token=***'
    """
    match event:
        case OrderChanged(order=order) if order.reason:
            return attrs.evolve(event, order=attrs.evolve(order, reason=redact(order.reason)))
        case Alert():
            return attrs.evolve(event, message=redact(event.message))
        case CauseCleared():
            return attrs.evolve(event, evidence=redact(event.evidence))
        case CauseRaised() | EngineStopped() | FillBusted() | OrderDenied():
            return attrs.evolve(event, reason=redact(event.reason))
    return event
