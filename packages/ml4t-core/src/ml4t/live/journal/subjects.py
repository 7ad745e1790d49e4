"""What an event is about, for a person who looks for all that happened to an order."""

from collections.abc import Callable
from typing import Any

from ml4t.live import events
from ml4t.live.events import JournalEvent

__all__ = ["subject_of"]

_SUBJECTS: dict[type[JournalEvent], Callable[[Any], str]] = {
    events.IntentRecorded: lambda event: event.orders[0].id if event.orders else "",
    events.OrderDenied: lambda event: event.instead_of or event.request.asset,
    events.OrderChanged: lambda event: event.order.id,
    events.FillBooked: lambda event: event.fill.id,
    events.FillBusted: lambda event: event.fill_id,
    events.FeeBooked: lambda event: event.fill_id,
    events.CashFlowBooked: lambda event: event.flow.id,
    events.CancelRequested: lambda event: event.order_id,
    events.ReplaceRequested: lambda event: event.order_id,
    events.CauseRaised: lambda event: event.name,
    events.CauseCleared: lambda event: event.name,
    events.DifferenceFound: lambda event: event.subject,
}


def subject_of(event: JournalEvent) -> str:
    """The order, execution, money flow, cause or symbol that an event is about; "" for none."""
    subject = _SUBJECTS.get(type(event))
    return "" if subject is None else subject(event)
