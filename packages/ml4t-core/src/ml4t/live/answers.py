"""Questions to a venue that do not wait for ever."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from ml4t.core.errors import VenueUnavailableError

__all__ = ["answer_to"]

T = TypeVar("T")


async def answer_to(question: Coroutine[object, object, T], patience: float) -> T:
    """What the venue answers.

    Args:
        question: the call of the adapter.
        patience: seconds to wait.

    Raises:
        VenueUnavailableError: it did not answer in time, or could not be asked.
    """
    try:
        return await asyncio.wait_for(question, patience)
    except TimeoutError:
        msg = f"the venue did not answer within {patience:g} s"
        raise VenueUnavailableError(msg) from None
